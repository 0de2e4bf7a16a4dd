using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using EmbeddedBackprop.Kernels.Scalar;

namespace EmbeddedBackprop.Kernels;

/// <summary>What a pooling reads and writes; forward it writes y from x, backward dx (the destination) from x and dy.</summary>
internal readonly ref struct PoolArguments(
    PoolSizes sizes, int batch, bool countPadding, ReadOnlySpan<float> x, int ldx, ReadOnlySpan<float> dy, int lddy, Span<float> destination,
    int leading, bool accumulate) : IRangeArguments<PoolArguments>
{
    public readonly PoolSizes Sizes = sizes;
    public readonly int Batch = batch;
    public readonly bool CountPadding = countPadding;
    public readonly bool Accumulate = accumulate;
    public readonly ReadOnlySpan<float> X = x;
    public readonly ReadOnlySpan<float> Gradient = dy;
    public readonly Span<float> Destination = destination;
    public readonly int LeadingX = ldx;
    public readonly int LeadingGradient = lddy;
    public readonly int Leading = leading;

    public nuint Length => (nuint)Batch;

    public PoolArguments Range(nuint first, nuint count) => new(
        Sizes, (int)count, CountPadding, X[Math.Min((int)first * LeadingX, X.Length)..], LeadingX,
        Gradient[Math.Min((int)first * LeadingGradient, Gradient.Length)..], LeadingGradient,
        Destination[Math.Min((int)first * Leading, Destination.Length)..], Leading, Accumulate);

    /// <summary>Where a channel of a sample begins in a source or destination; the lengths were compared at the kernel's entry.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ref float Plane(ReadOnlySpan<float> values, int leading, int sample, int channel, int length) =>
        ref Unsafe.Add(ref MemoryMarshal.GetReference(values), ((nint)sample * leading) + ((nint)channel * length));
}

/// <summary>What becomes of the values of a window, one after the other.</summary>
internal interface IPoolWindow
{
    /// <summary>The value before the first position, which is given, is taken in.</summary>
    static abstract T Start<T>(T first) where T : struct, IFloatLanes<T>;

    /// <summary>The value after one more position.</summary>
    static abstract T Next<T>(T x, T value) where T : struct, IFloatLanes<T>;

    /// <summary>The result for n positions.</summary>
    static abstract T End<T>(T value, T n) where T : struct, IFloatLanes<T>;
}

/// <summary>x > m ? x : m.</summary>
internal readonly struct MaximumOfWindow : IPoolWindow
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Start<T>(T first) where T : struct, IFloatLanes<T> => first;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Next<T>(T x, T value) where T : struct, IFloatLanes<T> => T.IfGreater(x, value, x, value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T End<T>(T value, T n) where T : struct, IFloatLanes<T> => value;
}

/// <summary>(+0 + x + x + ...) / n.</summary>
internal readonly struct MeanOfWindow : IPoolWindow
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Start<T>(T first) where T : struct, IFloatLanes<T> => T.Zero;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Next<T>(T x, T value) where T : struct, IFloatLanes<T> => value + x;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T End<T>(T value, T n) where T : struct, IFloatLanes<T> => value / n;
}

/// <summary>Any window, row of outputs by row: vectors where no window of the vector is clipped, one lane elsewhere.</summary>
internal readonly struct PoolForwardKernel<TWindow> : ILaneKernel<PoolArguments> where TWindow : struct, IPoolWindow
{
    public static void Run<T, TTail>(in PoolArguments g)
        where T : struct, IFloatLanes<T>
        where TTail : struct, IFloatLanes<TTail>
    {
        PoolSizes s = g.Sizes;
        int rows = s.OutputHeight, columns = s.OutputWidth;
        for (int plane = 0; plane < g.Batch * s.Channels; plane++)
        {
            int sample = plane / s.Channels, channel = plane % s.Channels;
            ref readonly float x = ref PoolArguments.Plane(g.X, g.LeadingX, sample, channel, s.Height * s.Width);
            ref float y = ref PoolArguments.Plane(g.Destination, g.Leading, sample, channel, rows * columns);
            for (int i = 0; i < rows; i++)
                PoolRow.Forward<T, TTail, TWindow>(in s, g.CountPadding, i, in x, ref Unsafe.Add(ref y, i * columns));
        }
    }
}

/// <summary>Maxima over any window, backwards: the places of a vector of maxima at a time, then one gradient after the other.</summary>
internal readonly struct PoolMaxBackwardKernel : ILaneKernel<PoolArguments>
{
    public static void Run<T, TTail>(in PoolArguments g)
        where T : struct, IFloatLanes<T>
        where TTail : struct, IFloatLanes<TTail>
    {
        PoolSizes s = g.Sizes;
        int rows = s.OutputHeight, columns = s.OutputWidth, length = s.Height * s.Width;
        for (int plane = 0; plane < g.Batch * s.Channels; plane++)
        {
            int sample = plane / s.Channels, channel = plane % s.Channels;
            ref readonly float x = ref PoolArguments.Plane(g.X, g.LeadingX, sample, channel, length);
            ref readonly float dy = ref PoolArguments.Plane(g.Gradient, g.LeadingGradient, sample, channel, rows * columns);
            ref float dx = ref PoolArguments.Plane(g.Destination, g.Leading, sample, channel, length);
            if (!g.Accumulate)
                MemoryMarshal.CreateSpan(ref dx, length).Clear();
            for (int i = 0; i < rows; i++)
                PoolRow.MaxBackward<T, TTail>(in s, i, in x, in Unsafe.Add(ref Unsafe.AsRef(in dy), i * columns), ref dx);
        }
    }
}

/// <summary>Means over any window, backwards.</summary>
internal readonly struct PoolMeanBackwardKernel : ILaneKernel<PoolArguments>
{
    public static void Run<T, TTail>(in PoolArguments g)
        where T : struct, IFloatLanes<T>
        where TTail : struct, IFloatLanes<TTail>
    {
        PoolSizes s = g.Sizes;
        int rows = s.OutputHeight, columns = s.OutputWidth, length = s.Height * s.Width;
        for (int plane = 0; plane < g.Batch * s.Channels; plane++)
        {
            int sample = plane / s.Channels, channel = plane % s.Channels;
            ref readonly float dy = ref PoolArguments.Plane(g.Gradient, g.LeadingGradient, sample, channel, rows * columns);
            ref float dx = ref PoolArguments.Plane(g.Destination, g.Leading, sample, channel, length);
            if (!g.Accumulate)
                MemoryMarshal.CreateSpan(ref dx, length).Clear();
            for (int i = 0; i < rows; i++)
                PoolRow.MeanBackward<T, TTail>(in s, g.CountPadding, i, in Unsafe.Add(ref Unsafe.AsRef(in dy), i * columns), ref dx);
        }
    }
}

/// <summary>One row of outputs.</summary>
internal static class PoolRow
{
    /// <summary>The row's results.</summary>
    public static void Forward<T, TTail, TWindow>(in PoolSizes s, bool countPadding, int i, ref readonly float x, ref float y)
        where T : struct, IFloatLanes<T>
        where TTail : struct, IFloatLanes<TTail>
        where TWindow : struct, IPoolWindow
    {
        (int top, int bottom) = PoolSizes.Clip(i, s.StrideHeight, s.PaddingHeight, s.KernelHeight, s.Height);
        (int first, int end) = s.Interior(s.StrideWidth - 1);
        if (s.StrideWidth > 2 || end - first < T.Count || T.Count == 1)
            end = first;
        for (int j = 0; j < s.OutputWidth; j++)
        {
            if (j >= first && j < end)
            {
                // The last vector begins early: it computes some results once more.
                j = Math.Min(j, end - T.Count);
                int n = countPadding ? s.KernelHeight * s.KernelWidth : (bottom - top) * s.KernelWidth;
                T.Store(Vector<T, TWindow>(in s, top, bottom, j, n, in x), ref y, (nuint)j);
                j += T.Count - 1;
                continue;
            }

            (int left, int right) = PoolSizes.Clip(j, s.StrideWidth, s.PaddingWidth, s.KernelWidth, s.Width);
            TTail value = TWindow.Start(TTail.Load(in x, (nuint)((top * s.Width) + left)));
            for (int row = top; row < bottom; row++)
            {
                for (int column = left; column < right; column++)
                    value = TWindow.Next(TTail.Load(in x, (nuint)((row * s.Width) + column)), value);
            }

            int count = countPadding ? s.KernelHeight * s.KernelWidth : (bottom - top) * (right - left);
            TTail.Store(TWindow.End(value, TTail.Broadcast(count)), ref y, (nuint)j);
        }
    }

    /// <summary>dx at each maximum += dy. Lanes hold the number of the position inside the window, exact in a float.</summary>
    public static void MaxBackward<T, TTail>(in PoolSizes s, int i, ref readonly float x, ref readonly float dy, ref float dx)
        where T : struct, IFloatLanes<T>
        where TTail : struct, IFloatLanes<TTail>
    {
        (int top, int bottom) = PoolSizes.Clip(i, s.StrideHeight, s.PaddingHeight, s.KernelHeight, s.Height);
        (int first, int end) = s.Interior(s.StrideWidth - 1);
        if (s.StrideWidth > 2 || T.Count == 1)
            end = first;
        PartialSums<float> places = default;
        ref float place = ref Unsafe.As<PartialSums<float>, float>(ref places);
        for (int j = 0; j < s.OutputWidth; j++)
        {
            // No early beginning here: a gradient must not be added twice.
            if (T.Count is > 1 and <= 16 && j >= first && end - j >= T.Count)
            {
                T.Store(Winners<T>(in s, top, bottom, j, in x), ref place, 0);
                int corner = (top * s.Width) - s.PaddingWidth;
                for (int lane = 0; lane < T.Count; lane++)
                {
                    int position = (int)Unsafe.Add(ref place, lane);
                    int at = corner + ((j + lane) * s.StrideWidth) + (position / s.KernelWidth * s.Width) + (position % s.KernelWidth);
                    Unsafe.Add(ref dx, at) += Unsafe.Add(ref Unsafe.AsRef(in dy), j + lane);
                }

                j += T.Count - 1;
                continue;
            }

            (int left, int right) = PoolSizes.Clip(j, s.StrideWidth, s.PaddingWidth, s.KernelWidth, s.Width);
            int winner = (top * s.Width) + left;
            for (int row = top; row < bottom; row++)
            {
                for (int column = left; column < right; column++)
                {
                    int here = (row * s.Width) + column;
                    winner = Unsafe.Add(ref Unsafe.AsRef(in x), here) > Unsafe.Add(ref Unsafe.AsRef(in x), winner) ? here : winner;
                }
            }

            Unsafe.Add(ref dx, winner) += Unsafe.Add(ref Unsafe.AsRef(in dy), j);
        }
    }

    /// <summary>
    /// dx at each position of each window += dy / n. Kernel columns descend, so that each position meets its windows in ascending order while neighbouring
    /// windows of stride 1 are added in one vector.
    /// </summary>
    public static void MeanBackward<T, TTail>(in PoolSizes s, bool countPadding, int i, ref readonly float dy, ref float dx)
        where T : struct, IFloatLanes<T>
        where TTail : struct, IFloatLanes<TTail>
    {
        (int top, int bottom) = PoolSizes.Clip(i, s.StrideHeight, s.PaddingHeight, s.KernelHeight, s.Height);
        (int first, int end) = s.Interior(0);
        if (s.StrideWidth > 1 || T.Count == 1)
            end = first;
        T n = T.Broadcast(countPadding ? s.KernelHeight * s.KernelWidth : (bottom - top) * s.KernelWidth);
        for (int row = top; row < bottom; row++)
        {
            for (int tap = s.KernelWidth - 1; tap >= 0; tap--)
            {
                for (int j = 0; j < s.OutputWidth; j++)
                {
                    int column = (j * s.StrideWidth) - s.PaddingWidth + tap;
                    nuint at = (nuint)((row * s.Width) + column);
                    if (j >= first && end - j >= T.Count)
                    {
                        T.Store(T.Load(ref dx, at) + (T.Load(in dy, (nuint)j) / n), ref dx, at);
                        j += T.Count - 1;
                    }
                    else if (column >= 0 && column < s.Width)
                    {
                        (int left, int right) = PoolSizes.Clip(j, s.StrideWidth, s.PaddingWidth, s.KernelWidth, s.Width);
                        int count = countPadding ? s.KernelHeight * s.KernelWidth : (bottom - top) * (right - left);
                        TTail.Store(TTail.Load(ref dx, at) + (TTail.Load(in dy, (nuint)j) / TTail.Broadcast(count)), ref dx, at);
                    }
                }
            }
        }
    }

    // Outputs j, j + 1, ... of a row, none of them clipped at the sides.
    private static T Vector<T, TWindow>(in PoolSizes s, int top, int bottom, int j, int n, ref readonly float x)
        where T : struct, IFloatLanes<T>
        where TWindow : struct, IPoolWindow
    {
        int stride = s.StrideWidth;
        nuint at = (nuint)((top * s.Width) + (j * stride) - s.PaddingWidth);
        T value = TWindow.Start(Strided<T>(in x, at, stride));
        for (int row = top; row < bottom; row++, at += (nuint)s.Width)
        {
            for (nuint tap = 0; tap < (nuint)s.KernelWidth; tap++)
                value = TWindow.Next(Strided<T>(in x, at + tap, stride), value);
        }

        return TWindow.End(value, T.Broadcast(n));
    }

    // The numbers of the maxima's positions, counted from the first row that is not clipped.
    private static T Winners<T>(in PoolSizes s, int top, int bottom, int j, ref readonly float x)
        where T : struct, IFloatLanes<T>
    {
        int stride = s.StrideWidth;
        nuint at = (nuint)((top * s.Width) + (j * stride) - s.PaddingWidth);
        T maximum = Strided<T>(in x, at, stride), winner = T.Zero, position = T.Zero;
        for (int row = top; row < bottom; row++, at += (nuint)s.Width)
        {
            for (nuint tap = 0; tap < (nuint)s.KernelWidth; tap++)
            {
                T value = Strided<T>(in x, at + tap, stride);
                winner = T.IfGreater(value, maximum, position, winner);
                maximum = T.IfGreater(value, maximum, value, maximum);
                position += T.One;
            }
        }

        return winner;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T Strided<T>(ref readonly float x, nuint at, int stride)
        where T : struct, IFloatLanes<T> =>
        stride == 1 ? T.Load(in x, at) : T.Even(T.Load(in x, at), T.Load(in x, at + (nuint)T.Count));
}
