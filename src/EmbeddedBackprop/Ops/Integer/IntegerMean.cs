using System.Numerics;
using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Integers;
using EmbeddedBackprop.Kernels.Scalar;

namespace EmbeddedBackprop.Ops.Integer;

/// <summary>Means of integers: y = R(sum of (q_x - z_x); s_x / (n s_y)), n the number of elements; one multiplier for each n.</summary>
internal abstract class IntegerMean : IntegerActivated
{
    private protected IntegerMean(Op layer, int bits, Activation? activation, IntegerValue? tied)
        : base(bits, activation, tied) => Layer = layer;

    /// <summary>The float op: its sizes.</summary>
    public Op Layer { get; }

    /// <inheritdoc/>
    public override string Kind => Layer.Kind;

    /// <inheritdoc/>
    public override string Settings => Layer.Settings;

    /// <inheritdoc/>
    public override Shape InferShape(string name, ReadOnlySpan<Node> inputs)
    {
        Shape shape = Layer.InferShape(name, inputs);
        OutputLength = shape.Length;
        return shape;
    }

    /// <summary>Elements of the output.</summary>
    private protected int OutputLength { get; private set; }

    private protected override int TrainedLength => OutputLength;

    private protected override Op Real => Layer;

    /// <summary>f for a mean of n elements and a step of the result.</summary>
    public static Multiplier Factor(IntegerType x, int n, double scale) => Multiplier.Of(x.Scale / (n * scale));

    /// <inheritdoc/>
    public override void ForwardScalar(in OpContext<float> c) => Twin(in c);

    /// <inheritdoc/>
    public override void ForwardScalar(in OpContext<double> c) => Twin(in c);

    /// <summary>One sample's sums, and for each the number of elements; 0 of none gives 0.</summary>
    private protected abstract void Sums<T>(in OpContext<T> c, int sample, ReadOnlySpan<int> x, Span<int> sums, Span<int> counts)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>;

    private void Twin<T>(in OpContext<T> c) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        Matrix<T> y = c.OutputRows;
        IntegerEnd end = End(in c);
        int[] table = Table(in c, in end), sums = new int[y.Columns], counts = new int[y.Columns];
        for (int row = 0; row < y.Rows; row++)
        {
            Sums(in c, row, Integers(c.InputRows(0).Row(row)), sums, counts);
            for (int i = 0; i < sums.Length; i++)
            {
                (int m, int shift) = Factor(c.InputType(0), Math.Max(counts[i], 1), end.Scale);
                int r = Rounding.R(sums[i], m, shift);
                Keep(in c, row, i, r);
                y.Row(row)[i] = T.CreateChecked(LookUp(table, in end, Math.Clamp(r, end.Lowest, end.Highest)));
            }
        }

        Observe(in c);
    }
}
