using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace EmbeddedBackprop.Kernels.Lanes;

/// <summary>4 float lanes in a Vector128: every x86-64 and Arm64 processor.</summary>
internal readonly struct Lanes128<TArithmetic>(Vector128<float> value) : IFloatLanes<Lanes128<TArithmetic>>
    where TArithmetic : struct, IArithmetic
{
    private readonly Vector128<float> value = value;

    public static int Count => 4;

    public static Lanes128<TArithmetic> Zero => new(Vector128<float>.Zero);

    public static Lanes128<TArithmetic> One => new(Vector128.Create(1f));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<TArithmetic> Constant(double value) => new(Vector128.Create((float)value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<TArithmetic> Broadcast(float value) => new(Vector128.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<TArithmetic> Load(ref readonly float source, nuint index) => new(Vector128.LoadUnsafe(in source, index));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Lanes128<TArithmetic> value, ref float destination, nuint index) => value.value.StoreUnsafe(ref destination, index);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<TArithmetic> operator +(Lanes128<TArithmetic> x, Lanes128<TArithmetic> y) => new(x.value + y.value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<TArithmetic> operator -(Lanes128<TArithmetic> x, Lanes128<TArithmetic> y) => new(x.value - y.value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<TArithmetic> operator *(Lanes128<TArithmetic> x, Lanes128<TArithmetic> y) => new(x.value * y.value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<TArithmetic> operator /(Lanes128<TArithmetic> x, Lanes128<TArithmetic> y) => new(x.value / y.value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<TArithmetic> operator -(Lanes128<TArithmetic> x) => new(x.value ^ Vector128.Create(-0f));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<TArithmetic> MultiplyAdd(Lanes128<TArithmetic> a, Lanes128<TArithmetic> b, Lanes128<TArithmetic> c)
    {
        if (!TArithmetic.IsFused)
        {
            return new((a.value * b.value) + c.value);
        }

        // Asked here and not in a property: only so the compiler drops the other branch, which costs kernels a factor of six even unused.
        if (Fma.IsSupported || AdvSimd.IsSupported)
        {
            return new(Vector128.FusedMultiplyAdd(a.value, b.value, c.value));
        }

        return new(ExactFusedMultiplyAdd.Compute(a.value, b.value, c.value));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<TArithmetic> SquareRoot(Lanes128<TArithmetic> x) => new(Vector128.Sqrt(x.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<TArithmetic> Abs(Lanes128<TArithmetic> x) => new(Vector128.Abs(x.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<TArithmetic> IfGreater(
        Lanes128<TArithmetic> x, Lanes128<TArithmetic> y, Lanes128<TArithmetic> then, Lanes128<TArithmetic> otherwise) =>
        new(Vector128.ConditionalSelect(Vector128.GreaterThan(x.value, y.value), then.value, otherwise.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<TArithmetic> IfNaN(Lanes128<TArithmetic> x, Lanes128<TArithmetic> then, Lanes128<TArithmetic> otherwise) =>
        new(Vector128.ConditionalSelect(Vector128.Equals(x.value, x.value), otherwise.value, then.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<TArithmetic> LogEnds(Lanes128<TArithmetic> x, Lanes128<TArithmetic> y) => Transcendental.LogEnds(x, y);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<TArithmetic> AtLeast(Lanes128<TArithmetic> x, Lanes128<TArithmetic> low) =>
        Sse.IsSupported ? new(Sse.Max(low.value, x.value)) : IfGreater(low, x, low, x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<TArithmetic> AddBits(Lanes128<TArithmetic> x, int addend) =>
        new((x.value.AsInt32() + Vector128.Create(addend)).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<TArithmetic> ShiftBitsLeft(Lanes128<TArithmetic> x, int count) => new((x.value.AsInt32() << count).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<TArithmetic> ShiftBitsRight(Lanes128<TArithmetic> x, int count) => new((x.value.AsInt32() >> count).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<TArithmetic> AndBits(Lanes128<TArithmetic> x, int mask) => new((x.value.AsInt32() & Vector128.Create(mask)).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<TArithmetic> OrBits(Lanes128<TArithmetic> x, int mask) => new((x.value.AsInt32() | Vector128.Create(mask)).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<TArithmetic> CopySign(Lanes128<TArithmetic> magnitude, Lanes128<TArithmetic> sign) =>
        new(Vector128.ConditionalSelect(Vector128.Create(-0f), sign.value, magnitude.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool AllGreater(Lanes128<TArithmetic> x, Lanes128<TArithmetic> y) => Vector128.GreaterThanAll(x.value, y.value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<TArithmetic> ConvertBits(Lanes128<TArithmetic> x) => new(Vector128.ConvertToSingle(x.value.AsInt32()));

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
    public static Lanes128<TArithmetic> Even(Lanes128<TArithmetic> low, Lanes128<TArithmetic> high) => new(Shuffles.Even(low.value, high.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<TArithmetic> Odd(Lanes128<TArithmetic> low, Lanes128<TArithmetic> high) => new(Shuffles.Odd(low.value, high.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<TArithmetic> ZipLow(Lanes128<TArithmetic> even, Lanes128<TArithmetic> odd) => new(Shuffles.ZipLow(even.value, odd.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128<TArithmetic> ZipHigh(Lanes128<TArithmetic> even, Lanes128<TArithmetic> odd) =>
        new(Shuffles.ZipHigh(even.value, odd.value));
}
