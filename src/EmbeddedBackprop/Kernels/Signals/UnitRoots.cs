namespace EmbeddedBackprop.Kernels.Signals;

/// <summary>
/// Cosines and sines of parts of a turn in double, by additions and multiplications alone: the library of the platform is not asked, so that tables
/// have the same bits everywhere.
/// </summary>
internal static class UnitRoots
{
    // pi / 4 is below 0.786: the terms left out are below 0.786^21 / 21! = 1.3e-22 of the sum.
    private const int Terms = 10;

    /// <summary>cos and sin of 2 pi k / n, within 2 ulp of double. The eighth of a turn is found in integers.</summary>
    /// <param name="k">0 ... n.</param>
    /// <param name="n">Parts of a turn, at most 2^27.</param>
    public static (double Cosine, double Sine) At(int k, int n)
    {
        // The nearest quarter turn, and what is left of the angle: -1/8 ... 1/8 of a turn.
        long quarter = ((8L * k) + n) / (2L * n);
        double angle = Math.PI * ((4L * k) - (quarter * n)) / (2L * n);
        return Turned(quarter, angle);
    }

    /// <summary>cos(2 pi t) for any number of turns t, within a few ulp of double.</summary>
    public static double Cosine(double turns) => At(turns).Cosine;

    /// <summary>sin(2 pi t) for any number of turns t, within a few ulp of double.</summary>
    public static double Sine(double turns) => At(turns).Sine;

    private static (double Cosine, double Sine) At(double turns)
    {
        double quarters = Math.Round(4 * turns), angle = 2 * Math.PI * (turns - (quarters / 4));
        return Turned((long)quarters, angle);
    }

    private static (double Cosine, double Sine) Turned(long quarter, double angle)
    {
        (double cosine, double sine) = (Series(angle, first: 0), Series(angle, first: 1));
        return (quarter & 3) switch
        {
            0 => (cosine, sine),
            1 => (-sine, cosine),
            2 => (-cosine, -sine),
            _ => (sine, -cosine),
        };
    }

    /// <summary>The power series of the cosine (first = 0) or of the sine (first = 1), smallest terms first.</summary>
    private static double Series(double angle, int first)
    {
        double square = angle * angle, sum = 1;
        for (int term = Terms; term > 0; term--)
        {
            int i = (2 * term) + first;
            sum = 1 - (square / (i * (i - 1)) * sum);
        }

        return first == 0 ? sum : angle * sum;
    }
}
