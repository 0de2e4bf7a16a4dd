using EmbeddedBackprop.Graphs;

namespace EmbeddedBackprop.Ops;

/// <summary>The same elements in the same order under another shape.</summary>
public sealed class Reshape : KernelOp, IPasses<Reshape>
{
    /// <summary>The new shape, of as many elements as the input's.</summary>
    /// <exception cref="ArgumentException">The shape has no sizes.</exception>
    public Reshape(Shape shape)
    {
        if (shape.Rank == 0)
        {
            GraphErrors.NoShape(nameof(shape));
        }

        Shape = shape;
    }

    /// <summary>The output's shape.</summary>
    public Shape Shape { get; }

    /// <inheritdoc/>
    public override string Kind => "reshape";

    /// <inheritdoc/>
    public override string Settings => Shape.ToString();

    /// <inheritdoc/>
    public override BackwardReads BackwardReads => BackwardReads.Nothing;

    /// <inheritdoc/>
    public override bool MayOverlay(int input) => true;

    /// <inheritdoc/>
    public override bool MayOverlayGradient(int input) => true;

    /// <inheritdoc/>
    public override Shape InferShape(string name, ReadOnlySpan<Node> inputs)
    {
        if (inputs.Length != 1)
        {
            GraphErrors.InputCount(name, 1, inputs.Length);
        }

        if (inputs[0].Shape.Length != Shape.Length)
        {
            OpErrors.LengthsDiffer(name, Shape, inputs[0].Shape, inputs[0].Name);
        }

        return Shape;
    }

    /// <inheritdoc/>
    internal override int? PlaceOf(ReadOnlySpan<Node> inputs, int input, bool training) => 0;

    /// <inheritdoc/>
    internal override bool KeepsIntegers => true;

    /// <inheritdoc/>
    internal override TimeRule AlongTime(ReadOnlySpan<Node> inputs, int axis) =>
        AxisAfter(inputs[0].Shape, axis) is >= 0 and int found ? TimeRule.Each(found) : TimeRule.Refused("mixes steps of time with other axes");

    /// <summary>The axis of the result that runs over the same elements in the same steps; -1 for none.</summary>
    private int AxisAfter(Shape from, int axis)
    {
        for (int i = 0; i < Shape.Rank; i++)
        {
            if (Shape[i] == from[axis] && Keep.After(Shape, i) == Keep.After(from, axis))
            {
                return i;
            }
        }

        return -1;
    }

    /// <inheritdoc/>
    protected override Passes Passes => Passes.Of<Reshape>();

    static void IPasses<Reshape>.Forward<T, K>(Reshape op, in OpContext<T> c) => c.Input(0).CopyTo(c.Output);

    static void IPasses<Reshape>.Backward<T, K>(Reshape op, in OpContext<T> c)
    {
        if (c.WantsInputGradient(0))
        {
            Gradients.PassOn<T, K>(c.OutputGradient, c.InputGradient(0), c.ContinueInputGradient(0));
        }
    }
}
