using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Optimizers;

/// <summary>An optimiser's formula for one parameter, written once over lanes; the struct holds the factors of one step.</summary>
/// <typeparam name="TSelf">The implementing struct.</typeparam>
internal interface IUpdateFormula<TSelf> where TSelf : struct, IUpdateFormula<TSelf>
{
    /// <summary>State arrays the formula reads and writes: 1 or 2.</summary>
    static abstract int Arrays { get; }

    /// <summary>Moves one parameter (or one vector of parameters) and its state by its gradient.</summary>
    static abstract void Apply<T>(in TSelf f, T gradient, ref T parameter, ref T first, ref T second) where T : struct, IFloatLanes<T>;
}
