using System.Runtime.CompilerServices;

namespace EmbeddedBackprop.Kernels.Gates;

/// <summary>The function of a gate, with its derivative written from the value.</summary>
internal interface IGateCurve
{
    static abstract T Value<T>(T z) where T : struct, ILanes<T>;

    static abstract T Derivative<T>(T a) where T : struct, ILanes<T>;
}

/// <summary>sigmoid z, derivative a (1 - a).</summary>
internal readonly struct SigmoidCurve : IGateCurve
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Value<T>(T z) where T : struct, ILanes<T> => T.Sigmoid(z);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Derivative<T>(T a) where T : struct, ILanes<T> => a * (T.One - a);
}

/// <summary>tanh z, derivative (1 - a)(1 + a).</summary>
internal readonly struct TanhCurve : IGateCurve
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Value<T>(T z) where T : struct, ILanes<T> => T.Tanh(z);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Derivative<T>(T a) where T : struct, ILanes<T> => (T.One - a) * (T.One + a);
}

/// <summary>max(z, 0), derivative 1 where a is above 0.</summary>
internal readonly struct ReluCurve : IGateCurve
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Value<T>(T z) where T : struct, ILanes<T> => T.IfGreater(z, T.Zero, z, T.Zero);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Derivative<T>(T a) where T : struct, ILanes<T> => T.IfGreater(a, T.Zero, T.One, T.Zero);
}
