using System.Runtime.InteropServices;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Kernels.Integers;

/// <summary>The operands of <see cref="RoundColumns"/>.</summary>
internal ref struct RoundColumnsArguments
{
    public Matrix<float> Weights, Integers;
    public ReadOnlySpan<float> Scale;
    public Span<int> Magnitudes;
}

/// <summary>Weights whose columns are outputs: vectors run over columns.</summary>
internal readonly struct RoundColumns : ILaneKernel<RoundColumnsArguments>
{
    // So many rows at a time: enough to divide by scales seldom, few enough for the processor to foresee what is read next.
    private const int Tile = 32;

    public static void Run<T, TTail>(in RoundColumnsArguments g)
        where T : struct, IFloatLanes<T>
        where TTail : struct, IFloatLanes<TTail>
    {
        int columns = g.Weights.Columns, last = columns - T.Count;
        for (int first = 0; first < g.Weights.Rows; first += Tile)
        {
            int end = Math.Min(first + Tile, g.Weights.Rows);
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
        ref float w = ref MemoryMarshal.GetReference(g.Weights.Values);
        ref float q = ref MemoryMarshal.GetReference(g.Integers.Values);
        nuint from = ((nuint)first * (nuint)g.Weights.Stride) + (nuint)at, to = ((nuint)first * (nuint)g.Integers.Stride) + (nuint)at;
        ReadOnlySpan<float> scale = g.Scale.Slice(at, T.Count);
        T inverse = WeightRounding.Inverse(T.Load(in MemoryMarshal.GetReference(scale), 0)), magnitudes = T.Zero;
        for (int row = first; row < end; row++)
        {
            magnitudes += T.Abs(WeightRounding.Round(in w, from, inverse, scale, ref q, to));
            from += (nuint)g.Weights.Stride;
            to += (nuint)g.Integers.Stride;
        }

        Span<float> sums = stackalloc float[T.Count];
        T.Store(magnitudes, ref MemoryMarshal.GetReference(sums), 0);
        for (int i = finished; i < sums.Length; i++)
        {
            g.Magnitudes[at + i] += (int)sums[i];
        }
    }
}
