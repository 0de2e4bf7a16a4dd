using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace EmbeddedBackprop.Kernels.Integers;

/// <summary>The operands of one step of a recurrent layer: the products of all gates, the state or the cell before, and what comes of them.</summary>
internal ref struct GateArguments
{
    public ReadOnlySpan<float> Input, Recurrent, Before;
    public int CellShift;
    public Span<float> Cell, After;

    /// <summary>p + q of a gate.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly T Sum<T>(int gate, int at) where T : struct, IIntegerLanes<T> => OfInput<T>(gate, at) + OfState<T>(gate, at);

    /// <summary>p of a gate.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly T OfInput<T>(int gate, int at) where T : struct, IIntegerLanes<T> =>
        T.Load(in MemoryMarshal.GetReference(Input), (nuint)((gate * After.Length) + at));

    /// <summary>q of a gate.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly T OfState<T>(int gate, int at) where T : struct, IIntegerLanes<T> =>
        T.Load(in MemoryMarshal.GetReference(Recurrent), (nuint)((gate * After.Length) + at));

    /// <summary>The state or the cell before the step.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly T StateBefore<T>(int at) where T : struct, IIntegerLanes<T> => T.Load(in MemoryMarshal.GetReference(Before), (nuint)at);

    /// <summary>Stores results; the first of them, finished by the vector before, are kept.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store<T>(T value, Span<float> destination, int at, int finished) where T : struct, IIntegerLanes<T>
    {
        ref float first = ref MemoryMarshal.GetReference(destination);
        if (finished != 0)
        {
            value = T.IfLess(T.Indices, T.Broadcast(finished), T.Load(in first, (nuint)at), value);
        }

        T.Store(value, ref first, (nuint)at);
    }
}
