using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;

namespace EmbeddedBackprop.Kernels.Integers;

/// <summary>The errors that integer kernels raise besides those of lengths.</summary>
[StackTraceHidden]
internal static class IntegerErrors
{
    [DoesNotReturn]
    public static void Factor(double factor) => Errors.OutOfRange("factor of two scales", factor, "at least 0 and below 2^30");

    [DoesNotReturn]
    public static void CellShift(int k) => Errors.OutOfRange("shift of an integer cell", k, "0 to 7");
}
