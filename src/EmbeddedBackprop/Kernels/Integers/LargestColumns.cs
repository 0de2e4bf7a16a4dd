using System.Runtime.InteropServices;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Kernels.Integers;

/// <summary>The operands of <see cref="LargestColumns"/>.</summary>
internal ref struct LargestArguments
{
    public ReadOnlySpan<float> Weights;
    public int Rows, Columns, Stride;
    public Span<float> Largest;
}

/// <summary>largest[j] = the larger of itself and |w[i, j]|, i ascending; NaN counts for nothing.</summary>
internal readonly struct LargestColumns : ILaneKernel<LargestArguments>
{
    public static void Run<T, TTail>(in LargestArguments g)
        where T : struct, IFloatLanes<T>
        where TTail : struct, IFloatLanes<TTail>
    {
        ref float largest = ref MemoryMarshal.GetReference(g.Largest);
        nuint columns = (nuint)g.Columns, count = (nuint)T.Count, last = columns - count;
        for (int row = 0; row < g.Rows; row++)
        {
            ref float w = ref MemoryMarshal.GetReference(g.Weights[(row * g.Stride)..]);
            for (nuint j = 0; j < columns; j += count)
            {
                nuint at = nuint.Min(j, last);
                T magnitude = T.Abs(T.Load(in w, at)), before = T.Load(in largest, at);
                T.Store(T.IfGreater(magnitude, before, magnitude, before), ref largest, at);
            }
        }
    }
}
