using System.Globalization;
using EmbeddedBackprop.Graphs;

namespace EmbeddedBackprop.Ops;

/// <summary>A range of the first axis (features, channels, time): several of them split a value. Elements outside a slice get no gradient
/// from it.</summary>
public sealed class Slice : KernelOp, IPasses<Slice>
{
    private Shape input;

    /// <summary>Count positions of the first axis, beginning with first.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The first position is negative, or the count is not positive.</exception>
    public Slice(int first, int count)
    {
        if (first < 0)
        {
            Errors.Negative(nameof(first), first);
        }

        First = first;
        Count = Errors.RequirePositive(nameof(count), count);
    }

    /// <summary>The first position taken.</summary>
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
            OpErrors.SliceOutside(name, First, Count, shape, inputs[0].Name);
        }

        return shape.Rank switch { 1 => new Shape(Count), 2 => new Shape(Count, shape[1]), _ => new Shape(Count, shape[1], shape[2]) };
    }

    /// <inheritdoc/>
    internal override int? PlaceOf(ReadOnlySpan<Node> inputs, int input, bool training) => -First * (inputs[0].Shape.Length / inputs[0].Shape[0]);

    /// <inheritdoc/>
    internal override bool KeepsIntegers => true;

    /// <inheritdoc/>
    internal override TimeRule AlongTime(ReadOnlySpan<Node> inputs, int axis) =>
        axis > 0 ? TimeRule.Each(axis)
        : Count == 1 && First == inputs[0].Shape[0] - 1 ? TimeRule.Newest
        : TimeRule.Refused("takes steps of time out of the window");

    /// <inheritdoc/>
    protected override Passes Passes => Passes.Of<Slice>();

    static void IPasses<Slice>.Forward<T, K>(Slice op, in OpContext<T> c)
    {
        int place = op.input.Length / op.input[0];
        for (int b = 0; b < c.Batch; b++)
        {
            c.InputRows(0).Row(b).Slice(op.First * place, op.Count * place).CopyTo(c.OutputRows.Row(b));
        }
    }

    static void IPasses<Slice>.Backward<T, K>(Slice op, in OpContext<T> c)
    {
        if (!c.WantsInputGradient(0))
        {
            return;
        }

        if (!c.ContinueInputGradient(0))
        {
            c.InputGradient(0).Clear();
        }

        int place = op.input.Length / op.input[0];
        for (int b = 0; b < c.Batch; b++)
        {
            Gradients.PassOn<T, K>(
                c.OutputGradientRows.Row(b), c.InputGradientRows(0).Row(b).Slice(op.First * place, op.Count * place), c.ContinueInputGradient(0));
        }
    }
}
