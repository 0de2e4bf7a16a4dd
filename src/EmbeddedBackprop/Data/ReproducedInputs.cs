using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Data;

/// <summary>
/// Samples whose targets are their inputs, for a network that learns to reproduce them (an autoencoder): what it reproduces badly is unlike all that
/// it was trained on.
/// </summary>
public sealed class ReproducedInputs : IBatchSource, IFiniteSource
{
    /// <summary>Wraps a source, without a copy.</summary>
    public ReproducedInputs(IBatchSource source)
    {
        ArgumentNullException.ThrowIfNull(source);
        Source = source;
    }

    /// <summary>The samples with their own targets or classes.</summary>
    public IBatchSource Source { get; }

    /// <inheritdoc/>
    public int Count => Source.Count;

    /// <inheritdoc/>
    public int InputLength => Source.InputLength;

    /// <inheritdoc/>
    public Graphs.Shape InputShape => Source.InputShape;

    /// <summary>As many targets as inputs.</summary>
    public int TargetLength => Source.InputLength;

    /// <summary>0: values are predicted.</summary>
    public int ClassCount => 0;

    /// <inheritdoc/>
    public int GatherCost => Source.GatherCost;

    /// <inheritdoc/>
    public int Label(int sample) => (uint)sample < (uint)Count ? -1 : throw DataErrors.NoSuchSample(sample, Count);

    bool? IFiniteSource.IsFinite => FiniteData.IsFinite(Source);

    void IFiniteSource.RequireFinite(int sample) => FiniteData.RequireSample(Source, sample);

    /// <inheritdoc/>
    public void Gather(ReadOnlySpan<int> samples, Span<float> inputs, int inputStride, Span<float> targets, int targetStride)
    {
        DataErrors.CheckGather(this, samples.Length, inputs.Length, inputStride, targets.Length, targetStride);
        Source.Gather(samples, inputs, inputStride, default, 0);
        for (int i = 0; i < samples.Length && !targets.IsEmpty; i++)
        {
            inputs.Slice(i * inputStride, InputLength).CopyTo(targets[(i * targetStride)..]);
        }
    }

    /// <inheritdoc/>
    public void BeginEpoch(int epoch) => Source.BeginEpoch(epoch);

    /// <inheritdoc/>
    public void Prefetch(ReadOnlySpan<int> samples) => Source.Prefetch(samples);
}
