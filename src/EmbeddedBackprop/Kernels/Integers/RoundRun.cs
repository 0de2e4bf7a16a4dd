using System.Runtime.InteropServices;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Kernels.Integers;

/// <summary>The operands of <see cref="RoundRun"/>.</summary>
internal ref struct RoundRunArguments
{
    public ReadOnlySpan<float> Weights;
    public float Scale;
    public Span<float> Integers;
    public Span<int> Magnitude;
}

/// <summary>Weights of one output.</summary>
internal readonly struct RoundRun : ILaneKernel<RoundRunArguments>
{
    public static void Run<T, TTail>(in RoundRunArguments g)
        where T : struct, IFloatLanes<T>
        where TTail : struct, IFloatLanes<TTail>
    {
        ref float w = ref MemoryMarshal.GetReference(g.Weights), q = ref MemoryMarshal.GetReference(g.Integers);
        ReadOnlySpan<float> scale = new(in g.Scale);
        T inverse = WeightRounding.Inverse(T.Broadcast(g.Scale));
        Span<float> magnitudes = stackalloc float[T.Count];
        magnitudes.Clear();
        ref float sums = ref MemoryMarshal.GetReference(magnitudes);
        int length = g.Weights.Length, last = length - T.Count;
        for (int i = 0; i < length; i += T.Count)
        {
            // The last vector of a ragged run overlaps the one before it: the same integers once more, which count once.
            int at = Math.Min(i, last);
            T magnitude = T.Abs(WeightRounding.Round(in w, (nuint)at, inverse, scale, ref q, (nuint)at));
            if (at == i)
            {
                T.Store(T.Load(in sums, 0) + magnitude, ref sums, 0);
            }
        }

        int sum = 0;
        foreach (float part in magnitudes)
        {
            sum += (int)part;
        }

        foreach (float integer in g.Integers[(length - (length % T.Count))..])
        {
            sum += (int)MathF.Abs(integer);
        }

        g.Magnitude[0] = sum;
    }
}
