using EmbeddedBackprop.Kernels.Elements;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Kernels.Threads;

namespace EmbeddedBackprop.Kernels.Convolution;

/// <summary>A convolution's kernel in parts of its results, on the current pool if there is one and it pays: no sum is ever cut.</summary>
internal static class ParallelConv<TKernel> where TKernel : struct, ILaneKernel<ConvArguments>
{
    /// <summary>
    /// Runs units 0 ... units - 1, at a width that so many columns fill. A unit may be so many rows, which are what the kernel counts.
    /// </summary>
    // No copy of the arguments for one thread: one right after they were written waits until they are.
    public static void Run(Arithmetic arithmetic, ref ConvArguments g, int units, long multiplyAdds, int columns = int.MaxValue, int rows = 1)
    {
        int parts = WorkerPool.Current?.PartCount(multiplyAdds, units) ?? 1;
        if (parts > 1)
        {
            WorkerPool.Current!.Run<Part, Work>(
                parts, new Work { Arithmetic = arithmetic, Whole = g, Units = units, Rows = rows, Columns = columns });
            return;
        }

        (g.First, g.End) = (0, units * rows);
        LaneDispatch.RunWithin<TKernel, ConvArguments>(arithmetic, columns, in g);
    }

    private struct Work
    {
        public Arithmetic Arithmetic;
        public ConvArguments Whole;
        public int Units;
        public int Rows;
        public int Columns;
    }

    private readonly struct Part : IParallelWork<Work>
    {
        public static void Run(in Work work, int part, int parts)
        {
            (nuint first, nuint count) = RangeSplit.Of((nuint)work.Units, 1, part, parts);
            ConvArguments own = work.Whole.Part((int)first * work.Rows, (int)(first + count) * work.Rows);
            LaneDispatch.RunWithin<TKernel, ConvArguments>(work.Arithmetic, work.Columns, in own);
        }
    }
}
