using System.Globalization;

namespace EmbeddedBackprop.Tests.Support;

/// <summary>Equality of bits: -0 and +0 differ, any NaN equals any NaN (its sign and payload are not promised).</summary>
internal static class Bits
{
    /// <summary>The first index at which the bits differ, or -1.</summary>
    public static int FirstDifference(ReadOnlySpan<float> actual, ReadOnlySpan<float> expected)
    {
        if (actual.Length != expected.Length)
        {
            return Math.Min(actual.Length, expected.Length);
        }

        for (int i = 0; i < actual.Length; i++)
        {
            if (!Same(actual[i], expected[i]))
            {
                return i;
            }
        }

        return -1;
    }

    /// <summary>Whether two floats have the same bits, or are both NaN.</summary>
    public static bool Same(float actual, float expected) =>
        BitConverter.SingleToInt32Bits(actual) == BitConverter.SingleToInt32Bits(expected) || (float.IsNaN(actual) && float.IsNaN(expected));

    /// <summary>Fails with index, values and bits of the first difference.</summary>
    public static void AssertEqual(ReadOnlySpan<float> actual, ReadOnlySpan<float> expected, string what)
    {
        int i = FirstDifference(actual, expected);
        if (i < 0)
        {
            return;
        }

        if (actual.Length != expected.Length)
        {
            Assert.Fail($"{what}: {actual.Length} floats, expected {expected.Length}");
        }

        Assert.Fail($"{what}: at [{i}] of {actual.Length}: {Show(actual[i])}, expected {Show(expected[i])}");
    }

    /// <summary>Fails unless two floats have the same bits.</summary>
    public static void AssertEqual(float actual, float expected, string what) => AssertEqual([actual], [expected], what);

    /// <summary>A float as a person and a machine read it.</summary>
    public static string Show(float value) =>
        string.Create(CultureInfo.InvariantCulture, $"{value:R} (0x{BitConverter.SingleToInt32Bits(value):x8})");
}
