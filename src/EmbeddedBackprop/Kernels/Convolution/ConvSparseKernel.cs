using System.Numerics;
using System.Runtime.CompilerServices;
using EmbeddedBackprop.Kernels.Elements;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Kernels.Products;

namespace EmbeddedBackprop.Kernels.Convolution;

/// <summary>
/// The weight gradient where most gradients are 0, as after a pooling and a rectifier. A sample is turned over on the stack, channels innermost: a
/// kernel row is then one run of neighbours. One channel has its rows below each other innermost: then the whole kernel is one run
/// (<see cref="ConvColumns"/>). Of each output channel the positions of the other gradients are listed, and their terms are added
/// while the sums stay in registers (<see cref="ConvSparseTile"/>). Terms are left out under the conditions of <see cref="SparseProduct"/>.
/// </summary>
internal readonly unsafe struct ConvSparseKernel : ILaneKernel<ConvArguments>
{
    /// <summary>Positions of one output channel, at most: where each reads is worked out once, on the stack.</summary>
    private const int MostPositions = 4096;

    /// <summary>Floats of a sample's channels that are turned over at a time, at most.</summary>
    private const int Room = 1 << 14;

    /// <summary>Floats of the sums on the stack, at most.</summary>
    private const int MostSums = 1 << 13;

    private const int Word = 64;

    private const int WidestVector = 16;

    private const int CacheLine = 64;

    /// <summary>Shorter runs of neighbours do not fill a vector.</summary>
    private const int ShortestRun = 3;

    /// <summary>With more gradients than this a product with all of them is the faster one.</summary>
    private const double MostGradients = 0.3;

    /// <summary>Whether there is room for these sizes, no tap lies outside, and the taps of a kernel row are neighbours.</summary>
    public static bool Fits(in ConvSizes sizes) =>
        !sizes.IsPadded
        && sizes.DilationX == 1
        && sizes.OutputPositions <= MostPositions
        && sizes.KernelWidth * ChannelsTogether(in sizes) >= ShortestRun;

    /// <summary>Whether so many gradients are 0 that it pays, judged by some of the samples: short runs fill a part of a vector only.</summary>
    public static bool IsSparse(in ConvArguments g) =>
        AreMostZeros(in g, Math.Min((double)(g.Sizes.KernelWidth * ChannelsTogether(in g.Sizes)) / WidestVector, MostGradients));

    /// <summary>Whether at most such a share of the gradients is not 0, judged by some of the samples.</summary>
    public static bool AreMostZeros(in ConvArguments g, double share)
    {
        const int Judged = 3;
        int length = g.Sizes.SampleOutputs;
        long count = 0, all = 0;
        for (int i = 0; i < Math.Min(Judged, g.Batch); i++)
        {
            float* delta = g.Maps + ((nint)((long)i * g.Batch / Judged % g.Batch) * g.LeadingMaps);
            for (int at = 0; at < length; at += Word)
            {
                count += BitOperations.PopCount(SparseProduct.NonZeros(delta + at, Math.Min(Word, length - at)));
            }

            all += length;
        }

        return count <= all * share;
    }

    /// <summary>Floats of a vector that a run of neighbours fills.</summary>
    public static int Lanes(in ConvSizes sizes) =>
        (int)BitOperations.RoundUpToPowerOf2(
            (uint)(sizes.KernelWidth * (ConvColumns.Fits(in sizes, Room) ? sizes.KernelHeight : ChannelsTogether(in sizes))));

    /// <summary>Output channels g.First ... g.End - 1.</summary>
    // Every element is written before it is read.
    [SkipLocalsInit]
    public static void Run<T, TTail>(in ConvArguments g)
        where T : struct, IFloatLanes<T>
        where TTail : struct, IFloatLanes<TTail>
    {
        ref readonly ConvSizes sizes = ref g.Sizes;
        int channels = sizes.Channels / sizes.Groups, outputs = sizes.Outputs / sizes.Groups, together = ChannelsTogether(in sizes);
        int* readBy = stackalloc int[sizes.OutputPositions], list = stackalloc int[sizes.OutputPositions + ConvSparseTile.Slack];
        float* memory = stackalloc float[Room + WidestVector + (2 * MostSums) + (CacheLine / sizeof(float))];
        float* sums = (float*)(((nuint)memory + CacheLine - 1) & ~(nuint)(CacheLine - 1)), image = sums + MostSums;
        float* flat = image + Room + WidestVector;
        Part part = new() { ReadBy = readBy, List = list, Image = image, Sums = sums };
        for (int output = g.First, end; output < g.End; output = end)
        {
            int group = output / outputs;
            end = Math.Min(g.End, (group + 1) * outputs);
            for (int first = 0; first < channels; first += together)
            {
                part.Choose(
                    in sizes, (group * channels) + first, Math.Min(together, channels - first), T.Count,
                    T.Count == WidestVector && ConvColumns.Fits(in sizes, Room));
                int fit = MostSums / part.LeadingSums;
                for (int o = output; o < end; o += fit)
                {
                    int count = Math.Min(fit, end - o);
                    Sum<T>(in g, in part, o, count, first, all: false);
                    for (int i = 0; i < count; i++)
                    {
                        Finish<T>(in g, in part, o + i, first, sums + ((nint)i * part.LeadingSums), flat);
                    }
                }
            }
        }
    }

    /// <summary>Channels of a group that are turned over at a time: as many as find room with their sums, 0 if not even one does.</summary>
    private static int ChannelsTogether(in ConvSizes sizes)
    {
        int channels = sizes.Channels / sizes.Groups;
        while (channels > 0
            && ((long)channels * sizes.Height * sizes.Width > Room
                || ((long)RoundUp(channels * sizes.KernelWidth, WidestVector) * sizes.KernelHeight) + WidestVector > MostSums))
        {
            channels /= 2;
        }

        return channels;
    }

    private static int RoundUp(int value, int multiple) => (value + multiple - 1) / multiple * multiple;

    /// <summary>Sums of so many output channels over all samples; all: with the terms that are 0.</summary>
    private static void Sum<T>(in ConvArguments g, in Part part, int output, int count, int first, bool all) where T : struct, IFloatLanes<T>
    {
        ref readonly ConvSizes sizes = ref g.Sizes;
        int positions = sizes.OutputPositions;
        nuint plane = (nuint)(sizes.Height * sizes.Width);
        float* nowhere = stackalloc float[T.Count];
        T.Store(T.Zero, ref *nowhere, 0);
        Begin(in g, in part, output, count, first);
        for (int n = 0; n < g.Batch; n++)
        {
            float* image = g.Image + ((nint)n * g.LeadingImage) + ((nint)part.Channel * (nint)plane);
            if (part.IsColumns)
            {
                ConvColumns.Pack(in sizes, image, part.Image);
            }
            else if (part.Channels == 1)
            {
                FloatBlocks.Copy(image, part.Image, (nint)plane);
            }
            else
            {
                Transpose.Pack(in *image, plane, (nuint)part.Channels, plane, ref *part.Image, (nuint)part.Channels);
            }

            float* delta = g.Maps + ((nint)n * g.LeadingMaps) + ((nint)output * positions), sums = part.Sums;
            for (int o = 0; o < count; o++, delta += positions, sums += part.LeadingSums)
            {
                ConvSparseTile tile = new()
                {
                    List = part.List, Count = List(delta, positions, all, part.List), Starts = part.ReadBy, Delta = delta,
                    Step = part.Step, StepSums = part.Run, Total = sums + (part.Rows * part.Run), Nowhere = nowhere,
                };
                tile.Run<T>(part.Rows, part.Run / T.Count, part.Image, sums);
            }
        }
    }

    /// <summary>The positions of the gradients that are not 0, or of all.</summary>
    // A caller keeps too much in registers.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int List(float* delta, int positions, bool all, int* list)
    {
        if (!all)
        {
            return ConvSparseTile.NonZeros(delta, positions, list);
        }

        for (int i = 0; i < positions; i++)
        {
            list[i] = i;
        }

        return positions;
    }

    private static void Begin(in ConvArguments g, in Part part, int output, int count, int first)
    {
        ref readonly ConvSizes sizes = ref g.Sizes;
        FloatBlocks.Fill(0f, part.Sums, (nint)count * part.LeadingSums);
        int kernel = sizes.KernelHeight * sizes.KernelWidth;
        for (int o = 0; o < count && g.Accumulate; o++)
        {
            float* from = g.Kernels + ((nint)(output + o) * sizes.Taps) + (first * kernel), to = part.Sums + ((nint)o * part.LeadingSums);
            for (int run = 0; run < part.Runs; run++)
            {
                Transpose.Pack(
                    in *(from + (run * sizes.KernelWidth)), (nuint)(part.Runs * sizes.KernelWidth), (nuint)part.Pixel, (nuint)sizes.KernelWidth,
                    ref *(to + (run * part.RowOfSums)), (nuint)part.Pixel);
            }

            if (g.Bias != null)
            {
                to[part.Rows * part.Run] = g.Bias[output + o];
            }
        }
    }

    /// <summary>Stores or applies the sums of an output channel; if a term left out might have made one +0, sums once more with all terms.</summary>
    private static void Finish<T>(in ConvArguments g, in Part part, int output, int first, float* sums, float* flat) where T : struct, IFloatLanes<T>
    {
        ref readonly ConvSizes sizes = ref g.Sizes;
        int kernel = sizes.KernelHeight * sizes.KernelWidth, taps = part.Channels * kernel;
        bool hasBias = first == 0 && g.Bias != null;
        part.Flatten(in sizes, sums, flat);
        if (SparseProduct.HasNegativeZero(flat, taps + 1))
        {
            Part again = part;
            again.Sums = sums;
            Sum<T>(in g, in again, output, 1, first, all: true);
            part.Flatten(in sizes, sums, flat);
        }

        ConvWeightsKernel.Finish<T>(in g, output, 1, first * kernel, taps, hasBias, flat);
    }

    /// <summary>Channels that are turned over together, and the memory for them.</summary>
    private struct Part
    {
        /// <summary>The first one, and how many.</summary>
        public int Channel, Channels;

        /// <summary>Where each position's first tap is in the image.</summary>
        public int* ReadBy;
        public int* List;

        /// <summary>[row][column][channel], or [row][column][kernel row] of one channel.</summary>
        public float* Image;
        public bool IsColumns;

        /// <summary>Floats of a pixel, and runs of neighbours that a kernel is: its rows, or one.</summary>
        public int Pixel, Runs;

        /// <summary>[output][run][kernel column, pixel]: a run is filled up to whole vectors. The bias follows.</summary>
        public float* Sums;
        public int LeadingSums, RowOfSums;

        /// <summary>Runs as the tile has them, their length in whole vectors, and how far they are apart in the image.</summary>
        public int Rows, Run;
        public nint Step;

        public void Choose(in ConvSizes sizes, int channel, int channels, int lanes, bool columns)
        {
            (Channel, Channels, IsColumns) = (channel, channels, columns);
            (Pixel, Runs) = columns ? (sizes.KernelHeight, 1) : (channels, sizes.KernelHeight);
            Step = (nint)sizes.DilationY * sizes.Width * channels;
            Rows = Runs;
            RowOfSums = Run = RoundUp(sizes.KernelWidth * Pixel, lanes);
            if (Rows == 1)
            {
                // A single run becomes several of a vector each.
                (Rows, Run, Step) = (Run / lanes, lanes, lanes);
            }

            LeadingSums = (Rows * Run) + lanes;
            (int above, int pitch) = columns ? (sizes.KernelHeight - 1, ConvColumns.Pitch(in sizes)) : (0, sizes.Width);
            for (int y = 0, p = 0; y < sizes.OutputHeight; y++)
            {
                for (int x = 0; x < sizes.OutputWidth; x++, p++)
                {
                    ReadBy[p] = ((((y * sizes.StrideY) + above) * pitch) + (x * sizes.StrideX)) * Pixel;
                }
            }

            // A vector may read past the last pixel: those lanes are dropped, and denormal rubbish would be slow.
            FloatBlocks.Fill(0f, Image + ((nint)sizes.Height * pitch * Pixel), WidestVector);
        }

        /// <summary>[channel][kernel row][kernel column], and the bias.</summary>
        public readonly void Flatten(in ConvSizes sizes, float* sums, float* flat)
        {
            for (int run = 0; run < Runs; run++)
            {
                Transpose.Pack(
                    in *(sums + (run * RowOfSums)), (nuint)Pixel, (nuint)sizes.KernelWidth, (nuint)Pixel,
                    ref *(flat + (run * sizes.KernelWidth)), (nuint)(Runs * sizes.KernelWidth));
            }

            flat[Channels * sizes.KernelHeight * sizes.KernelWidth] = sums[Rows * Run];
        }
    }
}
