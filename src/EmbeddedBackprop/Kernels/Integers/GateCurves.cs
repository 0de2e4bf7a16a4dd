using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace EmbeddedBackprop.Kernels.Integers;

/// <summary>S and tanh of <see cref="Scalar.IntegerGates"/> over lanes.</summary>
internal static unsafe class GateCurves
{
    // One element a line: its start in the lower half, its rise in the upper. Pinned, so that a vector of elements is read by address.
    private static readonly int[] Lines = MakeLines();

    /// <summary>S(v) in Q15 of v in Q11.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Sigmoid<T>(T v) where T : struct, IIntegerLanes<T>
    {
        T zero = T.Broadcast(0), u = T.Min(T.Max(v, zero - v), T.Broadcast(32767));
        T line = T.Gather((int*)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(Lines)), u >> 7);
        T y = (line & T.Broadcast(0xFFFF)) + ((((line >> 16) * (u & T.Broadcast(127))) + T.Broadcast(64)) >> 7);
        return T.IfLess(v, zero, T.Broadcast(32768) - y, y);
    }

    /// <summary>A gate: min(S(v), 32767).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Gate<T>(T v) where T : struct, IIntegerLanes<T> => T.Min(Sigmoid(v), T.Broadcast(32767));

    /// <summary>tanh(v) in Q15 of v in Q11.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Tanh<T>(T v) where T : struct, IIntegerLanes<T>
    {
        T s = Sigmoid(v + v);
        return T.Max(T.Min(s + s - T.Broadcast(32768), T.Broadcast(32767)), T.Broadcast(-32767));
    }

    /// <summary>tanh in Q15 of a cell in Q(15 - k).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T TanhOfCell<T>(T c, int k) where T : struct, IIntegerLanes<T> => Tanh(Saturated(((c << k) + T.Broadcast(8)) >> 4));

    /// <summary>x y / 2^15, rounded half up.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Product<T>(T x, T y) where T : struct, IIntegerLanes<T> => ((x * y) + T.Broadcast(1 << 14)) >> 15;

    /// <summary>The nearest int16.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Saturated<T>(T x) where T : struct, IIntegerLanes<T> =>
        T.Min(T.Max(x, T.Broadcast(short.MinValue)), T.Broadcast(short.MaxValue));

    private static int[] MakeLines()
    {
        ReadOnlySpan<int> table = Scalar.IntegerGates.Table;
        int[] lines = GC.AllocateArray<int>(table.Length - 1, pinned: true);
        for (int i = 0; i < lines.Length; i++)
        {
            lines[i] = table[i] | ((table[i + 1] - table[i]) << 16);
        }

        return lines;
    }
}
