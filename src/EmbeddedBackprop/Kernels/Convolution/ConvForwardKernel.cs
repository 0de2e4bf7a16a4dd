using System.Runtime.CompilerServices;
using EmbeddedBackprop.Kernels.Elements;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Kernels.Products;

namespace EmbeddedBackprop.Kernels.Convolution;

/// <summary>
/// The forward pass as a matrix product, outputs x positions, over panels of 64 positions or more: a panel of the input is packed on the stack (a row
/// per tap, at most 128 rows at a time), multiplied while it is in the first cache, and forgotten. Positions of several samples share a panel where
/// pictures are small.
/// </summary>
internal readonly unsafe struct ConvForwardKernel : ILaneKernel<ConvArguments>
{
    private const int Columns = 64;

    /// <summary>Taps of one block: a panel is then 32 KB and stays in the first cache.</summary>
    private const int Depth = 128;

    /// <summary>With few taps a panel has more columns: there are fewer panels to begin and to end.</summary>
    private const int MoreColumns = 192;

    /// <summary>Taps whose offsets are computed once and not for every panel.</summary>
    private const int MostOffsets = 4096;

    /// <summary>Sums that are on the stack: of 64 output channels, or of 21.</summary>
    private const int SumFloats = 64 * Columns;

    private const int CacheLine = 64;

    /// <summary>Rows g.First ... g.End - 1 of the output, counted over all samples.</summary>
    public static void Run<T, TTail>(in ConvArguments g)
        where T : struct, IFloatLanes<T>
        where TTail : struct, IFloatLanes<TTail>
    {
        bool hasMaxima = g.Maxima != null;
        if (ConvChannels.Fits(in g.Sizes, T.Count))
        {
            hasMaxima &= !ConvChannels.TakesMaxima<T>(in g);
            ConvChannels.Run<T>(in g);
        }
        else if (ConvFlat.Fits<T>(in g))
        {
            hasMaxima &= !ConvFlat.TakesMaxima(in g);
            ConvFlat.Run<T, TTail>(in g);
        }
        else
        {
            RunPanels<T>(in g);
            if (g.Finish.Exists)
            {
                ConvFinishKernel.Run<T, TTail>(in g);
            }
        }

        if (hasMaxima)
        {
            ConvMaximaKernel.Run<T, TTail>(in g);
        }
    }

    // The panel is written before it is read: clearing 64 KB would cost as much as a small product.
    [SkipLocalsInit]
    private static void RunPanels<T>(in ConvArguments g) where T : struct, IFloatLanes<T>
    {
        float* memory = stackalloc float[(Depth * Columns) + SumFloats + (CacheLine / sizeof(float))];
        float* panel = (float*)(((nuint)memory + CacheLine - 1) & ~(nuint)(CacheLine - 1));
        int taps = g.Sizes.Taps;
        nint* offsets = stackalloc nint[taps <= MostOffsets ? taps : Depth];
        if (taps <= MostOffsets)
        {
            ConvPack.Offsets(in g.Sizes, 0, taps, offsets);
        }

        ConvRun* runs = stackalloc ConvRun[MoreColumns];
        int outputs = g.Sizes.Outputs / g.Sizes.Groups;
        bool wide = taps * MoreColumns <= Depth * Columns && outputs * MoreColumns <= SumFloats;
        int panelColumns = wide ? MoreColumns : Columns, chunk = SumFloats / panelColumns;
        bool padded = new ConvWalk(in g, g.First, g.End, inner: true, border: false).IsPadded;
        float* mask = stackalloc float[padded ? g.Sizes.KernelHeight * g.Sizes.KernelWidth * panelColumns : 1];
        float* seen = stackalloc float[MoreColumns];
        for (int group = 0; group < g.Sizes.Groups; group++)
        {
            for (int first = 0; first < outputs; first += chunk)
            {
                int channel = (group * outputs) + first, rows = Math.Min(chunk, outputs - first);
                ConvPanel place = new()
                {
                    Image = g.Image + ((nint)group * (g.Sizes.Channels / g.Sizes.Groups) * g.Sizes.Height * g.Sizes.Width),
                    Channel = channel, Rows = rows, Runs = runs, Offsets = offsets, Panel = panel, Leading = panelColumns, Mask = mask, Seen = seen,
                    BeginsAtZero = !g.ZerosAreAlike && (g.Bias == null || FloatBlocks.IndexOfZero(g.Bias + channel, 0, rows) < rows),
                };
                bool withZeros = padded && g.MultipliesZeros && !g.Accumulate;
                ConvWalk walk = new(in g, g.First, g.End, inner: true, border: withZeros);
                while ((place.Count = walk.Fill(runs, panelColumns, out place.Columns)) != 0)
                {
                    if (!withZeros || !TryWithZeros<T>(in g, in place))
                    {
                        Panel<T>(in g, in place, withZeros ? Border.Skipped : Border.None);
                    }
                }

                if (!padded || withZeros)
                {
                    continue;
                }

                walk = new(in g, g.First, g.End, inner: false, border: true);
                while ((place.Count = walk.Fill(runs, panelColumns, out place.Columns)) != 0)
                {
                    Panel<T>(in g, in place, Border.Skipped);
                }
            }
        }
    }

    /// <summary>
    /// A panel whose taps outside the image are multiplied by zero after all, which is twice as fast. A term +-0 changes no sum but -0, which it may
    /// make +0 (<see cref="SparseProduct"/>). So a result other than +0 is that of the definition; and +0 is, too, if the sum began with +0 and met
    /// zeros only.
    /// </summary>
    /// <returns>Whether that is so for all results.</returns>
    private static bool TryWithZeros<T>(in ConvArguments g, in ConvPanel place) where T : struct, IFloatLanes<T>
    {
        if (g.ZerosAreAlike)
        {
            Panel<T>(in g, in place, Border.Multiplied);
            return true;
        }

        FloatBlocks.Fill(0f, place.Seen, place.Columns);
        Panel<T>(in g, in place, Border.Multiplied);
        ConvRun* end = place.Runs + place.Count;
        int positions = g.Sizes.OutputPositions;
        for (int i = 0; i < place.Rows; i++)
        {
            float start = g.Bias == null ? 0f : g.Bias[place.Channel + i];
            bool fromZero = BitConverter.SingleToInt32Bits(start) == 0;
            for (ConvRun* run = place.Runs; run < end; run++)
            {
                float* results = g.Maps + ((nint)(place.Channel + i) * positions) + run->Map;
                for (
                    int x = FloatBlocks.IndexOfZero(results, 0, run->Length);
                    x < run->Length;
                    x = FloatBlocks.IndexOfZero(results, x + 1, run->Length))
                {
                    if (!fromZero || BitConverter.SingleToInt32Bits(place.Seen[run->Column + x]) != 0)
                    {
                        return false;
                    }
                }
            }
        }

        return true;
    }

    private static void Panel<T>(in ConvArguments g, in ConvPanel place, Border border)
        where T : struct, IFloatLanes<T>
    {
        ref readonly ConvSizes sizes = ref g.Sizes;
        int taps = sizes.Taps, columns = place.Columns, wide = (columns + T.Count - 1) / T.Count * T.Count, positions = sizes.OutputPositions;
        int rows = place.Rows, count = place.Count, leading = place.Leading, leadingPanel = leading;
        float* maps = g.Maps + ((nint)place.Channel * positions), panel = place.Panel, sums = panel + (Depth * Columns);
        ConvRun* runs = place.Runs;

        // Whole vectors of one sample are summed where they belong; others outside the panel.
        bool direct = columns == wide && runs[count - 1].Map + runs[count - 1].Length - runs->Map == columns;
        if (direct)
        {
            sums = maps + runs->Map;
            leading = positions;
        }

        if (!g.Accumulate)
        {
            Start(in g, place.Channel, rows, wide, sums, leading);
        }
        else if (!direct)
        {
            Gather(maps, positions, rows, runs, count, sums, leadingPanel);
        }

        int blocks = (taps + Depth - 1) / Depth, kernel = sizes.KernelHeight * sizes.KernelWidth;
        if (border == Border.Skipped)
        {
            ConvPack.Mask(in sizes, runs, count, wide, place.Mask, leadingPanel);
        }

        for (int block = 0; block < blocks; block++)
        {
            int step = block * taps / blocks, depth = ((block + 1) * taps / blocks) - step;
            float* weights = g.Kernels + ((nint)place.Channel * taps) + step;
            nint* places = place.Offsets + step;
            if (taps > MostOffsets)
            {
                ConvPack.Offsets(in sizes, step, depth, places = place.Offsets);
            }

            ConvPack.ClearColumns(panel, leadingPanel, depth, columns, wide);
            if (border == Border.Skipped)
            {
                ConvPack.Border(place.Image, in sizes, step, depth, places, runs, count, wide, panel, leadingPanel);
                MaskedProduct.Run<T>(rows, wide, depth, weights, taps, 1, panel, place.Mask, leadingPanel, step % kernel, kernel, sums, leading);
                continue;
            }

            if (border == Border.None)
            {
                ConvPack.Inner(place.Image, sizes.StrideX, places, depth, runs, count, panel, leadingPanel);
            }
            else
            {
                ConvPack.Padded(place.Image, g.Image, g.ImageEnd, in sizes, step, depth, places, runs, count, wide, panel, leadingPanel);
                if (place.BeginsAtZero)
                {
                    FloatBlocks.OrMagnitudes(panel, leadingPanel, depth, place.Seen, columns);
                }
            }

            PanelProduct.Run<T>(rows, wide, depth, weights, taps, 1, panel, leadingPanel, sums, leading, GemmStart.Destination);
        }

        if (!direct)
        {
            Scatter(sums, leadingPanel, rows, runs, count, maps, positions);
        }
    }

    /// <summary>The treatment of taps outside the image.</summary>
    private enum Border
    {
        /// <summary>There are none in the panel.</summary>
        None,

        /// <summary>A mask says which terms exist.</summary>
        Skipped,

        /// <summary>They are zeros.</summary>
        Multiplied,
    }

    private static void Start(in ConvArguments g, int channel, int rows, int wide, float* sums, int leading)
    {
        for (int i = 0; i < rows; i++)
        {
            FloatBlocks.Fill(g.Bias == null ? 0f : g.Bias[channel + i], sums + ((nint)i * leading), wide);
        }
    }

    private static void Gather(float* maps, int positions, int rows, ConvRun* runs, int count, float* sums, int leading)
    {
        for (int i = 0; i < rows; i++, maps += positions, sums += leading)
        {
            for (ConvRun* run = runs; run < runs + count; run++)
            {
                FloatBlocks.Copy(maps + run->Map, sums + run->Column, run->Length);
            }
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
            {
                length += run->Length;
            }

            for (int i = 0; i < rows; i++)
            {
                FloatBlocks.Copy(sums + (i * leading) + first->Column, maps + ((nint)i * positions) + first->Map, length);
            }
        }
    }
}
