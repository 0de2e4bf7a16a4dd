using System.Runtime.CompilerServices;
using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Activations;

/// <summary>
/// z Phi(z), Phi the normal distribution function (exact, by erf); derivative Phi(z) + z e^(-z^2/2) / sqrt(2 pi). Source: Hendrycks and Gimpel,
/// Gaussian error linear units (2016).
/// </summary>
public readonly struct Gelu : IActivationFunction
{
    /// <inheritdoc/>
    public static string Name => "gelu";

    /// <inheritdoc/>
    public static string Equation => "a = z (1 + erf(z / sqrt 2)) / 2";

    /// <inheritdoc/>
    public static bool DerivativeReadsInput => true;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Value<T>(T z) where T : struct, ILanes<T>
    {
        return z * NormalDistribution(z);
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Derivative<T>(T z, T a) where T : struct, ILanes<T>
    {
        T density = T.Named(T.Constant(0.39894228040143267794) * T.Exp(T.Constant(-0.5) * (z * z)), "density");
        return NormalDistribution(z) + (z * density);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T NormalDistribution<T>(T z) where T : struct, ILanes<T> =>
        T.Constant(0.5) * (T.One + T.Erf(T.Constant(0.70710678118654752440) * z));
}
