using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace EmbeddedBackprop.Kernels.Lanes;

/// <summary>16 float lanes in a Vector512: AVX-512.</summary>
internal readonly struct Lanes512<TArithmetic>(Vector512<float> value) : IFloatLanes<Lanes512<TArithmetic>>
    where TArithmetic : struct, IArithmetic
{
    // Four bits for each class of x, from the lowest: quiet NaN -> x, signalling NaN -> quiet x, 0 -> -inf, 1 -> y, -inf -> NaN, +inf -> +inf,
    // negative -> NaN, positive -> y.
    private const int LogEndsTable = 0x03530421;

    private readonly Vector512<float> value = value;

    public static int Count => 16;

    public static Lanes512<TArithmetic> Zero => new(Vector512<float>.Zero);

    public static Lanes512<TArithmetic> One => new(Vector512.Create(1f));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512<TArithmetic> Constant(double value) => new(Vector512.Create((float)value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512<TArithmetic> Broadcast(float value) => new(Vector512.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512<TArithmetic> Load(ref readonly float source, nuint index) => new(Vector512.LoadUnsafe(in source, index));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512<TArithmetic> LoadHalves(ref readonly float low, ref readonly float high) =>
        new(Vector512.Create(Vector256.LoadUnsafe(in low), Vector256.LoadUnsafe(in high)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Lanes512<TArithmetic> value, ref float destination, nuint index) => value.value.StoreUnsafe(ref destination, index);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512<TArithmetic> operator +(Lanes512<TArithmetic> x, Lanes512<TArithmetic> y) => new(x.value + y.value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512<TArithmetic> operator -(Lanes512<TArithmetic> x, Lanes512<TArithmetic> y) => new(x.value - y.value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512<TArithmetic> operator *(Lanes512<TArithmetic> x, Lanes512<TArithmetic> y) => new(x.value * y.value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512<TArithmetic> operator /(Lanes512<TArithmetic> x, Lanes512<TArithmetic> y) => new(x.value / y.value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512<TArithmetic> operator -(Lanes512<TArithmetic> x) => new(x.value ^ Vector512.Create(-0f));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512<TArithmetic> MultiplyAdd(Lanes512<TArithmetic> a, Lanes512<TArithmetic> b, Lanes512<TArithmetic> c) =>
        TArithmetic.IsFused
            ? new(Vector512.FusedMultiplyAdd(a.value, b.value, c.value))
            : new((a.value * b.value) + c.value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512<TArithmetic> MultiplyAdd(Lanes512<TArithmetic> a, ref readonly float b, nuint index, Lanes512<TArithmetic> c) =>
        TArithmetic.IsFused
            ? new(Vector512.FusedMultiplyAdd(Vector512.LoadUnsafe(in b, index), a.value, c.value))
            : new((a.value * Vector512.LoadUnsafe(in b, index)) + c.value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512<TArithmetic> MultiplyAdd(ref readonly float a, Lanes512<TArithmetic> b, Lanes512<TArithmetic> c) =>
        TArithmetic.IsFused
            ? new(Vector512.FusedMultiplyAdd(Vector512.Create(a), b.value, c.value))
            : new((Vector512.Create(a) * b.value) + c.value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512<TArithmetic> SquareRoot(Lanes512<TArithmetic> x) => new(Vector512.Sqrt(x.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512<TArithmetic> Abs(Lanes512<TArithmetic> x) => new(Vector512.Abs(x.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512<TArithmetic> IfGreater(
        Lanes512<TArithmetic> x, Lanes512<TArithmetic> y, Lanes512<TArithmetic> then, Lanes512<TArithmetic> otherwise) =>
        new(Vector512.ConditionalSelect(Vector512.GreaterThan(x.value, y.value), then.value, otherwise.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512<TArithmetic> IfNaN(Lanes512<TArithmetic> x, Lanes512<TArithmetic> then, Lanes512<TArithmetic> otherwise) =>
        new(Vector512.ConditionalSelect(Vector512.Equals(x.value, x.value), otherwise.value, then.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512<TArithmetic> LogEnds(Lanes512<TArithmetic> x, Lanes512<TArithmetic> y) =>
        Avx512F.IsSupported ? new(Avx512F.Fixup(y.value, x.value, Vector512.Create(LogEndsTable), 0)) : Transcendental.LogEnds(x, y);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512<TArithmetic> AtLeast(Lanes512<TArithmetic> x, Lanes512<TArithmetic> low) =>
        Avx512F.IsSupported ? new(Avx512F.Max(low.value, x.value)) : IfGreater(low, x, low, x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512<TArithmetic> AddBits(Lanes512<TArithmetic> x, int addend) =>
        new((x.value.AsInt32() + Vector512.Create(addend)).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512<TArithmetic> ShiftBitsLeft(Lanes512<TArithmetic> x, int count) => new((x.value.AsInt32() << count).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512<TArithmetic> ShiftBitsRight(Lanes512<TArithmetic> x, int count) => new((x.value.AsInt32() >> count).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512<TArithmetic> AndBits(Lanes512<TArithmetic> x, int mask) => new((x.value.AsInt32() & Vector512.Create(mask)).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512<TArithmetic> OrBits(Lanes512<TArithmetic> x, int mask) => new((x.value.AsInt32() | Vector512.Create(mask)).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512<TArithmetic> CopySign(Lanes512<TArithmetic> magnitude, Lanes512<TArithmetic> sign) =>
        new(Vector512.ConditionalSelect(Vector512.Create(-0f), sign.value, magnitude.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool AllGreater(Lanes512<TArithmetic> x, Lanes512<TArithmetic> y) => Vector512.GreaterThanAll(x.value, y.value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512<TArithmetic> ConvertBits(Lanes512<TArithmetic> x) => new(Vector512.ConvertToSingle(x.value.AsInt32()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512<TArithmetic> Exp(Lanes512<TArithmetic> x) => Transcendental.Exp(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512<TArithmetic> Log(Lanes512<TArithmetic> x) => Transcendental.Log(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512<TArithmetic> Tanh(Lanes512<TArithmetic> x) => Transcendental.Tanh(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512<TArithmetic> Sigmoid(Lanes512<TArithmetic> x) => Transcendental.Sigmoid(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512<TArithmetic> Erf(Lanes512<TArithmetic> x) => Transcendental.Erf(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512<TArithmetic> Log1P(Lanes512<TArithmetic> x) => Transcendental.Log1P(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512<TArithmetic> Sin(Lanes512<TArithmetic> x) => Transcendental.Sin(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512<TArithmetic> Cos(Lanes512<TArithmetic> x) => Transcendental.Cos(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512<TArithmetic> Even(Lanes512<TArithmetic> low, Lanes512<TArithmetic> high) => new(Shuffles.Even(low.value, high.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512<TArithmetic> Odd(Lanes512<TArithmetic> low, Lanes512<TArithmetic> high) => new(Shuffles.Odd(low.value, high.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512<TArithmetic> ZipLow(Lanes512<TArithmetic> even, Lanes512<TArithmetic> odd) => new(Shuffles.ZipLow(even.value, odd.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512<TArithmetic> ZipHigh(Lanes512<TArithmetic> even, Lanes512<TArithmetic> odd) =>
        new(Shuffles.ZipHigh(even.value, odd.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512<TArithmetic> Reverse(Lanes512<TArithmetic> x) => new(Shuffles.Reverse(x.value));
}
