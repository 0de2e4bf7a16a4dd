namespace EmbeddedBackprop.Export;

/// <summary>What the exported C is written for. The results have the same bits.</summary>
public enum CFavor
{
    /// <summary>
    /// Few instructions: every convolution has a function of its own, in which sizes are constants and several sums are in registers.
    /// </summary>
    Speed,

    /// <summary>Few bytes of code: convolutions share a routine that computes one sum.</summary>
    Size,
}
