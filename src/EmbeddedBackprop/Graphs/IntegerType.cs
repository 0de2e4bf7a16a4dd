namespace EmbeddedBackprop.Graphs;

/// <summary>What the integers of a value mean: real = scale (q - zero point).</summary>
/// <param name="Bits">8 or 16.</param>
/// <param name="Scale">The real value of a step of 1.</param>
/// <param name="ZeroPoint">The integer that means 0; with 16 bits 0 itself.</param>
internal readonly record struct IntegerType(int Bits, float Scale, int ZeroPoint)
{
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
