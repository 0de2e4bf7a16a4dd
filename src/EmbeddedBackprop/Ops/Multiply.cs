using System.Numerics;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Ops;

/// <summary>y = x0 * x1, element by element: gates and masks.</summary>
public sealed class Multiply : Op
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
    public override void Forward(in OpContext<float> c) => Elementwise.Multiply(c.Input(0), c.Input(1), c.Output);

    /// <summary>dx0 = dy * x1, or M(dy, x1, dx0) where another reader wrote first; the other way round for x1.</summary>
    public override void Backward(in OpContext<float> c)
    {
        for (int i = 0; i < 2; i++)
        {
            if (!c.WantsInputGradient(i))
            {
                continue;
            }

            if (c.ContinueInputGradient(i))
            {
                Elementwise.MultiplyAdd(c.Arithmetic, c.OutputGradient, c.Input(1 - i), c.InputGradient(i));
            }
            else
            {
                Elementwise.Multiply(c.OutputGradient, c.Input(1 - i), c.InputGradient(i));
            }
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
        Kernels.Scalar.Elementwise.Multiply<T>(c.Input(0), c.Input(1), c.Output);

    private static void BackwardTwin<T>(in OpContext<T> c) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        for (int i = 0; i < 2; i++)
        {
            if (!c.WantsInputGradient(i))
            {
                continue;
            }

            if (c.ContinueInputGradient(i))
            {
                Kernels.Scalar.Elementwise.MultiplyAdd<T>(c.Arithmetic, c.OutputGradient, c.Input(1 - i), c.InputGradient(i));
            }
            else
            {
                Kernels.Scalar.Elementwise.Multiply<T>(c.OutputGradient, c.Input(1 - i), c.InputGradient(i));
            }
        }
    }
}
