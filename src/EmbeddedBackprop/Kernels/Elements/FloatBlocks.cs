using System.Runtime.Intrinsics;

namespace EmbeddedBackprop.Kernels.Elements;

/// <summary>Short runs of floats, copied without a call. Moves alone: the same bits at every width.</summary>
internal static unsafe class FloatBlocks
{
    /// <summary>to[i] = from[i].</summary>
    public static void Copy(float* from, float* to, nint count)
    {
        nint i = 0;
        if (Vector512.IsHardwareAccelerated)
        {
            for (; count - i >= 16; i += 16)
            {
                Vector512.Store(Vector512.Load(from + i), to + i);
            }
        }

        if (Vector256.IsHardwareAccelerated)
        {
            for (; count - i >= 8; i += 8)
            {
                Vector256.Store(Vector256.Load(from + i), to + i);
            }
        }

        if (Vector128.IsHardwareAccelerated)
        {
            for (; count - i >= 4; i += 4)
            {
                Vector128.Store(Vector128.Load(from + i), to + i);
            }
        }

        for (; i < count; i++)
        {
            to[i] = from[i];
        }
    }

    /// <summary>Rows of so many floats, the next one so many further on in both; source and destination may not overlap.</summary>
    public static void CopyRows(float* from, nint leadingFrom, float* to, nint leadingTo, int rows, int count)
    {
        // The second vector ends with the row: where both meet they move the same floats.
        if (Vector512.IsHardwareAccelerated && count is >= 16 and <= 32)
        {
            for (nint last = count - 16; rows > 0; rows--, from += leadingFrom, to += leadingTo)
            {
                Vector512<float> begin = Vector512.Load(from), end = Vector512.Load(from + last);
                Vector512.Store(begin, to);
                Vector512.Store(end, to + last);
            }
        }
        else if (Vector256.IsHardwareAccelerated && count is >= 8 and <= 16)
        {
            for (nint last = count - 8; rows > 0; rows--, from += leadingFrom, to += leadingTo)
            {
                Vector256<float> begin = Vector256.Load(from), end = Vector256.Load(from + last);
                Vector256.Store(begin, to);
                Vector256.Store(end, to + last);
            }
        }
        else
        {
            for (; rows > 0; rows--, from += leadingFrom, to += leadingTo)
            {
                Copy(from, to, count);
            }
        }
    }

    /// <summary>to[i] = value.</summary>
    public static void Fill(float value, float* to, nint count)
    {
        nint i = 0;
        if (Vector512.IsHardwareAccelerated)
        {
            for (; count - i >= 16; i += 16)
            {
                Vector512.Store(Vector512.Create(value), to + i);
            }
        }

        if (Vector128.IsHardwareAccelerated)
        {
            for (; count - i >= 4; i += 4)
            {
                Vector128.Store(Vector128.Create(value), to + i);
            }
        }

        for (; i < count; i++)
        {
            to[i] = value;
        }
    }

    /// <summary>to[j] = the magnitude bits of to[j] and of a panel's column j, all together: 0 if all are zeros.</summary>
    public static void OrMagnitudes(float* panel, int leading, int rows, float* to, int columns)
    {
        int* all = (int*)to;
        int j = 0;
        if (Vector512.IsHardwareAccelerated)
        {
            for (; columns - j >= 16; j += 16)
            {
                Vector512<int> bits = Vector512<int>.Zero;
                for (int p = 0; p < rows; p++)
                {
                    bits |= Vector512.Load((int*)panel + (p * leading) + j);
                }

                Vector512.Store(Vector512.Load(all + j) | (bits & Vector512.Create(int.MaxValue)), all + j);
            }
        }

        for (; j < columns; j++)
        {
            int bits = 0;
            for (int p = 0; p < rows; p++)
            {
                bits |= ((int*)panel)[(p * leading) + j];
            }

            all[j] |= bits & int.MaxValue;
        }
    }

    /// <summary>The first i from <paramref name="first"/> on at which x[i] is +0; count if there is none.</summary>
    public static int IndexOfZero(float* x, int first, int count)
    {
        int i = first;
        if (Vector512.IsHardwareAccelerated)
        {
            for (; count - i >= 16; i += 16)
            {
                if (Vector512.EqualsAny(Vector512.Load((int*)x + i), Vector512<int>.Zero))
                {
                    break;
                }
            }
        }

        while (i < count && BitConverter.SingleToInt32Bits(x[i]) != 0)
        {
            i++;
        }

        return i;
    }
}
