namespace EmbeddedBackprop.Kernels;

/// <summary>
/// The sizes of a pooling of [channels, height, width] planes; one-dimensional pooling has height 1. Padding is never read: windows are clipped.
/// </summary>
internal readonly record struct PoolSizes(
    int Channels, int Height, int Width, int KernelHeight, int KernelWidth, int StrideHeight, int StrideWidth, int PaddingHeight, int PaddingWidth)
{
    /// <summary>floor((height + 2 padding - kernel) / stride) + 1.</summary>
    public int OutputHeight => Outputs(Height, PaddingHeight, KernelHeight, StrideHeight);

    /// <summary>floor((width + 2 padding - kernel) / stride) + 1.</summary>
    public int OutputWidth => Outputs(Width, PaddingWidth, KernelWidth, StrideWidth);

    /// <summary>Elements of one input sample.</summary>
    public int InputLength => Channels * Height * Width;

    /// <summary>Elements of one output sample.</summary>
    public int OutputLength => Channels * OutputHeight * OutputWidth;

    /// <summary>Windows of two by two side by side: the case with a kernel of its own.</summary>
    public bool IsPairs =>
        KernelHeight == 2 && KernelWidth == 2 && StrideHeight == 2 && StrideWidth == 2 && PaddingHeight == 0 && PaddingWidth == 0;

    /// <summary>The part of a window that lies inside: positions first to end - 1 along one axis.</summary>
    public static (int First, int End) Clip(int output, int stride, int padding, int kernel, int length)
    {
        int first = (output * stride) - padding;
        return (Math.Max(first, 0), (int)Math.Min((long)first + kernel, length));
    }

    /// <summary>Outputs first to end - 1 along the width whose windows lie inside without clipping, with so many positions to spare after
    /// them.</summary>
    public (int First, int End) Interior(int spare)
    {
        long first = Math.Min(((long)PaddingWidth + StrideWidth - 1) / StrideWidth, OutputWidth);
        long room = (long)Width + PaddingWidth - KernelWidth - spare;
        long end = room < 0 ? 0 : Math.Min((room / StrideWidth) + 1, OutputWidth);
        return ((int)first, (int)Math.Max(end, first));
    }

    private static int Outputs(int length, int padding, int kernel, int stride) =>
        (int)Math.Min(((length + (2L * padding) - kernel) / stride) + 1, int.MaxValue);
}
