using EmbeddedBackprop.Graphs;

namespace EmbeddedBackprop.Ops;

/// <summary>
/// Means over windows: the sum in row-major order from +0, divided by the number of positions. In the backward pass each position of a window gets
/// the window's gradient divided by that number.
/// </summary>
public abstract class AveragePooling : Pooling, IPasses<AveragePooling>
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
    internal override Op? Quantized(in QuantizeContext c) =>
        Integer.IntegerActivation.Ends(c.Activation) ? new Integer.IntegerAveragePool(this, c.Bits, c.Activation, c.Tied) : null;

    /// <inheritdoc/>
    protected override Passes Passes => Passes.Of<AveragePooling>();

    static void IPasses<AveragePooling>.Forward<T, K>(AveragePooling op, in OpContext<T> c) =>
        K.AveragePool(op.Sizes, op.CountIncludePad, c.InputRows(0), c.OutputRows);

    static void IPasses<AveragePooling>.Backward<T, K>(AveragePooling op, in OpContext<T> c)
    {
        if (c.WantsInputGradient(0))
        {
            K.AveragePoolGradient(op.Sizes, op.CountIncludePad, c.OutputGradientRows, c.InputGradientRows(0), c.ContinueInputGradient(0));
        }
    }
}
