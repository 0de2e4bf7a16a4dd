using System.Runtime.CompilerServices;

namespace EmbeddedBackprop.Kernels.Integers;

/// <summary>One integer.</summary>
internal readonly struct IntegerLane(int value) : IIntegerLanes<IntegerLane>
{
    private readonly int value = value;

    public static int Count => 1;

    public static IntegerLane Indices => new(0);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntegerLane Broadcast(int value) => new(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntegerLane Load(ref readonly int source, nuint index) => new(Unsafe.Add(ref Unsafe.AsRef(in source), index));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntegerLane Load(ref readonly float source, nuint index) => new((int)Unsafe.Add(ref Unsafe.AsRef(in source), index));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(IntegerLane value, ref int destination, nuint index) => Unsafe.Add(ref destination, index) = value.value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(IntegerLane value, ref float destination, nuint index) => Unsafe.Add(ref destination, index) = value.value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntegerLane operator +(IntegerLane x, IntegerLane y) => new(x.value + y.value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntegerLane operator -(IntegerLane x, IntegerLane y) => new(x.value - y.value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntegerLane operator *(IntegerLane x, IntegerLane y) => new(x.value * y.value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntegerLane operator &(IntegerLane x, IntegerLane y) => new(x.value & y.value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntegerLane operator <<(IntegerLane x, int count) => new(x.value << count);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntegerLane operator >>(IntegerLane x, int count) => new(x.value >> count);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntegerLane operator >>>(IntegerLane x, int count) => new(x.value >>> count);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntegerLane ShiftRight(IntegerLane x, IntegerLane counts) => new(x.value >> counts.value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntegerLane Min(IntegerLane x, IntegerLane y) => new(Math.Min(x.value, y.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntegerLane Max(IntegerLane x, IntegerLane y) => new(Math.Max(x.value, y.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntegerLane IfLess(IntegerLane x, IntegerLane y, IntegerLane then, IntegerLane otherwise) => x.value < y.value ? then : otherwise;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool AnyLess(IntegerLane x, IntegerLane y) => x.value < y.value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntegerLane MultiplyHigh(IntegerLane a, IntegerLane m) => new((int)(((long)a.value * m.value) >> 32));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe IntegerLane Gather(int* table, IntegerLane index) => new(table[index.value]);
}
