using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace EmbeddedBackprop.Kernels.Lanes;

/// <summary>4 float lanes in a Vector128: every x86-64 and Arm64 processor.</summary>
internal readonly struct Lanes128<TArithmetic> : IFloatLanes<Lanes128<TArithmetic>>
    where TArithmetic : struct, IArithmetic
{
#pragma warning disable CS0649 // Of writes it.
    private readonly Vector128<float> value;
#pragma warning restore CS0649

    public static int Count => 4;

    public static Lanes128<TArithmetic> Zero
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Of(Vector128<float>.Zero);
    }

    public static Lanes128<TArithmetic> One
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Of(Vector128.Create(1f));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<TArithmetic> Constant(double value) => Of(Vector128.Create((float)value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<TArithmetic> Broadcast(float value) => Of(Vector128.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<TArithmetic> Load(ref readonly float source, nuint index) => Of(Vector128.LoadUnsafe(in source, index));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Lanes128<TArithmetic> value, ref float destination, nuint index) => value.value.StoreUnsafe(ref destination, index);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<TArithmetic> operator +(Lanes128<TArithmetic> x, Lanes128<TArithmetic> y) => Of(x.value + y.value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<TArithmetic> operator -(Lanes128<TArithmetic> x, Lanes128<TArithmetic> y) => Of(x.value - y.value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<TArithmetic> operator *(Lanes128<TArithmetic> x, Lanes128<TArithmetic> y) => Of(x.value * y.value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<TArithmetic> operator /(Lanes128<TArithmetic> x, Lanes128<TArithmetic> y) => Of(x.value / y.value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<TArithmetic> operator -(Lanes128<TArithmetic> x) => Of(x.value ^ Vector128.Create(-0f));

    // The instructions by their own names, and the arithmetic by its type: ahead of time, other forms are calls (docs/aot.md, "Instruction sets").
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<TArithmetic> MultiplyAdd(Lanes128<TArithmetic> a, Lanes128<TArithmetic> b, Lanes128<TArithmetic> c) =>
        Of(
            typeof(TArithmetic) == typeof(Separate) ? (a.value * b.value) + c.value
            : Fma.IsSupported ? Fma.MultiplyAdd(a.value, b.value, c.value)
            : AdvSimd.IsSupported ? AdvSimd.FusedMultiplyAdd(c.value, a.value, b.value)
            : ExactFusedMultiplyAdd.Compute(a.value, b.value, c.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<TArithmetic> SquareRoot(Lanes128<TArithmetic> x) => Of(Vector128.Sqrt(x.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<TArithmetic> Abs(Lanes128<TArithmetic> x) => Of(Vector128.Abs(x.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<TArithmetic> IfGreater(
        Lanes128<TArithmetic> x, Lanes128<TArithmetic> y, Lanes128<TArithmetic> then, Lanes128<TArithmetic> otherwise) =>
        Of(Vector128.ConditionalSelect(Vector128.GreaterThan(x.value, y.value), then.value, otherwise.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<TArithmetic> IfNaN(Lanes128<TArithmetic> x, Lanes128<TArithmetic> then, Lanes128<TArithmetic> otherwise) =>
        Of(Vector128.ConditionalSelect(Vector128.Equals(x.value, x.value), otherwise.value, then.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<TArithmetic> LogEnds(Lanes128<TArithmetic> x, Lanes128<TArithmetic> y) => Transcendental.LogEnds(x, y);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<TArithmetic> AtLeast(Lanes128<TArithmetic> x, Lanes128<TArithmetic> low) =>
        Sse.IsSupported ? Of(Sse.Max(low.value, x.value)) : IfGreater(low, x, low, x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<TArithmetic> AddBits(Lanes128<TArithmetic> x, int addend) =>
        Of((x.value.AsInt32() + Vector128.Create(addend)).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<TArithmetic> ShiftBitsLeft(Lanes128<TArithmetic> x, int count) => Of((x.value.AsInt32() << count).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<TArithmetic> ShiftBitsRight(Lanes128<TArithmetic> x, int count) => Of((x.value.AsInt32() >> count).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<TArithmetic> AndBits(Lanes128<TArithmetic> x, int mask) => Of((x.value.AsInt32() & Vector128.Create(mask)).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<TArithmetic> OrBits(Lanes128<TArithmetic> x, int mask) => Of((x.value.AsInt32() | Vector128.Create(mask)).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<TArithmetic> CopySign(Lanes128<TArithmetic> magnitude, Lanes128<TArithmetic> sign) =>
        Of(Vector128.ConditionalSelect(Vector128.Create(-0f), sign.value, magnitude.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool AllGreater(Lanes128<TArithmetic> x, Lanes128<TArithmetic> y) => Vector128.GreaterThanAll(x.value, y.value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<TArithmetic> ConvertBits(Lanes128<TArithmetic> x) => Of(Vector128.ConvertToSingle(x.value.AsInt32()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<TArithmetic> Exp(Lanes128<TArithmetic> x) => Transcendental.Exp(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<TArithmetic> Log(Lanes128<TArithmetic> x) => Transcendental.Log(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<TArithmetic> Tanh(Lanes128<TArithmetic> x) => Transcendental.Tanh(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<TArithmetic> Sigmoid(Lanes128<TArithmetic> x) => Transcendental.Sigmoid(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<TArithmetic> Erf(Lanes128<TArithmetic> x) => Transcendental.Erf(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<TArithmetic> Log1P(Lanes128<TArithmetic> x) => Transcendental.Log1P(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<TArithmetic> Sin(Lanes128<TArithmetic> x) => Transcendental.Sin(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<TArithmetic> Cos(Lanes128<TArithmetic> x) => Transcendental.Cos(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<TArithmetic> Even(Lanes128<TArithmetic> low, Lanes128<TArithmetic> high) => Of(Shuffles.Even(low.value, high.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<TArithmetic> Odd(Lanes128<TArithmetic> low, Lanes128<TArithmetic> high) => Of(Shuffles.Odd(low.value, high.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<TArithmetic> ZipLow(Lanes128<TArithmetic> even, Lanes128<TArithmetic> odd) => Of(Shuffles.ZipLow(even.value, odd.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<TArithmetic> ZipHigh(Lanes128<TArithmetic> even, Lanes128<TArithmetic> odd) =>
        Of(Shuffles.ZipHigh(even.value, odd.value));

    // A constructor would not be inlined where the compiler may not use AVX.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Lanes128<TArithmetic> Of(Vector128<float> value) => Unsafe.BitCast<Vector128<float>, Lanes128<TArithmetic>>(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<TArithmetic> Reverse(Lanes128<TArithmetic> x) => Of(Shuffles.Reverse(x.value));
}
