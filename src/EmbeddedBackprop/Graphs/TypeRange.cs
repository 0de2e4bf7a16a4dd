using System.Runtime.InteropServices;

namespace EmbeddedBackprop.Graphs;

/// <summary>Where the scale and the zero point of an integer value are in the flat state span.</summary>
/// <param name="Bits">8 or 16; 0 for a value of floats.</param>
/// <param name="Offset">The scale's offset; the zero point follows.</param>
/// <param name="Extremes">The offset of NAME.extremes; 0 where ranges do not follow training.</param>
internal readonly record struct TypeRange(int Bits, int Offset, int Extremes = 0)
{
    /// <summary>The type that the state holds.</summary>
    public IntegerType Read<T>(Span<T> state) where T : unmanaged => Read(state[Offset..], Bits);

    /// <summary>The type in a range of two elements: scale and zero point.</summary>
    public static IntegerType Read<T>(Span<T> range, int bits) where T : unmanaged
    {
        if (typeof(T) == typeof(double))
        {
            Span<double> doubles = MemoryMarshal.Cast<T, double>(range);
            return new(bits, (float)doubles[0], (int)doubles[1]);
        }

        Span<float> floats = MemoryMarshal.Cast<T, float>(range);
        return new(bits, floats[0], (int)floats[1]);
    }
}
