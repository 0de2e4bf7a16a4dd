using System.Runtime.CompilerServices;
using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Activations;

/// <summary>
/// z / (1 + |z|), derivative (1 - |a|)^2. Source: Turian, Bergstra and Bengio, Quadratic features and deep architectures for chunking (2009).
/// </summary>
public readonly struct Softsign : IActivationFunction
{
    /// <inheritdoc/>
    public static string Name => "softsign";

    /// <inheritdoc/>
    public static string Equation => "a = z / (1 + abs z)";

    /// <inheritdoc/>
    public static bool DerivativeReadsInput => false;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Value<T>(T z) where T : struct, ILanes<T>
    {
        return z / (T.One + T.Abs(z));
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Derivative<T>(T z, T a) where T : struct, ILanes<T>
    {
        T rest = T.Named(T.One - T.Abs(a), "rest");
        return rest * rest;
    }
}
