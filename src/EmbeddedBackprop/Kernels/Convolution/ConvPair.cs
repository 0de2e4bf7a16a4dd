using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Kernels.Threads;

namespace EmbeddedBackprop.Kernels.Convolution;

/// <summary>
/// A depthwise convolution and the pointwise one that alone reads its results, sample by sample: the results stay in the first cache and in the order
/// in which both have them, [block of channels][position][lane], so they are turned over neither to be stored nor to be read. The bits of the two.
/// </summary>
internal unsafe struct ConvPair
{
    /// <summary>Floats of a sample in between, at most: 64 KB on the stack.</summary>
    private const int Most = 1 << 14;

    /// <summary>The pointwise convolution; its image is given with each sample.</summary>
    public ConvArguments Second;

    /// <summary>Whether the kernel has run: not if the channels do not fill vectors.</summary>
    public bool Ran;

    /// <summary>Whether the sizes are such a pair, and one sample is small enough.</summary>
    public static bool Fits(in ConvSizes first, in ConvSizes second) =>
        first.Groups > 1 && first.Groups == first.Channels && first.Groups == first.Outputs && first.FitsTiles && first.SampleOutputs <= Most
        && second.IsPointwise && second.Groups == 1 && second.FitsTiles && second.Channels == first.Outputs
        && second.Height == first.OutputHeight && second.Width == first.OutputWidth;

    /// <summary>
    /// The sizes of the pointwise convolution over what lies as [block of channels][position][lane]: a kernel of one block's channels, which moves on
    /// by as many floats.
    /// </summary>
    public static ConvSizes OverBlocks(in ConvSizes second, int lanes) =>
        new(second.Channels / lanes, 1, second.OutputPositions * lanes, second.Outputs, 1, lanes) { StrideX = lanes };

    /// <summary>Runs a pair, on one thread.</summary>
    /// <param name="arithmetic">How products are added.</param>
    /// <param name="batch">Samples.</param>
    /// <param name="first">The depthwise convolution, whose maps are not written.</param>
    /// <param name="second">The pointwise one; its maps may be the first one's images, sample by sample.</param>
    /// <returns>False if nothing was done: threads share the work, memory overlaps otherwise, or the vectors do not fit.</returns>
    public static bool TryRun(Arithmetic arithmetic, int batch, in ConvHalf first, in ConvHalf second)
    {
        ReadOnlySpan<float> x = first.From;
        Span<float> y = second.To;
        if (WorkerPool.Current != null || !Fits(in first.Sizes, in second.Sizes)
            || (y.Overlaps(x, out int apart) && (apart != 0 || first.LeadingFrom != second.LeadingTo)))
        {
            return false;
        }

        int between = first.Sizes.SampleOutputs;
        Require.Conv("Conv.Forward", in first.Sizes, batch, x.Length, first.LeadingFrom, first.Weights.Length, int.MaxValue, between);
        Require.Conv("Conv.Forward", in second.Sizes, batch, int.MaxValue, between, second.Weights.Length, y.Length, second.LeadingTo);
        Require.Bias("Conv.Forward", first.Sizes.Outputs, first.Bias.Length);
        Require.Bias("Conv.Forward", second.Sizes.Outputs, second.Bias.Length);
        if (!second.Turned.IsEmpty)
        {
            Require.AtLeast("Conv.Forward", "turned", ConvTurned.MostLength(in second.Sizes), second.Turned.Length);
        }

        ConvFollowers f = first.Followers, s = second.Followers;
        f.Require(first.Sizes.Outputs);
        s.Require(second.Sizes.Outputs);
        fixed (float* image = x, kernels = first.Weights, bias = first.Bias, maps = y, weights = second.Weights, start = second.Bias)
        fixed (float* means = f.Means, variances = f.Variances, gammas = f.Gammas, betas = f.Betas, turned = second.Turned)
        fixed (float* means2 = s.Means, variances2 = s.Variances, gammas2 = s.Gammas, betas2 = s.Betas)
        {
            ConvPair pair = new()
            {
                Second = new()
                {
                    Sizes = second.Sizes, Batch = 1, Kernels = weights, Turned = turned, Bias = start, Maps = maps, LeadingMaps = second.LeadingTo,
                    Finish = new()
                    {
                        Means = means2, Variances = variances2, Gammas = gammas2, Betas = betas2, Epsilon = s.Epsilon, Rectifies = s.Rectifies,
                    },
                },
            };
            ConvArguments g = new()
            {
                Sizes = first.Sizes, Batch = batch, Image = image, ImageEnd = image + x.Length, LeadingImage = first.LeadingFrom,
                Kernels = kernels, Bias = bias, IsForward = true, Pair = &pair,
                Finish = new() { Means = means, Variances = variances, Gammas = gammas, Betas = betas, Epsilon = f.Epsilon, Rectifies = f.Rectifies },
            };
            if (!ConvDepthwiseChannelsKernel.Fits(in g))
            {
                return false;
            }

            if (turned != null && !second.IsTurned)
            {
                ConvTurned.Made(turned) = 0;
            }

            g.End = ConvDepthwiseChannelsKernel.Units(in g);
            LaneDispatch.RunWithin<ConvDepthwiseChannelsKernel, ConvArguments>(arithmetic, first.Sizes.Channels, in g);
            return pair.Ran;
        }
    }

    /// <summary>The pointwise convolution of a sample, from [block of channels][position][lane].</summary>
    public readonly void Run<T>(int sample, float* from) where T : struct, IFloatLanes<T>
    {
        ConvArguments g = Second;
        g.Sizes = OverBlocks(in Second.Sizes, T.Count);
        g.Image = from;
        g.Maps += (nint)sample * g.LeadingMaps;
        (g.First, g.End) = (0, 1);
        ConvChannels.Run<T>(in g);
    }
}

/// <summary>One convolution of a <see cref="ConvPair"/>.</summary>
internal readonly ref struct ConvHalf
{
    public readonly ConvSizes Sizes;

    public ConvHalf(ConvSizes sizes) => Sizes = sizes;

    /// <summary>The images; empty for the second one.</summary>
    public ReadOnlySpan<float> From { get; init; }

    public int LeadingFrom { get; init; }

    public ReadOnlySpan<float> Weights { get; init; }

    public ReadOnlySpan<float> Bias { get; init; }

    public ConvFollowers Followers { get; init; }

    /// <summary>The maps; empty for the first one.</summary>
    public Span<float> To { get; init; }

    public int LeadingTo { get; init; }

    /// <summary>Memory for kernels that are turned over, and whether it may hold those of the run before.</summary>
    public Span<float> Turned { get; init; }

    public bool IsTurned { get; init; }
}
