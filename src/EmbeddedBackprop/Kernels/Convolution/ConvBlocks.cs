namespace EmbeddedBackprop.Kernels.Convolution;

/// <summary>
/// Walks over all output positions of one sample, row-major, in blocks of positions that have padding taps or have none: for sums over positions,
/// which keep their order.
/// </summary>
internal unsafe struct ConvBlocks
{
    private readonly ConvSizes sizes;
    private readonly nint sample;
    private readonly int height, width;
    private readonly (int First, int End) innerRows, innerColumns;
    private int y, x;

    public ConvBlocks(in ConvSizes sizes, nint sample)
    {
        this.sizes = sizes;
        this.sample = sample;
        (height, width) = (sizes.OutputHeight, sizes.OutputWidth);
        (innerRows, innerColumns) = (sizes.InnerRows, sizes.InnerColumns);
    }

    /// <summary>The next block: at most so many positions, half as many if they are padded (their mask takes the other half).</summary>
    /// <returns>How many runs; 0 at the end.</returns>
    public int Fill(ConvRun* runs, int limit, out int positions, out bool padded)
    {
        int count = 0;
        positions = 0;
        padded = y < height && IsPadded();
        int most = padded ? limit / 2 : limit;
        while (positions < most && y < height && IsPadded() == padded)
        {
            bool innerRow = y >= innerRows.First && y < innerRows.End;
            int end = !innerRow ? width : x < innerColumns.First ? innerColumns.First : x < innerColumns.End ? innerColumns.End : width;
            int length = Math.Min(most - positions, end - x);
            runs[count++] = new ConvRun
            {
                Image = sample + ((nint)((y * sizes.StrideY) - sizes.Top) * sizes.Width) + (x * sizes.StrideX) - sizes.Left,
                Column = positions,
                Length = length,
                Y = y,
                X = x,
            };
            positions += length;
            x += length;
            if (x == width)
            {
                (x, y) = (0, y + 1);
            }
        }

        return count;
    }

    private readonly bool IsPadded() => y < innerRows.First || y >= innerRows.End || x < innerColumns.First || x >= innerColumns.End;
}
