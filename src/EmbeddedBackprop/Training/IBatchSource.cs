using EmbeddedBackprop.Graphs;

namespace EmbeddedBackprop.Training;

/// <summary>Samples that can be gathered into a batch. Training and evaluation read them, whatever holds the data.</summary>
/// <remarks>Gathering allocates nothing and may be done by several threads at once.</remarks>
public interface IBatchSource
{
    /// <summary>How many samples there are.</summary>
    int Count { get; }

    /// <summary>How many inputs a sample has.</summary>
    int InputLength { get; }

    /// <summary>The shape of a sample's inputs: an image [channels, height, width], a sequence [steps, features], or a row.</summary>
    Shape InputShape => new(InputLength);

    /// <summary>How many targets a sample has: the number of classes (one-hot), or of values to be predicted.</summary>
    int TargetLength { get; }

    /// <summary>How many classes there are; 0 for regression.</summary>
    int ClassCount { get; }

    /// <summary>
    /// How many times as long as copying a sample gathering it takes, roughly: 1 (the default) for samples that lie ready in memory, more where they
    /// are computed or read. Decides what threads do, and changes no result: a network with several threads gathers the next batch of costly samples
    /// while it computes this one.
    /// </summary>
    int GatherCost => 1;

    /// <summary>The class of a sample, or -1 for regression.</summary>
    /// <param name="sample">A sample from 0 to Count - 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">The sample does not exist.</exception>
    int Label(int sample);

    /// <summary>
    /// Writes sample samples[i] into row i: inputs[i * inputStride + 0 ... InputLength - 1] and targets[i * targetStride + 0 ... TargetLength - 1].
    /// Columns between the length and the stride keep what they hold; <paramref name="targets"/> may be empty, then only inputs are written.
    /// </summary>
    /// <param name="samples">Samples from 0 to Count - 1, in the order of the batch; the same one may occur twice.</param>
    /// <param name="inputs">Receives [samples.Length, InputLength], row-major with leading dimension inputStride.</param>
    /// <param name="inputStride">At least InputLength.</param>
    /// <param name="targets">Receives [samples.Length, TargetLength], row-major with leading dimension targetStride; or empty.</param>
    /// <param name="targetStride">At least TargetLength, unless targets is empty.</param>
    /// <exception cref="ArgumentException">A stride is too small or a span too short.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A sample does not exist.</exception>
    void Gather(ReadOnlySpan<int> samples, Span<float> inputs, int inputStride, Span<float> targets, int targetStride);

    /// <summary>
    /// A trainer calls this before the first batch of an epoch, never while samples are gathered. A source that changes samples from epoch
    /// to epoch draws by it.
    /// </summary>
    /// <param name="epoch">Counted from 0.</param>
    void BeginEpoch(int epoch)
    {
    }

    /// <summary>
    /// A hint that these samples will be gathered soon: memory that is far away can be fetched while other work runs. Changes no result.
    /// </summary>
    /// <param name="samples">Samples from 0 to Count - 1; others are ignored.</param>
    void Prefetch(ReadOnlySpan<int> samples)
    {
    }
}
