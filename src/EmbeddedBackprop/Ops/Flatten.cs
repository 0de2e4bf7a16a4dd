using System.Numerics;
using EmbeddedBackprop.Graphs;

namespace EmbeddedBackprop.Ops;

/// <summary>All numbers of a sample as one row, in their order: channels, then rows, then columns.</summary>
public sealed class Flatten : Op
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
            Errors.InputCount(name, 1, inputs.Length);
        }

        return new Shape(inputs[0].Shape.Length);
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

    private static void Move<T>(in OpContext<T> c) where T : unmanaged => c.Input(0).CopyTo(c.Output);

    private static void MoveBack<T>(in OpContext<T> c, bool scalar) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (c.WantsInputGradient(0))
        {
            Gradients.PassOn(scalar, c.OutputGradient, c.InputGradient(0), c.ContinueInputGradient(0));
        }
    }
}
