using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Kernels.Norms;

namespace EmbeddedBackprop.Kernels;

/// <summary>Softmax and log-sum-exp of rows with the bits of <see cref="Scalar.SoftmaxRows"/>.</summary>
public static class SoftmaxRows
{
    /// <summary>
    /// a[j] = exp(z[j] - max z) / sum, row by row: e[j] = Exp(z[j] - <see cref="Reduce.Max"/>), sum = <see cref="Reduce.Sum"/>(e) in 16 parts, a[j] =
    /// e[j] / sum.
    /// The row maximum is subtracted: Exp cannot overflow and the quotient is unchanged. A NaN or +infinity in a row makes the row NaN.
    /// </summary>
    /// <param name="arithmetic">How M rounds inside Exp.</param>
    /// <param name="m">Rows (samples).</param>
    /// <param name="n">Columns (classes).</param>
    /// <param name="z">Logits [m, n].</param>
    /// <param name="ldz">Distance of z's rows.</param>
    /// <param name="a">Probabilities [m, n]; may be z itself. Columns beyond n are not touched.</param>
    /// <param name="lda">Distance of a's rows.</param>
    /// <exception cref="ArgumentException">A span is too short for its sizes.</exception>
    public static void Forward(Arithmetic arithmetic, int m, int n, ReadOnlySpan<float> z, int ldz, Span<float> a, int lda)
    {
        Require.Matrix("SoftmaxRows.Forward", nameof(z), m, n, ldz, z.Length);
        Require.Matrix("SoftmaxRows.Forward", nameof(a), m, n, lda, a.Length);
        if (m != 0 && n != 0)
        {
            LaneDispatch.Run<SoftmaxForwardKernel, SoftmaxArguments>(arithmetic, new(m, n, z, ldz, default, 0, a, lda));
        }
    }

    /// <summary>dz[j] = a[j] * (da[j] - s), s = <see cref="Dot"/>(a, da) in 16 parts, row by row: the Jacobian of softmax applied to da.</summary>
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
    public static void Backward(
        Arithmetic arithmetic, int m, int n, ReadOnlySpan<float> a, int lda, ReadOnlySpan<float> da, int ldda, Span<float> dz, int lddz)
    {
        Require.Matrix("SoftmaxRows.Backward", nameof(a), m, n, lda, a.Length);
        Require.Matrix("SoftmaxRows.Backward", nameof(da), m, n, ldda, da.Length);
        Require.Matrix("SoftmaxRows.Backward", nameof(dz), m, n, lddz, dz.Length);
        if (m != 0 && n != 0)
        {
            LaneDispatch.Run<SoftmaxBackwardKernel, SoftmaxArguments>(arithmetic, new(m, n, a, lda, da, ldda, dz, lddz));
        }
    }

    /// <summary>
    /// results[i] = max + Log(sum of Exp(z[i,j] - max)), the sum in 16 parts: the logarithm of softmax's denominator. A NaN or infinite maximum gives
    /// NaN.
    /// </summary>
    /// <param name="arithmetic">How M rounds inside Exp and Log.</param>
    /// <param name="m">Rows (samples).</param>
    /// <param name="n">Columns (classes), at least one.</param>
    /// <param name="z">Logits [m, n].</param>
    /// <param name="ldz">Distance of z's rows.</param>
    /// <param name="results">m results; may not overlap z.</param>
    /// <exception cref="ArgumentException">A span is too short for its sizes, or n is 0.</exception>
    public static void LogSumExp(Arithmetic arithmetic, int m, int n, ReadOnlySpan<float> z, int ldz, Span<float> results)
    {
        Require.Matrix("SoftmaxRows.LogSumExp", nameof(z), m, n, ldz, z.Length);
        Require.AtLeast("SoftmaxRows.LogSumExp", "columns", 1, n);
        Require.AtLeast("SoftmaxRows.LogSumExp", nameof(results), m, results.Length);
        if (m != 0)
        {
            LaneDispatch.Run<LogSumExpKernel, SoftmaxArguments>(arithmetic, new(m, n, z, ldz, default, 0, results, 1));
        }
    }
}
