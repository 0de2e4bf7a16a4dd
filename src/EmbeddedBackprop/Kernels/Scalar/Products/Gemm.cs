using System.Numerics;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Kernels.Scalar;

/// <summary>Matrix products as textbook loops: the definition whose bits <see cref="Kernels.Gemm"/> gives at every width and tile.</summary>
/// <remarks>
/// Every result is one chain over k in ascending order: s = C (accumulate), bias[j] or +0; then s = M(a, b, s) for each k.
/// With k = 0 the result is where the chain starts. Columns beyond n are neither read nor written.
/// </remarks>
public static class Gemm
{
    /// <summary>C[m,n] = (accumulate ? C : bias or +0) + A[m,k] B[k,n]: s = M(a[i,p], b[p,j], s), p ascending.</summary>
    /// <typeparam name="T">float (the baseline of tests and benchmarks) or double (the oracle).</typeparam>
    /// <param name="arithmetic">How M rounds.</param>
    /// <param name="m">Rows of A and C.</param>
    /// <param name="n">Columns of B and C.</param>
    /// <param name="k">Columns of A, rows of B.</param>
    /// <param name="a">A [m, k].</param>
    /// <param name="lda">Distance of A's rows.</param>
    /// <param name="b">B [k, n].</param>
    /// <param name="ldb">Distance of B's rows.</param>
    /// <param name="bias">n values, or empty.</param>
    /// <param name="c">C [m, n]; may not overlap a source.</param>
    /// <param name="ldc">Distance of C's rows.</param>
    /// <param name="accumulate">True: the chains go on from C, and bias is not read.</param>
    /// <exception cref="ArgumentException">A span is too short for its sizes.</exception>
    public static void NN<T>(
        Arithmetic arithmetic, int m, int n, int k, ReadOnlySpan<T> a, int lda, ReadOnlySpan<T> b, int ldb,
        ReadOnlySpan<T> bias, Span<T> c, int ldc, bool accumulate = false)
        where T : struct, IBinaryFloatingPointIeee754<T>
    {
        Require.Matrix("Gemm.NN", nameof(a), m, k, lda, a.Length);
        Require.Matrix("Gemm.NN", nameof(b), k, n, ldb, b.Length);
        Require.Bias("Gemm.NN", n, bias.Length);
        Require.Matrix("Gemm.NN", nameof(c), m, n, ldc, c.Length);
        if (arithmetic == Arithmetic.Fused)
        {
            NN<T, Fused>(m, n, k, a, lda, b, ldb, bias, c, ldc, accumulate);
        }
        else
        {
            NN<T, Separate>(m, n, k, a, lda, b, ldb, bias, c, ldc, accumulate);
        }
    }

    /// <summary>
    /// C[m,n] = (accumulate ? C : +0) + A^T B with A [k,m], B [k,n]: s = M(a[p,i], b[p,j], s), p ascending (a weight gradient over samples).
    /// </summary>
    /// <typeparam name="T">float or double.</typeparam>
    /// <param name="arithmetic">How M rounds.</param>
    /// <param name="m">Columns of A, rows of C.</param>
    /// <param name="n">Columns of B and C.</param>
    /// <param name="k">Rows of A and B.</param>
    /// <param name="a">A [k, m].</param>
    /// <param name="lda">Distance of A's rows.</param>
    /// <param name="b">B [k, n].</param>
    /// <param name="ldb">Distance of B's rows.</param>
    /// <param name="c">C [m, n]; may not overlap a source.</param>
    /// <param name="ldc">Distance of C's rows.</param>
    /// <param name="accumulate">True: the chains go on from C.</param>
    /// <exception cref="ArgumentException">A span is too short for its sizes.</exception>
    public static void TN<T>(
        Arithmetic arithmetic, int m, int n, int k, ReadOnlySpan<T> a, int lda, ReadOnlySpan<T> b, int ldb,
        Span<T> c, int ldc, bool accumulate = false)
        where T : struct, IBinaryFloatingPointIeee754<T>
    {
        Require.Matrix("Gemm.TN", nameof(a), k, m, lda, a.Length);
        Require.Matrix("Gemm.TN", nameof(b), k, n, ldb, b.Length);
        Require.Matrix("Gemm.TN", nameof(c), m, n, ldc, c.Length);
        if (arithmetic == Arithmetic.Fused)
        {
            TN<T, Fused>(m, n, k, a, lda, b, ldb, c, ldc, accumulate);
        }
        else
        {
            TN<T, Separate>(m, n, k, a, lda, b, ldb, c, ldc, accumulate);
        }
    }

    /// <summary>
    /// C[m,n] = (accumulate ? C : +0) + A B^T with A [m,k], B [n,k]: s = M(a[i,p], b[j,p], s), p ascending (the gradient of a layer's input).
    /// </summary>
    /// <typeparam name="T">float or double.</typeparam>
    /// <param name="arithmetic">How M rounds.</param>
    /// <param name="m">Rows of A and C.</param>
    /// <param name="n">Rows of B, columns of C.</param>
    /// <param name="k">Columns of A and B.</param>
    /// <param name="a">A [m, k].</param>
    /// <param name="lda">Distance of A's rows.</param>
    /// <param name="b">B [n, k].</param>
    /// <param name="ldb">Distance of B's rows.</param>
    /// <param name="c">C [m, n]; may not overlap a source.</param>
    /// <param name="ldc">Distance of C's rows.</param>
    /// <param name="accumulate">True: the chains go on from C.</param>
    /// <exception cref="ArgumentException">A span is too short for its sizes.</exception>
    public static void NT<T>(
        Arithmetic arithmetic, int m, int n, int k, ReadOnlySpan<T> a, int lda, ReadOnlySpan<T> b, int ldb,
        Span<T> c, int ldc, bool accumulate = false)
        where T : struct, IBinaryFloatingPointIeee754<T>
    {
        Require.Matrix("Gemm.NT", nameof(a), m, k, lda, a.Length);
        Require.Matrix("Gemm.NT", nameof(b), n, k, ldb, b.Length);
        Require.Matrix("Gemm.NT", nameof(c), m, n, ldc, c.Length);
        if (arithmetic == Arithmetic.Fused)
        {
            NT<T, Fused>(m, n, k, a, lda, b, ldb, c, ldc, accumulate);
        }
        else
        {
            NT<T, Separate>(m, n, k, a, lda, b, ldb, c, ldc, accumulate);
        }
    }

    private static void NN<T, TArithmetic>(
        int m, int n, int k, ReadOnlySpan<T> a, int lda, ReadOnlySpan<T> b, int ldb,
        ReadOnlySpan<T> bias, Span<T> c, int ldc, bool accumulate)
        where T : struct, IBinaryFloatingPointIeee754<T>
        where TArithmetic : struct, IArithmetic
    {
        for (int i = 0; i < m; i++)
        {
            for (int j = 0; j < n; j++)
            {
                T s = accumulate ? c[(i * ldc) + j] : bias.IsEmpty ? T.Zero : bias[j];
                for (int p = 0; p < k; p++)
                {
                    s = ScalarMath.MultiplyAdd<T, TArithmetic>(a[(i * lda) + p], b[(p * ldb) + j], s);
                }

                c[(i * ldc) + j] = s;
            }
        }
    }

    private static void TN<T, TArithmetic>(
        int m, int n, int k, ReadOnlySpan<T> a, int lda, ReadOnlySpan<T> b, int ldb, Span<T> c, int ldc, bool accumulate)
        where T : struct, IBinaryFloatingPointIeee754<T>
        where TArithmetic : struct, IArithmetic
    {
        for (int i = 0; i < m; i++)
        {
            for (int j = 0; j < n; j++)
            {
                T s = accumulate ? c[(i * ldc) + j] : T.Zero;
                for (int p = 0; p < k; p++)
                {
                    s = ScalarMath.MultiplyAdd<T, TArithmetic>(a[(p * lda) + i], b[(p * ldb) + j], s);
                }

                c[(i * ldc) + j] = s;
            }
        }
    }

    private static void NT<T, TArithmetic>(
        int m, int n, int k, ReadOnlySpan<T> a, int lda, ReadOnlySpan<T> b, int ldb, Span<T> c, int ldc, bool accumulate)
        where T : struct, IBinaryFloatingPointIeee754<T>
        where TArithmetic : struct, IArithmetic
    {
        for (int i = 0; i < m; i++)
        {
            for (int j = 0; j < n; j++)
            {
                T s = accumulate ? c[(i * ldc) + j] : T.Zero;
                for (int p = 0; p < k; p++)
                {
                    s = ScalarMath.MultiplyAdd<T, TArithmetic>(a[(i * lda) + p], b[(j * ldb) + p], s);
                }

                c[(i * ldc) + j] = s;
            }
        }
    }
}
