using System.Numerics;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Pooling;

namespace EmbeddedBackprop.Ops;

/// <summary>
/// Maxima over windows, by comparison and select in row-major order: of equal values the first wins, and a NaN only where it stands first. The gradient of a
/// window goes to its maximum, whose place the backward pass finds again in the input: nothing is kept.
/// </summary>
public abstract class MaxPooling : Pooling
{
    private protected MaxPooling(int rank, (int Height, int Width) window, (int Height, int Width) stride, (int Height, int Width) padding)
        : base(rank, window, stride, padding)
    {
    }

    /// <inheritdoc/>
    public override BackwardReads BackwardReads => BackwardReads.Inputs;

    /// <inheritdoc/>
    public override void Forward(in OpContext<float> c) =>
        Pool2D.MaxForward(Sizes, c.Batch, c.Input(0), c.InputStride(0), c.Output, c.OutputStride);

    /// <inheritdoc/>
    public override void Backward(in OpContext<float> c)
    {
        if (c.WantsInputGradient(0))
        {
            Pool2D.MaxBackward(
                Sizes, c.Batch, c.Input(0), c.OutputGradient, c.OutputStride, c.InputGradient(0), c.InputStride(0), c.ContinueInputGradient(0));
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

    private void ForwardTwin<T>(in OpContext<T> c) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Kernels.Scalar.Pool2D.MaxForward<T>(Sizes, c.Batch, c.Input(0), c.InputStride(0), c.Output, c.OutputStride);

    private void BackwardTwin<T>(in OpContext<T> c) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (c.WantsInputGradient(0))
        {
            Kernels.Scalar.Pool2D.MaxBackward<T>(
                Sizes, c.Batch, c.Input(0), c.OutputGradient, c.OutputStride, c.InputGradient(0), c.InputStride(0), c.ContinueInputGradient(0));
        }
    }
}
