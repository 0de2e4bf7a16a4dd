using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using EmbeddedBackprop.Kernels.Elements;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Kernels.Products;

namespace EmbeddedBackprop.Kernels.Convolution;

/// <summary>
/// The forward pass with the output channels in the lanes (<see cref="ConvTile"/>). Nothing of the image is copied. Positions with the same taps
/// inside the image form a rectangle: one without padding, nine with a border of one. Each has a list of its own terms, so a tap outside is neither
/// multiplied nor masked.
/// </summary>
internal static unsafe class ConvChannels
{
    /// <summary>Weights that are turned over on the stack: 128 KB.</summary>
    private const int MostWeights = 1 << 15;

    /// <summary>Sums that are computed before they are turned over into the maps: 16 KB.</summary>
    private const int MostSums = 1 << 12;

    private const int CacheLine = 64;

    /// <summary>In narrower vectors a float of the image meets too few weights: panels are faster.</summary>
    private const int FewestLanes = 8;

    /// <summary>With fewer taps and one vector of outputs the sums are begun and turned over more than they are summed.</summary>
    private const int FewestTaps = 32;

    /// <summary>The same where a window slides over rows of taps.</summary>
    private const int FewestTapsOfRows = 18;

    /// <summary>Terms of all rectangles side by side, at most: 128 KB.</summary>
    private const int MostTerms = 1 << 14;

    /// <summary>Terms that are written together.</summary>
    public const int TermsTogether = 4;

    /// <summary>Rectangles side by side, at most.</summary>
    private const int MostBands = 64;

    /// <summary>Whether the outputs fill the lanes, and kernels and terms fit on the stack.</summary>
    public static bool Fits(in ConvSizes sizes, int lanes)
    {
        int outputs = sizes.Outputs / sizes.Groups;
        if (lanes < FewestLanes || 4 * outputs < 3 * RoundUp(outputs, lanes) || (long)sizes.Taps * lanes > MostWeights
            || (outputs <= lanes && sizes.Taps < (Slides(in sizes, lanes) ? FewestTapsOfRows : FewestTaps)))
        {
            return false;
        }

        int bands = 0;
        ConvAxis columns = ConvAxis.Columns(in sizes);
        for (int x = 0; x < columns.Positions && bands <= MostBands; x = columns.EndOfAlike(x))
        {
            bands++;
        }

        return bands <= MostBands && bands * sizes.Taps <= MostTerms;
    }

    /// <summary>Whether the maxima of two by two are taken from the sums: a block has pairs of whole rows.</summary>
    public static bool TakesMaxima<T>(in ConvArguments g) where T : struct, IFloatLanes<T> =>
        g.Maxima != null && !g.Sizes.IsPadded && 2 * g.Sizes.OutputWidth * 2 * T.Count <= MostSums;

    /// <summary>Outputs of a chunk, at most: one or two vectors.</summary>
    public static int MostLanes(in ConvSizes sizes, int lanes) => 2 * sizes.Taps * lanes <= MostWeights ? 2 * lanes : lanes;

    /// <summary>Rows g.First ... g.End - 1 of the output, counted over all samples.</summary>
    // Every element is written before it is read.
    [SkipLocalsInit]
    public static void Run<T>(in ConvArguments g) where T : struct, IFloatLanes<T>
    {
        ref readonly ConvSizes sizes = ref g.Sizes;
        int taps = sizes.Taps, outputs = sizes.Outputs / sizes.Groups, height = sizes.OutputHeight;
        int most = g.MapLanes > 0 ? g.MapLanes : MostLanes(in sizes, T.Count), bands = 0;
        ConvAxis downwards = ConvAxis.Rows(in sizes), across = ConvAxis.Columns(in sizes);
        Band* columns = stackalloc Band[MostBands];
        for (int x = 0; x < across.Positions; x = columns[bands++].Columns.End)
        {
            columns[bands].Columns = (x, across.EndOfAlike(x));
        }

        // Kernels that were kept are read; only who does the whole work may keep them for the next run.
        bool isTurned = g.Turned != null && ConvTurned.Made(g.Turned) == ConvTurned.Mark(in sizes, most);
        bool keepsTurned = g.Turned != null && g.First == 0 && g.End == g.Batch * height;
        int turned = isTurned || keepsTurned ? 0 : taps * Math.Min(most, RoundUp(outputs, T.Count));
        float* memory = stackalloc float[turned + MostSums + (CacheLine / sizeof(float))];
        float* sums = (float*)(((nuint)memory + CacheLine - 1) & ~(nuint)(CacheLine - 1));
        float* weights = turned > 0 ? sums + MostSums : ConvTurned.Kernels(g.Turned);

        // The lists of all rows, made once for all channels, where they fit.
        int lists = 0, listed = 0;
        for (int y = 0; y < height && lists <= MostBands; y = downwards.EndOfAlike(y))
        {
            lists++;
        }

        bool keeps = lists <= MostBands && (long)lists * bands * taps <= MostTerms;
        lists = keeps ? lists : 1;
        Band* bandsOfRows = stackalloc Band[lists * bands];

        // Without padding there is one list, of all taps; for one chunk of outputs it is kept, too.
        bool keepsList = turned == 0 && outputs <= most && !sizes.IsPadded;
        ConvTapTerm* terms = stackalloc ConvTapTerm[keepsList ? 0 : (lists * bands * taps) + TermsTogether];
        terms = keepsList ? ConvTurned.Terms(g.Turned, in sizes) : terms;
        float* finish = stackalloc float[ConvFinish.PackedLength(most) + most], start = finish + ConvFinish.PackedLength(most);
        for (int channel = 0; channel < sizes.Outputs;)
        {
            int group = channel / outputs, count = Math.Min(most, ((group + 1) * outputs) - channel), lanes = RoundUp(count, T.Count);
            if (!isTurned)
            {
                Pack(g.Kernels + ((nint)channel * taps), taps, count, weights, lanes);
            }

            FloatBlocks.Fill(0f, start, lanes);
            if (g.Bias != null)
            {
                FloatBlocks.Copy(g.Bias + channel, start, count);
            }

            g.Finish.Pack<T>(channel, count, lanes, finish);
            Part part = new()
            {
                Image = g.Image + ((nint)group * (sizes.Channels / sizes.Groups) * sizes.Height * sizes.Width),
                Maps = g.Maps + ((nint)channel * sizes.OutputPositions), Maxima = g.Maxima + ((nint)channel * (sizes.OutputPositions / 4)),
                Start = g.Accumulate ? null : start,
                Channels = count, Lanes = lanes, Weights = weights, Sums = sums, Bands = bandsOfRows, Count = bands, Finish = finish,
            };
            ConvTapTerm* next = terms;
            for (int y = 0; y < height; y = part.Rows.End)
            {
                part.Rows = (y, downwards.EndOfAlike(y));
                if (!keeps || lanes != listed)
                {
                    next = keeps ? next : terms;
                    for (Band* band = part.Bands, column = columns; band < part.Bands + bands; band++, column++)
                    {
                        *band = *column;
                        band->Terms = next;
                        (int first, int end) = across.Taps(band->Columns.First);
                        next = keepsList && isTurned ? next + taps : Terms(in sizes, downwards.Taps(y), (first, end), lanes, next);
                        band->Count = (int)(next - band->Terms);
                        band->Row = sizes.StrideX == 1 && sizes.DilationX == 1 ? end - first : 1;
                    }
                }

                Samples<T>(in g, in part);
                part.Bands += keeps ? bands : 0;
            }

            (channel, listed) = (channel + count, lanes);
            weights += turned > 0 ? 0 : (nint)taps * lanes;
        }

        if (keepsTurned)
        {
            ConvTurned.Made(g.Turned) = ConvTurned.Mark(in sizes, most);
        }
    }

    /// <summary>Columns of the output with the same taps.</summary>
    private struct Band
    {
        public (int First, int End) Columns;
        public ConvTapTerm* Terms;
        public int Count;

        /// <summary>Terms of a kernel row, where positions and taps side by side read neighbours; else 1.</summary>
        public int Row;
    }

    /// <summary>Rows of the output with the same taps, for some channels of a group.</summary>
    private struct Part
    {
        /// <summary>The group's first channel of sample 0.</summary>
        public float* Image;

        /// <summary>The first output channel of sample 0.</summary>
        public float* Maps;

        /// <summary>Its maxima of two by two.</summary>
        public float* Maxima;

        /// <summary>What the sums begin with, [lane]; null where they go on from the maps.</summary>
        public float* Start;
        public int Channels;

        /// <summary>Channels, rounded up to whole vectors.</summary>
        public int Lanes;

        /// <summary>[tap][lane].</summary>
        public float* Weights;

        /// <summary>[position][lane].</summary>
        public float* Sums;
        public Band* Bands;
        public int Count;

        /// <summary>The constants of <see cref="ConvFinish"/>.</summary>
        public float* Finish;
        public (int First, int End) Rows;
    }

    /// <summary>Whether neighbours read neighbours, in rows of taps that have a tile.</summary>
    private static bool Slides(in ConvSizes sizes, int lanes) =>
        sizes.StrideX == 1 && sizes.DilationX == 1 && ConvSlide.Fits(sizes.KernelWidth, lanes);

    private static int RoundUp(int value, int multiple) => (value + multiple - 1) / multiple * multiple;

    private static ConvTapTerm* Terms(in ConvSizes sizes, (int First, int End) rows, (int First, int End) columns, int lanes, ConvTapTerm* next)
    {
        // Both halves of a term move on at once: neither is negative. Four terms are written at a time; what is too much is overwritten.
        long step = new ConvTapTerm(sizes.DilationX, lanes).Both;
        Vector256<long> steps = Vector256.Create(0, step, 2 * step, 3 * step), next4 = Vector256.Create(TermsTogether * step);
        int count = columns.End - columns.First;
        for (int c = 0; c < sizes.Channels / sizes.Groups; c++)
        {
            for (int ky = rows.First; ky < rows.End; ky++)
            {
                int row = ((c * sizes.Height) + (ky * sizes.DilationY)) * sizes.Width, weights = ((c * sizes.KernelHeight) + ky) * sizes.KernelWidth;
                ConvTapTerm first = new(row + (columns.First * sizes.DilationX), (weights + columns.First) * lanes);
                Vector256<long> terms = Vector256.Create(first.Both) + steps;
                for (int i = 0; i < count; i += TermsTogether, terms += next4)
                {
                    terms.Store((long*)(next + i));
                }

                next += count;
            }
        }

        return next;
    }

    private static void Pack(float* kernels, int taps, int count, float* weights, int lanes)
    {
        if (count < lanes)
        {
            FloatBlocks.Fill(0f, weights, taps * lanes);
        }

        Transpose.Pack(in *kernels, (nuint)taps, (nuint)count, (nuint)taps, ref *weights, (nuint)lanes);
    }

    /// <summary>The rows of all samples, in blocks whose sums fit.</summary>
    private static void Samples<T>(in ConvArguments g, in Part part) where T : struct, IFloatLanes<T>
    {
        int height = g.Sizes.OutputHeight, width = g.Sizes.OutputWidth, most = MostSums / part.Lanes;
        int wide = Math.Min(width, most), tall = most / wide;
        tall -= TakesMaxima<T>(in g) ? tall & 1 : 0;
        for (int sample = g.First / height; sample * height < g.End;)
        {
            int y = Math.Max(part.Rows.First, g.First - (sample * height)), end = Math.Min(part.Rows.End, g.End - (sample * height)), samples = 1;
            if (y < end)
            {
                // Samples that want all rows are computed together.
                for (
                    int fit = tall / (end - y);
                    samples < fit && (y, end) == part.Rows && ((sample + samples) * height) + end <= g.End;
                    samples++)
                {
                }

                for (; y < end; y += tall)
                {
                    for (int x = 0; x < width; x += wide)
                    {
                        Block<T>(in g, in part, (sample, samples), (y, Math.Min(tall, end - y)), (x, Math.Min(wide, width - x)));
                    }
                }
            }

            sample += samples;
        }
    }

    /// <summary>Whole rows of some samples, or a part of one row: first sample, row and column, and how many.</summary>
    private static void Block<T>(
        in ConvArguments g, in Part part, (int First, int Count) samples, (int First, int Count) rows, (int First, int Count) columns)
        where T : struct, IFloatLanes<T>
    {
        ref readonly ConvSizes sizes = ref g.Sizes;
        int lanes = part.Lanes, area = rows.Count * columns.Count;
        nuint plane = (nuint)sizes.OutputPositions, channels = (nuint)part.Channels;
        float* maps = part.Maps + ((nint)samples.First * g.LeadingMaps) + ((nint)rows.First * sizes.OutputWidth) + columns.First;
        float* sums = part.Sums;
        int leadingSums = area * lanes;
        if (g.MapLanes > 0)
        {
            // Blocks of channels are as the sums are: they become the maps where they are.
            sums = maps + (((nint)rows.First * sizes.OutputWidth) + columns.First) * (lanes - 1);
            leadingSums = g.LeadingMaps;
        }

        for (int n = 0; g.Accumulate && n < samples.Count; n++)
        {
            Transpose.Pack(
                in *(maps + ((nint)n * g.LeadingMaps)), plane, channels, (nuint)area, ref *(sums + ((nint)n * leadingSums)), (nuint)lanes);
        }

        for (Band* band = part.Bands; band < part.Bands + part.Count; band++)
        {
            int first = Math.Max(band->Columns.First, columns.First), end = Math.Min(band->Columns.End, columns.First + columns.Count);
            if (first < end)
            {
                float* image = part.Image + ((nint)samples.First * g.LeadingImage) + ((nint)first * sizes.StrideX) - sizes.Left
                    + ((((nint)rows.First * sizes.StrideY) - sizes.Top) * sizes.Width);
                Rectangle<T>(
                    in part, in *band, image, sums + ((nint)(first - columns.First) * lanes),
                    new Axis(end - first, sizes.StrideX, lanes),
                    new Axis(rows.Count, (nint)sizes.StrideY * sizes.Width, columns.Count * lanes),
                    new Axis(samples.Count, g.LeadingImage, leadingSums));
            }
        }

        bool hasMaxima = TakesMaxima<T>(in g), keepsMaps = !hasMaxima || g.KeepsMaps;
        if (g.Finish.Exists && (keepsMaps || g.Finish.Normalizes))
        {
            for (int n = 0; n < samples.Count; n++)
            {
                g.Finish.Lanes<T>(part.Finish, lanes, sums + ((nint)n * leadingSums), area);
            }
        }

        if (g.MapLanes > 0)
        {
            return;
        }

        for (int n = 0; keepsMaps && n < samples.Count; n++)
        {
            Transpose.Pack(
                in *(sums + ((nint)n * leadingSums)), (nuint)lanes, (nuint)area, channels, ref *(maps + ((nint)n * g.LeadingMaps)), plane);
        }

        for (int n = 0; hasMaxima && n < samples.Count; n++)
        {
            float* own = sums + ((nint)n * leadingSums);
            float* maxima = part.Maxima + ((nint)(samples.First + n) * g.LeadingMaxima) + ((nint)rows.First * sizes.OutputWidth / 4);
            ConvMaxima.Lanes<T>(own, lanes, rows.Count, columns.Count, g.Finish.Rectifies);
            Transpose.Pack(in *own, (nuint)lanes, (nuint)area / 4, channels, ref *maxima, plane / 4);
        }
    }

    /// <summary>Positions with the same terms: tiles along the columns, or where those are few along the rows or the samples.</summary>
    private static void Rectangle<T>(in Part part, in Band band, float* image, float* sums, Axis across, Axis down, Axis through)
        where T : struct, IFloatLanes<T>
    {
        (Axis along, Axis lines, Axis rest) =
            across.Length >= 4 || (across.Length >= down.Length && across.Length >= through.Length) ? (across, down, through)
            : down.Length >= 4 || down.Length >= through.Length ? (down, across, through)
            : (through, down, across);
        if (lines.Length == 1)
        {
            (lines, rest) = (rest, lines);
        }

        ConvTileArguments tile = new()
        {
            Step = along.Source, Line = lines.Source, LeadingSums = along.Sums, LineSums = lines.Sums,
            Weights = part.Weights, Terms = band.Terms, Count = band.Count, From = part.Start,
        };
        int vectors = part.Lanes / T.Count;
        bool slides = vectors == 1 && along.Source == 1 && lines.Length > 1 && ConvSlide.Fits(band.Row, T.Count);
        for (int third = 0; third < rest.Length; third++)
        {
            for (int line = 0, count; line < lines.Length; line += count)
            {
                count = slides ? Math.Min(lines.Length - line, ConvSlide.Lines) : vectors == 1 ? Lines(lines.Length - line, T.Count) : 1;
                for (int done = 0, length; done < along.Length; done += length)
                {
                    length = Positions(along.Length - done, T.Count);
                    tile.Source = image + (third * rest.Source) + (line * lines.Source) + (done * along.Source);
                    tile.Sums = sums + (third * rest.Sums) + (line * lines.Sums) + (done * along.Sums);
                    if (part.Start == null)
                    {
                        tile.GoOn();
                    }

                    if (!slides || count < ConvSlide.Lines || !ConvSlide.TryRun<T>(length, band.Row, in tile))
                    {
                        ConvTile.Run<T>(length, count, vectors, in tile);
                    }
                }
            }
        }
    }

    /// <summary>Positions of the next tile of so many that are left.</summary>
    private static int Positions(int left, int lanes)
    {
        int most = ConvTile.MostPositions(lanes);
        return left >= most ? most : left >= 4 ? left & ~1 : left >= 2 ? 2 : 1;
    }

    /// <summary>Lines of the next tile of so many that are left: two and two of four.</summary>
    private static int Lines(int left, int lanes)
    {
        int most = ConvTile.MostLines(lanes);
        return left == most + 1 ? (left + 1) / 2 : Math.Min(left, most);
    }

    /// <summary>A direction of positions: how many, and how far their sources and sums are from each other.</summary>
    private readonly struct Axis(int length, nint source, nint sums)
    {
        public readonly int Length = length;
        public readonly nint Source = source, Sums = sums;
    }
}
