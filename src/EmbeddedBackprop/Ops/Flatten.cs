using EmbeddedBackprop.Graphs;

namespace EmbeddedBackprop.Ops;

/// <summary>All elements of a sample as one row, in their order: channels, then rows, then columns.</summary>
public sealed class Flatten : KernelOp, IPasses<Flatten>
{
    /// <inheritdoc/>
    public override string Kind => "flatten";

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

        return new Shape(inputs[0].Shape.Length);
    }

    /// <inheritdoc/>
    internal override int? PlaceOf(ReadOnlySpan<Node> inputs, int input, bool training) => 0;

    /// <inheritdoc/>
    internal override bool KeepsIntegers => true;

    /// <inheritdoc/>
    internal override TimeRule AlongTime(ReadOnlySpan<Node> inputs, int axis) => TimeRule.Window;

    /// <inheritdoc/>
    protected override Passes Passes => Passes.Of<Flatten>();

    static void IPasses<Flatten>.Forward<T, K>(Flatten op, in OpContext<T> c) => c.Input(0).CopyTo(c.Output);

    static void IPasses<Flatten>.Backward<T, K>(Flatten op, in OpContext<T> c)
    {
        if (c.WantsInputGradient(0))
        {
            Gradients.PassOn<T, K>(c.OutputGradient, c.InputGradient(0), c.ContinueInputGradient(0));
        }
    }
}
