using System.Numerics;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Kernels.Norms;

namespace EmbeddedBackprop.Kernels.Scalar;

/// <summary>
/// Layer normalisation as textbook loops: the definitions of <see cref="Kernels.Norms.RowNorm"/>. A sample has so many rows of n elements,
/// one after the other;
/// sums over a row are long sums in 16 parts, element j in part j mod 16.
/// </summary>
internal static class RowNorm
{
    /// <summary>
    /// mean = sum of x / n; variance = sum of M(x - mean, x - mean, .) / n; inverse = 1 / sqrt(variance + epsilon); y = M(gamma, (x - mean) *
    /// inverse, beta).
    /// The mean and the inverse of every row are kept where there is room: means and inverses are [batch * rows], or empty.
    /// </summary>
    public static void Forward<T>(
        Arithmetic arithmetic, int batch, int rows, int n, ReadOnlySpan<T> x, int ldx, ReadOnlySpan<T> gamma, ReadOnlySpan<T> beta, T epsilon,
        Span<T> y, int ldy, Span<T> means, Span<T> inverses)
        where T : struct, IBinaryFloatingPointIeee754<T>
    {
        for (int i = 0; i < batch * rows; i++)
        {
            ReadOnlySpan<T> from = x.Slice((i / rows * ldx) + (i % rows * n), n);
            Span<T> to = y.Slice((i / rows * ldy) + (i % rows * n), n);
            T mean = Reduce.Sum(from) / T.CreateChecked(n);
            PartialSums<T> squares = default;
            for (int j = 0; j < n; j++)
            {
                squares[j % 16] = ScalarMath.MultiplyAdd(arithmetic, from[j] - mean, from[j] - mean, squares[j % 16]);
            }

            T inverse = T.One / T.Sqrt((Reduce.Fold<T>(squares) / T.CreateChecked(n)) + epsilon);
            for (int j = 0; j < n; j++)
            {
                to[j] = ScalarMath.MultiplyAdd(arithmetic, gamma[j], (from[j] - mean) * inverse, beta[j]);
            }

            if (!means.IsEmpty)
            {
                (means[i], inverses[i]) = (mean, inverse);
            }
        }
    }

    /// <summary>
    /// With normal = (x - mean) * inverse: dgamma = M(dy, normal, dgamma) and dbeta = dbeta + dy, row after row;
    /// g = dy * gamma; t = inverse * M(-normal, sum of M(g, normal, .) / n, g - sum of g / n); dx = t, or dx + t. An empty dx is not wanted.
    /// </summary>
    public static void Backward<T>(
        Arithmetic arithmetic, int batch, int rows, int n, ReadOnlySpan<T> x, int ldx, ReadOnlySpan<T> gamma, ReadOnlySpan<T> means,
        ReadOnlySpan<T> inverses, ReadOnlySpan<T> dy, int lddy, Span<T> dgamma, Span<T> dbeta, Span<T> dx, bool accumulate)
        where T : struct, IBinaryFloatingPointIeee754<T>
    {
        for (int i = 0; i < batch * rows; i++)
        {
            ReadOnlySpan<T> from = x.Slice((i / rows * ldx) + (i % rows * n), n), d = dy.Slice((i / rows * lddy) + (i % rows * n), n);
            PartialSums<T> sums = default, products = default;
            for (int j = 0; j < n; j++)
            {
                T normal = (from[j] - means[i]) * inverses[i], g = d[j] * gamma[j];
                dgamma[j] = ScalarMath.MultiplyAdd(arithmetic, d[j], normal, dgamma[j]);
                dbeta[j] += d[j];
                sums[j % 16] += g;
                products[j % 16] = ScalarMath.MultiplyAdd(arithmetic, g, normal, products[j % 16]);
            }

            T sum = Reduce.Fold<T>(sums) / T.CreateChecked(n), product = Reduce.Fold<T>(products) / T.CreateChecked(n);
            for (int j = 0; j < n && !dx.IsEmpty; j++)
            {
                T normal = (from[j] - means[i]) * inverses[i];
                T t = inverses[i] * ScalarMath.MultiplyAdd(arithmetic, -normal, product, (d[j] * gamma[j]) - sum);
                ref T to = ref dx[(i / rows * ldx) + (i % rows * n) + j];
                to = accumulate ? to + t : t;
            }
        }
    }
}
