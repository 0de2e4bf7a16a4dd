using System.Runtime.CompilerServices;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Kernels.Products;

/// <summary>C = (C or +0) + A B for a small packed panel B: the tiles of <see cref="GemmKernel"/> without its packing and blocking.</summary>
internal static unsafe class PanelProduct
{
    /// <summary>Columns is a multiple of T.Count; A's element (row i, step p) is at i * rowA + p * stepA.</summary>
    public static void Run<T>(
        int rows,
        int columns,
        int depth,
        float* a,
        int rowA,
        int stepA,
        float* b,
        int leadingB,
        float* c,
        int leadingC,
        GemmStart start)
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

    /// <summary>The constants of many products of one shape that are one tile wide, computed once.</summary>
    public ref struct Repeated
    {
        private readonly int low, higher, vectors;
        private readonly nuint lower;
        private TileArguments tile;

        /// <summary>Products C = C + A B of so many rows (2 or more) and vectors, laid out as above.</summary>
        public Repeated(int rows, int vectors, int depth, int rowA, int stepA, int leadingB, int leadingC, int lanes)
        {
            int tiles = (rows + GemmTile.MaximumRows - 1) / GemmTile.MaximumRows;
            (low, higher, this.vectors) = (rows / tiles, rows % tiles, vectors);
            lower = (nuint)(tiles - higher);
            tile.ARow = (nuint)rowA;
            tile.AStep = (nuint)stepA;
            tile.LeadingB = (nuint)leadingB;
            tile.LeadingC = (nuint)leadingC;
            tile.Depth = (nuint)depth;
            tile.Start = GemmStart.Destination;
            tile.Last = (nuint)((vectors - 1) * lanes);
        }

        /// <summary>Whether so many rows and vectors can be run.</summary>
        public static bool Fits(int rows, int vectors, int lanes) => rows > 1 && vectors <= (lanes >= 16 || rows == 2 ? 4 : 2);

        /// <summary>One of them.</summary>
        public void Run<T>(float* a, float* b, float* c) where T : struct, IFloatLanes<T>
        {
            tile.B = ref *b;
            tile.A = ref *a;
            tile.C = ref *c;
            if (higher != 0)
            {
                tile.Tiles = (nuint)higher;
                GemmTile.Run<T>(low + 1, vectors, in tile);
                tile.A = ref Unsafe.Add(ref *a, (nuint)(higher * (low + 1)) * tile.ARow);
                tile.C = ref Unsafe.Add(ref *c, (nuint)(higher * (low + 1)) * tile.LeadingC);
            }

            tile.Tiles = lower;
            GemmTile.Run<T>(low, vectors, in tile);
        }
    }
}
