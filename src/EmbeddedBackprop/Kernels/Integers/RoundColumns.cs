using System.Runtime.InteropServices;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Kernels.Integers;

/// <summary>The operands of <see cref="RoundColumns"/>.</summary>
internal ref struct RoundColumnsArguments
{
    public int Rows, Columns, Stride;
    public ReadOnlySpan<float> Weights, Scale;
    public Span<int> Integers, Magnitudes;
}

/// <summary>Weights whose columns are outputs: vectors run over columns.</summary>
internal readonly struct RoundColumns : ILaneKernel<RoundColumnsArguments>
{
    // So many rows at a time: enough to divide by scales seldom, few enough for the processor to foresee what is read next and for doubt to be rare.
    private const int Tile = 16;

    public static void Run<T, TTail>(in RoundColumnsArguments g)
        where T : struct, IFloatLanes<T>
        where TTail : struct, IFloatLanes<TTail>
    {
        int columns = g.Columns, last = columns - T.Count;
        for (int first = 0; first < g.Rows; first += Tile)
        {
            int end = Math.Min(first + Tile, g.Rows);
            for (int j = 0; j < columns; j += T.Count)
            {
                // The last vector of a ragged row overlaps the one before it: the same integers once more.
                int at = Math.Min(j, last);
                Block<T>(in g, first, end, at, j - at);
            }
        }
    }

    private static void Block<T>(in RoundColumnsArguments g, int first, int end, int at, int finished) where T : struct, IFloatLanes<T>
    {
        ref float w = ref MemoryMarshal.GetReference(g.Weights);
        ref int q = ref MemoryMarshal.GetReference(g.Integers);
        nuint index = ((nuint)first * (nuint)g.Stride) + (nuint)at;
        T inverse = WeightRounding.Inverse(T.Load(in MemoryMarshal.GetReference(g.Scale), (nuint)at)), magnitudes = T.Zero, doubt = T.Zero;
        for (int row = first; row < end; row++)
        {
            T nearest = WeightRounding.Nearest(T.Load(in w, index), inverse, ref doubt);
            WeightRounding.Store(nearest, ref q, index);
            magnitudes += T.Abs(nearest);
            index += (nuint)g.Stride;
        }

        Span<float> sums = stackalloc float[T.Count];
        if (WeightRounding.IsDoubtful(doubt))
        {
            Again(in g, first, end, at, sums);
        }
        else
        {
            T.Store(magnitudes, ref MemoryMarshal.GetReference(sums), 0);
        }

        for (int i = finished; i < sums.Length; i++)
        {
            g.Magnitudes[at + i] += (int)sums[i];
        }
    }

    private static void Again(in RoundColumnsArguments g, int first, int end, int at, Span<float> sums)
    {
        sums.Clear();
        ReadOnlySpan<float> scale = g.Scale.Slice(at, sums.Length);
        for (int row = first; row < end; row++)
        {
            ReadOnlySpan<float> w = g.Weights.Slice((row * g.Stride) + at, sums.Length);
            Span<int> q = g.Integers.Slice((row * g.Stride) + at, sums.Length);
            for (int i = 0; i < sums.Length; i++)
            {
                WeightRounding.Again(w[i], scale[i], ref q[i]);
                sums[i] += Math.Abs(q[i]);
            }
        }
    }
}
