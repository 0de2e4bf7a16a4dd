using System.Numerics;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Pooling;

namespace EmbeddedBackprop.Ops;

/// <summary>
/// Means over windows: the sum in row-major order from +0, divided by the number of positions. In the backward pass each position of a window gets the
/// window's gradient divided by that number.
/// </summary>
public abstract class AveragePooling : Pooling
{
    private protected AveragePooling(int rank, (int Height, int Width) window, (int Height, int Width) stride, (int Height, int Width) padding)
        : base(rank, window, stride, padding)
    {
    }

    /// <summary>Whether the mean is over the whole window, positions in the padding counting as 0, and not over the positions inside only.</summary>
    public bool CountIncludePad { get; init; }

    /// <inheritdoc/>
    public override string Settings => CountIncludePad ? base.Settings + " count-include-pad" : base.Settings;

    /// <inheritdoc/>
    public override BackwardReads BackwardReads => BackwardReads.Nothing;

    /// <inheritdoc/>
    public override void Forward(in OpContext<float> c) =>
        Pool2D.AverageForward(Sizes, CountIncludePad, c.Batch, c.Input(0), c.InputStride(0), c.Output, c.OutputStride);

    /// <inheritdoc/>
    public override void Backward(in OpContext<float> c)
    {
        if (c.WantsInputGradient(0))
        {
            Pool2D.AverageBackward(
                Sizes, CountIncludePad, c.Batch, c.OutputGradient, c.OutputStride, c.InputGradient(0), c.InputStride(0), c.ContinueInputGradient(0));
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
        Kernels.Scalar.Pool2D.AverageForward<T>(Sizes, CountIncludePad, c.Batch, c.Input(0), c.InputStride(0), c.Output, c.OutputStride);

    private void BackwardTwin<T>(in OpContext<T> c) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (c.WantsInputGradient(0))
        {
            Kernels.Scalar.Pool2D.AverageBackward<T>(
                Sizes, CountIncludePad, c.Batch, c.OutputGradient, c.OutputStride, c.InputGradient(0), c.InputStride(0), c.ContinueInputGradient(0));
        }
    }
}
