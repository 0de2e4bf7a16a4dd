using System.Runtime.CompilerServices;
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
        ref float w = ref MemoryMarshal.GetReference(g.Weights);
        nuint columns = (nuint)g.Columns, count = (nuint)T.Count, last = columns - count, stride = (nuint)g.Stride, end = (nuint)g.Rows * stride;
        for (nuint j = 0; j < columns; j += count)
        {
            // Four rows at a time: none waits for the comparison with the one before it.
            nuint at = nuint.Min(j, last), row = 0;
            T m0 = T.Load(in largest, at), m1 = T.Zero, m2 = T.Zero, m3 = T.Zero;
            for (; end - row >= 4 * stride && stride != 0; row += 4 * stride)
            {
                m0 = Larger(T.Abs(T.Load(in w, row + at)), m0);
                m1 = Larger(T.Abs(T.Load(in w, row + stride + at)), m1);
                m2 = Larger(T.Abs(T.Load(in w, row + (2 * stride) + at)), m2);
                m3 = Larger(T.Abs(T.Load(in w, row + (3 * stride) + at)), m3);
            }

            for (; row < end; row += stride)
            {
                m0 = Larger(T.Abs(T.Load(in w, row + at)), m0);
            }

            T.Store(Larger(Larger(m0, m1), Larger(m2, m3)), ref largest, at);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T Larger<T>(T magnitude, T before) where T : struct, IFloatLanes<T> => T.IfGreater(magnitude, before, magnitude, before);
}
