using System.Runtime.InteropServices;

namespace EmbeddedBackprop.Kernels.Integers;

/// <summary>The operands of <see cref="LookupKernel"/>.</summary>
internal ref struct LookupArguments
{
    public ReadOnlySpan<float> Index;
    public ReadOnlySpan<int> Table;
    public int Offset;
    public Span<float> Y;
}

/// <summary>The kernel of <see cref="Lookup"/>.</summary>
internal readonly struct LookupKernel : IIntegerKernel<LookupArguments>
{
    public static unsafe void Run<T>(in LookupArguments g) where T : struct, IIntegerLanes<T>
    {
        T offset = T.Broadcast(g.Offset), first = T.Broadcast(0), lastEntry = T.Broadcast(g.Table.Length - 1);
        ref float index = ref MemoryMarshal.GetReference(g.Index);
        ref float y = ref MemoryMarshal.GetReference(g.Y);
        nuint length = (nuint)g.Index.Length, count = (nuint)T.Count, last = length - count;
        fixed (int* table = g.Table)
        {
            for (nuint i = 0; i < length; i += count)
            {
                // The last vector of a ragged length overlaps the one before it, whose results it keeps: they may be in the indices' memory.
                nuint at = nuint.Min(i, last);
                T finished = T.Broadcast((int)(i - at)), entry = T.Load(in index, at) + offset;
                if (at != i)
                {
                    entry = T.IfLess(T.Indices, finished, first, entry);
                }

                if (T.AnyLess(entry, first) || T.AnyLess(lastEntry, entry))
                {
                    OneByOne(in g, (int)i);
                    return;
                }

                T result = T.Gather(table, entry);
                T.Store(at == i ? result : T.IfLess(T.Indices, finished, T.Load(in y, at), result), ref y, at);
            }
        }
    }

    // An index is outside of the table: the span finds it.
    private static void OneByOne(in LookupArguments g, int from)
    {
        for (int i = from; i < g.Index.Length; i++)
        {
            g.Y[i] = g.Table[(int)g.Index[i] + g.Offset];
        }
    }
}
