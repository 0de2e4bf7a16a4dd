using System.Runtime.CompilerServices;
using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Activations;

/// <summary>
/// min(max(z + 3, 0), 6) / 6, derivative 1/6 where 0 &lt; a &lt; 1 and 0 elsewhere. Source: Courbariaux, Bengio and David, BinaryConnect (2015), with
/// the slope 1/6 of Howard and others, Searching for MobileNetV3 (2019).
/// </summary>
/// <remarks>Comparisons and selects: NaN becomes 0.</remarks>
public readonly struct HardSigmoid : IActivationFunction
{
    /// <inheritdoc/>
    public static string Name => "hard-sigmoid";

    /// <inheritdoc/>
    public static string Equation => "a = min(max(z + 3, 0), 6) / 6";

    /// <inheritdoc/>
    public static bool DerivativeReadsInput => false;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Value<T>(T z) where T : struct, ILanes<T>
    {
        T positive = T.Named(T.IfGreater(z + T.Constant(3.0), T.Zero, z + T.Constant(3.0), T.Zero), "positive");
        return T.IfGreater(positive, T.Constant(6.0), T.Constant(6.0), positive) / T.Constant(6.0);
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Derivative<T>(T z, T a) where T : struct, ILanes<T>
    {
        T below = T.IfGreater(T.One, a, T.Constant(1.0 / 6.0), T.Zero);
        return T.IfGreater(a, T.Zero, below, T.Zero);
    }
}
