using System.Runtime.CompilerServices;
using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Activations;

/// <summary>
/// z for z &gt; 0, 0.01 z elsewhere; derivative 1 or 0.01. Source: Maas, Hannun and Ng, Rectifier nonlinearities improve neural network acoustic
/// models (2013).
/// </summary>
public readonly struct LeakyRelu : IActivationFunction
{
    /// <inheritdoc/>
    public static string Name => "leaky-relu";

    /// <inheritdoc/>
    public static string Equation => "a = z for z > 0, 0.01 z elsewhere";

    /// <inheritdoc/>
    public static bool DerivativeReadsInput => false;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Value<T>(T z) where T : struct, ILanes<T> => T.IfGreater(z, T.Zero, z, T.Constant(0.01) * z);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Derivative<T>(T z, T a) where T : struct, ILanes<T> => T.IfGreater(a, T.Zero, T.One, T.Constant(0.01));
}
