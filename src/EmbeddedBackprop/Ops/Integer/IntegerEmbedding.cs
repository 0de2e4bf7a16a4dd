using System.Numerics;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Ops.Integer;

/// <summary>Rows of a table of integers, whose scale and zero point are those of the output; the indices stay floats.</summary>
internal sealed class IntegerEmbedding : IntegerOp
{
    private readonly Embedding embedding;

    /// <summary>The integer form of an embedding.</summary>
    public IntegerEmbedding(Embedding embedding, int bits, IntegerValue? tied)
        : base(bits, tied) => this.embedding = (Embedding)embedding.Unbound();

    /// <inheritdoc/>
    public override string Kind => embedding.Kind;

    /// <inheritdoc/>
    public override string Settings => embedding.Settings;

    /// <summary>Rows of the table.</summary>
    public int Count => embedding.Count;

    /// <summary>Elements of a row.</summary>
    public int Size => embedding.Size;

    /// <inheritdoc/>
    public override bool HasGradient(int input) => false;

    /// <inheritdoc/>
    public override Shape InferShape(string name, ReadOnlySpan<Node> inputs)
    {
        embedding.Name = name;
        return embedding.InferShape(name, inputs);
    }

    /// <inheritdoc/>
    public override void DescribeParameters(ParameterLayout layout)
    {
        embedding.Name = Name;
        embedding.DescribeParameters(layout);
    }

    /// <inheritdoc/>
    public override void Forward(in OpContext<float> c) => Look(in c);

    /// <inheritdoc/>
    public override void ForwardScalar(in OpContext<float> c) => Look(in c);

    /// <inheritdoc/>
    public override void ForwardScalar(in OpContext<double> c) => Look(in c);

    /// <inheritdoc/>
    public override BackwardReads BackwardReads => embedding.BackwardReads;

    // Straight through the rounding of the rows: dW[index] += dy.

    /// <inheritdoc/>
    public override void Backward(in OpContext<float> c) => embedding.Backward(in c);

    /// <inheritdoc/>
    public override void BackwardScalar(in OpContext<float> c) => embedding.BackwardScalar(in c);

    /// <inheritdoc/>
    public override void BackwardScalar(in OpContext<double> c) => embedding.BackwardScalar(in c);

    // Nothing is computed but the rounding of a weight, so there is one text.
    private void Look<T>(in OpContext<T> c) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        embedding.RequireIndices(in c);
        IntegerType type = c.OutputType;
        T low = T.Zero, high = T.Zero;
        for (int b = 0; b < c.Batch; b++)
        {
            Span<T> y = c.OutputRows.Row(b), indices = c.InputRows(0).Row(b);
            for (int i = 0; i < y.Length; i++)
            {
                T weight = c.Parameter(0)[(int.CreateTruncating(indices[i / Size]) * Size) + (i % Size)];
                (low, high) = (T.Min(low, weight), T.Max(high, weight));
                y[i] = T.CreateChecked(type.Nearest(double.CreateChecked(weight)) - type.ZeroPoint);
            }
        }

        if (Observes(in c))
        {
            Extremes.Widen(c.OutputExtremes, float.CreateTruncating(low), float.CreateTruncating(high));
        }
    }
}
