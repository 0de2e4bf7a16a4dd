using System.Runtime.InteropServices;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Kernels.Integers;

/// <summary>The operands of <see cref="RoundColumns{TInteger}"/>.</summary>
internal ref struct RoundColumnsArguments<TInteger> where TInteger : unmanaged
{
    public int Rows, Columns, Stride;
    public ReadOnlySpan<float> Weights, Scale;
    public Span<TInteger> Integers;
    public Span<int> Magnitudes;
}

/// <summary>Weights whose columns are outputs: vectors run over columns. Integers are int, or floats that hold them.</summary>
internal readonly struct RoundColumns<TInteger> : ILaneKernel<RoundColumnsArguments<TInteger>> where TInteger : unmanaged
{
    // So many rows share the question whether one of their weights is in doubt.
    private const int Tile = 32;

    public static void Run<T, TTail>(in RoundColumnsArguments<TInteger> g)
        where T : struct, IFloatLanes<T>
        where TTail : struct, IFloatLanes<TTail>
    {
        Span<float> sums = stackalloc float[T.Count];
        int last = g.Columns - T.Count;
        for (int j = 0; j < g.Columns; j += T.Count)
        {
            // The last vector of a ragged row overlaps the one before it: the same integers once more.
            int at = Math.Min(j, last);
            T inverse = WeightRounding.Inverse(T.Load(in MemoryMarshal.GetReference(g.Scale), (nuint)at)), magnitudes = T.Zero;
            for (int first = 0; first < g.Rows; first += Tile)
            {
                magnitudes += Block(in g, first, Math.Min(first + Tile, g.Rows), at, inverse);
            }

            // At most 33,000 times 127, which a float holds.
            T.Store(magnitudes, ref MemoryMarshal.GetReference(sums), 0);
            for (int i = j - at; i < sums.Length; i++)
            {
                g.Magnitudes[at + i] += (int)sums[i];
            }
        }
    }

    private static T Block<T>(in RoundColumnsArguments<TInteger> g, int first, int end, int at, T inverse) where T : struct, IFloatLanes<T>
    {
        ref float w = ref MemoryMarshal.GetReference(g.Weights);
        ref TInteger q = ref MemoryMarshal.GetReference(g.Integers);
        nuint index = ((nuint)first * (nuint)g.Stride) + (nuint)at;
        T magnitudes = T.Zero, doubt = T.Zero;
        for (int row = first; row < end; row++)
        {
            T nearest = WeightRounding.Nearest(T.Load(in w, index), inverse, ref doubt);
            WeightRounding.Store(nearest, ref q, index);
            magnitudes += T.Abs(nearest);
            index += (nuint)g.Stride;
        }

        return WeightRounding.IsDoubtful(doubt) ? Again(in g, first, end, at, inverse) : magnitudes;
    }

    /// <summary>The same, and the vectors in doubt are rounded again.</summary>
    private static T Again<T>(in RoundColumnsArguments<TInteger> g, int first, int end, int at, T inverse) where T : struct, IFloatLanes<T>
    {
        ref float w = ref MemoryMarshal.GetReference(g.Weights);
        Span<float> exact = stackalloc float[T.Count];
        T magnitudes = T.Zero;
        for (int row = first; row < end; row++)
        {
            int index = (row * g.Stride) + at;
            T doubt = T.Zero, nearest = WeightRounding.Nearest(T.Load(in w, (nuint)index), inverse, ref doubt);
            if (WeightRounding.IsDoubtful(doubt))
            {
                for (int i = 0; i < exact.Length; i++)
                {
                    exact[i] = IntegerWeights.Round(g.Weights[index + i], g.Scale[at + i]);
                }

                nearest = T.Load(in MemoryMarshal.GetReference(exact), 0);
                WeightRounding.Store(nearest, ref MemoryMarshal.GetReference(g.Integers), (nuint)index);
            }

            magnitudes += T.Abs(nearest);
        }

        return magnitudes;
    }
}
