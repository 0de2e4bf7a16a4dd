using System.Runtime.CompilerServices;

namespace EmbeddedBackprop.Kernels;

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
                s1 = T.Load(in from, o1);
            if (sizeof(TColumns) > 2)
                s2 = T.Load(in from, o2);
            if (sizeof(TColumns) > 3)
                s3 = T.Load(in from, o3);
            if (sizeof(TColumns) > 4)
                s4 = T.Load(in from, o4);
            if (sizeof(TColumns) > 5)
                s5 = T.Load(in from, o5);
            if (sizeof(TColumns) > 6)
                s6 = T.Load(in from, o6);
            if (sizeof(TColumns) > 7)
                s7 = T.Load(in from, o7);
        }

        nuint q = 0;
        nuint j = 0;
        for (nuint p = tile.Depth; p != 0; p--)
        {
            T x = T.Broadcast(Unsafe.Add(ref a, q));
            s0 = T.MultiplyAdd(x, T.Load(in b, j), s0);
            if (sizeof(TColumns) > 1)
                s1 = T.MultiplyAdd(x, T.Load(in b, j + o1), s1);
            if (sizeof(TColumns) > 2)
                s2 = T.MultiplyAdd(x, T.Load(in b, j + o2), s2);
            if (sizeof(TColumns) > 3)
                s3 = T.MultiplyAdd(x, T.Load(in b, j + o3), s3);
            if (sizeof(TColumns) > 4)
                s4 = T.MultiplyAdd(x, T.Load(in b, j + o4), s4);
            if (sizeof(TColumns) > 5)
                s5 = T.MultiplyAdd(x, T.Load(in b, j + o5), s5);
            if (sizeof(TColumns) > 6)
                s6 = T.MultiplyAdd(x, T.Load(in b, j + o6), s6);
            if (sizeof(TColumns) > 7)
                s7 = T.MultiplyAdd(x, T.Load(in b, j + o7), s7);
            q += tile.AStep;
            j += tile.LeadingB;
        }

        T.Store(s0, ref c, 0);
        if (sizeof(TColumns) > 1)
            T.Store(s1, ref c, o1);
        if (sizeof(TColumns) > 2)
            T.Store(s2, ref c, o2);
        if (sizeof(TColumns) > 3)
            T.Store(s3, ref c, o3);
        if (sizeof(TColumns) > 4)
            T.Store(s4, ref c, o4);
        if (sizeof(TColumns) > 5)
            T.Store(s5, ref c, o5);
        if (sizeof(TColumns) > 6)
            T.Store(s6, ref c, o6);
        if (sizeof(TColumns) > 7)
            T.Store(s7, ref c, o7);
    }
}
