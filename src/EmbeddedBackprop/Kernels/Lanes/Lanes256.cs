using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace EmbeddedBackprop.Kernels.Lanes;

/// <summary>8 float lanes in a Vector256: AVX2.</summary>
internal readonly struct Lanes256<TArithmetic> : IFloatLanes<Lanes256<TArithmetic>>
    where TArithmetic : struct, IArithmetic
{
#pragma warning disable CS0649 // Of writes it.
    private readonly Vector256<float> value;
#pragma warning restore CS0649

    public static int Count => 8;

    public static Lanes256<TArithmetic> Zero
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Of(Vector256<float>.Zero);
    }

    public static Lanes256<TArithmetic> One
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Of(Vector256.Create(1f));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<TArithmetic> Constant(double value) => Of(Vector256.Create((float)value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<TArithmetic> Broadcast(float value) => Of(Vector256.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<TArithmetic> Load(ref readonly float source, nuint index) => Of(Vector256.LoadUnsafe(in source, index));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Lanes256<TArithmetic> value, ref float destination, nuint index) => value.value.StoreUnsafe(ref destination, index);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<TArithmetic> operator +(Lanes256<TArithmetic> x, Lanes256<TArithmetic> y) => Of(x.value + y.value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<TArithmetic> operator -(Lanes256<TArithmetic> x, Lanes256<TArithmetic> y) => Of(x.value - y.value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<TArithmetic> operator *(Lanes256<TArithmetic> x, Lanes256<TArithmetic> y) => Of(x.value * y.value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<TArithmetic> operator /(Lanes256<TArithmetic> x, Lanes256<TArithmetic> y) => Of(x.value / y.value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<TArithmetic> operator -(Lanes256<TArithmetic> x) => Of(x.value ^ Vector256.Create(-0f));

    // LaneDispatch has asked for the instruction: a check here would be made at each of them in programs that are compiled for AVX2 alone.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<TArithmetic> MultiplyAdd(Lanes256<TArithmetic> a, Lanes256<TArithmetic> b, Lanes256<TArithmetic> c) =>
        Of(typeof(TArithmetic) == typeof(Separate) ? (a.value * b.value) + c.value : Fma.MultiplyAdd(a.value, b.value, c.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<TArithmetic> MultiplyAdd(Lanes256<TArithmetic> a, ref readonly float b, nuint index, Lanes256<TArithmetic> c) =>
        Of(typeof(TArithmetic) == typeof(Separate)
            ? (a.value * Vector256.LoadUnsafe(in b, index)) + c.value
            : Fma.MultiplyAdd(Vector256.LoadUnsafe(in b, index), a.value, c.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<TArithmetic> SquareRoot(Lanes256<TArithmetic> x) => Of(Vector256.Sqrt(x.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<TArithmetic> Abs(Lanes256<TArithmetic> x) => Of(Vector256.Abs(x.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<TArithmetic> IfGreater(
        Lanes256<TArithmetic> x, Lanes256<TArithmetic> y, Lanes256<TArithmetic> then, Lanes256<TArithmetic> otherwise) =>
        Of(Vector256.ConditionalSelect(Vector256.GreaterThan(x.value, y.value), then.value, otherwise.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<TArithmetic> IfNaN(Lanes256<TArithmetic> x, Lanes256<TArithmetic> then, Lanes256<TArithmetic> otherwise) =>
        Of(Vector256.ConditionalSelect(Vector256.Equals(x.value, x.value), otherwise.value, then.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<TArithmetic> LogEnds(Lanes256<TArithmetic> x, Lanes256<TArithmetic> y) => Transcendental.LogEnds(x, y);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<TArithmetic> AtLeast(Lanes256<TArithmetic> x, Lanes256<TArithmetic> low) =>
        Avx.IsSupported ? Of(Avx.Max(low.value, x.value)) : IfGreater(low, x, low, x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<TArithmetic> AddBits(Lanes256<TArithmetic> x, int addend) =>
        Of((x.value.AsInt32() + Vector256.Create(addend)).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<TArithmetic> ShiftBitsLeft(Lanes256<TArithmetic> x, int count) => Of((x.value.AsInt32() << count).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<TArithmetic> ShiftBitsRight(Lanes256<TArithmetic> x, int count) => Of((x.value.AsInt32() >> count).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<TArithmetic> AndBits(Lanes256<TArithmetic> x, int mask) => Of((x.value.AsInt32() & Vector256.Create(mask)).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<TArithmetic> OrBits(Lanes256<TArithmetic> x, int mask) => Of((x.value.AsInt32() | Vector256.Create(mask)).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<TArithmetic> CopySign(Lanes256<TArithmetic> magnitude, Lanes256<TArithmetic> sign) =>
        Of(Vector256.ConditionalSelect(Vector256.Create(-0f), sign.value, magnitude.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool AllGreater(Lanes256<TArithmetic> x, Lanes256<TArithmetic> y) => Vector256.GreaterThanAll(x.value, y.value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<TArithmetic> ConvertBits(Lanes256<TArithmetic> x) => Of(Vector256.ConvertToSingle(x.value.AsInt32()));

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
    public static Lanes256<TArithmetic> Even(Lanes256<TArithmetic> low, Lanes256<TArithmetic> high) => Of(Shuffles.Even(low.value, high.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<TArithmetic> Odd(Lanes256<TArithmetic> low, Lanes256<TArithmetic> high) => Of(Shuffles.Odd(low.value, high.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<TArithmetic> ZipLow(Lanes256<TArithmetic> even, Lanes256<TArithmetic> odd) => Of(Shuffles.ZipLow(even.value, odd.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<TArithmetic> ZipHigh(Lanes256<TArithmetic> even, Lanes256<TArithmetic> odd) =>
        Of(Shuffles.ZipHigh(even.value, odd.value));

    // A constructor would not be inlined where the compiler may not use AVX.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Lanes256<TArithmetic> Of(Vector256<float> value) => Unsafe.BitCast<Vector256<float>, Lanes256<TArithmetic>>(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256<TArithmetic> Reverse(Lanes256<TArithmetic> x) => Of(Shuffles.Reverse(x.value));
}
