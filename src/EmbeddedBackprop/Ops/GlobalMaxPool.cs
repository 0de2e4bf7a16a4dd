using System.Numerics;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Sets;

namespace EmbeddedBackprop.Ops;

/// <summary>
/// The maximum of every channel, in 16 parts as <see cref="Reduce.Max"/> defines it. The gradient goes to the first position that equals the maximum,
/// or to the first of all where none does (a NaN).
/// </summary>
public sealed class GlobalMaxPool : GlobalPooling, IPasses<GlobalMaxPool>
{
    /// <inheritdoc/>
    public override string Kind => "global-maxpool";

    /// <inheritdoc/>
    public override BackwardReads BackwardReads => BackwardReads.Inputs | BackwardReads.Outputs;

    /// <inheritdoc/>
    internal override bool KeepsIntegers => true;

    /// <inheritdoc/>
    protected override Passes Passes => Passes.Of<GlobalMaxPool>();

    static void IPasses<GlobalMaxPool>.Forward<T, K>(GlobalMaxPool op, in OpContext<T> c)
    {
        for (int b = 0; b < c.Batch; b++)
        {
            for (int channel = 0; channel < op.Channels; channel++)
            {
                c.Output[(b * c.OutputStride) + channel] = K.Max(op.Channel(in c, c.Input(0), b, channel));
            }
        }
    }

    static void IPasses<GlobalMaxPool>.Backward<T, K>(GlobalMaxPool op, in OpContext<T> c)
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
            for (int channel = 0; channel < op.Channels; channel++)
            {
                Span<T> x = op.Channel(in c, c.Input(0), b, channel);
                int winner = Winner<T, K>(x, c.Output[(b * c.OutputStride) + channel]);
                op.Channel(in c, c.InputGradient(0), b, channel)[winner] += c.OutputGradient[(b * c.OutputStride) + channel];
            }
        }
    }

    /// <summary>The first position of the maximum; 0 where it is NaN.</summary>
    private static int Winner<T, K>(Span<T> x, T maximum)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where K : struct, IKernels<T>
    {
        int winner = 0;
        if (typeof(K) == typeof(SimdKernels))
        {
            // Whole vectors without the maximum are passed over.
            Vector<T> wanted = new(maximum);
            while (x.Length - winner >= Vector<T>.Count && !Vector.EqualsAny(new Vector<T>(x[winner..]), wanted))
            {
                winner += Vector<T>.Count;
            }
        }

        while (winner < x.Length && x[winner] != maximum)
        {
            winner++;
        }

        return winner == x.Length ? 0 : winner;
    }
}
