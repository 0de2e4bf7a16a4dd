using System.Numerics;
using System.Runtime.CompilerServices;

namespace EmbeddedBackprop.Kernels.Integers;

/// <summary>Vector&lt;int&gt;.Count integers in the width that the runtime chose for Vector&lt;T&gt;.</summary>
internal readonly struct IntegerLanesAny(Vector<int> value) : IIntegerLanes<IntegerLanesAny>
{
    private readonly Vector<int> value = value;

    public static int Count => Vector<int>.Count;

    public static IntegerLanesAny Indices => new(Vector<int>.Indices);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntegerLanesAny Broadcast(int value) => new(new Vector<int>(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntegerLanesAny Load(ref readonly int source, nuint index) => new(Vector.LoadUnsafe(in source, index));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntegerLanesAny Load(ref readonly float source, nuint index) =>
        new(Vector.ConvertToInt32Native(Vector.LoadUnsafe(in source, index)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(IntegerLanesAny value, ref int destination, nuint index) => value.value.StoreUnsafe(ref destination, index);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(IntegerLanesAny value, ref float destination, nuint index) =>
        Vector.ConvertToSingle(value.value).StoreUnsafe(ref destination, index);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntegerLanesAny operator +(IntegerLanesAny x, IntegerLanesAny y) => new(x.value + y.value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntegerLanesAny operator -(IntegerLanesAny x, IntegerLanesAny y) => new(x.value - y.value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntegerLanesAny operator *(IntegerLanesAny x, IntegerLanesAny y) => new(x.value * y.value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntegerLanesAny operator &(IntegerLanesAny x, IntegerLanesAny y) => new(x.value & y.value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntegerLanesAny operator <<(IntegerLanesAny x, int count) => new(x.value << count);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntegerLanesAny operator >>(IntegerLanesAny x, int count) => new(x.value >> count);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntegerLanesAny operator >>>(IntegerLanesAny x, int count) => new(x.value >>> count);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntegerLanesAny ShiftRight(IntegerLanesAny x, IntegerLanesAny counts) => MaskedShift.Right(x, counts);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntegerLanesAny Min(IntegerLanesAny x, IntegerLanesAny y) => new(Vector.Min(x.value, y.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntegerLanesAny Max(IntegerLanesAny x, IntegerLanesAny y) => new(Vector.Max(x.value, y.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntegerLanesAny IfLess(IntegerLanesAny x, IntegerLanesAny y, IntegerLanesAny then, IntegerLanesAny otherwise) =>
        new(Vector.ConditionalSelect(Vector.LessThan(x.value, y.value), then.value, otherwise.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool AnyLess(IntegerLanesAny x, IntegerLanesAny y) => Vector.LessThanAny(x.value, y.value);
}
