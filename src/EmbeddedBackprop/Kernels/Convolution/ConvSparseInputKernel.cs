using System.Runtime.CompilerServices;
using EmbeddedBackprop.Kernels.Elements;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Kernels.Products;

namespace EmbeddedBackprop.Kernels.Convolution;

/// <summary>
/// The input gradient where most gradients are 0, as after a pooling and a rectifier: positions one after the other, channels in the lanes. The other
/// gradients of a position add to the pixels that it reads, in one pass over them. Terms are left out under the conditions of
/// <see cref="SparseProduct"/>: a sample with a result of -0 is computed again with all terms (<see cref="ConvInputKernel"/>).
/// </summary>
internal readonly unsafe struct ConvSparseInputKernel : ILaneKernel<ConvArguments>
{
    /// <summary>Floats of the image, of the kernels and of the gradients on the stack, at most.</summary>
    private const int Room = 1 << 14;

    /// <summary>Lanes at most: rows of channels and of outputs are filled up to them.</summary>
    private const int MostLanes = 16;

    /// <summary>Output channels are the bits of a word.</summary>
    private const int MostOutputs = 64;

    /// <summary>With fewer channels a vector is not filled.</summary>
    private const int FewestChannels = 4;

    private const int CacheLine = 64;

    /// <summary>Whether there is room for these sizes.</summary>
    public static bool Fits(in ConvSizes sizes)
    {
        long pixel = RoundUp(sizes.Channels, MostLanes);
        return sizes.Groups == 1 && sizes.Channels >= FewestChannels && sizes.Outputs <= MostOutputs
            && pixel * sizes.Height * sizes.Width <= Room
            && pixel * sizes.Outputs * sizes.KernelHeight * sizes.KernelWidth <= Room
            && (long)RoundUp(sizes.Outputs, MostLanes) * sizes.OutputPositions <= Room;
    }

    /// <summary>Samples g.First ... g.End - 1; the kernels are finite.</summary>
    // Every element is written before it is read.
    [SkipLocalsInit]
    public static void Run<T, TTail>(in ConvArguments g)
        where T : struct, IFloatLanes<T>
        where TTail : struct, IFloatLanes<TTail>
    {
        ref readonly ConvSizes sizes = ref g.Sizes;
        int pixel = RoundUp(sizes.Channels, T.Count), kernel = sizes.KernelHeight * sizes.KernelWidth, outputs = RoundUp(sizes.Outputs, MostLanes);
        float* memory = stackalloc float[(3 * Room) + MostLanes + (CacheLine / sizeof(float))];
        float* image = (float*)(((nuint)memory + CacheLine - 1) & ~(nuint)(CacheLine - 1)), kernels = image + Room, delta = kernels + Room;
        int* starts = stackalloc int[MostOutputs];

        // Lanes without a channel are computed along, and denormal rubbish would be slow.
        FloatBlocks.Fill(0f, image, sizes.Height * sizes.Width * pixel);
        FloatBlocks.Fill(0f, kernels, sizes.Outputs * kernel * pixel);
        for (int o = 0; o < sizes.Outputs; o++)
        {
            starts[o] = o * kernel * pixel;
            Transpose.Pack(
                in *(g.Kernels + ((nint)o * sizes.Taps)), (nuint)kernel, (nuint)sizes.Channels, (nuint)kernel,
                ref *(kernels + starts[o]), (nuint)pixel);
        }

        nuint plane = (nuint)(sizes.Height * sizes.Width), positions = (nuint)sizes.OutputPositions, channels = (nuint)sizes.Channels;
        for (int n = g.First; n < g.End; n++)
        {
            float* to = g.Image + ((nint)n * g.LeadingImage);
            Begin<T>(in g, to, image, pixel);
            Transpose.Pack(
                in *(g.Maps + ((nint)n * g.LeadingMaps)), positions, (nuint)sizes.Outputs, positions, ref *delta, (nuint)outputs);
            Positions<T>(in sizes, delta, outputs, kernels, image, pixel, starts);
            if (SparseProduct.HasNegativeZero(image, (int)plane * pixel))
            {
                // A term left out might have made it +0: sum once more, with all terms.
                ConvInputKernel.Run<T, TTail>(g.Part(n, n + 1));
                continue;
            }

            Transpose.Pack(in *image, (nuint)pixel, plane, channels, ref *to, plane);
        }
    }

    private static int RoundUp(int value, int multiple) => (value + multiple - 1) / multiple * multiple;

    /// <summary>[pixel][channel] of what the sums begin with.</summary>
    private static void Begin<T>(in ConvArguments g, float* from, float* image, int pixel) where T : struct, IFloatLanes<T>
    {
        int plane = g.Sizes.Height * g.Sizes.Width;
        if (g.Accumulate)
        {
            Transpose.Pack(in *from, (nuint)plane, (nuint)g.Sizes.Channels, (nuint)plane, ref *image, (nuint)pixel);
            return;
        }

        float* start = stackalloc float[pixel];
        FloatBlocks.Fill(0f, start, pixel);
        if (g.Bias != null)
        {
            FloatBlocks.Copy(g.Bias, start, g.Sizes.Channels);
        }

        for (int lane = 0; lane < pixel; lane += T.Count)
        {
            T value = T.Load(in *start, (nuint)lane);
            for (int i = 0; i < plane; i++)
            {
                T.Store(value, ref *(image + (i * pixel)), (nuint)lane);
            }
        }
    }

    private static void Positions<T>(in ConvSizes sizes, float* delta, int outputs, float* kernels, float* image, int pixel, int* starts)
        where T : struct, IFloatLanes<T>
    {
        ConvAxis rows = ConvAxis.Rows(in sizes), columns = ConvAxis.Columns(in sizes);
        int* list = stackalloc int[MostOutputs + ConvSparseTile.Slack];
        float* nowhere = stackalloc float[T.Count];
        T.Store(T.Zero, ref *nowhere, 0);
        ConvSparseTile tile = new()
        {
            List = list, Starts = starts, Step = sizes.KernelWidth * pixel, StepSums = (nint)rows.Dilation * sizes.Width * pixel,
            Total = nowhere, Nowhere = nowhere,
        };
        (int First, int End)* taps = stackalloc (int First, int End)[columns.Positions];
        for (int x = 0; x < columns.Positions; x++)
        {
            taps[x] = columns.Taps(x);
        }

        for (int y = 0; y < rows.Positions; y++)
        {
            (int firstRow, int endRow) = rows.Taps(y);
            for (int x = 0; x < columns.Positions; x++, delta += outputs)
            {
                tile.Count = ConvSparseTile.NonZeros(delta, sizes.Outputs, list);
                if (tile.Count == 0)
                {
                    continue;
                }

                // Neighbouring taps read neighbouring pixels, or each a pixel of its own where columns are dilated.
                tile.Delta = delta;
                (int first, int end) = taps[x];
                int together = columns.Dilation == 1 ? Math.Max(end - first, 1) : 1;
                float* pixels = image + (((nint)((y * rows.Stride) - rows.Before + (firstRow * rows.Dilation)) * sizes.Width)
                    + (x * columns.Stride) - columns.Before) * pixel;
                for (int kx = first; kx < end; kx += together)
                {
                    tile.Run<T>(
                        endRow - firstRow, together * pixel / T.Count, kernels + (((firstRow * sizes.KernelWidth) + kx) * pixel),
                        pixels + (kx * columns.Dilation * pixel));
                }
            }
        }
    }
}
