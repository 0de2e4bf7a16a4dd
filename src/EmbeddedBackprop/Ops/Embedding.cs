using System.Numerics;
using EmbeddedBackprop.Graphs;

namespace EmbeddedBackprop.Ops;

/// <summary>
/// Row i of a table for every index i: [positions] of whole numbers (as floats, exact up to 2^24) to [positions, size]. Parameter NAME.weight [count,
/// size].
/// An index that is not that of a row ends the step with an error before anything is written.
/// </summary>
public sealed class Embedding : KernelOp, IPasses<Embedding>
{
    private Shape input;

    /// <summary>A table of so many rows of the given size.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An argument is not positive, or there are more rows than a float can count.</exception>
    public Embedding(int count, int size)
    {
        Count = Errors.RequirePositive(nameof(count), count);
        Size = Errors.RequirePositive(nameof(size), size);
        if (count > 1 << 24)
        {
            Errors.OutOfRange(nameof(count), count, "at most 16777216: a float holds no larger whole numbers without gaps");
        }
    }

    /// <summary>Rows of the table.</summary>
    public int Count { get; }

    /// <summary>Elements of a row.</summary>
    public int Size { get; }

    /// <inheritdoc/>
    public override string Kind => "embedding";

    /// <inheritdoc/>
    public override string Settings => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{Count} {Size}");

    /// <inheritdoc/>
    public override BackwardReads BackwardReads => BackwardReads.Inputs;

    /// <inheritdoc/>
    public override bool HasGradient(int input) => false;

    /// <inheritdoc/>
    public override Shape InferShape(string name, ReadOnlySpan<Node> inputs)
    {
        Shape shape = Shapes.Single(name, inputs, ref input);
        if (shape.Rank != 1)
        {
            OpErrors.RankExpected(name, "positions", shape, inputs[0].Name);
        }

        return new Shape(shape.Length, Size);
    }

    /// <inheritdoc/>
    public override void DescribeParameters(ParameterLayout layout)
    {
        ArgumentNullException.ThrowIfNull(layout);
        layout.AddTensor(Name + ".weight", ParameterKind.Weight, Count, Size);
    }

    /// <inheritdoc/>
    internal override TimeRule AlongTime(ReadOnlySpan<Node> inputs, int axis) => TimeRule.Each(0);

    /// <inheritdoc/>
    protected override Passes Passes => Passes.Of<Embedding>();

    /// <inheritdoc/>
    internal override Op? Quantized(in QuantizeContext c) => c.Activation is null ? new Integer.IntegerEmbedding(this, c.Bits, c.Tied) : null;

    /// <summary>Ends in an exception where an index is not that of a row.</summary>
    internal void RequireIndices<T>(in OpContext<T> c) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        Span<T> indices = c.Input(0);
        for (int b = 0; b < c.Batch; b++)
        {
            for (int t = 0; t < input.Length; t++)
            {
                T index = indices[(b * c.InputStride(0)) + t];
                if (!(index >= T.Zero && index < T.CreateChecked(Count) && T.IsInteger(index)))
                {
                    OpErrors.IndexInvalid(Name, c.SampleOffset + b, t, double.CreateChecked(index), Count);
                }
            }
        }
    }

    static void IPasses<Embedding>.Forward<T, K>(Embedding op, in OpContext<T> c)
    {
        op.RequireIndices(in c);
        Span<T> indices = c.Input(0), table = c.Parameter(0);
        for (int b = 0; b < c.Batch; b++)
        {
            for (int t = 0; t < op.input.Length; t++)
            {
                int row = int.CreateTruncating(indices[(b * c.InputStride(0)) + t]);
                table.Slice(row * op.Size, op.Size).CopyTo(c.Output[((b * c.OutputStride) + (t * op.Size))..]);
            }
        }
    }

    // A row's gradient is a chain over the samples and, inside each, over the positions.
    static void IPasses<Embedding>.Backward<T, K>(Embedding op, in OpContext<T> c)
    {
        Span<T> gradient = c.ParameterGradient(0), indices = c.Input(0);
        if (!c.ContinueParameterGradients)
        {
            gradient.Clear();
        }

        for (int b = 0; b < c.Batch; b++)
        {
            for (int t = 0; t < op.input.Length; t++)
            {
                int row = int.CreateTruncating(indices[(b * c.InputStride(0)) + t]);
                Span<T> sum = gradient.Slice(row * op.Size, op.Size);
                K.Add(sum, c.OutputGradientRows.Row(b).Slice(t * op.Size, op.Size), sum);
            }
        }
    }
}
