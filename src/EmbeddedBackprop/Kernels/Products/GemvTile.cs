using System.Runtime.CompilerServices;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Kernels.Products;

/// <summary>The tile of a single row: up to 8 vectors side by side, because one chain alone waits for every addition.</summary>
internal static unsafe class GemvTile
{
    /// <summary>The most vectors of a tile.</summary>
    public const int MaximumColumns = 8;

    /// <summary>Runs one row of 1 to 8 vectors.</summary>
    public static void Run<T>(int columns, in TileArguments tile)
        where T : struct, IFloatLanes<T>
    {
        switch (columns)
        {
            case 1: Run<T, One>(in tile); break;
            case 2: Run<T, Two>(in tile); break;
            case 3: Run<T, Three>(in tile); break;
            case 4: Run<T, Four>(in tile); break;
            case 5: Run<T, Five>(in tile); break;
            case 6: Run<T, Six>(in tile); break;
            case 7: Run<T, Seven>(in tile); break;
            default: Run<T, Eight>(in tile); break;
        }
    }

    /// <summary>
    /// Runs one row of 12 or 16 vectors, where there are registers for as many sums: weights with rows of 1 KB are then read from front to back in
    /// one go, and the caches' prefetchers follow (256 outputs from 64 inputs: 0.41 us instead of 0.63).
    /// </summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void RunWide<T, TColumns>(in TileArguments tile)
        where T : struct, IFloatLanes<T>
        where TColumns : unmanaged, ITileSize
    {
        ref float a = ref Unsafe.AsRef(in tile.A);
        ref readonly float b = ref tile.B;
        ref float c = ref tile.C;
        nuint n = (nuint)T.Count;
        T s0 = T.Zero,
            s1 = T.Zero,
            s2 = T.Zero,
            s3 = T.Zero,
            s4 = T.Zero,
            s5 = T.Zero,
            s6 = T.Zero,
            s7 = T.Zero,
            s8 = T.Zero,
            s9 = T.Zero,
            s10 = T.Zero,
            s11 = T.Zero,
            s12 = T.Zero,
            s13 = T.Zero,
            s14 = T.Zero,
            s15 = T.Zero;
        if (tile.Start != GemmStart.Zero)
        {
            ref readonly float from = ref tile.Start == GemmStart.Bias ? ref tile.Bias : ref c;
            s0 = T.Load(in from, 0 * n);
            s1 = T.Load(in from, 1 * n);
            s2 = T.Load(in from, 2 * n);
            s3 = T.Load(in from, 3 * n);
            s4 = T.Load(in from, 4 * n);
            s5 = T.Load(in from, 5 * n);
            s6 = T.Load(in from, 6 * n);
            s7 = T.Load(in from, 7 * n);
            s8 = T.Load(in from, 8 * n);
            s9 = T.Load(in from, 9 * n);
            s10 = T.Load(in from, 10 * n);
            s11 = T.Load(in from, 11 * n);
            if (sizeof(TColumns) > 12)
            {
                s12 = T.Load(in from, 12 * n);
                s13 = T.Load(in from, 13 * n);
                s14 = T.Load(in from, 14 * n);
                s15 = T.Load(in from, 15 * n);
            }
        }

        nuint q = 0;
        nuint j = 0;
        for (nuint p = tile.Depth; p != 0; p--)
        {
            T x = T.Broadcast(Unsafe.Add(ref a, q));
            s0 = T.MultiplyAdd(x, T.Load(in b, j + (0 * n)), s0);
            s1 = T.MultiplyAdd(x, T.Load(in b, j + (1 * n)), s1);
            s2 = T.MultiplyAdd(x, T.Load(in b, j + (2 * n)), s2);
            s3 = T.MultiplyAdd(x, T.Load(in b, j + (3 * n)), s3);
            s4 = T.MultiplyAdd(x, T.Load(in b, j + (4 * n)), s4);
            s5 = T.MultiplyAdd(x, T.Load(in b, j + (5 * n)), s5);
            s6 = T.MultiplyAdd(x, T.Load(in b, j + (6 * n)), s6);
            s7 = T.MultiplyAdd(x, T.Load(in b, j + (7 * n)), s7);
            s8 = T.MultiplyAdd(x, T.Load(in b, j + (8 * n)), s8);
            s9 = T.MultiplyAdd(x, T.Load(in b, j + (9 * n)), s9);
            s10 = T.MultiplyAdd(x, T.Load(in b, j + (10 * n)), s10);
            s11 = T.MultiplyAdd(x, T.Load(in b, j + (11 * n)), s11);
            if (sizeof(TColumns) > 12)
            {
                s12 = T.MultiplyAdd(x, T.Load(in b, j + (12 * n)), s12);
                s13 = T.MultiplyAdd(x, T.Load(in b, j + (13 * n)), s13);
                s14 = T.MultiplyAdd(x, T.Load(in b, j + (14 * n)), s14);
                s15 = T.MultiplyAdd(x, T.Load(in b, j + (15 * n)), s15);
            }

            q += tile.AStep;
            j += tile.LeadingB;
        }

        T.Store(s0, ref c, 0 * n);
        T.Store(s1, ref c, 1 * n);
        T.Store(s2, ref c, 2 * n);
        T.Store(s3, ref c, 3 * n);
        T.Store(s4, ref c, 4 * n);
        T.Store(s5, ref c, 5 * n);
        T.Store(s6, ref c, 6 * n);
        T.Store(s7, ref c, 7 * n);
        T.Store(s8, ref c, 8 * n);
        T.Store(s9, ref c, 9 * n);
        T.Store(s10, ref c, 10 * n);
        T.Store(s11, ref c, 11 * n);
        if (sizeof(TColumns) > 12)
        {
            T.Store(s12, ref c, 12 * n);
            T.Store(s13, ref c, 13 * n);
            T.Store(s14, ref c, 14 * n);
            T.Store(s15, ref c, 15 * n);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Run<T, TColumns>(in TileArguments tile)
        where T : struct, IFloatLanes<T>
        where TColumns : unmanaged, ITileSize
    {
        ref float a = ref Unsafe.AsRef(in tile.A);
        ref readonly float b = ref tile.B;
        ref float c = ref tile.C;
        nuint lanes = (nuint)T.Count;
        nuint last = tile.Last;
        nuint o1 = sizeof(TColumns) == 2 ? last : 1 * lanes;
        nuint o2 = sizeof(TColumns) == 3 ? last : 2 * lanes;
        nuint o3 = sizeof(TColumns) == 4 ? last : 3 * lanes;
        nuint o4 = sizeof(TColumns) == 5 ? last : 4 * lanes;
        nuint o5 = sizeof(TColumns) == 6 ? last : 5 * lanes;
        nuint o6 = sizeof(TColumns) == 7 ? last : 6 * lanes;
        nuint o7 = sizeof(TColumns) == 8 ? last : 7 * lanes;
        T s0 = T.Zero, s1 = T.Zero, s2 = T.Zero, s3 = T.Zero, s4 = T.Zero, s5 = T.Zero, s6 = T.Zero, s7 = T.Zero;
        if (tile.Start != GemmStart.Zero)
        {
            ref readonly float from = ref tile.Start == GemmStart.Bias ? ref tile.Bias : ref c;
            s0 = T.Load(in from, 0);
            if (sizeof(TColumns) > 1)
            {
                s1 = T.Load(in from, o1);
            }

            if (sizeof(TColumns) > 2)
            {
                s2 = T.Load(in from, o2);
            }

            if (sizeof(TColumns) > 3)
            {
                s3 = T.Load(in from, o3);
            }

            if (sizeof(TColumns) > 4)
            {
                s4 = T.Load(in from, o4);
            }

            if (sizeof(TColumns) > 5)
            {
                s5 = T.Load(in from, o5);
            }

            if (sizeof(TColumns) > 6)
            {
                s6 = T.Load(in from, o6);
            }

            if (sizeof(TColumns) > 7)
            {
                s7 = T.Load(in from, o7);
            }
        }

        nuint q = 0;
        nuint j = 0;
        for (nuint p = tile.Depth; p != 0; p--)
        {
            T x = T.Broadcast(Unsafe.Add(ref a, q));
            s0 = T.MultiplyAdd(x, T.Load(in b, j), s0);
            if (sizeof(TColumns) > 1)
            {
                s1 = T.MultiplyAdd(x, T.Load(in b, j + o1), s1);
            }

            if (sizeof(TColumns) > 2)
            {
                s2 = T.MultiplyAdd(x, T.Load(in b, j + o2), s2);
            }

            if (sizeof(TColumns) > 3)
            {
                s3 = T.MultiplyAdd(x, T.Load(in b, j + o3), s3);
            }

            if (sizeof(TColumns) > 4)
            {
                s4 = T.MultiplyAdd(x, T.Load(in b, j + o4), s4);
            }

            if (sizeof(TColumns) > 5)
            {
                s5 = T.MultiplyAdd(x, T.Load(in b, j + o5), s5);
            }

            if (sizeof(TColumns) > 6)
            {
                s6 = T.MultiplyAdd(x, T.Load(in b, j + o6), s6);
            }

            if (sizeof(TColumns) > 7)
            {
                s7 = T.MultiplyAdd(x, T.Load(in b, j + o7), s7);
            }

            q += tile.AStep;
            j += tile.LeadingB;
        }

        T.Store(s0, ref c, 0);
        if (sizeof(TColumns) > 1)
        {
            T.Store(s1, ref c, o1);
        }

        if (sizeof(TColumns) > 2)
        {
            T.Store(s2, ref c, o2);
        }

        if (sizeof(TColumns) > 3)
        {
            T.Store(s3, ref c, o3);
        }

        if (sizeof(TColumns) > 4)
        {
            T.Store(s4, ref c, o4);
        }

        if (sizeof(TColumns) > 5)
        {
            T.Store(s5, ref c, o5);
        }

        if (sizeof(TColumns) > 6)
        {
            T.Store(s6, ref c, o6);
        }

        if (sizeof(TColumns) > 7)
        {
            T.Store(s7, ref c, o7);
        }
    }
}
