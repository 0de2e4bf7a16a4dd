using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Data;

/// <summary>
/// Windows of a signal that are played faster or slower, shifted in time, made louder or softer, given noise, and masked in a band of frequencies and
/// for a while, otherwise in every epoch: more samples from the same ones, for training only.
/// </summary>
/// <remarks>
/// y[i] = x at i speed, between two samples on the line between them, 0 beyond the last one; y[i] = y[i - shift], 0 outside; y = y 10^(gain / 20);
/// then normal noise, scaled by the mean square of y over the whole window; then the band (frames of 1,024 samples under a Hann window, their spectra
/// without it, added again); then the mask. The change of a window depends on the seed, the epoch and the sample's index alone: not on batch, thread
/// or order, and with the same bits everywhere.
/// Gathering allocates nothing. The trainer says when an epoch begins. Source: Ko, Peddinti, Povey, Khudanpur 2015 (speed, shift, gain, noise);
/// Park and others 2019 (masks in frequency and time).
/// </remarks>
public sealed class AugmentedSignals : IBatchSource, IFiniteSource
{
    /// <summary>Draws of one window in one epoch begin at the epoch times 2^32; those of the noise after the others.</summary>
    private const int EpochBits = 32, FirstNoise = 16;

    /// <summary>ln(10) / 20: a gain in dB as a power of e.</summary>
    private const float LogOfDecibel = 0.115129255f;

    private readonly IBatchSource signals;
    private readonly SignalAugmentation options;
    private readonly CounterRandom random;
    private int epoch;

    /// <summary>Wraps a source of windows, without a copy.</summary>
    /// <param name="signals">The windows: samples of the shape [length] or [1, length].</param>
    /// <param name="options">The changes.</param>
    /// <param name="seed">Seed of the draws.</param>
    /// <exception cref="ArgumentException">The samples are not signals of one channel.</exception>
    public AugmentedSignals(IBatchSource signals, SignalAugmentation options, ulong seed)
    {
        ArgumentNullException.ThrowIfNull(signals);
        ArgumentNullException.ThrowIfNull(options);
        Shape shape = signals.InputShape;
        if (shape[shape.Rank - 1] != shape.Length)
        {
            throw new ArgumentException(
                $"Samples of shape {shape} are no signals of one channel: expected [length] or [1, length].", nameof(signals));
        }

        this.signals = signals;
        this.options = options;
        random = new CounterRandom(seed, RandomPurpose.Augmentation);
    }

    /// <inheritdoc/>
    public int Count => signals.Count;

    /// <inheritdoc/>
    public int InputLength => signals.InputLength;

    /// <inheritdoc/>
    public Shape InputShape => signals.InputShape;

    /// <inheritdoc/>
    public int TargetLength => signals.TargetLength;

    /// <inheritdoc/>
    public int ClassCount => signals.ClassCount;

    /// <summary>
    /// That of the windows, and more for a change: 200 were measured for noise, which is drawn for every sample, 100 for a band, 1 else.
    /// </summary>
    public int GatherCost => signals.GatherCost + 1 + (options.Noise is null ? 0 : 199) + (options.Band == 0 ? 0 : 100);

    /// <inheritdoc/>
    public int Label(int sample) => signals.Label(sample);

    /// <inheritdoc/>
    public void BeginEpoch(int epoch)
    {
        this.epoch = epoch;
        signals.BeginEpoch(epoch);
    }

    /// <summary>Finite samples of a recording are changed to finite ones.</summary>
    bool? IFiniteSource.IsFinite => FiniteData.IsFinite(signals);

    void IFiniteSource.RequireFinite(int sample) => FiniteData.RequireSample(signals, sample);

    /// <inheritdoc/>
    public void Gather(ReadOnlySpan<int> samples, Span<float> inputs, int inputStride, Span<float> targets, int targetStride)
    {
        DataErrors.CheckGather(this, samples.Length, inputs.Length, inputStride, targets.Length, targetStride);
        signals.Gather(samples, inputs, inputStride, targets, targetStride);
        for (int i = 0; i < samples.Length; i++)
        {
            Change((uint)samples[i], inputs.Slice(i * inputStride, InputLength));
        }
    }

    /// <inheritdoc/>
    public void Prefetch(ReadOnlySpan<int> samples) => signals.Prefetch(samples);

    private void Change(uint stream, Span<float> window)
    {
        ulong first = (ulong)epoch << EpochBits;
        if (options.Speed > 0)
        {
            float power = (2f * random.Uniform(stream, first + 4)) - 1f;
            Lane<Separate> most = Transcendental.Log(new Lane<Separate>(1f + options.Speed));
            Play(window, Transcendental.Exp(new Lane<Separate>(most.Value * power)).Value);
        }

        if (options.Shift > 0)
        {
            Shift(window, random.Below(stream, first, (2 * options.Shift) + 1) - options.Shift);
        }

        if (options.Gain > 0)
        {
            float factor = Factor(options.Gain * ((2f * random.Uniform(stream, first + 1)) - 1f));
            foreach (ref float sample in window)
            {
                sample *= factor;
            }
        }

        if (options.Noise is { } ratio)
        {
            AddNoise(stream, first + FirstNoise, window, ratio);
        }

        if (options.Band > 0)
        {
            int count = random.Below(stream, first + 5, (int)(options.Band * BandStop.Steps) + 1);
            if (count > 0)
            {
                BandStop.Apply(window, random.Below(stream, first + 6, BandStop.Steps + 2 - count), count);
            }
        }

        if (options.Mask > 0)
        {
            int length = random.Below(stream, first + 2, Math.Min(options.Mask, window.Length) + 1);
            window.Slice(random.Below(stream, first + 3, window.Length - length + 1), length).Clear();
        }
    }

    /// <summary>In place: a sample that is read still has its old value. A fast signal reads ahead of what is written, a slow one behind.</summary>
    private static void Play(Span<float> window, double speed)
    {
        int last = window.Length - 1;
        for (int j = 0; j <= last; j++)
        {
            int i = speed >= 1 ? j : last - j;
            double at = i * speed;
            int before = (int)at;
            if (before >= last)
            {
                window[i] = at == last ? window[last] : 0f;
                continue;
            }

            float from = window[before], part = (float)(at - before);
            window[i] = from + (part * (window[before + 1] - from));
        }
    }

    private static void Shift(Span<float> window, int shift)
    {
        int kept = window.Length - Math.Min(Math.Abs(shift), window.Length);
        if (shift >= 0)
        {
            window[..kept].CopyTo(window[^kept..]);
            window[..^kept].Clear();
        }
        else
        {
            window[^kept..].CopyTo(window);
            window[kept..].Clear();
        }
    }

    /// <summary>Normal noise of a deviation that the sum of squares gives, in double and in the order of the samples.</summary>
    private void AddNoise(uint stream, ulong first, Span<float> window, float ratio)
    {
        double squares = 0;
        foreach (float sample in window)
        {
            squares += (double)sample * sample;
        }

        float deviation = (float)Math.Sqrt(squares / window.Length) * Factor(-ratio);
        Span<float> noise = stackalloc float[256];
        for (int at = 0; at < window.Length; at += noise.Length)
        {
            Span<float> piece = window[at..Math.Min(at + noise.Length, window.Length)];
            random.FillNormal(stream, first + (ulong)at, 0f, deviation, noise[..piece.Length]);
            for (int i = 0; i < piece.Length; i++)
            {
                piece[i] += noise[i];
            }
        }
    }

    /// <summary>10^(decibels / 20), by the engine's own exponential.</summary>
    private static float Factor(float decibels) => Transcendental.Exp(new Lane<Separate>(decibels * LogOfDecibel)).Value;
}
