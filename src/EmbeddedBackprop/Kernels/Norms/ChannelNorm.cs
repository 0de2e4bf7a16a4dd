using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Kernels.Threads;

namespace EmbeddedBackprop.Kernels.Norms;

/// <summary>Batch normalisation with the bits of <see cref="Scalar.ChannelNorm"/>.</summary>
/// <remarks>Lanes are neighbouring positions of a channel; with one position (features) they are neighbouring features.</remarks>
internal static class ChannelNorm
{
    /// <inheritdoc cref="Scalar.ChannelNorm.Moments"/>
    public static void Moments(
        Arithmetic arithmetic, int batch, int channels, int length, ReadOnlySpan<float> x, int ldx, Span<float> means, Span<float> variances)
    {
        Require.Matrix("ChannelNorm.Moments", nameof(x), batch, channels * length, ldx, x.Length);
        Require.AtLeast("ChannelNorm.Moments", nameof(means), channels, means.Length);
        Require.AtLeast("ChannelNorm.Moments", nameof(variances), channels, variances.Length);
        Run<MomentsKernel>(arithmetic, new(batch, channels, length, x, ldx, default, 0, means, variances, default, default, default, default));
    }

    /// <inheritdoc cref="Scalar.ChannelNorm.Normalize"/>
    public static void Normalize(
        Arithmetic arithmetic, int batch, int channels, int length, ReadOnlySpan<float> x, int ldx, Span<float> means, Span<float> inverses,
        Span<float> gammas, Span<float> betas, Span<float> y, int ldy)
    {
        Require.Matrix("ChannelNorm.Normalize", nameof(x), batch, channels * length, ldx, x.Length);
        Require.Matrix("ChannelNorm.Normalize", nameof(y), batch, channels * length, ldy, y.Length);
        RequireChannels("ChannelNorm.Normalize", channels, means, inverses, gammas, betas);
        Run<NormalizeKernel>(arithmetic, new(batch, channels, length, x, ldx, y, ldy, means, inverses, gammas, betas, default, default));
    }

    /// <inheritdoc cref="Scalar.ChannelNorm.Sums"/>
    public static void Sums(
        Arithmetic arithmetic, int batch, int channels, int length, ReadOnlySpan<float> x, int ldx, Span<float> means, Span<float> inverses,
        Span<float> dy, int lddy, Span<float> gradients, Span<float> products)
    {
        Require.Matrix("ChannelNorm.Sums", nameof(x), batch, channels * length, ldx, x.Length);
        Require.Matrix("ChannelNorm.Sums", nameof(dy), batch, channels * length, lddy, dy.Length);
        RequireChannels("ChannelNorm.Sums", channels, means, inverses, gradients, products);
        Run<SumsKernel>(arithmetic, new(batch, channels, length, x, ldx, dy, lddy, means, inverses, gradients, products, default, default));
    }

    /// <inheritdoc cref="Scalar.ChannelNorm.Backward"/>
    public static void Backward(
        Arithmetic arithmetic, int batch, int channels, int length, ReadOnlySpan<float> x, int ldx, Span<float> means, Span<float> inverses,
        Span<float> gammas, Span<float> dy, int lddy, Span<float> gradients, Span<float> products, Span<float> dx, bool accumulate)
    {
        Require.Matrix("ChannelNorm.Backward", nameof(x), batch, channels * length, ldx, x.Length);
        Require.Matrix("ChannelNorm.Backward", nameof(dy), batch, channels * length, lddy, dy.Length);
        Require.Matrix("ChannelNorm.Backward", nameof(dx), batch, channels * length, ldx, dx.Length);
        RequireChannels("ChannelNorm.Backward", channels, means, inverses, gradients, products);
        Require.AtLeast("ChannelNorm.Backward", nameof(gammas), channels, gammas.Length);
        Run<BackwardKernel>(arithmetic, new(batch, channels, length, x, ldx, dy, lddy, means, inverses, gradients, products, gammas, dx, accumulate));
    }

    private static void Run<TKernel>(Arithmetic arithmetic, in ChannelNormArguments arguments)
        where TKernel : struct, ILaneKernel<ChannelNormArguments>
    {
        if (arguments.Batch > 0 && arguments.Channels > 0)
        {
            int row = arguments.Positions == 1 ? arguments.Channels : arguments.Positions;
            ParallelSamples.Run<TKernel, ChannelNormArguments>(arithmetic, row, arguments.Batch * arguments.Positions, in arguments);
        }
    }

    private static void RequireChannels(string kernel, int channels, Span<float> a, Span<float> b, Span<float> c, Span<float> d)
    {
        Require.AtLeast(kernel, "means", channels, a.Length);
        Require.AtLeast(kernel, "inverses", channels, b.Length);
        Require.AtLeast(kernel, "channel values", channels, c.Length);
        Require.AtLeast(kernel, "channel values", channels, d.Length);
    }
}
