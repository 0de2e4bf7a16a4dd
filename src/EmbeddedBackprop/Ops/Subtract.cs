using System.Numerics;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Ops;

/// <summary>y = x0 - x1, element by element.</summary>
public sealed class Subtract : Op
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
    public override void Forward(in OpContext<float> c) => Elementwise.Subtract(c.Input(0), c.Input(1), c.Output);

    /// <summary>dx0 = dy and dx1 = -1 * dy, or dx0 + dy and dx1 - dy where another reader wrote first.</summary>
    public override void Backward(in OpContext<float> c)
    {
        if (c.WantsInputGradient(0))
        {
            Gradients.PassOn(c.OutputGradient, c.InputGradient(0), c.ContinueInputGradient(0));
        }

        if (!c.WantsInputGradient(1))
        {
            return;
        }

        if (c.ContinueInputGradient(1))
        {
            Elementwise.Subtract(c.InputGradient(1), c.OutputGradient, c.InputGradient(1));
        }
        else
        {
            Elementwise.Scale(-1f, c.OutputGradient, c.InputGradient(1));
        }
    }

    /// <inheritdoc/>
    public override void ForwardScalar(in OpContext<float> c) => ForwardTwin(in c);

    /// <inheritdoc/>
    public override void BackwardScalar(in OpContext<float> c) => BackwardTwin(in c);

    /// <inheritdoc/>
    public override void ForwardScalar(in OpContext<double> c) => ForwardTwin(in c);

    /// <inheritdoc/>
    public override void BackwardScalar(in OpContext<double> c) => BackwardTwin(in c);

    private static void ForwardTwin<T>(in OpContext<T> c) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Kernels.Scalar.Elementwise.Subtract<T>(c.Input(0), c.Input(1), c.Output);

    private static void BackwardTwin<T>(in OpContext<T> c) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (c.WantsInputGradient(0))
        {
            Gradients.PassOnScalar<T>(c.OutputGradient, c.InputGradient(0), c.ContinueInputGradient(0));
        }

        if (!c.WantsInputGradient(1))
        {
            return;
        }

        if (c.ContinueInputGradient(1))
        {
            Kernels.Scalar.Elementwise.Subtract<T>(c.InputGradient(1), c.OutputGradient, c.InputGradient(1));
        }
        else
        {
            Kernels.Scalar.Elementwise.Scale(-T.One, c.OutputGradient, c.InputGradient(1));
        }
    }
}
