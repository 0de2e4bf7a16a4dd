using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using EmbeddedBackprop.Kernels.Elements;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Kernels.Scalar;
using EmbeddedBackprop.Kernels.Threads;

namespace EmbeddedBackprop.Kernels.Norms;

/// <summary>
/// Values [batch, channels, positions] in x, their results or gradients in y, two constants a channel that normalise the values, two more
/// (factors or sums), and for the last backward step gamma and dx. A range is one of channels.
/// </summary>
internal readonly ref struct ChannelNormArguments(
    int batch, int channels, int positions, ReadOnlySpan<float> x, int ldx, Span<float> y, int ldy, Span<float> means, Span<float> inverses,
    Span<float> first, Span<float> second, Span<float> gammas, Span<float> dx, bool accumulate = false) : IRangeArguments<ChannelNormArguments>
{
    public readonly int Batch = batch;
    public readonly int Channels = channels;
    public readonly int Positions = positions;
    public readonly int LeadingX = ldx;
    public readonly int LeadingY = ldy;
    public readonly bool Accumulate = accumulate;
    public readonly ReadOnlySpan<float> X = x;
    public readonly Span<float> Y = y;
    public readonly Span<float> Means = means;
    public readonly Span<float> Inverses = inverses;
    public readonly Span<float> First = first;
    public readonly Span<float> Second = second;
    public readonly Span<float> Gammas = gammas;
    public readonly Span<float> Dx = dx;

    public nuint Length => (nuint)Channels;

    public ChannelNormArguments Range(nuint first, nuint count)
    {
        int from = (int)first;
        return new(
            Batch,
            (int)count,
            Positions,
            X[(from * Positions)..],
            LeadingX,
            From(Y, from * Positions),
            LeadingY,
            From(Means, from),
            From(Inverses, from),
            From(First, from),
            From(Second, from),
            From(Gammas, from),
            From(Dx, from * Positions),
            Accumulate);
    }

    /// <summary>Where a sample's row of a matrix begins.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ref float Row(ReadOnlySpan<float> values, int leading, int sample, nuint offset) =>
        ref Unsafe.Add(ref MemoryMarshal.GetReference(values), ((nuint)sample * (nuint)leading) + offset);

    /// <summary>The first of one float a channel.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ref float Each(Span<float> values) => ref MemoryMarshal.GetReference(values);

    private static Span<float> From(Span<float> span, int first) => span.IsEmpty ? span : span[first..];
}

/// <summary>Sums of a channel, or of a vector of features.</summary>
internal static class ChannelSums
{
    /// <summary>The sum over a channel's positions in 16 parts, samples ascending.</summary>
    public static float Channel<T, TTail, TTerm>(in ChannelNormArguments g, int channel, float mean, float inverse)
        where T : struct, IFloatLanes<T>
        where TTail : struct, IFloatLanes<TTail>
        where TTerm : struct, INormTerm
    {
        PartialSums<float> parts = default;
        ref float s = ref Unsafe.As<PartialSums<float>, float>(ref parts);
        nuint length = (nuint)g.Positions, offset = (nuint)channel * length;
        bool paired = !g.Y.IsEmpty;
        for (int b = 0; b < g.Batch; b++)
        {
            ref float x = ref ChannelNormArguments.Row(g.X, g.LeadingX, b, offset);
            ref float dy = ref paired ? ref ChannelNormArguments.Row(g.Y, g.LeadingY, b, offset) : ref x;
            NormTerms.Accumulate<T, TTail, TTerm>(in x, in dy, in x, mean, inverse, length, ref s);
        }

        return NormTerms.Fold<TTail>(in s);
    }

    /// <summary>The chains of neighbouring features over the samples: part 0 of 16, the others of which are +0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Features<T, TTerm>(in ChannelNormArguments g, nuint j, T mean, T inverse)
        where T : struct, IFloatLanes<T>
        where TTerm : struct, INormTerm
    {
        T sum = T.Zero;
        bool paired = !g.Y.IsEmpty;
        for (int b = 0; b < g.Batch; b++)
        {
            T x = T.Load(in ChannelNormArguments.Row(g.X, g.LeadingX, b, j), 0);
            T dy = paired ? T.Load(in ChannelNormArguments.Row(g.Y, g.LeadingY, b, j), 0) : x;
            sum = TTerm.Apply(x, dy, x, mean, inverse, sum);
        }

        // Joining the parts makes a +0 of a -0.
        return sum + T.Zero;
    }
}

/// <summary>Means and variances.</summary>
internal readonly struct MomentsKernel : ILaneKernel<ChannelNormArguments>
{
    public static void Run<T, TTail>(in ChannelNormArguments g)
        where T : struct, IFloatLanes<T>
        where TTail : struct, IFloatLanes<TTail>
    {
        float n = g.Batch * g.Positions;
        if (g.Positions > 1)
        {
            for (int channel = 0; channel < g.Channels; channel++)
            {
                float mean = ChannelSums.Channel<T, TTail, NormTerms.Value>(in g, channel, 0f, 0f) / n;
                g.Means[channel] = mean;
                g.Inverses[channel] = ChannelSums.Channel<T, TTail, NormTerms.Square>(in g, channel, mean, 0f) / n;
            }

            return;
        }

        nuint j = 0, features = (nuint)g.Channels;
        for (; features - j >= (nuint)T.Count; j += (nuint)T.Count)
        {
            Features<T>(in g, j, n);
        }

        for (; j < features; j++)
        {
            Features<TTail>(in g, j, n);
        }
    }

    private static void Features<T>(in ChannelNormArguments g, nuint j, float n)
        where T : struct, IFloatLanes<T>
    {
        T mean = ChannelSums.Features<T, NormTerms.Value>(in g, j, T.Zero, T.Zero) / T.Broadcast(n);
        T.Store(mean, ref ChannelNormArguments.Each(g.Means), j);
        T.Store(ChannelSums.Features<T, NormTerms.Square>(in g, j, mean, T.Zero) / T.Broadcast(n), ref ChannelNormArguments.Each(g.Inverses), j);
    }
}

/// <summary>y = M(gamma, (x - mean) * inverse, beta); gamma and beta are first and second.</summary>
internal readonly struct NormalizeKernel : ILaneKernel<ChannelNormArguments>
{
    public static void Run<T, TTail>(in ChannelNormArguments g)
        where T : struct, IFloatLanes<T>
        where TTail : struct, IFloatLanes<TTail>
    {
        ref float mean = ref ChannelNormArguments.Each(g.Means), inverse = ref ChannelNormArguments.Each(g.Inverses);
        ref float gamma = ref ChannelNormArguments.Each(g.First), beta = ref ChannelNormArguments.Each(g.Second);
        nuint length = (nuint)g.Positions, channels = (nuint)g.Channels, i;
        for (int b = 0; b < g.Batch; b++)
        {
            ref float x = ref ChannelNormArguments.Row(g.X, g.LeadingX, b, 0), y = ref ChannelNormArguments.Row(g.Y, g.LeadingY, b, 0);
            if (length == 1)
            {
                for (i = 0; channels - i >= (nuint)T.Count; i += (nuint)T.Count)
                {
                    Feature<T>(in x, in mean, in inverse, in gamma, in beta, ref y, i);
                }

                for (; i < channels; i++)
                {
                    Feature<TTail>(in x, in mean, in inverse, in gamma, in beta, ref y, i);
                }

                continue;
            }

            for (nuint channel = 0; channel < channels; channel++)
            {
                Plane<T, TTail>(
                    ref Unsafe.Add(ref x, channel * length),
                    Unsafe.Add(ref mean, channel),
                    Unsafe.Add(ref inverse, channel),
                    Unsafe.Add(ref gamma, channel),
                    Unsafe.Add(ref beta, channel),
                    ref Unsafe.Add(ref y, channel * length),
                    length);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Feature<T>(
        ref readonly float x, ref readonly float mean, ref readonly float inverse, ref readonly float gamma, ref readonly float beta,
        ref float y, nuint i)
        where T : struct, IFloatLanes<T>
    {
        T normal = NormFormula.Apply(T.Load(in x, i), T.Load(in mean, i), T.Load(in inverse, i), T.Load(in gamma, i), T.Load(in beta, i));
        T.Store(normal, ref y, i);
    }

    private static void Plane<T, TTail>(ref float x, float mean, float inverse, float gamma, float beta, ref float y, nuint length)
        where T : struct, IFloatLanes<T>
        where TTail : struct, IFloatLanes<TTail>
    {
        T m = T.Broadcast(mean), r = T.Broadcast(inverse), c = T.Broadcast(gamma), d = T.Broadcast(beta);
        nuint i = 0;
        for (; length - i >= (nuint)T.Count; i += (nuint)T.Count)
        {
            T.Store(NormFormula.Apply(T.Load(in x, i), m, r, c, d), ref y, i);
        }

        for (; i < length; i++)
        {
            TTail normal = NormFormula.Apply(
                TTail.Load(in x, i), TTail.Broadcast(mean), TTail.Broadcast(inverse), TTail.Broadcast(gamma), TTail.Broadcast(beta));
            TTail.Store(normal, ref y, i);
        }
    }
}

/// <summary>first = sum of dy, second = sum of dy times the normalised value.</summary>
internal readonly struct SumsKernel : ILaneKernel<ChannelNormArguments>
{
    public static void Run<T, TTail>(in ChannelNormArguments g)
        where T : struct, IFloatLanes<T>
        where TTail : struct, IFloatLanes<TTail>
    {
        if (g.Positions > 1)
        {
            for (int channel = 0; channel < g.Channels; channel++)
            {
                float mean = g.Means[channel], inverse = g.Inverses[channel];
                g.First[channel] = ChannelSums.Channel<T, TTail, NormTerms.Gradient>(in g, channel, mean, inverse);
                g.Second[channel] = ChannelSums.Channel<T, TTail, NormTerms.Product>(in g, channel, mean, inverse);
            }

            return;
        }

        nuint j = 0, features = (nuint)g.Channels;
        for (; features - j >= (nuint)T.Count; j += (nuint)T.Count)
        {
            Features<T>(in g, j);
        }

        for (; j < features; j++)
        {
            Features<TTail>(in g, j);
        }
    }

    private static void Features<T>(in ChannelNormArguments g, nuint j)
        where T : struct, IFloatLanes<T>
    {
        T mean = T.Load(in ChannelNormArguments.Each(g.Means), j), inverse = T.Load(in ChannelNormArguments.Each(g.Inverses), j);
        T.Store(ChannelSums.Features<T, NormTerms.Gradient>(in g, j, mean, inverse), ref ChannelNormArguments.Each(g.First), j);
        T.Store(ChannelSums.Features<T, NormTerms.Product>(in g, j, mean, inverse), ref ChannelNormArguments.Each(g.Second), j);
    }
}

/// <summary>dx from dy (y), the two sums (first and second) and gamma.</summary>
internal readonly struct BackwardKernel : ILaneKernel<ChannelNormArguments>
{
    public static void Run<T, TTail>(in ChannelNormArguments g)
        where T : struct, IFloatLanes<T>
        where TTail : struct, IFloatLanes<TTail>
    {
        nuint length = (nuint)g.Positions, channels = (nuint)g.Channels, i;
        for (int b = 0; b < g.Batch; b++)
        {
            ref float x = ref ChannelNormArguments.Row(g.X, g.LeadingX, b, 0), dy = ref ChannelNormArguments.Row(g.Y, g.LeadingY, b, 0);
            ref float dx = ref ChannelNormArguments.Row(g.Dx, g.LeadingX, b, 0);
            if (length == 1)
            {
                for (i = 0; channels - i >= (nuint)T.Count; i += (nuint)T.Count)
                {
                    One(new Channel<T>(in g, i), ref x, ref dy, ref dx, i, g.Accumulate);
                }

                for (; i < channels; i++)
                {
                    One(new Channel<TTail>(in g, i), ref x, ref dy, ref dx, i, g.Accumulate);
                }

                continue;
            }

            for (nuint channel = 0; channel < channels; channel++)
            {
                Plane<T, TTail>(in g, channel, ref x, ref dy, ref dx);
            }
        }
    }

    private static void Plane<T, TTail>(in ChannelNormArguments g, nuint channel, ref float x, ref float dy, ref float dx)
        where T : struct, IFloatLanes<T>
        where TTail : struct, IFloatLanes<TTail>
    {
        Channel<TTail> one = new(in g, channel);
        Channel<T> all = Channel<T>.Spread(in one);
        nuint i = channel * (nuint)g.Positions, end = i + (nuint)g.Positions;
        for (; end - i >= (nuint)T.Count; i += (nuint)T.Count)
        {
            One(in all, ref x, ref dy, ref dx, i, g.Accumulate);
        }

        for (; i < end; i++)
        {
            One(in one, ref x, ref dy, ref dx, i, g.Accumulate);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void One<T>(in Channel<T> c, ref float x, ref float dy, ref float dx, nuint i, bool accumulate)
        where T : struct, IFloatLanes<T>
    {
        T normal = (T.Load(in x, i) - c.Mean) * c.Inverse;
        T t = c.Factor * T.MultiplyAdd(-normal, c.Product, T.Load(in dy, i) - c.Gradient);
        T.Store(accumulate ? T.Load(in dx, i) + t : t, ref dx, i);
    }

    // The constants of a channel, the same for all its positions.
    private readonly struct Channel<T>
        where T : struct, IFloatLanes<T>
    {
        public readonly T Mean, Inverse, Factor, Gradient, Product;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Channel(in ChannelNormArguments g, nuint j)
        {
            T n = T.Broadcast(g.Batch * g.Positions);
            Mean = T.Load(in ChannelNormArguments.Each(g.Means), j);
            Inverse = T.Load(in ChannelNormArguments.Each(g.Inverses), j);
            Factor = T.Load(in ChannelNormArguments.Each(g.Gammas), j) * Inverse;
            Gradient = T.Load(in ChannelNormArguments.Each(g.First), j) / n;
            Product = T.Load(in ChannelNormArguments.Each(g.Second), j) / n;
        }

        private Channel(T mean, T inverse, T factor, T gradient, T product) =>
            (Mean, Inverse, Factor, Gradient, Product) = (mean, inverse, factor, gradient, product);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Channel<T> Spread<TTail>(in Channel<TTail> one)
            where TTail : struct, IFloatLanes<TTail> => new(
            T.Broadcast(SoftmaxRow.Value(one.Mean)), T.Broadcast(SoftmaxRow.Value(one.Inverse)), T.Broadcast(SoftmaxRow.Value(one.Factor)),
            T.Broadcast(SoftmaxRow.Value(one.Gradient)), T.Broadcast(SoftmaxRow.Value(one.Product)));
    }
}
