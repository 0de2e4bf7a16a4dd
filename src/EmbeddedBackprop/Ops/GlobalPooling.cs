using EmbeddedBackprop.Graphs;

namespace EmbeddedBackprop.Ops;

/// <summary>The common part of the global poolings: [channels, height, width] or [channels, length] to [channels].</summary>
public abstract class GlobalPooling : KernelOp
{
    private Shape input;

    private protected GlobalPooling()
    {
    }

    private protected int Channels => input[0];

    /// <summary>Positions of a channel.</summary>
    private protected int Positions => input.Length / input[0];

    internal override bool MayOverlayBeginning(int input) => true;

    /// <inheritdoc/>
    public override Shape InferShape(string name, ReadOnlySpan<Node> inputs)
    {
        Shape shape = Shapes.Single(name, inputs, ref input);
        if (shape.Rank < 2)
        {
            OpErrors.RankExpected(name, "channels x length or channels x height x width", shape, inputs[0].Name);
        }

        return new Shape(shape[0]);
    }

    /// <inheritdoc/>
    internal override TimeRule AlongTime(ReadOnlySpan<Node> inputs, int axis) =>
        axis == 0 ? TimeRule.OtherAxis("pools each step of time by itself as a channel") : TimeRule.Window;

    /// <summary>A channel of a sample of the input, or of its gradient.</summary>
    private protected Span<T> Channel<T>(in OpContext<T> c, Span<T> values, int sample, int channel) where T : unmanaged =>
        values.Slice((sample * c.InputStride(0)) + (channel * Positions), Positions);
}
