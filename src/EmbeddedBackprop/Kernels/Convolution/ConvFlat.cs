using System.Runtime.CompilerServices;
using EmbeddedBackprop.Kernels.Elements;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Kernels.Products;

namespace EmbeddedBackprop.Kernels.Convolution;

/// <summary>
/// The forward pass of few outputs without padding, steps and holes: positions in the lanes, read where they are. They run on over the ends of rows,
/// where a tap is as far away as anywhere else; the few sums between two rows of the output mean nothing and are dropped. Rows of whole halves of a
/// vector do without those: a vector is then read in two halves.
/// </summary>
internal static unsafe class ConvFlat
{
    /// <summary>Vectors of a tile.</summary>
    private const int Vectors = 3;

    /// <summary>Lanes of vectors that are read in halves: each half is a register of its own.</summary>
    private const int LanesOfHalves = 16;

    /// <summary>Outputs whose sums are computed together, at most.</summary>
    private const int MostOutputs = 8;

    /// <summary>Positions of a block, those between the rows included.</summary>
    private const int MostPositions = 1 << 10;

    private const int MostTaps = 1 << 10;

    private const int CacheLine = 64;

    /// <summary>
    /// Whether there is such a pass for these sizes, and rows g.First ... g.End - 1 leave no sample with too few positions for a tile.
    /// </summary>
    public static bool Fits<T>(in ConvArguments g) where T : struct, IFloatLanes<T>
    {
        ref readonly ConvSizes s = ref g.Sizes;
        int height = s.OutputHeight, width = s.OutputWidth, first = g.First % height, last = g.End % height, fewest = RowsOfTile<T>(in s);
        return T.Count > 1 && s.Groups == 1 && !s.IsPadded && !g.Accumulate && (s.StrideY | s.StrideX | s.DilationY | s.DilationX) == 1
            && s.Taps <= MostTaps && width <= MostPositions / 2 && 4 * width >= 3 * s.Width
            && height >= fewest && Math.Min(height - first, g.End - g.First) >= fewest
            && (last == 0 || Math.Min(last, g.End - g.First) >= fewest);
    }

    /// <summary>Whether the maxima of two by two are taken from the sums: a block has pairs of rows.</summary>
    public static bool TakesMaxima(in ConvArguments g) => g.Maxima != null && RowsOfBlock(in g.Sizes) > 1;

    /// <summary>Rows g.First ... g.End - 1 of the output, counted over all samples.</summary>
    // Every element is written before it is read.
    [SkipLocalsInit]
    public static void Run<T, TTail>(in ConvArguments g)
        where T : struct, IFloatLanes<T>
        where TTail : struct, IFloatLanes<TTail>
    {
        ref readonly ConvSizes sizes = ref g.Sizes;
        int taps = sizes.Taps, height = sizes.OutputHeight, width = sizes.OutputWidth;
        bool hasMaxima = TakesMaxima(in g), keepsMaps = !hasMaxima || g.KeepsMaps;

        // A maximum may read past the last sum.
        float* memory = stackalloc float[(MostOutputs * (MostPositions + taps)) + (2 * T.Count) + (CacheLine / sizeof(float))];
        float* sums = (float*)(((nuint)memory + CacheLine - 1) & ~(nuint)(CacheLine - 1)), weights = sums + (MostOutputs * MostPositions);
        nint* offsets = stackalloc nint[taps];
        ConvPack.Offsets(in sizes, 0, taps, offsets);
        bool hasHalves = HasHalves<T>(sizes.Width, width);
        int pitch = hasHalves ? width : sizes.Width, tall = RowsOfBlock(in sizes), fewest = RowsOfTile<T>(in sizes), rows;
        tall -= hasMaxima ? tall & 1 : 0;
        for (int output = 0; output < sizes.Outputs; output += rows)
        {
            // 24 sums of 16 lanes where there are 32 registers, 12 where there may be 16.
            int left = sizes.Outputs - output;
            rows = left >= 8 && T.Count >= 16 ? 8 : left >= 4 ? 4 : left >= 2 ? 2 : 1;
            Transpose.Pack(in *(g.Kernels + ((nint)output * taps)), (nuint)taps, (nuint)rows, (nuint)taps, ref *weights, (nuint)rows);
            for (int row = g.First; row < g.End;)
            {
                int sample = row / height, y = row % height, end = Math.Min(height, y + g.End - row);
                row += end - y;
                for (; y < end; y += tall)
                {
                    // The last block begins early rather than being too small for a tile: it computes some sums again.
                    int begin = end - y < fewest ? end - fewest : y;
                    begin -= hasMaxima ? begin & 1 : 0;
                    int count = Math.Min(tall, end - begin), some = ((count - 1) * pitch) + width;
                    Block<T>(
                        rows, g.Image + ((nint)sample * g.LeadingImage) + ((nint)begin * sizes.Width), some, sizes.Width, pitch,
                        weights, offsets, taps, g.Bias == null ? null : g.Bias + output, sums);
                    bool isFinished = !keepsMaps && !g.Finish.Normalizes;
                    for (int i = 0; i < rows; i++)
                    {
                        float* from = sums + (i * MostPositions);
                        nint at = ((nint)(output + i) * height) + begin;
                        if (g.Finish.Exists && !isFinished)
                        {
                            // Whole vectors: what lies between the rows and after them is dropped.
                            g.Finish.Positions<T>(output + i, from, (some + T.Count - 1) / T.Count * T.Count);
                        }

                        if (keepsMaps)
                        {
                            float* to = g.Maps + ((nint)sample * g.LeadingMaps) + (at * width);
                            FloatBlocks.CopyRows(from, pitch, to, width, count, width);
                        }

                        if (hasMaxima)
                        {
                            float* to = g.Maxima + ((nint)sample * g.LeadingMaxima) + (at * width / 4);
                            ConvMaxima.Rows<T, TTail>(from, pitch, to, count / 2, width / 2, g.Finish.Rectifies, 2 * T.Count);
                        }
                    }
                }
            }
        }
    }

    /// <summary>Rows of the output whose sums have room.</summary>
    private static int RowsOfBlock(in ConvSizes sizes) => ((MostPositions - sizes.OutputWidth) / sizes.Width) + 1;

    /// <summary>Rows that have positions for a tile.</summary>
    private static int RowsOfTile<T>(in ConvSizes sizes) where T : struct, IFloatLanes<T>
    {
        int width = sizes.OutputWidth, pitch = HasHalves<T>(sizes.Width, width) ? width : sizes.Width;
        return width >= Vectors * T.Count ? 1 : ((Vectors * T.Count) - width + pitch - 1) / pitch + 1;
    }

    /// <summary>Whether rows are whole halves of a vector, and shorter than those of the image.</summary>
    private static bool HasHalves<T>(int imageWidth, int width) where T : struct, IFloatLanes<T> =>
        T.Count == LanesOfHalves && width < imageWidth && width % (T.Count / 2) == 0;

    /// <summary>So many positions; the rows of sums are so far apart as those of the image, or follow each other without gaps.</summary>
    private static void Block<T>(
        int rows, float* image, int positions, int imageWidth, int pitch, float* weights, nint* offsets, int taps, float* bias, float* sums)
        where T : struct, IFloatLanes<T>
    {
        const int Halves = 2 * Vectors;
        nint* halves = stackalloc nint[Halves];
        for (int p = 0; p < positions; p += Vectors * T.Count)
        {
            // The last tile overlaps its neighbour: both compute the same bits there.
            int at = Math.Min(p, positions - (Vectors * T.Count));
            if (pitch == imageWidth)
            {
                Tile<T, One>(rows, image + at, halves, weights, offsets, taps, bias, sums + at);
                continue;
            }

            (int y, int x) = Math.DivRem(at, pitch);
            for (int half = 0; half < Halves; half++)
            {
                halves[half] = (y * imageWidth) + x;
                x += T.Count / 2;
                (y, x) = x == pitch ? (y + 1, 0) : (y, x);
            }

            Tile<T, Two>(rows, image, halves, weights, offsets, taps, bias, sums + at);
        }
    }

    private static void Tile<T, TParts>(
        int rows, float* image, nint* halves, float* weights, nint* offsets, int taps, float* bias, float* sums)
        where T : struct, IFloatLanes<T>
        where TParts : unmanaged, ITileSize
    {
        switch (rows)
        {
            case 8: Tile<T, Eight, TParts>(image, halves, weights, offsets, taps, bias, sums); break;
            case 4: Tile<T, Four, TParts>(image, halves, weights, offsets, taps, bias, sums); break;
            case 2: Tile<T, Two, TParts>(image, halves, weights, offsets, taps, bias, sums); break;
            default: Tile<T, One, TParts>(image, halves, weights, offsets, taps, bias, sums); break;
        }
    }

    /// <summary>Three vectors of positions, each read in one part or in two.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Tile<T, TRows, TParts>(float* image, nint* halves, float* weights, nint* offsets, int taps, float* bias, float* sums)
        where T : struct, IFloatLanes<T>
        where TRows : unmanaged, ITileSize
        where TParts : unmanaged, ITileSize
    {
        T s00 = T.Zero, s01 = T.Zero, s02 = T.Zero;
        T s10 = T.Zero, s11 = T.Zero, s12 = T.Zero;
        T s20 = T.Zero, s21 = T.Zero, s22 = T.Zero;
        T s30 = T.Zero, s31 = T.Zero, s32 = T.Zero;
        T s40 = T.Zero, s41 = T.Zero, s42 = T.Zero;
        T s50 = T.Zero, s51 = T.Zero, s52 = T.Zero;
        T s60 = T.Zero, s61 = T.Zero, s62 = T.Zero;
        T s70 = T.Zero, s71 = T.Zero, s72 = T.Zero;
        if (bias != null)
        {
            s00 = s01 = s02 = T.Broadcast(bias[0]);
            if (sizeof(TRows) > 1)
            {
                s10 = s11 = s12 = T.Broadcast(bias[1]);
            }

            if (sizeof(TRows) > 2)
            {
                s20 = s21 = s22 = T.Broadcast(bias[2]);
                s30 = s31 = s32 = T.Broadcast(bias[3]);
            }

            if (sizeof(TRows) > 4)
            {
                s40 = s41 = s42 = T.Broadcast(bias[4]);
                s50 = s51 = s52 = T.Broadcast(bias[5]);
                s60 = s61 = s62 = T.Broadcast(bias[6]);
                s70 = s71 = s72 = T.Broadcast(bias[7]);
            }
        }

        nuint second = (nuint)T.Count, third = 2 * second;
        nint h0 = halves[0], h1 = halves[1], h2 = halves[2], h3 = halves[3], h4 = halves[4], h5 = halves[5];
        for (nint* end = offsets + taps; offsets < end; offsets++, weights += sizeof(TRows))
        {
            float* x = image + *offsets;
            T x0 = sizeof(TParts) == 1 ? T.Load(in *x, 0) : T.LoadHalves(in x[h0], in x[h1]);
            T x1 = sizeof(TParts) == 1 ? T.Load(in *x, second) : T.LoadHalves(in x[h2], in x[h3]);
            T x2 = sizeof(TParts) == 1 ? T.Load(in *x, third) : T.LoadHalves(in x[h4], in x[h5]);
            T w = T.Broadcast(weights[0]);
            s00 = T.MultiplyAdd(x0, w, s00);
            s01 = T.MultiplyAdd(x1, w, s01);
            s02 = T.MultiplyAdd(x2, w, s02);
            if (sizeof(TRows) > 1)
            {
                w = T.Broadcast(weights[1]);
                s10 = T.MultiplyAdd(x0, w, s10);
                s11 = T.MultiplyAdd(x1, w, s11);
                s12 = T.MultiplyAdd(x2, w, s12);
            }

            if (sizeof(TRows) > 2)
            {
                w = T.Broadcast(weights[2]);
                s20 = T.MultiplyAdd(x0, w, s20);
                s21 = T.MultiplyAdd(x1, w, s21);
                s22 = T.MultiplyAdd(x2, w, s22);
                w = T.Broadcast(weights[3]);
                s30 = T.MultiplyAdd(x0, w, s30);
                s31 = T.MultiplyAdd(x1, w, s31);
                s32 = T.MultiplyAdd(x2, w, s32);
            }

            if (sizeof(TRows) > 4)
            {
                w = T.Broadcast(weights[4]);
                s40 = T.MultiplyAdd(x0, w, s40);
                s41 = T.MultiplyAdd(x1, w, s41);
                s42 = T.MultiplyAdd(x2, w, s42);
                w = T.Broadcast(weights[5]);
                s50 = T.MultiplyAdd(x0, w, s50);
                s51 = T.MultiplyAdd(x1, w, s51);
                s52 = T.MultiplyAdd(x2, w, s52);
                w = T.Broadcast(weights[6]);
                s60 = T.MultiplyAdd(x0, w, s60);
                s61 = T.MultiplyAdd(x1, w, s61);
                s62 = T.MultiplyAdd(x2, w, s62);
                w = T.Broadcast(weights[7]);
                s70 = T.MultiplyAdd(x0, w, s70);
                s71 = T.MultiplyAdd(x1, w, s71);
                s72 = T.MultiplyAdd(x2, w, s72);
            }
        }

        T.Store(s00, ref *sums, 0);
        T.Store(s01, ref *sums, second);
        T.Store(s02, ref *sums, third);
        if (sizeof(TRows) > 1)
        {
            T.Store(s10, ref sums[MostPositions], 0);
            T.Store(s11, ref sums[MostPositions], second);
            T.Store(s12, ref sums[MostPositions], third);
        }

        if (sizeof(TRows) > 2)
        {
            T.Store(s20, ref sums[2 * MostPositions], 0);
            T.Store(s21, ref sums[2 * MostPositions], second);
            T.Store(s22, ref sums[2 * MostPositions], third);
            T.Store(s30, ref sums[3 * MostPositions], 0);
            T.Store(s31, ref sums[3 * MostPositions], second);
            T.Store(s32, ref sums[3 * MostPositions], third);
        }

        if (sizeof(TRows) > 4)
        {
            T.Store(s40, ref sums[4 * MostPositions], 0);
            T.Store(s41, ref sums[4 * MostPositions], second);
            T.Store(s42, ref sums[4 * MostPositions], third);
            T.Store(s50, ref sums[5 * MostPositions], 0);
            T.Store(s51, ref sums[5 * MostPositions], second);
            T.Store(s52, ref sums[5 * MostPositions], third);
            T.Store(s60, ref sums[6 * MostPositions], 0);
            T.Store(s61, ref sums[6 * MostPositions], second);
            T.Store(s62, ref sums[6 * MostPositions], third);
            T.Store(s70, ref sums[7 * MostPositions], 0);
            T.Store(s71, ref sums[7 * MostPositions], second);
            T.Store(s72, ref sums[7 * MostPositions], third);
        }
    }
}
