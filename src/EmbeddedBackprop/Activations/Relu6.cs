using System.Runtime.CompilerServices;
using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Activations;

/// <summary>
/// min(max(z, 0), 6), derivative 1 between 0 and 6 and 0 elsewhere. Source: Krizhevsky, Convolutional deep belief networks on CIFAR-10 (2010).
/// </summary>
/// <remarks>Comparisons and selects: NaN and -0 become +0.</remarks>
public readonly struct Relu6 : IActivationFunction
{
    /// <inheritdoc/>
    public static string Name => "relu6";

    /// <inheritdoc/>
    public static string Equation => "a = min(max(z, 0), 6)";

    /// <inheritdoc/>
    public static bool DerivativeReadsInput => false;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Value<T>(T z) where T : struct, ILanes<T>
    {
        T positive = T.Named(T.IfGreater(z, T.Zero, z, T.Zero), "positive");
        return T.IfGreater(positive, T.Constant(6.0), T.Constant(6.0), positive);
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Derivative<T>(T z, T a) where T : struct, ILanes<T>
    {
        T below = T.IfGreater(T.Constant(6.0), a, T.One, T.Zero);
        return T.IfGreater(a, T.Zero, below, T.Zero);
    }
}
