using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Random;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Data;

/// <summary>
/// Images that are shifted, turned, scaled and distorted a little, otherwise in every epoch: more samples from the same ones, for training only.
/// Source: Nielsen, chapter 6 (artificially expanded data); Simard, Steinkraus, Platt 2003.
/// </summary>
/// <remarks>
/// The change of an image depends on the seed, the epoch and the sample's index alone: not on batch, thread or order, and with the same
/// bits everywhere (<see cref="ImageWarp"/>). Gathering allocates nothing. The trainer says when an epoch begins.
/// </remarks>
public sealed class AugmentedImages : IBatchSource, IFiniteSource
{
    /// <summary>Images of up to so many elements are warped on the stack.</summary>
    private const int OnStack = 4096;

    /// <summary>Draws of one image in one epoch: more than the largest grid takes.</summary>
    private const int DrawBits = 16;

    [ThreadStatic]
    private static float[]? buffer;

    private readonly IBatchSource images;
    private readonly AugmentationOptions options;
    private readonly CounterRandom random;
    private readonly ImageWarp warp;
    private int epoch;

    /// <summary>Wraps a source of images, without a copy.</summary>
    /// <param name="images">The images: samples of the shape [height, width] or [channels, height, width].</param>
    /// <param name="options">The changes.</param>
    /// <param name="seed">Seed of the draws.</param>
    /// <exception cref="ArgumentException">The samples are not images.</exception>
    public AugmentedImages(IBatchSource images, AugmentationOptions options, ulong seed)
    {
        ArgumentNullException.ThrowIfNull(images);
        ArgumentNullException.ThrowIfNull(options);
        Shape shape = images.InputShape;
        if (shape.Rank < 2)
        {
            throw new ArgumentException(
                $"Samples of shape {shape} are no images: expected [height, width] or [channels, height, width].",
                nameof(images));
        }

        this.images = images;
        this.options = options;
        random = new CounterRandom(seed, RandomPurpose.Augmentation);
        warp = new ImageWarp(shape.Rank == 3 ? shape[0] : 1, shape[shape.Rank - 2], shape[shape.Rank - 1], options.ElasticSpacing);
    }

    /// <inheritdoc/>
    public int Count => images.Count;

    /// <inheritdoc/>
    public int InputLength => images.InputLength;

    /// <inheritdoc/>
    public Shape InputShape => images.InputShape;

    /// <inheritdoc/>
    public int TargetLength => images.TargetLength;

    /// <inheritdoc/>
    public int ClassCount => images.ClassCount;

    /// <summary>That of the images, and 100 for a change: 80 were measured for a shift, 110 for all changes.</summary>
    public int GatherCost => images.GatherCost + 100;

    /// <inheritdoc/>
    public int Label(int sample) => images.Label(sample);

    /// <inheritdoc/>
    public void BeginEpoch(int epoch)
    {
        this.epoch = epoch;
        images.BeginEpoch(epoch);
    }

    /// <summary>Finite images are warped to finite ones.</summary>
    bool? IFiniteSource.IsFinite => FiniteData.IsFinite(images);

    void IFiniteSource.RequireFinite(int sample) => FiniteData.RequireSample(images, sample);

    /// <inheritdoc/>
    public void Gather(ReadOnlySpan<int> samples, Span<float> inputs, int inputStride, Span<float> targets, int targetStride)
    {
        DataErrors.CheckGather(this, samples.Length, inputs.Length, inputStride, targets.Length, targetStride);
        int length = InputLength;
        Span<float> image = length <= OnStack ? stackalloc float[length] : Buffer(length);
        Span<float> displacements = stackalloc float[ImageWarp.MostDisplacements];
        for (int i = 0; i < samples.Length; i++)
        {
            Span<float> target = targets.IsEmpty ? targets : targets.Slice(i * targetStride, TargetLength);
            images.Gather(samples.Slice(i, 1), image, length, target, targetStride);
            Warp(samples[i], image, inputs.Slice(i * inputStride, length), displacements);
        }
    }

    /// <inheritdoc/>
    public void Prefetch(ReadOnlySpan<int> samples) => images.Prefetch(samples);

    private void Warp(int sample, ReadOnlySpan<float> image, Span<float> result, Span<float> displacements)
    {
        uint stream = (uint)sample;
        ulong first = (ulong)epoch << DrawBits;
        int shiftX = 0, shiftY = 0;
        if (options.Shift > 0)
        {
            shiftX = random.Below(stream, first, (2 * options.Shift) + 1) - options.Shift;
            shiftY = random.Below(stream, first + 1, (2 * options.Shift) + 1) - options.Shift;
        }

        float cosine = 1f, sine = 0f;
        if (options.Rotation > 0)
        {
            // A whole number of 2^-24 turns: the circle is the engine's own.
            float turns = Signed(stream, first + 2) * options.Rotation * ((1 << 24) / 360f);
            UnitCircle.At(unchecked((uint)(int)turns) & 0xFFFFFF, out cosine, out sine);
        }

        float zoom = options.Scale > 0 ? 1f / (1f + (options.Scale * Signed(stream, first + 3))) : 1f;
        Span<float> field = default;
        if (options.Elastic > 0)
        {
            field = displacements[..(2 * warp.Nodes)];
            random.FillNormal(stream, first + 4, 0f, options.Elastic, field);
        }

        warp.Run(image, result, shiftX, shiftY, cosine * zoom, sine * zoom, field);
    }

    /// <summary>Uniform in [-1, 1).</summary>
    private float Signed(uint stream, ulong index) => (2f * random.Uniform(stream, index)) - 1f;

    private static Span<float> Buffer(int length)
    {
        if (buffer is null || buffer.Length < length)
        {
            buffer = new float[length];
        }

        return buffer.AsSpan(0, length);
    }
}
