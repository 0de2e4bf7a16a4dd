using System.Runtime.Intrinsics;

namespace EmbeddedBackprop.Kernels;

/// <summary>Writes panels of a convolution's input for the weight gradient: a row per output position, a column per tap.</summary>
internal static unsafe class ConvTapPack
{
    /// <summary>
    /// panel[position, tap] without padding. A row of taps is copied in whole vectors: what is too much is overwritten by the next row of taps or stands
    /// behind the last column; where the input ends it is copied float by float.
    /// </summary>
    public static void Inner(float* image, float* end, int strideX, ConvRun* runs, int count, ConvTapRow* tapRows, int tapRowCount, float* panel, int leading)
    {
        for (ConvTapRow* taps = tapRows; taps < tapRows + tapRowCount; taps++)
        {
            for (ConvRun* run = runs; run < runs + count; run++)
            {
                float* from = image + run->Image + taps->Offset, to = panel + ((nint)run->Column * leading) + taps->Column;
                int length = taps->Length, vector = length <= 4 ? 4 : 8;
                nint room = (nint)(end - from) - vector;
                int safe = length > 8 || !Vector128.IsHardwareAccelerated || room < 0 ? 0 : (int)nint.Min((room / strideX) + 1, run->Length);
                if (length == 1)
                    safe = 0;
                if (vector == 4)
                    Copy4(from, strideX, safe, to, leading);
                else
                    Copy8(from, strideX, safe, to, leading);
                for (int i = safe; i < run->Length; i++)
                {
                    float* source = from + ((nint)i * strideX), row = to + ((nint)i * leading);
                    if (length == 1)
                        *row = *source;
                    else
                        Runs.Copy(source, row, length);
                }
            }
        }
    }

    /// <summary>panel[position, tap] and mask[position, tap], 1 where the tap lies inside and 0 where it is skipped (what the panel holds there is not read).</summary>
    public static void Border(
        float* image, in ConvSizes sizes, ConvRun* runs, int count, ConvTapRow* tapRows, int tapRowCount, float* panel, float* mask, int leading, int wide)
    {
        for (ConvRun* run = runs; run < runs + count; run++)
        {
            for (int i = 0; i < run->Length; i++)
            {
                float* from = image + run->Image + ((nint)i * sizes.StrideX);
                nint row = (nint)(run->Column + i) * leading;
                Runs.Fill(0f, mask + row, wide);
                Runs.Fill(0f, panel + row, wide);
                int iy = (run->Y * sizes.StrideY) - sizes.Top, ix = ((run->X + i) * sizes.StrideX) - sizes.Left;
                for (ConvTapRow* taps = tapRows; taps < tapRows + tapRowCount; taps++)
                {
                    if ((uint)(iy + (taps->KernelY * sizes.DilationY)) >= (uint)sizes.Height)
                        continue;
                    int x = ix + (taps->KernelX * sizes.DilationX);
                    int begin = Math.Max(0, -x), end = Math.Min(taps->Length, sizes.Width - x);
                    if (begin >= end)
                        continue;
                    Runs.Copy(from + taps->Offset + begin, panel + row + taps->Column + begin, end - begin);
                    Runs.Fill(1f, mask + row + taps->Column + begin, end - begin);
                }
            }
        }
    }

    /// <summary>A column of ones.</summary>
    public static void Ones(float* column, int leading, int depth)
    {
        for (int i = 0; i < depth; i++, column += leading)
            *column = 1f;
    }

    private static void Copy4(float* from, int step, int count, float* to, int leading)
    {
        for (; count > 0; count--, from += step, to += leading)
            Vector128.Store(Vector128.Load(from), to);
    }

    private static void Copy8(float* from, int step, int count, float* to, int leading)
    {
        for (; count > 0; count--, from += step, to += leading)
        {
            if (Vector256.IsHardwareAccelerated)
            {
                Vector256.Store(Vector256.Load(from), to);
            }
            else
            {
                Vector128.Store(Vector128.Load(from), to);
                Vector128.Store(Vector128.Load(from + 4), to + 4);
            }
        }
    }
}
