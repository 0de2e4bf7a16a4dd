using System.Runtime.CompilerServices;
using EmbeddedBackprop.Kernels.Elements;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Kernels.Products;
using EmbeddedBackprop.Kernels.Threads;

namespace EmbeddedBackprop.Kernels.Convolution;

/// <summary>
/// The weight gradient with the output channels in the lanes (<see cref="ConvTile"/>). A band of the gradients is turned over, [position][output].
/// For each tap the positions that see it are the terms, and input channels are the rows of a tile, so a tap outside the image is neither multiplied
/// nor masked.
/// </summary>
internal readonly unsafe struct ConvOutputWeightsKernel : ILaneKernel<ConvArguments>
{
    /// <summary>Output channels of one unit.</summary>
    private const int Outputs = 32;

    /// <summary>Input channels of one unit, if there are threads to share out units to.</summary>
    private const int SharedChannels = 16;

    /// <summary>With fewer input channels a tile has too few sums to hide the latency of a product.</summary>
    private const int FewestChannels = 8;

    /// <summary>In narrower vectors a float of the image meets too few gradients: panels are faster.</summary>
    private const int FewestLanes = 8;

    /// <summary>Sums on the stack: 128 KB.</summary>
    private const int MostSums = 1 << 15;

    /// <summary>Floats of a band of the image, and of the gradients: 64 KB each.</summary>
    private const int Room = 1 << 14;

    private const int MostTerms = 1 << 12;

    /// <summary>Positions of a band, about: more would not stay in the first cache, with fewer the sums are loaded and stored too often.</summary>
    private const int Positions = 256, FewestPositions = 64;

    /// <summary>Sums of an output that are stored together.</summary>
    private const int Piece = 48;

    private const int CacheLine = 64;

    /// <summary>Whether the outputs fill the lanes, and enough channels of a band fit on the stack.</summary>
    public static bool Fits(in ConvSizes sizes)
    {
        int outputs = sizes.Outputs / sizes.Groups, lanes = LaneDispatch.Lanes;
        return lanes >= FewestLanes && 4 * outputs >= 3 * RoundUp(outputs, lanes) && ChannelsTogether(in sizes) > 0;
    }

    /// <summary>Input channels of one unit; 0 if there are too few, or a row of the image is too long.</summary>
    public static int ChannelsTogether(in ConvSizes sizes)
    {
        int most = ((MostSums / Outputs) - 1) / (sizes.KernelHeight * sizes.KernelWidth);
        int channels = Math.Min(sizes.Channels / sizes.Groups, WorkerPool.Current == null ? most : Math.Min(most, SharedChannels));
        while (channels >= FewestChannels
            && BandRows(in sizes, channels) * sizes.OutputWidth < Math.Min(FewestPositions, sizes.OutputPositions))
        {
            channels /= 2;
        }

        return channels < FewestChannels ? 0 : channels;
    }

    /// <summary>Blocks of output channels times chunks of input channels.</summary>
    public static int Units(in ConvArguments g) => g.Sizes.Groups * Blocks(in g.Sizes) * Chunks(in g);

    /// <summary>Units g.First ... g.End - 1.</summary>
    // Every element is written before it is read.
    [SkipLocalsInit]
    public static void Run<T, TTail>(in ConvArguments g)
        where T : struct, IFloatLanes<T>
        where TTail : struct, IFloatLanes<TTail>
    {
        ref readonly ConvSizes sizes = ref g.Sizes;
        int together = g.ChannelChunk, blocks = Blocks(in sizes), chunks = Chunks(in g);
        int channels = sizes.Channels / sizes.Groups, outputs = sizes.Outputs / sizes.Groups;
        float* memory = stackalloc float[MostSums + (2 * Room) + (CacheLine / sizeof(float))];
        float* sums = (float*)(((nuint)memory + CacheLine - 1) & ~(nuint)(CacheLine - 1)), delta = sums + MostSums, image = delta + Room;
        ConvTapTerm* terms = stackalloc ConvTapTerm[MostTerms];
        Part part = new() { Terms = terms, Sums = sums, Delta = delta, Image = image, Rows = BandRows(in sizes, together) };
        for (int unit = g.First; unit < g.End; unit++)
        {
            int group = unit / chunks / blocks, block = unit / chunks % blocks;
            part.First = unit % chunks * together;
            part.Channels = Math.Min(together, channels - part.First);
            part.Channel = (group * channels) + part.First;
            int end = Math.Min((block + 1) * Outputs, outputs);
            for (int o = block * Outputs; o < end; o += part.Lanes)
            {
                part.Outputs = Math.Min(2 * T.Count, end - o);
                part.Output = (group * outputs) + o;
                part.Lanes = RoundUp(part.Outputs, T.Count);
                part.List(in sizes);
                FloatBlocks.Fill(0f, delta, Room);
                Sum<T>(in g, in part);
                Finish<T>(in g, in part);
            }
        }
    }

    private static int Blocks(in ConvSizes sizes) => ((sizes.Outputs / sizes.Groups) + Outputs - 1) / Outputs;

    private static int Chunks(in ConvArguments g) => ((g.Sizes.Channels / g.Sizes.Groups) + g.ChannelChunk - 1) / g.ChannelChunk;

    /// <summary>Output rows of a band; 0 if not even one has room.</summary>
    private static int BandRows(in ConvSizes sizes, int channels)
    {
        int span = (sizes.DilationY * (sizes.KernelHeight - 1)) + 1, width = sizes.OutputWidth;
        long fit = (Room / channels - CacheLine) / sizes.Width, rows = fit < span ? 0 : ((fit - span) / sizes.StrideY) + 1;
        rows = Math.Min(rows, Math.Min(Room / Outputs / width, MostTerms / sizes.KernelWidth / width));
        return (int)Math.Min(rows, Math.Min(sizes.OutputHeight, Math.Max(1, Positions / width)));
    }

    private static int RoundUp(int value, int multiple) => (value + multiple - 1) / multiple * multiple;

    private static void Sum<T>(in ConvArguments g, in Part part) where T : struct, IFloatLanes<T>
    {
        ref readonly ConvSizes sizes = ref g.Sizes;
        int lanes = part.Lanes, width = sizes.OutputWidth, kernel = sizes.KernelHeight * sizes.KernelWidth, taps = part.Channels * kernel;
        nuint positions = (nuint)sizes.OutputPositions;
        FloatBlocks.Fill(0f, part.Sums, (nint)(taps + 1) * lanes);
        if (g.Accumulate)
        {
            Transpose.Pack(
                in *(g.Kernels + ((nint)part.Output * sizes.Taps) + (part.First * kernel)), (nuint)sizes.Taps, (nuint)part.Outputs, (nuint)taps,
                ref *part.Sums, (nuint)lanes);
            if (g.Bias != null)
            {
                FloatBlocks.Copy(g.Bias + part.Output, part.Sums + ((nint)taps * lanes), part.Outputs);
            }
        }

        for (int n = 0; n < g.Batch; n++)
        {
            float* maps = g.Maps + ((nint)n * g.LeadingMaps) + ((nint)part.Output * (nint)positions);
            for (int y = 0; y < sizes.OutputHeight; y += part.Rows)
            {
                int end = Math.Min(y + part.Rows, sizes.OutputHeight), count = (end - y) * width;
                Transpose.Pack(
                    in *(maps + ((nint)y * width)), positions, (nuint)part.Outputs, (nuint)count, ref *part.Delta, (nuint)lanes);
                AddBias<T>(part.Delta, count, lanes, part.Sums + ((nint)taps * lanes));
                Band<T>(in sizes, in part, g.Image + ((nint)n * g.LeadingImage), y, end);
            }
        }
    }

    private static void AddBias<T>(float* delta, int count, int lanes, float* sums) where T : struct, IFloatLanes<T>
    {
        for (int lane = 0; lane < lanes; lane += T.Count)
        {
            T sum = T.Load(in *sums, (nuint)lane);
            float* next = delta + lane;
            for (int i = 0; i < count; i++, next += lanes)
            {
                sum += T.Load(in *next, 0);
            }

            T.Store(sum, ref *sums, (nuint)lane);
        }
    }

    /// <summary>Adds the positions of output rows from ... end - 1 to the sums of all taps.</summary>
    private static void Band<T>(in ConvSizes sizes, in Part part, float* image, int from, int end) where T : struct, IFloatLanes<T>
    {
        int lanes = part.Lanes, kernel = sizes.KernelHeight * sizes.KernelWidth;
        int firstIn = Math.Clamp((from * sizes.StrideY) - sizes.Top, 0, sizes.Height);
        int endIn = Math.Clamp(((end - 1) * sizes.StrideY) - sizes.Top + (sizes.DilationY * (sizes.KernelHeight - 1)) + 1, firstIn, sizes.Height);

        // Planes that are a power of two apart would share a few lines of the first cache.
        int length = (endIn - firstIn) * sizes.Width, pitch = RoundUp(length, CacheLine / sizeof(float)) + (CacheLine / sizeof(float));
        for (int c = 0; c < part.Channels; c++)
        {
            FloatBlocks.Copy(
                image + ((((nint)(part.Channel + c) * sizes.Height) + firstIn) * sizes.Width), part.Image + ((nint)c * pitch), length);
        }

        ConvTileArguments tile = new() { Step = pitch, LeadingSums = kernel * lanes };
        for (int ky = 0; ky < sizes.KernelHeight; ky++)
        {
            int offset = (ky * sizes.DilationY) - sizes.Top;
            (int first, int last) = ConvSizes.Reading(offset, sizes.Height, sizes.StrideY, sizes.OutputHeight);
            (first, last) = (Math.Max(first, from), Math.Min(last, end));
            if (first >= last)
            {
                continue;
            }

            float* row = part.Image + ((nint)((first * sizes.StrideY) + offset - firstIn) * sizes.Width);
            tile.Weights = part.Delta + ((nint)(first - from) * sizes.OutputWidth * lanes);
            tile.Terms = part.Terms;
            for (int kx = 0; kx < sizes.KernelWidth; kx++)
            {
                (int left, int right) = Part.Seeing(in sizes, kx);
                tile.Count = (last - first) * (right - left);
                Tap<T>(part.Channels, lanes / T.Count, row, part.Sums + ((nint)((ky * sizes.KernelWidth) + kx) * lanes), ref tile);
                tile.Terms += part.Rows * (right - left);
            }
        }
    }

    private static void Tap<T>(int channels, int vectors, float* image, float* sums, ref ConvTileArguments tile) where T : struct, IFloatLanes<T>
    {
        int most = ConvTile.MostPositions(T.Count);
        for (int c = 0, rows, lines; c < channels && tile.Count > 0; c += rows * lines)
        {
            int left = channels - c;
            rows = left >= most ? most : left >= 6 ? 6 : left >= 4 ? 4 : left >= 2 ? 2 : 1;
            lines = vectors == 2 ? 1 : Math.Min(left / rows, ConvTile.MostLines(T.Count));
            tile.Source = image + (c * tile.Step);
            tile.Sums = sums + (c * tile.LeadingSums);
            (tile.Line, tile.LineSums) = (rows * tile.Step, rows * tile.LeadingSums);
            tile.GoOn();
            ConvTile.Run<T>(rows, lines, vectors, in tile);
        }
    }

    private static void Finish<T>(in ConvArguments g, in Part part) where T : struct, IFloatLanes<T>
    {
        int kernel = g.Sizes.KernelHeight * g.Sizes.KernelWidth, taps = part.Channels * kernel;
        float* flat = stackalloc float[Outputs * ConvWeightsKernel.Columns];
        for (int k = 0; k < taps; k += Piece)
        {
            int count = Math.Min(Piece, taps - k);
            bool hasBias = k + count == taps && part.First == 0 && g.Bias != null;
            Transpose.Pack(
                in *(part.Sums + ((nint)k * part.Lanes)), (nuint)part.Lanes, (nuint)(count + (hasBias ? 1 : 0)), (nuint)part.Outputs,
                ref *flat, ConvWeightsKernel.Columns);
            ConvWeightsKernel.Finish<T>(in g, part.Output, part.Outputs, (part.First * kernel) + k, count, hasBias, flat);
        }
    }

    /// <summary>Some outputs and input channels, and the memory for them.</summary>
    private struct Part
    {
        /// <summary>The first output channel, how many, and that filled up to whole vectors.</summary>
        public int Output, Outputs, Lanes;

        /// <summary>The first input channel, in its group and in the image, and how many.</summary>
        public int First, Channel, Channels;

        /// <summary>Output rows of a band.</summary>
        public int Rows;

        /// <summary>[channel][tap][output]; the biases follow.</summary>
        public float* Sums;

        /// <summary>[position][output].</summary>
        public float* Delta;

        /// <summary>[channel][row][column].</summary>
        public float* Image;

        /// <summary>[kernel column][position of a band]: the positions that see the tap, row by row.</summary>
        public ConvTapTerm* Terms;

        /// <summary>The columns of positions that see a kernel column: first, and end (exclusive).</summary>
        public static (int First, int End) Seeing(in ConvSizes sizes, int kx) =>
            ConvSizes.Reading((kx * sizes.DilationX) - sizes.Left, sizes.Width, sizes.StrideX, sizes.OutputWidth);

        public readonly void List(in ConvSizes sizes)
        {
            ConvTapTerm* next = Terms;
            for (int kx = 0; kx < sizes.KernelWidth; kx++)
            {
                (int left, int right) = Seeing(in sizes, kx);
                for (int y = 0; y < Rows; y++)
                {
                    for (int x = left; x < right; x++)
                    {
                        *next++ = new ConvTapTerm(
                            (y * sizes.StrideY * sizes.Width) + (x * sizes.StrideX) + (kx * sizes.DilationX) - sizes.Left,
                            ((y * sizes.OutputWidth) + x) * Lanes);
                    }
                }
            }
        }
    }
}
