using System.Numerics;
using EmbeddedBackprop.Kernels.Signals;

namespace EmbeddedBackprop.Kernels.Scalar;

/// <summary>
/// Weighted sums over bands of a spectrum, as textbook loops: the definition. Elements outside a band are skipped, never multiplied by 0.
/// </summary>
internal static class BandSums
{
    /// <summary>y[band] = s: s = +0, then s = M(x[k], w[band, k], s) for k ascending over the band.</summary>
    public static void Forward<T>(Arithmetic arithmetic, BandTable bands, int rows, ReadOnlySpan<T> x, Span<T> y)
        where T : struct, IBinaryFloatingPointIeee754<T>
    {
        for (int row = 0; row < rows; row++)
        {
            for (int band = 0; band < bands.Rows; band++)
            {
                ReadOnlySpan<float> w = bands.Of(band);
                ReadOnlySpan<T> values = x.Slice((row * bands.Columns) + bands.First[band], w.Length);
                T sum = T.Zero;
                for (int k = 0; k < w.Length; k++)
                {
                    sum = ScalarMath.MultiplyAdd(arithmetic, values[k], T.CreateChecked(w[k]), sum);
                }

                y[(row * bands.Rows) + band] = sum;
            }
        }
    }

    /// <summary>dx[k] = M(dy[band], w[band, k], dx[k]), bands ascending.</summary>
    public static void Gradient<T>(Arithmetic arithmetic, BandTable bands, int rows, ReadOnlySpan<T> dy, Span<T> dx)
        where T : struct, IBinaryFloatingPointIeee754<T>
    {
        for (int row = 0; row < rows; row++)
        {
            for (int band = 0; band < bands.Rows; band++)
            {
                ReadOnlySpan<float> w = bands.Of(band);
                Span<T> to = dx.Slice((row * bands.Columns) + bands.First[band], w.Length);
                T delta = dy[(row * bands.Rows) + band];
                for (int k = 0; k < w.Length; k++)
                {
                    to[k] = ScalarMath.MultiplyAdd(arithmetic, delta, T.CreateChecked(w[k]), to[k]);
                }
            }
        }
    }
}
