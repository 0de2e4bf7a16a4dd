using System.Runtime.CompilerServices;
using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Activations;

/// <summary>
/// z t, t = tanh(log(1 + e^z)); derivative t + z sigmoid(z) (1 - t^2). Source: Misra, Mish: a self regularized non-monotonic activation function
/// (2019).
/// </summary>
/// <remarks>t = n / (n + r) with n = e^2z + 2 e^z and r = 2, both divided by e^2z for z &gt; 0: one exponential that cannot overflow, and no
/// cancellation.</remarks>
public readonly struct Mish : IActivationFunction
{
    /// <inheritdoc/>
    public static string Name => "mish";

    /// <inheritdoc/>
    public static string Equation => "a = z tanh(log(1 + e^z))";

    /// <inheritdoc/>
    public static bool DerivativeReadsInput => true;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Value<T>(T z) where T : struct, ILanes<T>
    {
        Fraction(z, T.Named(T.Exp(-T.Abs(z)), "e"), out T numerator, out T rest);
        return z * (numerator / (numerator + rest));
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Derivative<T>(T z, T a) where T : struct, ILanes<T>
    {
        T e = T.Named(T.Exp(-T.Abs(z)), "e");
        Fraction(z, e, out T numerator, out T rest);
        T denominator = T.Named(numerator + rest, "denominator");
        T t = T.Named(numerator / denominator, "t");
        T sigmoid = T.Named(T.IfGreater(z, T.Zero, T.One, e) / (T.One + e), "s");

        // 1 - t^2 = (d - n)(d + n) / d^2 without a difference of near values.
        T slope = T.Named((rest / denominator) * ((denominator + numerator) / denominator), "slope");
        return t + ((z * sigmoid) * slope);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Fraction<T>(T z, T e, out T numerator, out T rest) where T : struct, ILanes<T>
    {
        numerator = T.Named(T.IfGreater(z, T.Zero, T.One + (e + e), e * (e + T.Constant(2.0))), "numerator");
        T unit = T.Named(T.IfGreater(z, T.Zero, e * e, T.One), "unit");
        rest = T.Named(unit + unit, "rest");
    }
}
