using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Data;

/// <summary>Some samples of another source, without a copy: a range (the first N, the last N) or a list of samples.</summary>
public sealed class DatasetView : IBatchSource, IFiniteSource
{
    private readonly IBatchSource source;
    private readonly int[]? samples;
    private readonly int start;
    private bool isTested;

    private DatasetView(IBatchSource source, int start, int count, int[]? samples)
    {
        this.source = source;
        this.start = start;
        this.samples = samples;
        Count = count;
    }

    /// <inheritdoc/>
    public int Count { get; }

    /// <inheritdoc/>
    public int InputLength => source.InputLength;

    /// <inheritdoc/>
    public Graphs.Shape InputShape => source.InputShape;

    /// <inheritdoc/>
    public int TargetLength => source.TargetLength;

    /// <inheritdoc/>
    public int ClassCount => source.ClassCount;

    /// <summary>Samples start ... start + count - 1.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The source has fewer samples.</exception>
    public static DatasetView Slice(IBatchSource source, int start, int count)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        if (count > source.Count - start)
        {
            throw new ArgumentOutOfRangeException(nameof(count), $"{count} samples from sample {start} on were asked for; there are {source.Count}.");
        }

        return new DatasetView(source, start, count, null);
    }

    /// <summary>The first count samples.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The source has fewer samples.</exception>
    public static DatasetView First(IBatchSource source, int count) => Slice(source, 0, count);

    /// <summary>The last count samples, for instance to validate.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The source has fewer samples.</exception>
    public static DatasetView Last(IBatchSource source, int count)
    {
        ArgumentNullException.ThrowIfNull(source);
        if (count > source.Count)
        {
            throw new ArgumentOutOfRangeException(nameof(count), $"The last {count} samples were asked for; there are {source.Count}.");
        }

        return Slice(source, source.Count - count, count);
    }

    /// <summary>The listed samples in the order of the list, which is kept without a copy.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A listed sample does not exist.</exception>
    public static DatasetView Subset(IBatchSource source, int[] samples)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(samples);
        foreach (int sample in samples)
        {
            if ((uint)sample >= (uint)source.Count)
            {
                throw DataErrors.NoSuchSample(sample, source.Count);
            }
        }

        return new DatasetView(source, 0, samples.Length, samples);
    }

    /// <inheritdoc/>
    public int GatherCost => source.GatherCost;

    /// <inheritdoc/>
    public int Label(int sample) => source.Label(Map(sample));

    /// <summary>Of the view's samples alone: those that it leaves out may hold anything.</summary>
    bool? IFiniteSource.IsFinite => isTested
        ? true
        : FiniteData.IsFinite(source) is { } all ? isTested = all || FiniteData.AreFinite(this) : null;

    void IFiniteSource.RequireFinite(int sample) => FiniteData.RequireSample(source, Map(sample));

    /// <inheritdoc/>
    public void Gather(ReadOnlySpan<int> samples, Span<float> inputs, int inputStride, Span<float> targets, int targetStride)
    {
        DataErrors.CheckGather(this, samples.Length, inputs.Length, inputStride, targets.Length, targetStride);

        // The list is translated piece by piece on the stack, so a view costs no memory of its own.
        Span<int> mapped = stackalloc int[128];
        for (int done = 0; done < samples.Length;)
        {
            int piece = Math.Min(mapped.Length, samples.Length - done);
            for (int i = 0; i < piece; i++)
            {
                mapped[i] = Map(samples[done + i]);
            }

            source.Gather(
                mapped[..piece], inputs[(done * inputStride)..], inputStride,
                targets.IsEmpty ? targets : targets[(done * targetStride)..], targetStride);
            done += piece;
        }
    }

    /// <inheritdoc/>
    public void BeginEpoch(int epoch) => source.BeginEpoch(epoch);

    /// <inheritdoc/>
    public void Prefetch(ReadOnlySpan<int> samples)
    {
        Span<int> mapped = stackalloc int[128];
        for (int done = 0; done < samples.Length;)
        {
            int piece = Math.Min(mapped.Length, samples.Length - done);
            int known = 0;
            for (int i = 0; i < piece; i++)
            {
                if ((uint)samples[done + i] < (uint)Count)
                {
                    mapped[known++] = Map(samples[done + i]);
                }
            }

            source.Prefetch(mapped[..known]);
            done += piece;
        }
    }

    private int Map(int sample)
    {
        if ((uint)sample >= (uint)Count)
        {
            throw DataErrors.NoSuchSample(sample, Count);
        }

        return samples is null ? start + sample : samples[sample];
    }
}
