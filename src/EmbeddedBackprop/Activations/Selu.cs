using System.Runtime.CompilerServices;
using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Activations;

/// <summary>
/// s z for z &gt; 0, s alpha (e^z - 1) elsewhere; derivative s or a + s alpha; s = 1.0507, alpha = 1.6733. Source: Klambauer and others,
/// Self-normalizing neural networks (2017).
/// </summary>
public readonly struct Selu : IActivationFunction
{
    /// <inheritdoc/>
    public static string Name => "selu";

    /// <inheritdoc/>
    public static string Equation => "a = s z for z > 0, s alpha (e^z - 1) elsewhere";

    /// <inheritdoc/>
    public static bool DerivativeReadsInput => false;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Value<T>(T z) where T : struct, ILanes<T>
    {
        return T.IfGreater(z, T.Zero, T.Constant(Scale) * z, T.Constant(Scale * Alpha) * Elu.ExpMinusOne(z));
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Derivative<T>(T z, T a) where T : struct, ILanes<T>
    {
        return T.IfGreater(a, T.Zero, T.Constant(Scale), a + T.Constant(Scale * Alpha));
    }

    // The fixed point of mean 0 and variance 1 (the paper's equation 14).
    private const double Scale = 1.0507009873554804934193349852946;
    private const double Alpha = 1.6732632423543772848170429916717;
}
