namespace EmbeddedBackprop.Data;

/// <summary>
/// Windows cut of recordings, each with the class of its recording: window k of a recording has the samples k hop ... k hop + length - 1. Samples
/// after the last whole window are in none.
/// </summary>
public sealed class SignalWindows
{
    private readonly int[] recordingOf;

    private SignalWindows(SequenceDataset samples, int[] recordingOf)
    {
        Samples = samples;
        this.recordingOf = recordingOf;
    }

    /// <summary>The windows, [length] when gathered; recordings share their samples with all their windows.</summary>
    public SequenceDataset Samples { get; }

    /// <summary>The recording that each window was cut of, by its position in the list: the group to split by, if nothing larger is one.</summary>
    public ReadOnlySpan<int> RecordingOf => recordingOf;

    /// <summary>Recordings that were filled up with zeros.</summary>
    public int FilledUp { get; private init; }

    /// <summary>Recordings that were left out because they are too short.</summary>
    public int Dropped { get; private init; }

    /// <summary>Samples that are in no window.</summary>
    public long Unused { get; private init; }

    /// <summary>Cuts recordings.</summary>
    /// <param name="recordings">The recordings; their samples are copied once, however much windows overlap.</param>
    /// <param name="labels">The class of each recording, from 0 on.</param>
    /// <param name="classCount">How many classes there are.</param>
    /// <param name="options">The windows; null for one window a recording, as long as the longest.</param>
    /// <param name="classNames">The classes' names, or null.</param>
    /// <exception cref="ArgumentException">
    /// There are no recordings or another number of labels, a label is out of range, the hop is longer than the window, no recording is as long as a
    /// window and short ones are dropped, or all together have more samples than an array holds.
    /// </exception>
    public static SignalWindows Cut(
        IReadOnlyList<Recording> recordings, IReadOnlyList<int> labels, int classCount, SignalWindowOptions? options = null,
        IReadOnlyList<string>? classNames = null)
    {
        ArgumentNullException.ThrowIfNull(recordings);
        ArgumentNullException.ThrowIfNull(labels);
        options ??= new SignalWindowOptions();
        (int longest, long all) = Check(recordings, labels, classCount);
        int length = options.Length == 0 ? longest : options.Length, hop = options.Hop;
        if (hop > length)
        {
            throw new ArgumentException(
                $"A hop of {hop} samples is longer than the window of {length}: samples between two windows would be in none.", nameof(options));
        }

        float[] values = new float[all];
        List<int> starts = [], lengths = [], classes = [], recordingOf = [];
        int end = 0, filledUp = 0, dropped = 0;
        long unused = 0;
        for (int i = 0; i < recordings.Count; i++)
        {
            ReadOnlySpan<float> samples = recordings[i].Samples.Span;
            int begin = end;
            samples.CopyTo(values.AsSpan(begin));
            end += samples.Length;
            if (samples.Length < length && options.DropShort)
            {
                dropped++;
                unused += samples.Length;
                continue;
            }

            filledUp += samples.Length < length ? 1 : 0;
            int count = hop == 0 || samples.Length < length ? 1 : 1 + ((samples.Length - length) / hop);
            for (int k = 0; k < count; k++)
            {
                starts.Add(begin + (k * hop));
                lengths.Add(Math.Min(length, samples.Length));
                classes.Add(labels[i]);
                recordingOf.Add(i);
            }

            unused += Math.Max(0, samples.Length - ((count - 1) * hop) - length);
        }

        if (starts.Count == 0)
        {
            throw new ArgumentException(
                $"No recording is as long as a window of {length} samples; the longest has {longest}.", nameof(options));
        }

        SequenceDataset windows = SequenceDataset.Signals(values, [.. starts], [.. lengths], [.. classes], classCount, length, classNames);
        return new SignalWindows(windows, [.. recordingOf]) { FilledUp = filledUp, Dropped = dropped, Unused = unused };
    }

    /// <summary>The samples of the longest recording, and those of all.</summary>
    private static (int Longest, long All) Check(IReadOnlyList<Recording> recordings, IReadOnlyList<int> labels, int classCount)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(classCount);
        if (recordings.Count == 0 || labels.Count != recordings.Count)
        {
            throw new ArgumentException($"{recordings.Count} recordings came with {labels.Count} labels.", nameof(labels));
        }

        int longest = 0;
        long all = 0;
        for (int i = 0; i < recordings.Count; i++)
        {
            int length = recordings[i].Samples.Length;
            if (length == 0)
            {
                throw new ArgumentException($"Recording '{recordings[i].Name}' has no samples.", nameof(recordings));
            }

            if ((uint)labels[i] >= (uint)classCount)
            {
                throw new ArgumentException(
                    $"Recording '{recordings[i].Name}' has label {labels[i]}, expected 0 to {classCount - 1}.", nameof(labels));
            }

            longest = Math.Max(longest, length);
            all += length;
        }

        return all <= Array.MaxLength
            ? (longest, all)
            : throw new ArgumentException($"The recordings have {all} samples together, at most {Array.MaxLength} are held.", nameof(recordings));
    }
}
