using EmbeddedBackprop.Kernels.Signals;

namespace EmbeddedBackprop.Ops;

/// <summary>The triangles of mel bands, computed in double and rounded once.</summary>
internal static class MelBands
{
    // Slaney's scale: 3 mel each 200 Hz up to 1000 Hz = 15 mel, then 27 mel for each factor of 6.4.
    private const double LinearStep = 200.0 / 3, Corner = 1000, CornerMel = 15, LogarithmicStep = 27;

    /// <summary>The bands of a spectrum with so many frequencies, the last of which is half the rate.</summary>
    public static BandTable Make(string name, Mel mel, int frequencies)
    {
        double first = ToMel(mel.Scale, mel.From), last = ToMel(mel.Scale, mel.To), resolution = mel.Rate / 2.0 / Math.Max(frequencies - 1, 1);
        double[] tops = new double[mel.Bands + 2];
        for (int i = 0; i < tops.Length; i++)
        {
            tops[i] = FromMel(mel.Scale, first + ((last - first) * i / (mel.Bands + 1)));
        }

        (int, float[])[] rows = new (int, float[])[mel.Bands];
        for (int band = 0; band < mel.Bands; band++)
        {
            double begin = tops[band], top = tops[band + 1], end = tops[band + 2], height = mel.Scale == MelScale.Slaney ? 2 / (end - begin) : 1;
            List<float> weights = [];
            int from = 0;
            for (int k = 0; k < frequencies; k++)
            {
                double f = k * resolution, weight = Math.Min((f - begin) / (top - begin), (end - f) / (end - top));
                if (weight > 0)
                {
                    from = weights.Count == 0 ? k : from;
                    weights.Add((float)(height * weight));
                }
            }

            if (weights.Count == 0)
            {
                OpErrors.EmptyBand(name, band + 1, begin, end, resolution);
            }

            rows[band] = (from, [.. weights]);
        }

        return new BandTable(frequencies, rows);
    }

    private static double ToMel(MelScale scale, double f) =>
        scale == MelScale.Htk ? 2595 / Series.Log(10) * Series.Log(1 + (f / 700))
        : f < Corner ? f / LinearStep
        : CornerMel + (LogarithmicStep / Series.Log(6.4) * Series.Log(f / Corner));

    private static double FromMel(MelScale scale, double mel) =>
        scale == MelScale.Htk ? 700 * (Series.Exp(mel * Series.Log(10) / 2595) - 1)
        : mel < CornerMel ? mel * LinearStep
        : Corner * Series.Exp((mel - CornerMel) * Series.Log(6.4) / LogarithmicStep);
}
