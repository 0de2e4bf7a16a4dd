using System.Runtime.CompilerServices;
using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Activations;

/// <summary>tanh(z), derivative 1 - a^2, written (1 - a)(1 + a): no digits are lost near |a| = 1. Source: Nielsen, chapter 3, equation 110.</summary>
public readonly struct Tanh : IActivationFunction
{
    /// <inheritdoc/>
    public static string Name => "tanh";

    /// <inheritdoc/>
    public static string Equation => "a = tanh(z)";

    /// <inheritdoc/>
    public static bool DerivativeReadsInput => false;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Value<T>(T z) where T : struct, ILanes<T> => T.Tanh(z);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Derivative<T>(T z, T a) where T : struct, ILanes<T> => (T.One - a) * (T.One + a);
}
