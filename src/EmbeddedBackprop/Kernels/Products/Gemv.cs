namespace EmbeddedBackprop.Kernels;

/// <summary>Products of one sample, and of a layer with one output, with the bits of <see cref="Scalar.Gemv"/>.</summary>
public static class Gemv
{
    /// <summary>y[n] = (accumulate ? y : bias or +0) + x[k] W[k,n]: for each j, s = M(x[p], w[p,j], s), p ascending.</summary>
    /// <param name="arithmetic">How M rounds.</param>
    /// <param name="n">Outputs.</param>
    /// <param name="k">Inputs.</param>
    /// <param name="x">The sample, k values.</param>
    /// <param name="w">W [k, n].</param>
    /// <param name="ldw">Distance of W's rows.</param>
    /// <param name="bias">n values, or empty.</param>
    /// <param name="y">n results; may not overlap a source.</param>
    /// <param name="accumulate">True: the chains go on from y, and bias is not read.</param>
    /// <exception cref="ArgumentException">A span is too short for its sizes.</exception>
    public static void Run(
        Arithmetic arithmetic, int n, int k, ReadOnlySpan<float> x, ReadOnlySpan<float> w, int ldw, ReadOnlySpan<float> bias, Span<float> y,
        bool accumulate = false) =>
        Gemm.NN(arithmetic, 1, n, k, x, k, w, ldw, bias, y, n, accumulate);

    /// <summary>
    /// A layer with one output, y[i] = dot(A[i], w) + bias: one long sum a result, so it has the 16 partial sums of <see cref="Dot"/>,
    /// and the bias is added last.
    /// </summary>
    /// <param name="arithmetic">How M rounds.</param>
    /// <param name="m">Samples.</param>
    /// <param name="k">Inputs.</param>
    /// <param name="a">A [m, k].</param>
    /// <param name="lda">Distance of A's rows.</param>
    /// <param name="w">k weights.</param>
    /// <param name="bias">One value, or empty: nothing is added.</param>
    /// <param name="y">Results, y[i * ldy].</param>
    /// <param name="ldy">Distance of the results.</param>
    /// <exception cref="ArgumentException">A span is too short for its sizes.</exception>
    public static void OneOutput(
        Arithmetic arithmetic,
        int m,
        int k,
        ReadOnlySpan<float> a,
        int lda,
        ReadOnlySpan<float> w,
        ReadOnlySpan<float> bias,
        Span<float> y,
        int ldy = 1)
    {
        Require.Matrix("Gemv.OneOutput", nameof(a), m, k, lda, a.Length);
        Require.AtLeast("Gemv.OneOutput", nameof(w), k, w.Length);
        Require.Matrix("Gemv.OneOutput", nameof(y), m, 1, ldy, y.Length);
        for (int i = 0; i < m; i++)
        {
            float s = k == 0 ? 0f : Dot.Product(arithmetic, a.Slice(i * lda, k), w[..k]);
            y[i * ldy] = bias.IsEmpty ? s : s + bias[0];
        }
    }
}
