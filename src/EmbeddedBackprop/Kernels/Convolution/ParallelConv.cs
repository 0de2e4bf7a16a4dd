using EmbeddedBackprop.Kernels.Elements;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Kernels.Threads;

namespace EmbeddedBackprop.Kernels.Convolution;

/// <summary>A convolution's kernel in parts of its results, on the current pool if there is one and it pays: no sum is ever cut.</summary>
internal static class ParallelConv<TKernel> where TKernel : struct, ILaneKernel<ConvArguments>
{
    /// <summary>Runs units 0 ... units - 1, at a width that so many columns fill.</summary>
    public static void Run(Arithmetic arithmetic, in ConvArguments g, int units, long multiplyAdds, int columns = int.MaxValue)
    {
        int parts = WorkerPool.Current?.PartCount(multiplyAdds, units) ?? 1;
        if (parts > 1)
        {
            WorkerPool.Current!.Run<Part, Work>(parts, new Work { Arithmetic = arithmetic, Whole = g, Units = units, Columns = columns });
        }
        else
        {
            LaneDispatch.RunWithin<TKernel, ConvArguments>(arithmetic, columns, g.Part(0, units));
        }
    }

    private struct Work
    {
        public Arithmetic Arithmetic;
        public ConvArguments Whole;
        public int Units;
        public int Columns;
    }

    private readonly struct Part : IParallelWork<Work>
    {
        public static void Run(in Work work, int part, int parts)
        {
            (nuint first, nuint count) = RangeSplit.Of((nuint)work.Units, 1, part, parts);
            LaneDispatch.RunWithin<TKernel, ConvArguments>(work.Arithmetic, work.Columns, work.Whole.Part((int)first, (int)(first + count)));
        }
    }
}
