using System.Runtime.CompilerServices;
using EmbeddedBackprop.Kernels.Scalar;

namespace EmbeddedBackprop.Kernels.Integers;

/// <summary>What the kernels of <see cref="Requantize"/> share.</summary>
internal static class RequantizeSums
{
    /// <summary>A vector of sums, which are float or int.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Load<T, TSum>(ref readonly TSum sums, nuint index)
        where T : struct, IIntegerLanes<T>
        where TSum : unmanaged =>
        typeof(TSum) == typeof(float)
            ? T.Load(in Unsafe.As<TSum, float>(ref Unsafe.AsRef(in sums)), index)
            : T.Load(in Unsafe.As<TSum, int>(ref Unsafe.AsRef(in sums)), index);

    /// <summary>One sum, which is float or int.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Integer<TSum>(TSum sum) where TSum : unmanaged =>
        typeof(TSum) == typeof(float) ? (int)Unsafe.BitCast<TSum, float>(sum) : Unsafe.BitCast<TSum, int>(sum);

    /// <summary>R(a; m, s) for s of 33 or more, whose low word cannot matter; shift is s - 33.</summary>
    /// <remarks>
    /// floor((h + 2^(s - 33)) / 2^(s - 32)) = floor((floor(h / 2^(s - 33)) + 1) / 2): no constant for each lane, and no sum that wraps.
    /// </remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Round<T>(T a, T m, T shift) where T : struct, IIntegerLanes<T> =>
        (T.ShiftRight(T.MultiplyHigh(a, m), shift) + T.Broadcast(1)) >> 1;

    /// <summary>
    /// How a shift below 33 (a factor of 1/4 or more) becomes one of 33: a within -limit - 1 to limit, times 2^left, fits into 32 bits.
    /// </summary>
    /// <returns>A limit below 0 where a sum beyond it might not be clamped anyway; no limit and no shift for shifts of 33 or more.</returns>
    public static (int Limit, int Left) Limit(int m, int shift, int lowest, int highest)
    {
        if (shift >= 33)
        {
            return (int.MaxValue, 0);
        }

        int limit = shift < 2 ? 0 : (1 << (shift - 2)) - 1;
        return Rounding.R(limit, m, shift) >= highest && Rounding.R(-limit, m, shift) <= lowest ? (limit, 33 - shift) : (-1, 0);
    }
}
