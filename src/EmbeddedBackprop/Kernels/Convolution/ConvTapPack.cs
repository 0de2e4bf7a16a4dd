using System.Runtime.Intrinsics;
using EmbeddedBackprop.Kernels.Elements;

namespace EmbeddedBackprop.Kernels.Convolution;

/// <summary>Writes panels of a convolution's input for the weight gradient: a row per output position, a column per tap.</summary>
internal static unsafe class ConvTapPack
{
    /// <summary>
    /// panel[position, tap] without padding. A row of taps is copied in whole vectors: the next row of taps overwrites the excess, or it
    /// lies past the last column. At the end of the input a row is copied float by float.
    /// </summary>
    public static void Inner(
        float* image,
        float* end,
        int strideX,
        ConvRun* runs,
        int count,
        ConvTapRow* tapRows,
        int tapRowCount,
        float* panel,
        int leading)
    {
        nint* offsets = stackalloc nint[tapRowCount];
        int* columns = stackalloc int[tapRowCount];
        nint farthest = 0;
        int longest = 1;
        for (int t = 0; t < tapRowCount; t++)
        {
            (offsets[t], columns[t]) = (tapRows[t].Offset, tapRows[t].Column);
            farthest = nint.Max(farthest, tapRows[t].Offset);
            longest = Math.Max(longest, tapRows[t].Length);
        }

        int vector = longest <= 4 ? 4 : 8;
        for (ConvRun* run = runs; run < runs + count; run++)
        {
            float* from = image + run->Image, to = panel + ((nint)run->Column * leading);
            nint room = (nint)(end - from) - farthest - vector;
            int safe =
                longest > 8 || longest == 1 || !Vector128.IsHardwareAccelerated || room < 0 ? 0 : (int)nint.Min((room / strideX) + 1, run->Length);
            if (vector == 4)
            {
                Copy4(from, strideX, safe, to, leading, offsets, columns, tapRowCount);
            }
            else
            {
                Copy8(from, strideX, safe, to, leading, offsets, columns, tapRowCount);
            }

            for (int i = safe; i < run->Length; i++)
            {
                float* source = from + ((nint)i * strideX), row = to + ((nint)i * leading);
                for (int t = 0; t < tapRowCount; t++)
                {
                    if (longest == 1)
                    {
                        row[columns[t]] = source[offsets[t]];
                    }
                    else
                    {
                        FloatBlocks.Copy(source + offsets[t], row + columns[t], tapRows[t].Length);
                    }
                }
            }
        }
    }

    /// <summary>
    /// panel[position, tap] and mask[position, tap], 1 where the tap lies inside and 0 where it is skipped (what the panel holds there is not read).
    /// </summary>
    public static void Border(
        float* image,
        in ConvSizes sizes,
        ConvRun* runs,
        int count,
        ConvTapRow* tapRows,
        int tapRowCount,
        float* panel,
        float* mask,
        int leading,
        int wide)
    {
        for (ConvRun* run = runs; run < runs + count; run++)
        {
            for (int i = 0; i < run->Length; i++)
            {
                float* from = image + run->Image + ((nint)i * sizes.StrideX);
                nint row = (nint)(run->Column + i) * leading;
                FloatBlocks.Fill(0f, mask + row, wide);
                FloatBlocks.Fill(0f, panel + row, wide);
                int iy = (run->Y * sizes.StrideY) - sizes.Top, ix = ((run->X + i) * sizes.StrideX) - sizes.Left;
                for (ConvTapRow* taps = tapRows; taps < tapRows + tapRowCount; taps++)
                {
                    if ((uint)(iy + (taps->KernelY * sizes.DilationY)) >= (uint)sizes.Height)
                    {
                        continue;
                    }

                    int x = ix + (taps->KernelX * sizes.DilationX);
                    int begin = Math.Max(0, -x), end = Math.Min(taps->Length, sizes.Width - x);
                    float* source = from + taps->Offset, to = panel + row + taps->Column, exists = mask + row + taps->Column;
                    for (int k = begin; k < end; k++)
                    {
                        to[k] = source[k];
                        exists[k] = 1f;
                    }
                }
            }
        }
    }

    /// <summary>A column of ones.</summary>
    public static void Ones(float* column, int leading, int depth)
    {
        for (int i = 0; i < depth; i++, column += leading)
        {
            *column = 1f;
        }
    }

    private static void Copy4(float* from, int step, int count, float* to, int leading, nint* offsets, int* columns, int rows)
    {
        for (; count > 0; count--, from += step, to += leading)
        {
            for (int t = 0; t < rows; t++)
            {
                Vector128.Store(Vector128.Load(from + offsets[t]), to + columns[t]);
            }
        }
    }

    private static void Copy8(float* from, int step, int count, float* to, int leading, nint* offsets, int* columns, int rows)
    {
        for (; count > 0; count--, from += step, to += leading)
        {
            for (int t = 0; t < rows; t++)
            {
                if (Vector256.IsHardwareAccelerated)
                {
                    Vector256.Store(Vector256.Load(from + offsets[t]), to + columns[t]);
                }
                else
                {
                    Vector128.Store(Vector128.Load(from + offsets[t]), to + columns[t]);
                    Vector128.Store(Vector128.Load(from + offsets[t] + 4), to + columns[t] + 4);
                }
            }
        }
    }
}
