using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace EmbeddedBackprop.Kernels.Integers;

/// <summary>16 integers in a Vector512: AVX-512.</summary>
internal readonly struct IntegerLanes512(Vector512<int> value) : IIntegerLanes<IntegerLanes512>
{
    private readonly Vector512<int> value = value;

    public static int Count => 16;

    public static IntegerLanes512 Indices => new(Vector512<int>.Indices);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntegerLanes512 Broadcast(int value) => new(Vector512.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntegerLanes512 Load(ref readonly int source, nuint index) => new(Vector512.LoadUnsafe(in source, index));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntegerLanes512 Load(ref readonly float source, nuint index) =>
        new(Vector512.ConvertToInt32Native(Vector512.LoadUnsafe(in source, index)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(IntegerLanes512 value, ref int destination, nuint index) => value.value.StoreUnsafe(ref destination, index);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(IntegerLanes512 value, ref float destination, nuint index) =>
        Vector512.ConvertToSingle(value.value).StoreUnsafe(ref destination, index);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntegerLanes512 operator +(IntegerLanes512 x, IntegerLanes512 y) => new(x.value + y.value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntegerLanes512 operator -(IntegerLanes512 x, IntegerLanes512 y) => new(x.value - y.value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntegerLanes512 operator *(IntegerLanes512 x, IntegerLanes512 y) => new(x.value * y.value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntegerLanes512 operator &(IntegerLanes512 x, IntegerLanes512 y) => new(x.value & y.value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntegerLanes512 operator <<(IntegerLanes512 x, int count) => new(x.value << count);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntegerLanes512 operator >>(IntegerLanes512 x, int count) => new(x.value >> count);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntegerLanes512 operator >>>(IntegerLanes512 x, int count) => new(x.value >>> count);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntegerLanes512 ShiftRight(IntegerLanes512 x, IntegerLanes512 counts) =>
        Avx512F.IsSupported ? new(Avx512F.ShiftRightArithmeticVariable(x.value, counts.value.AsUInt32())) : MaskedShift.Right(x, counts);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntegerLanes512 Min(IntegerLanes512 x, IntegerLanes512 y) => new(Vector512.Min(x.value, y.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntegerLanes512 Max(IntegerLanes512 x, IntegerLanes512 y) => new(Vector512.Max(x.value, y.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntegerLanes512 IfLess(IntegerLanes512 x, IntegerLanes512 y, IntegerLanes512 then, IntegerLanes512 otherwise) =>
        new(Vector512.ConditionalSelect(Vector512.LessThan(x.value, y.value), then.value, otherwise.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool AnyLess(IntegerLanes512 x, IntegerLanes512 y) => Vector512.LessThanAny(x.value, y.value);

    // Two products of 64 bits for each pair of lanes: fewer instructions than four of 16.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntegerLanes512 MultiplyHigh(IntegerLanes512 a, IntegerLanes512 m)
    {
        Vector512<long> even = Avx512F.Multiply(a.value, m.value) >>> 32;
        Vector512<long> odd = Avx512F.Multiply((a.value.AsInt64() >>> 32).AsInt32(), (m.value.AsInt64() >>> 32).AsInt32());
        return new(Vector512.ConditionalSelect(Vector512.Create(0xFFFFFFFFL).AsInt32(), even.AsInt32(), odd.AsInt32()));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe IntegerLanes512 Gather(int* table, IntegerLanes512 index) =>
        new(Vector512.Create(Avx2.GatherVector256(table, index.value.GetLower(), 4), Avx2.GatherVector256(table, index.value.GetUpper(), 4)));
}
