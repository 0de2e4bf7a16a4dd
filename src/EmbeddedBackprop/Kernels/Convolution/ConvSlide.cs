using System.Runtime.CompilerServices;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Kernels.Products;

namespace EmbeddedBackprop.Kernels.Convolution;

/// <summary>
/// The tile of <see cref="ConvTile"/> for a kernel row of 3 or 5 taps and positions side by side: a window slides over the row of the image, so that
/// a float is read once for all taps that meet it. Five taps of 8 positions take 17 loads instead of 45.
/// </summary>
internal static unsafe class ConvSlide
{
    /// <summary>Lines of a tile.</summary>
    public const int Lines = 2;

    /// <summary>Fewest positions of a tile.</summary>
    private const int FewestPositions = 4;

    /// <summary>Two lines of sums and a row of the image fill 32 registers; narrower ones may be 16 only.</summary>
    private const int FewestLanes = 16;

    /// <summary>Whether there is a tile for kernel rows of so many taps.</summary>
    public static bool Fits(int taps, int lanes) => lanes >= FewestLanes && taps is 3 or 5;

    /// <summary>Runs a tile of so many positions, neighbours in the image.</summary>
    /// <returns>False where there is none for so few.</returns>
    public static bool TryRun<T>(int positions, int taps, in ConvTileArguments g) where T : struct, IFloatLanes<T>
    {
        if (T.Count < FewestLanes || positions < FewestPositions)
        {
            return false;
        }

        if (taps == 3)
        {
            Run<T, Three>(positions, in g);
        }
        else
        {
            Run<T, Five>(positions, in g);
        }

        return true;
    }

    private static void Run<T, TTaps>(int positions, in ConvTileArguments g)
        where T : struct, IFloatLanes<T>
        where TTaps : unmanaged, ITileSize
    {
        switch (positions)
        {
            case 4: Run<T, Four, TTaps>(in g); break;
            case 6: Run<T, Six, TTaps>(in g); break;
            default: Run<T, Eight, TTaps>(in g); break;
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Run<T, TPositions, TTaps>(in ConvTileArguments g)
        where T : struct, IFloatLanes<T>
        where TPositions : unmanaged, ITileSize
        where TTaps : unmanaged, ITileSize
    {
        nint leading = g.LeadingSums, line = g.Line;
        float* sums = g.Sums, others = sums + g.LineSums, source = g.Source, weights = g.Weights;
        float* from = g.From, fromOthers = from + g.LineFrom;
        nint start = g.LeadingFrom;
        T s00 = T.Load(in *from, 0), s01 = T.Load(in from[start], 0), s02 = T.Load(in from[2 * start], 0), s03 = T.Load(in from[3 * start], 0);
        T s10 = T.Load(in *fromOthers, 0), s11 = T.Load(in fromOthers[start], 0);
        T s12 = T.Load(in fromOthers[2 * start], 0), s13 = T.Load(in fromOthers[3 * start], 0);
        T s04 = T.Zero, s05 = T.Zero, s06 = T.Zero, s07 = T.Zero, s14 = T.Zero, s15 = T.Zero, s16 = T.Zero, s17 = T.Zero;
        if (sizeof(TPositions) > 4)
        {
            s04 = T.Load(in from[4 * start], 0);
            s05 = T.Load(in from[5 * start], 0);
            s14 = T.Load(in fromOthers[4 * start], 0);
            s15 = T.Load(in fromOthers[5 * start], 0);
        }

        if (sizeof(TPositions) > 6)
        {
            s06 = T.Load(in from[6 * start], 0);
            s07 = T.Load(in from[7 * start], 0);
            s16 = T.Load(in fromOthers[6 * start], 0);
            s17 = T.Load(in fromOthers[7 * start], 0);
        }

        // The terms of a kernel row are neighbours: its first one tells all.
        ConvTapTerm* end = g.Terms + g.Count;
        for (ConvTapTerm* term = g.Terms; term < end; term += sizeof(TTaps))
        {
            long both = term->Both;
            float* x = source + (int)both, row = weights + (both >> 32);
            Line<T, TPositions, TTaps>(x, row, ref s00, ref s01, ref s02, ref s03, ref s04, ref s05, ref s06, ref s07);
            Line<T, TPositions, TTaps>(x + line, row, ref s10, ref s11, ref s12, ref s13, ref s14, ref s15, ref s16, ref s17);
        }

        T.Store(s00, ref *sums, 0);
        T.Store(s01, ref sums[leading], 0);
        T.Store(s02, ref sums[2 * leading], 0);
        T.Store(s03, ref sums[3 * leading], 0);
        T.Store(s10, ref *others, 0);
        T.Store(s11, ref others[leading], 0);
        T.Store(s12, ref others[2 * leading], 0);
        T.Store(s13, ref others[3 * leading], 0);
        if (sizeof(TPositions) > 4)
        {
            T.Store(s04, ref sums[4 * leading], 0);
            T.Store(s05, ref sums[5 * leading], 0);
            T.Store(s14, ref others[4 * leading], 0);
            T.Store(s15, ref others[5 * leading], 0);
        }

        if (sizeof(TPositions) > 6)
        {
            T.Store(s06, ref sums[6 * leading], 0);
            T.Store(s07, ref sums[7 * leading], 0);
            T.Store(s16, ref others[6 * leading], 0);
            T.Store(s17, ref others[7 * leading], 0);
        }
    }

    /// <summary>A kernel row: s[p] = M(x[p + tap], w[tap], s[p]), taps ascending.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Line<T, TPositions, TTaps>(
        float* x, float* weights, ref T s0, ref T s1, ref T s2, ref T s3, ref T s4, ref T s5, ref T s6, ref T s7)
        where T : struct, IFloatLanes<T>
        where TPositions : unmanaged, ITileSize
        where TTaps : unmanaged, ITileSize
    {
        // Positions + taps - 1 floats, each of them in a register until its last tap.
        T x0 = T.Broadcast(x[0]), x1 = T.Broadcast(x[1]), x2 = T.Broadcast(x[2]), x3 = T.Broadcast(x[3]), x4 = T.Broadcast(x[4]);
        T x5 = T.Broadcast(x[5]);
        T x6 = sizeof(TPositions) + sizeof(TTaps) > 7 ? T.Broadcast(x[6]) : T.Zero;
        T x7 = sizeof(TPositions) + sizeof(TTaps) > 8 ? T.Broadcast(x[7]) : T.Zero;
        T x8 = sizeof(TPositions) + sizeof(TTaps) > 9 ? T.Broadcast(x[8]) : T.Zero;
        T x9 = sizeof(TPositions) + sizeof(TTaps) > 10 ? T.Broadcast(x[9]) : T.Zero;
        T x10 = sizeof(TPositions) + sizeof(TTaps) > 11 ? T.Broadcast(x[10]) : T.Zero;
        T x11 = sizeof(TPositions) + sizeof(TTaps) > 12 ? T.Broadcast(x[11]) : T.Zero;
        Tap<T, TPositions>(x0, x1, x2, x3, x4, x5, x6, x7, weights, ref s0, ref s1, ref s2, ref s3, ref s4, ref s5, ref s6, ref s7);
        Tap<T, TPositions>(x1, x2, x3, x4, x5, x6, x7, x8, weights + T.Count, ref s0, ref s1, ref s2, ref s3, ref s4, ref s5, ref s6, ref s7);
        Tap<T, TPositions>(x2, x3, x4, x5, x6, x7, x8, x9, weights + (2 * T.Count), ref s0, ref s1, ref s2, ref s3, ref s4, ref s5, ref s6, ref s7);
        if (sizeof(TTaps) > 3)
        {
            weights += 3 * T.Count;
            Tap<T, TPositions>(x3, x4, x5, x6, x7, x8, x9, x10, weights, ref s0, ref s1, ref s2, ref s3, ref s4, ref s5, ref s6, ref s7);
            Tap<T, TPositions>(x4, x5, x6, x7, x8, x9, x10, x11, weights + T.Count, ref s0, ref s1, ref s2, ref s3, ref s4, ref s5, ref s6, ref s7);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Tap<T, TPositions>(
        T x0, T x1, T x2, T x3, T x4, T x5, T x6, T x7, float* weight,
        ref T s0, ref T s1, ref T s2, ref T s3, ref T s4, ref T s5, ref T s6, ref T s7)
        where T : struct, IFloatLanes<T>
        where TPositions : unmanaged, ITileSize
    {
        T w = T.Load(in *weight, 0);
        s0 = T.MultiplyAdd(x0, w, s0);
        s1 = T.MultiplyAdd(x1, w, s1);
        s2 = T.MultiplyAdd(x2, w, s2);
        s3 = T.MultiplyAdd(x3, w, s3);
        if (sizeof(TPositions) > 4)
        {
            s4 = T.MultiplyAdd(x4, w, s4);
            s5 = T.MultiplyAdd(x5, w, s5);
        }

        if (sizeof(TPositions) > 6)
        {
            s6 = T.MultiplyAdd(x6, w, s6);
            s7 = T.MultiplyAdd(x7, w, s7);
        }
    }
}
