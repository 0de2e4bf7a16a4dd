namespace EmbeddedBackprop.Kernels.Threads;

/// <summary>The arithmetic of sharing out a range.</summary>
internal static class RangeSplit
{
    /// <summary>The part-th of so many consecutive shares of 0 .. length - 1, equal up to one unit; they begin at multiples of the unit.</summary>
    public static (nuint First, nuint Count) Of(nuint length, int unit, int part, int parts)
    {
        nuint units = (length + (nuint)unit - 1) / (nuint)unit;
        nuint first = units * (nuint)part / (nuint)parts * (nuint)unit;
        nuint end = nuint.Min(units * (nuint)(part + 1) / (nuint)parts * (nuint)unit, length);
        return (nuint.Min(first, length), end - nuint.Min(first, end));
    }
}
