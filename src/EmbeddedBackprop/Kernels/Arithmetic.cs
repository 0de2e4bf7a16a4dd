using EmbeddedBackprop.Kernels.Lanes;

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
