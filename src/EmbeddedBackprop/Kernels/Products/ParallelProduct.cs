using EmbeddedBackprop.Kernels.Elements;
using EmbeddedBackprop.Kernels.Threads;

namespace EmbeddedBackprop.Kernels.Products;

/// <summary>What one thread does with its block of a product.</summary>
internal interface IProductPart
{
    /// <summary>Runs the block on this thread.</summary>
    static abstract void Run(Arithmetic arithmetic, in GemmArguments arguments);
}

/// <summary>A matrix product in blocks of whole rows or whole columns of C: every chain over k stays in one part.</summary>
internal readonly ref struct ParallelProduct<TPart> where TPart : struct, IProductPart
{
    // Boundaries between parts fall where tiles and packed panels end.
    private const int RowUnit = GemmTile.MaximumRows, ColumnUnit = 64;

    private readonly GemmArguments whole;
    private readonly Arithmetic arithmetic;
    private readonly bool byColumns;

    private ParallelProduct(Arithmetic arithmetic, in GemmArguments whole, bool byColumns)
    {
        this.arithmetic = arithmetic;
        this.whole = whole;
        this.byColumns = byColumns;
    }

    /// <summary>Runs the product on the current pool.</summary>
    /// <returns>False, and nothing is done, if there is none or the product is too small for it.</returns>
    public static bool Run(Arithmetic arithmetic, in GemmArguments g)
    {
        if (WorkerPool.Current is not { } pool)
        {
            return false;
        }

        // No part is a remainder of one row, which has a loop of its own: each gets two tiles or more.
        nuint rows = Units(g.M, RowUnit) / 2, columns = Units(g.N, ColumnUnit);

        // By columns a part reads its own columns of B only, and keeps them in its core's cache: 2 % faster than by rows. B^T is packed as well, once
        // by columns and by every part if by rows.
        nuint enough = (nuint)(g.BTransposed ? pool.Threads : WorkerPool.PartsPerThread * pool.Threads);
        bool byColumns = columns >= enough || columns > rows;

        // Where C has few rows, reading B takes the time, not the arithmetic.
        long work = (long)(nuint.Max(g.M, 8) * g.N * g.K);
        int parts = pool.PartCount(work, (long)(byColumns ? columns : rows));
        if (parts == 1)
        {
            return false;
        }

        pool.Run<Part, ParallelProduct<TPart>>(parts, new ParallelProduct<TPart>(arithmetic, in g, byColumns));
        return true;
    }

    private static nuint Units(nuint length, int unit) => (length + (nuint)unit - 1) / (nuint)unit;

    private readonly struct Part : IParallelWork<ParallelProduct<TPart>>
    {
        public static void Run(in ParallelProduct<TPart> shared, int part, int parts)
        {
            ref readonly GemmArguments g = ref shared.whole;
            if (shared.byColumns)
            {
                (nuint first, nuint count) = RangeSplit.Of(g.N, ColumnUnit, part, parts);
                TPart.Run(shared.arithmetic, g.Block(0, g.M, first, count));
            }
            else
            {
                (nuint first, nuint count) = RangeSplit.Of(g.M, RowUnit, part, parts);
                TPart.Run(shared.arithmetic, g.Block(first, count, 0, g.N));
            }
        }
    }
}
