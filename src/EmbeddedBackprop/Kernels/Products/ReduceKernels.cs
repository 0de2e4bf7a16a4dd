using EmbeddedBackprop.Kernels.Elements;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Kernels.Products;

/// <summary>Adds x to the 16 parts that result refers to.</summary>
internal readonly struct AddToPartsKernel : ILaneKernel<LongSumArguments>
{
    public static void Run<T, TTail>(in LongSumArguments g)
        where T : struct, IFloatLanes<T>
        where TTail : struct, IFloatLanes<TTail> =>
        LongSum.Accumulate<T, TTail, LongSum.Sum>(in g.X, in g.X, g.Length, ref g.Result);
}

/// <summary>Adds the squares of x to the 16 parts that result refers to.</summary>
internal readonly struct AddSquaresToPartsKernel : ILaneKernel<LongSumArguments>
{
    public static void Run<T, TTail>(in LongSumArguments g)
        where T : struct, IFloatLanes<T>
        where TTail : struct, IFloatLanes<TTail> =>
        LongSum.Accumulate<T, TTail, LongSum.Product>(in g.X, in g.X, g.Length, ref g.Result);
}
