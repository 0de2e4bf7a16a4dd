using EmbeddedBackprop.Kernels.Elements;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Kernels.Threads;

/// <summary>Arguments of a kernel that computes element i of its result from element i of its sources.</summary>
internal interface IRangeArguments<TSelf> where TSelf : IRangeArguments<TSelf>, allows ref struct
{
    /// <summary>Elements.</summary>
    nuint Length { get; }

    /// <summary>The same for elements first ... first + count - 1.</summary>
    TSelf Range(nuint first, nuint count);
}

/// <summary>An element-wise kernel in consecutive ranges of its elements.</summary>
internal static class ParallelRange
{
    // Four cache lines of floats: no two threads write to one line, if the arrays begin at one.
    private const int Unit = 64;

    /// <summary>Runs the kernel, on the current pool if there is one and it pays.</summary>
    public static void Run<TKernel, TArguments>(Arithmetic arithmetic, in TArguments arguments)
        where TKernel : struct, ILaneKernel<TArguments>
        where TArguments : IRangeArguments<TArguments>, allows ref struct
    {
        if (WorkerPool.Current is { } pool)
        {
            long length = (long)arguments.Length;
            int parts = pool.PartCount(length * WorkerPool.ElementWork, (length + Unit - 1) / Unit);
            if (parts > 1)
            {
                pool.Run<Part<TKernel, TArguments>, Arguments<TArguments>>(parts, new Arguments<TArguments>(arithmetic, in arguments));
                return;
            }
        }

        LaneDispatch.Run<TKernel, TArguments>(arithmetic, in arguments);
    }

    private readonly ref struct Arguments<TArguments> where TArguments : allows ref struct
    {
        public readonly Arithmetic Arithmetic;
        public readonly TArguments Whole;

        public Arguments(Arithmetic arithmetic, in TArguments whole)
        {
            Arithmetic = arithmetic;
            Whole = whole;
        }
    }

    private readonly struct Part<TKernel, TArguments> : IParallelWork<Arguments<TArguments>>
        where TKernel : struct, ILaneKernel<TArguments>
        where TArguments : IRangeArguments<TArguments>, allows ref struct
    {
        public static void Run(in Arguments<TArguments> shared, int part, int parts)
        {
            (nuint first, nuint count) = RangeSplit.Of(shared.Whole.Length, Unit, part, parts);
            LaneDispatch.Run<TKernel, TArguments>(shared.Arithmetic, shared.Whole.Range(first, count));
        }
    }
}
