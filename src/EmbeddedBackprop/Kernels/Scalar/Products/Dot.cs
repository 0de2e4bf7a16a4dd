using System.Numerics;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Kernels.Scalar;

/// <summary>The dot product as a textbook loop: the definition of <see cref="Kernels.Dot"/>.</summary>
public static class Dot
{
    /// <summary>
    /// x . y in 16 partial sums: s[l] = +0; s[i mod 16] = M(x[i], y[i], s[i mod 16]), i ascending;
    /// then s[l] += s[l+8], s[l] += s[l+4], s[l] += s[l+2], s[l] += s[l+1]. Always all 16, however short the vectors are.
    /// </summary>
    /// <typeparam name="T">float or double.</typeparam>
    /// <param name="arithmetic">How M rounds.</param>
    /// <param name="x">The one vector.</param>
    /// <param name="y">The other, of the same length.</param>
    /// <returns>The sum s[0].</returns>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public static T Product<T>(Arithmetic arithmetic, ReadOnlySpan<T> x, ReadOnlySpan<T> y)
        where T : struct, IBinaryFloatingPointIeee754<T>
    {
        Require.Equal("Dot.Product", nameof(y), x.Length, y.Length);
        return arithmetic == Arithmetic.Fused ? Product<T, Fused>(x, y) : Product<T, Separate>(x, y);
    }

    private static T Product<T, TArithmetic>(ReadOnlySpan<T> x, ReadOnlySpan<T> y)
        where T : struct, IBinaryFloatingPointIeee754<T>
        where TArithmetic : struct, IArithmetic
    {
        PartialSums<T> parts = default;
        Span<T> s = parts;
        for (int i = 0; i < x.Length; i++)
        {
            s[i % 16] = ScalarMath.MultiplyAdd<T, TArithmetic>(x[i], y[i], s[i % 16]);
        }

        return Reduce.Fold<T>(s);
    }
}
