using System.Runtime.CompilerServices;
using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Activations;

/// <summary>
/// 1.7159 tanh(2z/3), derivative 2/(3 * 1.7159) (1.7159 - a)(1.7159 + a): f(1) = 1 and f(-1) = -1. Source: LeCun and others, Efficient BackProp
/// (1998), section 4.4.
/// </summary>
public readonly struct LeCunTanh : IActivationFunction
{
    /// <inheritdoc/>
    public static string Name => "lecun-tanh";

    /// <inheritdoc/>
    public static string Equation => "a = 1.7159 tanh(2z/3)";

    /// <inheritdoc/>
    public static bool DerivativeReadsInput => false;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Value<T>(T z) where T : struct, ILanes<T> => T.Constant(1.7159) * T.Tanh(T.Constant(2.0 / 3.0) * z);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Derivative<T>(T z, T a) where T : struct, ILanes<T> =>
        T.Constant(2.0 / (3.0 * 1.7159)) * ((T.Constant(1.7159) - a) * (T.Constant(1.7159) + a));
}
