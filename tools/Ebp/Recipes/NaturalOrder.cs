using System.Globalization;

namespace EmbeddedBackprop.Tools.Recipes;

/// <summary>The order of names: whole numbers ascending, others as ordinal text.</summary>
internal static class NaturalOrder
{
    /// <summary>The different names, in order.</summary>
    public static List<string> Distinct(IEnumerable<string> names)
    {
        List<string> distinct = [.. names.Distinct(StringComparer.Ordinal)];
        if (distinct.TrueForAll(name => IsWhole(name, out _)))
        {
            distinct.Sort((x, y) => IsWhole(x, out long a) && IsWhole(y, out long b) && a != b ? a.CompareTo(b) : string.CompareOrdinal(x, y));
        }
        else
        {
            distinct.Sort(StringComparer.Ordinal);
        }

        return distinct;
    }

    private static bool IsWhole(string name, out long value) =>
        long.TryParse(name, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out value);
}
