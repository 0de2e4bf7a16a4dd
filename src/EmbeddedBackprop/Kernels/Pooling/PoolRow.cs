using System.Runtime.CompilerServices;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Kernels.Scalar;

namespace EmbeddedBackprop.Kernels.Pooling;

/// <summary>
/// One row of outputs of a pooling. The outputs from first to end - 1 have windows that are not clipped at the sides: there vectors may be used.
/// </summary>
internal static class PoolRow
{
    // Gradients of means that are divided at one time.
    private const int Shares = 64;

    /// <summary>
    /// The outputs that vectors may compute; none where the stride is none of 1 and 2, or where a vector is wanted that does not fit.
    /// </summary>
    public static (int First, int End) Interior<T>(in PoolSizes s, int spare, bool wholeVector)
        where T : struct, IFloatLanes<T>
    {
        (int first, int end) = s.Interior(spare);
        return s.StrideWidth > 2 || T.Count is 1 or > 16 || (wholeVector && end - first < T.Count) ? (first, first) : (first, end);
    }

    /// <summary>The row's results.</summary>
    public static void Forward<T, TTail, TWindow>(
        in PoolSizes s, bool countPadding, int i, int columns, int first, int end, ref readonly float x, ref float y)
        where T : struct, IFloatLanes<T>
        where TTail : struct, IFloatLanes<TTail>
        where TWindow : struct, IPoolWindow
    {
        (int top, int bottom) = PoolSizes.Clip(i, s.StrideHeight, s.PaddingHeight, s.KernelHeight, s.Height);
        Each<TTail, TWindow>(in s, countPadding, top, bottom, 0, first, in x, ref y);
        int j = first;
        T n = T.Broadcast(countPadding ? s.KernelHeight * s.KernelWidth : (bottom - top) * s.KernelWidth);
        while (j < end)
        {
            // The last vector begins early: it computes some results once more.
            j = Math.Min(j, end - T.Count);
            T.Store(TWindow.End(Vector<T, TWindow>(in s, top, bottom, j, in x), n), ref y, (nuint)j);
            j += T.Count;
        }

        Each<TTail, TWindow>(in s, countPadding, top, bottom, j, columns, in x, ref y);
    }

    /// <summary>dx at each maximum += dy. Lanes hold the distance of the maximum from its window's corner, exact in a float.</summary>
    public static void MaxBackward<T>(
        in PoolSizes s,
        int i,
        int columns,
        int first,
        int end,
        ref readonly float x,
        ref readonly float dy,
        ref float dx)
        where T : struct, IFloatLanes<T>
    {
        (int top, int bottom) = PoolSizes.Clip(i, s.StrideHeight, s.PaddingHeight, s.KernelHeight, s.Height);
        ref float d = ref Unsafe.AsRef(in dy);
        int j = 0;
        for (; j < first; j++)
        {
            Unsafe.Add(ref dx, Winner(in s, top, bottom, j, in x)) += Unsafe.Add(ref d, j);
        }

        // No early beginning here: a gradient must not be added twice.
        PartialSums<float> places = default;
        ref float place = ref Unsafe.As<PartialSums<float>, float>(ref places);
        for (; end - j >= T.Count; j += T.Count)
        {
            T.Store(Winners<T>(in s, top, bottom, j, in x), ref place, 0);
            int corner = (top * s.Width) + (j * s.StrideWidth) - s.PaddingWidth;
            for (int lane = 0; lane < T.Count; lane++, corner += s.StrideWidth)
            {
                Unsafe.Add(ref dx, corner + (int)Unsafe.Add(ref place, lane)) += Unsafe.Add(ref d, j + lane);
            }
        }

        for (; j < columns; j++)
        {
            Unsafe.Add(ref dx, Winner(in s, top, bottom, j, in x)) += Unsafe.Add(ref d, j);
        }
    }

    /// <summary>dx at each position of each window += dy / n.</summary>
    public static void MeanBackward<T, TTail>(
        in PoolSizes s, bool countPadding, int i, int columns, int first, int end, ref readonly float dy, ref float dx)
        where T : struct, IFloatLanes<T>
        where TTail : struct, IFloatLanes<TTail>
    {
        (int top, int bottom) = PoolSizes.Clip(i, s.StrideHeight, s.PaddingHeight, s.KernelHeight, s.Height);
        Spread(in s, countPadding, top, bottom, 0, first, in dy, ref dx);
        int j = first;
        float n = countPadding ? s.KernelHeight * s.KernelWidth : (bottom - top) * s.KernelWidth;
        Span<float> shares = stackalloc float[Shares];
        for (; j < end; j += Shares)
        {
            int count = Math.Min(Shares, end - j);
            for (int k = 0; k < count; k++)
            {
                shares[k] = Unsafe.Add(ref Unsafe.AsRef(in dy), j + k) / n;
            }

            Neighbours<T, TTail>(in s, top, bottom, j, (nuint)count, ref shares[0], ref dx);
        }

        Spread(in s, countPadding, top, bottom, Math.Max(end, first), columns, in dy, ref dx);
    }

    // Windows of stride 1 or 2 side by side. Kernel columns descend, so that each position meets its windows in ascending order.
    private static void Neighbours<T, TTail>(in PoolSizes s, int top, int bottom, int j, nuint count, ref float shares, ref float dx)
        where T : struct, IFloatLanes<T>
        where TTail : struct, IFloatLanes<TTail>
    {
        nuint stride = (nuint)s.StrideWidth, half = (nuint)T.Count;
        for (int row = top; row < bottom; row++)
        {
            for (int tap = s.KernelWidth - 1; tap >= 0; tap--)
            {
                ref float to = ref Unsafe.Add(ref dx, (row * s.Width) + (j * s.StrideWidth) - s.PaddingWidth + tap);
                nuint k = 0;
                for (; count - k >= (nuint)T.Count; k += (nuint)T.Count)
                {
                    T share = T.Load(ref shares, k);
                    if (stride == 1)
                    {
                        T.Store(T.Load(ref to, k) + share, ref to, k);
                        continue;
                    }

                    // Every second position; the others are written back as they were.
                    T low = T.Load(ref to, 2 * k), high = T.Load(ref to, (2 * k) + half);
                    T even = T.Even(low, high) + share, odd = T.Odd(low, high);
                    T.Store(T.ZipLow(even, odd), ref to, 2 * k);
                    T.Store(T.ZipHigh(even, odd), ref to, (2 * k) + half);
                }

                for (; k < count; k++)
                {
                    TTail.Store(TTail.Load(ref to, stride * k) + TTail.Load(ref shares, k), ref to, stride * k);
                }
            }
        }
    }

    // Outputs first to end - 1, one by one.
    private static void Each<T, TWindow>(
        in PoolSizes s,
        bool countPadding,
        int top,
        int bottom,
        int first,
        int end,
        ref readonly float x,
        ref float y)
        where T : struct, IFloatLanes<T>
        where TWindow : struct, IPoolWindow
    {
        int width = s.Width, stride = s.StrideWidth, kernel = s.KernelWidth, all = s.KernelHeight * kernel;
        for (int j = first, begin = (first * stride) - s.PaddingWidth; j < end; j++, begin += stride)
        {
            int left = Math.Max(begin, 0), right = Math.Min(begin + kernel, width);
            T value = TWindow.Start(T.Load(in x, (nuint)((top * width) + left)));
            for (int row = top * width; row < bottom * width; row += width)
            {
                for (int here = row + left; here < row + right; here++)
                {
                    value = TWindow.Next(T.Load(in x, (nuint)here), value);
                }
            }

            T.Store(TWindow.End(value, T.Broadcast(countPadding ? all : (bottom - top) * (right - left))), ref y, (nuint)j);
        }
    }

    // The index in its plane of the maximum of one window.
    private static int Winner(in PoolSizes s, int top, int bottom, int j, ref readonly float x)
    {
        ref float plane = ref Unsafe.AsRef(in x);
        (int left, int right) = PoolSizes.Clip(j, s.StrideWidth, s.PaddingWidth, s.KernelWidth, s.Width);
        int winner = (top * s.Width) + left;
        for (int row = top; row < bottom; row++)
        {
            for (int here = (row * s.Width) + left; here < (row * s.Width) + right; here++)
            {
                winner = Unsafe.Add(ref plane, here) > Unsafe.Add(ref plane, winner) ? here : winner;
            }
        }

        return winner;
    }

    // The gradients of means first to end - 1, one by one.
    private static void Spread(in PoolSizes s, bool countPadding, int top, int bottom, int first, int end, ref readonly float dy, ref float dx)
    {
        int width = s.Width, stride = s.StrideWidth, kernel = s.KernelWidth, all = s.KernelHeight * kernel;
        for (int j = first, begin = (first * stride) - s.PaddingWidth; j < end; j++, begin += stride)
        {
            int left = Math.Max(begin, 0), right = Math.Min(begin + kernel, width);
            float share = Unsafe.Add(ref Unsafe.AsRef(in dy), j) / (countPadding ? all : (bottom - top) * (right - left));
            for (int row = top * width; row < bottom * width; row += width)
            {
                for (int here = row + left; here < row + right; here++)
                {
                    Unsafe.Add(ref dx, here) += share;
                }
            }
        }
    }

    // Outputs j, j + 1, ... of a row, none of them clipped at the sides.
    private static T Vector<T, TWindow>(in PoolSizes s, int top, int bottom, int j, ref readonly float x)
        where T : struct, IFloatLanes<T>
        where TWindow : struct, IPoolWindow
    {
        int stride = s.StrideWidth;
        nuint at = (nuint)((top * s.Width) + (j * stride) - s.PaddingWidth);
        T value = TWindow.Start(Strided<T>(in x, at, stride));
        for (int row = top; row < bottom; row++, at += (nuint)s.Width)
        {
            for (nuint tap = 0; tap < (nuint)s.KernelWidth; tap++)
            {
                value = TWindow.Next(Strided<T>(in x, at + tap, stride), value);
            }
        }

        return value;
    }

    // The maxima's distances from the corner of their windows.
    private static T Winners<T>(in PoolSizes s, int top, int bottom, int j, ref readonly float x)
        where T : struct, IFloatLanes<T>
    {
        int stride = s.StrideWidth;
        nuint at = (nuint)((top * s.Width) + (j * stride) - s.PaddingWidth);
        T maximum = Strided<T>(in x, at, stride), winner = T.Zero, line = T.Zero, width = T.Broadcast(s.Width);
        for (int row = top; row < bottom; row++, at += (nuint)s.Width)
        {
            T place = line;
            for (nuint tap = 0; tap < (nuint)s.KernelWidth; tap++)
            {
                T value = Strided<T>(in x, at + tap, stride);
                winner = T.IfGreater(value, maximum, place, winner);
                maximum = T.IfGreater(value, maximum, value, maximum);
                place += T.One;
            }

            line += width;
        }

        return winner;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T Strided<T>(ref readonly float x, nuint at, int stride)
        where T : struct, IFloatLanes<T> =>
        stride == 1 ? T.Load(in x, at) : T.Even(T.Load(in x, at), T.Load(in x, at + (nuint)T.Count));
}
