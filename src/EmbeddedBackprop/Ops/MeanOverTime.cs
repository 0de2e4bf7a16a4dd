using System.Numerics;
using EmbeddedBackprop.Graphs;

namespace EmbeddedBackprop.Ops;

/// <summary>
/// The mean of every feature over the steps that count: +0 + x + x + ... in time order, divided by their number. Each of them gets the gradient
/// divided by that number.
/// </summary>
public sealed class MeanOverTime : OverTime, IPasses<MeanOverTime>
{
    /// <inheritdoc/>
    public override string Kind => "mean-time";

    /// <summary>The mask, where there is one.</summary>
    public override BackwardReads BackwardReads => Masked ? BackwardReads.Inputs : BackwardReads.Nothing;

    /// <inheritdoc/>
    internal override Op? Quantized(in QuantizeContext c) =>
        Integer.IntegerActivation.Ends(c.Activation) ? new Integer.IntegerMeanOverTime(this, c.Bits, c.Activation, c.Tied) : null;

    /// <inheritdoc/>
    internal override TimeRule AlongTime(ReadOnlySpan<Node> inputs, int axis) =>
        axis > 0 ? TimeRule.OtherAxis("works over the other axis") : TimeRule.Window;

    /// <inheritdoc/>
    protected override Passes Passes => Passes.Of<MeanOverTime>();

    static void IPasses<MeanOverTime>.Forward<T, K>(MeanOverTime op, in OpContext<T> c)
    {
        for (int b = 0; b < c.Batch; b++)
        {
            Span<T> y = c.OutputRows.Row(b);
            y.Clear();
            for (int t = 0; t < op.Steps; t++)
            {
                if (Counts(in c, b, t))
                {
                    K.Add(y, op.Step(in c, b, t), y);
                }
            }

            if (op.Count(in c, b) is > 0 and int n)
            {
                K.Divide(y, T.CreateChecked(n), y);
            }
        }
    }

    static void IPasses<MeanOverTime>.Backward<T, K>(MeanOverTime op, in OpContext<T> c)
    {
        for (int b = 0; b < c.Batch && c.WantsInputGradient(0); b++)
        {
            Span<T> dy = c.OutputGradientRows.Row(b);
            if (op.Count(in c, b) is > 0 and int n)
            {
                K.Divide(dy, T.CreateChecked(n), dy);
            }

            for (int t = 0; t < op.Steps; t++)
            {
                if (Counts(in c, b, t))
                {
                    Gradients.PassOn<T, K>(dy, op.StepGradient(in c, b, t), c.ContinueInputGradient(0));
                }
                else if (!c.ContinueInputGradient(0))
                {
                    op.StepGradient(in c, b, t).Clear();
                }
            }
        }
    }

    private int Count<T>(in OpContext<T> c, int sample) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int count = 0;
        for (int t = 0; t < Steps; t++)
        {
            count += Counts(in c, sample, t) ? 1 : 0;
        }

        return count;
    }
}
