using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Kernels.Products;

/// <summary>
/// <see cref="GemmTile"/> and <see cref="UpdateTile"/> in fused arithmetic, in four lanes, where there is no fused multiply-add: chains of double
/// products and sums, each rounded to float. Where a rounding is in doubt (<see cref="ExactFusedMultiplyAdd"/>), the chains are computed again.
/// </summary>
internal static unsafe class ExactTile
{
    private const int Lanes = 4, MaximumColumns = 4;

    /// <summary>The tiles of <see cref="GemmTile"/>: all of a tile is read before any of it is written, as its last vector may overlap.</summary>
    [SkipLocalsInit]
    public static void Run(int rows, int columns, in TileArguments tile)
    {
        float* sums = stackalloc float[GemmTile.MaximumRows * MaximumColumns * Lanes];
        Chains chains = default;
        chains.Rows = (nuint)rows;
        chains.AStep = tile.AStep;
        chains.LeadingB = tile.LeadingB;
        chains.Depth = tile.Depth;
        chains.Steps = ref tile.Steps;
        nuint* row = stackalloc nuint[GemmTile.MaximumRows];
        chains.Row = row;
        for (int i = 0; i < rows; i++)
        {
            row[i] = (nuint)i * tile.ARow;
        }

        ref float a = ref Unsafe.AsRef(in tile.A);
        ref float c = ref tile.C;
        for (nuint left = tile.Tiles; left != 0; left--)
        {
            chains.A = ref a;
            for (int column = 0; column < columns; column++)
            {
                nuint offset = Offset(column, columns, tile.Last);
                float* s = sums + (column * rows * Lanes);
                for (int i = 0; i < rows; i++)
                {
                    Vector128<float> start = tile.Start == GemmStart.Zero ? Vector128<float>.Zero
                        : tile.Start == GemmStart.Bias ? Vector128.LoadUnsafe(in tile.Bias, offset)
                        : Vector128.LoadUnsafe(ref c, ((nuint)i * tile.LeadingC) + offset);
                    start.Store(s + (i * Lanes));
                }

                chains.B = ref Unsafe.Add(ref Unsafe.AsRef(in tile.B), offset);
                Run(in chains, s);
            }

            for (int column = 0; column < columns; column++)
            {
                for (int i = 0; i < rows; i++)
                {
                    Vector128.Load(sums + (((column * rows) + i) * Lanes))
                        .StoreUnsafe(ref c, ((nuint)i * tile.LeadingC) + Offset(column, columns, tile.Last));
                }
            }

            a = ref Unsafe.Add(ref a, (nuint)rows * tile.ARow);
            c = ref Unsafe.Add(ref c, (nuint)rows * tile.LeadingC);
        }
    }

    /// <summary>The tiles of <see cref="UpdateTile"/>.</summary>
    [SkipLocalsInit]
    public static void Run(int rows, int columns, in UpdateTileArguments tile)
    {
        float* sums = stackalloc float[UpdateTile.MaximumRows * MaximumColumns * Lanes];
        Chains chains = default;
        chains.Rows = (nuint)rows;
        chains.A = ref tile.A;
        chains.AStep = tile.AStep;
        chains.LeadingB = tile.LeadingB;
        chains.Depth = tile.Depth;
        chains.Steps = ref Unsafe.NullRef<ushort>();
        nuint* row = stackalloc nuint[UpdateTile.MaximumRows];
        chains.Row = row;
        ref ushort listed = ref Unsafe.AsRef(in tile.Rows);
        for (nuint left = tile.Tiles; left != 0; left--)
        {
            for (int i = 0; i < rows; i++)
            {
                row[i] = Unsafe.Add(ref listed, i);
            }

            for (int column = 0; column < columns; column++)
            {
                float* s = sums + (column * rows * Lanes);
                new Span<float>(s, rows * Lanes).Clear();
                chains.B = ref Unsafe.Add(ref Unsafe.AsRef(in tile.B), Offset(column, columns, tile.Last));
                Run(in chains, s);
            }

            for (int i = 0; i < rows; i++)
            {
                Update(columns, in tile, row[i], sums + (i * Lanes), rows * Lanes);
            }

            listed = ref Unsafe.Add(ref listed, rows);
        }
    }

    private static nuint Offset(int column, int columns, nuint last) =>
        column == 0 ? 0 : column == columns - 1 ? last : (nuint)(column * Lanes);

    private static void Update(int columns, in UpdateTileArguments tile, nuint row, float* sums, int perColumn)
    {
        switch (columns)
        {
            case 1: Update<One>(in tile, row, sums, perColumn); break;
            case 2: Update<Two>(in tile, row, sums, perColumn); break;
            case 3: Update<Three>(in tile, row, sums, perColumn); break;
            default: Update<Four>(in tile, row, sums, perColumn); break;
        }
    }

    private static void Update<TColumns>(in UpdateTileArguments tile, nuint row, float* sums, int perColumn)
        where TColumns : unmanaged, ITileSize
    {
        UpdateTile.Update<Lanes128<Fused>, TColumns>(
            in tile,
            Lanes128<Fused>.Broadcast(-tile.LearningRate),
            Lanes128<Fused>.Broadcast(tile.L2),
            tile.L2 != 0f,
            row,
            Offset(1, sizeof(TColumns), tile.Last),
            Offset(2, sizeof(TColumns), tile.Last),
            Offset(3, sizeof(TColumns), tile.Last),
            Lanes128<Fused>.Load(ref *sums, 0),
            sizeof(TColumns) > 1 ? Lanes128<Fused>.Load(ref *sums, (nuint)perColumn) : Lanes128<Fused>.Zero,
            sizeof(TColumns) > 2 ? Lanes128<Fused>.Load(ref *sums, (nuint)(2 * perColumn)) : Lanes128<Fused>.Zero,
            sizeof(TColumns) > 3 ? Lanes128<Fused>.Load(ref *sums, (nuint)(3 * perColumn)) : Lanes128<Fused>.Zero);
    }

    private static void Run(in Chains chains, float* sums)
    {
        bool isDone = chains.Rows switch
        {
            1 => Run<One>(in chains, sums),
            2 => Run<Two>(in chains, sums),
            3 => Run<Three>(in chains, sums),
            4 => Run<Four>(in chains, sums),
            5 => Run<Five>(in chains, sums),
            _ => Run<Six>(in chains, sums),
        };
        if (!isDone)
        {
            RunSlowly(in chains, sums);
        }
    }

    /// <summary>s = M(a, b, s) for all steps, and whether no rounding was in doubt; otherwise the sums are as they were.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static bool Run<TRows>(in Chains chains, float* sums)
        where TRows : unmanaged, ITileSize
    {
        ref float a0 = ref Unsafe.AsRef(in chains.A);
        ref float a1 = ref Unsafe.Add(ref a0, sizeof(TRows) > 1 ? chains.Row[1] : 0);
        ref float a2 = ref Unsafe.Add(ref a0, sizeof(TRows) > 2 ? chains.Row[2] : 0);
        ref float a3 = ref Unsafe.Add(ref a0, sizeof(TRows) > 3 ? chains.Row[3] : 0);
        ref float a4 = ref Unsafe.Add(ref a0, sizeof(TRows) > 4 ? chains.Row[4] : 0);
        ref float a5 = ref Unsafe.Add(ref a0, sizeof(TRows) > 5 ? chains.Row[5] : 0);
        a0 = ref Unsafe.Add(ref a0, chains.Row[0]);
        ref float b = ref Unsafe.AsRef(in chains.B);
        Vector128<float> s0 = Vector128.Load(sums);
        Vector128<float> s1 = sizeof(TRows) > 1 ? Vector128.Load(sums + (1 * Lanes)) : default;
        Vector128<float> s2 = sizeof(TRows) > 2 ? Vector128.Load(sums + (2 * Lanes)) : default;
        Vector128<float> s3 = sizeof(TRows) > 3 ? Vector128.Load(sums + (3 * Lanes)) : default;
        Vector128<float> s4 = sizeof(TRows) > 4 ? Vector128.Load(sums + (4 * Lanes)) : default;
        Vector128<float> s5 = sizeof(TRows) > 5 ? Vector128.Load(sums + (5 * Lanes)) : default;

        // Every second sum is looked at, as the addend of the last step and of every second one before it (ExactFusedMultiplyAdd.AreSmall).
        Vector128<int> ties = default;
        Vector128<short> least = ExactFusedMultiplyAdd.NothingSmall;
        ref ushort listed = ref Unsafe.AsRef(in chains.Steps);
        bool isListed = !Unsafe.IsNullRef(ref listed);
        nuint q = 0, j = 0;
        for (nuint left = chains.Depth; left != 0; left--)
        {
            if (isListed)
            {
                q = listed;
                j = q * chains.LeadingB;
                listed = ref Unsafe.Add(ref listed, 1);
            }

            if ((left & 1) != 0)
            {
                least = ExactFusedMultiplyAdd.Least(least, s0);
                if (sizeof(TRows) > 1)
                {
                    least = ExactFusedMultiplyAdd.Least(least, s1);
                }

                if (sizeof(TRows) > 2)
                {
                    least = ExactFusedMultiplyAdd.Least(least, s2);
                }

                if (sizeof(TRows) > 3)
                {
                    least = ExactFusedMultiplyAdd.Least(least, s3);
                }

                if (sizeof(TRows) > 4)
                {
                    least = ExactFusedMultiplyAdd.Least(least, s4);
                }

                if (sizeof(TRows) > 5)
                {
                    least = ExactFusedMultiplyAdd.Least(least, s5);
                }
            }

            Vector128<float> row = Vector128.LoadUnsafe(ref b, j);
            Vector128<double> low = Vector128.WidenLower(row), high = Vector128.WidenUpper(row);
            s0 = ExactFusedMultiplyAdd.Compute(Unsafe.Add(ref a0, q), low, high, s0, ref ties);
            if (sizeof(TRows) > 1)
            {
                s1 = ExactFusedMultiplyAdd.Compute(Unsafe.Add(ref a1, q), low, high, s1, ref ties);
            }

            if (sizeof(TRows) > 2)
            {
                s2 = ExactFusedMultiplyAdd.Compute(Unsafe.Add(ref a2, q), low, high, s2, ref ties);
            }

            if (sizeof(TRows) > 3)
            {
                s3 = ExactFusedMultiplyAdd.Compute(Unsafe.Add(ref a3, q), low, high, s3, ref ties);
            }

            if (sizeof(TRows) > 4)
            {
                s4 = ExactFusedMultiplyAdd.Compute(Unsafe.Add(ref a4, q), low, high, s4, ref ties);
            }

            if (sizeof(TRows) > 5)
            {
                s5 = ExactFusedMultiplyAdd.Compute(Unsafe.Add(ref a5, q), low, high, s5, ref ties);
            }

            if (!isListed)
            {
                q += chains.AStep;
                j += chains.LeadingB;
            }
        }

        if (ties != default || ExactFusedMultiplyAdd.AreSmall(least))
        {
            return false;
        }

        s0.Store(sums);
        if (sizeof(TRows) > 1)
        {
            s1.Store(sums + (1 * Lanes));
        }

        if (sizeof(TRows) > 2)
        {
            s2.Store(sums + (2 * Lanes));
        }

        if (sizeof(TRows) > 3)
        {
            s3.Store(sums + (3 * Lanes));
        }

        if (sizeof(TRows) > 4)
        {
            s4.Store(sums + (4 * Lanes));
        }

        if (sizeof(TRows) > 5)
        {
            s5.Store(sums + (5 * Lanes));
        }

        return true;
    }

    /// <summary>The same, every rounding exact.</summary>
    private static void RunSlowly(in Chains chains, float* sums)
    {
        bool isListed = !Unsafe.IsNullRef(in chains.Steps);
        for (nuint p = 0; p < chains.Depth; p++)
        {
            nuint step = isListed ? Unsafe.Add(ref Unsafe.AsRef(in chains.Steps), p) : p;
            ref float a = ref Unsafe.Add(ref Unsafe.AsRef(in chains.A), step * (isListed ? 1 : chains.AStep));
            Vector128<float> b = Vector128.LoadUnsafe(in chains.B, step * chains.LeadingB);
            for (nuint i = 0; i < chains.Rows; i++)
            {
                float* s = sums + (i * Lanes);
                ExactFusedMultiplyAdd.Compute(Vector128.Create(Unsafe.Add(ref a, chains.Row[i])), b, Vector128.Load(s)).Store(s);
            }
        }
    }

    /// <summary>Chains over the same steps: rows of A beside one vector of B's columns.</summary>
    private ref struct Chains
    {
        public ref readonly float A;

        /// <summary>Each row's distance from A.</summary>
        public nuint* Row;
        public nuint Rows;
        public nuint AStep;
        public ref readonly float B;
        public nuint LeadingB;
        public nuint Depth;

        /// <summary>The steps that are summed, ascending, AStep being 1; null for all.</summary>
        public ref readonly ushort Steps;
    }
}
