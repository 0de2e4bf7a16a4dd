using EmbeddedBackprop.Graphs;

namespace EmbeddedBackprop.Export.Model;

/// <summary>
/// What makes the integer of a network's input from a measured integer of 16 bits: q = (raw factor + constant) >> shift, which is
/// z + (raw - mean) scale / s, rounded.
/// </summary>
/// <param name="Factor">scale / s 2^shift, rounded.</param>
/// <param name="Constant">(z - mean scale / s + 1/2) 2^shift, rounded.</param>
/// <param name="Shift">The largest of 0 to 30 with which no sum leaves 32 bits.</param>
internal readonly record struct CRawFactor(int Factor, int Constant, int Shift)
{
    private const int MostShift = 30;

    /// <summary>The most steps by which a sum that is not clamped misses the exact one, as factor and constant are rounded.</summary>
    public double Error { get; private init; }

    /// <summary>The integers of one feature; null where no shift keeps all sums in 32 bits.</summary>
    /// <param name="mean">The mean of the feature in training.</param>
    /// <param name="scale">1 / standard deviation.</param>
    /// <param name="type">What the integers of the input mean.</param>
    public static CRawFactor? Of(float mean, float scale, IntegerType type)
    {
        double step = scale / (double)type.Scale, constant = type.ZeroPoint - (mean * step) + 0.5;
        double reach = Math.Min(32768.0, Math.Abs(mean) + ((type.Highest - type.Lowest + 1) / Math.Abs(step))); // of raw values that are not clamped
        for (int shift = MostShift; shift >= 0; shift--)
        {
            double unit = 1L << shift;
            double m = Math.Round(step * unit, MidpointRounding.AwayFromZero), c = Math.Round(constant * unit, MidpointRounding.AwayFromZero);
            if ((32768.0 * Math.Abs(m)) + Math.Abs(c) <= int.MaxValue)
            {
                double error = ((reach * Math.Abs(m - (step * unit))) + Math.Abs(c - (constant * unit))) / unit;
                return new CRawFactor((int)m, (int)c, shift) { Error = error };
            }
        }

        return null;
    }

    /// <summary>The integer of a measured one.</summary>
    public int Integer(short raw, IntegerType type) => Math.Clamp(((raw * Factor) + Constant) >> Shift, type.Lowest, type.Highest);
}
