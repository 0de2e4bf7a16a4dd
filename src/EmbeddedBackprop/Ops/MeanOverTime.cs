using System.Numerics;
using System.Numerics.Tensors;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Ops;

/// <summary>
/// The mean of every feature over the steps that count: +0 + x + x + ... in time order, divided by their number. Each of them gets the gradient divided by that
/// number.
/// </summary>
public sealed class MeanOverTime : OverTime
{
    /// <inheritdoc/>
    public override string Kind => "mean-time";

    /// <summary>The mask, where there is one.</summary>
    public override BackwardReads BackwardReads => Masked ? BackwardReads.Inputs : BackwardReads.Nothing;

    /// <inheritdoc/>
    public override void Forward(in OpContext<float> c)
    {
        for (int b = 0; b < c.Batch; b++)
        {
            Span<float> y = c.Output.Slice(b * c.OutputStride, Features);
            y.Clear();
            for (int t = 0; t < Steps; t++)
            {
                if (Counts(in c, b, t))
                {
                    Elementwise.Add(y, Step(in c, b, t), y);
                }
            }

            if (Count(in c, b) is > 0 and int n)
            {
                TensorPrimitives.Divide(y, n, y);
            }
        }
    }

    /// <inheritdoc/>
    public override void Backward(in OpContext<float> c)
    {
        for (int b = 0; b < c.Batch && c.WantsInputGradient(0); b++)
        {
            Span<float> dy = c.OutputGradient.Slice(b * c.OutputStride, Features);
            if (Count(in c, b) is > 0 and int n)
            {
                TensorPrimitives.Divide(dy, n, dy);
            }

            for (int t = 0; t < Steps; t++)
            {
                if (Counts(in c, b, t))
                {
                    Gradients.PassOn(dy, StepGradient(in c, b, t), c.ContinueInputGradient(0));
                }
                else if (!c.ContinueInputGradient(0))
                {
                    StepGradient(in c, b, t).Clear();
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

    private int Count<T>(in OpContext<T> c, int sample) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int count = 0;
        for (int t = 0; t < Steps; t++)
        {
            count += Counts(in c, sample, t) ? 1 : 0;
        }

        return count;
    }

    private void ForwardTwin<T>(in OpContext<T> c) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        for (int b = 0; b < c.Batch; b++)
        {
            int n = Count(in c, b);
            for (int j = 0; j < Features; j++)
            {
                T sum = T.Zero;
                for (int t = 0; t < Steps; t++)
                {
                    sum = Counts(in c, b, t) ? sum + Step(in c, b, t)[j] : sum;
                }

                c.Output[(b * c.OutputStride) + j] = n > 0 ? sum / T.CreateChecked(n) : sum;
            }
        }
    }

    private void BackwardTwin<T>(in OpContext<T> c) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        bool accumulate = c.ContinueInputGradient(0);
        for (int b = 0; b < c.Batch && c.WantsInputGradient(0); b++)
        {
            int n = Count(in c, b);
            for (int t = 0; t < Steps; t++)
            {
                Span<T> dx = StepGradient(in c, b, t);
                for (int j = 0; j < Features; j++)
                {
                    T before = accumulate ? dx[j] : T.Zero;
                    T d = c.OutputGradient[(b * c.OutputStride) + j] / T.CreateChecked(Math.Max(n, 1));
                    dx[j] = !Counts(in c, b, t) ? before : accumulate ? before + d : d;
                }
            }
        }
    }
}
