using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace EmbeddedBackprop.Kernels.Lanes;

/// <summary>Vector&lt;float&gt;.Count float lanes in the width that the runtime chose for Vector&lt;T&gt;.</summary>
internal readonly struct LanesAny<TArithmetic>(Vector<float> value) : IFloatLanes<LanesAny<TArithmetic>>
    where TArithmetic : struct, IArithmetic
{
    private readonly Vector<float> value = value;

    public static int Count => Vector<float>.Count;

    public static LanesAny<TArithmetic> Zero => new(Vector<float>.Zero);

    public static LanesAny<TArithmetic> One => new(new Vector<float>(1f));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static LanesAny<TArithmetic> Constant(double value) => new(new Vector<float>((float)value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static LanesAny<TArithmetic> Broadcast(float value) => new(new Vector<float>(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static LanesAny<TArithmetic> Load(ref readonly float source, nuint index) => new(Vector.LoadUnsafe(in source, index));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(LanesAny<TArithmetic> value, ref float destination, nuint index) => value.value.StoreUnsafe(ref destination, index);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static LanesAny<TArithmetic> operator +(LanesAny<TArithmetic> x, LanesAny<TArithmetic> y) => new(x.value + y.value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static LanesAny<TArithmetic> operator -(LanesAny<TArithmetic> x, LanesAny<TArithmetic> y) => new(x.value - y.value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static LanesAny<TArithmetic> operator *(LanesAny<TArithmetic> x, LanesAny<TArithmetic> y) => new(x.value * y.value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static LanesAny<TArithmetic> operator /(LanesAny<TArithmetic> x, LanesAny<TArithmetic> y) => new(x.value / y.value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static LanesAny<TArithmetic> operator -(LanesAny<TArithmetic> x) => new(x.value ^ new Vector<float>(-0f));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static LanesAny<TArithmetic> MultiplyAdd(LanesAny<TArithmetic> a, LanesAny<TArithmetic> b, LanesAny<TArithmetic> c)
    {
        if (!TArithmetic.IsFused)
        {
            return new((a.value * b.value) + c.value);
        }

        // Asked here and not in a property: only so the compiler drops the other branch, which costs kernels a factor of six even unused.
        if (Fma.IsSupported || AdvSimd.IsSupported)
        {
            return new(Vector.FusedMultiplyAdd(a.value, b.value, c.value));
        }

        return new(ExactFusedMultiplyAdd.Compute(a.value, b.value, c.value));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static LanesAny<TArithmetic> SquareRoot(LanesAny<TArithmetic> x) => new(Vector.SquareRoot(x.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static LanesAny<TArithmetic> Abs(LanesAny<TArithmetic> x) => new(Vector.Abs(x.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static LanesAny<TArithmetic> IfGreater(
        LanesAny<TArithmetic> x, LanesAny<TArithmetic> y, LanesAny<TArithmetic> then, LanesAny<TArithmetic> otherwise) =>
        new(Vector.ConditionalSelect(Vector.GreaterThan(x.value, y.value), then.value, otherwise.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static LanesAny<TArithmetic> IfNaN(LanesAny<TArithmetic> x, LanesAny<TArithmetic> then, LanesAny<TArithmetic> otherwise) =>
        new(Vector.ConditionalSelect(Vector.Equals(x.value, x.value), otherwise.value, then.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static LanesAny<TArithmetic> LogEnds(LanesAny<TArithmetic> x, LanesAny<TArithmetic> y) => Transcendental.LogEnds(x, y);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static LanesAny<TArithmetic> AddBits(LanesAny<TArithmetic> x, int addend) =>
        new((x.value.As<float, int>() + new Vector<int>(addend)).As<int, float>());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static LanesAny<TArithmetic> ShiftBitsLeft(LanesAny<TArithmetic> x, int count) =>
        new((x.value.As<float, int>() << count).As<int, float>());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static LanesAny<TArithmetic> ShiftBitsRight(LanesAny<TArithmetic> x, int count) =>
        new((x.value.As<float, int>() >> count).As<int, float>());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static LanesAny<TArithmetic> AndBits(LanesAny<TArithmetic> x, int mask) =>
        new((x.value.As<float, int>() & new Vector<int>(mask)).As<int, float>());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static LanesAny<TArithmetic> OrBits(LanesAny<TArithmetic> x, int mask) =>
        new((x.value.As<float, int>() | new Vector<int>(mask)).As<int, float>());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static LanesAny<TArithmetic> CopySign(LanesAny<TArithmetic> magnitude, LanesAny<TArithmetic> sign) =>
        new(Vector.ConditionalSelect(new Vector<int>(int.MinValue), sign.value, magnitude.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool AllGreater(LanesAny<TArithmetic> x, LanesAny<TArithmetic> y) => Vector.GreaterThanAll(x.value, y.value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static LanesAny<TArithmetic> ConvertBits(LanesAny<TArithmetic> x) => new(Vector.ConvertToSingle(x.value.As<float, int>()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static LanesAny<TArithmetic> Exp(LanesAny<TArithmetic> x) => Transcendental.Exp(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static LanesAny<TArithmetic> Log(LanesAny<TArithmetic> x) => Transcendental.Log(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static LanesAny<TArithmetic> Tanh(LanesAny<TArithmetic> x) => Transcendental.Tanh(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static LanesAny<TArithmetic> Sigmoid(LanesAny<TArithmetic> x) => Transcendental.Sigmoid(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static LanesAny<TArithmetic> Erf(LanesAny<TArithmetic> x) => Transcendental.Erf(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static LanesAny<TArithmetic> Log1P(LanesAny<TArithmetic> x) => Transcendental.Log1P(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static LanesAny<TArithmetic> Sin(LanesAny<TArithmetic> x) => Transcendental.Sin(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static LanesAny<TArithmetic> Cos(LanesAny<TArithmetic> x) => Transcendental.Cos(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static LanesAny<TArithmetic> Even(LanesAny<TArithmetic> low, LanesAny<TArithmetic> high) =>
        new(Vector<float>.Count == 16 ? Shuffles.Even(low.value.AsVector512(), high.value.AsVector512()).AsVector()
            : Vector<float>.Count == 8 ? Shuffles.Even(low.value.AsVector256(), high.value.AsVector256()).AsVector()
            : Shuffles.Even(low.value.AsVector128(), high.value.AsVector128()).AsVector());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static LanesAny<TArithmetic> Odd(LanesAny<TArithmetic> low, LanesAny<TArithmetic> high) =>
        new(Vector<float>.Count == 16 ? Shuffles.Odd(low.value.AsVector512(), high.value.AsVector512()).AsVector()
            : Vector<float>.Count == 8 ? Shuffles.Odd(low.value.AsVector256(), high.value.AsVector256()).AsVector()
            : Shuffles.Odd(low.value.AsVector128(), high.value.AsVector128()).AsVector());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static LanesAny<TArithmetic> ZipLow(LanesAny<TArithmetic> even, LanesAny<TArithmetic> odd) =>
        new(Vector<float>.Count == 16 ? Shuffles.ZipLow(even.value.AsVector512(), odd.value.AsVector512()).AsVector()
            : Vector<float>.Count == 8 ? Shuffles.ZipLow(even.value.AsVector256(), odd.value.AsVector256()).AsVector()
            : Shuffles.ZipLow(even.value.AsVector128(), odd.value.AsVector128()).AsVector());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static LanesAny<TArithmetic> ZipHigh(LanesAny<TArithmetic> even, LanesAny<TArithmetic> odd) =>
        new(Vector<float>.Count == 16 ? Shuffles.ZipHigh(even.value.AsVector512(), odd.value.AsVector512()).AsVector()
            : Vector<float>.Count == 8 ? Shuffles.ZipHigh(even.value.AsVector256(), odd.value.AsVector256()).AsVector()
            : Shuffles.ZipHigh(even.value.AsVector128(), odd.value.AsVector128()).AsVector());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static LanesAny<TArithmetic> Reverse(LanesAny<TArithmetic> x) =>
        new(Vector<float>.Count == 16 ? Shuffles.Reverse(x.value.AsVector512()).AsVector()
            : Vector<float>.Count == 8 ? Shuffles.Reverse(x.value.AsVector256()).AsVector()
            : Shuffles.Reverse(x.value.AsVector128()).AsVector());
}
