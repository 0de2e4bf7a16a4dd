using System.Runtime.InteropServices;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Kernels.Integers;

/// <summary>The operands of <see cref="RoundRun{TInteger}"/>.</summary>
internal ref struct RoundRunArguments<TInteger> where TInteger : unmanaged
{
    public ReadOnlySpan<float> Weights;
    public float Scale;
    public Span<TInteger> Integers;
    public Span<int> Magnitude;
}

/// <summary>Weights of one output. Integers are int, or floats that hold them.</summary>
internal readonly struct RoundRun<TInteger> : ILaneKernel<RoundRunArguments<TInteger>> where TInteger : unmanaged
{
    public static void Run<T, TTail>(in RoundRunArguments<TInteger> g)
        where T : struct, IFloatLanes<T>
        where TTail : struct, IFloatLanes<TTail>
    {
        ref float w = ref MemoryMarshal.GetReference(g.Weights);
        ref TInteger q = ref MemoryMarshal.GetReference(g.Integers);
        Span<float> lanes = stackalloc float[T.Count];
        T inverse = WeightRounding.Inverse(T.Broadcast(g.Scale)), magnitudes = T.Zero;
        int sum = 0, last = g.Weights.Length - T.Count;
        for (int i = 0; i < g.Weights.Length; i += T.Count)
        {
            // The last vector of a ragged run overlaps the one before it: the same integers once more.
            int at = Math.Min(i, last);
            T doubt = T.Zero, nearest = WeightRounding.Nearest(T.Load(in w, (nuint)at), inverse, ref doubt);
            bool isDoubtful = WeightRounding.IsDoubtful(doubt);
            for (int lane = 0; lane < lanes.Length && isDoubtful; lane++)
            {
                lanes[lane] = IntegerWeights.Round(g.Weights[at + lane], g.Scale);
            }

            nearest = isDoubtful ? T.Load(in MemoryMarshal.GetReference(lanes), 0) : nearest;
            WeightRounding.Store(nearest, ref q, (nuint)at);
            if (at == i)
            {
                magnitudes += T.Abs(nearest);
                continue;
            }

            T.Store(T.Abs(nearest), ref MemoryMarshal.GetReference(lanes), 0);
            foreach (float magnitude in lanes[(i - at)..])
            {
                sum += (int)magnitude;
            }
        }

        // At most 33,000 times 127, which a float holds.
        T.Store(magnitudes, ref MemoryMarshal.GetReference(lanes), 0);
        foreach (float magnitude in lanes)
        {
            sum += (int)magnitude;
        }

        g.Magnitude[0] = sum;
    }
}
