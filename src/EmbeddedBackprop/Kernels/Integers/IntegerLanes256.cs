using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace EmbeddedBackprop.Kernels.Integers;

/// <summary>8 integers in a Vector256: AVX2.</summary>
internal readonly struct IntegerLanes256(Vector256<int> value) : IIntegerLanes<IntegerLanes256>
{
    private readonly Vector256<int> value = value;

    public static int Count => 8;

    public static IntegerLanes256 Indices => new(Vector256<int>.Indices);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntegerLanes256 Broadcast(int value) => new(Vector256.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntegerLanes256 Load(ref readonly int source, nuint index) => new(Vector256.LoadUnsafe(in source, index));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntegerLanes256 Load(ref readonly float source, nuint index) =>
        new(Vector256.ConvertToInt32Native(Vector256.LoadUnsafe(in source, index)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(IntegerLanes256 value, ref int destination, nuint index) => value.value.StoreUnsafe(ref destination, index);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(IntegerLanes256 value, ref float destination, nuint index) =>
        Vector256.ConvertToSingle(value.value).StoreUnsafe(ref destination, index);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntegerLanes256 operator +(IntegerLanes256 x, IntegerLanes256 y) => new(x.value + y.value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntegerLanes256 operator -(IntegerLanes256 x, IntegerLanes256 y) => new(x.value - y.value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntegerLanes256 operator *(IntegerLanes256 x, IntegerLanes256 y) => new(x.value * y.value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntegerLanes256 operator &(IntegerLanes256 x, IntegerLanes256 y) => new(x.value & y.value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntegerLanes256 operator <<(IntegerLanes256 x, int count) => new(x.value << count);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntegerLanes256 operator >>(IntegerLanes256 x, int count) => new(x.value >> count);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntegerLanes256 operator >>>(IntegerLanes256 x, int count) => new(x.value >>> count);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntegerLanes256 ShiftRight(IntegerLanes256 x, IntegerLanes256 counts) =>
        Avx2.IsSupported ? new(Avx2.ShiftRightArithmeticVariable(x.value, counts.value.AsUInt32())) : MaskedShift.Right(x, counts);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntegerLanes256 Min(IntegerLanes256 x, IntegerLanes256 y) => new(Vector256.Min(x.value, y.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntegerLanes256 Max(IntegerLanes256 x, IntegerLanes256 y) => new(Vector256.Max(x.value, y.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntegerLanes256 IfLess(IntegerLanes256 x, IntegerLanes256 y, IntegerLanes256 then, IntegerLanes256 otherwise) =>
        new(Vector256.ConditionalSelect(Vector256.LessThan(x.value, y.value), then.value, otherwise.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool AnyLess(IntegerLanes256 x, IntegerLanes256 y) => Vector256.LessThanAny(x.value, y.value);

    // Two products of 64 bits for each pair of lanes: fewer instructions than four of 16.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntegerLanes256 MultiplyHigh(IntegerLanes256 a, IntegerLanes256 m)
    {
        Vector256<long> even = Avx2.Multiply(a.value, m.value) >>> 32;
        Vector256<long> odd = Avx2.Multiply((a.value.AsInt64() >>> 32).AsInt32(), (m.value.AsInt64() >>> 32).AsInt32());
        return new(Vector256.ConditionalSelect(Vector256.Create(0xFFFFFFFFL).AsInt32(), even.AsInt32(), odd.AsInt32()));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe IntegerLanes256 Gather(int* table, IntegerLanes256 index) =>
        new(Avx2.GatherVector256(table, index.value, 4));
}
