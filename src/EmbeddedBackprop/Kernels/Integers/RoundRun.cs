using System.Runtime.InteropServices;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Kernels.Integers;

/// <summary>The operands of <see cref="RoundRun"/>.</summary>
internal ref struct RoundRunArguments
{
    public ReadOnlySpan<float> Weights;
    public float Scale;
    public Span<int> Integers;
    public Span<int> Magnitude;
}

/// <summary>Weights of one output.</summary>
internal readonly struct RoundRun : ILaneKernel<RoundRunArguments>
{
    // So many weights at a time: one of them is in doubt seldom enough.
    private const int Block = 256;

    public static void Run<T, TTail>(in RoundRunArguments g)
        where T : struct, IFloatLanes<T>
        where TTail : struct, IFloatLanes<TTail>
    {
        T inverse = WeightRounding.Inverse(T.Broadcast(g.Scale));
        for (int first = 0; first < g.Weights.Length; first += Block)
        {
            // A last block that is less than a vector begins earlier.
            int from = Math.Min(first, g.Weights.Length - T.Count), end = Math.Min(first + Block, g.Weights.Length);
            Round<T>(g.Weights[from..end], g.Scale, inverse, g.Integers[from..end]);
        }

        int sum = 0;
        foreach (int integer in g.Integers)
        {
            sum += Math.Abs(integer);
        }

        g.Magnitude[0] = sum;
    }

    private static void Round<T>(ReadOnlySpan<float> weights, float scale, T inverse, Span<int> integers) where T : struct, IFloatLanes<T>
    {
        ref float w = ref MemoryMarshal.GetReference(weights);
        ref int q = ref MemoryMarshal.GetReference(integers);
        nuint length = (nuint)weights.Length, count = (nuint)T.Count, last = length - count;
        T doubt = T.Zero;
        for (nuint i = 0; i < length; i += count)
        {
            // The last vector of a ragged run overlaps the one before it: the same integers once more.
            nuint at = nuint.Min(i, last);
            WeightRounding.Store(WeightRounding.Nearest(T.Load(in w, at), inverse, ref doubt), ref q, at);
        }

        if (WeightRounding.IsDoubtful(doubt))
        {
            for (int i = 0; i < weights.Length; i++)
            {
                WeightRounding.Again(weights[i], scale, ref integers[i]);
            }
        }
    }
}
