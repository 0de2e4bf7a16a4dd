using System.Numerics;
using System.Runtime.InteropServices;
using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Integers;

namespace EmbeddedBackprop.Ops.Integer;

/// <summary>
/// A sum or a difference of integers of different scales: y = (sum of (q_i - z_i) a_i + 2^(r-1)) >> r, a_i = round(+-s_i / s_y 2^r), then the clamp
/// or the table of the activation. r is the largest of 1 to 20 with sum of |a_i| max|q_i - z_i| below 2^30: 32 bits hold every sum.
/// </summary>
internal sealed class IntegerSum : IntegerActivated
{
    private const int MostShift = 20;

    private readonly bool subtracts;
    private Shape input;

    /// <summary>The integer form of an addition, or of a subtraction of all inputs but the first.</summary>
    public IntegerSum(string kind, bool subtracts, int bits, Activation? activation, IntegerValue? tied)
        : base(bits, activation, tied)
    {
        Kind = kind;
        this.subtracts = subtracts;
        Real = subtracts ? new Subtract() : new Add();
    }

    /// <inheritdoc/>
    public override string Kind { get; }

    private protected override int TrainedLength => input.Length;

    private protected override Op Real { get; }

    /// <summary>All inputs are read before the output is written.</summary>
    public override bool MayOverlay(int input) => true;

    /// <inheritdoc/>
    public override Shape InferShape(string name, ReadOnlySpan<Node> inputs)
    {
        _ = Shapes.Equal(name, inputs, 2, int.MaxValue);
        return Shapes.Bind(name, inputs[0], ref input);
    }

    /// <summary>The sums in 32 bits.</summary>
    public override int ScratchLength(int batch, Layout layout) => batch * layout.Stride(input.Length);

    /// <summary>a_i for each input, and r.</summary>
    /// <param name="inputs">The types of the inputs.</param>
    /// <param name="scale">The real value of a step of the result.</param>
    /// <param name="factors">a_i.</param>
    public int Factors(ReadOnlySpan<IntegerType> inputs, double scale, Span<int> factors)
    {
        for (int shift = MostShift; shift > 0; shift--)
        {
            double reach = 0;
            for (int i = 0; i < inputs.Length; i++)
            {
                double factor = Math.Round(inputs[i].Scale / scale * (1 << shift), MidpointRounding.AwayFromZero);
                reach += factor * inputs[i].LargestCentred;
                factors[i] = reach < 1 << 30 ? (int)(subtracts && i > 0 ? -factor : factor) : 0;
            }

            if (reach < 1 << 30)
            {
                return shift;
            }
        }

        OpErrors.ScalesTooFarApart(Name);
        return 0;
    }

    /// <inheritdoc/>
    public override void Forward(in OpContext<float> c)
    {
        Matrix<float> y = c.OutputRows;
        IntegerEnd end = Open(in c, out Matrix<float> r);
        Span<int> factors = stackalloc int[c.InputCount];
        int shift = Factors(in c, end.Scale, factors);
        Span<int> total = MemoryMarshal.Cast<float, int>(c.Scratch)[..(y.Rows * y.Stride)];
        total.Clear();
        for (int i = 0; i < factors.Length; i++)
        {
            Requantize.AddTo(c.Input(i), factors[i], total);
        }

        // R by 2^-r: floor(a / 2^r + 1/2).
        for (int row = 0; row < y.Rows; row++)
        {
            Requantize.Run(total.Slice(row * y.Stride, y.Columns), 0, new(1 << 30, 30 + shift), end.Lowest, end.Highest, r.Row(row));
        }

        LookUp(in c, in end, in y);
    }

    /// <inheritdoc/>
    public override void ForwardScalar(in OpContext<float> c) => Twin(in c);

    /// <inheritdoc/>
    public override void ForwardScalar(in OpContext<double> c) => Twin(in c);

    private int Factors<T>(in OpContext<T> c, double scale, Span<int> factors) where T : unmanaged
    {
        Span<IntegerType> types = stackalloc IntegerType[factors.Length];
        for (int i = 0; i < types.Length; i++)
        {
            types[i] = c.InputType(i);
        }

        return Factors(types, scale, factors);
    }

    private void Twin<T>(in OpContext<T> c) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        Matrix<T> y = c.OutputRows;
        IntegerEnd end = End(in c);
        int[] factors = new int[c.InputCount], table = Table(in c, in end);
        int shift = Factors(in c, end.Scale, factors);
        for (int row = 0; row < y.Rows; row++)
        {
            for (int j = 0; j < y.Columns; j++)
            {
                int sum = 0;
                for (int i = 0; i < factors.Length; i++)
                {
                    sum = checked(sum + (int.CreateChecked(c.InputRows(i).Row(row)[j]) * factors[i]));
                }

                int rounded = (sum + (1 << (shift - 1))) >> shift;
                Keep(in c, row, j, rounded);
                y.Row(row)[j] = T.CreateChecked(LookUp(table, in end, Math.Clamp(rounded, end.Lowest, end.Highest)));
            }
        }

        Observe(in c);
    }
}
