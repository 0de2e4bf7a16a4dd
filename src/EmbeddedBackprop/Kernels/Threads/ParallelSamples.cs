using EmbeddedBackprop.Kernels.Elements;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Kernels.Threads;

/// <summary>A kernel whose samples (or channels) are independent, in consecutive ranges of them.</summary>
internal static class ParallelSamples
{
    /// <summary>Runs the kernel, on the current pool if there is one and it pays.</summary>
    /// <param name="arithmetic">How M rounds.</param>
    /// <param name="columns">Floats of the shortest row: the kernel may count on one whole vector in each, or on one lane.</param>
    /// <param name="elements">Elements of one sample: its share of the work.</param>
    /// <param name="arguments">The operands of the kernel.</param>
    public static void Run<TKernel, TArguments>(Arithmetic arithmetic, int columns, int elements, in TArguments arguments)
        where TKernel : struct, ILaneKernel<TArguments>
        where TArguments : IRangeArguments<TArguments>, allows ref struct
    {
        if (WorkerPool.Current is { } pool)
        {
            long length = (long)arguments.Length;
            int parts = pool.PartCount(length * elements * WorkerPool.ElementWork, length);
            if (parts > 1)
            {
                pool.Run<Part<TKernel, TArguments>, Arguments<TArguments>>(parts, new Arguments<TArguments>(arithmetic, columns, in arguments));
                return;
            }
        }

        LaneDispatch.RunWithin<TKernel, TArguments>(arithmetic, columns, in arguments);
    }

    private readonly ref struct Arguments<TArguments> where TArguments : allows ref struct
    {
        public readonly Arithmetic Arithmetic;
        public readonly int Columns;
        public readonly TArguments Whole;

        public Arguments(Arithmetic arithmetic, int columns, in TArguments whole)
        {
            Arithmetic = arithmetic;
            Columns = columns;
            Whole = whole;
        }
    }

    private readonly struct Part<TKernel, TArguments> : IParallelWork<Arguments<TArguments>>
        where TKernel : struct, ILaneKernel<TArguments>
        where TArguments : IRangeArguments<TArguments>, allows ref struct
    {
        public static void Run(in Arguments<TArguments> shared, int part, int parts)
        {
            (nuint first, nuint count) = RangeSplit.Of(shared.Whole.Length, 1, part, parts);
            LaneDispatch.RunWithin<TKernel, TArguments>(shared.Arithmetic, shared.Columns, shared.Whole.Range(first, count));
        }
    }
}
