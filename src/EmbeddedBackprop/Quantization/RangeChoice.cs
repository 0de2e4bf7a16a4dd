using EmbeddedBackprop.Graphs;

namespace EmbeddedBackprop.Quantization;

/// <summary>From the values of a calibration to the range that integers represent.</summary>
internal static class RangeChoice
{
    /// <summary>The share of the values that <see cref="RangeMethod.Percentile"/> leaves out at either end.</summary>
    private const double LeftOut = 0.0001;

    /// <summary>The range of a node with integers of so many bits; all of it where 8 bits represent every value exactly.</summary>
    public static ValueRange Of(ValueHistogram values, RangeMethod method, int bits) => method switch
    {
        _ when values.IsGrid => new(values.Low, values.High),
        RangeMethod.MinMax => new(values.Low, values.High),
        RangeMethod.Percentile => new(LowPercentile(values), HighPercentile(values)),
        _ => LeastSquares(values, bits),
    };

    /// <summary>
    /// The sum over the histogram of count times (s (q - z) - x)^2, q = clamp(round(x / s) + z), x the middle of a bin, in double, bins ascending.
    /// </summary>
    public static double SquaredError(ValueHistogram values, ValueRange range, int bits)
    {
        IntegerType type = range.Type(bits);
        double scale = type.Scale;
        double sum = 0;
        ReadOnlySpan<long> counts = values.Counts;
        for (int bin = 0; bin < counts.Length; bin++)
        {
            if (counts[bin] == 0)
            {
                continue;
            }

            double x = values.Middle(bin);
            double error = (scale * Math.Clamp(Math.Round(x / scale, MidpointRounding.ToEven), type.LowestCentred, type.HighestCentred)) - x;
            sum += counts[bin] * (error * error);
        }

        return sum;
    }

    // Of equal errors the widest share is taken.
    private static ValueRange LeastSquares(ValueHistogram values, int bits)
    {
        ValueRange best = default;
        double least = double.PositiveInfinity;
        for (int percent = 100; percent >= 20; percent -= 2)
        {
            ValueRange range = new(values.Low * percent / 100.0, values.High * percent / 100.0);
            double error = SquaredError(values, range, bits);
            if (error < least)
            {
                least = error;
                best = range;
            }
        }

        return best;
    }

    private static double HighPercentile(ValueHistogram values)
    {
        long allowed = (long)(values.Total * LeftOut), above = 0;
        for (int bin = ValueHistogram.Bins - 1; bin >= 0; bin--)
        {
            above += values.Counts[bin];
            if (above > allowed)
            {
                return Math.Max(values.End(bin), 0);
            }
        }

        return 0;
    }

    private static double LowPercentile(ValueHistogram values)
    {
        long allowed = (long)(values.Total * LeftOut), below = 0;
        for (int bin = 0; bin < ValueHistogram.Bins; bin++)
        {
            below += values.Counts[bin];
            if (below > allowed)
            {
                return Math.Min(bin == 0 ? values.Low : values.End(bin - 1), 0);
            }
        }

        return 0;
    }
}
