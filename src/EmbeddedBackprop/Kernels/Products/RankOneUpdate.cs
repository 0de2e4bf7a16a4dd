using System.Numerics;
using System.Runtime.CompilerServices;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Kernels.Products;

/// <summary>
/// The weight update of one sample: g = M(x[i], delta[j], +0), g = M(l2, w, g) if l2 is not 0, w = M(-eta, g, w). Rows are walked with delta in
/// registers.
/// </summary>
/// <remarks>
/// A row whose x is 0 has the gradient +0 if delta is finite, and w = M(-eta, +0, w) is w, also for -0: it is left out, with the same bits. Pictures
/// are mostly background, and their update then costs a fifth.
/// </remarks>
internal readonly unsafe struct RankOneUpdate : ILaneKernel<GemmArguments>
{
    public static void Run<T, TTail>(in GemmArguments g)
        where T : struct, IFloatLanes<T>
        where TTail : struct, IFloatLanes<TTail>
    {
        nuint lanes = (nuint)T.Count, j = 0;
        for (; g.N - j >= 2 * lanes; j += 2 * lanes)
        {
            Panel<T, Two>(in g, j);
        }

        for (; g.N - j >= lanes; j += lanes)
        {
            Panel<T, One>(in g, j);
        }

        for (; j < g.N; j++)
        {
            Panel<TTail, One>(in g, j);
        }
    }

    private static void Panel<T, TVectors>(in GemmArguments g, nuint j)
        where T : struct, IFloatLanes<T>
        where TVectors : unmanaged, ITileSize
    {
        nuint second = sizeof(TVectors) > 1 ? j + (nuint)T.Count : j;
        T delta0 = T.Load(in g.B, j), delta1 = T.Load(in g.B, second);
        T rate = T.Broadcast(-g.LearningRate), l2 = T.Broadcast(g.L2);
        bool penalised = g.L2 != 0f, keepsZeros = penalised || !g.SkipsZeros;

        for (nuint first = 0; first < g.M; first += LiveColumns.MaskBits)
        {
            nuint count = nuint.Min(g.M - first, LiveColumns.MaskBits);
            ulong rows = ulong.MaxValue >> (int)(LiveColumns.MaskBits - count);
            if (!keepsZeros)
            {
                rows &= LiveColumns.Mask(ref Unsafe.Add(ref Unsafe.AsRef(in g.A), first), count);
            }

            for (; rows != 0; rows &= rows - 1)
            {
                nuint i = first + (nuint)BitOperations.TrailingZeroCount(rows);
                ref float w = ref Unsafe.Add(ref g.C, i * g.LeadingC);
                T x = T.Broadcast(Unsafe.Add(ref Unsafe.AsRef(in g.A), i));
                Update(ref w, j, T.MultiplyAdd(x, delta0, T.Zero), rate, l2, penalised);
                if (sizeof(TVectors) > 1)
                {
                    Update(ref w, second, T.MultiplyAdd(x, delta1, T.Zero), rate, l2, penalised);
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Update<T>(ref float weights, nuint at, T gradient, T rate, T l2, bool penalised)
        where T : struct, IFloatLanes<T>
    {
        T w = T.Load(in weights, at);
        if (penalised)
        {
            gradient = T.MultiplyAdd(l2, w, gradient);
        }

        T.Store(T.MultiplyAdd(rate, gradient, w), ref weights, at);
    }
}
