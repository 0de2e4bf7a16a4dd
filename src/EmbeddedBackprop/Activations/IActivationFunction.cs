using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Activations;

/// <summary>
/// An element-wise activation a = f(z): implement it in a struct of your own and use it as <c>new Activation&lt;YourFunction&gt;()</c>.
/// The formulas are written once, run as scalar float, as SIMD lanes and as double, and are printed as C.
/// </summary>
public interface IActivationFunction
{
    /// <summary>The name in tables and model files.</summary>
    static abstract string Name { get; }

    /// <summary>The equation in a line of ASCII, a comment of the exported C; empty for the name alone.</summary>
    static virtual string Equation => "";

    /// <summary>Whether <see cref="Derivative{T}"/> reads z. If it is written from a alone, z need not be kept: half the activation memory.</summary>
    static abstract bool DerivativeReadsInput { get; }

    /// <summary>f(z).</summary>
    static abstract T Value<T>(T z) where T : struct, ILanes<T>;

    /// <summary>f'(z), where a = f(z).</summary>
    static abstract T Derivative<T>(T z, T a) where T : struct, ILanes<T>;
}
