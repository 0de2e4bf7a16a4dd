using System.Runtime.CompilerServices;
using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Activations;

/// <summary>
/// max(z, 0), derivative 1 for z &gt; 0 and 0 elsewhere. Source: Nair and Hinton, Rectified linear units improve restricted Boltzmann machines
/// (2010).
/// </summary>
/// <remarks>A comparison and a select: NaN and -0 become +0.</remarks>
public readonly struct Relu : IActivationFunction
{
    /// <inheritdoc/>
    public static string Name => "relu";

    /// <inheritdoc/>
    public static string Equation => "a = max(z, 0)";

    /// <inheritdoc/>
    public static bool DerivativeReadsInput => false;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Value<T>(T z) where T : struct, ILanes<T> => T.IfGreater(z, T.Zero, z, T.Zero);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Derivative<T>(T z, T a) where T : struct, ILanes<T> => T.IfGreater(a, T.Zero, T.One, T.Zero);
}
