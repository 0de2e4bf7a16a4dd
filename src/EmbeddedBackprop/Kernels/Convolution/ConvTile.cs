using System.Runtime.CompilerServices;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Kernels.Products;

namespace EmbeddedBackprop.Kernels.Convolution;

/// <summary>
/// Sums of 8 positions x 3 lines or x 2 vectors of channels stay in registers while a list of terms runs:
/// s = M(source[position + term], weights[term], s). The image is read where it is, a float for all lanes. Further vectors are those of the next
/// channels, or of the same channels on the next lines.
/// A processor that multiplies two vectors in a cycle also loads two floats or vectors in one: terms are as few loads as they can be.
/// </summary>
internal static unsafe class ConvTile
{
    /// <summary>Positions of a tile, at most, in registers of so many floats: the narrower ones may be 16 only.</summary>
    public static int MostPositions(int lanes) => lanes >= 16 ? 8 : 6;

    /// <summary>Lines of a tile, at most.</summary>
    public static int MostLines(int lanes) => lanes >= 16 ? 3 : 2;

    /// <summary>Runs a tile of 1, 2, 4, 6 or 8 positions.</summary>
    public static void Run<T>(int positions, int lines, int vectors, in ConvTileArguments g) where T : struct, IFloatLanes<T>
    {
        switch (positions)
        {
            case 1: Lines<T, One>(lines, vectors, in g); break;
            case 2: Lines<T, Two>(lines, vectors, in g); break;
            case 4: Lines<T, Four>(lines, vectors, in g); break;
            case 6: Lines<T, Six>(lines, vectors, in g); break;
            default: Lines<T, Eight>(lines, vectors, in g); break;
        }
    }

    private static void Lines<T, TPositions>(int lines, int vectors, in ConvTileArguments g)
        where T : struct, IFloatLanes<T>
        where TPositions : unmanaged, ITileSize
    {
        if (vectors == 2)
        {
            Run<T, TPositions, One, Two>(in g);
        }
        else if (lines == 3)
        {
            Run<T, TPositions, Three, One>(in g);
        }
        else if (lines == 2)
        {
            Run<T, TPositions, Two, One>(in g);
        }
        else
        {
            Run<T, TPositions, One, One>(in g);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Run<T, TPositions, TLines, TVectors>(in ConvTileArguments g)
        where T : struct, IFloatLanes<T>
        where TPositions : unmanaged, ITileSize
        where TLines : unmanaged, ITileSize
        where TVectors : unmanaged, ITileSize
    {
        // In bytes: a processor's address has one factor of 1, 2, 4 or 8.
        nint step = g.Step * sizeof(float), step3 = 3 * step, step5 = 5 * step, step7 = 7 * step, line = g.Line * sizeof(float);
        float* sums = g.Sums;
        nint leading = g.LeadingSums;
        float* others = sums + (sizeof(TVectors) > 1 ? T.Count : g.LineSums), thirds = others + g.LineSums, source = g.Source, weights = g.Weights;
        float* from = g.From, fromOthers = from + (sizeof(TVectors) > 1 ? T.Count : g.LineFrom), fromThirds = fromOthers + g.LineFrom;
        nint start = g.LeadingFrom;
        T s00 = T.Zero, s01 = T.Zero, s02 = T.Zero, s03 = T.Zero, s04 = T.Zero, s05 = T.Zero, s06 = T.Zero, s07 = T.Zero;
        T s10 = T.Zero, s11 = T.Zero, s12 = T.Zero, s13 = T.Zero, s14 = T.Zero, s15 = T.Zero, s16 = T.Zero, s17 = T.Zero;
        T s20 = T.Zero, s21 = T.Zero, s22 = T.Zero, s23 = T.Zero, s24 = T.Zero, s25 = T.Zero, s26 = T.Zero, s27 = T.Zero;
        s00 = T.Load(in *from, 0);
        if (sizeof(TPositions) > 1)
        {
            s01 = T.Load(in *(from + (1 * start)), 0);
        }

        if (sizeof(TPositions) > 2)
        {
            s02 = T.Load(in *(from + (2 * start)), 0);
            s03 = T.Load(in *(from + (3 * start)), 0);
        }

        if (sizeof(TPositions) > 4)
        {
            s04 = T.Load(in *(from + (4 * start)), 0);
            s05 = T.Load(in *(from + (5 * start)), 0);
        }

        if (sizeof(TPositions) > 6)
        {
            s06 = T.Load(in *(from + (6 * start)), 0);
            s07 = T.Load(in *(from + (7 * start)), 0);
        }

        if (sizeof(TLines) + sizeof(TVectors) > 2)
        {
            s10 = T.Load(in *fromOthers, 0);
            if (sizeof(TPositions) > 1)
            {
                s11 = T.Load(in *(fromOthers + (1 * start)), 0);
            }

            if (sizeof(TPositions) > 2)
            {
                s12 = T.Load(in *(fromOthers + (2 * start)), 0);
                s13 = T.Load(in *(fromOthers + (3 * start)), 0);
            }

            if (sizeof(TPositions) > 4)
            {
                s14 = T.Load(in *(fromOthers + (4 * start)), 0);
                s15 = T.Load(in *(fromOthers + (5 * start)), 0);
            }

            if (sizeof(TPositions) > 6)
            {
                s16 = T.Load(in *(fromOthers + (6 * start)), 0);
                s17 = T.Load(in *(fromOthers + (7 * start)), 0);
            }
        }

        if (sizeof(TLines) > 2)
        {
            s20 = T.Load(in *fromThirds, 0);
            if (sizeof(TPositions) > 1)
            {
                s21 = T.Load(in *(fromThirds + (1 * start)), 0);
            }

            if (sizeof(TPositions) > 2)
            {
                s22 = T.Load(in *(fromThirds + (2 * start)), 0);
                s23 = T.Load(in *(fromThirds + (3 * start)), 0);
            }

            if (sizeof(TPositions) > 4)
            {
                s24 = T.Load(in *(fromThirds + (4 * start)), 0);
                s25 = T.Load(in *(fromThirds + (5 * start)), 0);
            }

            if (sizeof(TPositions) > 6)
            {
                s26 = T.Load(in *(fromThirds + (6 * start)), 0);
                s27 = T.Load(in *(fromThirds + (7 * start)), 0);
            }
        }

        ConvTapTerm* end = g.Terms + g.Count;
        for (ConvTapTerm* term = g.Terms; term < end; term++)
        {
            long both = term->Both;
            byte* x = (byte*)(source + (int)both);
            float* row = weights + (both >> 32);
            T w = T.Load(in *row, 0);
            if (sizeof(TVectors) > 1)
            {
                T v = T.Load(in *row, (nuint)T.Count), a = T.Broadcast(*(float*)x);
                s00 = T.MultiplyAdd(a, w, s00);
                s10 = T.MultiplyAdd(a, v, s10);
                if (sizeof(TPositions) > 1)
                {
                    a = T.Broadcast(*(float*)(x + step));
                    s01 = T.MultiplyAdd(a, w, s01);
                    s11 = T.MultiplyAdd(a, v, s11);
                }

                if (sizeof(TPositions) > 2)
                {
                    a = T.Broadcast(*(float*)(x + (2 * step)));
                    s02 = T.MultiplyAdd(a, w, s02);
                    s12 = T.MultiplyAdd(a, v, s12);
                    a = T.Broadcast(*(float*)(x + step3));
                    s03 = T.MultiplyAdd(a, w, s03);
                    s13 = T.MultiplyAdd(a, v, s13);
                }

                if (sizeof(TPositions) > 4)
                {
                    a = T.Broadcast(*(float*)(x + (4 * step)));
                    s04 = T.MultiplyAdd(a, w, s04);
                    s14 = T.MultiplyAdd(a, v, s14);
                    a = T.Broadcast(*(float*)(x + step5));
                    s05 = T.MultiplyAdd(a, w, s05);
                    s15 = T.MultiplyAdd(a, v, s15);
                }

                if (sizeof(TPositions) > 6)
                {
                    a = T.Broadcast(*(float*)(x + (2 * step3)));
                    s06 = T.MultiplyAdd(a, w, s06);
                    s16 = T.MultiplyAdd(a, v, s16);
                    a = T.Broadcast(*(float*)(x + step7));
                    s07 = T.MultiplyAdd(a, w, s07);
                    s17 = T.MultiplyAdd(a, v, s17);
                }

                continue;
            }

            s00 = T.MultiplyAdd(in *(float*)x, w, s00);
            if (sizeof(TPositions) > 1)
            {
                s01 = T.MultiplyAdd(in *(float*)(x + step), w, s01);
            }

            if (sizeof(TPositions) > 2)
            {
                s02 = T.MultiplyAdd(in *(float*)(x + (2 * step)), w, s02);
                s03 = T.MultiplyAdd(in *(float*)(x + step3), w, s03);
            }

            if (sizeof(TPositions) > 4)
            {
                s04 = T.MultiplyAdd(in *(float*)(x + (4 * step)), w, s04);
                s05 = T.MultiplyAdd(in *(float*)(x + step5), w, s05);
            }

            if (sizeof(TPositions) > 6)
            {
                s06 = T.MultiplyAdd(in *(float*)(x + (2 * step3)), w, s06);
                s07 = T.MultiplyAdd(in *(float*)(x + step7), w, s07);
            }

            if (sizeof(TLines) > 1)
            {
                byte* y = x + line;
                s10 = T.MultiplyAdd(in *(float*)y, w, s10);
                if (sizeof(TPositions) > 1)
                {
                    s11 = T.MultiplyAdd(in *(float*)(y + step), w, s11);
                }

                if (sizeof(TPositions) > 2)
                {
                    s12 = T.MultiplyAdd(in *(float*)(y + (2 * step)), w, s12);
                    s13 = T.MultiplyAdd(in *(float*)(y + step3), w, s13);
                }

                if (sizeof(TPositions) > 4)
                {
                    s14 = T.MultiplyAdd(in *(float*)(y + (4 * step)), w, s14);
                    s15 = T.MultiplyAdd(in *(float*)(y + step5), w, s15);
                }

                if (sizeof(TPositions) > 6)
                {
                    s16 = T.MultiplyAdd(in *(float*)(y + (2 * step3)), w, s16);
                    s17 = T.MultiplyAdd(in *(float*)(y + step7), w, s17);
                }
            }

            if (sizeof(TLines) > 2)
            {
                byte* z = x + (2 * line);
                s20 = T.MultiplyAdd(in *(float*)z, w, s20);
                if (sizeof(TPositions) > 1)
                {
                    s21 = T.MultiplyAdd(in *(float*)(z + step), w, s21);
                }

                if (sizeof(TPositions) > 2)
                {
                    s22 = T.MultiplyAdd(in *(float*)(z + (2 * step)), w, s22);
                    s23 = T.MultiplyAdd(in *(float*)(z + step3), w, s23);
                }

                if (sizeof(TPositions) > 4)
                {
                    s24 = T.MultiplyAdd(in *(float*)(z + (4 * step)), w, s24);
                    s25 = T.MultiplyAdd(in *(float*)(z + step5), w, s25);
                }

                if (sizeof(TPositions) > 6)
                {
                    s26 = T.MultiplyAdd(in *(float*)(z + (2 * step3)), w, s26);
                    s27 = T.MultiplyAdd(in *(float*)(z + step7), w, s27);
                }
            }
        }

        T.Store(s00, ref *sums, 0);
        if (sizeof(TPositions) > 1)
        {
            T.Store(s01, ref *(sums + (1 * leading)), 0);
        }

        if (sizeof(TPositions) > 2)
        {
            T.Store(s02, ref *(sums + (2 * leading)), 0);
            T.Store(s03, ref *(sums + (3 * leading)), 0);
        }

        if (sizeof(TPositions) > 4)
        {
            T.Store(s04, ref *(sums + (4 * leading)), 0);
            T.Store(s05, ref *(sums + (5 * leading)), 0);
        }

        if (sizeof(TPositions) > 6)
        {
            T.Store(s06, ref *(sums + (6 * leading)), 0);
            T.Store(s07, ref *(sums + (7 * leading)), 0);
        }

        if (sizeof(TLines) + sizeof(TVectors) > 2)
        {
            T.Store(s10, ref *others, 0);
            if (sizeof(TPositions) > 1)
            {
                T.Store(s11, ref *(others + (1 * leading)), 0);
            }

            if (sizeof(TPositions) > 2)
            {
                T.Store(s12, ref *(others + (2 * leading)), 0);
                T.Store(s13, ref *(others + (3 * leading)), 0);
            }

            if (sizeof(TPositions) > 4)
            {
                T.Store(s14, ref *(others + (4 * leading)), 0);
                T.Store(s15, ref *(others + (5 * leading)), 0);
            }

            if (sizeof(TPositions) > 6)
            {
                T.Store(s16, ref *(others + (6 * leading)), 0);
                T.Store(s17, ref *(others + (7 * leading)), 0);
            }
        }

        if (sizeof(TLines) > 2)
        {
            T.Store(s20, ref *thirds, 0);
            if (sizeof(TPositions) > 1)
            {
                T.Store(s21, ref *(thirds + (1 * leading)), 0);
            }

            if (sizeof(TPositions) > 2)
            {
                T.Store(s22, ref *(thirds + (2 * leading)), 0);
                T.Store(s23, ref *(thirds + (3 * leading)), 0);
            }

            if (sizeof(TPositions) > 4)
            {
                T.Store(s24, ref *(thirds + (4 * leading)), 0);
                T.Store(s25, ref *(thirds + (5 * leading)), 0);
            }

            if (sizeof(TPositions) > 6)
            {
                T.Store(s26, ref *(thirds + (6 * leading)), 0);
                T.Store(s27, ref *(thirds + (7 * leading)), 0);
            }
        }
    }
}

/// <summary>A tile of a convolution: where its positions, weights and sums are.</summary>
internal unsafe struct ConvTileArguments
{
    /// <summary>The first position: a term's source is counted from here.</summary>
    public float* Source;

    /// <summary>Floats from position to position.</summary>
    public nint Step;

    /// <summary>Floats from line to line of positions.</summary>
    public nint Line;

    /// <summary>The first vector of channels.</summary>
    public float* Weights;
    public ConvTapTerm* Terms;
    public int Count;

    /// <summary>[line][position][channel]: where the sums go.</summary>
    public float* Sums;
    public nint LeadingSums;
    public nint LineSums;

    /// <summary>What the sums begin with, the same; the distances are 0 where all positions begin with one value.</summary>
    public float* From;
    public nint LeadingFrom;
    public nint LineFrom;

    /// <summary>The sums go on from where they are.</summary>
    public void GoOn()
    {
        From = Sums;
        (LeadingFrom, LineFrom) = (LeadingSums, LineSums);
    }
}

/// <summary>A term of all sums of a tile; both halves are read at once.</summary>
/// <param name="both">The weights in the upper half, the source in the lower one.</param>
internal readonly struct ConvTapTerm(long both)
{
    /// <param name="source">Floats from a position to its factor.</param>
    /// <param name="weights">Floats from the first weights to those of the term.</param>
    public ConvTapTerm(int source, int weights)
        : this((uint)source | ((long)weights << 32))
    {
    }

    /// <summary>The weights in the upper half, the source in the lower one.</summary>
    public readonly long Both = both;
}
