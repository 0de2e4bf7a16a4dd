using System.Runtime.InteropServices;

namespace EmbeddedBackprop.Kernels.Integers;

/// <summary>The operands of <see cref="AddKernel"/>.</summary>
internal ref struct AddArguments
{
    public ReadOnlySpan<float> Part;
    public int Factor;
    public Span<int> Total;
}

/// <summary>total[i] += factor * part[i].</summary>
internal readonly struct AddKernel : IIntegerKernel<AddArguments>
{
    public static void Run<T>(in AddArguments g) where T : struct, IIntegerLanes<T>
    {
        T factor = T.Broadcast(g.Factor);
        ref float part = ref MemoryMarshal.GetReference(g.Part);
        ref int total = ref MemoryMarshal.GetReference(g.Total);
        nuint length = (nuint)g.Part.Length, count = (nuint)T.Count, last = length - count;
        for (nuint i = 0; i < length; i += count)
        {
            // The last vector of a ragged length overlaps the one before it, whose results it keeps.
            nuint at = nuint.Min(i, last);
            T before = T.Load(in total, at), after = before + (factor * T.Load(in part, at));
            T.Store(at == i ? after : T.IfLess(T.Indices, T.Broadcast((int)(i - at)), before, after), ref total, at);
        }
    }
}
