using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace EmbeddedBackprop.Kernels.Lanes;

/// <summary>8 float lanes in a Vector256: AVX2.</summary>
internal readonly struct Lanes256<TArithmetic>(Vector256<float> value) : IFloatLanes<Lanes256<TArithmetic>>
    where TArithmetic : struct, IArithmetic
{
    private readonly Vector256<float> value = value;

    public static int Count => 8;

    public static Lanes256<TArithmetic> Zero => new(Vector256<float>.Zero);

    public static Lanes256<TArithmetic> One => new(Vector256.Create(1f));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<TArithmetic> Constant(double value) => new(Vector256.Create((float)value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<TArithmetic> Broadcast(float value) => new(Vector256.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<TArithmetic> Load(ref readonly float source, nuint index) => new(Vector256.LoadUnsafe(in source, index));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Lanes256<TArithmetic> value, ref float destination, nuint index) => value.value.StoreUnsafe(ref destination, index);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<TArithmetic> operator +(Lanes256<TArithmetic> x, Lanes256<TArithmetic> y) => new(x.value + y.value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<TArithmetic> operator -(Lanes256<TArithmetic> x, Lanes256<TArithmetic> y) => new(x.value - y.value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<TArithmetic> operator *(Lanes256<TArithmetic> x, Lanes256<TArithmetic> y) => new(x.value * y.value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<TArithmetic> operator /(Lanes256<TArithmetic> x, Lanes256<TArithmetic> y) => new(x.value / y.value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<TArithmetic> operator -(Lanes256<TArithmetic> x) => new(x.value ^ Vector256.Create(-0f));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<TArithmetic> MultiplyAdd(Lanes256<TArithmetic> a, Lanes256<TArithmetic> b, Lanes256<TArithmetic> c) =>
        TArithmetic.IsFused
            ? new(Vector256.FusedMultiplyAdd(a.value, b.value, c.value))
            : new((a.value * b.value) + c.value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<TArithmetic> SquareRoot(Lanes256<TArithmetic> x) => new(Vector256.Sqrt(x.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<TArithmetic> Abs(Lanes256<TArithmetic> x) => new(Vector256.Abs(x.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<TArithmetic> IfGreater(
        Lanes256<TArithmetic> x, Lanes256<TArithmetic> y, Lanes256<TArithmetic> then, Lanes256<TArithmetic> otherwise) =>
        new(Vector256.ConditionalSelect(Vector256.GreaterThan(x.value, y.value), then.value, otherwise.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<TArithmetic> IfNaN(Lanes256<TArithmetic> x, Lanes256<TArithmetic> then, Lanes256<TArithmetic> otherwise) =>
        new(Vector256.ConditionalSelect(Vector256.Equals(x.value, x.value), otherwise.value, then.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<TArithmetic> LogEnds(Lanes256<TArithmetic> x, Lanes256<TArithmetic> y) => Transcendental.LogEnds(x, y);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<TArithmetic> AtLeast(Lanes256<TArithmetic> x, Lanes256<TArithmetic> low) =>
        Avx.IsSupported ? new(Avx.Max(low.value, x.value)) : IfGreater(low, x, low, x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<TArithmetic> AddBits(Lanes256<TArithmetic> x, int addend) =>
        new((x.value.AsInt32() + Vector256.Create(addend)).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<TArithmetic> ShiftBitsLeft(Lanes256<TArithmetic> x, int count) => new((x.value.AsInt32() << count).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<TArithmetic> ShiftBitsRight(Lanes256<TArithmetic> x, int count) => new((x.value.AsInt32() >> count).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<TArithmetic> AndBits(Lanes256<TArithmetic> x, int mask) => new((x.value.AsInt32() & Vector256.Create(mask)).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<TArithmetic> OrBits(Lanes256<TArithmetic> x, int mask) => new((x.value.AsInt32() | Vector256.Create(mask)).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<TArithmetic> CopySign(Lanes256<TArithmetic> magnitude, Lanes256<TArithmetic> sign) =>
        new(Vector256.ConditionalSelect(Vector256.Create(-0f), sign.value, magnitude.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool AllGreater(Lanes256<TArithmetic> x, Lanes256<TArithmetic> y) => Vector256.GreaterThanAll(x.value, y.value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<TArithmetic> ConvertBits(Lanes256<TArithmetic> x) => new(Vector256.ConvertToSingle(x.value.AsInt32()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<TArithmetic> Exp(Lanes256<TArithmetic> x) => Transcendental.Exp(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<TArithmetic> Log(Lanes256<TArithmetic> x) => Transcendental.Log(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<TArithmetic> Tanh(Lanes256<TArithmetic> x) => Transcendental.Tanh(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<TArithmetic> Sigmoid(Lanes256<TArithmetic> x) => Transcendental.Sigmoid(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<TArithmetic> Erf(Lanes256<TArithmetic> x) => Transcendental.Erf(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<TArithmetic> Log1P(Lanes256<TArithmetic> x) => Transcendental.Log1P(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<TArithmetic> Sin(Lanes256<TArithmetic> x) => Transcendental.Sin(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<TArithmetic> Cos(Lanes256<TArithmetic> x) => Transcendental.Cos(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<TArithmetic> Even(Lanes256<TArithmetic> low, Lanes256<TArithmetic> high) => new(Shuffles.Even(low.value, high.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<TArithmetic> Odd(Lanes256<TArithmetic> low, Lanes256<TArithmetic> high) => new(Shuffles.Odd(low.value, high.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<TArithmetic> ZipLow(Lanes256<TArithmetic> even, Lanes256<TArithmetic> odd) => new(Shuffles.ZipLow(even.value, odd.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<TArithmetic> ZipHigh(Lanes256<TArithmetic> even, Lanes256<TArithmetic> odd) =>
        new(Shuffles.ZipHigh(even.value, odd.value));
}
