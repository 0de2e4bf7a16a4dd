using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Activations;

/// <summary>sigmoid(z) = 1 / (1 + e^-z), derivative a (1 - a). Source: Nielsen, chapter 1.</summary>
public readonly struct Sigmoid : IActivationFunction
{
    /// <inheritdoc/>
    public static string Name => "sigmoid";

    /// <inheritdoc/>
    public static string Equation => "a = 1 / (1 + e^-z)";

    /// <inheritdoc/>
    public static bool DerivativeReadsInput => false;

    /// <inheritdoc/>
    public static T Value<T>(T z) where T : struct, ILanes<T> => T.Sigmoid(z);

    /// <inheritdoc/>
    public static T Derivative<T>(T z, T a) where T : struct, ILanes<T> => a * (T.One - a);
}
