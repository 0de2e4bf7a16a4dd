using System.Runtime.CompilerServices;

namespace EmbeddedBackprop.Kernels.Integers;

/// <summary>
/// A shift by a count for each lane where the processor has none: five shifts by a power of two, each kept where the count has that bit.
/// </summary>
internal static class MaskedShift
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Right<T>(T x, T counts) where T : struct, IIntegerLanes<T>
    {
        x = Bit(x, counts, 16);
        x = Bit(x, counts, 8);
        x = Bit(x, counts, 4);
        x = Bit(x, counts, 2);
        return Bit(x, counts, 1);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T Bit<T>(T x, T counts, int bit) where T : struct, IIntegerLanes<T> =>
        T.IfLess(T.Broadcast(0), counts & T.Broadcast(bit), x >> bit, x);
}
