using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Elements;
using EmbeddedBackprop.Kernels.Threads;

namespace EmbeddedBackprop.Training;

/// <summary>The gathering of a batch, shared out by samples.</summary>
internal static class ParallelGather
{
    /// <summary>A source that says it costs more than this costs this: no work is beyond a long.</summary>
    private const int MostCost = 1 << 16;

    /// <summary>As <see cref="IBatchSource.Gather"/>, on the pool if there is one and it pays.</summary>
    public static void Run(
        WorkerPool? pool, IBatchSource source, ReadOnlySpan<int> samples, Span<float> inputs, int inputStride, Span<float> targets, int targetStride)
    {
        int parts = pool?.PartCount(Work(source, samples.Length), samples.Length) ?? 1;
        if (parts == 1)
        {
            source.Gather(samples, inputs, inputStride, targets, targetStride);
            return;
        }

        Arguments arguments = new()
        {
            Source = source,
            Samples = samples,
            Inputs = inputs,
            InputStride = inputStride,
            Targets = targets,
            TargetStride = targetStride,
        };
        pool!.Run<Part, Arguments>(parts, in arguments);
    }

    /// <summary>What gathering so many samples costs, in multiply-adds of a product.</summary>
    public static long Work(IBatchSource source, int samples) =>
        (long)samples * source.InputLength * WorkerPool.ElementWork * Math.Clamp(source.GatherCost, 1, MostCost);

    private ref struct Arguments
    {
        public IBatchSource Source;
        public ReadOnlySpan<int> Samples;
        public Span<float> Inputs;
        public int InputStride;
        public Span<float> Targets;
        public int TargetStride;
    }

    private readonly struct Part : IParallelWork<Arguments>
    {
        public static void Run(in Arguments g, int part, int parts)
        {
            (nuint begin, nuint length) = RangeSplit.Of((nuint)g.Samples.Length, 1, part, parts);
            (int first, int count) = ((int)begin, (int)length);
            g.Source.Gather(
                g.Samples.Slice(first, count),
                g.Inputs.Slice(first * g.InputStride, count * g.InputStride), g.InputStride,
                g.Targets.Slice(first * g.TargetStride, count * g.TargetStride), g.TargetStride);
        }
    }
}
