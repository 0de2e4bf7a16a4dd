using System.Runtime.CompilerServices;
using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Losses;

/// <summary>
/// The mean over samples and outputs of (a - y)^2, derivative 2 (a - y) each. Source: Goodfellow, Bengio and Courville, Deep Learning (2016), section
/// 5.1.4.
/// </summary>
public readonly struct MeanSquared : ILossFunction
{
    /// <inheritdoc/>
    public static string Name => "mse";

    /// <inheritdoc/>
    public static string Equation => "the mean of (a - y)^2";

    /// <inheritdoc/>
    public static bool AveragesOutputs => true;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Value<T>(T a, T y) where T : struct, ILanes<T>
    {
        T difference = T.Named(a - y, "difference");
        return difference * difference;
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Derivative<T>(T a, T y) where T : struct, ILanes<T> => T.Constant(2.0) * (a - y);
}
