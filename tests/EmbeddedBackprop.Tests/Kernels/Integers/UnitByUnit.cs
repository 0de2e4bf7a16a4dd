using EmbeddedBackprop.Kernels.Scalar;

namespace EmbeddedBackprop.Tests.Kernels.Integers;

/// <summary>A step of a recurrent layer on integers, one unit after the other by the definition of its cell.</summary>
internal static class UnitByUnit
{
    public static void Rnn(ReadOnlySpan<int> p, ReadOnlySpan<int> q, Span<int> h)
    {
        for (int j = 0; j < h.Length; j++)
        {
            h[j] = IntegerGates.Tanh(p[j] + q[j]);
        }
    }

    public static void RnnRelu(ReadOnlySpan<int> p, ReadOnlySpan<int> q, Span<int> h)
    {
        for (int j = 0; j < h.Length; j++)
        {
            h[j] = Math.Clamp(p[j] + q[j], 0, short.MaxValue);
        }
    }

    public static void Gru(ReadOnlySpan<int> p, ReadOnlySpan<int> q, Span<int> h)
    {
        int n = h.Length;
        for (int j = 0; j < n; j++)
        {
            h[j] = IntegerGates.Gru(p[j] + q[j], p[n + j] + q[n + j], p[(2 * n) + j], q[(2 * n) + j], h[j]);
        }
    }

    public static void Lstm(ReadOnlySpan<int> p, ReadOnlySpan<int> q, int k, Span<int> h, Span<int> c)
    {
        int n = h.Length;
        for (int j = 0; j < n; j++)
        {
            (h[j], c[j]) = IntegerGates.Lstm(
                p[j] + q[j], p[n + j] + q[n + j], p[(2 * n) + j] + q[(2 * n) + j], p[(3 * n) + j] + q[(3 * n) + j], c[j], k);
        }
    }
}
