using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Kernels.Pooling;

/// <summary>
/// Windows of two by two side by side: two rows are taken apart into even and odd columns, and every output has its own lane. A block is a run of row
/// pairs without gaps between them.
/// </summary>
/// <remarks>
/// A row that does not fill its last vector is finished by one that begins early. Where not even one vector is filled, the vector runs on into the
/// next rows, which are computed later and overwrite what it left there; only the last rows of a block are then computed one by one.
/// </remarks>
internal static class PairRows
{
    /// <summary>The results j, j + 1, ... of a pair of rows.</summary>
    internal interface IPair
    {
        /// <summary>Computes T.Count outputs; x, dx and y (dy backwards) are those of the pair's first row.</summary>
        static abstract void Run<T>(ref float x, ref float y, ref float dx, nuint width, nuint j) where T : struct, IFloatLanes<T>;
    }

    /// <summary>Runs all rows of all samples.</summary>
    /// <param name="g">The arguments.</param>
    /// <param name="y">The outputs or their gradients.</param>
    /// <param name="leadingY">Distance of their samples.</param>
    /// <param name="dx">The inputs' gradients; empty in the forward pass.</param>
    public static void Run<T, TTail, TPair>(in PoolArguments g, ReadOnlySpan<float> y, int leadingY, ReadOnlySpan<float> dx)
        where T : struct, IFloatLanes<T>
        where TTail : struct, IFloatLanes<TTail>
        where TPair : struct, IPair
    {
        PoolSizes s = g.Sizes;
        int rows = s.OutputHeight, plane = s.Height * s.Width, leadingX = g.X.IsEmpty ? 0 : g.LeadingX, leadingDx = dx.IsEmpty ? 0 : g.Leading;
        if ((s.Height & 1) != 0 || (s.Width & 1) != 0)
        {
            for (int i = 0; i < g.Batch * s.Channels; i++)
            {
                int sample = i / s.Channels, channel = i % s.Channels;
                ref float to = ref PoolArguments.Plane(dx, leadingDx, sample, channel, dx.IsEmpty ? 0 : plane);
                if (!dx.IsEmpty)
                {
                    ClearRest(in s, ref to);
                }

                Block<T, TTail, TPair>(
                    in s, rows, mayRunOn: false, ref PoolArguments.Plane(g.X, leadingX, sample, channel, g.X.IsEmpty ? 0 : plane),
                    ref PoolArguments.Plane(y, leadingY, sample, channel, rows * s.OutputWidth), ref to);
            }

            return;
        }

        bool together = (g.X.IsEmpty || leadingX == s.InputLength) && (dx.IsEmpty || leadingDx == s.InputLength) && leadingY == s.OutputLength;
        for (int sample = 0; sample < (together ? 1 : g.Batch); sample++)
        {
            Block<T, TTail, TPair>(
                in s, (together ? g.Batch : 1) * s.Channels * rows, mayRunOn: true, ref PoolArguments.Plane(g.X, leadingX, sample, 0, 0),
                ref PoolArguments.Plane(y, leadingY, sample, 0, 0), ref PoolArguments.Plane(dx, leadingDx, sample, 0, 0));
        }
    }

    private static void Block<T, TTail, TPair>(in PoolSizes s, int rows, bool mayRunOn, ref float x, ref float y, ref float dx)
        where T : struct, IFloatLanes<T>
        where TTail : struct, IFloatLanes<TTail>
        where TPair : struct, IPair
    {
        nuint width = (nuint)s.Width, n = (nuint)s.OutputWidth, lanes = (nuint)T.Count, row = 0, end = (nuint)rows;
        if (n < lanes)
        {
            // So many rows from the end there is still a whole vector of outputs, and twice that of inputs in the second row of the pair.
            nuint last = (lanes + n - 1) / n;
            for (; mayRunOn && end - row >= last; row++)
            {
                TPair.Run<T>(
                    ref Unsafe.Add(ref x, row * 2 * width),
                    ref Unsafe.Add(ref y, row * n),
                    ref Unsafe.Add(ref dx, row * 2 * width),
                    width,
                    0);
            }

            for (; row < end; row++)
            {
                for (nuint j = 0; j < n; j++)
                {
                    TPair.Run<TTail>(
                        ref Unsafe.Add(ref x, row * 2 * width),
                        ref Unsafe.Add(ref y, row * n),
                        ref Unsafe.Add(ref dx, row * 2 * width),
                        width,
                        j);
                }
            }

            return;
        }

        for (; row < end; row++)
        {
            nuint j = 0;
            for (; n - j >= lanes; j += lanes)
            {
                TPair.Run<T>(ref x, ref y, ref dx, width, j);
            }

            if (j < n)
            {
                TPair.Run<T>(ref x, ref y, ref dx, width, n - lanes);
            }

            x = ref Unsafe.Add(ref x, 2 * width);
            dx = ref Unsafe.Add(ref dx, 2 * width);
            y = ref Unsafe.Add(ref y, n);
        }
    }

    // No window covers the last row of an odd height and the last column of an odd width.
    private static void ClearRest(in PoolSizes s, ref float dx)
    {
        if ((s.Height & 1) != 0)
        {
            MemoryMarshal.CreateSpan(ref Unsafe.Add(ref dx, (s.Height - 1) * s.Width), s.Width).Clear();
        }

        if ((s.Width & 1) != 0)
        {
            for (int row = 0; row < s.Height; row++)
            {
                Unsafe.Add(ref dx, (row * s.Width) + s.Width - 1) = 0f;
            }
        }
    }
}

/// <summary>Maxima or means of two by two.</summary>
internal readonly struct PairForwardKernel<TWindow> : ILaneKernel<PoolArguments>, PairRows.IPair where TWindow : struct, IPoolWindow
{
    public static void Run<T, TTail>(in PoolArguments g)
        where T : struct, IFloatLanes<T>
        where TTail : struct, IFloatLanes<TTail> =>
        PairRows.Run<T, TTail, PairForwardKernel<TWindow>>(in g, g.Destination, g.Leading, default);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Run<T>(ref float x, ref float y, ref float dx, nuint width, nuint j)
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
        T.Store(TWindow.End(value, T.Constant(4)), ref y, j);
    }
}

/// <summary>What a maximum does to its gradient.</summary>
internal interface IMaximumGradient
{
    static abstract T Of<T>(T gradient, T maximum) where T : struct, IFloatLanes<T>;
}

/// <summary>Nothing.</summary>
internal readonly struct AnyMaximum : IMaximumGradient
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Of<T>(T gradient, T maximum) where T : struct, IFloatLanes<T> => gradient;
}

/// <summary>The derivative of the rectifier that gave the maximum.</summary>
internal readonly struct PositiveMaximum : IMaximumGradient
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Of<T>(T gradient, T maximum) where T : struct, IFloatLanes<T> =>
        gradient * T.IfGreater(maximum, T.Zero, T.One, T.Zero);
}

/// <summary>The gradient of each maximum of two by two goes to its position, +0 to the other three.</summary>
internal readonly struct PairMaxBackwardKernel<TGradient> : ILaneKernel<PoolArguments>, PairRows.IPair where TGradient : struct, IMaximumGradient
{
    public static void Run<T, TTail>(in PoolArguments g)
        where T : struct, IFloatLanes<T>
        where TTail : struct, IFloatLanes<TTail> =>
        PairRows.Run<T, TTail, PairMaxBackwardKernel<TGradient>>(in g, g.Gradient, g.LeadingGradient, g.Destination);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Run<T>(ref float x, ref float y, ref float dx, nuint width, nuint j)
        where T : struct, IFloatLanes<T>
    {
        nuint at = 2 * j, half = (nuint)T.Count;
        T low = T.Load(in x, at), high = T.Load(in x, at + half);
        T a = T.Even(low, high), b = T.Odd(low, high);
        low = T.Load(in x, at + width);
        high = T.Load(in x, at + width + half);
        T c = T.Even(low, high), d = T.Odd(low, high);

        // +0 + dy: a sum begins with +0, so -0 becomes +0.
        T zero = T.Zero, ab = T.IfGreater(b, a, b, a), abc = T.IfGreater(c, ab, c, ab);
        T g = TGradient.Of(zero + T.Load(in y, j), T.IfGreater(d, abc, d, abc));
        T dd = T.IfGreater(d, abc, g, zero), rest = T.IfGreater(d, abc, zero, g);
        T dc = T.IfGreater(c, ab, rest, zero);
        rest = T.IfGreater(c, ab, zero, rest);
        T db = T.IfGreater(b, a, rest, zero), da = T.IfGreater(b, a, zero, rest);

        // In this order: a vector that runs on writes into the row that comes next.
        T.Store(T.ZipLow(da, db), ref dx, at);
        T.Store(T.ZipHigh(da, db), ref dx, at + half);
        T.Store(T.ZipLow(dc, dd), ref dx, at + width);
        T.Store(T.ZipHigh(dc, dd), ref dx, at + width + half);
    }
}

/// <summary>A quarter of the gradient of each mean of two by two goes to each of its positions.</summary>
internal readonly struct PairMeanBackwardKernel : ILaneKernel<PoolArguments>, PairRows.IPair
{
    public static void Run<T, TTail>(in PoolArguments g)
        where T : struct, IFloatLanes<T>
        where TTail : struct, IFloatLanes<TTail> =>
        PairRows.Run<T, TTail, PairMeanBackwardKernel>(in g, g.Gradient, g.LeadingGradient, g.Destination);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Run<T>(ref float x, ref float y, ref float dx, nuint width, nuint j)
        where T : struct, IFloatLanes<T>
    {
        nuint at = 2 * j, half = (nuint)T.Count;
        T share = T.Zero + (T.Load(in y, j) / T.Constant(4));
        T low = T.ZipLow(share, share), high = T.ZipHigh(share, share);
        T.Store(low, ref dx, at);
        T.Store(high, ref dx, at + half);
        T.Store(low, ref dx, at + width);
        T.Store(high, ref dx, at + width + half);
    }
}
