using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using EmbeddedBackprop.Kernels.Elements;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Kernels.Products;

namespace EmbeddedBackprop.Kernels.Convolution;

/// <summary>
/// The weight gradient as a matrix product, outputs x taps, summed over positions: panels of up to 64 taps (a row per position) are packed on the
/// stack, the sums of one panel stay there until the last sample is done. A column of ones after the last tap gives the bias gradient: M(delta, 1, s)
/// is s + delta in both arithmetics, and its chain adds no time.
/// </summary>
internal readonly unsafe struct ConvWeightsKernel : ILaneKernel<ConvArguments>
{
    /// <summary>Output channels whose sums are on the stack, at most.</summary>
    public const int Rows = 64;

    /// <summary>Taps of a panel, and floats from output to output of the sums.</summary>
    public const int Columns = 64;

    /// <summary>Positions of one block.</summary>
    private const int Depth = 96;

    /// <summary>Floats from position to position: rows of taps are copied in whole vectors, which end past the last column.</summary>
    private const int Leading = Columns + 16;

    private const int Lanes = 16;

    /// <summary>Blocks that are not looked at for zeros after one that had too few.</summary>
    private const int TriesApart = 15;

    private const int CacheLine = 64;

    /// <summary>Panels of taps times chunks of output channels.</summary>
    public static int Units(in ConvArguments g) => Panels(in g) * Chunks(in g) * g.Sizes.Groups;

    /// <summary>Units g.First ... g.End - 1.</summary>
    // The panel is written before it is read.
    [SkipLocalsInit]
    public static void Run<T, TTail>(in ConvArguments g)
        where T : struct, IFloatLanes<T>
        where TTail : struct, IFloatLanes<TTail>
    {
        float* memory = stackalloc float[(Depth * Leading) + (Rows * Columns) + (CacheLine / sizeof(float))];
        float* sums = (float*)(((nuint)memory + CacheLine - 1) & ~(nuint)(CacheLine - 1)), panel = sums + (Rows * Columns);
        ConvTapRow* tapRows = stackalloc ConvTapRow[Columns];
        ConvRun* runs = stackalloc ConvRun[Depth];
        int panels = Panels(in g),
            chunks = Chunks(in g),
            vectors = (TapColumns(in g) + Lanes - 1) / Lanes,
            outputs = g.Sizes.Outputs / g.Sizes.Groups;
        for (int unit = g.First; unit < g.End; unit++)
        {
            int part = unit % panels, chunk = unit / panels % chunks, group = unit / panels / chunks;
            int first = part * vectors / panels * Lanes, end = Math.Min((part + 1) * vectors / panels * Lanes, TapColumns(in g));
            int row = chunk * g.OutputChunk, rows = Math.Min(g.OutputChunk, outputs - row);
            Panel<T>(in g, group, (group * outputs) + row, rows, first, end - first, sums, panel, tapRows, runs);
        }
    }

    private static int TapColumns(in ConvArguments g) => g.Sizes.Taps + (g.Bias == null ? 0 : 1);

    private static int Panels(in ConvArguments g) => (TapColumns(in g) + Columns - 1) / Columns;

    private static int Chunks(in ConvArguments g) => ((g.Sizes.Outputs / g.Sizes.Groups) + g.OutputChunk - 1) / g.OutputChunk;

    private static void Panel<T>(
        in ConvArguments g, int group, int channel, int rows, int first, int columns, float* sums, float* panel, ConvTapRow* tapRows, ConvRun* runs)
        where T : struct, IFloatLanes<T>
    {
        ref readonly ConvSizes sizes = ref g.Sizes;
        int taps = Math.Min(columns, sizes.Taps - first);
        int wide = (columns + T.Count - 1) / T.Count * T.Count;
        bool hasOnes = taps < columns;
        int tapRowCount = ConvTapRow.Cut(in sizes, first, taps, tapRows);
        Begin(in g, channel, rows, first, taps, wide, hasOnes, sums);
        ConvPack.ClearColumns(panel, Leading, Depth, taps, wide);
        bool sparse = SumBlocks<T>(in g, group, channel, rows, taps, wide, hasOnes, sums, panel, tapRows, tapRowCount, runs, g.SkipsZeros);
        if (sparse && SparseProduct.HasNegativeZero(sums, rows * Columns))
        {
            // A term left out might have made it +0: sum once more, with all terms.
            Begin(in g, channel, rows, first, taps, wide, hasOnes, sums);
            SumBlocks<T>(in g, group, channel, rows, taps, wide, hasOnes, sums, panel, tapRows, tapRowCount, runs, false);
        }

        Finish<T>(in g, channel, rows, first, taps, hasOnes, sums);
    }

    /// <summary>Sums over all positions of all samples.</summary>
    /// <returns>Whether terms were left out.</returns>
    private static bool SumBlocks<T>(
        in ConvArguments g,
        int group,
        int channel,
        int rows,
        int taps,
        int wide,
        bool hasOnes,
        float* sums,
        float* panel,
        ConvTapRow* tapRows,
        int tapRowCount,
        ConvRun* runs,
        bool skipsZeros)
        where T : struct, IFloatLanes<T>
    {
        ref readonly ConvSizes sizes = ref g.Sizes;
        int positions = sizes.OutputPositions, dense = 0;
        bool sparse = false;
        nint image = (nint)group * (sizes.Channels / sizes.Groups) * sizes.Height * sizes.Width;
        int height = sizes.OutputHeight;
        for (int n = 0; n < g.Batch; n++)
        {
            float* delta = g.Maps + ((nint)n * g.LeadingMaps) + ((nint)channel * positions);

            // Blocks of positions follow each other row-major, whatever kind they are.
            ConvBlocks blocks = new(in sizes, (nint)n * g.LeadingImage);
            for (
                int count = blocks.Fill(runs, Depth, out int depth, out bool padded);
                count != 0;
                count = blocks.Fill(runs, Depth, out depth, out padded))
            {
                float* a = delta + ((nint)runs->Y * sizes.OutputWidth) + runs->X;
                if (padded)
                {
                    float* mask = panel + (Depth / 2 * Leading);
                    ConvTapPack.Border(g.Image + image, in sizes, runs, count, tapRows, tapRowCount, panel, mask, Leading, wide);
                    if (hasOnes)
                    {
                        ConvTapPack.Ones(panel + taps, Leading, depth);
                        ConvTapPack.Ones(mask + taps, Leading, depth);
                    }

                    MaskedProduct.Run<T>(rows, wide, depth, a, positions, 1, panel, mask, Leading, 0, depth, sums, Columns);
                }
                else
                {
                    ConvTapPack.Inner(g.Image + image, g.ImageEnd, sizes.StrideX, runs, count, tapRows, tapRowCount, panel, Leading);
                    if (hasOnes)
                    {
                        ConvTapPack.Ones(panel + taps, Leading, depth);
                    }

                    if (skipsZeros && --dense < 0)
                    {
                        if (SparseProduct.TryRun<T>(rows, wide, depth, a, positions, panel, Leading, sums, Columns))
                        {
                            sparse = true;
                            continue;
                        }

                        dense = TriesApart;
                    }

                    PanelProduct.Run<T>(rows, wide, depth, a, positions, 1, panel, Leading, sums, Columns, GemmStart.Destination);
                }
            }
        }

        return sparse;
    }

    private static void Begin(in ConvArguments g, int channel, int rows, int first, int taps, int wide, bool hasOnes, float* sums)
    {
        for (int i = 0; i < rows; i++)
        {
            float* row = sums + (i * Columns);
            FloatBlocks.Fill(0f, row, Columns);
            if (!g.Accumulate)
            {
                continue;
            }

            FloatBlocks.Copy(g.Kernels + ((nint)(channel + i) * g.Sizes.Taps) + first, row, taps);
            if (hasOnes)
            {
                row[taps] = g.Bias[channel + i];
            }
        }
    }

    /// <summary>Stores the sums of so many output channels and taps, or applies them; the bias's sum follows a row's last tap.</summary>
    public static void Finish<T>(in ConvArguments g, int channel, int rows, int first, int taps, bool hasOnes, float* sums)
        where T : struct, IFloatLanes<T>
    {
        for (int i = 0; i < rows; i++)
        {
            float* row = sums + (i * Columns), weights = g.Kernels + ((nint)(channel + i) * g.Sizes.Taps) + first;
            if (!g.Updates)
            {
                FloatBlocks.Copy(row, weights, taps);
                if (hasOnes)
                {
                    g.Bias[channel + i] = row[taps];
                }

                continue;
            }

            Update<T>(row, weights, taps, g.LearningRate, g.WeightL2);
            if (hasOnes)
            {
                Update<T>(row + taps, g.Bias + channel + i, 1, g.LearningRate, g.BiasL2);
            }
        }
    }

    // g = M(l2, w, g), w = M(-rate, g, w) in whole vectors of the stack: floats after the last weight are computed along and dropped.
    private static void Update<T>(float* gradient, float* weights, int count, float learningRate, float l2) where T : struct, IFloatLanes<T>
    {
        float* block = stackalloc float[T.Count];
        T rate = T.Broadcast(-learningRate), penalty = T.Broadcast(l2);
        for (int i = 0; i < count; i += T.Count)
        {
            int length = Math.Min(T.Count, count - i);
            T.Store(T.Zero, ref *block, 0);
            FloatBlocks.Copy(gradient + i, block, length);
            T g = T.Load(in *block, 0);
            FloatBlocks.Copy(weights + i, block, length);
            T w = T.Load(in *block, 0);
            if (l2 != 0f)
            {
                g = T.MultiplyAdd(penalty, w, g);
            }

            T.Store(T.MultiplyAdd(rate, g, w), ref *block, 0);
            FloatBlocks.Copy(block, weights + i, length);
        }
    }
}
