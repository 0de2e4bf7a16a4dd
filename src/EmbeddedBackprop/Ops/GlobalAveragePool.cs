using System.Numerics;
using System.Numerics.Tensors;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Ops;

/// <summary>
/// The mean of every channel. It is one long sum, so it has 16 parts: position p goes to part p mod 16, the parts are joined by <see cref="Reduce.Fold"/>, and the
/// sum is divided by the number of positions. Each position gets the gradient divided by that number. Source: Lin, Chen and Yan 2014.
/// </summary>
public sealed class GlobalAveragePool : GlobalPooling
{
    /// <inheritdoc/>
    public override string Kind => "global-avgpool";

    /// <inheritdoc/>
    public override BackwardReads BackwardReads => BackwardReads.Nothing;

    /// <inheritdoc/>
    public override void Forward(in OpContext<float> c)
    {
        for (int b = 0; b < c.Batch; b++)
        {
            Span<float> y = c.Output.Slice(b * c.OutputStride, Channels);
            Reduce.SumRows(Channels, Positions, c.Input(0)[(b * c.InputStride(0))..], Positions, y);
            TensorPrimitives.Divide(y, Positions, y);
        }
    }

    /// <inheritdoc/>
    public override void Backward(in OpContext<float> c)
    {
        for (int b = 0; b < c.Batch && c.WantsInputGradient(0); b++)
        {
            for (int channel = 0; channel < Channels; channel++)
            {
                float d = c.OutputGradient[(b * c.OutputStride) + channel] / Positions;
                Span<float> dx = Channel(in c, c.InputGradient(0), b, channel);
                if (c.ContinueInputGradient(0))
                {
                    TensorPrimitives.Add(dx, d, dx);
                }
                else
                {
                    dx.Fill(d);
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

    private void ForwardTwin<T>(in OpContext<T> c) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        for (int b = 0; b < c.Batch; b++)
        {
            for (int channel = 0; channel < Channels; channel++)
            {
                c.Output[(b * c.OutputStride) + channel] =
                    Kernels.Scalar.Reduce.Sum<T>(Channel(in c, c.Input(0), b, channel)) / T.CreateChecked(Positions);
            }
        }
    }

    private void BackwardTwin<T>(in OpContext<T> c) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        for (int b = 0; b < c.Batch && c.WantsInputGradient(0); b++)
        {
            for (int channel = 0; channel < Channels; channel++)
            {
                T d = c.OutputGradient[(b * c.OutputStride) + channel] / T.CreateChecked(Positions);
                foreach (ref T dx in Channel(in c, c.InputGradient(0), b, channel))
                {
                    dx = c.ContinueInputGradient(0) ? dx + d : d;
                }
            }
        }
    }
}
