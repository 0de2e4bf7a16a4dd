using EmbeddedBackprop.Kernels.Products;

namespace EmbeddedBackprop.Kernels.Convolution;

/// <summary>How an input gradient's image and kernels are turned over on the stack: channels innermost.</summary>
internal unsafe struct ConvBand
{
    /// <summary>A tile may compute so many floats past the last column of a row of the band.</summary>
    public const int Slack = 16;

    /// <summary>Floats of the band, and of the kernels, at most.</summary>
    private const int Room = 1 << 15;

    /// <summary>Channels that are turned over at a time, at most.</summary>
    private const int MostChannels = 32;

    /// <summary>With fewer output rows than this the positions of a row are the rows of a tile, one kernel column at a time.</summary>
    private const int FewRows = 4;

    /// <summary>[kernel row][output channel][kernel column][channel].</summary>
    public float* Kernels;

    /// <summary>[row][column][channel].</summary>
    public float* Image;

    /// <summary>Channels that are turned over at a time; 0 if nothing fits.</summary>
    public int Channels;

    /// <summary>Output rows whose image rows are in the band together.</summary>
    public int Rows;

    /// <summary>Whether the rows of a tile are positions below each other, and its columns the channels of all kernel columns.</summary>
    public bool Below;

    /// <summary>Floats from column to column.</summary>
    public int Pixel;

    /// <summary>Floats from row to row of the band.</summary>
    public int Leading;

    /// <summary>Floats from output channel to output channel of the kernels.</summary>
    public int LeadingKernels;

    public int Floats;

    public int KernelFloats;

    /// <summary>Whether there is a band for these sizes: not for rows of ten thousands of floats.</summary>
    public static bool Fits(in ConvSizes sizes) => Of(in sizes, Slack).Channels != 0;

    /// <summary>The widest band that fits, and has work for a whole tile if any does.</summary>
    public static ConvBand Of(in ConvSizes sizes, int lanes)
    {
        int outputs = sizes.Outputs / sizes.Groups, span = (sizes.DilationY * (sizes.KernelHeight - 1)) + 1, height = sizes.OutputHeight;
        bool below = sizes.DilationX == 1 && height >= FewRows;
        foreach (int enough in (ReadOnlySpan<int>)[Math.Min(height, GemmTile.MaximumRows), 1])
        {
            for (int channels = Math.Min(MostChannels, sizes.Channels / sizes.Groups); channels > 0; channels /= 2)
            {
                int pixel = below ? channels : RoundUp(channels, lanes), leadingKernels = RoundUp(sizes.KernelWidth * pixel, Slack);
                long leading = RoundUp((long)sizes.Width * pixel, Slack) + Slack, kernels = (long)sizes.KernelHeight * outputs * leadingKernels;
                long fit = Room / leading, rows = fit < span ? 0 : Math.Min(height, ((fit - span) / sizes.StrideY) + 1);
                if (kernels <= Room && rows >= enough)
                {
                    return new ConvBand
                    {
                        Channels = channels, Rows = (int)rows, Below = below, Pixel = pixel, Leading = (int)leading, LeadingKernels = leadingKernels,
                        Floats = (int)leading * (((int)(rows - 1) * sizes.StrideY) + span), KernelFloats = (int)kernels,
                    };
                }
            }
        }

        return default;
    }

    private static int RoundUp(int value, int multiple) => (value + multiple - 1) / multiple * multiple;

    private static long RoundUp(long value, int multiple) => (value + multiple - 1) / multiple * multiple;
}
