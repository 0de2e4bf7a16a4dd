using System.Numerics;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Kernels.Scalar;

/// <summary>Softmax and log-sum-exp of rows as textbook loops: the definitions of <see cref="Kernels.SoftmaxRows"/>.</summary>
public static class SoftmaxRows
{
    /// <summary>
    /// a[j] = exp(z[j] - max z) / sum, row by row: e[j] = Exp(z[j] - <see cref="Reduce.Max"/>), sum = <see cref="Reduce.Sum"/>(e) in 16 parts, a[j] =
    /// e[j] / sum.
    /// The row maximum is subtracted: Exp cannot overflow and the quotient is unchanged. A NaN or +infinity in a row makes the row NaN.
    /// </summary>
    /// <typeparam name="T">float or double.</typeparam>
    /// <param name="arithmetic">How M rounds inside Exp.</param>
    /// <param name="m">Rows (samples).</param>
    /// <param name="n">Columns (classes).</param>
    /// <param name="z">Logits [m, n].</param>
    /// <param name="ldz">Distance of z's rows.</param>
    /// <param name="a">Probabilities [m, n]; may be z itself. Columns beyond n are not touched.</param>
    /// <param name="lda">Distance of a's rows.</param>
    /// <exception cref="ArgumentException">A span is too short for its sizes.</exception>
    public static void Forward<T>(Arithmetic arithmetic, int m, int n, ReadOnlySpan<T> z, int ldz, Span<T> a, int lda)
        where T : struct, IBinaryFloatingPointIeee754<T>
    {
        Require.Matrix("SoftmaxRows.Forward", nameof(z), m, n, ldz, z.Length);
        Require.Matrix("SoftmaxRows.Forward", nameof(a), m, n, lda, a.Length);
        for (int i = 0; i < m && n > 0; i++)
        {
            if (arithmetic == Arithmetic.Fused)
            {
                ForwardOneSample<T, Fused>(z.Slice(i * ldz, n), a.Slice(i * lda, n));
            }
            else
            {
                ForwardOneSample<T, Separate>(z.Slice(i * ldz, n), a.Slice(i * lda, n));
            }
        }
    }

    /// <summary>dz[j] = a[j] * (da[j] - s), s = <see cref="Dot"/>(a, da) in 16 parts, row by row: the Jacobian of softmax applied to da.</summary>
    /// <typeparam name="T">float or double.</typeparam>
    /// <param name="arithmetic">How M rounds in the dot product.</param>
    /// <param name="m">Rows (samples).</param>
    /// <param name="n">Columns (classes).</param>
    /// <param name="a">Probabilities [m, n] of the forward pass.</param>
    /// <param name="lda">Distance of a's rows.</param>
    /// <param name="da">Their gradient [m, n].</param>
    /// <param name="ldda">Distance of da's rows.</param>
    /// <param name="dz">The logits' gradient [m, n]; may be a or da itself.</param>
    /// <param name="lddz">Distance of dz's rows.</param>
    /// <exception cref="ArgumentException">A span is too short for its sizes.</exception>
    public static void Backward<T>(
        Arithmetic arithmetic, int m, int n, ReadOnlySpan<T> a, int lda, ReadOnlySpan<T> da, int ldda, Span<T> dz, int lddz)
        where T : struct, IBinaryFloatingPointIeee754<T>
    {
        Require.Matrix("SoftmaxRows.Backward", nameof(a), m, n, lda, a.Length);
        Require.Matrix("SoftmaxRows.Backward", nameof(da), m, n, ldda, da.Length);
        Require.Matrix("SoftmaxRows.Backward", nameof(dz), m, n, lddz, dz.Length);
        for (int i = 0; i < m && n > 0; i++)
        {
            T s = Dot.Product(arithmetic, a.Slice(i * lda, n), da.Slice(i * ldda, n));
            for (int j = 0; j < n; j++)
            {
                dz[(i * lddz) + j] = a[(i * lda) + j] * (da[(i * ldda) + j] - s);
            }
        }
    }

    /// <summary>
    /// results[i] = max + Log(sum of Exp(z[i,j] - max)), the sum in 16 parts: the logarithm of softmax's denominator. A NaN or infinite maximum gives
    /// NaN.
    /// </summary>
    /// <typeparam name="T">float or double.</typeparam>
    /// <param name="arithmetic">How M rounds inside Exp and Log.</param>
    /// <param name="m">Rows (samples).</param>
    /// <param name="n">Columns (classes), at least one.</param>
    /// <param name="z">Logits [m, n].</param>
    /// <param name="ldz">Distance of z's rows.</param>
    /// <param name="results">m results; may not overlap z.</param>
    /// <exception cref="ArgumentException">A span is too short for its sizes, or n is 0.</exception>
    public static void LogSumExp<T>(Arithmetic arithmetic, int m, int n, ReadOnlySpan<T> z, int ldz, Span<T> results)
        where T : struct, IBinaryFloatingPointIeee754<T>
    {
        Require.Matrix("SoftmaxRows.LogSumExp", nameof(z), m, n, ldz, z.Length);
        Require.AtLeast("SoftmaxRows.LogSumExp", "columns", 1, n);
        Require.AtLeast("SoftmaxRows.LogSumExp", nameof(results), m, results.Length);
        for (int i = 0; i < m; i++)
        {
            results[i] = arithmetic == Arithmetic.Fused
                ? LogSumExpRow<T, Fused>(z.Slice(i * ldz, n))
                : LogSumExpRow<T, Separate>(z.Slice(i * ldz, n));
        }
    }

    private static void ForwardOneSample<T, TArithmetic>(ReadOnlySpan<T> z, Span<T> a)
        where T : struct, IBinaryFloatingPointIeee754<T>
        where TArithmetic : struct, IArithmetic
    {
        T maximum = Reduce.Max(z);
        for (int j = 0; j < z.Length; j++)
        {
            a[j] = ScalarMath.Exp<T, TArithmetic>(z[j] - maximum);
        }

        T sum = Reduce.Sum<T>(a);
        for (int j = 0; j < a.Length; j++)
        {
            a[j] /= sum;
        }
    }

    private static T LogSumExpRow<T, TArithmetic>(ReadOnlySpan<T> z)
        where T : struct, IBinaryFloatingPointIeee754<T>
        where TArithmetic : struct, IArithmetic
    {
        T maximum = Reduce.Max(z);
        PartialSums<T> parts = default;
        Span<T> s = parts;
        for (int j = 0; j < z.Length; j++)
        {
            s[j % 16] += ScalarMath.Exp<T, TArithmetic>(z[j] - maximum);
        }

        return maximum + ScalarMath.Log<T, TArithmetic>(Reduce.Fold<T>(s));
    }
}
