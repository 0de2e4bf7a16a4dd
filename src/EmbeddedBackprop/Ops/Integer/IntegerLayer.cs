using System.Runtime.InteropServices;
using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Integers;
using EmbeddedBackprop.Kernels.Scalar;

namespace EmbeddedBackprop.Ops.Integer;

/// <summary>
/// A layer with weights on integers: a = b + sum of (q_x - z_x) w; y = R(a; m, s) and a clamp, or the table of an activation at R(a; m, s).
/// </summary>
/// <remarks>
/// Parameters are those of the float layer; NAME.weight_scale (a scale an output) and NAME.table_range (scale and zero point of z) are state. The sum
/// is taken by the float layer's own kernel, whose order does not matter below 2^24. Where a sum could reach 2^24, weights are taken apart into
/// digits of fewer bits and 16-bit inputs into two bytes, and the parts are added in 32 bits.
/// </remarks>
internal abstract partial class IntegerLayer : IntegerActivated
{
    /// <summary>The most products of bytes that one sum may have: 33,000 times 255 times 127, and a bias of 2^30, are below 2^31.</summary>
    public const int MostTerms = 33_000;

    // Bits of the digits that weights are taken apart into: the first that keeps all sums exact is used. 8: the weight itself.
    private static ReadOnlySpan<int> DigitBits => [8, 4, 2, 1];

    private protected IntegerLayer(Op layer, int bits, Activation? activation, IntegerValue? tied)
        : base(bits, activation, tied) => Layer = layer;

    /// <summary>The float layer, without activation: its sizes, its parameters and its kernel.</summary>
    public Op Layer { get; }

    /// <inheritdoc/>
    public override string Kind => Layer.Kind;

    /// <inheritdoc/>
    public override string Settings => Layer.Settings;

    /// <inheritdoc/>
    public override long MultiplyAdds => Layer.MultiplyAdds;

    /// <summary>Outputs that have a weight scale: columns of a dense layer, filters of a convolution.</summary>
    public abstract int Outputs { get; }

    /// <summary>Which output an element of the weights belongs to.</summary>
    public abstract WeightAxis Axis(Layout layout);

    /// <inheritdoc/>
    public override StoredIntegers? Stored(int parameter) =>
        parameter == 0 ? new(8, Axis(Layout.Compact), ScaleState) : new(32, new WeightAxis(1, 1, Outputs, 1), ScaleState, Input: 0);

    /// <summary>The index of NAME.weight_scale among the op's state.</summary>
    public int ScaleState => OwnsRange ? 1 : 0;

    /// <inheritdoc/>
    public override int TableState => ScaleState + 1;

    /// <inheritdoc/>
    public override Shape InferShape(string name, ReadOnlySpan<Node> inputs)
    {
        Layer.Name = name;
        Shape shape = Layer.InferShape(name, inputs);
        int terms = Axis(Layout.Compact).Terms;
        if (terms > MostTerms)
        {
            OpErrors.TooManyTerms(name, terms);
        }

        return shape;
    }

    /// <inheritdoc/>
    public override void DescribeParameters(ParameterLayout layout)
    {
        Layer.Name = Name;
        Layer.DescribeParameters(layout);
    }

    private protected override void DescribeOwnState(StateLayout layout) => layout.Add(Name + ".weight_scale", Outputs, 1f);

    /// <inheritdoc/>
    public override int ScratchLength(int batch, Layout layout)
    {
        WeightAxis axis = Axis(layout);
        return MadeLength(layout) + (MayBeLarge(axis) ? axis.Count + WideLength(batch, layout) : 0);
    }

    /// <summary>The layer's integers.</summary>
    internal override int MadeLength(Layout layout) => LayerIntegers.Length(Axis(layout));

    /// <summary>Floats of one sample's input and output, with padding.</summary>
    private protected abstract (int Input, int Output) Strides(Layout layout);

    /// <summary>z = x w, sums without a bias, for weights that are float integers.</summary>
    private protected abstract void Sums(Arithmetic arithmetic, in Matrix<float> x, Span<float> w, in Matrix<float> z);

    /// <summary>The same in integers: the definition.</summary>
    private protected abstract void Sums(ReadOnlySpan<int> x, ReadOnlySpan<int> w, Span<int> z);

    /// <summary>Whether neighbours in a row of z belong to different outputs (dense), or a run of positions to one (convolution).</summary>
    private protected abstract bool OutputsAreColumns { get; }

    /// <summary>Bits of the inputs.</summary>
    private protected int InputBits { get; private set; }

    /// <summary>Inputs are 16 bits wide.</summary>
    private bool IsWide => InputBits == 16;


    /// <inheritdoc/>
    internal override IntegerValue? IntegersOf(string name, ReadOnlySpan<Node> inputs)
    {
        RequireIntegers(name, inputs);
        InputBits = inputs[0].Integers!.Bits;
        return Result;
    }

    /// <inheritdoc/>
    public override void Forward(in OpContext<float> c)
    {
        Matrix<float> x = c.InputRows(0), z = c.OutputRows;
        WeightAxis axis = Axis(c.Layout);
        bool isMade = c.Made(LayerIntegers.Length(axis), out Span<float> made, out Span<float> rest);
        LayerIntegers integers = new(axis, MemoryMarshal.Cast<float, int>(made));
        if (!isMade)
        {
            integers.MakeByLanes(
                c.Arithmetic, Activation, c.Parameter(0), c.Parameter(1)[..Outputs], c.State(ScaleState), c.InputType(0), c.OutputType,
                End(in c).Entries);
        }

        int bits = BitsOfDigits(in integers, IsWide ? 256 : c.InputType(0).LargestCentred);
        if (bits == 8 && !IsWide)
        {
            Sums(c.Arithmetic, x, integers.Floats, z);
            Finish(in c, in integers, z);
            return;
        }

        Span<float> w = rest[..axis.Count], wide = rest[axis.Count..];
        (int inputStride, int outputStride) = Strides(c.Layout);
        Span<int> total = MemoryMarshal.Cast<float, int>(wide[..(c.Batch * outputStride)]);
        Span<float> part = IsWide ? wide.Slice(c.Batch * outputStride, c.Batch * inputStride) : [];
        total.Clear();
        for (int half = 0; half < (IsWide ? 2 : 1); half++)
        {
            Matrix<float> digits = IsWide ? Half(x, part, high: half == 0) : x;
            for (int shift = 0; shift < 8; shift += bits)
            {
                Digit(integers.Floats, shift, bits, w);
                Sums(c.Arithmetic, digits, w, z);
                Requantize.AddTo(z.Values[..total.Length], (half == 0 && IsWide ? 256 : 1) << shift, total);
            }
        }

        Finish(in c, in integers, total, z);
    }

    /// <inheritdoc/>
    public override void ForwardScalar(in OpContext<float> c) => Twin(in c);

    /// <inheritdoc/>
    public override void ForwardScalar(in OpContext<double> c) => Twin(in c);

    /// <summary>Digits of so many bits keep every partial sum below 2^24, where inputs are at most the given magnitude.</summary>
    internal static int BitsOfDigits(in LayerIntegers integers, int largest)
    {
        foreach (int bits in DigitBits)
        {
            long magnitude = bits == 8 ? integers.LargestMagnitude : (long)integers.Axis.Terms * ((1 << bits) - 1);
            if (magnitude * largest < Exact)
            {
                return bits;
            }
        }

        // 33,000 products of single bits and bytes are below 2^24.
        return 1;
    }

    /// <summary>The digits at a shift: the last one keeps the sign.</summary>
    internal static void Digit(ReadOnlySpan<float> weights, int shift, int bits, Span<float> digits) =>
        Digits.Take(weights, shift, shift + bits >= 8 ? -1 : (1 << bits) - 1, digits);

    /// <summary>v = 256 high + low, 0 &lt;= low &lt; 256.</summary>
    private static Matrix<float> Half(in Matrix<float> x, Span<float> part, bool high)
    {
        for (int row = 0; row < x.Rows; row++)
        {
            ReadOnlySpan<float> from = x.Row(row);
            Span<float> to = part.Slice(row * x.Stride, x.Stride);
            to[from.Length..].Clear();
            Digits.Take(from, high ? 8 : 0, high ? -1 : 255, to[..from.Length]);
        }

        return new Matrix<float>(part, x.Rows, x.Columns, x.Stride, x.Width);
    }

    /// <summary>Sums in floats to the integers of the output.</summary>
    private void Finish(in OpContext<float> c, in LayerIntegers integers, Matrix<float> z)
    {
        IntegerEnd end = Open(in c, out Matrix<float> r);
        if (OutputsAreColumns)
        {
            Requantize.Columns(z, integers.Bias, integers.M, integers.Shift, end.Lowest, end.Highest, r);
        }
        else
        {
            int positions = z.Columns / Outputs;
            for (int row = 0; row < z.Rows; row++)
            {
                for (int output = 0; output < Outputs; output++)
                {
                    Span<float> run = z.Row(row).Slice(output * positions, positions), rounded = r.Row(row).Slice(output * positions, positions);
                    Requantize.Run(run, integers.Bias[output], new(integers.M[output], integers.Shift[output]), end.Lowest, end.Highest, rounded);
                }
            }
        }

        LookUp(in c, in integers, in end, in z);
    }

    /// <summary>Sums in 32 bits to the integers of the output.</summary>
    private void Finish(in OpContext<float> c, in LayerIntegers integers, Span<int> total, Matrix<float> z)
    {
        IntegerEnd end = Open(in c, out Matrix<float> r);
        if (OutputsAreColumns)
        {
            Requantize.Columns(
                new Matrix<int>(total, z.Rows, z.Columns, z.Stride), integers.Bias, integers.M, integers.Shift, end.Lowest, end.Highest, r);
        }
        else
        {
            int positions = z.Columns / Outputs;
            for (int row = 0; row < z.Rows; row++)
            {
                for (int output = 0; output < Outputs; output++)
                {
                    Requantize.Run(
                        total.Slice((row * z.Stride) + (output * positions), positions), integers.Bias[output],
                        new(integers.M[output], integers.Shift[output]), end.Lowest, end.Highest, r.Row(row).Slice(output * positions, positions));
                }
            }
        }

        LookUp(in c, in integers, in end, in z);
    }

    private void LookUp(in OpContext<float> c, in LayerIntegers integers, in IntegerEnd end, in Matrix<float> z)
    {
        Clamp(in c);
        if (HasTable)
        {
            IntegerActivation.LookUp(integers.Table, end.Index, z, z);
        }
    }

    /// <summary>The definition: sums in 32 bits, one rounding.</summary>
    private void Twin<T>(in OpContext<T> c) where T : unmanaged, System.Numerics.IBinaryFloatingPointIeee754<T>
    {
        Matrix<T> x = c.InputRows(0), y = c.OutputRows;
        WeightAxis axis = Axis(c.Layout);
        int[] memory = new int[LayerIntegers.Length(axis)];
        LayerIntegers integers = new(axis, memory);
        IntegerEnd end = End(in c);
        integers.Make(
            c.Arithmetic, Activation, Floats(c.Parameter(0)), Floats(c.Parameter(1)[..Outputs]), Floats(c.State(ScaleState)), c.InputType(0),
            c.OutputType, end.Entries);
        int[] sums = new int[y.Columns];
        int positions = y.Columns / Outputs;
        for (int row = 0; row < x.Rows; row++)
        {
            Sums(Integers(x.Row(row)), integers.Weights, sums);
            for (int i = 0; i < sums.Length; i++)
            {
                int output = OutputsAreColumns ? i : i / positions;
                int r = Rounding.R(sums[i] + integers.Bias[output], integers.M[output], integers.Shift[output]);
                Keep(in c, row, i, r);
                int q = Math.Clamp(r, end.Lowest, end.Highest);
                y.Row(row)[i] = T.CreateChecked(HasTable ? IntegerActivation.Read(integers.Table, end.Index, q) : q);
            }
        }

        Observe(in c);
    }

    private bool MayBeLarge(WeightAxis axis) => IsWide || (long)axis.Terms * 127 * 255 >= Exact;

    private int WideLength(int batch, Layout layout)
    {
        (int input, int output) = Strides(layout);
        return batch * (output + (IsWide ? input : 0));
    }
}
