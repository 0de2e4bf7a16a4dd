using System.Runtime.CompilerServices;
using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Losses;

/// <summary>
/// Binary cross-entropy of sigmoid(z), written on z: max(z, 0) - z y + log(1 + e^-|z|), summed over outputs, the mean over samples; derivative
/// sigmoid(z) - y. Source: Nielsen, chapter 3, equation 61.
/// </summary>
public readonly struct BinaryCrossEntropyWithLogits : ILossFunction
{
    /// <inheritdoc/>
    public static string Name => "binary-cross-entropy-with-logits";

    /// <inheritdoc/>
    public static string Equation => "binary cross-entropy on z: max(z, 0) - z y + log(1 + e^-abs z) (Nielsen, chapter 3, equation 61)";

    /// <inheritdoc/>
    public static bool AveragesOutputs => false;

    /// <inheritdoc/>
    public static bool TargetsAreProbabilities => true;

    /// <inheritdoc/>
    public static double DecisionThreshold => 0.0;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Value<T>(T a, T y) where T : struct, ILanes<T>
    {
        // The exponential cannot overflow, and log(0) cannot occur.
        T positive = T.IfGreater(a, T.Zero, a, T.Zero);
        return (positive - (a * y)) + T.Log1P(T.Exp(-T.Abs(a)));
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Derivative<T>(T a, T y) where T : struct, ILanes<T> => T.Sigmoid(a) - y;
}
