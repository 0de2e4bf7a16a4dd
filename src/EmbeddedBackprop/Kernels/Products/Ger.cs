namespace EmbeddedBackprop.Kernels;

/// <summary>The rank-1 update with the bits of <see cref="Scalar.Ger"/>.</summary>
public static class Ger
{
    /// <summary>C[i,j] = M(x[i], y[j], C[i,j]): the weight gradient of one sample, added to its chain.</summary>
    /// <param name="arithmetic">How M rounds.</param>
    /// <param name="m">Rows.</param>
    /// <param name="n">Columns.</param>
    /// <param name="x">m values.</param>
    /// <param name="y">n values.</param>
    /// <param name="c">C [m, n]; may not overlap a source.</param>
    /// <param name="ldc">Distance of C's rows.</param>
    /// <exception cref="ArgumentException">A span is too short for its sizes.</exception>
    public static void Run(Arithmetic arithmetic, int m, int n, ReadOnlySpan<float> x, ReadOnlySpan<float> y, Span<float> c, int ldc)
    {
        Require.AtLeast("Ger.Run", nameof(x), m, x.Length);
        Require.AtLeast("Ger.Run", nameof(y), n, y.Length);
        Require.Matrix("Ger.Run", nameof(c), m, n, ldc, c.Length);
        // A product over one sample whose chain continues from C.
        Gemm.TN(arithmetic, m, n, 1, x, m, y, n, c, ldc, accumulate: true);
    }
}
