namespace EmbeddedBackprop.Kernels.Signals;

/// <summary>
/// The logarithm and e^x in double, by additions, multiplications and divisions alone: tables have the same bits on every platform.
/// </summary>
internal static class Series
{
    private const double Ln2 = 0.69314718055994530942;

    /// <summary>log x for a positive normal x, within 4 ulp: x = 2^e m with m from 0.7 to 1.42, log m = 2 atanh((m - 1) / (m + 1)).</summary>
    public static double Log(double x)
    {
        int exponent = Math.ILogB(x);
        double m = Math.ScaleB(x, -exponent);
        if (m > 1.4142)
        {
            (m, exponent) = (m / 2, exponent + 1);
        }

        double t = (m - 1) / (m + 1), square = t * t, sum = 0;
        for (int i = 23; i >= 1; i -= 2)
        {
            sum = (sum * square) + (1.0 / i);
        }

        return (exponent * Ln2) + (2 * t * sum);
    }

    /// <summary>e^x for |x| below 700, within 4 ulp: x = k log 2 + r with |r| of at most 0.35.</summary>
    public static double Exp(double x)
    {
        int k = (int)Math.Round(x / Ln2);
        double r = x - (k * Ln2), sum = 1;
        for (int i = 17; i >= 1; i--)
        {
            sum = 1 + (r / i * sum);
        }

        return Math.ScaleB(sum, k);
    }
}
