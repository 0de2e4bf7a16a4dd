using System.Runtime.CompilerServices;

namespace EmbeddedBackprop.Kernels;

/// <summary>
/// The forward pass as a matrix product, outputs x positions, over panels of 64 positions or more: a panel of the input is packed on the stack (a row per tap, at
/// most 128 rows at a time), multiplied while it is in the first cache, and forgotten. Positions of several samples share a panel where pictures are small.
/// </summary>
internal readonly unsafe struct ConvForwardKernel : ILaneKernel<ConvArguments>
{
    private const int Columns = 64;

    /// <summary>Taps of one block: a panel is then 32 KB and stays in the first cache.</summary>
    private const int Depth = 128;

    /// <summary>With few taps a panel has more columns: there are fewer panels to begin and to end.</summary>
    private const int MoreColumns = 192;

    /// <summary>Taps whose places are worked out once and not for every panel.</summary>
    private const int MostOffsets = 4096;

    /// <summary>Sums that are on the stack: of 64 output channels, or of 21.</summary>
    private const int SumFloats = 64 * Columns;

    private const int CacheLine = 64;

    /// <summary>Rows g.First ... g.End - 1 of the output, counted over all samples.</summary>
    // The panel is written before it is read: clearing 64 KB would cost as much as a small product.
    [SkipLocalsInit]
    public static void Run<T, TTail>(in ConvArguments g)
        where T : struct, IFloatLanes<T>
        where TTail : struct, IFloatLanes<TTail>
    {
        float* memory = stackalloc float[(Depth * Columns) + SumFloats + (CacheLine / sizeof(float))];
        float* panel = (float*)(((nuint)memory + CacheLine - 1) & ~(nuint)(CacheLine - 1));
        int taps = g.Sizes.Taps;
        nint* offsets = stackalloc nint[taps <= MostOffsets ? taps : Depth];
        if (taps <= MostOffsets)
            ConvPack.Offsets(in g.Sizes, 0, taps, offsets);
        ConvRun* runs = stackalloc ConvRun[MoreColumns];
        int outputs = g.Sizes.Outputs / g.Sizes.Groups;
        bool wide = taps * MoreColumns <= Depth * Columns && outputs * MoreColumns <= SumFloats;
        int panelColumns = wide ? MoreColumns : Columns, chunk = SumFloats / panelColumns;
        bool padded = new ConvWalk(in g, g.First, g.End, inner: true, border: false).IsPadded;
        float* mask = stackalloc float[padded ? g.Sizes.KernelHeight * g.Sizes.KernelWidth * panelColumns : 1];
        for (int group = 0; group < g.Sizes.Groups; group++)
        {
            for (int first = 0; first < outputs; first += chunk)
            {
                int channel = (group * outputs) + first, rows = Math.Min(chunk, outputs - first);
                ConvWalk walk = new(in g, g.First, g.End, inner: true, border: false);
                for (int count = walk.Fill(runs, panelColumns, out int columns); count != 0; count = walk.Fill(runs, panelColumns, out columns))
                    Panel<T>(in g, group, channel, rows, runs, count, columns, offsets, panel, panelColumns, null);
                if (!padded)
                    continue;
                walk = new(in g, g.First, g.End, inner: false, border: true);
                for (int count = walk.Fill(runs, panelColumns, out int columns); count != 0; count = walk.Fill(runs, panelColumns, out columns))
                    Panel<T>(in g, group, channel, rows, runs, count, columns, offsets, panel, panelColumns, mask);
            }
        }
    }

    private static void Panel<T>(
        in ConvArguments g, int group, int channel, int rows, ConvRun* runs, int count, int columns, nint* offsets, float* panel, int leadingPanel, float* mask)
        where T : struct, IFloatLanes<T>
    {
        ref readonly ConvSizes sizes = ref g.Sizes;
        int taps = sizes.Taps, wide = (columns + T.Count - 1) / T.Count * T.Count, positions = sizes.OutputPositions;
        float* image = g.Image + ((nint)group * (sizes.Channels / sizes.Groups) * sizes.Height * sizes.Width);
        float* maps = g.Maps + ((nint)channel * positions), sums = panel + (Depth * Columns);
        int leading = leadingPanel;

        // Whole vectors of one sample are summed where they belong; others beside the panel.
        bool direct = columns == wide && runs[count - 1].Map + runs[count - 1].Length - runs->Map == columns;
        if (direct)
        {
            sums = maps + runs->Map;
            leading = positions;
        }

        if (!g.Accumulate)
            Start(in g, channel, rows, wide, sums, leading);
        else if (!direct)
            Gather(maps, positions, rows, runs, count, sums, leadingPanel);

        int blocks = (taps + Depth - 1) / Depth, kernel = sizes.KernelHeight * sizes.KernelWidth;
        bool masked = mask != null;
        if (masked)
            ConvPack.Mask(in sizes, runs, count, wide, mask, leadingPanel);
        for (int block = 0; block < blocks; block++)
        {
            int step = block * taps / blocks, depth = ((block + 1) * taps / blocks) - step;
            float* weights = g.Kernels + ((nint)channel * taps) + step;
            nint* places = offsets + step;
            if (taps > MostOffsets)
                ConvPack.Offsets(in sizes, step, depth, places = offsets);
            ConvPack.ClearColumns(panel, leadingPanel, depth, columns, wide);
            if (masked)
            {
                ConvPack.Border(image, in sizes, step, depth, places, runs, count, wide, panel, leadingPanel);
                MaskedProduct.Run<T>(rows, wide, depth, weights, taps, 1, panel, mask, leadingPanel, step % kernel, kernel, sums, leading);
            }
            else
            {
                ConvPack.Inner(image, sizes.StrideX, places, depth, runs, count, panel, leadingPanel);
                PanelProduct.Run<T>(rows, wide, depth, weights, taps, 1, panel, leadingPanel, sums, leading, GemmStart.Destination);
            }
        }

        if (!direct)
            Scatter(sums, leadingPanel, rows, runs, count, maps, positions);
    }

    private static void Start(in ConvArguments g, int channel, int rows, int wide, float* sums, int leading)
    {
        for (int i = 0; i < rows; i++)
            Runs.Fill(g.Bias == null ? 0f : g.Bias[channel + i], sums + ((nint)i * leading), wide);
    }

    private static void Gather(float* maps, int positions, int rows, ConvRun* runs, int count, float* sums, int leading)
    {
        for (int i = 0; i < rows; i++, maps += positions, sums += leading)
        {
            for (ConvRun* run = runs; run < runs + count; run++)
                Runs.Copy(maps + run->Map, sums + run->Column, run->Length);
        }
    }

    private static void Scatter(float* sums, int leading, int rows, ConvRun* runs, int count, float* maps, int positions)
    {
        ConvRun* end = runs + count;
        for (ConvRun* run = runs; run < end;)
        {
            // Whole rows of one sample follow each other without a gap: one copy.
            ConvRun* first = run;
            int length = run->Length;
            while (++run < end && run->Map == first->Map + length)
                length += run->Length;
            for (int i = 0; i < rows; i++)
                Runs.Copy(sums + (i * leading) + first->Column, maps + ((nint)i * positions) + first->Map, length);
        }
    }
}
