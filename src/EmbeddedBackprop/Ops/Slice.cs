using System.Globalization;
using System.Numerics;
using EmbeddedBackprop.Graphs;

namespace EmbeddedBackprop.Ops;

/// <summary>A range of the first axis (features, channels, time): several of them split a value. What a slice leaves out gets no gradient from it.</summary>
public sealed class Slice : Op
{
    private Shape input;

    /// <summary>Count places of the first axis, beginning with first.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The first place is negative, or the count is not positive.</exception>
    public Slice(int first, int count)
    {
        if (first < 0)
        {
            Errors.Negative(nameof(first), first);
        }

        First = first;
        Count = Errors.RequirePositive(nameof(count), count);
    }

    /// <summary>The first place that is taken.</summary>
    public int First { get; }

    /// <summary>How many are taken.</summary>
    public int Count { get; }

    /// <inheritdoc/>
    public override string Kind => "slice";

    /// <inheritdoc/>
    public override string Settings => string.Create(CultureInfo.InvariantCulture, $"{First} {Count}");

    /// <inheritdoc/>
    public override BackwardReads BackwardReads => BackwardReads.Nothing;

    /// <inheritdoc/>
    public override Shape InferShape(string name, ReadOnlySpan<Node> inputs)
    {
        Shape shape = Shapes.Single(name, inputs, ref input);
        if (Count > shape[0] - First)
        {
            Errors.SliceOutside(name, First, Count, shape, inputs[0].Name);
        }

        return shape.Rank switch { 1 => new Shape(Count), 2 => new Shape(Count, shape[1]), _ => new Shape(Count, shape[1], shape[2]) };
    }

    /// <inheritdoc/>
    public override void Forward(in OpContext<float> c) => Move(in c);

    /// <inheritdoc/>
    public override void Backward(in OpContext<float> c) => MoveBack(in c, scalar: false);

    /// <inheritdoc/>
    public override void ForwardScalar(in OpContext<float> c) => Move(in c);

    /// <inheritdoc/>
    public override void BackwardScalar(in OpContext<float> c) => MoveBack(in c, scalar: true);

    /// <inheritdoc/>
    public override void ForwardScalar(in OpContext<double> c) => Move(in c);

    /// <inheritdoc/>
    public override void BackwardScalar(in OpContext<double> c) => MoveBack(in c, scalar: true);

    private void Move<T>(in OpContext<T> c) where T : unmanaged
    {
        int place = input.Length / input[0];
        for (int b = 0; b < c.Batch; b++)
        {
            c.Input(0).Slice((b * c.InputStride(0)) + (First * place), Count * place).CopyTo(c.Output[(b * c.OutputStride)..]);
        }
    }

    private void MoveBack<T>(in OpContext<T> c, bool scalar) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (!c.WantsInputGradient(0))
        {
            return;
        }

        Span<T> dx = c.InputGradient(0);
        if (!c.ContinueInputGradient(0))
        {
            dx.Clear();
        }

        int place = input.Length / input[0];
        for (int b = 0; b < c.Batch; b++)
        {
            Gradients.PassOn<T>(
                scalar, c.OutputGradient.Slice(b * c.OutputStride, Count * place), dx.Slice((b * c.InputStride(0)) + (First * place), Count * place),
                c.ContinueInputGradient(0));
        }
    }
}
