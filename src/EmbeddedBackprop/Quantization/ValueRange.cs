using EmbeddedBackprop.Graphs;

namespace EmbeddedBackprop.Quantization;

/// <summary>The real values that the integers of a node represent: 0 always lies between the two ends.</summary>
/// <param name="Low">The lower end, at most 0.</param>
/// <param name="High">The upper end, at least 0.</param>
internal readonly record struct ValueRange(double Low, double High)
{
    // A node whose values are this close to 0 is 0 as far as any reader can tell. Its scale must still be one that products of scales can bear.
    private const double Least = 1.0 / (1L << 40);

    /// <summary>The range of a node that is 0 everywhere.</summary>
    public static ValueRange Unit { get; } = new(0, 1);

    /// <summary>The least range that holds both.</summary>
    public ValueRange With(ValueRange other) => new(Math.Min(Low, other.Low), Math.Max(High, other.High));

    /// <summary>
    /// 8 bits: s = (float)((high - low) / 255), z = the nearest integer to -128 - low / s, half away from zero, in -128..127. 16 bits: s =
    /// (float)(max(-low, high) / 32767), z = 0. A range shorter than 2^-40 counts as 0 to 1.
    /// </summary>
    public IntegerType Type(int bits)
    {
        if (!(High - Low >= Least))
        {
            return Unit.Type(bits);
        }

        if (bits == 16)
        {
            return new(bits, (float)(Math.Max(-Low, High) / 32767.0), 0);
        }

        float scale = (float)((High - Low) / 255.0);
        double zero = Math.Round(-128.0 - (Low / scale), MidpointRounding.AwayFromZero);
        return new(bits, scale, (int)Math.Clamp(zero, -128.0, 127.0));
    }
}
