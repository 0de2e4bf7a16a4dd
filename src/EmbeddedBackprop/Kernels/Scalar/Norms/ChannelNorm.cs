using System.Numerics;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Kernels.Norms;

namespace EmbeddedBackprop.Kernels.Scalar;

/// <summary>
/// Batch normalisation as textbook loops: the definitions of <see cref="Kernels.Norms.ChannelNorm"/>. x is [batch, channels, length]; n = batch *
/// length.
/// </summary>
/// <remarks>
/// A channel's sum is one long sum and has 16 parts: s[p mod 16] takes position p of every sample, samples ascending, then <see cref="Reduce.Fold"/>.
/// With one position (features instead of channels) that is a plain chain over the samples.
/// </remarks>
internal static class ChannelNorm
{
    /// <summary>mean = sum of x / n; variance = sum of M(x - mean, x - mean, .) / n.</summary>
    public static void Moments<T>(
        Arithmetic arithmetic, int batch, int channels, int length, ReadOnlySpan<T> x, int ldx, Span<T> means, Span<T> variances)
        where T : struct, IBinaryFloatingPointIeee754<T>
    {
        T n = T.CreateChecked(batch * length);
        for (int channel = 0; channel < channels; channel++)
        {
            PartialSums<T> sums = default, squares = default;
            for (int b = 0; b < batch; b++)
            {
                ReadOnlySpan<T> plane = x.Slice((b * ldx) + (channel * length), length);
                for (int p = 0; p < length; p++)
                {
                    sums[p % 16] += plane[p];
                }
            }

            T mean = Reduce.Fold<T>(sums) / n;
            for (int b = 0; b < batch; b++)
            {
                ReadOnlySpan<T> plane = x.Slice((b * ldx) + (channel * length), length);
                for (int p = 0; p < length; p++)
                {
                    squares[p % 16] = ScalarMath.MultiplyAdd(arithmetic, plane[p] - mean, plane[p] - mean, squares[p % 16]);
                }
            }

            means[channel] = mean;
            variances[channel] = Reduce.Fold<T>(squares) / n;
        }
    }

    /// <summary>y = M(gamma, (x - mean) * inverse, beta).</summary>
    public static void Normalize<T>(
        Arithmetic arithmetic, int batch, int channels, int length, ReadOnlySpan<T> x, int ldx, ReadOnlySpan<T> means, ReadOnlySpan<T> inverses,
        ReadOnlySpan<T> gammas, ReadOnlySpan<T> betas, Span<T> y, int ldy)
        where T : struct, IBinaryFloatingPointIeee754<T>
    {
        for (int b = 0; b < batch; b++)
        {
            for (int channel = 0; channel < channels; channel++)
            {
                for (int p = channel * length; p < (channel + 1) * length; p++)
                {
                    T normal = (x[(b * ldx) + p] - means[channel]) * inverses[channel];
                    y[(b * ldy) + p] = ScalarMath.MultiplyAdd(arithmetic, gammas[channel], normal, betas[channel]);
                }
            }
        }
    }

    /// <summary>gradients = sum of dy; products = sum of M(dy, (x - mean) * inverse, .).</summary>
    public static void Sums<T>(
        Arithmetic arithmetic, int batch, int channels, int length, ReadOnlySpan<T> x, int ldx, ReadOnlySpan<T> means, ReadOnlySpan<T> inverses,
        ReadOnlySpan<T> dy, int lddy, Span<T> gradients, Span<T> products)
        where T : struct, IBinaryFloatingPointIeee754<T>
    {
        for (int channel = 0; channel < channels; channel++)
        {
            PartialSums<T> plain = default, weighted = default;
            for (int b = 0; b < batch; b++)
            {
                for (int p = 0; p < length; p++)
                {
                    T d = dy[(b * lddy) + (channel * length) + p];
                    T normal = (x[(b * ldx) + (channel * length) + p] - means[channel]) * inverses[channel];
                    plain[p % 16] += d;
                    weighted[p % 16] = ScalarMath.MultiplyAdd(arithmetic, d, normal, weighted[p % 16]);
                }
            }

            gradients[channel] = Reduce.Fold<T>(plain);
            products[channel] = Reduce.Fold<T>(weighted);
        }
    }

    /// <summary>
    /// t = gamma * inverse * M(-normal, products / n, dy - gradients / n) with normal = (x - mean) * inverse; dx = t, or dx + t.
    /// With sums of 0 it is the gradient for fixed means and variances.
    /// </summary>
    public static void Backward<T>(
        Arithmetic arithmetic, int batch, int channels, int length, ReadOnlySpan<T> x, int ldx, ReadOnlySpan<T> means, ReadOnlySpan<T> inverses,
        ReadOnlySpan<T> gammas, ReadOnlySpan<T> dy, int lddy, ReadOnlySpan<T> gradients, ReadOnlySpan<T> products, Span<T> dx, bool accumulate)
        where T : struct, IBinaryFloatingPointIeee754<T>
    {
        T n = T.CreateChecked(batch * length);
        for (int b = 0; b < batch; b++)
        {
            for (int channel = 0; channel < channels; channel++)
            {
                T gradient = gradients[channel] / n, product = products[channel] / n, factor = gammas[channel] * inverses[channel];
                for (int p = channel * length; p < (channel + 1) * length; p++)
                {
                    T normal = (x[(b * ldx) + p] - means[channel]) * inverses[channel];
                    T t = factor * ScalarMath.MultiplyAdd(arithmetic, -normal, product, dy[(b * lddy) + p] - gradient);
                    dx[(b * ldx) + p] = accumulate ? dx[(b * ldx) + p] + t : t;
                }
            }
        }
    }
}
