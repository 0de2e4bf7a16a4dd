using EmbeddedBackprop.Kernels.Elements;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Kernels.Threads;

namespace EmbeddedBackprop.Kernels.Convolution;

/// <summary>A convolution's kernel in parts of its results, on the current pool if there is one and it pays: no sum is ever cut.</summary>
internal static class SharedConv<TKernel> where TKernel : struct, ILaneKernel<ConvArguments>
{
    /// <summary>Runs units 0 ... units - 1, at a width that so many columns fill.</summary>
    public static void Run(Arithmetic arithmetic, in ConvArguments g, int units, long multiplyAdds, int columns = int.MaxValue)
    {
        int parts = WorkerPool.Current?.Parts(multiplyAdds, units) ?? 1;
        if (parts > 1)
            WorkerPool.Current!.Run<Part, Shared>(parts, new Shared { Arithmetic = arithmetic, Whole = g, Units = units, Columns = columns });
        else
            LaneDispatch.RunWithin<TKernel, ConvArguments>(arithmetic, columns, g.Part(0, units));
    }

    private struct Shared
    {
        public Arithmetic Arithmetic;
        public ConvArguments Whole;
        public int Units;
        public int Columns;
    }

    private readonly struct Part : ISharedWork<Shared>
    {
        public static void Run(in Shared shared, int part, int parts)
        {
            (nuint first, nuint count) = Share.Of((nuint)shared.Units, 1, part, parts);
            LaneDispatch.RunWithin<TKernel, ConvArguments>(shared.Arithmetic, shared.Columns, shared.Whole.Part((int)first, (int)(first + count)));
        }
    }
}
