using System.Runtime.CompilerServices;

namespace EmbeddedBackprop.Kernels;

/// <summary>The loops around the tile: blocks of k, panels of columns, tiles of rows.</summary>
internal readonly struct GemmKernel : ILaneKernel<GemmArguments>
{
    /// <summary>Steps of k in one block: a panel of 64 columns is then 64 KB and stays in the second cache; 64 steps cost 10 %.</summary>
    private const int BlockDepth = 256;

    /// <summary>Columns of a panel at most: one packed panel of B^T is BlockDepth x 64 floats on the stack.</summary>
    private const int PanelColumns = 64;

    private const int CacheLine = 64;

    /// <summary>Requires n >= T.Count (<see cref="LaneDispatch.RunWithin"/> sees to it), so that a ragged last vector can overlap its neighbour.</summary>
    public static void Run<T, TTail>(in GemmArguments arguments)
        where T : struct, IFloatLanes<T>
        where TTail : struct, IFloatLanes<TTail>
    {
        if (arguments.BTransposed)
            RunPacked<T>(in arguments);
        else
            RunBlocks<T>(in arguments, ref Unsafe.NullRef<float>());
    }

    // The panel is written before it is read: clearing 64 KB would cost as much as a small product.
    [SkipLocalsInit]
    private static unsafe void RunPacked<T>(in GemmArguments arguments)
        where T : struct, IFloatLanes<T>
    {
        // A vector across two cache lines costs twice.
        float* panel = stackalloc float[(BlockDepth * PanelColumns) + (CacheLine / sizeof(float))];
        nuint aligned = ((nuint)panel + CacheLine - 1) & ~(nuint)(CacheLine - 1);
        RunBlocks<T>(in arguments, ref *(float*)aligned);
    }

    private static void RunBlocks<T>(in GemmArguments g, ref float packed)
        where T : struct, IFloatLanes<T>
    {
        nuint lanes = (nuint)T.Count;
        nuint vectors = (g.N + lanes - 1) / lanes;

        // One row has nothing to use a panel again for: its tiles go through k in one piece.
        bool whole = g.M == 1 && !g.BTransposed;
        nuint perPanel = whole ? vectors : PanelColumns / lanes;
        nuint deepest = whole ? g.K : BlockDepth;
        nuint panels = (vectors + perPanel - 1) / perPanel;
        GemmStart start = g.Start;
        nuint step = 0;
        do
        {
            nuint depth = nuint.Min(deepest, g.K - step);
            ref readonly float a = ref Unsafe.Add(ref Unsafe.AsRef(in g.A), step * g.AStep);
            nuint done = 0;
            for (nuint panel = 0; panel < panels; panel++)
            {
                // Smaller shares first: the last panel, which may be ragged, then holds two vectors or more wherever there are two.
                nuint count = (vectors - done) / (panels - panel);
                nuint j = done * lanes;
                nuint width = nuint.Min(count * lanes, g.N - j);
                if (g.BTransposed)
                {
                    Transpose.Pack(in Unsafe.Add(ref Unsafe.AsRef(in g.B), (j * g.LeadingB) + step), g.LeadingB, width, depth, ref packed, PanelColumns);
                    RunPanel<T>(in g, in a, in packed, PanelColumns, j, count, width, depth, start);
                }
                else
                {
                    RunPanel<T>(in g, in a, in Unsafe.Add(ref Unsafe.AsRef(in g.B), (step * g.LeadingB) + j), g.LeadingB, j, count, width, depth, start);
                }

                done += count;
            }

            start = GemmStart.Destination;
            step += depth;
        }
        while (step < g.K);
    }

    private static void RunPanel<T>(
        in GemmArguments g, ref readonly float a, ref readonly float b, nuint leadingB, nuint j, nuint vectors, nuint width, nuint depth, GemmStart start)
        where T : struct, IFloatLanes<T>
    {
        nuint lanes = (nuint)T.Count;

        // Where tiles are low, they are wide: additions take four cycles, and two start in each.
        nuint perTile = g.M == 1 ? GemvTile.MaximumColumns : T.Count >= 16 || g.M == 2 ? 4u : 2u;
        nuint groups = (vectors + perTile - 1) / perTile;
        nuint rowTiles = (g.M + GemmTile.MaximumRows - 1) / GemmTile.MaximumRows;

        // Rows are shared out evenly, 10 as 5 + 5: a remainder of few rows would wait for its own additions.
        nuint rows = g.M / rowTiles;
        nuint higher = g.M % rowTiles;
        scoped TileArguments tile = default;
        tile.ARow = g.ARow;
        tile.AStep = g.AStep;
        tile.LeadingB = leadingB;
        tile.LeadingC = g.LeadingC;
        tile.Depth = depth;
        tile.Start = start;
        nuint done = 0;
        for (nuint group = 0; group < groups; group++)
        {
            nuint count = (vectors - done) / (groups - group);
            nuint column = done * lanes;
            tile.B = ref Unsafe.Add(ref Unsafe.AsRef(in b), column);
            tile.Last = nuint.Min((count - 1) * lanes, width - column - lanes);
            if (start == GemmStart.Bias)
                tile.Bias = ref Unsafe.Add(ref Unsafe.AsRef(in g.Bias), j + column);
            tile.A = ref a;
            tile.C = ref Unsafe.Add(ref g.C, j + column);
            done += count;
            if (g.M == 1)
            {
                GemvTile.Run<T>((int)count, in tile);
                continue;
            }

            if (higher != 0)
            {
                tile.Tiles = higher;
                GemmTile.Run<T>((int)rows + 1, (int)count, in tile);
                tile.A = ref Unsafe.Add(ref Unsafe.AsRef(in a), higher * (rows + 1) * g.ARow);
                tile.C = ref Unsafe.Add(ref tile.C, higher * (rows + 1) * g.LeadingC);
            }

            tile.Tiles = rowTiles - higher;
            GemmTile.Run<T>((int)rows, (int)count, in tile);
        }
    }
}
