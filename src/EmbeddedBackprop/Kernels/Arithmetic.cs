namespace EmbeddedBackprop.Kernels;

/// <summary>
/// How a model multiplies and adds: it belongs to the model, not to the machine, so that the same model gives the same bits everywhere.
/// </summary>
public enum Arithmetic
{
    /// <summary>M(a, b, c) = a*b + c with one rounding (fused multiply-add).</summary>
    Fused,

    /// <summary>M(a, b, c) = a*b rounded, then + c rounded: for targets without a fused multiply-add (Cortex-M0/M3, AVR).</summary>
    Separate,
}

/// <summary>The compile-time form of <see cref="Arithmetic"/>: one kernel text serves both, specialised by the compiler.</summary>
internal interface IArithmetic
{
    static abstract bool IsFused { get; }
}

internal readonly struct Fused : IArithmetic
{
    public static bool IsFused => true;
}

internal readonly struct Separate : IArithmetic
{
    public static bool IsFused => false;
}
