using System.Numerics;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Ops;

/// <summary>
/// The maximum of every channel, in 16 parts as <see cref="Reduce.Max"/> defines it. The gradient goes to the first position that equals the maximum, or to the
/// first of all where none does (a NaN).
/// </summary>
public sealed class GlobalMaxPool : GlobalPooling
{
    /// <inheritdoc/>
    public override string Kind => "global-maxpool";

    /// <inheritdoc/>
    public override BackwardReads BackwardReads => BackwardReads.Inputs | BackwardReads.Outputs;

    /// <inheritdoc/>
    public override void Forward(in OpContext<float> c)
    {
        for (int b = 0; b < c.Batch; b++)
        {
            for (int channel = 0; channel < Channels; channel++)
            {
                c.Output[(b * c.OutputStride) + channel] = Reduce.Max(Channel(in c, c.Input(0), b, channel));
            }
        }
    }

    /// <inheritdoc/>
    public override void Backward(in OpContext<float> c) => BackwardTwin(in c);

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
                c.Output[(b * c.OutputStride) + channel] = Kernels.Scalar.Reduce.Max<T>(Channel(in c, c.Input(0), b, channel));
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
            for (int channel = 0; channel < Channels; channel++)
            {
                Span<T> x = Channel(in c, c.Input(0), b, channel);
                T maximum = c.Output[(b * c.OutputStride) + channel];
                int winner = 0;
                while (winner < x.Length && x[winner] != maximum)
                {
                    winner++;
                }

                winner = winner == x.Length ? 0 : winner;
                Channel(in c, c.InputGradient(0), b, channel)[winner] += c.OutputGradient[(b * c.OutputStride) + channel];
            }
        }
    }
}
