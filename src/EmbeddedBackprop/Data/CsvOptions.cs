namespace EmbeddedBackprop.Data;

/// <summary>How a CSV file is read; options that are not set are detected.</summary>
public sealed class CsvOptions
{
    /// <summary>The label's column: its name in the header, or its index from 0; null, the default, is the last column.</summary>
    public string? Label { get; init; }

    /// <summary>Columns that are no inputs, each by its name in the header or its index from 0; none by default.</summary>
    public IReadOnlyList<string> Ignore { get; init; } = [];

    /// <summary>
    /// The column of times, by its name or index; null, the default, is none. It is no input; a gap between two rows is refused, or begins a new
    /// stretch.
    /// </summary>
    public string? Time { get; init; }

    /// <summary>
    /// Whether a series is split at its gaps, steps that are not within a half and one and a half of the usual one (the median); false, the default,
    /// refuses them.
    /// </summary>
    public bool SplitAtGaps { get; init; }

    /// <summary>
    /// The column of groups (speakers, machines) that stay together when the rows are split, by its name or index; null, the default, is none. It is
    /// no input; there are at most 1,024 groups.
    /// </summary>
    public string? Group { get; init; }

    /// <summary>The kind of the label column; detected by default.</summary>
    public CsvTarget Target { get; init; } = CsvTarget.Automatic;

    /// <summary>Whether the first row names the columns; null, the default, is detected.</summary>
    public bool? HasHeader { get; init; }

    /// <summary>The delimiter: comma, semicolon or tab; null, the default, is detected.</summary>
    public char? Delimiter { get; init; }

    /// <summary>
    /// The classes of an earlier file, in order: a test file's labels get the training file's indices, and a label that is not among them is an
    /// error. Null, the default: the classes are those of the file itself.
    /// </summary>
    public IReadOnlyList<string>? Classes { get; init; }

    /// <summary>The largest file that is read, in bytes; 1 GiB by default.</summary>
    public long Limit { get; init; } = 1L << 30;

    /// <summary>Ends the reading after the current thousand rows, by an <see cref="OperationCanceledException"/>; never by default.</summary>
    public CancellationToken Cancellation { get; init; }

    /// <summary>Looked at once in a thousand rows.</summary>
    internal void CheckRow(int row)
    {
        if (row % 1000 == 0)
        {
            Cancellation.ThrowIfCancellationRequested();
        }
    }
}
