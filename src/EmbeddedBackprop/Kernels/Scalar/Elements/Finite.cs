using System.Numerics;

namespace EmbeddedBackprop.Kernels.Scalar;

/// <summary>The test for infinities and NaN as a textbook loop: the definition of <see cref="Kernels.Finite"/>.</summary>
public static class Finite
{
    /// <summary>Whether every element of x is finite.</summary>
    /// <typeparam name="T">float or double.</typeparam>
    /// <param name="x">The elements; an empty span is finite, too.</param>
    public static bool All<T>(ReadOnlySpan<T> x)
        where T : struct, IBinaryFloatingPointIeee754<T>
    {
        foreach (T value in x)
        {
            if (!T.IsFinite(value))
            {
                return false;
            }
        }

        return true;
    }
}
