using System.Numerics;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Kernels.Scalar;

namespace EmbeddedBackprop.Ops.Integer;

/// <summary>
/// Softmax of every row of the last axis: E[d] = round(65536 e^(-s_x d)), d = max - q, a table of 256; S = sum of E; y = -128 + min(255, (512 E + S)
/// div (2 S)), scale 1/256. A row has at most 32,767 elements: 512 E + S and 2 S are below 2^32.
/// </summary>
internal sealed partial class IntegerSoftmax : IntegerOp
{
    /// <summary>The most elements of a row.</summary>
    public const int MostColumns = 32_767;

    /// <summary>Entries of the table: the distances of two integers of 8 bits.</summary>
    public const int TableLength = 256;

    private readonly SoftmaxOverLastAxis softmax = new();
    private Shape input;

    /// <summary>The integer form of a softmax over the last axis.</summary>
    public IntegerSoftmax()
        : base(8, null)
    {
    }

    /// <inheritdoc/>
    public override string Kind => "softmax";

    /// <inheritdoc/>
    public override bool MayOverlay(int input) => true;

    /// <summary>Elements of a row, known when the op is applied.</summary>
    public int Columns => input[input.Rank - 1];

    /// <inheritdoc/>
    public override IntegerType? FixedType(ReadOnlySpan<IntegerType> inputs) => new IntegerType(8, 1f / 256f, -128);

    /// <inheritdoc/>
    public override Shape InferShape(string name, ReadOnlySpan<Node> inputs)
    {
        _ = softmax.InferShape(name, inputs);
        return Shapes.Single(name, inputs, ref input);
    }

    /// <summary>E[d], by the engine's e^x in fused arithmetic, rounded half up: one table, whatever the arithmetic of a model.</summary>
    public static void Fill(IntegerType x, Span<int> table)
    {
        for (int d = 0; d < TableLength; d++)
        {
            float e = ScalarMath.Exp<float, Fused>((float)(-(double)x.Scale * d));
            table[d] = (int)Math.Floor((65536.0 * e) + 0.5);
        }
    }

    /// <inheritdoc/>
    public override void Forward(in OpContext<float> c)
    {
        Matrix<float> x = c.InputRows(0), y = c.OutputRows;
        Span<int> table = stackalloc int[TableLength];
        Fill(c.InputType(0), table);
        for (int row = 0; row < x.Rows; row++)
        {
            for (int first = 0; first < x.Columns; first += Columns)
            {
                Row(table, x.Row(row).Slice(first, Columns), y.Row(row).Slice(first, Columns));
            }
        }
    }

    private static void Row(ReadOnlySpan<int> table, ReadOnlySpan<float> x, Span<float> y)
    {
        float highest = System.Numerics.Tensors.TensorPrimitives.Max(x);
        uint sum = 0;
        for (int i = 0; i < x.Length; i++)
        {
            int e = table[(int)(highest - x[i])];
            sum += (uint)e;
            y[i] = e;
        }

        for (int i = 0; i < y.Length; i++)
        {
            // Half a step is added before the division, and 1 - 1/512 or more is 255.
            y[i] = Math.Min(255u, ((512u * (uint)y[i]) + sum) / (2u * sum));
        }
    }

    /// <inheritdoc/>
    public override void ForwardScalar(in OpContext<float> c) => Twin(in c);

    /// <inheritdoc/>
    public override void ForwardScalar(in OpContext<double> c) => Twin(in c);

    private void Twin<T>(in OpContext<T> c) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        Matrix<T> x = c.InputRows(0), y = c.OutputRows;
        int[] table = new int[TableLength];
        Fill(c.InputType(0), table);
        for (int row = 0; row < x.Rows; row++)
        {
            int[] q = Integers(x.Row(row));
            for (int first = 0; first < q.Length; first += Columns)
            {
                int highest = q[first];
                for (int i = first; i < first + Columns; i++)
                {
                    highest = Math.Max(highest, q[i]);
                }

                long sum = 0;
                for (int i = first; i < first + Columns; i++)
                {
                    sum += table[highest - q[i]];
                }

                for (int i = first; i < first + Columns; i++)
                {
                    y.Row(row)[i] = T.CreateChecked(Math.Min(255, ((512L * table[highest - q[i]]) + sum) / (2 * sum)));
                }
            }
        }
    }
}
