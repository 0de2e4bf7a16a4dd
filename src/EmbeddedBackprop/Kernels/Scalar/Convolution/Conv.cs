using System.Numerics;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Kernels.Norms;

namespace EmbeddedBackprop.Kernels.Scalar;

/// <summary>
/// Convolutions as textbook loops: the definition whose bits <see cref="Kernels.Conv"/> gives at every width, tile and number of threads.
/// </summary>
/// <remarks>Taps outside the input are skipped. Samples are ldx and ldy floats apart; inside a sample nothing is padded.</remarks>
public static class Conv
{
    /// <summary>
    /// y[o, oy, ox] = (accumulate ? y : bias[o] or +0), then s = M(x, w, s) over input channel, kernel row, kernel column ascending.
    /// </summary>
    /// <typeparam name="T">float (the baseline of tests and benchmarks) or double (the oracle).</typeparam>
    /// <param name="arithmetic">How M rounds.</param>
    /// <param name="sizes">The sizes.</param>
    /// <param name="batch">Samples.</param>
    /// <param name="x">Inputs, [batch][channels, height, width].</param>
    /// <param name="ldx">Distance of the samples in x.</param>
    /// <param name="w">Kernels, [outputs, channels / groups, kernel height, kernel width].</param>
    /// <param name="bias">A value an output channel, or empty.</param>
    /// <param name="y">Outputs, [batch][outputs, output height, output width]; may not overlap a source.</param>
    /// <param name="ldy">Distance of the samples in y.</param>
    /// <param name="accumulate">True: the chains go on from y, and bias is not read.</param>
    /// <exception cref="ArgumentException">The sizes are no convolution, or a span is too short for them.</exception>
    public static void Forward<T>(
        Arithmetic arithmetic, in ConvSizes sizes, int batch, ReadOnlySpan<T> x, int ldx, ReadOnlySpan<T> w, ReadOnlySpan<T> bias, Span<T> y, int ldy,
        bool accumulate = false)
        where T : struct, IBinaryFloatingPointIeee754<T>
    {
        Require.Conv("Conv.Forward", in sizes, batch, x.Length, ldx, w.Length, y.Length, ldy);
        Require.Bias("Conv.Forward", sizes.Outputs, bias.Length);
        if (arithmetic == Arithmetic.Fused)
        {
            Forward<T, Fused>(in sizes, batch, x, ldx, w, bias, y, ldy, accumulate);
        }
        else
        {
            Forward<T, Separate>(in sizes, batch, x, ldx, w, bias, y, ldy, accumulate);
        }
    }

    /// <summary>
    /// dw[o, c, ky, kx] = (accumulate ? dw : +0), then s = M(delta, x, s) over samples and, inside a sample, output positions row-major;
    /// db[o] = (accumulate ? db : +0), then s = s + delta in the same order.
    /// </summary>
    /// <typeparam name="T">float or double.</typeparam>
    /// <param name="arithmetic">How M rounds.</param>
    /// <param name="sizes">The sizes.</param>
    /// <param name="batch">Samples.</param>
    /// <param name="x">Inputs.</param>
    /// <param name="ldx">Distance of the samples in x.</param>
    /// <param name="delta">Gradients of the outputs.</param>
    /// <param name="ldd">Distance of the samples in delta.</param>
    /// <param name="dw">Gradients of the kernels.</param>
    /// <param name="db">Gradients of the biases, or empty.</param>
    /// <param name="accumulate">True: the chains go on from dw and db.</param>
    /// <exception cref="ArgumentException">The sizes are no convolution, or a span is too short for them.</exception>
    public static void WeightGradient<T>(
        Arithmetic arithmetic, in ConvSizes sizes, int batch, ReadOnlySpan<T> x, int ldx, ReadOnlySpan<T> delta, int ldd, Span<T> dw, Span<T> db,
        bool accumulate = false)
        where T : struct, IBinaryFloatingPointIeee754<T>
    {
        Require.Conv("Conv.WeightGradient", in sizes, batch, x.Length, ldx, dw.Length, delta.Length, ldd);
        Require.Bias("Conv.WeightGradient", sizes.Outputs, db.Length);
        if (arithmetic == Arithmetic.Fused)
        {
            WeightGradient<T, Fused>(in sizes, batch, x, ldx, delta, ldd, dw, accumulate);
        }
        else
        {
            WeightGradient<T, Separate>(in sizes, batch, x, ldx, delta, ldd, dw, accumulate);
        }

        if (!db.IsEmpty)
        {
            ChannelSums(batch, sizes.Outputs, sizes.OutputPositions, delta, ldd, db, accumulate);
        }
    }

    /// <summary>
    /// dx[c, iy, ix] = (accumulate ? dx : bias[c] or +0), then s = M(delta, w, s) over the output positions that read the element, row-major (kernel
    /// rows and columns from the last to the first), and inside a position over output channels ascending. The forward pass of a transposed
    /// convolution.
    /// </summary>
    /// <typeparam name="T">float or double.</typeparam>
    /// <param name="arithmetic">How M rounds.</param>
    /// <param name="sizes">The sizes of the convolution whose input gradient it is.</param>
    /// <param name="batch">Samples.</param>
    /// <param name="delta">Gradients of the outputs.</param>
    /// <param name="ldd">Distance of the samples in delta.</param>
    /// <param name="w">Kernels.</param>
    /// <param name="bias">A value a channel of dx, or empty.</param>
    /// <param name="dx">Gradients of the inputs; may not overlap a source.</param>
    /// <param name="ldx">Distance of the samples in dx.</param>
    /// <param name="accumulate">True: the sums go on from dx, and bias is not read.</param>
    /// <exception cref="ArgumentException">The sizes are no convolution, or a span is too short for them.</exception>
    public static void InputGradient<T>(
        Arithmetic arithmetic,
        in ConvSizes sizes,
        int batch,
        ReadOnlySpan<T> delta,
        int ldd,
        ReadOnlySpan<T> w,
        ReadOnlySpan<T> bias,
        Span<T> dx,
        int ldx,
        bool accumulate = false)
        where T : struct, IBinaryFloatingPointIeee754<T>
    {
        Require.Conv("Conv.InputGradient", in sizes, batch, dx.Length, ldx, w.Length, delta.Length, ldd);
        Require.Bias("Conv.InputGradient", sizes.Channels, bias.Length);
        if (arithmetic == Arithmetic.Fused)
        {
            InputGradient<T, Fused>(in sizes, batch, delta, ldd, w, bias, dx, ldx, accumulate);
        }
        else
        {
            InputGradient<T, Separate>(in sizes, batch, delta, ldd, w, bias, dx, ldx, accumulate);
        }
    }

    /// <summary>sums[c] = (accumulate ? sums[c] : +0), then s = s + x[c, position], samples and, inside a sample, positions ascending.</summary>
    /// <typeparam name="T">float or double.</typeparam>
    /// <param name="batch">Samples.</param>
    /// <param name="channels">Channels.</param>
    /// <param name="positions">Positions of a channel.</param>
    /// <param name="x">The terms, [batch][channels, positions].</param>
    /// <param name="ldx">Distance of the samples in x.</param>
    /// <param name="sums">A result a channel.</param>
    /// <param name="accumulate">True: the chains go on from sums.</param>
    /// <exception cref="ArgumentException">A span is too short for its sizes.</exception>
    public static void ChannelSums<T>(int batch, int channels, int positions, ReadOnlySpan<T> x, int ldx, Span<T> sums, bool accumulate = false)
        where T : struct, IBinaryFloatingPointIeee754<T>
    {
        Require.Matrix("Conv.ChannelSums", nameof(x), batch, channels * positions, ldx, x.Length);
        Require.AtLeast("Conv.ChannelSums", nameof(sums), channels, sums.Length);
        for (int c = 0; c < channels; c++)
        {
            T s = accumulate ? sums[c] : T.Zero;
            for (int n = 0; n < batch; n++)
            {
                foreach (T value in x.Slice((n * ldx) + (c * positions), positions))
                {
                    s += value;
                }
            }

            sums[c] = s;
        }
    }

    private static void Forward<T, TArithmetic>(
        in ConvSizes sizes, int batch, ReadOnlySpan<T> x, int ldx, ReadOnlySpan<T> w, ReadOnlySpan<T> bias, Span<T> y, int ldy, bool accumulate)
        where T : struct, IBinaryFloatingPointIeee754<T>
        where TArithmetic : struct, IArithmetic
    {
        int height = sizes.OutputHeight, width = sizes.OutputWidth, channels = sizes.Channels / sizes.Groups, outputs = sizes.Outputs / sizes.Groups;
        for (int n = 0; n < batch; n++)
        {
            for (int o = 0; o < sizes.Outputs; o++)
            {
                ReadOnlySpan<T> group = x[((n * ldx) + (o / outputs * channels * sizes.Height * sizes.Width))..];
                for (int oy = 0; oy < height; oy++)
                {
                    for (int ox = 0; ox < width; ox++)
                    {
                        ref T result = ref y[(n * ldy) + (((o * height) + oy) * width) + ox];
                        T s = accumulate ? result : bias.IsEmpty ? T.Zero : bias[o];
                        int tap = o * sizes.Taps;
                        for (int c = 0; c < channels; c++)
                        {
                            for (int ky = 0; ky < sizes.KernelHeight; ky++)
                            {
                                int iy = (oy * sizes.StrideY) - sizes.Top + (ky * sizes.DilationY);
                                for (int kx = 0; kx < sizes.KernelWidth; kx++, tap++)
                                {
                                    int ix = (ox * sizes.StrideX) - sizes.Left + (kx * sizes.DilationX);
                                    if ((uint)iy < (uint)sizes.Height && (uint)ix < (uint)sizes.Width)
                                    {
                                        s = ScalarMath.MultiplyAdd<T, TArithmetic>(group[(((c * sizes.Height) + iy) * sizes.Width) + ix], w[tap], s);
                                    }
                                }
                            }
                        }

                        result = s;
                    }
                }
            }
        }
    }

    private static void WeightGradient<T, TArithmetic>(
        in ConvSizes sizes, int batch, ReadOnlySpan<T> x, int ldx, ReadOnlySpan<T> delta, int ldd, Span<T> dw, bool accumulate)
        where T : struct, IBinaryFloatingPointIeee754<T>
        where TArithmetic : struct, IArithmetic
    {
        int height = sizes.OutputHeight, width = sizes.OutputWidth, channels = sizes.Channels / sizes.Groups, outputs = sizes.Outputs / sizes.Groups;
        for (int o = 0; o < sizes.Outputs; o++)
        {
            int tap = o * sizes.Taps;
            for (int c = 0; c < channels; c++)
            {
                int plane = ((o / outputs * channels) + c) * sizes.Height * sizes.Width;
                for (int ky = 0; ky < sizes.KernelHeight; ky++)
                {
                    for (int kx = 0; kx < sizes.KernelWidth; kx++, tap++)
                    {
                        T s = accumulate ? dw[tap] : T.Zero;
                        for (int n = 0; n < batch; n++)
                        {
                            for (int oy = 0; oy < height; oy++)
                            {
                                int iy = (oy * sizes.StrideY) - sizes.Top + (ky * sizes.DilationY);
                                for (int ox = 0; ox < width; ox++)
                                {
                                    int ix = (ox * sizes.StrideX) - sizes.Left + (kx * sizes.DilationX);
                                    if ((uint)iy < (uint)sizes.Height && (uint)ix < (uint)sizes.Width)
                                    {
                                        s = ScalarMath.MultiplyAdd<T, TArithmetic>(
                                            delta[(n * ldd) + (((o * height) + oy) * width) + ox], x[(n * ldx) + plane + (iy * sizes.Width) + ix], s);
                                    }
                                }
                            }
                        }

                        dw[tap] = s;
                    }
                }
            }
        }
    }

    private static void InputGradient<T, TArithmetic>(
        in ConvSizes sizes, int batch, ReadOnlySpan<T> delta, int ldd, ReadOnlySpan<T> w, ReadOnlySpan<T> bias, Span<T> dx, int ldx, bool accumulate)
        where T : struct, IBinaryFloatingPointIeee754<T>
        where TArithmetic : struct, IArithmetic
    {
        int height = sizes.OutputHeight, width = sizes.OutputWidth, channels = sizes.Channels / sizes.Groups, outputs = sizes.Outputs / sizes.Groups;
        int kernel = sizes.KernelHeight * sizes.KernelWidth;
        for (int n = 0; n < batch; n++)
        {
            for (int c = 0; c < sizes.Channels; c++)
            {
                int firstOutput = c / channels * outputs;
                for (int iy = 0; iy < sizes.Height; iy++)
                {
                    for (int ix = 0; ix < sizes.Width; ix++)
                    {
                        ref T result = ref dx[(n * ldx) + (((c * sizes.Height) + iy) * sizes.Width) + ix];
                        T s = accumulate ? result : bias.IsEmpty ? T.Zero : bias[c];
                        for (int ky = sizes.KernelHeight - 1; ky >= 0; ky--)
                        {
                            int y = iy + sizes.Top - (ky * sizes.DilationY);
                            if (y < 0 || y % sizes.StrideY != 0 || y / sizes.StrideY >= height)
                            {
                                continue;
                            }

                            for (int kx = sizes.KernelWidth - 1; kx >= 0; kx--)
                            {
                                int z = ix + sizes.Left - (kx * sizes.DilationX);
                                if (z < 0 || z % sizes.StrideX != 0 || z / sizes.StrideX >= width)
                                {
                                    continue;
                                }

                                int position = (y / sizes.StrideY * width) + (z / sizes.StrideX);
                                for (int o = firstOutput; o < firstOutput + outputs; o++)
                                {
                                    s = ScalarMath.MultiplyAdd<T, TArithmetic>(
                                        delta[(n * ldd) + (o * height * width) + position],
                                        w[(((o * channels) + (c % channels)) * kernel) + (ky * sizes.KernelWidth) + kx], s);
                                }
                            }
                        }

                        result = s;
                    }
                }
            }
        }
    }
}
