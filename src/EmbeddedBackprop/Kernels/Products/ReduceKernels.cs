using EmbeddedBackprop.Kernels.Elements;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Kernels.Products;

/// <summary>Adds x to the 16 parts that result refers to.</summary>
internal readonly struct AddToPartsKernel : ILaneKernel<PartsArguments>
{
    public static void Run<T, TTail>(in PartsArguments g)
        where T : struct, IFloatLanes<T>
        where TTail : struct, IFloatLanes<TTail> =>
        Parts.Accumulate<T, TTail, Parts.Sum>(in g.X, in g.X, g.Length, ref g.Result);
}

/// <summary>Adds the squares of x to the 16 parts that result refers to.</summary>
internal readonly struct AddSquaresToPartsKernel : ILaneKernel<PartsArguments>
{
    public static void Run<T, TTail>(in PartsArguments g)
        where T : struct, IFloatLanes<T>
        where TTail : struct, IFloatLanes<TTail> =>
        Parts.Accumulate<T, TTail, Parts.Product>(in g.X, in g.X, g.Length, ref g.Result);
}
