using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Kernels.Products;

/// <summary>
/// The one tuned loop: up to 6 rows x 4 vectors of C stay in registers while k runs, s = M(a[i,p], b[p,j], s).
/// 24 accumulators, 4 vectors of B and one broadcast fill the 32 registers of AVX-512 and NEON; where there are 16, the callers ask for 6 x 2.
/// </summary>
internal static unsafe class GemmTile
{
    /// <summary>The most rows of a tile.</summary>
    public const int MaximumRows = 6;

    /// <summary>Products of fewer rows have tiles that <see cref="RunListed"/> does not know.</summary>
    public const int FewestListedRows = 8;

    /// <summary>Runs equal tiles of rows x columns vectors; accumulators are named locals because arrays would live in memory.</summary>
    public static void Run<T>(int rows, int columns, in TileArguments tile)
        where T : struct, IFloatLanes<T>
    {
        // Asked here and not in a property: only so a compiler leaves out the tiles that it does not need.
        if (typeof(T) == typeof(Lanes128<Fused>) && !Fma.IsSupported && !AdvSimd.IsSupported)
        {
            ExactTile.Run(rows, columns, in tile);
            return;
        }

        switch (rows)
        {
            case 2: Columns<T, Two, One>(columns, in tile); break;
            case 3: Columns<T, Three, One>(columns, in tile); break;
            case 4: Columns<T, Four, One>(columns, in tile); break;
            case 5: Columns<T, Five, One>(columns, in tile); break;
            default: Columns<T, Six, One>(columns, in tile); break;
        }
    }

    /// <summary>The same over listed k only, with A's step 1 (TSteps is <see cref="Two"/>): a list costs a tenth, so only products that
    /// need one pay for it.</summary>
    public static void RunListed<T>(int rows, int columns, in TileArguments tile)
        where T : struct, IFloatLanes<T>
    {
        // Asked here and not in a property: only so a compiler leaves out the tiles that it does not need.
        if (typeof(T) == typeof(Lanes128<Fused>) && !Fma.IsSupported && !AdvSimd.IsSupported)
        {
            ExactTile.Run(rows, columns, in tile);
            return;
        }

        switch (rows)
        {
            case 4: Columns<T, Four, Two>(columns, in tile); break;
            case 5: Columns<T, Five, Two>(columns, in tile); break;
            default: Columns<T, Six, Two>(columns, in tile); break;
        }
    }

    private static void Columns<T, TRows, TSteps>(int columns, in TileArguments tile)
        where T : struct, IFloatLanes<T>
        where TRows : unmanaged, ITileSize
        where TSteps : unmanaged, ITileSize
    {
        // Of more rows than two no caller asks for more than two vectors where there are 16 registers: those tiles need not be compiled.
        if (columns == 1)
        {
            Run<T, TRows, One, TSteps>(in tile);
        }
        else if (columns == 2 || (T.Count < 16 && sizeof(TRows) != 2))
        {
            Run<T, TRows, Two, TSteps>(in tile);
        }
        else if (columns == 3)
        {
            Run<T, TRows, Three, TSteps>(in tile);
        }
        else
        {
            Run<T, TRows, Four, TSteps>(in tile);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Run<T, TRows, TColumns, TSteps>(in TileArguments tile)
        where T : struct, IFloatLanes<T>
        where TRows : unmanaged, ITileSize
        where TColumns : unmanaged, ITileSize
        where TSteps : unmanaged, ITileSize
    {
        ref readonly float b = ref tile.B;
        ref float a0 = ref Unsafe.AsRef(in tile.A);
        ref float c0 = ref tile.C;
        nuint aRow = tile.ARow;
        nuint cRow = tile.LeadingC;
        nuint step = tile.AStep;
        nuint leading = tile.LeadingB;
        nuint second = sizeof(TColumns) == 2 ? tile.Last : (nuint)T.Count;
        nuint third = sizeof(TColumns) == 3 ? tile.Last : 2 * (nuint)T.Count;
        nuint fourth = tile.Last;
        for (nuint left = tile.Tiles; left != 0; left--)
        {
            ref float a1 = ref Unsafe.Add(ref a0, sizeof(TRows) > 1 ? aRow : 0);
            ref float a2 = ref Unsafe.Add(ref a1, sizeof(TRows) > 2 ? aRow : 0);
            ref float a3 = ref Unsafe.Add(ref a2, sizeof(TRows) > 3 ? aRow : 0);
            ref float a4 = ref Unsafe.Add(ref a3, sizeof(TRows) > 4 ? aRow : 0);
            ref float a5 = ref Unsafe.Add(ref a4, sizeof(TRows) > 5 ? aRow : 0);
            ref float c1 = ref Unsafe.Add(ref c0, sizeof(TRows) > 1 ? cRow : 0);
            ref float c2 = ref Unsafe.Add(ref c1, sizeof(TRows) > 2 ? cRow : 0);
            ref float c3 = ref Unsafe.Add(ref c2, sizeof(TRows) > 3 ? cRow : 0);
            ref float c4 = ref Unsafe.Add(ref c3, sizeof(TRows) > 4 ? cRow : 0);
            ref float c5 = ref Unsafe.Add(ref c4, sizeof(TRows) > 5 ? cRow : 0);
            T s00 = T.Zero, s01 = T.Zero, s02 = T.Zero, s03 = T.Zero;
            T s10 = T.Zero, s11 = T.Zero, s12 = T.Zero, s13 = T.Zero;
            T s20 = T.Zero, s21 = T.Zero, s22 = T.Zero, s23 = T.Zero;
            T s30 = T.Zero, s31 = T.Zero, s32 = T.Zero, s33 = T.Zero;
            T s40 = T.Zero, s41 = T.Zero, s42 = T.Zero, s43 = T.Zero;
            T s50 = T.Zero, s51 = T.Zero, s52 = T.Zero, s53 = T.Zero;
            if (tile.Start == GemmStart.Bias)
            {
                s50 = s40 = s30 = s20 = s10 = s00 = T.Load(in tile.Bias, 0);
                if (sizeof(TColumns) > 1)
                {
                    s51 = s41 = s31 = s21 = s11 = s01 = T.Load(in tile.Bias, second);
                }

                if (sizeof(TColumns) > 2)
                {
                    s52 = s42 = s32 = s22 = s12 = s02 = T.Load(in tile.Bias, third);
                }

                if (sizeof(TColumns) > 3)
                {
                    s53 = s43 = s33 = s23 = s13 = s03 = T.Load(in tile.Bias, fourth);
                }
            }
            else if (tile.Start == GemmStart.Destination)
            {
                s00 = T.Load(in c0, 0);
                if (sizeof(TColumns) > 1)
                {
                    s01 = T.Load(in c0, second);
                }

                if (sizeof(TColumns) > 2)
                {
                    s02 = T.Load(in c0, third);
                }

                if (sizeof(TColumns) > 3)
                {
                    s03 = T.Load(in c0, fourth);
                }

                if (sizeof(TRows) > 1)
                {
                    s10 = T.Load(in c1, 0);
                    if (sizeof(TColumns) > 1)
                    {
                        s11 = T.Load(in c1, second);
                    }

                    if (sizeof(TColumns) > 2)
                    {
                        s12 = T.Load(in c1, third);
                    }

                    if (sizeof(TColumns) > 3)
                    {
                        s13 = T.Load(in c1, fourth);
                    }
                }
                if (sizeof(TRows) > 2)
                {
                    s20 = T.Load(in c2, 0);
                    if (sizeof(TColumns) > 1)
                    {
                        s21 = T.Load(in c2, second);
                    }

                    if (sizeof(TColumns) > 2)
                    {
                        s22 = T.Load(in c2, third);
                    }

                    if (sizeof(TColumns) > 3)
                    {
                        s23 = T.Load(in c2, fourth);
                    }
                }
                if (sizeof(TRows) > 3)
                {
                    s30 = T.Load(in c3, 0);
                    if (sizeof(TColumns) > 1)
                    {
                        s31 = T.Load(in c3, second);
                    }

                    if (sizeof(TColumns) > 2)
                    {
                        s32 = T.Load(in c3, third);
                    }

                    if (sizeof(TColumns) > 3)
                    {
                        s33 = T.Load(in c3, fourth);
                    }
                }
                if (sizeof(TRows) > 4)
                {
                    s40 = T.Load(in c4, 0);
                    if (sizeof(TColumns) > 1)
                    {
                        s41 = T.Load(in c4, second);
                    }

                    if (sizeof(TColumns) > 2)
                    {
                        s42 = T.Load(in c4, third);
                    }

                    if (sizeof(TColumns) > 3)
                    {
                        s43 = T.Load(in c4, fourth);
                    }
                }
                if (sizeof(TRows) > 5)
                {
                    s50 = T.Load(in c5, 0);
                    if (sizeof(TColumns) > 1)
                    {
                        s51 = T.Load(in c5, second);
                    }

                    if (sizeof(TColumns) > 2)
                    {
                        s52 = T.Load(in c5, third);
                    }

                    if (sizeof(TColumns) > 3)
                    {
                        s53 = T.Load(in c5, fourth);
                    }
                }
            }

            ref ushort number = ref Unsafe.AsRef(in tile.Steps);
            nuint q = 0;
            nuint j = 0;
            for (nuint p = tile.Depth; p != 0; p--)
            {
                if (sizeof(TSteps) > 1)
                {
                    q = number;
                    j = q * leading;
                    number = ref Unsafe.Add(ref number, 1);
                }

                T b0 = T.Load(in b, j);
                T b1 = sizeof(TColumns) > 1 ? T.Load(in b, j + second) : T.Zero;
                T b2 = sizeof(TColumns) > 2 ? T.Load(in b, j + third) : T.Zero;
                T b3 = sizeof(TColumns) > 3 ? T.Load(in b, j + fourth) : T.Zero;
                {
                    T x = T.Broadcast(Unsafe.Add(ref a0, q));
                    s00 = T.MultiplyAdd(x, b0, s00);
                    if (sizeof(TColumns) > 1)
                    {
                        s01 = T.MultiplyAdd(x, b1, s01);
                    }

                    if (sizeof(TColumns) > 2)
                    {
                        s02 = T.MultiplyAdd(x, b2, s02);
                    }

                    if (sizeof(TColumns) > 3)
                    {
                        s03 = T.MultiplyAdd(x, b3, s03);
                    }
                }

                if (sizeof(TRows) > 1)
                {
                    T x = T.Broadcast(Unsafe.Add(ref a1, q));
                    s10 = T.MultiplyAdd(x, b0, s10);
                    if (sizeof(TColumns) > 1)
                    {
                        s11 = T.MultiplyAdd(x, b1, s11);
                    }

                    if (sizeof(TColumns) > 2)
                    {
                        s12 = T.MultiplyAdd(x, b2, s12);
                    }

                    if (sizeof(TColumns) > 3)
                    {
                        s13 = T.MultiplyAdd(x, b3, s13);
                    }
                }

                if (sizeof(TRows) > 2)
                {
                    T x = T.Broadcast(Unsafe.Add(ref a2, q));
                    s20 = T.MultiplyAdd(x, b0, s20);
                    if (sizeof(TColumns) > 1)
                    {
                        s21 = T.MultiplyAdd(x, b1, s21);
                    }

                    if (sizeof(TColumns) > 2)
                    {
                        s22 = T.MultiplyAdd(x, b2, s22);
                    }

                    if (sizeof(TColumns) > 3)
                    {
                        s23 = T.MultiplyAdd(x, b3, s23);
                    }
                }

                if (sizeof(TRows) > 3)
                {
                    T x = T.Broadcast(Unsafe.Add(ref a3, q));
                    s30 = T.MultiplyAdd(x, b0, s30);
                    if (sizeof(TColumns) > 1)
                    {
                        s31 = T.MultiplyAdd(x, b1, s31);
                    }

                    if (sizeof(TColumns) > 2)
                    {
                        s32 = T.MultiplyAdd(x, b2, s32);
                    }

                    if (sizeof(TColumns) > 3)
                    {
                        s33 = T.MultiplyAdd(x, b3, s33);
                    }
                }

                if (sizeof(TRows) > 4)
                {
                    T x = T.Broadcast(Unsafe.Add(ref a4, q));
                    s40 = T.MultiplyAdd(x, b0, s40);
                    if (sizeof(TColumns) > 1)
                    {
                        s41 = T.MultiplyAdd(x, b1, s41);
                    }

                    if (sizeof(TColumns) > 2)
                    {
                        s42 = T.MultiplyAdd(x, b2, s42);
                    }

                    if (sizeof(TColumns) > 3)
                    {
                        s43 = T.MultiplyAdd(x, b3, s43);
                    }
                }

                if (sizeof(TRows) > 5)
                {
                    T x = T.Broadcast(Unsafe.Add(ref a5, q));
                    s50 = T.MultiplyAdd(x, b0, s50);
                    if (sizeof(TColumns) > 1)
                    {
                        s51 = T.MultiplyAdd(x, b1, s51);
                    }

                    if (sizeof(TColumns) > 2)
                    {
                        s52 = T.MultiplyAdd(x, b2, s52);
                    }

                    if (sizeof(TColumns) > 3)
                    {
                        s53 = T.MultiplyAdd(x, b3, s53);
                    }
                }

                if (sizeof(TSteps) == 1)
                {
                    q += step;
                    j += leading;
                }
            }

            T.Store(s00, ref c0, 0);
            if (sizeof(TColumns) > 1)
            {
                T.Store(s01, ref c0, second);
            }

            if (sizeof(TColumns) > 2)
            {
                T.Store(s02, ref c0, third);
            }

            if (sizeof(TColumns) > 3)
            {
                T.Store(s03, ref c0, fourth);
            }

            if (sizeof(TRows) > 1)
            {
                T.Store(s10, ref c1, 0);
                if (sizeof(TColumns) > 1)
                {
                    T.Store(s11, ref c1, second);
                }

                if (sizeof(TColumns) > 2)
                {
                    T.Store(s12, ref c1, third);
                }

                if (sizeof(TColumns) > 3)
                {
                    T.Store(s13, ref c1, fourth);
                }
            }

            if (sizeof(TRows) > 2)
            {
                T.Store(s20, ref c2, 0);
                if (sizeof(TColumns) > 1)
                {
                    T.Store(s21, ref c2, second);
                }

                if (sizeof(TColumns) > 2)
                {
                    T.Store(s22, ref c2, third);
                }

                if (sizeof(TColumns) > 3)
                {
                    T.Store(s23, ref c2, fourth);
                }
            }

            if (sizeof(TRows) > 3)
            {
                T.Store(s30, ref c3, 0);
                if (sizeof(TColumns) > 1)
                {
                    T.Store(s31, ref c3, second);
                }

                if (sizeof(TColumns) > 2)
                {
                    T.Store(s32, ref c3, third);
                }

                if (sizeof(TColumns) > 3)
                {
                    T.Store(s33, ref c3, fourth);
                }
            }

            if (sizeof(TRows) > 4)
            {
                T.Store(s40, ref c4, 0);
                if (sizeof(TColumns) > 1)
                {
                    T.Store(s41, ref c4, second);
                }

                if (sizeof(TColumns) > 2)
                {
                    T.Store(s42, ref c4, third);
                }

                if (sizeof(TColumns) > 3)
                {
                    T.Store(s43, ref c4, fourth);
                }
            }

            if (sizeof(TRows) > 5)
            {
                T.Store(s50, ref c5, 0);
                if (sizeof(TColumns) > 1)
                {
                    T.Store(s51, ref c5, second);
                }

                if (sizeof(TColumns) > 2)
                {
                    T.Store(s52, ref c5, third);
                }

                if (sizeof(TColumns) > 3)
                {
                    T.Store(s53, ref c5, fourth);
                }
            }

            a0 = ref Unsafe.Add(ref a0, (nuint)sizeof(TRows) * aRow);
            c0 = ref Unsafe.Add(ref c0, (nuint)sizeof(TRows) * cRow);
        }
    }
}
