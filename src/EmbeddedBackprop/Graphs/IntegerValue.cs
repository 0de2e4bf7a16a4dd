namespace EmbeddedBackprop.Graphs;

/// <summary>
/// The identity of integer values that share a scale and a zero point: the output of an op, and everything that ops make of it by moving elements.
/// </summary>
/// <remarks>
/// Bits are part of the graph. Scale and zero point are state of the op that makes the first of the values (NAME.range, its first range), so that a
/// checkpoint holds them and training may change them.
/// </remarks>
/// <param name="bits">8 or 16.</param>
/// <param name="owner">The op whose state has scale and zero point.</param>
internal sealed class IntegerValue(int bits, Op owner)
{
    /// <summary>Floats of NAME.extremes: in training how far the real values reach, from which the range follows.</summary>
    public const int ExtremesLength = 4;

    /// <summary>8 or 16.</summary>
    public int Bits { get; } = bits;

    /// <summary>The op whose state has scale and zero point.</summary>
    public Op Owner { get; } = owner;
}
