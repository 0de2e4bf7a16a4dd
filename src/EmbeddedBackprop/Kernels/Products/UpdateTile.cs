using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Kernels.Products;

/// <summary>
/// <see cref="GemmTile"/> for a weight gradient that is applied at once: up to 6 rows x 4 vectors of it stay in registers while the samples run,
/// s = M(x[p,i], delta[p,j], s), and then change the weights. The rows i are listed, so that those without a gradient can be left out.
/// </summary>
internal static unsafe class UpdateTile
{
    /// <summary>The most rows of a tile.</summary>
    public const int MaximumRows = 6;

    /// <summary>Runs equal tiles of rows x columns vectors.</summary>
    public static void Run<T>(int rows, int columns, in UpdateTileArguments tile)
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
            case 1: Columns<T, One>(columns, in tile); break;
            case 2: Columns<T, Two>(columns, in tile); break;
            case 3: Columns<T, Three>(columns, in tile); break;
            case 4: Columns<T, Four>(columns, in tile); break;
            case 5: Columns<T, Five>(columns, in tile); break;
            default: Columns<T, Six>(columns, in tile); break;
        }
    }

    private static void Columns<T, TRows>(int columns, in UpdateTileArguments tile)
        where T : struct, IFloatLanes<T>
        where TRows : unmanaged, ITileSize
    {
        // No caller asks for more than two vectors where there are 16 registers: those tiles need not be compiled.
        if (columns == 1)
        {
            Run<T, TRows, One>(in tile);
        }
        else if (columns == 2 || T.Count < 16)
        {
            Run<T, TRows, Two>(in tile);
        }
        else if (columns == 3)
        {
            Run<T, TRows, Three>(in tile);
        }
        else
        {
            Run<T, TRows, Four>(in tile);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Run<T, TRows, TColumns>(in UpdateTileArguments tile)
        where T : struct, IFloatLanes<T>
        where TRows : unmanaged, ITileSize
        where TColumns : unmanaged, ITileSize
    {
        ref readonly float b = ref tile.B;
        ref ushort row = ref Unsafe.AsRef(in tile.Rows);
        nuint step = tile.AStep;
        nuint leading = tile.LeadingB;
        nuint second = sizeof(TColumns) == 2 ? tile.Last : (nuint)T.Count;
        nuint third = sizeof(TColumns) == 3 ? tile.Last : 2 * (nuint)T.Count;
        nuint fourth = tile.Last;
        for (nuint left = tile.Tiles; left != 0; left--)
        {
            ref float a0 = ref Unsafe.Add(ref Unsafe.AsRef(in tile.A), row);
            ref float a1 = ref Unsafe.Add(ref Unsafe.AsRef(in tile.A), Unsafe.Add(ref row, sizeof(TRows) > 1 ? 1 : 0));
            ref float a2 = ref Unsafe.Add(ref Unsafe.AsRef(in tile.A), Unsafe.Add(ref row, sizeof(TRows) > 2 ? 2 : 0));
            ref float a3 = ref Unsafe.Add(ref Unsafe.AsRef(in tile.A), Unsafe.Add(ref row, sizeof(TRows) > 3 ? 3 : 0));
            ref float a4 = ref Unsafe.Add(ref Unsafe.AsRef(in tile.A), Unsafe.Add(ref row, sizeof(TRows) > 4 ? 4 : 0));
            ref float a5 = ref Unsafe.Add(ref Unsafe.AsRef(in tile.A), Unsafe.Add(ref row, sizeof(TRows) > 5 ? 5 : 0));
            T s00 = T.Zero, s01 = T.Zero, s02 = T.Zero, s03 = T.Zero;
            T s10 = T.Zero, s11 = T.Zero, s12 = T.Zero, s13 = T.Zero;
            T s20 = T.Zero, s21 = T.Zero, s22 = T.Zero, s23 = T.Zero;
            T s30 = T.Zero, s31 = T.Zero, s32 = T.Zero, s33 = T.Zero;
            T s40 = T.Zero, s41 = T.Zero, s42 = T.Zero, s43 = T.Zero;
            T s50 = T.Zero, s51 = T.Zero, s52 = T.Zero, s53 = T.Zero;
            nuint q = 0;
            nuint j = 0;
            for (nuint p = tile.Depth; p != 0; p--)
            {
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

                q += step;
                j += leading;
            }

            T rate = T.Broadcast(-tile.LearningRate);
            T l2 = T.Broadcast(tile.L2);
            bool penalised = tile.L2 != 0f;
            Update<T, TColumns>(in tile, rate, l2, penalised, Unsafe.Add(ref row, 0), second, third, fourth, s00, s01, s02, s03);
            if (sizeof(TRows) > 1)
            {
                Update<T, TColumns>(in tile, rate, l2, penalised, Unsafe.Add(ref row, 1), second, third, fourth, s10, s11, s12, s13);
            }

            if (sizeof(TRows) > 2)
            {
                Update<T, TColumns>(in tile, rate, l2, penalised, Unsafe.Add(ref row, 2), second, third, fourth, s20, s21, s22, s23);
            }

            if (sizeof(TRows) > 3)
            {
                Update<T, TColumns>(in tile, rate, l2, penalised, Unsafe.Add(ref row, 3), second, third, fourth, s30, s31, s32, s33);
            }

            if (sizeof(TRows) > 4)
            {
                Update<T, TColumns>(in tile, rate, l2, penalised, Unsafe.Add(ref row, 4), second, third, fourth, s40, s41, s42, s43);
            }

            if (sizeof(TRows) > 5)
            {
                Update<T, TColumns>(in tile, rate, l2, penalised, Unsafe.Add(ref row, 5), second, third, fourth, s50, s51, s52, s53);
            }

            row = ref Unsafe.Add(ref row, sizeof(TRows));
        }
    }

    /// <summary>One row of weights after the step: g = M(l2, w, g) where there is a penalty, w = M(-eta, g, w).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Update<T, TColumns>(
        in UpdateTileArguments tile, T rate, T l2, bool penalised, nuint row, nuint second, nuint third, nuint fourth, T g0, T g1, T g2, T g3)
        where T : struct, IFloatLanes<T>
        where TColumns : unmanaged, ITileSize
    {
        ref float weights = ref Unsafe.Add(ref tile.C, row * tile.LeadingC);
        // All of the row is read before any of it is written: a ragged last vector overlaps its neighbour.
        T w0 = T.Load(in weights, 0);
        T w1 = sizeof(TColumns) > 1 ? T.Load(in weights, second) : T.Zero;
        T w2 = sizeof(TColumns) > 2 ? T.Load(in weights, third) : T.Zero;
        T w3 = sizeof(TColumns) > 3 ? T.Load(in weights, fourth) : T.Zero;
        if (penalised)
        {
            g0 = T.MultiplyAdd(l2, w0, g0);
            g1 = T.MultiplyAdd(l2, w1, g1);
            g2 = T.MultiplyAdd(l2, w2, g2);
            g3 = T.MultiplyAdd(l2, w3, g3);
        }

        T.Store(T.MultiplyAdd(rate, g0, w0), ref weights, 0);
        if (sizeof(TColumns) > 1)
        {
            T.Store(T.MultiplyAdd(rate, g1, w1), ref weights, second);
        }

        if (sizeof(TColumns) > 2)
        {
            T.Store(T.MultiplyAdd(rate, g2, w2), ref weights, third);
        }

        if (sizeof(TColumns) > 3)
        {
            T.Store(T.MultiplyAdd(rate, g3, w3), ref weights, fourth);
        }
    }
}
