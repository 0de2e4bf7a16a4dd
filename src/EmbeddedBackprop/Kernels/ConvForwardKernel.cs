using System.Runtime.CompilerServices;

namespace EmbeddedBackprop.Kernels;

/// <summary>
/// The forward pass as a matrix product, outputs x positions, over panels of 64 positions: a panel of the input is packed on the stack (a row per tap, at
/// most 256 rows at a time), multiplied while it is in the first cache, and forgotten. Positions of several samples share a panel where pictures are small.
/// </summary>
internal readonly unsafe struct ConvForwardKernel : ILaneKernel<ConvArguments>
{
    private const int Columns = ConvPack.Columns;

    /// <summary>Taps of one block.</summary>
    private const int Depth = 256;

    /// <summary>Output channels whose sums are on the stack.</summary>
    private const int Rows = 64;

    private const int CacheLine = 64;

    /// <summary>Rows g.First ... g.End - 1 of the output, counted over all samples.</summary>
    // The panel is written before it is read: clearing 64 KB would cost as much as a small product.
    [SkipLocalsInit]
    public static void Run<T, TTail>(in ConvArguments g)
        where T : struct, IFloatLanes<T>
        where TTail : struct, IFloatLanes<TTail>
    {
        float* memory = stackalloc float[((Depth + Rows) * Columns) + (CacheLine / sizeof(float))];
        float* panel = (float*)(((nuint)memory + CacheLine - 1) & ~(nuint)(CacheLine - 1));
        nint* offsets = stackalloc nint[Depth];
        ConvRun* runs = stackalloc ConvRun[Columns];
        int outputs = g.Sizes.Outputs / g.Sizes.Groups;
        for (int group = 0; group < g.Sizes.Groups; group++)
        {
            for (int first = 0; first < outputs; first += Rows)
            {
                int channel = (group * outputs) + first, rows = Math.Min(Rows, outputs - first);
                ConvWalk walk = new(in g, g.First, g.End, inner: true, border: false);
                bool padded = walk.IsPadded;
                for (int count = walk.Fill(runs, Columns, out int columns); count != 0; count = walk.Fill(runs, Columns, out columns))
                    Panel<T>(in g, group, channel, rows, runs, count, columns, offsets, panel, masked: false);
                if (!padded)
                    continue;
                walk = new(in g, g.First, g.End, inner: false, border: true);
                for (int count = walk.Fill(runs, Columns, out int columns); count != 0; count = walk.Fill(runs, Columns, out columns))
                    Panel<T>(in g, group, channel, rows, runs, count, columns, offsets, panel, masked: true);
            }
        }
    }

    private static void Panel<T>(
        in ConvArguments g, int group, int channel, int rows, ConvRun* runs, int count, int columns, nint* offsets, float* panel, bool masked)
        where T : struct, IFloatLanes<T>
    {
        ref readonly ConvSizes sizes = ref g.Sizes;
        int taps = sizes.Taps, wide = (columns + T.Count - 1) / T.Count * T.Count, positions = sizes.OutputPositions;
        float* image = g.Image + ((nint)group * (sizes.Channels / sizes.Groups) * sizes.Height * sizes.Width);
        float* maps = g.Maps + ((nint)channel * positions), sums = panel + (Depth * Columns);
        for (int i = 0; i < rows; i++)
        {
            float* row = sums + (i * Columns);
            if (g.Accumulate)
                Gather(maps + ((nint)i * positions), runs, count, row);
            else
                Runs.Fill(g.Bias == null ? 0f : g.Bias[channel + i], row, wide);
        }

        // The mask stands behind half as many taps.
        int deepest = masked ? Depth / 2 : Depth;
        float* mask = panel + (Depth / 2 * Columns);
        for (int step = 0; step < taps; step += deepest)
        {
            int depth = Math.Min(deepest, taps - step);
            float* weights = g.Kernels + ((nint)channel * taps) + step;
            ConvPack.Offsets(in sizes, step, depth, offsets);
            ConvPack.ClearColumns(panel, Columns, depth, columns, wide);
            if (masked)
            {
                ConvPack.Border(image, in sizes, step, depth, offsets, runs, count, wide, panel, mask);
                MaskedProduct.Run<T>(rows, wide, depth, weights, taps, 1, panel, mask, Columns, sums, Columns);
            }
            else
            {
                ConvPack.Inner(image, sizes.StrideX, offsets, depth, runs, count, panel);
                PanelProduct.Run<T>(rows, wide, depth, weights, taps, 1, panel, Columns, sums, Columns, GemmStart.Destination);
            }
        }

        for (int i = 0; i < rows; i++)
            Scatter(sums + (i * Columns), runs, count, maps + ((nint)i * positions));
    }

    private static void Gather(float* maps, ConvRun* runs, int count, float* row)
    {
        for (ConvRun* run = runs; run < runs + count; run++)
            Runs.Copy(maps + run->Map, row + run->Column, run->Length);
    }

    private static void Scatter(float* row, ConvRun* runs, int count, float* maps)
    {
        ConvRun* end = runs + count;
        for (ConvRun* run = runs; run < end;)
        {
            // Whole rows of one sample follow each other without a gap: one copy.
            ConvRun* first = run;
            int length = run->Length;
            while (++run < end && run->Map == first->Map + length)
                length += run->Length;
            Runs.Copy(row + first->Column, maps + first->Map, length);
        }
    }
}
