using System.Runtime.CompilerServices;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Kernels.Products;

/// <summary>The loops around <see cref="UpdateTile"/>: pieces of rows, groups of columns, tiles of rows.</summary>
/// <remarks>
/// A row whose x is 0 in every sample has the gradient +0 where delta is finite, and w = M(-eta, +0, w) is w, also for -0: it is left out, with the
/// same bits. Of MNIST's pixels half are background in all of ten samples.
/// </remarks>
internal readonly struct UpdateKernel : ILaneKernel<GemmArguments>
{
    private const int PieceRows = 1024;

    /// <summary>Requires n >= T.Count, as <see cref="GemmKernel"/> does.</summary>
    [SkipLocalsInit]
    public static unsafe void Run<T, TTail>(in GemmArguments g)
        where T : struct, IFloatLanes<T>
        where TTail : struct, IFloatLanes<TTail>
    {
        ushort* list = stackalloc ushort[PieceRows + LiveColumns.Group];
        bool skips = g.SkipsZeros && g.L2 == 0f;
        for (nuint first = 0; first < g.M; first += PieceRows)
        {
            nuint count = nuint.Min(g.M - first, PieceRows);
            ref float a = ref Unsafe.Add(ref Unsafe.AsRef(in g.A), first);
            if (skips)
            {
                count = LiveColumns.List(in a, g.AStep, g.K, count, ref *list);
            }
            else
            {
                LiveColumns.ListAll(count, ref *list);
            }

            if (count != 0)
            {
                RunPiece<T>(in g, in a, ref Unsafe.Add(ref g.C, first * g.LeadingC), in *list, count);
            }
        }
    }

    private static void RunPiece<T>(in GemmArguments g, ref readonly float a, ref float c, ref readonly ushort list, nuint listed)
        where T : struct, IFloatLanes<T>
    {
        nuint lanes = (nuint)T.Count;
        nuint vectors = (g.N + lanes - 1) / lanes;
        nuint perTile = T.Count >= 16 ? 4u : 2u;
        nuint groups = (vectors + perTile - 1) / perTile;

        // Rows are shared out evenly: a remainder of few rows would wait for its own additions.
        nuint rowTiles = (listed + UpdateTile.MaximumRows - 1) / UpdateTile.MaximumRows;
        nuint rows = listed / rowTiles;
        nuint higher = listed % rowTiles;
        scoped UpdateTileArguments tile = default;
        tile.A = ref a;
        tile.AStep = g.AStep;
        tile.LeadingB = g.LeadingB;
        tile.LeadingC = g.LeadingC;
        tile.Depth = g.K;
        tile.LearningRate = g.LearningRate;
        tile.L2 = g.L2;
        nuint done = 0;
        for (nuint group = 0; group < groups; group++)
        {
            nuint count = (vectors - done) / (groups - group);
            nuint column = done * lanes;
            tile.B = ref Unsafe.Add(ref Unsafe.AsRef(in g.B), column);
            tile.C = ref Unsafe.Add(ref c, column);
            tile.Last = nuint.Min((count - 1) * lanes, g.N - column - lanes);
            tile.Rows = ref list;
            done += count;
            if (higher != 0)
            {
                tile.Tiles = higher;
                UpdateTile.Run<T>((int)rows + 1, (int)count, in tile);
                tile.Rows = ref Unsafe.Add(ref Unsafe.AsRef(in list), higher * (rows + 1));
            }

            tile.Tiles = rowTiles - higher;
            UpdateTile.Run<T>((int)rows, (int)count, in tile);
        }
    }
}
