using System.Numerics;
using EmbeddedBackprop.Kernels.Pooling;

namespace EmbeddedBackprop.Kernels.Scalar;

/// <summary>Maxima and means over windows as textbook loops: the definitions of <see cref="Kernels.Pooling.Pool2D"/>.</summary>
internal static class Pool2D
{
    /// <summary>
    /// y = the window's maximum by comparison and select: m = the first position, then in row-major order x > m ? x : m. Of equal values the first
    /// wins; a
    /// NaN wins only where it is the first position, and then always.
    /// </summary>
    /// <typeparam name="T">float or double.</typeparam>
    /// <param name="s">The sizes.</param>
    /// <param name="batch">Samples.</param>
    /// <param name="x">[batch, channels, height, width].</param>
    /// <param name="ldx">Distance of x's samples.</param>
    /// <param name="y">[batch, channels, output height, output width].</param>
    /// <param name="ldy">Distance of y's samples.</param>
    public static void MaxForward<T>(in PoolSizes s, int batch, ReadOnlySpan<T> x, int ldx, Span<T> y, int ldy)
        where T : struct, IBinaryFloatingPointIeee754<T>
    {
        int outputHeight = s.OutputHeight, outputWidth = s.OutputWidth;
        for (int plane = 0; plane < batch * s.Channels; plane++)
        {
            ReadOnlySpan<T> from = Input(in s, x, ldx, plane);
            Span<T> to = Output(in s, y, ldy, plane);
            for (int i = 0; i < outputHeight; i++)
            {
                for (int j = 0; j < outputWidth; j++)
                {
                    to[(i * outputWidth) + j] = from[Winner(in s, from, i, j)];
                }
            }
        }
    }

    /// <summary>
    /// dx = +0, or the gradient of x's earlier readers; then for every window in row-major order dx at the window's maximum += dy.
    /// The position of the maximum is found again from x: that costs no memory.
    /// </summary>
    /// <typeparam name="T">float or double.</typeparam>
    /// <param name="s">The sizes.</param>
    /// <param name="batch">Samples.</param>
    /// <param name="x">[batch, channels, height, width] of the forward pass.</param>
    /// <param name="dy">[batch, channels, output height, output width].</param>
    /// <param name="lddy">Distance of dy's samples.</param>
    /// <param name="dx">As x, with the same distance of samples.</param>
    /// <param name="ldx">Distance of x's and dx's samples.</param>
    /// <param name="accumulate">True: the sums go on from dx.</param>
    public static void MaxBackward<T>(
        in PoolSizes s, int batch, ReadOnlySpan<T> x, ReadOnlySpan<T> dy, int lddy, Span<T> dx, int ldx, bool accumulate)
        where T : struct, IBinaryFloatingPointIeee754<T>
    {
        int outputHeight = s.OutputHeight, outputWidth = s.OutputWidth;
        for (int plane = 0; plane < batch * s.Channels; plane++)
        {
            ReadOnlySpan<T> from = Input(in s, x, ldx, plane), gradient = Output(in s, dy, lddy, plane);
            Span<T> to = Input(in s, dx, ldx, plane);
            if (!accumulate)
            {
                to.Clear();
            }

            for (int i = 0; i < outputHeight; i++)
            {
                for (int j = 0; j < outputWidth; j++)
                {
                    to[Winner(in s, from, i, j)] += gradient[(i * outputWidth) + j];
                }
            }
        }
    }

    /// <summary>y = (+0 + x + x + ...) / n over the window in row-major order; n counts the whole window, or only what lies inside.</summary>
    /// <typeparam name="T">float or double.</typeparam>
    /// <param name="s">The sizes.</param>
    /// <param name="countPadding">Whether n counts padding, too.</param>
    /// <param name="batch">Samples.</param>
    /// <param name="x">[batch, channels, height, width].</param>
    /// <param name="ldx">Distance of x's samples.</param>
    /// <param name="y">[batch, channels, output height, output width].</param>
    /// <param name="ldy">Distance of y's samples.</param>
    public static void AverageForward<T>(in PoolSizes s, bool countPadding, int batch, ReadOnlySpan<T> x, int ldx, Span<T> y, int ldy)
        where T : struct, IBinaryFloatingPointIeee754<T>
    {
        int outputHeight = s.OutputHeight, outputWidth = s.OutputWidth;
        for (int plane = 0; plane < batch * s.Channels; plane++)
        {
            ReadOnlySpan<T> from = Input(in s, x, ldx, plane);
            Span<T> to = Output(in s, y, ldy, plane);
            for (int i = 0; i < outputHeight; i++)
            {
                (int top, int bottom) = Rows(in s, i);
                for (int j = 0; j < outputWidth; j++)
                {
                    (int left, int right) = Columns(in s, j);
                    T sum = T.Zero;
                    for (int row = top; row < bottom; row++)
                    {
                        for (int column = left; column < right; column++)
                        {
                            sum += from[(row * s.Width) + column];
                        }
                    }

                    to[(i * outputWidth) + j] = sum / Count<T>(in s, countPadding, bottom - top, right - left);
                }
            }
        }
    }

    /// <summary>dx = +0, or the gradient of x's earlier readers; then for every window in row-major order dx at each of its positions += dy
    /// / n.</summary>
    /// <typeparam name="T">float or double.</typeparam>
    /// <param name="s">The sizes.</param>
    /// <param name="countPadding">Whether n counts padding, too.</param>
    /// <param name="batch">Samples.</param>
    /// <param name="dy">[batch, channels, output height, output width].</param>
    /// <param name="lddy">Distance of dy's samples.</param>
    /// <param name="dx">[batch, channels, height, width].</param>
    /// <param name="ldx">Distance of dx's samples.</param>
    /// <param name="accumulate">True: the sums go on from dx.</param>
    public static void AverageBackward<T>(
        in PoolSizes s, bool countPadding, int batch, ReadOnlySpan<T> dy, int lddy, Span<T> dx, int ldx, bool accumulate)
        where T : struct, IBinaryFloatingPointIeee754<T>
    {
        int outputHeight = s.OutputHeight, outputWidth = s.OutputWidth;
        for (int plane = 0; plane < batch * s.Channels; plane++)
        {
            ReadOnlySpan<T> gradient = Output(in s, dy, lddy, plane);
            Span<T> to = Input(in s, dx, ldx, plane);
            if (!accumulate)
            {
                to.Clear();
            }

            for (int i = 0; i < outputHeight; i++)
            {
                (int top, int bottom) = Rows(in s, i);
                for (int j = 0; j < outputWidth; j++)
                {
                    (int left, int right) = Columns(in s, j);
                    T share = gradient[(i * outputWidth) + j] / Count<T>(in s, countPadding, bottom - top, right - left);
                    for (int row = top; row < bottom; row++)
                    {
                        for (int column = left; column < right; column++)
                        {
                            to[(row * s.Width) + column] += share;
                        }
                    }
                }
            }
        }
    }

    /// <summary>The index in its plane of the maximum of a window.</summary>
    private static int Winner<T>(in PoolSizes s, ReadOnlySpan<T> plane, int i, int j)
        where T : struct, IBinaryFloatingPointIeee754<T>
    {
        (int top, int bottom) = Rows(in s, i);
        (int left, int right) = Columns(in s, j);
        int winner = (top * s.Width) + left;
        for (int row = top; row < bottom; row++)
        {
            for (int column = left; column < right; column++)
            {
                winner = plane[(row * s.Width) + column] > plane[winner] ? (row * s.Width) + column : winner;
            }
        }

        return winner;
    }

    private static (int Top, int Bottom) Rows(in PoolSizes s, int i) => PoolSizes.Clip(i, s.StrideHeight, s.PaddingHeight, s.KernelHeight, s.Height);

    private static (int Left, int Right) Columns(in PoolSizes s, int j) => PoolSizes.Clip(j, s.StrideWidth, s.PaddingWidth, s.KernelWidth, s.Width);

    private static T Count<T>(in PoolSizes s, bool countPadding, int rows, int columns)
        where T : struct, IBinaryFloatingPointIeee754<T> =>
        T.CreateChecked(countPadding ? s.KernelHeight * s.KernelWidth : rows * columns);

    private static ReadOnlySpan<T> Input<T>(in PoolSizes s, ReadOnlySpan<T> x, int ldx, int plane) =>
        x.Slice((plane / s.Channels * ldx) + (plane % s.Channels * s.Height * s.Width), s.Height * s.Width);

    private static Span<T> Input<T>(in PoolSizes s, Span<T> x, int ldx, int plane) =>
        x.Slice((plane / s.Channels * ldx) + (plane % s.Channels * s.Height * s.Width), s.Height * s.Width);

    private static ReadOnlySpan<T> Output<T>(in PoolSizes s, ReadOnlySpan<T> y, int ldy, int plane) =>
        y.Slice((plane / s.Channels * ldy) + (plane % s.Channels * s.OutputHeight * s.OutputWidth), s.OutputHeight * s.OutputWidth);

    private static Span<T> Output<T>(in PoolSizes s, Span<T> y, int ldy, int plane) =>
        y.Slice((plane / s.Channels * ldy) + (plane % s.Channels * s.OutputHeight * s.OutputWidth), s.OutputHeight * s.OutputWidth);
}
