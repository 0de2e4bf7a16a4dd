using System.Numerics;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Elements;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Ops;

/// <summary>
/// The maximum of every feature over the steps that count, by comparison and select in time order: of equal values the first wins, a NaN only where it is first.
/// The gradient goes to the step of the maximum.
/// </summary>
public sealed class MaxOverTime : OverTime
{
    /// <inheritdoc/>
    public override string Kind => "max-time";

    /// <inheritdoc/>
    public override BackwardReads BackwardReads => BackwardReads.Inputs;

    /// <summary>The maxima and their steps (exact in a float), for one sample.</summary>
    public override int BackwardScratchLength(int batch, Layout layout) => 2 * Features;

    internal override int ExportTrainingScratchLength(int batch, bool backward) => 0;

    /// <inheritdoc/>
    public override void Forward(in OpContext<float> c)
    {
        for (int b = 0; b < c.Batch; b++)
        {
            Maximum(in c, b, c.Output.Slice(b * c.OutputStride, Features), default);
        }
    }

    /// <inheritdoc/>
    public override void Backward(in OpContext<float> c)
    {
        if (!c.WantsInputGradient(0))
        {
            return;
        }

        if (!c.ContinueInputGradient(0))
        {
            c.InputGradient(0).Clear();
        }

        for (int b = 0; b < c.Batch; b++)
        {
            Span<float> steps = c.Scratch.Slice(Features, Features);
            if (Maximum(in c, b, c.Scratch[..Features], steps))
            {
                for (int j = 0; j < Features; j++)
                {
                    StepGradient(in c, b, (int)steps[j])[j] += c.OutputGradient[(b * c.OutputStride) + j];
                }
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

    /// <summary>The maxima of a sample, and if asked for the steps where they stand.</summary>
    /// <returns>Whether any step counts.</returns>
    private bool Maximum(in OpContext<float> c, int sample, Span<float> maxima, Span<float> steps)
    {
        bool any = false;
        maxima.Clear();
        for (int t = 0; t < Steps; t++)
        {
            if (!Counts(in c, sample, t))
            {
                continue;
            }

            Span<float> x = Step(in c, sample, t);
            if (!any)
            {
                x.CopyTo(maxima);
                steps.Fill(t);
                any = true;
                continue;
            }

            if (!steps.IsEmpty)
            {
                ElementFormula.Run<WhereGreater>(Arithmetic.Fused, x, maxima, steps, t);
            }

            ElementFormula.Run<KeepGreater>(Arithmetic.Fused, x, x, maxima);
        }

        return any;
    }

    private void ForwardTwin<T>(in OpContext<T> c) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        for (int b = 0; b < c.Batch; b++)
        {
            for (int j = 0; j < Features; j++)
            {
                int winner = Winner(in c, b, j);
                c.Output[(b * c.OutputStride) + j] = winner < 0 ? T.Zero : Step(in c, b, winner)[j];
            }
        }
    }

    private void BackwardTwin<T>(in OpContext<T> c) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (!c.WantsInputGradient(0))
        {
            return;
        }

        if (!c.ContinueInputGradient(0))
        {
            c.InputGradient(0).Clear();
        }

        for (int b = 0; b < c.Batch; b++)
        {
            for (int j = 0; j < Features; j++)
            {
                int winner = Winner(in c, b, j);
                if (winner >= 0)
                {
                    StepGradient(in c, b, winner)[j] += c.OutputGradient[(b * c.OutputStride) + j];
                }
            }
        }
    }

    private int Winner<T>(in OpContext<T> c, int sample, int j) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int winner = -1;
        for (int t = 0; t < Steps; t++)
        {
            if (Counts(in c, sample, t) && (winner < 0 || Step(in c, sample, t)[j] > Step(in c, sample, winner)[j]))
            {
                winner = t;
            }
        }

        return winner;
    }
}
