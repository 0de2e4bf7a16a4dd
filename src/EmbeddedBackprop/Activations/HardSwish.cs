using System.Runtime.CompilerServices;
using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Activations;

/// <summary>
/// z min(max(z + 3, 0), 6) / 6; derivative 0 below -3, z/3 + 1/2 up to 3, 1 from there on. Source: Howard and others, Searching for MobileNetV3
/// (2019).
/// </summary>
public readonly struct HardSwish : IActivationFunction
{
    /// <inheritdoc/>
    public static string Name => "hard-swish";

    /// <inheritdoc/>
    public static string Equation => "a = z min(max(z + 3, 0), 6) / 6";

    /// <inheritdoc/>
    public static bool DerivativeReadsInput => true;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Value<T>(T z) where T : struct, ILanes<T>
    {
        T middle = z * (z + T.Constant(3.0)) / T.Constant(6.0);
        T low = T.IfGreater(z, T.Constant(-3.0), middle, T.Zero);
        return T.IfGreater(T.Constant(3.0), z, low, z);
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Derivative<T>(T z, T a) where T : struct, ILanes<T>
    {
        T middle = (z / T.Constant(3.0)) + T.Constant(0.5);
        T low = T.IfGreater(T.Constant(-3.0), z, T.Zero, middle);
        return T.IfGreater(T.Constant(3.0), z, low, T.One);
    }
}
