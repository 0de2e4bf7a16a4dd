using System.Runtime.CompilerServices;
using EmbeddedBackprop.Kernels.Elements;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Kernels.Convolution;

/// <summary>
/// Element-wise steps after a convolution, done before its sums leave the first cache: y = M(gamma, (x - mean) / sqrt(variance + epsilon), beta) with
/// the running values of a channel, then max(y, 0). The bits of the steps one after the other.
/// </summary>
internal unsafe struct ConvFinish
{
    /// <summary>Running means of the output channels; null where nothing is normalised.</summary>
    public float* Means;
    public float* Variances;
    public float* Gammas;
    public float* Betas;
    public float Epsilon;

    /// <summary>Whether negative results, -0 and NaN become +0.</summary>
    public bool Rectifies;

    /// <summary>Whether there is anything to do.</summary>
    public readonly bool Exists => Rectifies || Normalizes;

    /// <summary>Whether results are normalised.</summary>
    public readonly bool Normalizes => Means != null;

    /// <summary>Floats that <see cref="Pack"/> writes for so many lanes.</summary>
    public static int PackedLength(int lanes) => 4 * lanes;

    /// <summary>Means, inverse deviations, gammas and betas of some channels, each filled up to whole vectors.</summary>
    public readonly void Pack<T>(int channel, int count, int lanes, float* packed) where T : struct, IFloatLanes<T>
    {
        if (Means == null)
        {
            return;
        }

        FloatBlocks.Fill(0f, packed, PackedLength(lanes));
        FloatBlocks.Copy(Means + channel, packed, count);
        FloatBlocks.Copy(Variances + channel, packed + lanes, count);
        FloatBlocks.Copy(Gammas + channel, packed + (2 * lanes), count);
        FloatBlocks.Copy(Betas + channel, packed + (3 * lanes), count);
        for (int lane = 0; lane < lanes; lane += T.Count)
        {
            T.Store(Inverse(T.Load(in packed[lanes + lane], 0)), ref packed[lanes + lane], 0);
        }
    }

    /// <summary>Finishes sums with channels in the lanes, [position][lane].</summary>
    public readonly void Lanes<T>(float* packed, int lanes, float* sums, int positions) where T : struct, IFloatLanes<T>
    {
        for (int lane = 0; lane < lanes; lane += T.Count)
        {
            if (Means == null)
            {
                for (int i = 0; i < positions; i++)
                {
                    ref float at = ref sums[(i * lanes) + lane];
                    T.Store(Rectified(T.Load(in at, 0)), ref at, 0);
                }

                continue;
            }

            float* own = packed + lane;
            T mean = T.Load(in *own, 0), inverse = T.Load(in own[lanes], 0);
            T gamma = T.Load(in own[2 * lanes], 0), beta = T.Load(in own[3 * lanes], 0);
            for (int i = 0; i < positions; i++)
            {
                ref float at = ref sums[(i * lanes) + lane];
                T y = NormFormula.Apply(T.Load(in at, 0), mean, inverse, gamma, beta);
                T.Store(Rectifies ? Rectified(y) : y, ref at, 0);
            }
        }
    }

    /// <summary>Finishes neighbouring positions of a channel.</summary>
    public readonly void Positions<T, TTail>(int channel, float* sums, nint count)
        where T : struct, IFloatLanes<T>
        where TTail : struct, IFloatLanes<TTail>
    {
        nint whole = count - (count % T.Count);
        Positions<T>(channel, sums, whole);
        Positions<TTail>(channel, sums + whole, count - whole);
    }

    /// <summary>The same of whole vectors.</summary>
    public readonly void Positions<T>(int channel, float* sums, nint count) where T : struct, IFloatLanes<T>
    {
        if (Means == null)
        {
            for (nint i = 0; i < count; i += T.Count)
            {
                T.Store(Rectified(T.Load(in sums[i], 0)), ref sums[i], 0);
            }

            return;
        }

        T mean = T.Broadcast(Means[channel]), inverse = Inverse(T.Broadcast(Variances[channel]));
        T gamma = T.Broadcast(Gammas[channel]), beta = T.Broadcast(Betas[channel]);
        for (nint i = 0; i < count; i += T.Count)
        {
            T y = NormFormula.Apply(T.Load(in sums[i], 0), mean, inverse, gamma, beta);
            T.Store(Rectifies ? Rectified(y) : y, ref sums[i], 0);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private readonly T Inverse<T>(T variance) where T : struct, IFloatLanes<T> =>
        InverseDeviation.Apply(variance, variance, variance, T.Broadcast(Epsilon), T.Zero);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T Rectified<T>(T y) where T : struct, IFloatLanes<T> => T.IfGreater(y, T.Zero, y, T.Zero);
}

/// <summary>The finish of results that lie in the maps: rows g.First ... g.End - 1 of the output, counted over all samples.</summary>
internal readonly unsafe struct ConvFinishKernel : ILaneKernel<ConvArguments>
{
    public static void Run<T, TTail>(in ConvArguments g)
        where T : struct, IFloatLanes<T>
        where TTail : struct, IFloatLanes<TTail>
    {
        int height = g.Sizes.OutputHeight, width = g.Sizes.OutputWidth;
        for (int row = g.First, rows; row < g.End; row += rows)
        {
            int y = row % height;
            rows = Math.Min(height - y, g.End - row);
            float* maps = g.Maps + ((nint)(row / height) * g.LeadingMaps) + ((nint)y * width);
            for (int channel = 0; channel < g.Sizes.Outputs; channel++)
            {
                g.Finish.Positions<T, TTail>(channel, maps + ((nint)channel * height * width), (nint)rows * width);
            }
        }
    }
}
