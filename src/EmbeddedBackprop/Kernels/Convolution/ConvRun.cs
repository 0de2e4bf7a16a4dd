using EmbeddedBackprop.Kernels.Elements;

namespace EmbeddedBackprop.Kernels.Convolution;

/// <summary>Neighbouring output positions of one output row.</summary>
internal unsafe struct ConvRun
{
    /// <summary>Where the first tap of the first position is read, from the beginning of the images; outside them where there is padding.</summary>
    public nint Image;

    /// <summary>Where the first position's results are, from the beginning of the maps, channel 0.</summary>
    public nint Map;

    /// <summary>Offset in the panel.</summary>
    public int Column;
    public int Length;
    public int Y;
    public int X;
}
