using System.Runtime.CompilerServices;

namespace EmbeddedBackprop.Kernels;

/// <summary>
/// The input gradient: of up to 64 positions, t[tap, position] is a matrix product over the output channels; each row of it is then added to the input
/// where its tap reads. Panels ascend and taps descend, so every element is summed over ascending positions, as in the definition.
/// </summary>
internal readonly unsafe struct ConvInputKernel : ILaneKernel<ConvArguments>
{
    private const int Columns = 64;

    /// <summary>Floats of the packed deltas on the stack.</summary>
    private const int PanelFloats = 256 * Columns;

    /// <summary>Taps of one product: four tiles.</summary>
    private const int Taps = 24;

    private const int CacheLine = 64;

    /// <summary>Samples g.First ... g.End - 1.</summary>
    // The panel is written before it is read.
    [SkipLocalsInit]
    public static void Run<T, TTail>(in ConvArguments g)
        where T : struct, IFloatLanes<T>
        where TTail : struct, IFloatLanes<TTail>
    {
        float* memory = stackalloc float[PanelFloats + (Taps * Columns) + (CacheLine / sizeof(float))];
        float* panel = (float*)(((nuint)memory + CacheLine - 1) & ~(nuint)(CacheLine - 1));
        ConvRun* runs = stackalloc ConvRun[Columns];
        ref readonly ConvSizes sizes = ref g.Sizes;
        if (!g.Accumulate)
            Start(in g);
        int outputs = sizes.Outputs / sizes.Groups, height = sizes.OutputHeight;

        // Many channels: fewer columns, so that all of them find room.
        int most = Columns;
        while (most > 16 && outputs * most > PanelFloats)
            most /= 2;
        for (int group = 0; group < sizes.Groups; group++)
        {
            ConvWalk walk = new(in g, g.First * height, g.End * height, inner: true, border: true);
            for (int count = walk.Fill(runs, most, out int columns); count != 0; count = walk.Fill(runs, most, out columns))
                Panel<T>(in g, group, runs, count, columns, panel, most);
        }
    }

    private static void Start(in ConvArguments g)
    {
        nint plane = (nint)g.Sizes.Height * g.Sizes.Width;
        for (int n = g.First; n < g.End; n++)
        {
            for (int c = 0; c < g.Sizes.Channels; c++)
                Runs.Fill(g.Bias == null ? 0f : g.Bias[c], g.Image + ((nint)n * g.LeadingImage) + (c * plane), plane);
        }
    }

    private static void Panel<T>(in ConvArguments g, int group, ConvRun* runs, int count, int columns, float* panel, int leading)
        where T : struct, IFloatLanes<T>
    {
        ref readonly ConvSizes sizes = ref g.Sizes;
        int outputs = sizes.Outputs / sizes.Groups, taps = sizes.Taps, wide = (columns + T.Count - 1) / T.Count * T.Count;
        int block = Math.Min(outputs, PanelFloats / leading);
        float* products = panel + PanelFloats;
        for (int end = taps; end > 0; end -= Taps)
        {
            int first = Math.Max(0, end - Taps);
            for (int step = 0; step < outputs; step += block)
            {
                int channel = (group * outputs) + step, depth = Math.Min(block, outputs - step);
                if (end == taps || block < outputs)
                    Pack(in g, channel, depth, runs, count, columns, wide, panel, leading);
                PanelProduct.Run<T>(
                    end - first, wide, depth, g.Kernels + ((nint)channel * taps) + first, 1, taps, panel, leading, products, Columns,
                    step == 0 ? GemmStart.Zero : GemmStart.Destination);
            }

            for (int tap = end - 1; tap >= first; tap--)
                AddTap(in g, group, tap, runs, count, products + ((tap - first) * Columns));
        }
    }

    private static void Pack(in ConvArguments g, int channel, int depth, ConvRun* runs, int count, int columns, int wide, float* panel, int leading)
    {
        int positions = g.Sizes.OutputPositions;
        for (int i = 0; i < depth; i++)
        {
            float* maps = g.Maps + ((nint)(channel + i) * positions), row = panel + (i * leading);
            for (ConvRun* run = runs; run < runs + count; run++)
                Runs.Copy(maps + run->Map, row + run->Column, run->Length);
            Runs.Fill(0f, row + columns, wide - columns);
        }
    }

    private static void AddTap(in ConvArguments g, int group, int tap, ConvRun* runs, int count, float* products)
    {
        ref readonly ConvSizes sizes = ref g.Sizes;
        int kx = tap % sizes.KernelWidth, ky = tap / sizes.KernelWidth % sizes.KernelHeight, c = tap / sizes.KernelWidth / sizes.KernelHeight;
        nint offset = (((((nint)group * (sizes.Channels / sizes.Groups)) + c) * sizes.Height) + (ky * sizes.DilationY)) * sizes.Width;
        float* image = g.Image + offset + (kx * sizes.DilationX);
        (int left, int right) = ConvSizes.Reading((kx * sizes.DilationX) - sizes.Left, sizes.Width, sizes.StrideX, sizes.OutputWidth);
        for (ConvRun* run = runs; run < runs + count; run++)
        {
            int iy = (run->Y * sizes.StrideY) - sizes.Top + (ky * sizes.DilationY);
            int begin = Math.Max(left - run->X, 0), end = Math.Min(right - run->X, run->Length);
            if ((uint)iy >= (uint)sizes.Height || begin >= end)
                continue;
            float* to = image + run->Image + ((nint)begin * sizes.StrideX), from = products + run->Column + begin;
            if (sizes.StrideX == 1)
            {
                Runs.Add(from, to, end - begin);
                continue;
            }

            for (int i = 0; i < end - begin; i++)
                to[(nint)i * sizes.StrideX] += from[i];
        }
    }
}
