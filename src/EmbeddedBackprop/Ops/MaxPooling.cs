using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels.Pooling;

namespace EmbeddedBackprop.Ops;

/// <summary>
/// Maxima over windows, by comparison and select in row-major order: of equal values the first wins, and a NaN only where it comes first.
/// The gradient of a window goes to its maximum, whose position the backward pass finds again in the input: nothing is kept.
/// </summary>
public abstract class MaxPooling : Pooling, IPasses<MaxPooling>
{
    private protected MaxPooling(int rank, (int Height, int Width) window, (int Height, int Width) stride, (int Height, int Width) padding)
        : base(rank, window, stride, padding)
    {
    }

    /// <inheritdoc/>
    public override BackwardReads BackwardReads => BackwardReads.Inputs;

    /// <inheritdoc/>
    internal override bool KeepsIntegers => true;

    /// <inheritdoc/>
    protected override Passes Passes => Passes.Of<MaxPooling>();

    /// <inheritdoc/>
    public override void Backward(in OpContext<float> c)
    {
        if (c.Derives)
        {
            Pool2D.MaxBackwardAndRectifier(
                Sizes, c.Batch, c.Input(0), c.OutputGradient, c.OutputStride, c.InputGradient(0), c.InputStride(0));
            return;
        }

        base.Backward(in c);
    }

    static void IPasses<MaxPooling>.Forward<T, K>(MaxPooling op, in OpContext<T> c) => K.MaxPool(op.Sizes, c.InputRows(0), c.OutputRows);

    static void IPasses<MaxPooling>.Backward<T, K>(MaxPooling op, in OpContext<T> c)
    {
        if (c.WantsInputGradient(0))
        {
            K.MaxPoolGradient(op.Sizes, c.InputRows(0), c.OutputGradientRows, c.InputGradientRows(0), c.ContinueInputGradient(0));
        }
    }
}
