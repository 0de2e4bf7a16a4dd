using EmbeddedBackprop.Graphs;

namespace EmbeddedBackprop.Ops;

/// <summary>y = x0 - x1, element by element.</summary>
public sealed class Subtract : KernelOp, IPasses<Subtract>
{
    /// <inheritdoc/>
    public override string Kind => "subtract";

    /// <inheritdoc/>
    public override BackwardReads BackwardReads => BackwardReads.Nothing;

    /// <inheritdoc/>
    public override bool MayOverlay(int input) => true;

    /// <summary>The gradient of the first input is that of the output, which the second one's is then read from.</summary>
    public override bool MayOverlayGradient(int input) => input == 0;

    /// <inheritdoc/>
    public override Shape InferShape(string name, ReadOnlySpan<Node> inputs) => Shapes.Equal(name, inputs, 2, 2);

    /// <inheritdoc/>
    internal override Op? Quantized(in QuantizeContext c) =>
        Integer.IntegerActivation.Ends(c.Activation) ? new Integer.IntegerSum(Kind, subtracts: true, c.Bits, c.Activation, c.Tied) : null;

    /// <inheritdoc/>
    internal override TimeRule AlongTime(ReadOnlySpan<Node> inputs, int axis) => TimeRule.Each(axis);

    /// <inheritdoc/>
    protected override Passes Passes => Passes.Of<Subtract>();

    static void IPasses<Subtract>.Forward<T, K>(Subtract op, in OpContext<T> c) => K.Subtract(c.Input(0), c.Input(1), c.Output);

    // dx0 = dy and dx1 = -1 * dy, or dx0 + dy and dx1 - dy where another reader wrote first.
    static void IPasses<Subtract>.Backward<T, K>(Subtract op, in OpContext<T> c)
    {
        if (c.WantsInputGradient(0))
        {
            Gradients.PassOn<T, K>(c.OutputGradient, c.InputGradient(0), c.ContinueInputGradient(0));
        }

        if (!c.WantsInputGradient(1))
        {
            return;
        }

        if (c.ContinueInputGradient(1))
        {
            K.Subtract(c.InputGradient(1), c.OutputGradient, c.InputGradient(1));
        }
        else
        {
            K.Scale(-T.One, c.OutputGradient, c.InputGradient(1));
        }
    }
}
