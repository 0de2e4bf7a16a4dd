using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Data;

/// <summary>
/// The samples of another source, read under watch: whatever reads them is cancelled by a token and shows its progress. So everything that takes long
/// can be ended: <c>Quantizer.Quantize(network, new WatchedSource(data, token))</c>, <see cref="Diagnostics"/>, <see cref="ConfusionMatrix"/>,
/// <see cref="RocCurve"/>, <see cref="Standardizer.Fit(IBatchSource)"/>.
/// </summary>
/// <remarks>The results are those of the source itself. Gathering allocates nothing.</remarks>
public sealed class WatchedSource : IBatchSource, IFiniteSource
{
    private readonly IBatchSource source;
    private readonly CancellationToken cancellation;
    private readonly Action<long>? progress;
    private long gathered;

    /// <summary>Wraps a source, without a copy.</summary>
    /// <param name="source">The samples.</param>
    /// <param name="cancellation">Ends the reader by an <see cref="OperationCanceledException"/>, when it asks for samples.</param>
    /// <param name="progress">
    /// Called after samples were gathered, with their number so far: some readers go over them several times. Where a network has several threads, by
    /// any of them. Null for none.
    /// </param>
    public WatchedSource(IBatchSource source, CancellationToken cancellation, Action<long>? progress = null)
    {
        ArgumentNullException.ThrowIfNull(source);
        this.source = source;
        this.cancellation = cancellation;
        this.progress = progress;
    }

    /// <inheritdoc/>
    public int Count => source.Count;

    /// <inheritdoc/>
    public int InputLength => source.InputLength;

    /// <inheritdoc/>
    public Graphs.Shape InputShape => source.InputShape;

    /// <inheritdoc/>
    public int TargetLength => source.TargetLength;

    /// <inheritdoc/>
    public int ClassCount => source.ClassCount;

    /// <inheritdoc/>
    public int GatherCost => source.GatherCost;

    /// <inheritdoc/>
    public int Label(int sample) => source.Label(sample);

    bool? IFiniteSource.IsFinite => FiniteData.IsFinite(source);

    void IFiniteSource.RequireFinite(int sample) => FiniteData.RequireSample(source, sample);

    /// <inheritdoc/>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public void Gather(ReadOnlySpan<int> samples, Span<float> inputs, int inputStride, Span<float> targets, int targetStride)
    {
        cancellation.ThrowIfCancellationRequested();
        source.Gather(samples, inputs, inputStride, targets, targetStride);
        long now = Interlocked.Add(ref gathered, samples.Length);
        progress?.Invoke(now);
    }

    /// <inheritdoc/>
    public void BeginEpoch(int epoch) => source.BeginEpoch(epoch);

    /// <inheritdoc/>
    public void Prefetch(ReadOnlySpan<int> samples) => source.Prefetch(samples);
}
