using System.Runtime.CompilerServices;
using EmbeddedBackprop.Kernels.Elements;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Kernels.Products;

namespace EmbeddedBackprop.Kernels.Convolution;

/// <summary>
/// The input gradient with the channels innermost: a band of the image is transposed on the stack, so that the channels of a whole kernel
/// row are contiguous where a position adds to them. Positions below each other touch different rows for one kernel row, and are the rows
/// of a tile whose depth are the output channels; the tile starts from the values of the image. Kernel rows descend and columns ascend, so every
/// element sums over ascending positions.
/// </summary>
internal readonly unsafe struct ConvInputKernel : ILaneKernel<ConvArguments>
{
    /// <summary>Rows of a tile's surplus that are kept at a time.</summary>
    private const int KeptRows = 4 * GemmTile.MaximumRows;

    private const int CacheLine = 64;

    /// <summary>Samples g.First ... g.End - 1; <see cref="ConvBand.Fits"/> must hold.</summary>
    // The buffer is cleared below.
    [SkipLocalsInit]
    public static void Run<T, TTail>(in ConvArguments g)
        where T : struct, IFloatLanes<T>
        where TTail : struct, IFloatLanes<TTail>
    {
        ref readonly ConvSizes sizes = ref g.Sizes;
        ConvBand band = ConvBand.Of(in sizes, T.Count);
        float* memory = stackalloc float[band.KernelFloats + band.Floats + (2 * ConvBand.Slack) + (CacheLine / sizeof(float))];
        band.Kernels = (float*)(((nuint)memory + CacheLine - 1) & ~(nuint)(CacheLine - 1));
        band.Image = band.Kernels + band.KernelFloats + ConvBand.Slack;

        // Unused columns are computed along, and denormal rubbish would be slow.
        FloatBlocks.Fill(0f, band.Kernels, band.KernelFloats + band.Floats + (2 * ConvBand.Slack));
        if (!g.Accumulate)
        {
            Start(in g);
        }

        int channels = sizes.Channels / sizes.Groups, outputs = sizes.Outputs / sizes.Groups, kernel = sizes.KernelHeight * sizes.KernelWidth;
        for (int group = 0; group < sizes.Groups; group++)
        {
            for (int first = 0; first < channels; first += band.Channels)
            {
                int count = Math.Min(band.Channels, channels - first);
                PackKernels(in sizes, g.Kernels + (((nint)((group * outputs * channels) + first)) * kernel), count, in band);
                for (int n = g.First; n < g.End; n++)
                {
                    float* delta = g.Maps + ((nint)n * g.LeadingMaps) + ((nint)group * outputs * sizes.OutputPositions);
                    float* image = g.Image + ((nint)n * g.LeadingImage) + ((nint)((group * channels) + first) * sizes.Height * sizes.Width);
                    for (int y = 0; y < sizes.OutputHeight; y += band.Rows)
                    {
                        Rows<T>(in sizes, in band, delta, image, count, y, Math.Min(y + band.Rows, sizes.OutputHeight));
                    }
                }
            }
        }
    }

    private static void Start(in ConvArguments g)
    {
        nint plane = (nint)g.Sizes.Height * g.Sizes.Width;
        for (int n = g.First; n < g.End; n++)
        {
            for (int c = 0; c < g.Sizes.Channels; c++)
            {
                FloatBlocks.Fill(g.Bias == null ? 0f : g.Bias[c], g.Image + ((nint)n * g.LeadingImage) + (c * plane), plane);
            }
        }
    }

    /// <summary>Output rows from ... to - 1 of one sample and some channels.</summary>
    private static void Rows<T>(in ConvSizes sizes, in ConvBand band, float* delta, float* image, int channels, int from, int to)
        where T : struct, IFloatLanes<T>
    {
        int first = Math.Clamp((from * sizes.StrideY) - sizes.Top, 0, sizes.Height);
        int end = Math.Clamp(((to - 1) * sizes.StrideY) - sizes.Top + (sizes.DilationY * (sizes.KernelHeight - 1)) + 1, 0, sizes.Height);
        nuint plane = (nuint)(sizes.Height * sizes.Width), pixel = (nuint)(band.Below ? channels : band.Pixel);
        for (int y = first; y < end; y++)
        {
            Transpose.Pack(
                in *(image + ((nint)y * sizes.Width)), plane, (nuint)channels, (nuint)sizes.Width,
                ref *(band.Image + ((nint)(y - first) * band.Leading)), pixel);
        }

        for (int ky = sizes.KernelHeight - 1; ky >= 0; ky--)
        {
            int offset = (ky * sizes.DilationY) - sizes.Top;
            (int firstRow, int endRow) = ConvSizes.Reading(offset, sizes.Height, sizes.StrideY, sizes.OutputHeight);
            (firstRow, endRow) = (Math.Max(firstRow, from), Math.Min(endRow, to));
            if (firstRow >= endRow)
            {
                continue;
            }

            float* row = band.Image + ((nint)((firstRow * sizes.StrideY) + offset - first) * band.Leading);
            float* kernels = band.Kernels + ((nint)ky * (sizes.Outputs / sizes.Groups) * band.LeadingKernels);
            if (band.Below)
            {
                ColumnByColumn<T>(in sizes, in band, delta + ((nint)firstRow * sizes.OutputWidth), endRow - firstRow, kernels, row, channels);
            }
            else
            {
                RowByRow<T>(in sizes, in band, delta + ((nint)firstRow * sizes.OutputWidth), endRow - firstRow, kernels, row);
            }
        }

        for (int y = first; y < end; y++)
        {
            Transpose.Pack(
                in *(band.Image + ((nint)(y - first) * band.Leading)), pixel, (nuint)sizes.Width, (nuint)channels,
                ref *(image + ((nint)y * sizes.Width)), plane);
        }
    }

    /// <summary>One kernel row: for each output column a tile of the positions below each other and all kernel columns.</summary>
    private static void ColumnByColumn<T>(in ConvSizes sizes, in ConvBand band, float* delta, int rows, float* kernels, float* image, int channels)
        where T : struct, IFloatLanes<T>
    {
        int width = sizes.OutputWidth, depth = sizes.Outputs / sizes.Groups, step = sizes.StrideY * band.Leading;
        float* kept = stackalloc float[KeptRows * ConvBand.Slack];
        int whole = sizes.KernelWidth * channels, vectors = (whole + T.Count - 1) / T.Count;
        bool repeats = rows <= KeptRows && PanelProduct.Repeated.Fits(rows, vectors, T.Count);
        PanelProduct.Repeated product = new(rows, vectors, depth, width, sizes.OutputPositions, band.LeadingKernels, step, T.Count);
        for (int x = 0; x < width; x++)
        {
            int ix = (x * sizes.StrideX) - sizes.Left,
                left = Math.Max(0, -ix),
                columns = (Math.Min(sizes.KernelWidth, sizes.Width - ix) - left) * channels;
            if (columns <= 0)
            {
                continue;
            }

            int wide = (columns + T.Count - 1) / T.Count * T.Count, over = wide - columns;
            float* to = image + ((nint)(ix + left) * channels);

            // A ragged last vector computes past the last column. Those elements are restored: they belong to others, or do not exist.
            for (int done = 0; done < rows; done += KeptRows)
            {
                int count = Math.Min(KeptRows, rows - done);
                float* tile = to + ((nint)done * step);
                for (int i = 0; i < count && over != 0; i++)
                {
                    T.Store(T.Load(in *(tile + ((nint)i * step) + columns), 0), ref *(kept + (i * ConvBand.Slack)), 0);
                }

                if (repeats && columns == whole)
                {
                    product.Run<T>(delta + x, kernels, tile);
                }
                else
                {
                    PanelProduct.Run<T>(
                        count,
                        wide,
                        depth,
                        delta + ((nint)done * width) + x,
                        width,
                        sizes.OutputPositions,
                        kernels + (left * channels),
                        band.LeadingKernels,
                        tile,
                        step,
                        GemmStart.Destination);
                }

                for (int i = 0; i < count && over != 0; i++)
                {
                    T.Store(T.Load(in *(kept + (i * ConvBand.Slack)), 0), ref *(tile + ((nint)i * step) + columns), 0);
                }
            }
        }
    }

    /// <summary>
    /// One kernel row where there are few rows, or columns are dilated: for each row and kernel column a tile of neighbouring positions.
    /// </summary>
    private static void RowByRow<T>(in ConvSizes sizes, in ConvBand band, float* delta, int rows, float* kernels, float* image)
        where T : struct, IFloatLanes<T>
    {
        for (int y = 0; y < rows; y++)
        {
            for (int kx = sizes.KernelWidth - 1; kx >= 0; kx--)
            {
                int offset = (kx * sizes.DilationX) - sizes.Left;
                (int left, int right) = ConvSizes.Reading(offset, sizes.Width, sizes.StrideX, sizes.OutputWidth);
                if (left >= right)
                {
                    continue;
                }

                PanelProduct.Run<T>(
                    right - left,
                    band.Pixel,
                    sizes.Outputs / sizes.Groups,
                    delta + left,
                    1,
                    sizes.OutputPositions,
                    kernels + (kx * band.Pixel),
                    band.LeadingKernels,
                    image + ((nint)((left * sizes.StrideX) + offset) * band.Pixel),
                    sizes.StrideX * band.Pixel,
                    GemmStart.Destination);
            }

            delta += sizes.OutputWidth;
            image += (nint)sizes.StrideY * band.Leading;
        }
    }

    /// <summary>The channels innermost; the floats from the last channel to the next whole vector stay 0.</summary>
    private static void PackKernels(in ConvSizes sizes, float* kernels, int channels, in ConvBand band)
    {
        int outputs = sizes.Outputs / sizes.Groups;
        nuint kernel = (nuint)(sizes.KernelHeight * sizes.KernelWidth);
        for (int ky = 0; ky < sizes.KernelHeight; ky++)
        {
            for (int o = 0; o < outputs; o++)
            {
                Transpose.Pack(
                    in *(kernels + ((nint)o * sizes.Taps) + (ky * sizes.KernelWidth)), kernel, (nuint)channels, (nuint)sizes.KernelWidth,
                    ref *(band.Kernels + ((nint)((ky * outputs) + o) * band.LeadingKernels)), (nuint)(band.Below ? channels : band.Pixel));
            }
        }
    }
}
