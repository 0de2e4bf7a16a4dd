using EmbeddedBackprop.Kernels.Convolution;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Kernels.Norms;
using EmbeddedBackprop.Kernels.Threads;

namespace EmbeddedBackprop.Kernels;

/// <summary>
/// Convolutions with the bits of <see cref="Scalar.Conv"/>: forward pass, weight gradient, input gradient (and with it the transposed convolution).
/// </summary>
/// <remarks>
/// No im2col buffer: panels of 64 columns are packed on the stack, multiplied by the tiles of <see cref="Gemm"/> and forgotten. Nothing is allocated.
/// Sizes beyond the tiles (sums of more than 131,072 terms, kernels of more than 1,024 positions, steps above 32,768, padding above 4,096) run in the
/// loops of the twin, where only <see cref="UpdateWeights"/> allocates.
/// </remarks>
public static unsafe class Conv
{
    /// <summary>The share of gradients other than 0 up to which <see cref="ConvSparseInputKernel"/> is the faster one.</summary>
    private const double MostGradients = 0.25;

    /// <summary>
    /// y[o, oy, ox] = (accumulate ? y : bias[o] or +0), then s = M(x, w, s) over input channel, kernel row, kernel column ascending.
    /// </summary>
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
    public static void Forward(
        Arithmetic arithmetic,
        in ConvSizes sizes,
        int batch,
        ReadOnlySpan<float> x,
        int ldx,
        ReadOnlySpan<float> w,
        ReadOnlySpan<float> bias,
        Span<float> y,
        int ldy,
        bool accumulate = false)
    {
        ConvArguments g = new() { Accumulate = accumulate };
        RunForward(arithmetic, in sizes, batch, x, ldx, w, bias, y, ldy, ref g, default, [], isTurned: false);
    }

    /// <summary>
    /// <see cref="Forward"/>, and what follows: the bits of the steps one after the other, in one pass. Where the maxima of two by two follow, y need
    /// not hold the convolution's results afterwards, and they may share the memory of x. Memory for kernels that are turned over is as long as
    /// <see cref="ConvTurned.Length"/> says, or empty; it may hold those of the call before, with the same kernels and sizes.
    /// </summary>
    /// <returns>False if the maxima are still to be taken, of y; else nothing is left to do.</returns>
    internal static bool ForwardAndFollowers(
        Arithmetic arithmetic,
        in ConvSizes sizes,
        int batch,
        ReadOnlySpan<float> x,
        int ldx,
        ReadOnlySpan<float> w,
        ReadOnlySpan<float> bias,
        Span<float> y,
        int ldy,
        in ConvFollowers followers,
        Span<float> turned = default,
        bool isTurned = false)
    {
        followers.Require(sizes.Outputs);

        // Samples are the parts of the work where there are maxima: of one sample threads would have nothing to share.
        ConvArguments g = default;
        bool isOver = followers.Maxima.Overlaps(x);
        if (followers.Maxima.IsEmpty || !sizes.FitsTiles || sizes.Groups > 1 || !ConvMaxima.Fit(in sizes)
            || (batch == 1 && WorkerPool.Current != null) || (isOver && followers.KeepsSums))
        {
            RunForward(arithmetic, in sizes, batch, x, ldx, w, bias, y, ldy, ref g, in followers, turned, isTurned);
            return followers.Maxima.IsEmpty;
        }

        // What is written over another sample's input waits in the memory of its own results.
        int length = sizes.SampleOutputs / 4;
        Require.Matrix("Conv.Forward", "maxima", batch, length, followers.LeadingMaxima, followers.Maxima.Length);
        Span<float> to = isOver ? y : followers.Maxima;
        int leading = isOver ? ldy : followers.LeadingMaxima;
        fixed (float* maxima = to)
        {
            g.Maxima = maxima;
            g.LeadingMaxima = leading;
            g.KeepsMaps = followers.KeepsSums;
            RunForward(arithmetic, in sizes, batch, x, ldx, w, bias, y, ldy, ref g, in followers, turned, isTurned);
        }

        for (int n = 0; isOver && n < batch; n++)
        {
            y.Slice(n * ldy, length).CopyTo(followers.Maxima[(n * followers.LeadingMaxima)..]);
        }

        return true;
    }

    /// <summary>
    /// <see cref="Forward"/> without bias, for x and w that are integers below 2^24 in magnitude, as are all sums: every result is exact, and a
    /// result of 0 is +0 or -0.
    /// </summary>
    internal static void ForwardOfIntegers(
        Arithmetic arithmetic, in ConvSizes sizes, int batch, ReadOnlySpan<float> x, int ldx, ReadOnlySpan<float> w, Span<float> y, int ldy)
    {
        ConvArguments g = new() { ZerosAreAlike = true };
        RunForward(arithmetic, in sizes, batch, x, ldx, w, [], y, ldy, ref g, default, [], isTurned: false);
    }

    private static void RunForward(
        Arithmetic arithmetic,
        in ConvSizes sizes,
        int batch,
        ReadOnlySpan<float> x,
        int ldx,
        ReadOnlySpan<float> w,
        ReadOnlySpan<float> bias,
        Span<float> y,
        int ldy,
        ref ConvArguments g,
        in ConvFollowers followers,
        Span<float> turned,
        bool isTurned)
    {
        Require.Conv("Conv.Forward", in sizes, batch, x.Length, ldx, w.Length, y.Length, ldy);
        Require.Bias("Conv.Forward", sizes.Outputs, bias.Length);
        if (!turned.IsEmpty)
        {
            Require.AtLeast("Conv.Forward", "turned", ConvTurned.MostLength(in sizes), turned.Length);
        }

        fixed (float* image = x, kernels = w, start = bias, maps = y, memory = turned)
        fixed (float* means = followers.Means, variances = followers.Variances, gammas = followers.Gammas, betas = followers.Betas)
        {
            g.Finish = new ConvFinish
            {
                Means = means, Variances = variances, Gammas = gammas, Betas = betas,
                Epsilon = followers.Epsilon, Rectifies = followers.Rectifies,
            };
            g.Sizes = sizes.Flattened;
            g.Batch = batch;
            g.Image = image;
            g.ImageEnd = image + x.Length;
            g.LeadingImage = ldx;
            g.Kernels = kernels;
            g.Turned = memory;
            g.Bias = start;
            g.Maps = maps;
            g.LeadingMaps = ldy;
            if (memory != null && !isTurned)
            {
                ConvTurned.Made(memory) = 0;
            }

            if (!sizes.FitsTiles)
            {
                Scalar.Conv.Forward<float>(arithmetic, in sizes, batch, x, ldx, w, bias, y, ldy, g.Accumulate);
                if (g.Finish.Exists)
                {
                    LaneDispatch.Run<ConvFinishKernel, ConvArguments>(arithmetic, g.Part(0, batch * g.Sizes.OutputHeight));
                }

                return;
            }

            g.MultipliesZeros = sizes.IsPadded && (g.ZerosAreAlike || Finite.All(w[..sizes.Weights]));
            g.IsForward = true;
            if (RunPlanes(arithmetic, in g, in sizes))
            {
                return;
            }

            int height = g.Sizes.OutputHeight;
            (int units, int rows) = g.Maxima == null ? (batch * height, 1) : (batch, height);
            ParallelConv<ConvForwardKernel>.Run(arithmetic, ref g, units, batch * sizes.MultiplyAdds, rows: rows);
        }
    }

    /// <summary>
    /// dw[o, c, ky, kx] = (accumulate ? dw : +0), then s = M(delta, x, s) over samples and, inside a sample, output positions row-major;
    /// db[o] = (accumulate ? db : +0), then s = s + delta in the same order.
    /// </summary>
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
    public static void WeightGradient(
        Arithmetic arithmetic,
        in ConvSizes sizes,
        int batch,
        ReadOnlySpan<float> x,
        int ldx,
        ReadOnlySpan<float> delta,
        int ldd,
        Span<float> dw,
        Span<float> db,
        bool accumulate = false)
    {
        Require.Conv("Conv.WeightGradient", in sizes, batch, x.Length, ldx, dw.Length, delta.Length, ldd);
        Require.Bias("Conv.WeightGradient", sizes.Outputs, db.Length);
        if (!sizes.FitsTiles)
        {
            Scalar.Conv.WeightGradient<float>(arithmetic, in sizes, batch, x, ldx, delta, ldd, dw, db, accumulate);
            return;
        }

        Weights(arithmetic, in sizes, batch, x, ldx, delta, ldd, dw, db, new ConvArguments { Accumulate = accumulate });
    }

    /// <summary>
    /// A weight gradient applied at once: g as in <see cref="WeightGradient"/>, g = M(l2, w, g) if l2 is not 0, w = M(-learningRate, g, w), the same
    /// for the biases. The gradient stays in registers and on the stack; the bits are those of the three passes.
    /// </summary>
    /// <param name="arithmetic">How M rounds.</param>
    /// <param name="sizes">The sizes.</param>
    /// <param name="batch">Samples.</param>
    /// <param name="x">Inputs.</param>
    /// <param name="ldx">Distance of the samples in x.</param>
    /// <param name="delta">Gradients of the outputs.</param>
    /// <param name="ldd">Distance of the samples in delta.</param>
    /// <param name="w">Kernels.</param>
    /// <param name="bias">Biases, or empty.</param>
    /// <param name="learningRate">The learning rate.</param>
    /// <param name="weightL2">The penalty's factor for the kernels.</param>
    /// <param name="biasL2">The penalty's factor for the biases.</param>
    /// <exception cref="ArgumentException">The sizes are no convolution, or a span is too short for them.</exception>
    public static void UpdateWeights(
        Arithmetic arithmetic,
        in ConvSizes sizes,
        int batch,
        ReadOnlySpan<float> x,
        int ldx,
        ReadOnlySpan<float> delta,
        int ldd,
        Span<float> w,
        Span<float> bias,
        float learningRate,
        float weightL2,
        float biasL2) =>
        UpdateFrom(arithmetic, in sizes, batch, x, ldx, delta, ldd, w, bias, learningRate, weightL2, biasL2, isFinite: false);

    /// <summary><see cref="UpdateWeights"/>, and whether x is known to be finite.</summary>
    internal static void UpdateFrom(
        Arithmetic arithmetic,
        in ConvSizes sizes,
        int batch,
        ReadOnlySpan<float> x,
        int ldx,
        ReadOnlySpan<float> delta,
        int ldd,
        Span<float> w,
        Span<float> bias,
        float learningRate,
        float weightL2,
        float biasL2,
        bool isFinite)
    {
        Require.Conv("Conv.UpdateWeights", in sizes, batch, x.Length, ldx, w.Length, delta.Length, ldd);
        Require.Bias("Conv.UpdateWeights", sizes.Outputs, bias.Length);
        if (!sizes.FitsTiles)
        {
            float[] dw = new float[sizes.Weights], db = new float[bias.IsEmpty ? 0 : sizes.Outputs];
            Scalar.Conv.WeightGradient<float>(arithmetic, in sizes, batch, x, ldx, delta, ldd, dw, db);
            Apply(arithmetic, learningRate, weightL2, dw, w[..dw.Length]);
            Apply(arithmetic, learningRate, biasL2, db, bias[..db.Length]);
            return;
        }

        Weights(
            arithmetic, in sizes, batch, x, ldx, delta, ldd, w, bias,
            new ConvArguments { Updates = true, LearningRate = learningRate, WeightL2 = weightL2, BiasL2 = biasL2, SkipsZeros = isFinite });
    }

    /// <summary>
    /// dx[c, iy, ix] = (accumulate ? dx : bias[c] or +0), then s = M(delta, w, s) over the output positions that read the element, row-major (kernel
    /// rows and columns from the last to the first), and inside a position over output channels ascending. The forward pass of a transposed
    /// convolution.
    /// </summary>
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
    public static void InputGradient(
        Arithmetic arithmetic,
        in ConvSizes sizes,
        int batch,
        ReadOnlySpan<float> delta,
        int ldd,
        ReadOnlySpan<float> w,
        ReadOnlySpan<float> bias,
        Span<float> dx,
        int ldx,
        bool accumulate = false)
    {
        Require.Conv("Conv.InputGradient", in sizes, batch, dx.Length, ldx, w.Length, delta.Length, ldd);
        Require.Bias("Conv.InputGradient", sizes.Channels, bias.Length);
        if (!sizes.FitsTiles || !ConvBand.Fits(sizes.Flattened))
        {
            Scalar.Conv.InputGradient<float>(arithmetic, in sizes, batch, delta, ldd, w, bias, dx, ldx, accumulate);
            return;
        }

        fixed (float* image = dx, kernels = w, start = bias, maps = delta)
        {
            ConvArguments g = new()
            {
                Sizes = sizes.Flattened, Batch = batch, Image = image, LeadingImage = ldx,
                Kernels = kernels, Bias = start, Maps = maps, LeadingMaps = ldd, Accumulate = accumulate,
            };
            if (RunPlanes(arithmetic, in g, in sizes))
            {
                return;
            }

            if (ConvSparseInputKernel.Fits(in g.Sizes) && ConvSparseKernel.AreMostZeros(in g, MostGradients) && Finite.All(w[..sizes.Weights]))
            {
                ParallelConv<ConvSparseInputKernel>.Run(arithmetic, ref g, batch, batch * sizes.MultiplyAdds, sizes.Channels);
                return;
            }

            ParallelConv<ConvInputKernel>.Run(arithmetic, ref g, batch, batch * sizes.MultiplyAdds);
        }
    }

    /// <summary>sums[c] = (accumulate ? sums[c] : +0), then s = s + x[c, position], samples and, inside a sample, positions ascending.</summary>
    /// <param name="batch">Samples.</param>
    /// <param name="channels">Channels.</param>
    /// <param name="positions">Positions of a channel.</param>
    /// <param name="x">The terms, [batch][channels, positions].</param>
    /// <param name="ldx">Distance of the samples in x.</param>
    /// <param name="sums">A result a channel.</param>
    /// <param name="accumulate">True: the chains go on from sums.</param>
    /// <exception cref="ArgumentException">A span is too short for its sizes.</exception>
    public static void ChannelSums(int batch, int channels, int positions, ReadOnlySpan<float> x, int ldx, Span<float> sums, bool accumulate = false)
    {
        Require.Matrix("Conv.ChannelSums", nameof(x), batch, channels * positions, ldx, x.Length);
        Require.AtLeast("Conv.ChannelSums", nameof(sums), channels, sums.Length);
        fixed (float* terms = x, results = sums)
        {
            ConvChannelSums.Run(batch, channels, positions, terms, ldx, results, accumulate);
        }
    }

    /// <summary>Runs a depthwise convolution or its input gradient, if it is one that has a kernel.</summary>
    private static bool RunPlanes(Arithmetic arithmetic, in ConvArguments whole, in ConvSizes sizes)
    {
        if (sizes.Groups == 1)
        {
            return false;
        }

        ConvArguments g = whole;
        g.Sizes = sizes;
        long multiplyAdds = g.Batch * sizes.MultiplyAdds;
        if (ConvDepthwiseChannelsKernel.Fits(in g))
        {
            ParallelConv<ConvDepthwiseChannelsKernel>.Run(
                arithmetic, ref g, ConvDepthwiseChannelsKernel.Units(in g), multiplyAdds, sizes.Channels);
            return true;
        }

        if (!ConvPlanes.Fit(in sizes))
        {
            return false;
        }

        ConvPlanes planes = ConvPlanes.Of(in sizes, g.IsForward);
        ParallelConv<ConvDepthwiseKernel>.Run(
            arithmetic, ref g, g.Batch * planes.Planes, multiplyAdds, planes.EndInner - planes.FirstInner);
        return true;
    }

    private static void Apply(Arithmetic arithmetic, float learningRate, float l2, Span<float> gradient, Span<float> weights)
    {
        if (l2 != 0f)
        {
            Elementwise.MultiplyAdd(arithmetic, l2, weights, gradient);
        }

        Elementwise.MultiplyAdd(arithmetic, -learningRate, gradient, weights);
    }

    private static void Weights(
        Arithmetic arithmetic,
        in ConvSizes sizes,
        int batch,
        ReadOnlySpan<float> x,
        int ldx,
        ReadOnlySpan<float> delta,
        int ldd,
        Span<float> w,
        Span<float> bias,
        ConvArguments g)
    {
        fixed (float* image = x, kernels = w, biases = bias, maps = delta)
        {
            g.Sizes = sizes.Flattened;
            g.Batch = batch;
            g.Image = image;
            g.ImageEnd = image + x.Length;
            g.LeadingImage = ldx;
            g.Maps = maps;
            g.LeadingMaps = ldd;
            g.Kernels = kernels;
            g.Bias = biases;
            if (ConvDepthwiseWeightsKernel.Fits(in sizes))
            {
                g.Sizes = sizes;
                ParallelConv<ConvDepthwiseWeightsKernel>.Run(arithmetic, ref g, sizes.Channels, batch * sizes.MultiplyAdds);
                return;
            }

            g.SkipsZeros = g.SkipsZeros || Finite.All(x);
            if (g.SkipsZeros && ConvSparseKernel.Fits(in g.Sizes) && ConvSparseKernel.IsSparse(in g))
            {
                ParallelConv<ConvSparseKernel>.Run(
                    arithmetic, ref g, g.Sizes.Outputs, batch * sizes.MultiplyAdds, ConvSparseKernel.Lanes(in g.Sizes));
                return;
            }

            if (ConvOutputWeightsKernel.Fits(in sizes))
            {
                g.Sizes = sizes;
                g.ChannelChunk = ConvOutputWeightsKernel.ChannelsTogether(in sizes);
                ParallelConv<ConvOutputWeightsKernel>.Run(arithmetic, ref g, ConvOutputWeightsKernel.Units(in g), batch * sizes.MultiplyAdds);
                return;
            }

            g.OutputChunk = WorkerPool.Current == null ? ConvWeightsKernel.Rows : ConvWeightsKernel.Rows / 4;
            ParallelConv<ConvWeightsKernel>.Run(arithmetic, ref g, ConvWeightsKernel.Units(in g), batch * sizes.MultiplyAdds);
        }
    }
}
