using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace EmbeddedBackprop.Kernels.Lanes;

/// <summary>One float: the scalar twin of every lane formula, with the bits of the exported C.</summary>
internal readonly struct Lane<TArithmetic>(float value) : IFloatLanes<Lane<TArithmetic>>
    where TArithmetic : struct, IArithmetic
{
    private readonly float value = value;

    public static int Count => 1;

    public static Lane<TArithmetic> Zero => new(0f);

    public static Lane<TArithmetic> One => new(1f);

    public float Value => value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane<TArithmetic> Constant(double value) => new((float)value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane<TArithmetic> Broadcast(float value) => new(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane<TArithmetic> Load(ref readonly float source, nuint index) => new(Unsafe.Add(ref Unsafe.AsRef(in source), index));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Lane<TArithmetic> value, ref float destination, nuint index) => Unsafe.Add(ref destination, index) = value.value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane<TArithmetic> operator +(Lane<TArithmetic> x, Lane<TArithmetic> y) => new(x.value + y.value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane<TArithmetic> operator -(Lane<TArithmetic> x, Lane<TArithmetic> y) => new(x.value - y.value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane<TArithmetic> operator *(Lane<TArithmetic> x, Lane<TArithmetic> y) => new(x.value * y.value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane<TArithmetic> operator /(Lane<TArithmetic> x, Lane<TArithmetic> y) => new(x.value / y.value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane<TArithmetic> operator -(Lane<TArithmetic> x) => new(-x.value);

    // As in Lanes128. Without AVX, MathF.FusedMultiplyAdd would be a call even after the check.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane<TArithmetic> MultiplyAdd(Lane<TArithmetic> a, Lane<TArithmetic> b, Lane<TArithmetic> c) =>
        new(
            typeof(TArithmetic) == typeof(Separate) ? (a.value * b.value) + c.value
            : Fma.IsSupported
                ? Fma.MultiplyAddScalar(
                    Vector128.CreateScalarUnsafe(a.value), Vector128.CreateScalarUnsafe(b.value), Vector128.CreateScalarUnsafe(c.value)).ToScalar()
            : AdvSimd.IsSupported ? MathF.FusedMultiplyAdd(a.value, b.value, c.value)
            : ExactFusedMultiplyAdd.Compute(a.value, b.value, c.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane<TArithmetic> SquareRoot(Lane<TArithmetic> x) => new(MathF.Sqrt(x.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane<TArithmetic> Abs(Lane<TArithmetic> x) => new(MathF.Abs(x.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane<TArithmetic> IfGreater(
        Lane<TArithmetic> x, Lane<TArithmetic> y, Lane<TArithmetic> then, Lane<TArithmetic> otherwise) =>
        x.value > y.value ? then : otherwise;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane<TArithmetic> IfNaN(Lane<TArithmetic> x, Lane<TArithmetic> then, Lane<TArithmetic> otherwise) =>
        float.IsNaN(x.value) ? then : otherwise;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane<TArithmetic> LogEnds(Lane<TArithmetic> x, Lane<TArithmetic> y) => Transcendental.LogEnds(x, y);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane<TArithmetic> AddBits(Lane<TArithmetic> x, int addend) => FromBits(unchecked(Bits(x) + addend));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane<TArithmetic> ShiftBitsLeft(Lane<TArithmetic> x, int count) => FromBits(Bits(x) << count);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane<TArithmetic> ShiftBitsRight(Lane<TArithmetic> x, int count) => FromBits(Bits(x) >> count);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane<TArithmetic> AndBits(Lane<TArithmetic> x, int mask) => FromBits(Bits(x) & mask);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane<TArithmetic> OrBits(Lane<TArithmetic> x, int mask) => FromBits(Bits(x) | mask);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane<TArithmetic> CopySign(Lane<TArithmetic> magnitude, Lane<TArithmetic> sign) =>
        new(MathF.CopySign(magnitude.value, sign.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool AllGreater(Lane<TArithmetic> x, Lane<TArithmetic> y) => x.value > y.value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane<TArithmetic> ConvertBits(Lane<TArithmetic> x) => new(Bits(x));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane<TArithmetic> Exp(Lane<TArithmetic> x) => Transcendental.Exp(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane<TArithmetic> Log(Lane<TArithmetic> x) => Transcendental.Log(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane<TArithmetic> Tanh(Lane<TArithmetic> x) => Transcendental.Tanh(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane<TArithmetic> Sigmoid(Lane<TArithmetic> x) => Transcendental.Sigmoid(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane<TArithmetic> Erf(Lane<TArithmetic> x) => Transcendental.Erf(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane<TArithmetic> Log1P(Lane<TArithmetic> x) => Transcendental.Log1P(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane<TArithmetic> Sin(Lane<TArithmetic> x) => Transcendental.Sin(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane<TArithmetic> Cos(Lane<TArithmetic> x) => Transcendental.Cos(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Bits(Lane<TArithmetic> x) => BitConverter.SingleToInt32Bits(x.value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Lane<TArithmetic> FromBits(int bits) => new(BitConverter.Int32BitsToSingle(bits));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane<TArithmetic> Even(Lane<TArithmetic> low, Lane<TArithmetic> high) => low;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane<TArithmetic> Odd(Lane<TArithmetic> low, Lane<TArithmetic> high) => high;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane<TArithmetic> ZipLow(Lane<TArithmetic> even, Lane<TArithmetic> odd) => even;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane<TArithmetic> ZipHigh(Lane<TArithmetic> even, Lane<TArithmetic> odd) => odd;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane<TArithmetic> Reverse(Lane<TArithmetic> x) => x;
}
