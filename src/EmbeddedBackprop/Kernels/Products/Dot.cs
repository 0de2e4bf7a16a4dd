using EmbeddedBackprop.Kernels.Elements;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Kernels;

/// <summary>The dot product with the bits of <see cref="Scalar.Dot"/>.</summary>
public static class Dot
{
    /// <summary>
    /// x . y in 16 partial sums: s[l] = +0; s[i mod 16] = M(x[i], y[i], s[i mod 16]), i ascending;
    /// then s[l] += s[l+8], s[l] += s[l+4], s[l] += s[l+2], s[l] += s[l+1]. Always all 16, however short the vectors are.
    /// </summary>
    /// <param name="arithmetic">How M rounds.</param>
    /// <param name="x">The one vector.</param>
    /// <param name="y">The other, of the same length.</param>
    /// <returns>The sum s[0].</returns>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public static float Product(Arithmetic arithmetic, ReadOnlySpan<float> x, ReadOnlySpan<float> y)
    {
        Require.Equal("Dot.Product", nameof(y), x.Length, y.Length);
        float result = 0f;
        LaneDispatch.Run<LongSumKernel<LongSum.Product>, LongSumArguments>(arithmetic, new LongSumArguments(x, y, new Span<float>(ref result)));
        return result;
    }
}
