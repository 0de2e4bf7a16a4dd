using System.Numerics;
using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Ops;

/// <summary>What the statistics of one row are made of.</summary>
internal readonly struct Moments<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>Samples.</summary>
    public T Count { get; private init; }

    /// <summary>The mean.</summary>
    public T Mean { get; private init; }

    /// <summary>The root of the mean of the squares.</summary>
    public T Rms { get; private init; }

    /// <summary>m_2.</summary>
    public T Second { get; private init; }

    /// <summary>m_3.</summary>
    public T Third { get; private init; }

    /// <summary>m_4.</summary>
    public T Fourth { get; private init; }

    /// <summary>The largest magnitude.</summary>
    public T Peak { get; private init; }

    /// <summary>Changes of sign, divided by n - 1.</summary>
    public T ZeroCrossings { get; private init; }

    /// <summary>sqrt(m_2).</summary>
    public T Deviation => T.Sqrt(Second);

    /// <summary>m_3 / (m_2 sqrt(m_2)).</summary>
    public T Skewness => Second > T.Zero ? Third / (Second * Deviation) : T.Zero;

    /// <summary>m_4 / (m_2 m_2).</summary>
    public T Kurtosis => Second > T.Zero ? Fourth / (Second * Second) : T.Zero;

    /// <summary>The peak divided by the root of the mean of the squares.</summary>
    public T Crest => Rms > T.Zero ? Peak / Rms : T.Zero;

    /// <summary>The moments of a row; scratch has room for two.</summary>
    public static Moments<T> Of<K>(Arithmetic arithmetic, Span<T> x, Span<T> scratch) where K : struct, IKernels<T>
    {
        T n = T.CreateTruncating(x.Length), mean = K.Sum(x) / n, rms = T.Sqrt(K.Dot(arithmetic, x, x) / n);
        Span<T> c = scratch[..x.Length], q = scratch.Slice(x.Length, x.Length);
        int crossings = 0;
        for (int t = 0; t < x.Length; t++)
        {
            q[t] = T.Abs(x[t]);
            crossings += t > 0 && (x[t] < T.Zero) != (x[t - 1] < T.Zero) ? 1 : 0;
        }

        T peak = K.Max(q);
        K.Add(x, -mean, c);
        K.Multiply(c, c, q);
        return new Moments<T>
        {
            Count = n,
            Mean = mean,
            Rms = rms,
            Second = K.Dot(arithmetic, c, c) / n,
            Third = K.Dot(arithmetic, q, c) / n,
            Fourth = K.Dot(arithmetic, q, q) / n,
            Peak = peak,
            ZeroCrossings = x.Length > 1 ? T.CreateTruncating(crossings) / T.CreateTruncating(x.Length - 1) : T.Zero,
        };
    }
}
