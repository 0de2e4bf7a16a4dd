using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Activations;

/// <summary>identity(z) = z, derivative 1: a linear neuron.</summary>
public readonly struct Identity : IActivationFunction
{
    /// <inheritdoc/>
    public static string Name => "identity";

    /// <inheritdoc/>
    public static string Equation => "a = z";

    /// <inheritdoc/>
    public static bool DerivativeReadsInput => false;

    /// <inheritdoc/>
    public static T Value<T>(T z) where T : struct, ILanes<T> => z;

    /// <inheritdoc/>
    public static T Derivative<T>(T z, T a) where T : struct, ILanes<T> => T.One;
}
