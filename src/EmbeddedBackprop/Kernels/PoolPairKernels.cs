using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace EmbeddedBackprop.Kernels;

/// <summary>Windows of two by two side by side: two rows are taken apart into even and odd columns, and every output has its own lane.</summary>
internal readonly struct PairForwardKernel<TWindow> : ILaneKernel<PoolArguments> where TWindow : struct, IPoolWindow
{
    public static void Run<T, TTail>(in PoolArguments g)
        where T : struct, IFloatLanes<T>
        where TTail : struct, IFloatLanes<TTail>
    {
        PoolSizes s = g.Sizes;
        int rows = s.OutputHeight;
        nuint width = (nuint)s.Width, n = (nuint)s.OutputWidth;
        for (int plane = 0; plane < g.Batch * s.Channels; plane++)
        {
            int sample = plane / s.Channels, channel = plane % s.Channels;
            ref float x = ref PoolArguments.Plane(g.X, g.LeadingX, sample, channel, s.Height * s.Width);
            ref float y = ref PoolArguments.Plane(g.Destination, g.Leading, sample, channel, rows * s.OutputWidth);
            for (int i = 0; i < rows; i++)
            {
                nuint j = 0;
                for (; n - j >= (nuint)T.Count; j += (nuint)T.Count)
                    T.Store(Window<T>(ref x, width, j), ref y, j);

                // The last vector begins early: it computes some results once more.
                if (j < n && n >= (nuint)T.Count)
                    T.Store(Window<T>(ref x, width, n - (nuint)T.Count), ref y, n - (nuint)T.Count);
                else
                {
                    for (; j < n; j++)
                        TTail.Store(Window<TTail>(ref x, width, j), ref y, j);
                }

                x = ref Unsafe.Add(ref x, 2 * width);
                y = ref Unsafe.Add(ref y, n);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T Window<T>(ref float x, nuint width, nuint j)
        where T : struct, IFloatLanes<T>
    {
        nuint at = 2 * j, half = (nuint)T.Count;
        T low = T.Load(in x, at), high = T.Load(in x, at + half);
        T first = T.Even(low, high);
        T value = TWindow.Next(T.Odd(low, high), TWindow.Next(first, TWindow.Start(first)));
        low = T.Load(in x, at + width);
        high = T.Load(in x, at + width + half);
        value = TWindow.Next(T.Even(low, high), value);
        value = TWindow.Next(T.Odd(low, high), value);
        return TWindow.End(value, T.Constant(4));
    }
}

/// <summary>The gradient of each maximum of two by two goes to its place, +0 to the other three.</summary>
internal readonly struct PairMaxBackwardKernel : ILaneKernel<PoolArguments>
{
    public static void Run<T, TTail>(in PoolArguments g)
        where T : struct, IFloatLanes<T>
        where TTail : struct, IFloatLanes<TTail>
    {
        PoolSizes s = g.Sizes;
        int rows = s.OutputHeight;
        nuint width = (nuint)s.Width, n = (nuint)s.OutputWidth;
        for (int plane = 0; plane < g.Batch * s.Channels; plane++)
        {
            int sample = plane / s.Channels, channel = plane % s.Channels;
            ref float x = ref PoolArguments.Plane(g.X, g.LeadingX, sample, channel, s.Height * s.Width);
            ref float dy = ref PoolArguments.Plane(g.Gradient, g.LeadingGradient, sample, channel, rows * s.OutputWidth);
            ref float dx = ref PoolArguments.Plane(g.Destination, g.Leading, sample, channel, s.Height * s.Width);
            PairRows.ClearRest(in s, ref dx);
            for (int i = 0; i < rows; i++)
            {
                nuint j = 0;
                for (; n - j >= (nuint)T.Count; j += (nuint)T.Count)
                    Scatter<T>(ref x, ref dy, ref dx, width, j);
                if (j < n && n >= (nuint)T.Count)
                    Scatter<T>(ref x, ref dy, ref dx, width, n - (nuint)T.Count);
                else
                {
                    for (; j < n; j++)
                        Scatter<TTail>(ref x, ref dy, ref dx, width, j);
                }

                x = ref Unsafe.Add(ref x, 2 * width);
                dx = ref Unsafe.Add(ref dx, 2 * width);
                dy = ref Unsafe.Add(ref dy, n);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Scatter<T>(ref float x, ref float dy, ref float dx, nuint width, nuint j)
        where T : struct, IFloatLanes<T>
    {
        nuint at = 2 * j, half = (nuint)T.Count;
        T low = T.Load(in x, at), high = T.Load(in x, at + half);
        T a = T.Even(low, high), b = T.Odd(low, high);
        low = T.Load(in x, at + width);
        high = T.Load(in x, at + width + half);
        T c = T.Even(low, high), d = T.Odd(low, high);

        // +0 + dy: a sum begins with +0, so -0 becomes +0.
        T zero = T.Zero, g = zero + T.Load(in dy, j);
        T ab = T.IfGreater(b, a, b, a), abc = T.IfGreater(c, ab, c, ab);
        T da = T.IfGreater(b, a, zero, g), db = T.IfGreater(b, a, g, zero);
        da = T.IfGreater(d, abc, zero, T.IfGreater(c, ab, zero, da));
        db = T.IfGreater(d, abc, zero, T.IfGreater(c, ab, zero, db));
        T dc = T.IfGreater(d, abc, zero, T.IfGreater(c, ab, g, zero)), dd = T.IfGreater(d, abc, g, zero);
        T.Store(T.ZipLow(da, db), ref dx, at);
        T.Store(T.ZipHigh(da, db), ref dx, at + half);
        T.Store(T.ZipLow(dc, dd), ref dx, at + width);
        T.Store(T.ZipHigh(dc, dd), ref dx, at + width + half);
    }
}

/// <summary>A quarter of the gradient of each mean of two by two goes to each of its places.</summary>
internal readonly struct PairMeanBackwardKernel : ILaneKernel<PoolArguments>
{
    public static void Run<T, TTail>(in PoolArguments g)
        where T : struct, IFloatLanes<T>
        where TTail : struct, IFloatLanes<TTail>
    {
        PoolSizes s = g.Sizes;
        int rows = s.OutputHeight;
        nuint width = (nuint)s.Width, n = (nuint)s.OutputWidth;
        for (int plane = 0; plane < g.Batch * s.Channels; plane++)
        {
            int sample = plane / s.Channels, channel = plane % s.Channels;
            ref float dy = ref PoolArguments.Plane(g.Gradient, g.LeadingGradient, sample, channel, rows * s.OutputWidth);
            ref float dx = ref PoolArguments.Plane(g.Destination, g.Leading, sample, channel, s.Height * s.Width);
            PairRows.ClearRest(in s, ref dx);
            for (int i = 0; i < rows; i++)
            {
                nuint j = 0;
                for (; n - j >= (nuint)T.Count; j += (nuint)T.Count)
                    Spread<T>(ref dy, ref dx, width, j);
                if (j < n && n >= (nuint)T.Count)
                    Spread<T>(ref dy, ref dx, width, n - (nuint)T.Count);
                else
                {
                    for (; j < n; j++)
                        Spread<TTail>(ref dy, ref dx, width, j);
                }

                dx = ref Unsafe.Add(ref dx, 2 * width);
                dy = ref Unsafe.Add(ref dy, n);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Spread<T>(ref float dy, ref float dx, nuint width, nuint j)
        where T : struct, IFloatLanes<T>
    {
        nuint at = 2 * j, half = (nuint)T.Count;
        T share = T.Zero + (T.Load(in dy, j) / T.Constant(4));
        T low = T.ZipLow(share, share), high = T.ZipHigh(share, share);
        T.Store(low, ref dx, at);
        T.Store(high, ref dx, at + half);
        T.Store(low, ref dx, at + width);
        T.Store(high, ref dx, at + width + half);
    }
}

/// <summary>What no window of two by two covers.</summary>
internal static class PairRows
{
    /// <summary>Sets the last row of an odd height and the last column of an odd width to +0.</summary>
    public static void ClearRest(in PoolSizes s, ref float dx)
    {
        if ((s.Height & 1) != 0)
            MemoryMarshal.CreateSpan(ref Unsafe.Add(ref dx, (s.Height - 1) * s.Width), s.Width).Clear();
        if ((s.Width & 1) != 0)
        {
            for (int row = 0; row < s.Height; row++)
                Unsafe.Add(ref dx, (row * s.Width) + s.Width - 1) = 0f;
        }
    }
}
