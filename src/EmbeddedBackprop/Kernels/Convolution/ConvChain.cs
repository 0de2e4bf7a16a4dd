using System.Runtime.CompilerServices;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Kernels.Threads;

namespace EmbeddedBackprop.Kernels.Convolution;

/// <summary>Convolutions of a <see cref="ConvChain"/>, one after the other.</summary>
internal interface IConvHalves
{
    /// <summary>The next one; <paramref name="at"/> is 0 before the first.</summary>
    ConvHalf Next(scoped ref int at);
}

/// <summary>
/// Depthwise convolutions, each with the pointwise one that alone reads its results, sample by sample, and perhaps one of another kind before them:
/// the results in between stay in the first two caches and in the order in which all have them, [block of channels][position][lane], so they are
/// turned over neither to be stored nor to be read. The bits of the steps one after the other.
/// </summary>
internal unsafe struct ConvChain
{
    /// <summary>Convolutions, at most.</summary>
    public const int Most = 17;

    /// <summary>Floats of a sample in between, at most: 64 KB on the stack.</summary>
    private const int MostBetween = 1 << 14;

    /// <summary>Floats of weights, constants and terms of all depthwise ones, at most: 128 KB on the stack.</summary>
    private const int MostConstants = 1 << 15;

    public ConvArguments* Links;
    public int Count;

    /// <summary>Becomes true: not if the channels do not fill vectors.</summary>
    public bool* Ran;

    /// <summary>Whether the sizes are a pair, and one sample is small enough.</summary>
    public static bool IsPair(in ConvSizes first, in ConvSizes second) =>
        IsDepthwise(in first) && first.SampleOutputs <= MostBetween
        && second.IsPointwise && second.Groups == 1 && second.FitsTiles && second.Channels == first.Outputs
        && second.Height == first.OutputHeight && second.Width == first.OutputWidth;

    /// <summary>Whether a depthwise convolution fits behind others, whose constants have so many floats.</summary>
    public static bool HasRoom(in ConvSizes depthwise, bool isFirst, ref int floats)
    {
        long more = ConvChainKernel.Constants(in depthwise);
        if (more > MostConstants - floats || (!isFirst && Inputs(in depthwise) > MostBetween))
        {
            return false;
        }

        floats += (int)more;
        return true;
    }

    /// <summary>Whether the results of a convolution, all samples', may be stored as what follows reads them.</summary>
    public static bool MayBegin(in ConvSizes first, in ConvSizes next) =>
        !first.IsPointwise && first.Groups == 1 && first.FitsTiles && first.SampleOutputs == Inputs(in next);

    public static bool IsDepthwise(in ConvSizes sizes) =>
        sizes.Groups > 1 && sizes.Groups == sizes.Channels && sizes.Groups == sizes.Outputs && sizes.FitsTiles;

    /// <summary>
    /// The sizes of the pointwise convolution over what lies as [block of channels][position][lane]: a kernel of one block's channels, which moves on
    /// by as many floats.
    /// </summary>
    public static ConvSizes OverBlocks(in ConvSizes second, int lanes) =>
        new(second.Channels / lanes, 1, second.OutputPositions * lanes, second.Outputs, 1, lanes) { StrideX = lanes };

    private static int Inputs(in ConvSizes sizes) => sizes.Channels * sizes.Height * sizes.Width;

    /// <summary>Runs a chain, on one thread.</summary>
    /// <param name="arithmetic">How products are added.</param>
    /// <param name="batch">Samples.</param>
    /// <param name="count">Convolutions.</param>
    /// <param name="halves">They; only the last one's maps are written, and the first one's if it is no depthwise convolution.</param>
    /// <returns>False if nothing was done that lasts: threads share the work, memory overlaps, or the vectors do not fit.</returns>
    public static bool TryRun<THalves>(Arithmetic arithmetic, int batch, int count, scoped in THalves halves)
        where THalves : IConvHalves, allows ref struct
    {
        if (WorkerPool.Current != null)
        {
            return false;
        }

        bool ran = false;
        ConvArguments* links = stackalloc ConvArguments[Most];
        ConvChain chain = new() { Links = links, Ran = &ran };
        return Pin(arithmetic, batch, 0, count, in halves, default, ref chain);
    }

    // Every convolution's spans are pinned in a call of its own.
    private static bool Pin<THalves>(
        Arithmetic arithmetic, int batch, int at, int left, scoped in THalves halves, ReadOnlySpan<float> image, ref ConvChain chain)
        where THalves : IConvHalves, allows ref struct
    {
        ConvHalf half = halves.Next(ref at);
        bool isFirst = chain.Count == 0;
        image = isFirst ? half.From : image;
        Span<float> y = half.To;
        int between = half.Sizes.SampleOutputs;

        // Samples may be written over those that were read.
        bool isWritten = left == 1 || (isFirst && !IsDepthwise(in half.Sizes));
        if (left == 1 && y.Overlaps(image, out int apart) && (apart != 0 || chain.Links[0].LeadingImage != half.LeadingTo))
        {
            return false;
        }

        Require.Conv(
            "Conv.Forward", in half.Sizes, batch, isFirst ? half.From.Length : int.MaxValue, isFirst ? half.LeadingFrom : Inputs(in half.Sizes),
            half.Weights.Length, isWritten ? y.Length : int.MaxValue, isWritten ? half.LeadingTo : between);
        Require.Bias("Conv.Forward", half.Sizes.Outputs, half.Bias.Length);
        if (!half.Turned.IsEmpty)
        {
            Require.AtLeast("Conv.Forward", "turned", ConvTurned.MostLength(in half.Sizes), half.Turned.Length);
        }

        ConvFollowers f = half.Followers;
        f.Require(half.Sizes.Outputs);
        fixed (float* source = half.From, maps = y, weights = half.Weights, start = half.Bias, turned = half.Turned)
        fixed (float* means = f.Means, variances = f.Variances, gammas = f.Gammas, betas = f.Betas)
        {
            ref ConvArguments g = ref chain.Links[chain.Count++];
            g = new()
            {
                Sizes = half.Sizes, Batch = 1, Kernels = weights, Turned = turned, Bias = start, IsForward = true,
                Image = source, ImageEnd = source + half.From.Length, LeadingImage = half.LeadingFrom, Maps = maps, LeadingMaps = half.LeadingTo,
                Finish = new() { Means = means, Variances = variances, Gammas = gammas, Betas = betas, Epsilon = f.Epsilon, Rectifies = f.Rectifies },
            };
            if (turned != null && !half.IsTurned)
            {
                ConvTurned.Made(turned) = 0;
            }

            if (left > 1)
            {
                return (!IsDepthwise(in half.Sizes) || ConvDepthwiseChannelsKernel.Fits(in g))
                    && Pin(arithmetic, batch, at, left - 1, in halves, image, ref chain);
            }

            chain.Links->Batch = batch;
            LaneDispatch.RunWithin<ConvChainKernel, ConvChain>(arithmetic, chain.Links[1].Sizes.Channels, in chain);
            return *chain.Ran;
        }
    }
}

/// <summary>One convolution of a <see cref="ConvChain"/>.</summary>
internal readonly ref struct ConvHalf
{
    public readonly ConvSizes Sizes;

    public ConvHalf(ConvSizes sizes) => Sizes = sizes;

    /// <summary>The images.</summary>
    public ReadOnlySpan<float> From { get; init; }

    public int LeadingFrom { get; init; }

    public ReadOnlySpan<float> Weights { get; init; }

    public ReadOnlySpan<float> Bias { get; init; }

    public ConvFollowers Followers { get; init; }

    /// <summary>The maps.</summary>
    public Span<float> To { get; init; }

    public int LeadingTo { get; init; }

    /// <summary>Memory for kernels that are turned over, and whether it may hold those of the run before.</summary>
    public Span<float> Turned { get; init; }

    public bool IsTurned { get; init; }
}
