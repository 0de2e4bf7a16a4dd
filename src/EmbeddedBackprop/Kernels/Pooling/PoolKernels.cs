using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Kernels.Scalar;
using EmbeddedBackprop.Kernels.Threads;

namespace EmbeddedBackprop.Kernels.Pooling;

/// <summary>The operands of a pooling; forward it writes y from x, backward dx (the destination) from x and dy.</summary>
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

/// <summary>The reduction of the values of a window, one after the other.</summary>
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
        (int first, int end) = PoolRow.Interior<T>(in s, s.StrideWidth - 1, wholeVector: true);
        for (int plane = 0; plane < g.Batch * s.Channels; plane++)
        {
            int sample = plane / s.Channels, channel = plane % s.Channels;
            ref readonly float x = ref PoolArguments.Plane(g.X, g.LeadingX, sample, channel, s.Height * s.Width);
            ref float y = ref PoolArguments.Plane(g.Destination, g.Leading, sample, channel, rows * columns);
            for (int i = 0; i < rows; i++)
            {
                PoolRow.Forward<T, TTail, TWindow>(in s, g.CountPadding, i, columns, first, end, in x, ref Unsafe.Add(ref y, i * columns));
            }
        }
    }
}

/// <summary>Maxima over any window, backwards: the indices of a vector of maxima at a time, then one gradient after the other.</summary>
internal readonly struct PoolMaxBackwardKernel : ILaneKernel<PoolArguments>
{
    public static void Run<T, TTail>(in PoolArguments g)
        where T : struct, IFloatLanes<T>
        where TTail : struct, IFloatLanes<TTail>
    {
        PoolSizes s = g.Sizes;
        int rows = s.OutputHeight, columns = s.OutputWidth, length = s.Height * s.Width;
        (int first, int end) = PoolRow.Interior<T>(in s, s.StrideWidth - 1, wholeVector: false);
        for (int plane = 0; plane < g.Batch * s.Channels; plane++)
        {
            int sample = plane / s.Channels, channel = plane % s.Channels;
            ref readonly float x = ref PoolArguments.Plane(g.X, g.LeadingX, sample, channel, length);
            ref readonly float dy = ref PoolArguments.Plane(g.Gradient, g.LeadingGradient, sample, channel, rows * columns);
            ref float dx = ref PoolArguments.Plane(g.Destination, g.Leading, sample, channel, length);
            if (!g.Accumulate)
            {
                MemoryMarshal.CreateSpan(ref dx, length).Clear();
            }

            for (int i = 0; i < rows; i++)
            {
                PoolRow.MaxBackward<T>(in s, i, columns, first, end, in x, in Unsafe.Add(ref Unsafe.AsRef(in dy), i * columns), ref dx);
            }
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
        (int first, int end) = PoolRow.Interior<T>(in s, s.StrideWidth - 1, wholeVector: false);
        for (int plane = 0; plane < g.Batch * s.Channels; plane++)
        {
            int sample = plane / s.Channels, channel = plane % s.Channels;
            ref readonly float dy = ref PoolArguments.Plane(g.Gradient, g.LeadingGradient, sample, channel, rows * columns);
            ref float dx = ref PoolArguments.Plane(g.Destination, g.Leading, sample, channel, length);
            if (!g.Accumulate)
            {
                MemoryMarshal.CreateSpan(ref dx, length).Clear();
            }

            for (int i = 0; i < rows; i++)
            {
                PoolRow.MeanBackward<T, TTail>(
                    in s,
                    g.CountPadding,
                    i,
                    columns,
                    first,
                    end,
                    in Unsafe.Add(ref Unsafe.AsRef(in dy), i * columns),
                    ref dx);
            }
        }
    }
}
