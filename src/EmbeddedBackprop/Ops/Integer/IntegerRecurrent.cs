using System.Numerics;
using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Integers;
using EmbeddedBackprop.Kernels.Scalar;
using EmbeddedBackprop.Kernels.Sets;

namespace EmbeddedBackprop.Ops.Integer;

/// <summary>
/// A recurrent layer on integers: weights of 8 bits with a scale for each column of a gate, a hidden state of 16 bits. The products p = b_ih + x W_ih
/// and q = b_hh + h W_hh are R'd to Q11 (step 1/2048) and kept in 16 bits, the gates are <see cref="IntegerGates"/>, and h is Q15. A simple layer
/// with ReLU has p, q and h in the output's scale.
/// </summary>
/// <remarks>
/// Parameters and options are those of the float layer. State: for each weight tensor its name and _scale, [gates H]; of an LSTM NAME.cell_range, the
/// scale 2^(k - 15) of a cell in Q(15 - k), and 0. The carried state of a layer that keeps it is integers. Sums of 16-bit values are below 2^31 up to
/// 516 terms whatever the weights; beyond, the quantiser sees to it.
/// </remarks>
internal sealed partial class IntegerRecurrent : IntegerOp
{
    /// <summary>The scale of both products.</summary>
    public const float ProductScale = 1f / 2048f;

    /// <summary>The scale of a hidden state that is a tanh.</summary>
    public const float HiddenScale = 1f / 32768f;

    /// <summary>The most bits k before the point of a cell.</summary>
    public const int MostCellBits = 7;

    private static readonly Activation Plain = new Activation<Identity>();

    private int inputBits;

    /// <summary>The integer form of a layer; the output has 16 bits.</summary>
    public IntegerRecurrent(Recurrent layer)
        : base(16, null) => Layer = (Recurrent)layer.Unbound();

    /// <summary>The float layer: its sizes and options.</summary>
    public Recurrent Layer { get; }

    /// <inheritdoc/>
    public override string Kind => Layer.Kind;

    /// <inheritdoc/>
    public override string Detail => $"{base.Detail} {Layer.Detail}";

    /// <inheritdoc/>
    public override string Settings => Layer.Settings;

    /// <inheritdoc/>
    public override long MultiplyAdds => Layer.MultiplyAdds;

    /// <summary>Whether the function is ReLU, whose results have no bound.</summary>
    public bool IsRelu => Layer is Rnn { Function: RecurrentFunction.Relu };

    /// <summary>Columns of a weight tensor: a unit of each gate.</summary>
    public int Columns => Layer.Gates * Layer.Hidden;

    /// <inheritdoc/>
    public override bool HasGradient(int input) => input == 0;

    /// <inheritdoc/>
    public override IntegerType? FixedType(ReadOnlySpan<IntegerType> inputs) => IsRelu ? null : new IntegerType(16, HiddenScale, 0);

    /// <inheritdoc/>
    public override Shape InferShape(string name, ReadOnlySpan<Node> inputs)
    {
        Layer.Name = name;
        inputBits = inputs.Length == 0 ? 0 : inputs[0].Integers?.Bits ?? 0;
        return Layer.InferShape(name, inputs);
    }

    /// <inheritdoc/>
    public override void DescribeParameters(ParameterLayout layout)
    {
        Layer.Name = Name;
        Layer.DescribeParameters(layout);
    }

    /// <inheritdoc/>
    public override void DescribeState(StateLayout layout)
    {
        base.DescribeState(layout);
        for (int direction = 0; direction < Layer.Directions; direction++)
        {
            layout.Add(WeightName(direction, hidden: false) + "_scale", Columns, 1f);
            layout.Add(WeightName(direction, hidden: true) + "_scale", Columns, 1f);
        }

        if (Layer.HasCell)
        {
            // |c| grows by at most 1 a step: no cell leaves this range, and a calibration finds a finer one.
            int bits = Math.Min(MostCellBits, BitOperations.Log2((uint)Math.Max(Layer.Steps - 1, 1)) + 1);
            layout.Add(Name + ".cell_range", 2, HiddenScale * (1 << bits));
        }

        Layer.Name = Name;
        Layer.DescribeState(layout);
        if (FollowsCells)
        {
            layout.Add(Name + ".cell_extremes", 1);
        }
    }

    /// <inheritdoc/>
    public override StoredIntegers? Stored(int parameter)
    {
        // Of each direction: weights of the input, weights of the hidden state, their biases.
        bool hidden = parameter % 2 == 1, bias = parameter % 4 > 1;
        int scales = ScaleState(parameter / 4, hidden);
        return !bias ? new(8, Axis(hidden, Layout.Compact), scales)
            : !hidden ? new(32, new WeightAxis(1, 1, Columns, 1), scales, Input: 0)
            : IsRelu ? null
            : new(32, new WeightAxis(1, 1, Columns, 1), scales, Factor: HiddenScale);
    }

    /// <summary>The name of a direction's weights of the input or of the hidden state.</summary>
    public string WeightName(int direction, bool hidden) => $"{Name}.weight_{(hidden ? "hh" : "ih")}{(direction == 0 ? "" : "_reverse")}";

    /// <summary>The name of the bias of the same product.</summary>
    public string BiasName(int direction, bool hidden) => $"{Name}.bias_{(hidden ? "hh" : "ih")}{(direction == 0 ? "" : "_reverse")}";

    /// <summary>The index among the op's state of the scales of a direction's weights.</summary>
    public int ScaleState(int direction, bool hidden) => (OwnsRange ? 1 : 0) + (2 * direction) + (hidden ? 1 : 0);

    /// <summary>k of a cell in Q(15 - k), from NAME.cell_range.</summary>
    public static int CellBits(float scale) => Math.Clamp(Math.ILogB((double)scale) + 15, 0, MostCellBits);

    /// <summary>The scale 2^(k - 15) of cells up to a magnitude: 2^k above it, 0 &lt;= k &lt;= 7.</summary>
    public static float CellScale(double largest)
    {
        int k = 0;
        while (k < MostCellBits && largest >= 1 << k)
        {
            k++;
        }

        return HiddenScale * (1 << k);
    }

    /// <summary>The axis of a weight tensor: a row for each feature or hidden unit.</summary>
    public WeightAxis Axis(bool hidden, Layout layout) => new(1, hidden ? Layer.Hidden : Layer.Features, layout.Stride(Columns), 1);

    /// <inheritdoc/>
    public override int ScratchLength(int batch, Layout layout) => new IntegerRecurrentSizes(this, batch, layout).Scratch;

    /// <summary>Both products and the state, of 16 bits each, in words of 32.</summary>
    public override int ExportScratchLength(Layout layout) =>
        (int)(((long)Layer.Hidden * ((2 * Layer.Gates) + (Layer.HasCell ? 2 : 1)) + 1) / 2);

    /// <summary>The integers of all weights, and the weights as floats.</summary>
    internal override int MadeLength(Layout layout) => new IntegerRecurrentSizes(this, 1, layout).Made;

    /// <inheritdoc/>
    public override void Forward(in OpContext<float> c)
    {
        for (int direction = 0; direction < Layer.Directions; direction++)
        {
            IntegerRecurrentPass pass = new(this, in c, direction);
            pass.Run();
        }

        Kernels.Elements.Padding.Clear(c.Output, c.Batch, c.OutputColumns, c.OutputStride);
    }

    /// <inheritdoc/>
    public override void ForwardScalar(in OpContext<float> c) => Twin(in c);

    /// <inheritdoc/>
    public override void ForwardScalar(in OpContext<double> c) => Twin(in c);

    /// <summary>The integers of weights of the input or of the hidden state, and the multipliers of their products.</summary>
    public void Make<T>(
        in OpContext<T> c, bool hidden, ReadOnlySpan<float> weights, ReadOnlySpan<float> bias, ReadOnlySpan<float> scales, LayerIntegers integers)
        where T : unmanaged =>
        Make(c.Arithmetic, hidden, c.InputType(0), c.OutputType, weights, bias, scales, integers);

    /// <summary>The same by lanes, with the weights as floats.</summary>
    public void MakeByLanes(
        in OpContext<float> c, bool hidden, ReadOnlySpan<float> weights, ReadOnlySpan<float> bias, ReadOnlySpan<float> scales, LayerIntegers integers)
    {
        (IntegerType x, IntegerType y) = ProductTypes(hidden, c.InputType(0), c.OutputType);
        integers.MakeByLanes(c.Arithmetic, Plain, weights, bias, scales, x, y, default);
    }

    /// <summary>The same from the types of input and output.</summary>
    public void Make(
        Arithmetic arithmetic, bool hidden, IntegerType input, IntegerType output, ReadOnlySpan<float> weights, ReadOnlySpan<float> bias,
        ReadOnlySpan<float> scales, LayerIntegers integers)
    {
        (IntegerType x, IntegerType y) = ProductTypes(hidden, input, output);
        integers.Make(arithmetic, Plain, weights, bias, scales, x, y, default);
    }

    /// <summary>What a product reads, the input or the hidden state, and what it is R'd to.</summary>
    private (IntegerType Input, IntegerType Product) ProductTypes(bool hidden, IntegerType input, IntegerType output)
    {
        IntegerType state = IsRelu ? output : new(16, HiddenScale, 0), product = IsRelu ? output : new(16, ProductScale, 0);
        return (hidden ? state : input, product);
    }

    /// <summary>Whether inputs are 16 bits wide.</summary>
    public bool IsWide => inputBits == 16;

    /// <summary>The index of NAME.cell_range among the op's state.</summary>
    public int CellState => ScaleState(Layer.Directions, hidden: false);

    /// <summary>The index of the carried hidden state; the cell's follows.</summary>
    public int CarriedState => CellState + (Layer.HasCell ? 1 : 0);

    /// <summary>The position in a sequence of a direction's s-th step.</summary>
    public int Time(int direction, int step) => direction == 0 ? step : Layer.Steps - 1 - step;

    /// <summary>Where the output of a direction begins at a time.</summary>
    public int OutputColumn(int direction, int time) => ((Layer.Options.AllSteps ? time * Layer.Directions : 0) + direction) * Layer.Hidden;

    private void Twin<T>(in OpContext<T> c) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        for (int direction = 0; direction < Layer.Directions; direction++)
        {
            LayerIntegers input = Integers(in c, direction, hidden: false), recurrent = Integers(in c, direction, hidden: true);
            IntegerRecurrentKept<T, ScalarKernels<T>> kept = new(this, in c, direction);
            for (int sample = 0; sample < c.Batch; sample++)
            {
                int[] h = new int[Layer.Hidden], cell = new int[Layer.HasCell ? Layer.Hidden : 0];
                Span<T> carried = Layer.Options.CarryState ? c.State(CarriedState).Slice(sample * h.Length, h.Length) : [];
                Span<T> carriedCell = Layer.Options.CarryState && Layer.HasCell ? c.State(CarriedState + 1).Slice(sample * h.Length, h.Length) : [];
                Copy<T>(carried, h);
                Copy<T>(carriedCell, cell);
                kept.States(-1, sample, AsFloats<T>(h), AsFloats<T>(cell));
                Span<T> y = c.OutputRows.Row(sample);
                for (int step = 0; step < Layer.Steps; step++)
                {
                    int time = Time(direction, step);
                    if (OverTime.Counts(in c, sample, time))
                    {
                        int[] p = Product(Integers(c.InputRows(0).Row(sample).Slice(time * Layer.Features, Layer.Features)), input, kept.Ends);
                        int[] q = Product(h, recurrent, kept.Ends);
                        if (kept.Exists)
                        {
                            T[] products = AsFloats<T>(p), hiddenProducts = AsFloats<T>(q);
                            kept.Clamp(step, sample, products, hiddenProducts);
                            (p, q) = (Integers<T>(products), Integers<T>(hiddenProducts));
                        }

                        Cell(in c, p, q, h, cell);
                        if (kept.Exists)
                        {
                            Gates(p, q, cell, CellBits(in c), kept.Gates(step, sample), kept.CellTanh(step, sample));
                            kept.MakeReal(step, sample);
                        }
                    }

                    kept.States(step, sample, AsFloats<T>(h), AsFloats<T>(cell));

                    if (Layer.Options.AllSteps)
                    {
                        Copy(h, y[OutputColumn(direction, time)..]);
                    }
                }

                Copy(h, Layer.Options.AllSteps ? [] : y[OutputColumn(direction, 0)..]);
                Copy(h, carried);
                Copy(cell, carriedCell);
            }
        }
    }

    private LayerIntegers Integers<T>(in OpContext<T> c, int direction, bool hidden) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        WeightAxis axis = Axis(hidden, c.Layout);
        LayerIntegers integers = new(axis, new int[LayerIntegers.Length(axis)]);
        int tensor = (4 * direction) + (hidden ? 1 : 0);
        Make(
            in c, hidden, Floats(c.Parameter(tensor)), Floats(c.Parameter(tensor + 2)[..Columns]),
            Floats(c.State(ScaleState(direction, hidden))), integers);
        return integers;
    }

    /// <summary>R of b + x W, clamped.</summary>
    private int[] Product(ReadOnlySpan<int> x, LayerIntegers integers, (int Lowest, int Highest) ends)
    {
        int[] sums = new int[Columns];
        IntegerSums.Dense(x, integers.Weights, integers.Axis.Outputs, sums);
        for (int j = 0; j < sums.Length; j++)
        {
            sums[j] = Rounding.R(checked(sums[j] + integers.Bias[j]), integers.M[j], integers.Shift[j], ends.Lowest, ends.Highest);
        }

        return sums;
    }

    private void Cell<T>(in OpContext<T> c, ReadOnlySpan<int> p, ReadOnlySpan<int> q, Span<int> h, Span<int> cell)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int n = Layer.Hidden, k = CellBits(in c);
        for (int j = 0; j < n; j++)
        {
            switch (Layer)
            {
                case Gru:
                    h[j] = IntegerGates.Gru(p[j] + q[j], p[n + j] + q[n + j], p[(2 * n) + j], q[(2 * n) + j], h[j]);
                    break;
                case Lstm:
                    (h[j], cell[j]) = IntegerGates.Lstm(
                        p[j] + q[j], p[n + j] + q[n + j], p[(2 * n) + j] + q[(2 * n) + j], p[(3 * n) + j] + q[(3 * n) + j], cell[j], k);
                    break;
                default:
                    h[j] = IsRelu ? Math.Clamp(p[j] + q[j], 0, short.MaxValue) : IntegerGates.Tanh(p[j] + q[j]);
                    break;
            }
        }
    }

    private int CellBits<T>(in OpContext<T> c) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Layer.HasCell ? CellBits(float.CreateTruncating(c.State(CellState)[0])) : 0;

    private static T[] AsFloats<T>(ReadOnlySpan<int> integers) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        T[] floats = new T[integers.Length];
        Copy(integers, floats);
        return floats;
    }

    private static void Copy<T>(ReadOnlySpan<T> from, Span<int> to) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        for (int i = 0; i < from.Length; i++)
        {
            to[i] = int.CreateChecked(from[i]);
        }
    }

    private static void Copy<T>(ReadOnlySpan<int> from, Span<T> to) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        for (int i = 0; i < from.Length && !to.IsEmpty; i++)
        {
            to[i] = T.CreateChecked(from[i]);
        }
    }
}
