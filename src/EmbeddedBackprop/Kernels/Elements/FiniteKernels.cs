using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Kernels.Elements;

/// <summary>result = the sum of x * 0 in any order: 0 or NaN.</summary>
internal readonly struct ZeroProductsKernel : ILaneKernel<LongSumArguments>
{
    public static void Run<T, TTail>(in LongSumArguments g)
        where T : struct, IFloatLanes<T>
        where TTail : struct, IFloatLanes<TTail>
    {
        // From the end to the beginning: the end was written last and the beginning is read next, so both are found in the first cache.
        // Four chains hide the latency of the addition: the loop then runs at the speed of the loads.
        nuint w = (nuint)T.Count, i = g.Length;
        ref readonly float x = ref g.X;
        T s0 = T.Zero, s1 = T.Zero, s2 = T.Zero, s3 = T.Zero;
        while (i >= 4 * w)
        {
            i -= 4 * w;
            s0 += T.Load(in x, i) * T.Zero;
            s1 += T.Load(in x, i + w) * T.Zero;
            s2 += T.Load(in x, i + (2 * w)) * T.Zero;
            s3 += T.Load(in x, i + (3 * w)) * T.Zero;
        }

        while (i >= w)
        {
            i -= w;
            s0 += T.Load(in x, i) * T.Zero;
        }

        Span<float> lanes = stackalloc float[T.Count];
        T.Store(s0 + s1 + (s2 + s3), ref MemoryMarshal.GetReference(lanes), 0);
        float sum = 0f;
        foreach (float lane in lanes)
        {
            sum += lane;
        }
        while (i > 0)
        {
            sum += Unsafe.Add(ref Unsafe.AsRef(in x), --i) * 0f;
        }

        g.Result = sum;
    }
}
