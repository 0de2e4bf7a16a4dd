using System.Numerics;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Elements;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Ops;

/// <summary>
/// The maximum of every feature over the steps that count, by comparison and select in time order: of equal values the first wins, a NaN only where
/// it is first.
/// The gradient goes to the step of the maximum.
/// </summary>
public sealed class MaxOverTime : OverTime, IPasses<MaxOverTime>
{
    /// <inheritdoc/>
    public override string Kind => "max-time";

    /// <inheritdoc/>
    public override BackwardReads BackwardReads => BackwardReads.Inputs;

    /// <summary>The maxima and their steps (exact in a float), for one sample.</summary>
    public override int BackwardScratchLength(int batch, Layout layout) => 2 * Features;

    internal override int ExportTrainingScratchLength(int batch, bool backward) => 0;

    /// <inheritdoc/>
    internal override bool KeepsIntegers => true;

    /// <inheritdoc/>
    internal override TimeRule AlongTime(ReadOnlySpan<Node> inputs, int axis) =>
        axis > 0 ? TimeRule.OtherAxis("works over the other axis") : TimeRule.Window;

    /// <inheritdoc/>
    protected override Passes Passes => Passes.Of<MaxOverTime>();

    static void IPasses<MaxOverTime>.Forward<T, K>(MaxOverTime op, in OpContext<T> c)
    {
        for (int b = 0; b < c.Batch; b++)
        {
            op.Maximum<T, K>(in c, b, c.OutputRows.Row(b), default);
        }
    }

    static void IPasses<MaxOverTime>.Backward<T, K>(MaxOverTime op, in OpContext<T> c)
    {
        if (!c.WantsInputGradient(0))
        {
            return;
        }

        if (!c.ContinueInputGradient(0))
        {
            c.InputGradient(0).Clear();
        }

        Span<T> maxima = c.Scratch[..op.Features], steps = c.Scratch.Slice(op.Features, op.Features);
        for (int b = 0; b < c.Batch; b++)
        {
            if (op.Maximum<T, K>(in c, b, maxima, steps))
            {
                for (int j = 0; j < op.Features; j++)
                {
                    op.StepGradient(in c, b, int.CreateTruncating(steps[j]))[j] += c.OutputGradient[(b * c.OutputStride) + j];
                }
            }
        }
    }

    /// <summary>The maxima of a sample, and if asked for their steps.</summary>
    /// <returns>Whether any step counts.</returns>
    private bool Maximum<T, K>(in OpContext<T> c, int sample, Span<T> maxima, Span<T> steps)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where K : struct, IKernels<T>
    {
        bool any = false;
        maxima.Clear();
        for (int t = 0; t < Steps; t++)
        {
            if (!Counts(in c, sample, t))
            {
                continue;
            }

            Span<T> x = Step(in c, sample, t);
            if (!any)
            {
                x.CopyTo(maxima);
                steps.Fill(T.CreateChecked(t));
                any = true;
                continue;
            }

            if (!steps.IsEmpty)
            {
                K.Apply<WhereGreater>(LaneDispatch.Either, x, maxima, steps, T.CreateChecked(t));
            }

            K.Apply<KeepGreater>(LaneDispatch.Either, x, x, maxima);
        }

        return any;
    }
}
