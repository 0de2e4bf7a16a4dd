using System.Runtime.CompilerServices;
using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Activations;

/// <summary>
/// log(1 + e^z), derivative sigmoid(z) = 1 - e^-a. Source: Dugas and others, Incorporating second-order functional knowledge for better option
/// pricing (2001).
/// </summary>
public readonly struct Softplus : IActivationFunction
{
    /// <inheritdoc/>
    public static string Name => "softplus";

    /// <inheritdoc/>
    public static string Equation => "a = log(1 + e^z) = max(z, 0) + log(1 + e^-abs z)";

    /// <inheritdoc/>
    public static bool DerivativeReadsInput => false;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Value<T>(T z) where T : struct, ILanes<T>
    {
        // max(z, 0) + log(1 + e^-|z|): the exponential cannot overflow.
        return T.IfGreater(z, T.Zero, z, T.Zero) + T.Log1P(T.Exp(-T.Abs(z)));
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Derivative<T>(T z, T a) where T : struct, ILanes<T>
    {
        // 1 - e^-a = 2t / (1 + t), t = tanh(a/2): accurate where a is small, too.
        T t = T.Named(T.Tanh(T.Constant(0.5) * a), "t");
        return (t + t) / (T.One + t);
    }
}
