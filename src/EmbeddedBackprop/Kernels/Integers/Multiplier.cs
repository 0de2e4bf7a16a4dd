namespace EmbeddedBackprop.Kernels.Integers;

/// <summary>A positive factor f = M / 2^Shift, as <see cref="Scalar.Rounding"/> multiplies by it.</summary>
/// <param name="M">2^30 to 2^31 - 1; 0 for a factor below 2^-32, with which every 32-bit integer rounds to 0.</param>
/// <param name="Shift">1 to 62.</param>
internal readonly record struct Multiplier(int M, int Shift)
{
    /// <summary>Factors are below 2^30.</summary>
    public const double End = 1L << 30;

    private const double Least = 1.0 / (1L << 32);

    /// <summary>
    /// The nearest multiplier, half up: with f = fraction 2^exponent, 1/2 &lt;= fraction &lt; 1, M = round(fraction 2^31) and Shift = 31 - exponent.
    /// </summary>
    /// <param name="factor">The factor, from 0 up to but not including 2^30.</param>
    /// <exception cref="ArgumentOutOfRangeException">The factor is negative, NaN, or rounds to 2^30 or more.</exception>
    public static Multiplier Of(double factor)
    {
        if (!(factor >= 0 && factor < End))
        {
            IntegerErrors.Factor(factor);
        }

        if (factor < Least)
        {
            return new(0, 62);
        }

        // The factor is a normal double: its bits hold exponent + 1022, and fraction 2^53 without its first bit.
        long bits = BitConverter.DoubleToInt64Bits(factor);
        int shift = 31 + 1022 - (int)(bits >> 52);
        long m = ((bits & ((1L << 52) - 1)) + (1L << 52) + (1L << 21)) >> 22;
        if (m == 1L << 31)
        {
            (m, shift) = (1L << 30, shift - 1);
        }

        if (shift < 1)
        {
            IntegerErrors.Factor(factor);
        }

        return new((int)m, shift);
    }
}
