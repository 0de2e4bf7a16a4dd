using System.Runtime.Intrinsics;

namespace EmbeddedBackprop.Kernels;

/// <summary>Short runs of floats, copied or added without a call. Moves and single additions: the same bits at every width.</summary>
internal static unsafe class Runs
{
    /// <summary>to[i] = from[i].</summary>
    public static void Copy(float* from, float* to, nint count)
    {
        nint i = 0;
        if (Vector512.IsHardwareAccelerated)
        {
            for (; count - i >= 16; i += 16)
                Vector512.Store(Vector512.Load(from + i), to + i);
        }

        if (Vector256.IsHardwareAccelerated)
        {
            for (; count - i >= 8; i += 8)
                Vector256.Store(Vector256.Load(from + i), to + i);
        }

        if (Vector128.IsHardwareAccelerated)
        {
            for (; count - i >= 4; i += 4)
                Vector128.Store(Vector128.Load(from + i), to + i);
        }

        for (; i < count; i++)
            to[i] = from[i];
    }

    /// <summary>to[i] = to[i] + from[i].</summary>
    public static void Add(float* from, float* to, nint count)
    {
        nint i = 0;
        if (Vector512.IsHardwareAccelerated)
        {
            for (; count - i >= 16; i += 16)
                Vector512.Store(Vector512.Load(to + i) + Vector512.Load(from + i), to + i);
        }

        if (Vector256.IsHardwareAccelerated)
        {
            for (; count - i >= 8; i += 8)
                Vector256.Store(Vector256.Load(to + i) + Vector256.Load(from + i), to + i);
        }

        if (Vector128.IsHardwareAccelerated)
        {
            for (; count - i >= 4; i += 4)
                Vector128.Store(Vector128.Load(to + i) + Vector128.Load(from + i), to + i);
        }

        for (; i < count; i++)
            to[i] += from[i];
    }

    /// <summary>to[i] = value.</summary>
    public static void Fill(float value, float* to, nint count)
    {
        nint i = 0;
        if (Vector512.IsHardwareAccelerated)
        {
            for (; count - i >= 16; i += 16)
                Vector512.Store(Vector512.Create(value), to + i);
        }

        if (Vector128.IsHardwareAccelerated)
        {
            for (; count - i >= 4; i += 4)
                Vector128.Store(Vector128.Create(value), to + i);
        }

        for (; i < count; i++)
            to[i] = value;
    }
}
