using System.Runtime.CompilerServices;

namespace EmbeddedBackprop.Kernels;

/// <summary>C = (C or +0) + A B for a small packed panel B: the tiles of <see cref="GemmKernel"/> without its packing and blocking.</summary>
internal static unsafe class PanelProduct
{
    /// <summary>Columns is a multiple of T.Count; A's element (row i, step p) is at i * rowA + p * stepA.</summary>
    public static void Run<T>(int rows, int columns, int depth, float* a, int rowA, int stepA, float* b, int leadingB, float* c, int leadingC, GemmStart start)
        where T : struct, IFloatLanes<T>
    {
        nuint lanes = (nuint)T.Count, vectors = (nuint)columns / lanes;
        nuint perTile = rows == 1 ? GemvTile.MaximumColumns : T.Count >= 16 || rows == 2 ? 4u : 2u;
        nuint groups = (vectors + perTile - 1) / perTile;
        nuint rowTiles = ((nuint)rows + GemmTile.MaximumRows - 1) / GemmTile.MaximumRows;
        nuint low = (nuint)rows / rowTiles, higher = (nuint)rows % rowTiles;
        scoped TileArguments tile = default;
        tile.ARow = (nuint)rowA;
        tile.AStep = (nuint)stepA;
        tile.LeadingB = (nuint)leadingB;
        tile.LeadingC = (nuint)leadingC;
        tile.Depth = (nuint)depth;
        tile.Start = start;
        nuint done = 0;
        for (nuint group = 0; group < groups; group++)
        {
            nuint count = (vectors - done) / (groups - group);
            tile.A = ref *a;
            tile.B = ref *(b + (done * lanes));
            tile.C = ref *(c + (done * lanes));
            tile.Last = (count - 1) * lanes;
            done += count;
            if (rows == 1)
            {
                GemvTile.Run<T>((int)count, in tile);
                continue;
            }

            if (higher != 0)
            {
                tile.Tiles = higher;
                GemmTile.Run<T>((int)low + 1, (int)count, in tile);
                tile.A = ref Unsafe.Add(ref *a, higher * (low + 1) * (nuint)rowA);
                tile.C = ref Unsafe.Add(ref tile.C, higher * (low + 1) * (nuint)leadingC);
            }

            tile.Tiles = rowTiles - higher;
            GemmTile.Run<T>((int)low, (int)count, in tile);
        }
    }
}
