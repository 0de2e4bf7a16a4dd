using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using EmbeddedBackprop.Kernels.Elements;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Kernels.Threads;

namespace EmbeddedBackprop.Kernels.Products;

/// <summary>The loops around the tile: blocks of k, panels of columns, tiles of rows.</summary>
internal readonly struct GemmKernel : ILaneKernel<GemmArguments>
{
    /// <summary>Steps of k in one block of 64 columns: the panel is then 64 KB and stays in the second cache; 64 steps cost 10 %.</summary>
    private const int BlockDepth = 256;

    /// <summary>Steps of k in one packed panel of B^T: 32 KB, which the first cache holds while they are written. 256 steps cost 2 %.</summary>
    private const int PackedDepth = 128;

    /// <summary>Steps of k in one block of fewer columns at most.</summary>
    private const int DeepestBlock = 1024;

    /// <summary>Fewer k are not worth a search for those that could be left out.</summary>
    private const int FewestSearched = 64;

    /// <summary>Columns of a panel at most: one packed panel of B^T is PackedDepth x 64 floats on the stack.</summary>
    private const int PanelColumns = 64;

    private const int CacheLine = 64;

    /// <summary>
    /// Requires n >= T.Count (<see cref="LaneDispatch.RunWithin"/> sees to it), so that a ragged last vector can overlap its neighbour.
    /// </summary>
    public static void Run<T, TTail>(in GemmArguments arguments)
        where T : struct, IFloatLanes<T>
        where TTail : struct, IFloatLanes<TTail>
    {
        ref float none = ref Unsafe.NullRef<float>();
        // A column of zeros has one in the first row; most matrices have none there, and are not searched any further.
        bool searches = Searches(in arguments) && LiveColumns.HoldsZero(in arguments.A, arguments.K);
        if (TurnedProduct.Fits<T>(in arguments))
        {
            TurnedProduct.Run<T>(in arguments);
        }
        else if (arguments.BTransposed)
        {
            RunPacked<T>(in arguments);
        }
        else if (!searches || !RunBlocks<T>(in arguments, ref none, skipsZeros: true)
            || (!arguments.ZerosAreAlike && HoldsNegativeZero(in arguments)))
        {
            RunBlocks<T>(in arguments, ref none, skipsZeros: false);
        }
    }

    /// <summary>Whether columns of A that are 0 in every row are looked for.</summary>
    public static bool Searches(in GemmArguments g) =>
        g is { BTransposed: false, AStep: 1, M: >= GemmTile.FewestListedRows, K: >= FewestSearched, Start: not GemmStart.Destination };

    // The panel is written before it is read: clearing 32 KB would cost as much as a small product.
    [SkipLocalsInit]
    private static unsafe void RunPacked<T>(in GemmArguments arguments)
        where T : struct, IFloatLanes<T>
    {
        // A vector across two cache lines costs twice.
        float* panel = stackalloc float[(PackedDepth * PanelColumns) + (CacheLine / sizeof(float))];
        nuint aligned = ((nuint)panel + CacheLine - 1) & ~(nuint)(CacheLine - 1);
        RunBlocks<T>(in arguments, ref *(float*)aligned, skipsZeros: false);
    }

    /// <summary>Runs the product. May leave out the k at which A's column is 0 in every row.</summary>
    /// <remarks>
    /// With finite B such a term is +0 or -0. It changes no sum but -0 (to +0), and a sum that is -0 instead of +0 keeps its value; so the results
    /// have the same bits unless one is -0, and then the product is computed again.
    /// </remarks>
    /// <returns>False, and C is not complete, if a k cannot be left out because B is not finite there.</returns>
    [SkipLocalsInit]
    private static unsafe bool RunBlocks<T>(in GemmArguments g, ref float packed, bool skipsZeros)
        where T : struct, IFloatLanes<T>
    {
        ushort* live = stackalloc ushort[DeepestBlock + LiveColumns.Group], dead = stackalloc ushort[DeepestBlock + LiveColumns.Group];
        nuint lanes = (nuint)T.Count;
        nuint vectors = (g.N + lanes - 1) / lanes;

        // One row has nothing to use a panel again for: its tiles go through k in one piece.
        bool whole = g.M == 1 && !g.BTransposed;
        nuint perPanel = whole ? vectors : PanelColumns / lanes;
        nuint panels = PieceCount(vectors, perPanel);
        nuint deepest = whole ? g.K : (nuint)(g.BTransposed ? PackedDepth : BlockDepth);
        if (vectors < perPanel && !g.BTransposed && g.K > BlockDepth)
        {
            deepest = nuint.Min(DeepestBlock, BlockDepth * perPanel / vectors);
        }

        nuint blocks = PieceCount(g.K, deepest);
        GemmStart start = g.Start;
        nuint step = 0;
        for (nuint block = 0; block < blocks; block++)
        {
            nuint depth = Share(g.K - step, blocks - block);
            // Whole cache lines of B's rows.
            if (g.BTransposed)
            {
                depth = nuint.Min((depth + Transpose.LineColumns - 1) / Transpose.LineColumns * Transpose.LineColumns, g.K - step);
            }

            nuint summed = depth;
            ref ushort steps = ref Unsafe.NullRef<ushort>();
            ref readonly float a = ref Unsafe.Add(ref Unsafe.AsRef(in g.A), step * g.AStep);
            if (skipsZeros)
            {
                summed = g.ZerosAreAlike
                    ? LiveColumns.List(in a, g.ARow, g.M, depth, ref *live)
                    : LiveColumns.Split(in a, g.ARow, g.M, depth, ref *live, ref *dead);
                if (!g.ZerosAreAlike && !AreFinite<T>(in g, step, dead, depth - summed))
                {
                    return false;
                }

                if (summed != depth)
                {
                    steps = ref *live;
                }
            }

            nuint done = 0;
            for (nuint panel = 0; panel < panels; panel++)
            {
                // Smaller shares first: the last panel, which may be ragged, then holds two vectors or more if there are two.
                nuint count = Share(vectors - done, panels - panel);
                nuint j = done * lanes;
                nuint width = nuint.Min(count * lanes, g.N - j);
                if (g.BTransposed)
                {
                    Transpose.Pack(
                        in Unsafe.Add(ref Unsafe.AsRef(in g.B), (j * g.LeadingB) + step),
                        g.LeadingB,
                        width,
                        depth,
                        ref packed,
                        PanelColumns);
                    RunPanel<T>(in g, in a, in packed, PanelColumns, j, count, width, summed, in steps, start);
                }
                else
                {
                    RunPanel<T>(
                        in g,
                        in a,
                        in Unsafe.Add(ref Unsafe.AsRef(in g.B), (step * g.LeadingB) + j),
                        g.LeadingB,
                        j,
                        count,
                        width,
                        summed,
                        in steps,
                        start);
                }

                done += count;
            }

            start = GemmStart.Destination;
            step += depth;
        }

        return true;
    }

    /// <summary>Whether the listed rows of B hold finite elements only: x * 0 is 0 for those, NaN for others, and a sum keeps a NaN.</summary>
    private static unsafe bool AreFinite<T>(in GemmArguments g, nuint step, ushort* rows, nuint count)
        where T : struct, IFloatLanes<T>
    {
        if (count == 0)
        {
            return true;
        }

        // Rows in fours: eight chains, of which none waits for its own multiplication.
        for (nuint i = 0; i < 3; i++)
        {
            rows[count + i] = rows[0];
        }

        nuint lanes = (nuint)T.Count;
        ref readonly float b = ref Unsafe.Add(ref Unsafe.AsRef(in g.B), step * g.LeadingB);
        T s0 = T.Zero, s1 = T.Zero, s2 = T.Zero, s3 = T.Zero, s4 = T.Zero, s5 = T.Zero, s6 = T.Zero, s7 = T.Zero;
        for (nuint j = 0; j < g.N; j += 2 * lanes)
        {
            nuint left = nuint.Min(j, g.N - lanes), right = nuint.Min(j + lanes, g.N - lanes);
            for (nuint i = 0; i < count; i += 4)
            {
                nuint r0 = rows[i] * g.LeadingB, r1 = rows[i + 1] * g.LeadingB, r2 = rows[i + 2] * g.LeadingB, r3 = rows[i + 3] * g.LeadingB;
                s0 = T.MultiplyAdd(T.Load(in b, r0 + left), T.Zero, s0);
                s1 = T.MultiplyAdd(T.Load(in b, r1 + left), T.Zero, s1);
                s2 = T.MultiplyAdd(T.Load(in b, r2 + left), T.Zero, s2);
                s3 = T.MultiplyAdd(T.Load(in b, r3 + left), T.Zero, s3);
                s4 = T.MultiplyAdd(T.Load(in b, r0 + right), T.Zero, s4);
                s5 = T.MultiplyAdd(T.Load(in b, r1 + right), T.Zero, s5);
                s6 = T.MultiplyAdd(T.Load(in b, r2 + right), T.Zero, s6);
                s7 = T.MultiplyAdd(T.Load(in b, r3 + right), T.Zero, s7);
            }
        }

        float* sums = stackalloc float[T.Count];
        T.Store(s0 + s1 + (s2 + s3) + (s4 + s5 + (s6 + s7)), ref *sums, 0);
        float sum = 0f;
        for (int lane = 0; lane < T.Count; lane++)
        {
            sum += sums[lane];
        }

        return sum == 0f;
    }

    private static bool HoldsNegativeZero(in GemmArguments g)
    {
        // Rows without a gap are one long row.
        bool gapless = g.LeadingC == g.N;
        nuint rows = gapless ? 1 : g.M;
        int length = (int)(gapless ? g.M * g.N : g.N);
        for (nuint row = 0; row < rows; row++)
        {
            ref int first = ref Unsafe.As<float, int>(ref Unsafe.Add(ref g.C, row * g.LeadingC));
            if (MemoryMarshal.CreateReadOnlySpan(ref first, length).Contains(int.MinValue))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>A panel of the product with the factors exchanged: rows of B by columns of A^T, [step][row of A].</summary>
    public static void RunTurned<T>(
        ref readonly float b, nuint leadingB, nuint rows, ref readonly float packed, nuint width, nuint depth, ref float sums, GemmStart start)
        where T : struct, IFloatLanes<T>
    {
        GemmArguments g = new(in b, leadingB, rows, ref sums, width, depth);
        RunPanel<T>(in g, in b, in packed, width, 0, width / (nuint)T.Count, width, depth, in Unsafe.NullRef<ushort>(), start);
    }

    private static void RunPanel<T>(
        in GemmArguments g, ref readonly float a, ref readonly float b, nuint leadingB, nuint j, nuint vectors, nuint width, nuint depth,
        ref readonly ushort steps, GemmStart start)
        where T : struct, IFloatLanes<T>
    {
        nuint lanes = (nuint)T.Count;

        // Where tiles are low, they are wide: additions take four cycles, and two start in each.
        nuint wide = g.M > 1 || T.Count < 16 ? 0 : width % (16 * lanes) == 0 ? 16u : width == 12 * lanes ? 12u : 0;
        nuint perTile = wide != 0 ? wide : g.M == 1 ? GemvTile.MaximumColumns : T.Count >= 16 || g.M == 2 ? 4u : 2u;
        nuint groups = PieceCount(vectors, perTile);
        nuint rowTiles = (g.M + GemmTile.MaximumRows - 1) / GemmTile.MaximumRows;

        // Rows are shared out evenly, 10 as 5 + 5: a remainder of few rows would wait for its own additions.
        nuint rows = Share(g.M, rowTiles);
        nuint higher = g.M - (rows * rowTiles);
        scoped TileArguments tile = default;
        tile.ARow = g.ARow;
        tile.AStep = g.AStep;
        tile.LeadingB = leadingB;
        tile.LeadingC = g.LeadingC;
        tile.Depth = depth;
        tile.Steps = ref steps;
        tile.Start = start;
        nuint done = 0;
        for (nuint group = 0; group < groups; group++)
        {
            nuint count = Share(vectors - done, groups - group);
            nuint column = done * lanes;
            tile.B = ref Unsafe.Add(ref Unsafe.AsRef(in b), column);
            tile.Last = nuint.Min((count - 1) * lanes, width - column - lanes);
            if (start == GemmStart.Bias)
            {
                tile.Bias = ref Unsafe.Add(ref Unsafe.AsRef(in g.Bias), j + column);
            }

            tile.A = ref a;
            tile.C = ref Unsafe.Add(ref g.C, j + column);
            done += count;
            if (wide != 0)
            {
                if (wide == 16)
                {
                    GemvTile.RunWide<T, Sixteen>(in tile);
                }
                else
                {
                    GemvTile.RunWide<T, Twelve>(in tile);
                }

                continue;
            }

            if (g.M == 1)
            {
                GemvTile.Run<T>((int)count, in tile);
                continue;
            }

            if (higher != 0)
            {
                tile.Tiles = higher;
                RunTiles<T>((int)rows + 1, (int)count, in tile);
                tile.A = ref Unsafe.Add(ref Unsafe.AsRef(in a), higher * (rows + 1) * g.ARow);
                tile.C = ref Unsafe.Add(ref tile.C, higher * (rows + 1) * g.LeadingC);
            }

            tile.Tiles = rowTiles - higher;
            RunTiles<T>((int)rows, (int)count, in tile);
        }
    }

    // A division takes as long as twenty multiplications, and a small product has one part of everything.
    private static nuint PieceCount(nuint length, nuint longest) => length <= longest ? 1 : (length + longest - 1) / longest;

    private static nuint Share(nuint left, nuint parts) => parts == 1 ? left : left / parts;

    private static void RunTiles<T>(int rows, int columns, in TileArguments tile)
        where T : struct, IFloatLanes<T>
    {
        if (Unsafe.IsNullRef(in tile.Steps))
        {
            GemmTile.Run<T>(rows, columns, in tile);
        }
        else
        {
            GemmTile.RunListed<T>(rows, columns, in tile);
        }
    }
}
