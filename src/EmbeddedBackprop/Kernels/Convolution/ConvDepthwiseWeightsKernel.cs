using System.Runtime.CompilerServices;
using EmbeddedBackprop.Kernels.Elements;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Kernels.Products;

namespace EmbeddedBackprop.Kernels.Convolution;

/// <summary>
/// The weight gradient of a depthwise convolution: channels in the lanes, because within a channel every sum is one long chain. A band of image and
/// delta is turned over on the stack, channels innermost; then every position adds to the sums of the taps that exist there, and to that of the bias.
/// </summary>
internal readonly unsafe struct ConvDepthwiseWeightsKernel : ILaneKernel<ConvArguments>
{
    /// <summary>Floats of the two bands on the stack.</summary>
    private const int Room = 1 << 15;

    private const int MostTaps = 256;

    private const int MostLanes = 16;

    private const int CacheLine = 64;

    /// <summary>Whether there is such a kernel for these sizes: a channel in, a channel out, and two rows of bands that fit.</summary>
    public static bool Fits(in ConvSizes sizes) =>
        sizes.Groups == sizes.Channels && sizes.Groups == sizes.Outputs && sizes.Groups > 1 && sizes.Taps < MostTaps && BandRows(in sizes) > 0;

    /// <summary>Channels g.First ... g.End - 1.</summary>
    // Every element is written before it is read.
    [SkipLocalsInit]
    public static void Run<T, TTail>(in ConvArguments g)
        where T : struct, IFloatLanes<T>
        where TTail : struct, IFloatLanes<TTail>
    {
        ref readonly ConvSizes sizes = ref g.Sizes;
        float* memory = stackalloc float[Room + (MostTaps * MostLanes) + (CacheLine / sizeof(float))];
        float* sums = (float*)(((nuint)memory + CacheLine - 1) & ~(nuint)(CacheLine - 1)), band = sums + (MostTaps * MostLanes);
        int* offsets = stackalloc int[MostTaps];
        int taps = sizes.Taps, rows = BandRows(in sizes), height = sizes.OutputHeight;
        for (int k = 0; k < taps; k++)
        {
            offsets[k] = ((k / sizes.KernelWidth * sizes.DilationY * sizes.Width) + (k % sizes.KernelWidth * sizes.DilationX)) * T.Count;
        }

        for (int channel = g.First; channel < g.End; channel += T.Count)
        {
            int channels = Math.Min(T.Count, g.End - channel);
            Begin(in g, channel, channels, T.Count, sums);
            FloatBlocks.Fill(0f, band, Room);
            for (int n = 0; n < g.Batch; n++)
            {
                for (int y = 0; y < height; y += rows)
                {
                    Band<T>(in g, n, channel, channels, y, Math.Min(y + rows, height), band, sums, offsets);
                }
            }

            Finish<T>(in g, channel, channels, sums);
        }
    }

    // As many output rows as find room with the image rows that they read.
    private static int BandRows(in ConvSizes sizes)
    {
        int span = sizes.DilationY * (sizes.KernelHeight - 1);
        long perRow = ((long)sizes.StrideY * sizes.Width) + sizes.OutputWidth, room = (Room / MostLanes) - ((long)(span + 1) * sizes.Width);
        return room < perRow ? 0 : (int)Math.Min(sizes.OutputHeight, room / perRow);
    }

    private static void Band<T>(in ConvArguments g, int n, int channel, int channels, int from, int to, float* band, float* sums, int* offsets)
        where T : struct, IFloatLanes<T>
    {
        ref readonly ConvSizes sizes = ref g.Sizes;
        int width = sizes.OutputWidth, span = sizes.DilationY * (sizes.KernelHeight - 1), taps = sizes.Taps;
        nuint plane = (nuint)(sizes.Height * sizes.Width), positions = (nuint)sizes.OutputPositions, lanes = (nuint)T.Count;
        int first = Math.Clamp((from * sizes.StrideY) - sizes.Top, 0, sizes.Height);
        int end = Math.Clamp(((to - 1) * sizes.StrideY) - sizes.Top + span + 1, first, sizes.Height);
        float* delta = band, image = band + ((nint)(to - from) * width * T.Count);
        Transpose.Pack(
            in *(g.Maps + ((nint)n * g.LeadingMaps) + ((nint)channel * (nint)positions) + ((nint)from * width)), positions, (nuint)channels,
            (nuint)((to - from) * width), ref *delta, lanes);
        if (end > first)
        {
            Transpose.Pack(
                in *(g.Image + ((nint)n * g.LeadingImage) + ((nint)channel * (nint)plane) + ((nint)first * sizes.Width)), plane, (nuint)channels,
                (nuint)((end - first) * sizes.Width), ref *image, lanes);
        }

        (int First, int End) innerRows = sizes.InnerRows, innerColumns = sizes.InnerColumns;
        for (int y = from; y < to; y++)
        {
            int iy = (y * sizes.StrideY) - sizes.Top;
            for (int x = 0; x < width; x++, delta += T.Count)
            {
                int ix = (x * sizes.StrideX) - sizes.Left;
                T d = T.Load(in *delta, 0);
                float* at = image + ((((nint)(iy - first) * sizes.Width) + ix) * T.Count);
                if (y >= innerRows.First && y < innerRows.End && x >= innerColumns.First && x < innerColumns.End)
                {
                    for (int k = 0; k < taps; k++)
                    {
                        Add(d, at + offsets[k], sums + (k * T.Count));
                    }
                }
                else
                {
                    float* sum = sums;
                    for (int j = 0; j < sizes.KernelHeight; j++)
                    {
                        bool inside = (uint)(iy + (j * sizes.DilationY)) < (uint)sizes.Height;
                        for (int i = 0; i < sizes.KernelWidth; i++, sum += T.Count)
                        {
                            if (inside && (uint)(ix + (i * sizes.DilationX)) < (uint)sizes.Width)
                            {
                                Add(d, at + offsets[(j * sizes.KernelWidth) + i], sum);
                            }
                        }
                    }
                }

                float* bias = sums + (taps * T.Count);
                T.Store(T.Load(in *bias, 0) + d, ref *bias, 0);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add<T>(T delta, float* x, float* sum) where T : struct, IFloatLanes<T> =>
        T.Store(T.MultiplyAdd(delta, T.Load(in *x, 0), T.Load(in *sum, 0)), ref *sum, 0);

    private static void Begin(in ConvArguments g, int channel, int channels, int lanes, float* sums)
    {
        int taps = g.Sizes.Taps;
        FloatBlocks.Fill(0f, sums, (taps + 1) * lanes);
        for (int c = 0; c < channels && g.Accumulate; c++)
        {
            for (int k = 0; k < taps; k++)
            {
                sums[(k * lanes) + c] = g.Kernels[((channel + c) * taps) + k];
            }

            if (g.Bias != null)
            {
                sums[(taps * lanes) + c] = g.Bias[channel + c];
            }
        }
    }

    private static void Finish<T>(in ConvArguments g, int channel, int channels, float* sums) where T : struct, IFloatLanes<T>
    {
        int taps = g.Sizes.Taps;
        T rate = T.Broadcast(-g.LearningRate);
        float* block = stackalloc float[T.Count];
        for (int k = 0; k < taps + (g.Bias == null ? 0 : 1); k++)
        {
            float* to = k == taps ? g.Bias + channel : g.Kernels + ((nint)channel * taps) + k, gradient = sums + (k * T.Count);
            int step = k == taps ? 1 : taps;
            if (g.Updates)
            {
                // g = M(l2, w, g), w = M(-rate, g, w)
                float l2 = k == taps ? g.BiasL2 : g.WeightL2;
                T.Store(T.Zero, ref *block, 0);
                for (int c = 0; c < channels; c++)
                {
                    block[c] = to[c * step];
                }

                T w = T.Load(in *block, 0), slope = T.Load(in *gradient, 0);
                if (l2 != 0f)
                {
                    slope = T.MultiplyAdd(T.Broadcast(l2), w, slope);
                }

                T.Store(T.MultiplyAdd(rate, slope, w), ref *gradient, 0);
            }

            for (int c = 0; c < channels; c++)
            {
                to[c * step] = gradient[c];
            }
        }
    }
}
