namespace EmbeddedBackprop.Graphs;

/// <summary>What the integers of a value mean: real = scale (q - zero point).</summary>
/// <param name="Bits">8 or 16.</param>
/// <param name="Scale">The real value of a step of 1.</param>
/// <param name="ZeroPoint">The integer that means 0; with 16 bits 0 itself.</param>
internal readonly record struct IntegerType(int Bits, float Scale, int ZeroPoint)
{
    /// <summary>
    /// The type whose integers reach from low to high, 0 among them. 8 bits: s = (high - low) / 255, z = the nearest integer to -128 - low / s, half
    /// away from zero. 16 bits: s = max(-low, high) / 32767. A range shorter than 2^-40 counts as 0 to 1.
    /// </summary>
    public static IntegerType Of(int bits, double low, double high)
    {
        // Values this close to 0 are 0 as far as any reader can tell; the scale must still be one that products of scales can bear.
        if (!(high - low >= 1.0 / (1L << 40)))
        {
            return Of(bits, 0, 1);
        }

        if (bits == 16)
        {
            return new(16, (float)(Math.Max(-low, high) / 32767.0), 0);
        }

        float scale = (float)((high - low) / 255.0);
        double zero = Math.Round(-128.0 - (low / scale), MidpointRounding.AwayFromZero);
        return new(8, scale, (int)Math.Clamp(zero, -128.0, 127.0));
    }

    /// <summary>The smallest integer: -128 or -32768.</summary>
    public int Lowest => -1 << (Bits - 1);

    /// <summary>The largest integer: 127 or 32767.</summary>
    public int Highest => ~Lowest;

    /// <summary>The smallest of q - zero point, as values of a quantised net are kept on the host.</summary>
    public int LowestCentred => Lowest - ZeroPoint;

    /// <summary>The largest of q - zero point.</summary>
    public int HighestCentred => Highest - ZeroPoint;

    /// <summary>The largest magnitude of q - zero point.</summary>
    public int LargestCentred => Math.Max(HighestCentred, -LowestCentred);

    /// <summary>The integer nearest to a real value, half away from zero, for constants that are made with the model.</summary>
    public int Nearest(double real)
    {
        double q = Math.Round(real / Scale, MidpointRounding.AwayFromZero) + ZeroPoint;
        return (int)Math.Clamp(q, Lowest, Highest);
    }
}
