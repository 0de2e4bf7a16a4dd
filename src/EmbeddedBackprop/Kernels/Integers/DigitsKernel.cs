using System.Runtime.InteropServices;

namespace EmbeddedBackprop.Kernels.Integers;

/// <summary>The operands of <see cref="DigitsKernel{TValue}"/>.</summary>
internal ref struct DigitsArguments<TValue> where TValue : unmanaged
{
    public ReadOnlySpan<TValue> Values;
    public int Shift, Mask;
    public Span<float> Digits;
}

/// <summary>The kernel of <see cref="Integers.Digits"/>.</summary>
internal readonly struct DigitsKernel<TValue> : IIntegerKernel<DigitsArguments<TValue>> where TValue : unmanaged
{
    public static void Run<T>(in DigitsArguments<TValue> g) where T : struct, IIntegerLanes<T>
    {
        T mask = T.Broadcast(g.Mask);
        ref readonly TValue values = ref MemoryMarshal.GetReference(g.Values);
        ref float digits = ref MemoryMarshal.GetReference(g.Digits);
        nuint length = (nuint)g.Values.Length, count = (nuint)T.Count, last = length - count;
        for (nuint i = 0; i < length; i += count)
        {
            // The last vector of a ragged length overlaps the one before it, whose results it keeps.
            nuint at = nuint.Min(i, last);
            T result = (RequantizeSums.Load<T, TValue>(in values, at) >> g.Shift) & mask;
            T.Store(at == i ? result : T.IfLess(T.Indices, T.Broadcast((int)(i - at)), T.Load(in digits, at), result), ref digits, at);
        }
    }
}
