using EmbeddedBackprop.Graphs;

namespace EmbeddedBackprop.Quantization;

/// <summary>The real values that the integers of a node represent: 0 always lies between the two ends.</summary>
/// <param name="Low">The lower end, at most 0.</param>
/// <param name="High">The upper end, at least 0.</param>
internal readonly record struct ValueRange(double Low, double High)
{
    /// <summary>The least range that holds both.</summary>
    public ValueRange With(ValueRange other) => new(Math.Min(Low, other.Low), Math.Max(High, other.High));

    /// <summary>The type whose integers reach from the lower end to the upper one.</summary>
    public IntegerType Type(int bits) => IntegerType.Of(bits, Low, High);
}
