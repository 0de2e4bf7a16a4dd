namespace EmbeddedBackprop.Data;

/// <summary>How recordings are read.</summary>
public sealed class WavOptions
{
    /// <summary>The channel that is read, from 0 on; null, the default, is the only one: a file with several is refused.</summary>
    public int? Channel { get; init; }

    /// <summary>
    /// The rate that a file must have, in samples a second; 0, the default, is any, and for several files that of the first one.
    /// </summary>
    public int Rate { get; init; }

    /// <summary>The most bytes of samples that a file, or all files of an archive together, may have; 1 GiB by default.</summary>
    public long Limit { get; init; } = 1L << 30;

    /// <summary>Ends the reading after the current file, by an <see cref="OperationCanceledException"/>; never by default.</summary>
    public CancellationToken Cancellation { get; init; }
}
