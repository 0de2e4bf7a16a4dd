using System.Numerics;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Kernels.Scalar;

/// <summary>The rank-1 update as a textbook loop: the definition of <see cref="Kernels.Ger"/>.</summary>
public static class Ger
{
    /// <summary>C[i,j] = M(x[i], y[j], C[i,j]): the weight gradient of one sample, added to its chain.</summary>
    /// <typeparam name="T">float or double.</typeparam>
    /// <param name="arithmetic">How M rounds.</param>
    /// <param name="m">Rows.</param>
    /// <param name="n">Columns.</param>
    /// <param name="x">m values.</param>
    /// <param name="y">n values.</param>
    /// <param name="c">C [m, n]; may not overlap a source.</param>
    /// <param name="ldc">Distance of C's rows.</param>
    /// <exception cref="ArgumentException">A span is too short for its sizes.</exception>
    public static void Run<T>(Arithmetic arithmetic, int m, int n, ReadOnlySpan<T> x, ReadOnlySpan<T> y, Span<T> c, int ldc)
        where T : struct, IBinaryFloatingPointIeee754<T>
    {
        Require.AtLeast("Ger.Run", nameof(x), m, x.Length);
        Require.AtLeast("Ger.Run", nameof(y), n, y.Length);
        Require.Matrix("Ger.Run", nameof(c), m, n, ldc, c.Length);
        if (arithmetic == Arithmetic.Fused)
        {
            Run<T, Fused>(m, n, x, y, c, ldc);
        }
        else
        {
            Run<T, Separate>(m, n, x, y, c, ldc);
        }
    }

    private static void Run<T, TArithmetic>(int m, int n, ReadOnlySpan<T> x, ReadOnlySpan<T> y, Span<T> c, int ldc)
        where T : struct, IBinaryFloatingPointIeee754<T>
        where TArithmetic : struct, IArithmetic
    {
        for (int i = 0; i < m; i++)
        {
            for (int j = 0; j < n; j++)
            {
                c[(i * ldc) + j] = ScalarMath.MultiplyAdd<T, TArithmetic>(x[i], y[j], c[(i * ldc) + j]);
            }
        }
    }
}
