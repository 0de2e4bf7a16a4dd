namespace EmbeddedBackprop.Benchmarks.Reports;

/// <summary>Works taken in turn, round after round: a machine that becomes slower becomes slower for all of them.</summary>
internal static class Turns
{
    /// <summary>
    /// Asks every work for its seconds, one after the other, again and again; a first round, which compiles and warms up, does not count.
    /// </summary>
    /// <returns>For each work its seconds in each round.</returns>
    public static double[][] Take(int rounds, params IReadOnlyList<Func<double>> works)
    {
        double[][] seconds = new double[works.Count][];
        for (int work = 0; work < seconds.Length; work++)
        {
            seconds[work] = new double[rounds];
        }

        for (int round = -1; round < rounds; round++)
        {
            for (int work = 0; work < seconds.Length; work++)
            {
                double took = works[work]();
                if (round >= 0)
                {
                    seconds[work][round] = took;
                }
            }
        }

        return seconds;
    }

    /// <summary>The value in the middle.</summary>
    public static double Median(IEnumerable<double> values) => Quantile(values, 0.5);

    /// <summary>The value that a share of the sorted values lies below.</summary>
    public static double Quantile(IEnumerable<double> values, double share)
    {
        double[] sorted = [.. values.Order()];
        return sorted[(int)(sorted.Length * share)];
    }

    /// <summary>The median over the rounds of the ratio within a round.</summary>
    public static double Ratio(double[] numerators, double[] denominators) => Median(numerators.Zip(denominators, (a, b) => a / b));
}
