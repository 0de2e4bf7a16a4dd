using System.Numerics;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Kernels.Scalar;

/// <summary>Sums and the maximum as textbook loops: the definitions of <see cref="Kernels.Reduce"/>.</summary>
/// <remarks>
/// A sum over rows (one result a column) is a plain chain in row order. A result that is one long sum by itself has 16 partial sums:
/// s[l] = +0, element i is added to s[i mod 16], and <see cref="Fold"/> joins them.
/// </remarks>
public static class Reduce
{
    /// <summary>sums[j] = (accumulate ? sums[j] : +0) + a[0,j] + a[1,j] + ..., rows ascending (the bias gradient over samples).</summary>
    /// <typeparam name="T">float or double.</typeparam>
    /// <param name="m">Rows.</param>
    /// <param name="n">Columns.</param>
    /// <param name="a">A [m, n].</param>
    /// <param name="lda">Distance of A's rows.</param>
    /// <param name="sums">n results; may not overlap A.</param>
    /// <param name="accumulate">True: the chains go on from sums.</param>
    /// <exception cref="ArgumentException">A span is too short for its sizes.</exception>
    public static void SumColumns<T>(int m, int n, ReadOnlySpan<T> a, int lda, Span<T> sums, bool accumulate = false)
        where T : struct, IBinaryFloatingPointIeee754<T>
    {
        Require.Matrix("Reduce.SumColumns", nameof(a), m, n, lda, a.Length);
        Require.AtLeast("Reduce.SumColumns", nameof(sums), n, sums.Length);
        for (int j = 0; j < n; j++)
        {
            T s = accumulate ? sums[j] : T.Zero;
            for (int i = 0; i < m; i++)
            {
                s += a[(i * lda) + j];
            }

            sums[j] = s;
        }
    }

    /// <summary>sums[i] = the sum of row i in 16 partial sums, element j of the row in part j mod 16.</summary>
    /// <typeparam name="T">float or double.</typeparam>
    /// <param name="m">Rows.</param>
    /// <param name="n">Columns.</param>
    /// <param name="a">A [m, n].</param>
    /// <param name="lda">Distance of A's rows.</param>
    /// <param name="sums">m results; may not overlap A.</param>
    /// <exception cref="ArgumentException">A span is too short for its sizes.</exception>
    public static void SumRows<T>(int m, int n, ReadOnlySpan<T> a, int lda, Span<T> sums)
        where T : struct, IBinaryFloatingPointIeee754<T>
    {
        Require.Matrix("Reduce.SumRows", nameof(a), m, n, lda, a.Length);
        Require.AtLeast("Reduce.SumRows", nameof(sums), m, sums.Length);
        for (int i = 0; i < m; i++)
        {
            sums[i] = n == 0 ? T.Zero : Sum(a.Slice(i * lda, n));
        }
    }

    /// <summary>The sum of x in 16 partial sums: s[i mod 16] = s[i mod 16] + x[i], then <see cref="Fold"/>.</summary>
    /// <typeparam name="T">float or double.</typeparam>
    /// <param name="x">The terms.</param>
    /// <returns>The sum; +0 of nothing.</returns>
    public static T Sum<T>(ReadOnlySpan<T> x)
        where T : struct, IBinaryFloatingPointIeee754<T>
    {
        PartialSums<T> parts = default;
        AddToParts(x, parts, 0);
        return Fold<T>(parts);
    }

    /// <summary>The sum of squares of x in 16 partial sums: s[i mod 16] = M(x[i], x[i], s[i mod 16]), then <see cref="Fold"/>.</summary>
    /// <typeparam name="T">float or double.</typeparam>
    /// <param name="arithmetic">How M rounds.</param>
    /// <param name="x">The values.</param>
    /// <returns>The sum; +0 of nothing.</returns>
    public static T SumOfSquares<T>(Arithmetic arithmetic, ReadOnlySpan<T> x)
        where T : struct, IBinaryFloatingPointIeee754<T> =>
        Dot.Product(arithmetic, x, x);

    /// <summary>Adds x to 16 partial sums that outlive the call (a loss over micro-batches): element i goes to part (first + i) mod 16.</summary>
    /// <typeparam name="T">float or double.</typeparam>
    /// <param name="x">The terms.</param>
    /// <param name="parts">16 partial sums, +0 before the first call.</param>
    /// <param name="first">How many elements went before these (modulo 16 is enough).</param>
    /// <exception cref="ArgumentException">There are not 16 parts, or first is negative.</exception>
    public static void AddToParts<T>(ReadOnlySpan<T> x, Span<T> parts, int first)
        where T : struct, IBinaryFloatingPointIeee754<T>
    {
        Require.Equal("Reduce.AddToParts", nameof(parts), 16, parts.Length);
        Require.Size("Reduce.AddToParts", nameof(first), first);
        for (int i = 0; i < x.Length; i++)
        {
            int part = ((first % 16) + (i % 16)) % 16;
            parts[part] += x[i];
        }
    }

    /// <summary>
    /// Adds the squares of x to 16 partial sums that outlive the call (a norm over tensors): s[i mod 16] = M(x[i], x[i], s[i mod 16]).
    /// </summary>
    /// <typeparam name="T">float or double.</typeparam>
    /// <param name="arithmetic">How M rounds.</param>
    /// <param name="x">The values; all calls but the last hold a multiple of 16 of them, so that element i of all calls together has part i mod
    /// 16.</param>
    /// <param name="parts">16 partial sums, +0 before the first call.</param>
    /// <exception cref="ArgumentException">There are not 16 parts.</exception>
    public static void AddSquaresToParts<T>(Arithmetic arithmetic, ReadOnlySpan<T> x, Span<T> parts)
        where T : struct, IBinaryFloatingPointIeee754<T>
    {
        Require.Equal("Reduce.AddSquaresToParts", nameof(parts), 16, parts.Length);
        for (int i = 0; i < x.Length; i++)
        {
            ref T part = ref parts[i % 16];
            part = arithmetic == Arithmetic.Fused
                ? ScalarMath.MultiplyAdd<T, Fused>(x[i], x[i], part)
                : ScalarMath.MultiplyAdd<T, Separate>(x[i], x[i], part);
        }
    }

    /// <summary>Joins 16 partial sums: s[l] += s[l+8], s[l] += s[l+4], s[l] += s[l+2], s[l] += s[l+1].</summary>
    /// <typeparam name="T">float or double.</typeparam>
    /// <param name="parts">16 partial sums; left as they are.</param>
    /// <returns>The sum s[0].</returns>
    /// <exception cref="ArgumentException">There are not 16 parts.</exception>
    public static T Fold<T>(ReadOnlySpan<T> parts)
        where T : struct, IBinaryFloatingPointIeee754<T>
    {
        Require.Equal("Reduce.Fold", nameof(parts), 16, parts.Length);
        PartialSums<T> copy = default;
        Span<T> s = copy;
        parts.CopyTo(s);
        for (int half = 8; half >= 1; half /= 2)
        {
            for (int l = 0; l < half; l++)
            {
                s[l] += s[l + half];
            }
        }

        return s[0];
    }

    /// <summary>
    /// The maximum of x by comparison and select in 16 parts: m[l] = x[0]; m[i mod 16] = x[i] &gt; m[i mod 16] ? x[i] : m[i mod 16];
    /// then m[l] = m[l+h] &gt; m[l] ? m[l+h] : m[l] for h = 8, 4, 2, 1. A NaN that is not x[0] never wins.
    /// </summary>
    /// <typeparam name="T">float or double.</typeparam>
    /// <param name="x">At least one value.</param>
    /// <returns>The maximum.</returns>
    /// <exception cref="ArgumentException">x is empty.</exception>
    public static T Max<T>(ReadOnlySpan<T> x)
        where T : struct, IBinaryFloatingPointIeee754<T>
    {
        Require.AtLeast("Reduce.Max", nameof(x), 1, x.Length);
        PartialSums<T> parts = default;
        Span<T> m = parts;
        m.Fill(x[0]);
        for (int i = 0; i < x.Length; i++)
        {
            m[i % 16] = x[i] > m[i % 16] ? x[i] : m[i % 16];
        }

        for (int half = 8; half >= 1; half /= 2)
        {
            for (int l = 0; l < half; l++)
            {
                m[l] = m[l + half] > m[l] ? m[l + half] : m[l];
            }
        }

        return m[0];
    }
}
