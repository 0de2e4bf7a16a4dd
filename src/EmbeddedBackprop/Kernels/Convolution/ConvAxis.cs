namespace EmbeddedBackprop.Kernels.Convolution;

/// <summary>
/// One axis of a convolution: position p reads p * stride - before + tap * dilation of the source, where that lies in 0 ... length - 1.
/// </summary>
internal readonly record struct ConvAxis(int Length, int Positions, int Kernel, int Stride, int Before, int Dilation)
{
    public static ConvAxis Rows(in ConvSizes s) => new(s.Height, s.OutputHeight, s.KernelHeight, s.StrideY, s.Top, s.DilationY);

    public static ConvAxis Columns(in ConvSizes s) => new(s.Width, s.OutputWidth, s.KernelWidth, s.StrideX, s.Left, s.DilationX);

    /// <summary>The axis of the input gradient where the stride is 1: the taps of the kernel turned around.</summary>
    public ConvAxis Backward => new(Positions, Length, Kernel, 1, (Dilation * (Kernel - 1)) - Before, Dilation);

    /// <summary>The taps of a position that lie inside: first, and end (exclusive).</summary>
    public (int First, int End) Taps(int position)
    {
        int begin = (position * Stride) - Before;
        int first = begin >= 0 ? 0 : Math.Min((-begin + Dilation - 1) / Dilation, Kernel);
        return (first, begin >= Length ? first : Math.Clamp(((Length - 1 - begin) / Dilation) + 1, first, Kernel));
    }

    /// <summary>The end (exclusive) of the positions that have the same taps inside as this one.</summary>
    public int EndOfAlike(int position)
    {
        (int First, int End) taps = Taps(position);
        if (taps == (0, Kernel))
        {
            // begin + dilation (kernel - 1) < length
            return Math.Min((Length - 1 + Before - (Dilation * (Kernel - 1))) / Stride, Positions - 1) + 1;
        }

        int end = position + 1;
        while (end < Positions && Taps(end) == taps)
        {
            end++;
        }

        return end;
    }
}
