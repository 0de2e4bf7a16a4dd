using System.Runtime.CompilerServices;
using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Activations;

/// <summary>
/// z sigmoid(z), derivative s + a (1 - s), s = sigmoid(z). Source: Elfwing, Uchibe and Doya, Sigmoid-weighted linear units (2017); also known as
/// swish.
/// </summary>
public readonly struct Silu : IActivationFunction
{
    /// <inheritdoc/>
    public static string Name => "silu";

    /// <inheritdoc/>
    public static string Equation => "a = z sigmoid(z)";

    /// <inheritdoc/>
    public static bool DerivativeReadsInput => true;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Value<T>(T z) where T : struct, ILanes<T>
    {
        return z * T.Sigmoid(z);
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Derivative<T>(T z, T a) where T : struct, ILanes<T>
    {
        T s = T.Named(T.Sigmoid(z), "s");
        return s + (a * (T.One - s));
    }
}
