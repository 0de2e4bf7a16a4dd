using System.Runtime.Intrinsics;
using EmbeddedBackprop.Kernels.Elements;
using EmbeddedBackprop.Kernels.Products;

namespace EmbeddedBackprop.Kernels.Convolution;

/// <summary>
/// Writes panels of a convolution's input: a row per tap, a column per output position. Moves bits only, at whatever width the product runs.
/// </summary>
internal static unsafe class ConvPack
{
    /// <summary>
    /// How far a tap's input is from the first tap's, for taps first ... first + count - 1 (input channel, kernel row, kernel column).
    /// </summary>
    public static void Offsets(in ConvSizes sizes, int first, int count, nint* offsets)
    {
        nint plane = (nint)sizes.Height * sizes.Width, down = (nint)sizes.DilationY * sizes.Width, right = sizes.DilationX;
        int kx = first % sizes.KernelWidth, ky = first / sizes.KernelWidth % sizes.KernelHeight;
        nint channel = first / sizes.KernelWidth / sizes.KernelHeight * plane, row = channel + (ky * down);
        for (int i = 0; i < count;)
        {
            for (; kx < sizes.KernelWidth && i < count; kx++)
            {
                offsets[i++] = row + (kx * right);
            }

            kx = 0;
            row += down;
            if (++ky == sizes.KernelHeight)
            {
                (ky, channel, row) = (0, channel + plane, channel + plane);
            }
        }
    }

    /// <summary>panel[tap, column] for runs without padding; a ragged vector overlaps its neighbour within the run.</summary>
    public static void Inner(float* image, int strideX, nint* offsets, int depth, ConvRun* runs, int count, float* panel, int leading)
    {
        if (strideX == 1 && Vector512.IsHardwareAccelerated && InEights(runs, count))
        {
            Eights(image, offsets, depth, runs, count, panel, leading);
            return;
        }

        for (ConvRun* run = runs; run < runs + count; run++)
        {
            float* from = image + run->Image, to = panel + run->Column;
            int length = run->Length;
            if (strideX == 1 && Vector512.IsHardwareAccelerated && length >= 16)
            {
                for (int i = 0; i < length; i += 16)
                {
                    int at = Math.Min(i, length - 16);
                    Copy16(from + at, offsets, depth, to + at, leading);
                }
            }
            else if (strideX == 1 && Vector256.IsHardwareAccelerated && length >= 8)
            {
                for (int i = 0; i < length; i += 8)
                {
                    int at = Math.Min(i, length - 8);
                    Copy8(from + at, offsets, depth, to + at, leading);
                }
            }
            else if (strideX <= 2 && Vector128.IsHardwareAccelerated && length >= 4)
            {
                for (int i = 0; i < length; i += 4)
                {
                    int at = Math.Min(i, length - 4);
                    if (strideX == 1)
                    {
                        Copy4(from + at, offsets, depth, to + at, leading);
                    }
                    else
                    {
                        CopyEven4(from + (2 * at), offsets, depth, to + at, leading);
                    }
                }
            }
            else
            {
                for (int i = 0; i < length; i++)
                {
                    Copy1(from + ((nint)i * strideX), offsets, depth, to + i, leading);
                }
            }
        }
    }

    /// <summary>mask[kernel row and column, column]: 1 where the tap lies inside and 0 where it is skipped; the same for every channel.</summary>
    public static void Mask(in ConvSizes sizes, ConvRun* runs, int count, int columns, float* mask, int leading)
    {
        for (int k = 0; k < sizes.KernelHeight * sizes.KernelWidth; k++, mask += leading)
        {
            FloatBlocks.Fill(0f, mask, columns);
            int y = (k / sizes.KernelWidth * sizes.DilationY) - sizes.Top, x = (k % sizes.KernelWidth * sizes.DilationX) - sizes.Left;
            (int left, int right) = ConvSizes.Reading(x, sizes.Width, sizes.StrideX, sizes.OutputWidth);
            for (ConvRun* run = runs; run < runs + count; run++)
            {
                if ((uint)((run->Y * sizes.StrideY) + y) < (uint)sizes.Height)
                {
                    int begin = Math.Max(left - run->X, 0), end = Math.Min(right - run->X, run->Length);
                    FloatBlocks.Fill(1f, mask + run->Column + begin, end - begin);
                }
            }
        }
    }

    /// <summary>
    /// panel[tap, column] for taps first ... first + depth - 1 and runs that hold so many columns together; 0 where the tap lies outside.
    /// </summary>
    public static void Border(
        float* image,
        in ConvSizes sizes,
        int first,
        int depth,
        nint* offsets,
        ConvRun* runs,
        int count,
        int columns,
        float* panel,
        int leading)
    {
        for (int p = 0; p < depth; p++)
        {
            FloatBlocks.Fill(0f, panel + (p * leading), columns);
        }

        for (ConvRun* run = runs; run < runs + count; run++)
        {
            int kx = first % sizes.KernelWidth, ky = first / sizes.KernelWidth % sizes.KernelHeight;
            int y = (run->Y * sizes.StrideY) - sizes.Top, x = (run->X * sizes.StrideX) - sizes.Left;
            float* from = image + run->Image, to = panel + run->Column;
            for (int p = 0; p < depth;)
            {
                int end = Math.Min(depth, p + sizes.KernelWidth - kx);
                bool inside = (uint)(y + (ky * sizes.DilationY)) < (uint)sizes.Height;
                for (; p < end; p++, kx++)
                {
                    int ix = x + (kx * sizes.DilationX);
                    if (!inside)
                    {
                        continue;
                    }

                    if (run->Length == 1)
                    {
                        if ((uint)ix < (uint)sizes.Width)
                        {
                            to[p * leading] = from[offsets[p]];
                        }

                        continue;
                    }

                    CopyClipped(from + offsets[p], sizes.StrideX, ix, sizes.Width, run->Length, to + (p * leading));
                }

                kx = 0;
                ky = ky + 1 == sizes.KernelHeight ? 0 : ky + 1;
            }
        }
    }

    /// <summary>
    /// Panel[tap, column] for runs of any kind, 0 where the tap lies outside: packed as if nothing were outside, where that stays in the memory of
    /// the images.
    /// </summary>
    public static void Padded(
        float* image,
        float* begin,
        float* end,
        in ConvSizes sizes,
        int first,
        int depth,
        nint* offsets,
        ConvRun* runs,
        int count,
        int columns,
        float* panel,
        int leading)
    {
        // Offsets ascend within a channel; where a kernel is larger than the image, its last taps lie past the next channel's first ones.
        nint lowest = nint.MaxValue, highest = nint.MinValue;
        for (int p = 0; p < depth; p++)
        {
            (lowest, highest) = (nint.Min(lowest, offsets[p]), nint.Max(highest, offsets[p]));
        }

        bool inside = true;
        for (ConvRun* run = runs; run < runs + count; run++)
        {
            nint from = (nint)(image - begin) + run->Image;
            inside &= from + lowest >= 0 && from + highest + ((nint)(run->Length - 1) * sizes.StrideX) < (nint)(end - begin);
        }

        if (!inside)
        {
            Border(image, in sizes, first, depth, offsets, runs, count, columns, panel, leading);
            return;
        }

        Inner(image, sizes.StrideX, offsets, depth, runs, count, panel, leading);
        for (int kx = 0; kx < sizes.KernelWidth; kx++)
        {
            (int left, int right) = ConvSizes.Reading((kx * sizes.DilationX) - sizes.Left, sizes.Width, sizes.StrideX, sizes.OutputWidth);
            int tap = (kx - (first % sizes.KernelWidth) + sizes.KernelWidth) % sizes.KernelWidth;
            for (ConvRun* run = runs; run < runs + count; run++)
            {
                int before = Math.Clamp(left - run->X, 0, run->Length), behind = Math.Clamp(right - run->X, before, run->Length);
                for (int p = tap; p < depth && before + run->Length - behind != 0; p += sizes.KernelWidth)
                {
                    float* row = panel + (p * leading) + run->Column;
                    for (int i = 0; i < before; i++)
                    {
                        row[i] = 0f;
                    }

                    for (int i = behind; i < run->Length; i++)
                    {
                        row[i] = 0f;
                    }
                }
            }
        }

        for (ConvRun* run = runs; run < runs + count; run++)
        {
            int y = (run->Y * sizes.StrideY) - sizes.Top;
            for (int p = 0; p < depth && (y < 0 || y + (sizes.DilationY * (sizes.KernelHeight - 1)) >= sizes.Height); p++)
            {
                if ((uint)(y + ((first + p) / sizes.KernelWidth % sizes.KernelHeight * sizes.DilationY)) >= (uint)sizes.Height)
                {
                    FloatBlocks.Fill(0f, panel + (p * leading) + run->Column, run->Length);
                }
            }
        }
    }

    /// <summary>Zeros in columns from ... to - 1: unused columns are computed along, and denormal rubbish there would be slow.</summary>
    public static void ClearColumns(float* panel, int leading, int depth, int from, int to)
    {
        if (from == to)
        {
            return;
        }

        for (int p = 0; p < depth; p++)
        {
            FloatBlocks.Fill(0f, panel + ((nint)p * leading) + from, to - from);
        }
    }

    // The elements whose column first, first + step, ... lies in 0 ... width - 1.
    private static void CopyClipped(float* from, int step, int first, int width, int length, float* to)
    {
        if (step != 1)
        {
            for (int i = 0; i < length; i++)
            {
                if ((uint)(first + (i * step)) < (uint)width)
                {
                    to[i] = from[(nint)i * step];
                }
            }

            return;
        }

        int begin = Math.Max(0, -first), end = Math.Min(length, width - first);
        FloatBlocks.Copy(from + begin, to + begin, end - begin);
    }

    private static bool InEights(ConvRun* runs, int count)
    {
        int all = 0;
        for (ConvRun* run = runs; run < runs + count; run++)
        {
            all |= run->Length;
        }

        return all % 8 == 0;
    }

    // Whole cache lines of the panel from one run, or half and half from two: a store across two lines costs twice.
    private static void Eights(float* image, nint* offsets, int depth, ConvRun* runs, int count, float* panel, int leading)
    {
        ConvRun* run = runs, end = runs + count;
        int within = 0;
        while (run < end)
        {
            float* first = image + run->Image + within, to = panel + run->Column + within;
            Advance(ref run, ref within);
            if (run == end)
            {
                Copy8(first, offsets, depth, to, leading);
                return;
            }

            float* second = image + run->Image + within;
            Advance(ref run, ref within);
            if (second == first + 8)
            {
                Copy16(first, offsets, depth, to, leading);
            }
            else
            {
                Copy8Twice(first, second, offsets, depth, to, leading);
            }
        }

        static void Advance(ref ConvRun* run, ref int within)
        {
            within += 8;
            if (within == run->Length)
            {
                run++;
                within = 0;
            }
        }
    }

    private static void Copy16(float* from, nint* offsets, int depth, float* to, int leading)
    {
        for (int p = 0; p < depth; p++, to += leading)
        {
            Vector512.Store(Vector512.Load(from + offsets[p]), to);
        }
    }

    private static void Copy8(float* from, nint* offsets, int depth, float* to, int leading)
    {
        for (int p = 0; p < depth; p++, to += leading)
        {
            Vector256.Store(Vector256.Load(from + offsets[p]), to);
        }
    }

    private static void Copy8Twice(float* from, float* next, nint* offsets, int depth, float* to, int leading)
    {
        for (int p = 0; p < depth; p++, to += leading)
        {
            Vector512.Store(Vector512.Create(Vector256.Load(from + offsets[p]), Vector256.Load(next + offsets[p])), to);
        }
    }

    private static void Copy4(float* from, nint* offsets, int depth, float* to, int leading)
    {
        for (int p = 0; p < depth; p++, to += leading)
        {
            Vector128.Store(Vector128.Load(from + offsets[p]), to);
        }
    }

    // Elements 0, 2, 4, 6: of the second vector the odd ones, so that nothing after element 6 is read.
    private static void CopyEven4(float* from, nint* offsets, int depth, float* to, int leading)
    {
        for (int p = 0; p < depth; p++, to += leading)
        {
            float* x = from + offsets[p];
            Vector128.Store(Transpose.Halves(Vector128.Load(x), Vector128.Load(x + 3)), to);
        }
    }

    private static void Copy1(float* from, nint* offsets, int depth, float* to, int leading)
    {
        for (int p = 0; p < depth; p++, to += leading)
        {
            *to = from[offsets[p]];
        }
    }
}
