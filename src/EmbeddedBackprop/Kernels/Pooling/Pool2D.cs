using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Kernels.Threads;

namespace EmbeddedBackprop.Kernels.Pooling;

/// <summary>Maxima and means over windows, with the bits of <see cref="Scalar.Pool2D"/>.</summary>
/// <remarks>Lanes are neighbouring outputs of a row. Windows of two by two side by side have kernels of their own.</remarks>
internal static class Pool2D
{
    /// <inheritdoc cref="Scalar.Pool2D.MaxForward"/>
    public static void MaxForward(in PoolSizes s, int batch, ReadOnlySpan<float> x, int ldx, Span<float> y, int ldy)
    {
        Require.Matrix("Pool2D.MaxForward", nameof(x), batch, s.InputLength, ldx, x.Length);
        Require.Matrix("Pool2D.MaxForward", nameof(y), batch, s.OutputLength, ldy, y.Length);
        PoolArguments arguments = new(s, batch, false, x, ldx, default, 0, y, ldy, false);
        if (s.IsPairs)
        {
            ParallelSamples.Run<PairForwardKernel<MaximumOfWindow>, PoolArguments>(LaneDispatch.Either, PairLanes(in s), s.InputLength, in arguments);
        }
        else
        {
            ParallelSamples.Run<PoolForwardKernel<MaximumOfWindow>, PoolArguments>(
                LaneDispatch.Either, WholeVectors(in s), s.InputLength, in arguments);
        }
    }

    /// <inheritdoc cref="Scalar.Pool2D.MaxBackward"/>
    public static void MaxBackward(
        in PoolSizes s, int batch, ReadOnlySpan<float> x, ReadOnlySpan<float> dy, int lddy, Span<float> dx, int ldx, bool accumulate)
    {
        Require.Matrix("Pool2D.MaxBackward", nameof(x), batch, s.InputLength, ldx, x.Length);
        Require.Matrix("Pool2D.MaxBackward", nameof(dy), batch, s.OutputLength, lddy, dy.Length);
        Require.Matrix("Pool2D.MaxBackward", nameof(dx), batch, s.InputLength, ldx, dx.Length);
        PoolArguments arguments = new(s, batch, false, x, ldx, dy, lddy, dx, ldx, accumulate);
        if (s.IsPairs && !accumulate)
        {
            ParallelSamples.Run<PairMaxBackwardKernel<AnyMaximum>, PoolArguments>(LaneDispatch.Either, PairLanes(in s), s.InputLength, in arguments);
        }
        else
        {
            // Eight lanes at most: sixteen indices that are read one by one right after they were written as one vector take twice as long
            // on wide planes.
            ParallelSamples.Run<PoolMaxBackwardKernel, PoolArguments>(
                LaneDispatch.Either, Math.Min(WholeVectors(in s), 8), s.InputLength, in arguments);
        }
    }

    /// <summary>
    /// <see cref="MaxBackward"/> of pairs of what a rectifier gave, and the rectifier's backward pass: d * (x &gt; 0 ? 1 : 0). Where a maximum is +0,
    /// so are all, and d is +0 but for the first.
    /// </summary>
    public static void MaxBackwardAndRectifier(
        in PoolSizes s, int batch, ReadOnlySpan<float> x, ReadOnlySpan<float> dy, int lddy, Span<float> dx, int ldx)
    {
        Require.Matrix("Pool2D.MaxBackward", nameof(x), batch, s.InputLength, ldx, x.Length);
        Require.Matrix("Pool2D.MaxBackward", nameof(dy), batch, s.OutputLength, lddy, dy.Length);
        Require.Matrix("Pool2D.MaxBackward", nameof(dx), batch, s.InputLength, ldx, dx.Length);
        PoolArguments arguments = new(s, batch, false, x, ldx, dy, lddy, dx, ldx, false);
        ParallelSamples.Run<PairMaxBackwardKernel<PositiveMaximum>, PoolArguments>(
            LaneDispatch.Either, PairLanes(in s), s.InputLength, in arguments);
    }

    /// <inheritdoc cref="Scalar.Pool2D.AverageForward"/>
    public static void AverageForward(in PoolSizes s, bool countPadding, int batch, ReadOnlySpan<float> x, int ldx, Span<float> y, int ldy)
    {
        Require.Matrix("Pool2D.AverageForward", nameof(x), batch, s.InputLength, ldx, x.Length);
        Require.Matrix("Pool2D.AverageForward", nameof(y), batch, s.OutputLength, ldy, y.Length);
        PoolArguments arguments = new(s, batch, countPadding, x, ldx, default, 0, y, ldy, false);
        if (s.IsPairs)
        {
            ParallelSamples.Run<PairForwardKernel<MeanOfWindow>, PoolArguments>(LaneDispatch.Either, PairLanes(in s), s.InputLength, in arguments);
        }
        else
        {
            ParallelSamples.Run<PoolForwardKernel<MeanOfWindow>, PoolArguments>(LaneDispatch.Either, WholeVectors(in s), s.InputLength, in arguments);
        }
    }

    /// <inheritdoc cref="Scalar.Pool2D.AverageBackward"/>
    public static void AverageBackward(
        in PoolSizes s, bool countPadding, int batch, ReadOnlySpan<float> dy, int lddy, Span<float> dx, int ldx, bool accumulate)
    {
        Require.Matrix("Pool2D.AverageBackward", nameof(dy), batch, s.OutputLength, lddy, dy.Length);
        Require.Matrix("Pool2D.AverageBackward", nameof(dx), batch, s.InputLength, ldx, dx.Length);
        PoolArguments arguments = new(s, batch, countPadding, default, 0, dy, lddy, dx, ldx, accumulate);
        if (s.IsPairs && !accumulate)
        {
            ParallelSamples.Run<PairMeanBackwardKernel, PoolArguments>(LaneDispatch.Either, PairLanes(in s), s.InputLength, in arguments);
        }
        else
        {
            ParallelSamples.Run<PoolMeanBackwardKernel, PoolArguments>(LaneDispatch.Either, WholeVectors(in s), s.InputLength, in arguments);
        }
    }

    /// <summary>Lanes for a row of outputs: the next power of two where vectors may run on into the next row, else what a row fills.</summary>
    private static int PairLanes(in PoolSizes s) =>
        ((s.Height | s.Width) & 1) == 0 && s.OutputWidth > 1
            ? (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)s.OutputWidth)
            : s.OutputWidth;

    /// <summary>Outputs of a row that a kernel can compute side by side: those whose windows need no clipping.</summary>
    private static int WholeVectors(in PoolSizes s)
    {
        (int first, int end) = s.Interior(s.StrideWidth - 1);
        return s.StrideWidth > 2 ? 1 : Math.Max(end - first, 1);
    }
}
