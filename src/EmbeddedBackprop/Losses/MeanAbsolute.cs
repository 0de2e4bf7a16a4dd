using System.Runtime.CompilerServices;
using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Losses;

/// <summary>
/// The mean over samples and outputs of |a - y|, derivative the sign of a - y, 0 where they are equal. Source: Goodfellow, Bengio and Courville, Deep
/// Learning (2016), section 6.2.2.
/// </summary>
public readonly struct MeanAbsolute : ILossFunction
{
    /// <inheritdoc/>
    public static string Name => "mae";

    /// <inheritdoc/>
    public static string Equation => "the mean of abs(a - y)";

    /// <inheritdoc/>
    public static bool AveragesOutputs => true;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Value<T>(T a, T y) where T : struct, ILanes<T> => T.Abs(a - y);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Derivative<T>(T a, T y) where T : struct, ILanes<T>
    {
        // An element neither above nor below 0 is 0 or NaN, and is not changed.
        T difference = T.Named(a - y, "difference");
        return T.IfGreater(difference, T.Zero, T.One, T.IfGreater(T.Zero, difference, T.Constant(-1.0), difference));
    }
}
