using System.Runtime.CompilerServices;
using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Activations;

/// <summary>
/// z for z &gt; 0, e^z - 1 elsewhere; derivative 1 or a + 1. Source: Clevert, Unterthiner and Hochreiter, Fast and accurate deep network learning by
/// exponential linear units (2016).
/// </summary>
public readonly struct Elu : IActivationFunction
{
    /// <inheritdoc/>
    public static string Name => "elu";

    /// <inheritdoc/>
    public static string Equation => "a = z for z > 0, e^z - 1 = 2t / (1 - t) elsewhere, t = tanh(z/2)";

    /// <inheritdoc/>
    public static bool DerivativeReadsInput => false;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Value<T>(T z) where T : struct, ILanes<T>
    {
        return T.IfGreater(z, T.Zero, z, ExpMinusOne(z));
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Derivative<T>(T z, T a) where T : struct, ILanes<T>
    {
        return T.IfGreater(a, T.Zero, T.One, a + T.One);
    }

    /// <summary>e^z - 1 = 2t / (1 - t), t = tanh(z/2), for z &lt;= 0: unlike the difference it is accurate near 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static T ExpMinusOne<T>(T z) where T : struct, ILanes<T>
    {
        T t = T.Named(T.Tanh(T.Constant(0.5) * z), "t");
        return (t + t) / (T.One - t);
    }
}
