namespace EmbeddedBackprop.Kernels.Convolution;

/// <summary>Taps that are neighbours in a panel of a weight gradient and in the input: (part of) one kernel row.</summary>
internal unsafe struct ConvTapRow
{
    /// <summary>How far its first tap's input is from the first tap's of the position.</summary>
    public nint Offset;

    /// <summary>Its first column in the panel.</summary>
    public int Column;
    public int Length;
    public int KernelY;
    public int KernelX;

    /// <summary>Cuts taps first ... first + count - 1 into rows; dilated taps are not neighbours, so each is a row of its own.</summary>
    /// <returns>How many rows there are.</returns>
    public static int Cut(in ConvSizes sizes, int first, int count, ConvTapRow* rows)
    {
        int result = 0;
        for (int done = 0; done < count;)
        {
            int tap = first + done;
            int kx = tap % sizes.KernelWidth, ky = tap / sizes.KernelWidth % sizes.KernelHeight, c = tap / sizes.KernelWidth / sizes.KernelHeight;
            int length = sizes.DilationX == 1 ? Math.Min(sizes.KernelWidth - kx, count - done) : 1;
            rows[result++] = new ConvTapRow
            {
                Offset = ((((nint)c * sizes.Height) + (ky * sizes.DilationY)) * sizes.Width) + (kx * sizes.DilationX),
                Column = done, Length = length, KernelY = ky, KernelX = kx,
            };
            done += length;
        }

        return result;
    }
}
