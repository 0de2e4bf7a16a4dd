using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Graphs;

namespace EmbeddedBackprop.Ops.Integer;

/// <summary>How an integer op ends: what R is clamped to, and the table that is read there.</summary>
/// <param name="Lowest">The smallest centred result of R: the end of the output's type or of its clamp, or of a table's index.</param>
/// <param name="Highest">The largest.</param>
/// <param name="Scale">The real value of a step of R's result: the denominator of the multiplier.</param>
/// <param name="Entries">The type of the table's entries, as an index of 8 bits; not read without a table.</param>
/// <param name="Index">The type of R's result where it is an index: 16 bits for an output of 16.</param>
internal readonly record struct IntegerEnd(int Lowest, int Highest, double Scale, IntegerType Entries, IntegerType Index)
{
    /// <summary>The end of an op whose output has the type y, and the index of whose table, if it has one, the type entries.</summary>
    public static IntegerEnd Of(Activation activation, IntegerType y, IntegerType entries)
    {
        if (IntegerActivation.IsClamp(activation))
        {
            (int lowest, int highest) = IntegerActivation.Clamp(activation, y);
            return new(lowest, highest, y.Scale, default, default);
        }

        IntegerType index = y.Bits == 8 ? entries : new IntegerType(16, entries.Scale, entries.ZeroPoint * 256);
        return new(index.LowestCentred, index.HighestCentred, y.Bits == 8 ? entries.Scale : entries.Scale / 256.0, entries, index);
    }
}
