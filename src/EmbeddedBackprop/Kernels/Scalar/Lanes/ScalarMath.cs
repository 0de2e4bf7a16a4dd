using System.Numerics;
using System.Runtime.CompilerServices;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Kernels.Scalar;

/// <summary>The operations of the twins besides + - * /: M, and the functions that are polynomials in float and Math.* in double.</summary>
internal static class ScalarMath
{
    /// <summary>M(a, b, c) of the arithmetic contract: one rounding in fused, two in separate arithmetic.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T MultiplyAdd<T, TArithmetic>(T a, T b, T c)
        where T : struct, IBinaryFloatingPointIeee754<T>
        where TArithmetic : struct, IArithmetic =>
        TArithmetic.IsFused ? T.FusedMultiplyAdd(a, b, c) : (a * b) + c;

    /// <summary>M(a, b, c) in an arithmetic that is known at run time.</summary>
    public static T MultiplyAdd<T>(Arithmetic arithmetic, T a, T b, T c)
        where T : struct, IBinaryFloatingPointIeee754<T> =>
        arithmetic == Arithmetic.Fused ? T.FusedMultiplyAdd(a, b, c) : (a * b) + c;

    /// <summary>e^x: the engine's polynomial in float, the oracle Math.Exp in double.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Exp<T, TArithmetic>(T x)
        where T : struct, IBinaryFloatingPointIeee754<T>
        where TArithmetic : struct, IArithmetic =>
        typeof(T) == typeof(float)
            ? Unsafe.BitCast<float, T>(Lane<TArithmetic>.Exp(new(Unsafe.BitCast<T, float>(x))).Value)
            : T.Exp(x);

    /// <summary>log x: the engine's polynomial in float, the oracle Math.Log in double.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Log<T, TArithmetic>(T x)
        where T : struct, IBinaryFloatingPointIeee754<T>
        where TArithmetic : struct, IArithmetic =>
        typeof(T) == typeof(float)
            ? Unsafe.BitCast<float, T>(Lane<TArithmetic>.Log(new(Unsafe.BitCast<T, float>(x))).Value)
            : T.Log(x);

    /// <summary>1 / (1 + e^-x): the engine's polynomial in float, in double by Math.Exp.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Sigmoid<T, TArithmetic>(T x)
        where T : struct, IBinaryFloatingPointIeee754<T>
        where TArithmetic : struct, IArithmetic =>
        typeof(T) == typeof(float)
            ? Unsafe.BitCast<float, T>(Lane<TArithmetic>.Sigmoid(new(Unsafe.BitCast<T, float>(x))).Value)
            : Unsafe.BitCast<double, T>(LaneDouble.Sigmoid(new(Unsafe.BitCast<T, double>(x))).Value);
}
