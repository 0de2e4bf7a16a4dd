using EmbeddedBackprop.Graphs;

namespace EmbeddedBackprop.Ops;

/// <summary>y = x0 * x1, element by element: gates and masks.</summary>
public sealed class Multiply : KernelOp, IPasses<Multiply>
{
    /// <inheritdoc/>
    public override string Kind => "multiply";

    /// <inheritdoc/>
    public override BackwardReads BackwardReads => BackwardReads.Inputs;

    /// <inheritdoc/>
    public override bool MayOverlay(int input) => true;

    /// <summary>The second input's gradient is the last to be written.</summary>
    public override bool MayOverlayGradient(int input) => input == 1;

    /// <inheritdoc/>
    public override Shape InferShape(string name, ReadOnlySpan<Node> inputs) => Shapes.Equal(name, inputs, 2, 2);

    /// <inheritdoc/>
    internal override Op? Quantized(in QuantizeContext c) =>
        Integer.IntegerActivation.Ends(c.Activation) ? new Integer.IntegerProduct(c.Bits, c.Activation, c.Tied) : null;

    /// <inheritdoc/>
    internal override TimeRule AlongTime(ReadOnlySpan<Node> inputs, int axis) => TimeRule.Each(axis);

    /// <inheritdoc/>
    protected override Passes Passes => Passes.Of<Multiply>();

    static void IPasses<Multiply>.Forward<T, K>(Multiply op, in OpContext<T> c) => K.Multiply(c.Input(0), c.Input(1), c.Output);

    // dx0 = dy * x1, or M(dy, x1, dx0) where another reader wrote first; the other way round for x1.
    static void IPasses<Multiply>.Backward<T, K>(Multiply op, in OpContext<T> c)
    {
        for (int i = 0; i < 2; i++)
        {
            if (!c.WantsInputGradient(i))
            {
                continue;
            }

            if (c.ContinueInputGradient(i))
            {
                K.MultiplyAdd(c.Arithmetic, c.OutputGradient, c.Input(1 - i), c.InputGradient(i));
            }
            else
            {
                K.Multiply(c.OutputGradient, c.Input(1 - i), c.InputGradient(i));
            }
        }
    }
}
