using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Ops;

/// <summary>
/// An element-wise function of two nodes, a = f(x, y): implement it in a struct of your own and use it as <c>new Pairwise&lt;YourFunction&gt;()</c>.
/// The formulas are written once, run as scalar float, as SIMD lanes and as double, and are printed as C.
/// </summary>
public interface IPairwiseFunction
{
    /// <summary>The kind of the op: the name in tables and in exported C.</summary>
    static abstract string Name { get; }

    /// <summary>The equation in a line of ASCII, a comment of the exported C; empty for the name alone.</summary>
    static virtual string Equation => "";

    /// <summary>f(x, y).</summary>
    static abstract T Value<T>(T x, T y) where T : struct, ILanes<T>;

    /// <summary>df/dx.</summary>
    static abstract T DerivativeX<T>(T x, T y) where T : struct, ILanes<T>;

    /// <summary>df/dy.</summary>
    static abstract T DerivativeY<T>(T x, T y) where T : struct, ILanes<T>;
}
