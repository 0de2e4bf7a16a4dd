using EmbeddedBackprop.Kernels.Elements;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Kernels.Products;

namespace EmbeddedBackprop.Kernels;

/// <summary>Sums and the maximum with the bits of <see cref="Scalar.Reduce"/>.</summary>
/// <remarks>
/// A sum over rows (one result a column) is a plain chain in row order. A result that is one long sum by itself has 16 partial sums:
/// s[l] = +0, element i is added to s[i mod 16], and <see cref="Fold"/> joins them.
/// </remarks>
public static class Reduce
{
    /// <summary>sums[j] = (accumulate ? sums[j] : +0) + a[0,j] + a[1,j] + ..., rows ascending (the bias gradient over samples).</summary>
    /// <param name="m">Rows.</param>
    /// <param name="n">Columns.</param>
    /// <param name="a">A [m, n].</param>
    /// <param name="lda">Distance of A's rows.</param>
    /// <param name="sums">n results; may not overlap A.</param>
    /// <param name="accumulate">True: the chains go on from sums.</param>
    /// <exception cref="ArgumentException">A span is too short for its sizes.</exception>
    public static void SumColumns(int m, int n, ReadOnlySpan<float> a, int lda, Span<float> sums, bool accumulate = false)
    {
        Require.Matrix("Reduce.SumColumns", nameof(a), m, n, lda, a.Length);
        Require.AtLeast("Reduce.SumColumns", nameof(sums), n, sums.Length);

        // A product of one row of ones with A: 1 * x is exact, so M(1, x, s) is s + x in both arithmetics.
        float one = 1f;
        Gemm.Run(LaneDispatch.Either, new(1, n, m, new ReadOnlySpan<float>(in one), 0, 0, a, lda, false, default, sums, n, accumulate));
    }

    /// <summary>sums[i] = the sum of row i in 16 partial sums, element j of the row in part j mod 16.</summary>
    /// <param name="m">Rows.</param>
    /// <param name="n">Columns.</param>
    /// <param name="a">A [m, n].</param>
    /// <param name="lda">Distance of A's rows.</param>
    /// <param name="sums">m results; may not overlap A.</param>
    /// <exception cref="ArgumentException">A span is too short for its sizes.</exception>
    public static void SumRows(int m, int n, ReadOnlySpan<float> a, int lda, Span<float> sums)
    {
        Require.Matrix("Reduce.SumRows", nameof(a), m, n, lda, a.Length);
        Require.AtLeast("Reduce.SumRows", nameof(sums), m, sums.Length);
        for (int i = 0; i < m; i++)
        {
            sums[i] = n == 0 ? 0f : Sum(a.Slice(i * lda, n));
        }
    }

    /// <summary>The sum of x in 16 partial sums: s[i mod 16] = s[i mod 16] + x[i], then <see cref="Fold"/>.</summary>
    /// <param name="x">The terms.</param>
    /// <returns>The sum; +0 of nothing.</returns>
    public static float Sum(ReadOnlySpan<float> x)
    {
        float result = 0f;
        LaneDispatch.Run<LongSumKernel<LongSum.Sum>, LongSumArguments>(LaneDispatch.Either, new LongSumArguments(x, x, new Span<float>(ref result)));
        return result;
    }

    /// <summary>The sum of squares of x in 16 partial sums: s[i mod 16] = M(x[i], x[i], s[i mod 16]), then <see cref="Fold"/>.</summary>
    /// <param name="arithmetic">How M rounds.</param>
    /// <param name="x">The values.</param>
    /// <returns>The sum; +0 of nothing.</returns>
    public static float SumOfSquares(Arithmetic arithmetic, ReadOnlySpan<float> x)
    {
        float result = 0f;
        LaneDispatch.Run<LongSumKernel<LongSum.Product>, LongSumArguments>(arithmetic, new LongSumArguments(x, x, new Span<float>(ref result)));
        return result;
    }

    /// <summary>Adds x to 16 partial sums that outlive the call (a loss over micro-batches): element i goes to part (first + i) mod 16.</summary>
    /// <param name="x">The terms.</param>
    /// <param name="parts">16 partial sums, +0 before the first call.</param>
    /// <param name="first">How many elements went before these (modulo 16 is enough).</param>
    /// <exception cref="ArgumentException">There are not 16 parts, or first is negative.</exception>
    public static void AddToParts(ReadOnlySpan<float> x, Span<float> parts, int first)
    {
        Require.Equal("Reduce.AddToParts", nameof(parts), 16, parts.Length);
        Require.Size("Reduce.AddToParts", nameof(first), first);

        // Up to the next part 0 one by one; from there on element i has part i mod 16 again.
        int part = first % 16;
        int i = 0;
        for (; part != 0 && i < x.Length; i++, part = (part + 1) % 16)
        {
            parts[part] += x[i];
        }

        x = x[i..];
        LaneDispatch.Run<AddToPartsKernel, LongSumArguments>(LaneDispatch.Either, new LongSumArguments(x, x, parts));
    }

    /// <summary>
    /// Adds the squares of x to 16 partial sums that outlive the call (a norm over tensors): s[i mod 16] = M(x[i], x[i], s[i mod 16]).
    /// </summary>
    /// <param name="arithmetic">How M rounds.</param>
    /// <param name="x">The values; all calls but the last hold a multiple of 16 of them, so that element i of all calls together has part i mod
    /// 16.</param>
    /// <param name="parts">16 partial sums, +0 before the first call.</param>
    /// <exception cref="ArgumentException">There are not 16 parts.</exception>
    public static void AddSquaresToParts(Arithmetic arithmetic, ReadOnlySpan<float> x, Span<float> parts)
    {
        Require.Equal("Reduce.AddSquaresToParts", nameof(parts), 16, parts.Length);
        LaneDispatch.Run<AddSquaresToPartsKernel, LongSumArguments>(arithmetic, new LongSumArguments(x, x, parts));
    }

    /// <summary>Joins 16 partial sums: s[l] += s[l+8], s[l] += s[l+4], s[l] += s[l+2], s[l] += s[l+1].</summary>
    /// <param name="parts">16 partial sums; left as they are.</param>
    /// <returns>The sum s[0].</returns>
    /// <exception cref="ArgumentException">There are not 16 parts.</exception>
    public static float Fold(ReadOnlySpan<float> parts)
    {
        return Scalar.Reduce.Fold(parts);
    }

    /// <summary>
    /// The maximum of x by comparison and select in 16 parts: m[l] = x[0]; m[i mod 16] = x[i] &gt; m[i mod 16] ? x[i] : m[i mod 16];
    /// then m[l] = m[l+h] &gt; m[l] ? m[l+h] : m[l] for h = 8, 4, 2, 1. A NaN that is not x[0] never wins.
    /// </summary>
    /// <param name="x">At least one value.</param>
    /// <returns>The maximum.</returns>
    /// <exception cref="ArgumentException">x is empty.</exception>
    public static float Max(ReadOnlySpan<float> x)
    {
        Require.AtLeast("Reduce.Max", nameof(x), 1, x.Length);
        float result = 0f;
        LaneDispatch.Run<LongSumKernel<LongSum.Maximum>, LongSumArguments>(
            LaneDispatch.Either, new LongSumArguments(x, x, new Span<float>(ref result)));
        return result;
    }
}
