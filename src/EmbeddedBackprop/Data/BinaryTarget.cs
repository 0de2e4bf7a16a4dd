using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Data;

/// <summary>Two classes for a network with one output: the target is the class itself, 0 or 1, instead of a one-hot row of two.</summary>
public sealed class BinaryTarget : IBatchSource, IFiniteSource
{
    private readonly IBatchSource source;

    /// <summary>Wraps a source, without a copy.</summary>
    /// <exception cref="ArgumentException">The source does not have two classes.</exception>
    public BinaryTarget(IBatchSource source)
    {
        ArgumentNullException.ThrowIfNull(source);
        if (source.ClassCount != 2)
        {
            throw new ArgumentException($"One output tells 2 classes apart, the data have {source.ClassCount}.", nameof(source));
        }

        this.source = source;
    }

    /// <inheritdoc/>
    public int Count => source.Count;

    /// <inheritdoc/>
    public int InputLength => source.InputLength;

    /// <inheritdoc/>
    public Graphs.Shape InputShape => source.InputShape;

    /// <summary>One target, 0 or 1.</summary>
    public int TargetLength => 1;

    /// <inheritdoc/>
    public int ClassCount => 2;

    /// <inheritdoc/>
    public int GatherCost => source.GatherCost;

    /// <inheritdoc/>
    public int Label(int sample) => source.Label(sample);

    bool? IFiniteSource.IsFinite => FiniteData.IsFinite(source);

    void IFiniteSource.RequireFinite(int sample) => FiniteData.RequireSample(source, sample);

    /// <inheritdoc/>
    public void Gather(ReadOnlySpan<int> samples, Span<float> inputs, int inputStride, Span<float> targets, int targetStride)
    {
        DataErrors.CheckGather(this, samples.Length, inputs.Length, inputStride, targets.Length, targetStride);
        source.Gather(samples, inputs, inputStride, default, 0);
        if (targets.IsEmpty)
        {
            return;
        }

        for (int i = 0; i < samples.Length; i++)
        {
            targets[i * targetStride] = source.Label(samples[i]);
        }
    }

    /// <inheritdoc/>
    public void BeginEpoch(int epoch) => source.BeginEpoch(epoch);

    /// <inheritdoc/>
    public void Prefetch(ReadOnlySpan<int> samples) => source.Prefetch(samples);
}
