using EmbeddedBackprop.Kernels.Elements;

namespace EmbeddedBackprop.Kernels.Convolution;

/// <summary>A panel of a convolution's forward pass: which results it gives, and the memory it is computed in.</summary>
internal unsafe struct ConvPanel
{
    /// <summary>The first input channel of the group, sample 0.</summary>
    public float* Image;

    /// <summary>The first output channel.</summary>
    public int Channel;

    /// <summary>Output channels.</summary>
    public int Rows;

    /// <summary>Positions.</summary>
    public int Columns;

    public ConvRun* Runs;

    public int Count;

    /// <summary>Where the taps are, from the first tap.</summary>
    public nint* Offsets;

    public float* Panel;

    public int Leading;

    /// <summary>Which taps exist, where there is padding.</summary>
    public float* Mask;

    /// <summary>Whether a sum begins with +0.</summary>
    public bool BeginsAtZero;

    /// <summary>The bits of all elements of a column; taps that do not exist count as zeros.</summary>
    public float* Seen;
}
