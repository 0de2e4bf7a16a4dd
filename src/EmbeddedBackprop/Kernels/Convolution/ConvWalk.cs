using EmbeddedBackprop.Kernels.Elements;

namespace EmbeddedBackprop.Kernels.Convolution;

/// <summary>Walks over the output positions of a range of rows (of all samples) and cuts them into panels of runs.</summary>
internal unsafe struct ConvWalk
{
    private readonly ConvSizes sizes;
    private readonly int leadingImage, leadingMaps, height, width, endRow;
    private readonly (int First, int End) innerRows, innerColumns;
    private readonly bool inner;
    private readonly bool border;
    private int sample, y, part, x, end, row;

    /// <summary>Positions without padding taps (inner), those with some (border), or all.</summary>
    public ConvWalk(in ConvArguments g, int firstRow, int endRow, bool inner, bool border)
    {
        sizes = g.Sizes;
        (leadingImage, leadingMaps) = (g.LeadingImage, g.LeadingMaps);
        (height, width) = (sizes.OutputHeight, sizes.OutputWidth);
        (innerRows, innerColumns) = (sizes.InnerRows, sizes.InnerColumns);
        if (inner && border)
        {
            (innerRows, innerColumns) = ((0, height), (0, width));
        }

        this.inner = inner;
        this.border = border && !inner;
        row = firstRow;
        this.endRow = endRow;
        (sample, y) = (firstRow / height, firstRow % height);
    }

    /// <summary>Whether a position's taps all lie inside; runs never mix the two kinds.</summary>
    public readonly bool IsPadded => innerRows != (0, height) || innerColumns != (0, width);

    /// <summary>Fills a panel of at most so many columns.</summary>
    /// <returns>How many runs; <paramref name="columns"/> is the sum of their columns, 0 at the end.</returns>
    public int Fill(ConvRun* runs, int limit, out int columns)
    {
        int count = 0;
        columns = 0;
        while (columns < limit && (x < end || NextSegment()))
        {
            int length = Math.Min(limit - columns, end - x);
            runs[count++] = new ConvRun
            {
                Image = ((nint)sample * leadingImage) + ((nint)((y * sizes.StrideY) - sizes.Top) * sizes.Width) + (x * sizes.StrideX) - sizes.Left,
                Map = ((nint)sample * leadingMaps) + (y * width) + x,
                Column = columns,
                Length = length,
                Y = y,
                X = x,
            };
            columns += length;
            x += length;
        }

        return count;
    }

    // A row has up to two segments: all of it, its inside, or the parts left and right of that.
    private bool NextSegment()
    {
        while (row < endRow)
        {
            bool innerRow = y >= innerRows.First && y < innerRows.End;
            int now = part++;
            if (now == 2)
            {
                part = 0;
                row++;
                if (++y == height)
                {
                    (y, sample) = (0, sample + 1);
                }

                continue;
            }

            (x, end) = innerRow
                ? inner ? (now == 0 ? innerColumns : (0, 0)) : now == 0 ? (0, innerColumns.First) : (innerColumns.End, width)
                : border && now == 0 ? (0, width) : (0, 0);
            if (x < end)
            {
                return true;
            }
        }

        return false;
    }
}
