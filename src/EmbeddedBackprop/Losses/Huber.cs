using System.Runtime.CompilerServices;
using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Losses;

/// <summary>
/// The mean over samples and outputs of d^2/2 where |d| is at most 1 and |d| - 1/2 beyond, d = a - y; derivative d held between -1 and 1. Source:
/// Huber, Robust estimation of a location parameter (1964), delta = 1.
/// </summary>
public readonly struct Huber : ILossFunction
{
    /// <inheritdoc/>
    public static string Name => "huber";

    /// <inheritdoc/>
    public static string Equation => "the mean of e^2/2, beyond 1 of abs(e) - 1/2, e = a - y";

    /// <inheritdoc/>
    public static bool AveragesOutputs => true;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Value<T>(T a, T y) where T : struct, ILanes<T>
    {
        T difference = T.Named(a - y, "difference");
        T size = T.Named(T.Abs(difference), "size");
        return T.IfGreater(size, T.One, size - T.Constant(0.5), T.Constant(0.5) * (difference * difference));
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Derivative<T>(T a, T y) where T : struct, ILanes<T>
    {
        // By these selects NaN stays NaN: a broken prediction is not taken for a good one.
        T difference = T.Named(a - y, "difference");
        return T.IfGreater(difference, T.One, T.One, T.IfGreater(T.Constant(-1.0), difference, T.Constant(-1.0), difference));
    }
}
