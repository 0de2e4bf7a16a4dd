namespace EmbeddedBackprop.Kernels.Scalar;

/// <summary>The one rounding of integer arithmetic: the definition, which every kernel and the exported C give.</summary>
internal static class Rounding
{
    /// <summary>R(a; m, s) = floor(a m / 2^s + 1/2), saturated to 32 bits; the product is exact in 64.</summary>
    /// <param name="a">A sum.</param>
    /// <param name="m">The multiplier, 0 or 2^30 to 2^31 - 1.</param>
    /// <param name="shift">The shift s, 1 to 62.</param>
    public static int R(int a, int m, int shift)
    {
        long rounded = (((long)a * m) + (1L << (shift - 1))) >> shift;
        return (int)Math.Clamp(rounded, int.MinValue, int.MaxValue);
    }

    /// <summary>min(max(R(a; m, s), lowest), highest).</summary>
    public static int R(int a, int m, int shift, int lowest, int highest) => Math.Clamp(R(a, m, shift), lowest, highest);
}
