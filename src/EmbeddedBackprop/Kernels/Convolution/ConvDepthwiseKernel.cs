using EmbeddedBackprop.Kernels.Elements;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Kernels.Convolution;

/// <summary>
/// Depthwise convolutions of stride 1 and their input gradients, which are the same with the kernel turned around: each plane of the result is summed
/// from the plane (or the few planes) that it sees, row by row, with positions in the lanes and the sum in a register. Border columns, where taps are
/// missing, are summed one by one.
/// </summary>
internal readonly unsafe struct ConvDepthwiseKernel : ILaneKernel<ConvArguments>
{
    /// <summary>
    /// Planes g.First ... g.End - 1 of the result, counted over all samples. The inner columns must hold a vector, or TTail does all of them.
    /// </summary>
    public static void Run<T, TTail>(in ConvArguments g)
        where T : struct, IFloatLanes<T>
        where TTail : struct, IFloatLanes<TTail>
    {
        ConvPlanes planes = ConvPlanes.Of(in g.Sizes, g.IsForward);
        int most = planes.KernelHeight * planes.KernelWidth * planes.Sources,
            inner = planes.FirstInner,
            lists = planes.Width - planes.EndInner + inner + 1;

        // Rows that see the whole kernel have the same terms, one row further on: lists for the inner columns and for each border column.
        if ((long)lists * most > ConvPlanes.MostTerms)
        {
            planes.EndInnerRow = planes.FirstInnerRow;
        }

        ConvTerm* terms = stackalloc ConvTerm[ConvPlanes.MostTerms];
        int* counts = stackalloc int[lists];
        for (int plane = g.First; plane < g.End; plane++)
        {
            ConvPlane at = planes.At(in g, plane);
            float* to = at.To;
            if (!g.Accumulate)
            {
                FloatBlocks.Fill(g.Bias == null ? 0f : g.Bias[at.Channel], to, (nint)planes.Height * planes.Width);
            }

            for (int y = 0; y < planes.Height; y++, to += planes.Width)
            {
                bool whole = y >= planes.FirstInnerRow && y < planes.EndInnerRow;
                nint shift = whole ? (nint)(y - planes.FirstInnerRow) * planes.SourceWidth : 0;
                for (int list = 0; list < lists; list++)
                {
                    int x = list <= inner ? list : planes.EndInner + list - inner - 1;
                    ConvTerm* own = whole ? terms + (list * most) : terms;
                    if (!whole || y == planes.FirstInnerRow)
                    {
                        counts[list] = planes.Terms(in at, x, y, own);
                    }

                    if (list == inner)
                    {
                        Sum<T, TTail>(counts[list], own, shift, to + x, planes.EndInner - x);
                    }
                    else
                    {
                        Sum<TTail, TTail>(counts[list], own, shift, to + x, 1);
                    }
                }
            }

            if (g.Finish.Exists)
            {
                g.Finish.Positions<T, TTail>(at.Channel, at.To, (nint)planes.Height * planes.Width);
            }
        }
    }

    private static void Sum<T, TTail>(int count, ConvTerm* terms, nint shift, float* to, int length)
        where T : struct, IFloatLanes<T>
        where TTail : struct, IFloatLanes<TTail>
    {
        int i = 0;
        for (; length - i >= 2 * T.Count; i += 2 * T.Count)
        {
            T s0 = T.Load(in to[i], 0), s1 = T.Load(in to[i], (nuint)T.Count);
            for (ConvTerm* term = terms; term < terms + count; term++)
            {
                T w = T.Broadcast(term->Weight);
                s0 = T.MultiplyAdd(T.Load(in term->Source[i + shift], 0), w, s0);
                s1 = T.MultiplyAdd(T.Load(in term->Source[i + shift], (nuint)T.Count), w, s1);
            }

            T.Store(s0, ref to[i], 0);
            T.Store(s1, ref to[i], (nuint)T.Count);
        }

        if (length - i > T.Count)
        {
            // Both vectors are read before one is written: where they overlap they compute the same bits.
            int last = length - T.Count;
            T s0 = T.Load(in to[i], 0), s1 = T.Load(in to[last], 0);
            for (ConvTerm* term = terms; term < terms + count; term++)
            {
                T w = T.Broadcast(term->Weight);
                s0 = T.MultiplyAdd(T.Load(in term->Source[i + shift], 0), w, s0);
                s1 = T.MultiplyAdd(T.Load(in term->Source[last + shift], 0), w, s1);
            }

            T.Store(s0, ref to[i], 0);
            T.Store(s1, ref to[last], 0);
            return;
        }

        for (; length - i >= T.Count; i += T.Count)
        {
            T s = T.Load(in to[i], 0);
            for (ConvTerm* term = terms; term < terms + count; term++)
            {
                s = T.MultiplyAdd(T.Load(in term->Source[i + shift], 0), T.Broadcast(term->Weight), s);
            }

            T.Store(s, ref to[i], 0);
        }

        for (; i < length; i++)
        {
            TTail s = TTail.Load(in to[i], 0);
            for (ConvTerm* term = terms; term < terms + count; term++)
            {
                s = TTail.MultiplyAdd(TTail.Load(in term->Source[i + shift], 0), TTail.Broadcast(term->Weight), s);
            }

            TTail.Store(s, ref to[i], 0);
        }
    }
}
