using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;

namespace EmbeddedBackprop;

/// <summary>
/// The errors about a value or a length, which every floor raises, and the checks that raise them. A floor's own errors are in its folder.
/// </summary>
[StackTraceHidden]
internal static class Errors
{
    [DoesNotReturn]
    public static void NotPositive(string what, double value) =>
        throw new ArgumentOutOfRangeException(what, value, $"{what} must be positive, got {value}");

    [DoesNotReturn]
    public static void Negative(string what, double value) =>
        throw new ArgumentOutOfRangeException(what, value, $"{what} must not be negative, got {value}");

    [DoesNotReturn]
    public static void OutOfRange(string what, double value, string range) =>
        throw new ArgumentOutOfRangeException(what, value, $"{what} must be {range}, got {value}");

    [DoesNotReturn]
    public static void LengthDiffers(string what, int expected, int given) =>
        throw new ArgumentException($"{what}: expected {expected} values, got {given}");

    [DoesNotReturn]
    public static void TooLarge(string what, long floats) =>
        throw new ArgumentException($"{what}: {floats} floats do not fit into one span (at most {int.MaxValue})");

    [DoesNotReturn]
    public static void ArithmeticLeftOut(string kept) =>
        throw new NotSupportedException($"this program computes in {kept} arithmetic alone: its project sets EmbeddedBackpropArithmetic");

    /// <summary>The value, if it lies from 0 up to but not including 1.</summary>
    public static float RequireShare(string what, float value)
    {
        if (!(value >= 0 && value < 1))
        {
            OutOfRange(what, value, "at least 0 and below 1");
        }

        return value;
    }

    /// <summary>The value, if it is positive and finite.</summary>
    public static float RequirePositive(string what, float value)
    {
        if (!(value > 0 && float.IsFinite(value)))
        {
            OutOfRange(what, value, "positive and finite");
        }

        return value;
    }

    /// <summary>The value, if it is finite and at least 1.</summary>
    public static float RequireAtLeastOne(string what, float value)
    {
        if (!(value >= 1 && float.IsFinite(value)))
        {
            OutOfRange(what, value, "finite and at least 1");
        }

        return value;
    }

    /// <summary>The value, if it is positive.</summary>
    public static int RequirePositive(string what, int value)
    {
        if (value <= 0)
        {
            NotPositive(what, value);
        }

        return value;
    }

    /// <summary>The value, if it is finite and not negative.</summary>
    public static float RequireNotNegative(string what, float value)
    {
        if (!(value >= 0 && float.IsFinite(value)))
        {
            OutOfRange(what, value, "finite and not negative");
        }

        return value;
    }
}
