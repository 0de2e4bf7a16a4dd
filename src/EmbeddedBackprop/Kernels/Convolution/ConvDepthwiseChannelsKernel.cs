using System.Runtime.CompilerServices;
using EmbeddedBackprop.Kernels.Elements;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Kernels.Products;

namespace EmbeddedBackprop.Kernels.Convolution;

/// <summary>
/// Depthwise convolutions with an output a channel, and their input gradients where the stride is 1: channels in the lanes. The source of some rows
/// is turned over on the stack, [position][channel]; positions with the same taps inside have one list of terms; the sums are turned back.
/// </summary>
/// <remarks>
/// Keyword spotting, 3x3 on 64 planes of 25x5: 13 times as fast as one position at a time; 16 planes of 28x28: 2.3 times as fast as vectors of
/// positions.
/// </remarks>
internal readonly unsafe struct ConvDepthwiseChannelsKernel : ILaneKernel<ConvArguments>
{
    /// <summary>Channels of a unit of the work.</summary>
    public const int Channels = 16;

    /// <summary>Floats of the source on the stack.</summary>
    private const int MostSource = 1 << 14;

    /// <summary>Floats of the sums on the stack.</summary>
    private const int MostSums = 1 << 12;

    /// <summary>With fewer channels planes of wide rows have their positions in the lanes.</summary>
    private const int Fewest = 8;

    private const int WidestRow = 16;

    private const int MostTerms = 1 << 12;

    private const int MostBands = 64;

    private const int MostTaps = 256;

    private const int CacheLine = 64;

    /// <summary>Units of the work: blocks of channels of all samples.</summary>
    public static int Units(in ConvArguments g) => g.Batch * Blocks(in g.Sizes);

    /// <summary>Whether there is such a kernel for these sizes, and it is the faster one.</summary>
    public static bool Fits(in ConvArguments g)
    {
        ref readonly ConvSizes sizes = ref g.Sizes;
        if (sizes.Groups != sizes.Channels || sizes.Groups != sizes.Outputs || sizes.Groups == 1 || sizes.Taps > MostTaps
            || (!g.IsForward && (sizes.StrideY | sizes.StrideX) != 1))
        {
            return false;
        }

        (ConvAxis rows, ConvAxis columns) = Axes(in g);
        return (sizes.Groups >= Fewest || columns.Positions < WidestRow)
            && columns.Positions <= MostSums / Channels && TallestBlock(rows, columns) > 0
            && (long)Bands(rows, null) * Bands(columns, null) * sizes.Taps <= MostTerms;
    }

    /// <summary>Units g.First ... g.End - 1.</summary>
    // Every element is written before it is read.
    [SkipLocalsInit]
    public static void Run<T, TTail>(in ConvArguments g)
        where T : struct, IFloatLanes<T>
        where TTail : struct, IFloatLanes<TTail>
    {
        ref readonly ConvSizes sizes = ref g.Sizes;
        (ConvAxis rows, ConvAxis columns) = Axes(in g);
        float* memory = stackalloc float[MostSource + MostSums + (MostTaps * Channels) + (CacheLine / sizeof(float))];
        float* source = (float*)(((nuint)memory + CacheLine - 1) & ~(nuint)(CacheLine - 1)), sums = source + MostSource, weights = sums + MostSums;
        Band* across = stackalloc Band[MostBands];
        Band* down = stackalloc Band[MostBands];
        ConvTapTerm* terms = stackalloc ConvTapTerm[MostTerms];
        Work work = new()
        {
            Rows = rows, Columns = columns, Across = across, Down = down, CountAcross = Bands(columns, across), CountDown = Bands(rows, down),
            Terms = terms, Taps = sizes.Taps, Tall = TallestBlock(rows, columns), Source = source, Pitch = T.Count, Sums = sums, Weights = weights,
        };
        work.List(T.Count, g.IsForward);
        if (sizes.Channels % T.Count != 0)
        {
            // Lanes without a channel are computed along, and denormal rubbish would be slow.
            FloatBlocks.Fill(0f, source, MostSource + MostSums + (MostTaps * Channels));
        }

        int blocks = Blocks(in sizes);
        for (int unit = g.First; unit < g.End; unit++)
        {
            int n = unit / blocks, end = Math.Min((unit % blocks * Channels) + Channels, sizes.Channels);
            for (int channel = unit % blocks * Channels; channel < end; channel += T.Count)
            {
                Planes<T>(in g, in work, n, channel, Math.Min(T.Count, end - channel));
            }
        }
    }

    private static int Blocks(in ConvSizes sizes) => (sizes.Channels + Channels - 1) / Channels;

    private static (ConvAxis Rows, ConvAxis Columns) Axes(in ConvArguments g)
    {
        ConvAxis rows = ConvAxis.Rows(in g.Sizes), columns = ConvAxis.Columns(in g.Sizes);
        return g.IsForward ? (rows, columns) : (rows.Backward, columns.Backward);
    }

    /// <summary>Rows of the result whose sums, and whose source, fit.</summary>
    private static int TallestBlock(ConvAxis rows, ConvAxis columns)
    {
        long fit = (MostSource / Channels / columns.Length) - ((long)rows.Dilation * (rows.Kernel - 1)) - 1;
        return fit < 0 ? 0 : (int)Math.Min(Math.Min(rows.Positions, MostSums / Channels / columns.Positions), (fit / rows.Stride) + 1);
    }

    /// <summary>Cuts an axis into positions with the same taps; counts them where there is no list.</summary>
    public static int Bands(ConvAxis axis, Band* bands)
    {
        int count = 0;
        for (int position = 0, end; position < axis.Positions; position = end, count++)
        {
            end = axis.EndOfAlike(position);
            if (bands != null)
            {
                bands[count] = new Band { First = position, End = end, Taps = axis.Taps(position) };
            }
            else if (count > MostBands)
            {
                return int.MaxValue;
            }
        }

        return count > MostBands ? int.MaxValue : count;
    }

    /// <summary>Some channels of one sample.</summary>
    private static void Planes<T>(in ConvArguments g, in Work work, int n, int channel, int channels) where T : struct, IFloatLanes<T>
    {
        ConvAxis rows = work.Rows, columns = work.Columns;
        nuint lanes = (nuint)T.Count, sourcePlane = (nuint)(rows.Length * columns.Length), plane = (nuint)(rows.Positions * columns.Positions);
        float* image = g.Image + ((nint)n * g.LeadingImage), maps = g.Maps + ((nint)n * g.LeadingMaps);
        float* from = (g.IsForward ? image : maps) + ((nint)channel * (nint)sourcePlane);
        float* to = (g.IsForward ? maps : image) + ((nint)channel * (nint)plane);
        int kernel = work.Taps;
        Transpose.Pack(in *(g.Kernels + ((nint)channel * kernel)), (nuint)kernel, (nuint)channels, (nuint)kernel, ref *work.Weights, lanes);
        float* bias = stackalloc float[T.Count];
        FloatBlocks.Fill(0f, bias, T.Count);
        if (g.Bias != null)
        {
            FloatBlocks.Copy(g.Bias + channel, bias, channels);
        }

        T start = T.Load(in *bias, 0);
        float* finish = stackalloc float[ConvFinish.PackedLength(T.Count)];
        g.Finish.Pack<T>(channel, channels, T.Count, finish);
        for (int y = 0; y < rows.Positions; y += work.Tall)
        {
            int tall = Math.Min(work.Tall, rows.Positions - y), area = tall * columns.Positions;
            int first = Math.Clamp((y * rows.Stride) - rows.Before, 0, rows.Length);
            int end = Math.Clamp(((y + tall - 1) * rows.Stride) - rows.Before + (rows.Dilation * (rows.Kernel - 1)) + 1, first, rows.Length);
            Transpose.Pack(
                in *(from + ((nint)first * columns.Length)), sourcePlane, (nuint)channels, (nuint)((end - first) * columns.Length),
                ref *work.Source, lanes);
            float* result = to + ((nint)y * columns.Positions);
            if (g.Accumulate)
            {
                Transpose.Pack(in *result, plane, (nuint)channels, (nuint)area, ref *work.Sums, lanes);
            }

            Block<T>(in work, y, tall, first, start, g.Accumulate);
            if (g.Finish.Exists)
            {
                g.Finish.Lanes<T>(finish, T.Count, work.Sums, area);
            }

            Transpose.Pack(in *work.Sums, lanes, (nuint)area, (nuint)channels, ref *result, plane);
        }
    }

    /// <summary>
    /// The sums of so many rows, whose source begins with its row <paramref name="first"/>; they begin with a value, or go on from where they are.
    /// </summary>
    public static void Block<T>(in Work work, int y, int tall, int first, T start, bool goesOn) where T : struct, IFloatLanes<T>
    {
        ConvAxis rows = work.Rows, columns = work.Columns;
        int wide = columns.Positions, pitch = work.Pitch, line = columns.Length * pitch, lanes = T.Count;
        for (int i = 0; i < work.CountDown; i++)
        {
            int top = Math.Max(work.Down[i].First, y), height = Math.Min(work.Down[i].End, y + tall) - top;
            for (int j = 0; j < work.CountAcross && height > 0; j++)
            {
                Band band = work.Across[j];
                int width = band.End - band.First;
                Tile tile = new()
                {
                    Weights = work.Weights, Terms = work.Terms + (((i * work.CountAcross) + j) * work.Taps),
                    Count = (work.Down[i].Taps.End - work.Down[i].Taps.First) * (band.Taps.End - band.Taps.First),
                };
                float* from = work.Source + ((nint)((top * rows.Stride) - rows.Before - first) * line)
                    + (((nint)(band.First * columns.Stride) - columns.Before) * pitch);
                float* to = work.Sums + (((nint)((top - y) * wide) + band.First) * lanes);

                // Along the longer side of the rectangle.
                bool isWide = width >= height;
                int length = isWide ? width : height, lines = isWide ? height : width;
                nint acrossSource = columns.Stride * pitch, downSource = (nint)rows.Stride * line, downSums = wide * lanes;
                tile.Step = isWide ? acrossSource : downSource;
                tile.StepSums = isWide ? lanes : downSums;
                for (int k = 0; k < lines; k++)
                {
                    tile.From = from + (k * (isWide ? downSource : acrossSource));
                    tile.Sums = to + (k * (isWide ? downSums : lanes));
                    if (goesOn)
                    {
                        tile.GoOn<T>(length);
                    }
                    else
                    {
                        tile.Run<T>(length, start);
                    }
                }
            }
        }
    }

    /// <summary>Positions on an axis with the same taps.</summary>
    public struct Band
    {
        public int First, End;
        public (int First, int End) Taps;
    }

    /// <summary>What is the same for all channels and samples.</summary>
    public struct Work
    {
        public ConvAxis Rows, Columns;
        public Band* Across, Down;
        public int CountAcross, CountDown;

        /// <summary>[band down][band across][term].</summary>
        public ConvTapTerm* Terms;
        public int Taps;

        /// <summary>Rows of a block, at most.</summary>
        public int Tall;
        public float* Source, Sums, Weights;

        /// <summary>Floats of the source from position to position.</summary>
        public int Pitch;

        /// <summary>Writes the terms; weights are so many floats apart.</summary>
        public readonly void List(int lanes, bool isForward)
        {
            int last = Taps - 1;
            for (int i = 0; i < CountDown * CountAcross; i++)
            {
                Band down = Down[i / CountAcross], across = Across[i % CountAcross];
                ConvTapTerm* next = Terms + (i * Taps);
                for (int ky = down.Taps.First; ky < down.Taps.End; ky++)
                {
                    for (int kx = across.Taps.First; kx < across.Taps.End; kx++)
                    {
                        int tap = (ky * Columns.Kernel) + kx;
                        *next++ = new ConvTapTerm(
                            ((ky * Rows.Dilation * Columns.Length) + (kx * Columns.Dilation)) * Pitch,
                            (isForward ? tap : last - tap) * lanes);
                    }
                }
            }
        }
    }

    /// <summary>Positions on a line with the same terms.</summary>
    private struct Tile
    {
        public float* From, Sums, Weights;
        public nint Step, StepSums;
        public ConvTapTerm* Terms;
        public int Count;

        /// <summary>Sums that begin with a value. The last tile overlaps its neighbour: both compute the same bits there.</summary>
        public readonly void Run<T>(int length, T start) where T : struct, IFloatLanes<T>
        {
            switch (length)
            {
                case 1: Some<T, One>(0, start, goesOn: false); return;
                case 2: Some<T, Two>(0, start, goesOn: false); return;
                case 3: Some<T, Three>(0, start, goesOn: false); return;
                case 4: Some<T, Four>(0, start, goesOn: false); return;
                case < 8:
                    Some<T, Four>(0, start, goesOn: false);
                    Some<T, Four>(length - 4, start, goesOn: false);
                    return;
            }

            int done = 0;
            for (; length - done >= 8; done += 8)
            {
                Some<T, Eight>(done, start, goesOn: false);
            }

            if (length - done > 4)
            {
                Some<T, Eight>(length - 8, start, goesOn: false);
            }
            else if (length > done)
            {
                Some<T, Four>(length - 4, start, goesOn: false);
            }
        }

        /// <summary>Sums that go on from where they are.</summary>
        public readonly void GoOn<T>(int length) where T : struct, IFloatLanes<T>
        {
            int done = 0;
            for (; length - done >= 8; done += 8)
            {
                Some<T, Eight>(done, T.Zero, goesOn: true);
            }

            for (; length - done >= 4; done += 4)
            {
                Some<T, Four>(done, T.Zero, goesOn: true);
            }

            for (; done < length; done++)
            {
                Some<T, One>(done, T.Zero, goesOn: true);
            }
        }

        private readonly void Some<T, TPositions>(int first, T start, bool goesOn)
            where T : struct, IFloatLanes<T>
            where TPositions : unmanaged, ITileSize
        {
            nint step = Step, leading = StepSums;
            float* from = From + (first * step), to = Sums + (first * leading), weights = Weights;
            T s0 = start, s1 = start, s2 = start, s3 = start, s4 = start, s5 = start, s6 = start, s7 = start;
            if (goesOn)
            {
                s0 = T.Load(in *to, 0);
                if (sizeof(TPositions) > 3)
                {
                    s1 = T.Load(in *(to + leading), 0);
                    s2 = T.Load(in *(to + (2 * leading)), 0);
                    s3 = T.Load(in *(to + (3 * leading)), 0);
                }

                if (sizeof(TPositions) > 4)
                {
                    s4 = T.Load(in *(to + (4 * leading)), 0);
                    s5 = T.Load(in *(to + (5 * leading)), 0);
                    s6 = T.Load(in *(to + (6 * leading)), 0);
                    s7 = T.Load(in *(to + (7 * leading)), 0);
                }
            }

            for (ConvTapTerm* term = Terms; term < Terms + Count; term++)
            {
                long both = term->Both;
                float* x = from + (int)both;
                T w = T.Load(in *(weights + (both >> 32)), 0);
                s0 = T.MultiplyAdd(T.Load(in *x, 0), w, s0);
                if (sizeof(TPositions) > 1)
                {
                    s1 = T.MultiplyAdd(T.Load(in *(x + step), 0), w, s1);
                }

                if (sizeof(TPositions) > 2)
                {
                    s2 = T.MultiplyAdd(T.Load(in *(x + (2 * step)), 0), w, s2);
                }

                if (sizeof(TPositions) > 3)
                {
                    s3 = T.MultiplyAdd(T.Load(in *(x + (3 * step)), 0), w, s3);
                }

                if (sizeof(TPositions) > 4)
                {
                    x += 4 * step;
                    s4 = T.MultiplyAdd(T.Load(in *x, 0), w, s4);
                    s5 = T.MultiplyAdd(T.Load(in *(x + step), 0), w, s5);
                    s6 = T.MultiplyAdd(T.Load(in *(x + (2 * step)), 0), w, s6);
                    s7 = T.MultiplyAdd(T.Load(in *(x + (3 * step)), 0), w, s7);
                }
            }

            T.Store(s0, ref *to, 0);
            if (sizeof(TPositions) > 1)
            {
                T.Store(s1, ref *(to + leading), 0);
            }

            if (sizeof(TPositions) > 2)
            {
                T.Store(s2, ref *(to + (2 * leading)), 0);
            }

            if (sizeof(TPositions) > 3)
            {
                T.Store(s3, ref *(to + (3 * leading)), 0);
            }

            if (sizeof(TPositions) > 4)
            {
                T.Store(s4, ref *(to + (4 * leading)), 0);
                T.Store(s5, ref *(to + (5 * leading)), 0);
                T.Store(s6, ref *(to + (6 * leading)), 0);
                T.Store(s7, ref *(to + (7 * leading)), 0);
            }
        }
    }
}
