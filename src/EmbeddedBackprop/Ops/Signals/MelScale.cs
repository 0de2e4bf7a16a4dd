namespace EmbeddedBackprop.Ops;

/// <summary>What a mel is.</summary>
public enum MelScale
{
    /// <summary>2595 log10(1 + f / 700), triangles of height 1: the scale of HTK (O'Shaughnessy 1987).</summary>
    Htk,

    /// <summary>Linear up to 1000 Hz, logarithmic above, triangles of equal area: the scale of Slaney's Auditory Toolbox (1998).</summary>
    Slaney,
}
