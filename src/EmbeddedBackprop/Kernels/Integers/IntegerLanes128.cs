using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace EmbeddedBackprop.Kernels.Integers;

/// <summary>4 integers in a Vector128: every x86-64 and Arm64 processor.</summary>
internal readonly struct IntegerLanes128(Vector128<int> value) : IIntegerLanes<IntegerLanes128>
{
    private readonly Vector128<int> value = value;

    public static int Count => 4;

    public static IntegerLanes128 Indices => new(Vector128<int>.Indices);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntegerLanes128 Broadcast(int value) => new(Vector128.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntegerLanes128 Load(ref readonly int source, nuint index) => new(Vector128.LoadUnsafe(in source, index));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntegerLanes128 Load(ref readonly float source, nuint index) =>
        new(Vector128.ConvertToInt32Native(Vector128.LoadUnsafe(in source, index)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(IntegerLanes128 value, ref int destination, nuint index) => value.value.StoreUnsafe(ref destination, index);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(IntegerLanes128 value, ref float destination, nuint index) =>
        Vector128.ConvertToSingle(value.value).StoreUnsafe(ref destination, index);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntegerLanes128 operator +(IntegerLanes128 x, IntegerLanes128 y) => new(x.value + y.value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntegerLanes128 operator -(IntegerLanes128 x, IntegerLanes128 y) => new(x.value - y.value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntegerLanes128 operator *(IntegerLanes128 x, IntegerLanes128 y) => new(x.value * y.value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntegerLanes128 operator &(IntegerLanes128 x, IntegerLanes128 y) => new(x.value & y.value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntegerLanes128 operator <<(IntegerLanes128 x, int count) => new(x.value << count);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntegerLanes128 operator >>(IntegerLanes128 x, int count) => new(x.value >> count);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntegerLanes128 operator >>>(IntegerLanes128 x, int count) => new(x.value >>> count);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntegerLanes128 ShiftRight(IntegerLanes128 x, IntegerLanes128 counts) =>
        Avx2.IsSupported ? new(Avx2.ShiftRightArithmeticVariable(x.value, counts.value.AsUInt32()))
        : AdvSimd.IsSupported ? new(AdvSimd.ShiftArithmetic(x.value, -counts.value))
        : MaskedShift.Right(x, counts);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntegerLanes128 Min(IntegerLanes128 x, IntegerLanes128 y) => new(Vector128.Min(x.value, y.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntegerLanes128 Max(IntegerLanes128 x, IntegerLanes128 y) => new(Vector128.Max(x.value, y.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntegerLanes128 IfLess(IntegerLanes128 x, IntegerLanes128 y, IntegerLanes128 then, IntegerLanes128 otherwise) =>
        new(Vector128.ConditionalSelect(Vector128.LessThan(x.value, y.value), then.value, otherwise.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool AnyLess(IntegerLanes128 x, IntegerLanes128 y) => Vector128.LessThanAny(x.value, y.value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe IntegerLanes128 Gather(int* table, IntegerLanes128 index) =>
        Avx2.IsSupported
            ? new(Avx2.GatherVector128(table, index.value, 4))
            : new(Vector128.Create(table[index.value[0]], table[index.value[1]], table[index.value[2]], table[index.value[3]]));
}
