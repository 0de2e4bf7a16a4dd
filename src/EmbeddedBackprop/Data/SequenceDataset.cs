using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Data;

/// <summary>Where a short sequence is filled up with zeros.</summary>
public enum SequencePadding
{
    /// <summary>
    /// After its last step: a recurrent layer then needs the mask (<see cref="SequenceDataset.HasMask"/>), or its last step sees nothing but zeros.
    /// </summary>
    End,

    /// <summary>Before its first step: the last step is a step of the sequence, and no mask is needed.</summary>
    Start,
}

/// <summary>
/// Sequences of different length, each with a class or with values to be predicted; each step has the same number of features: [steps, features] when
/// gathered, filled up with zeros. With a mask, [steps] ones and zeros follow in a row, which a network passes to its second input.
/// </summary>
/// <remarks>Sequences are stretches of rows of one array and may overlap: windows over a long table cost no copy.</remarks>
public sealed class SequenceDataset : IBatchSource, IFiniteSource
{
    private readonly float[] values;
    private readonly int[] starts;
    private readonly int[] lengths;
    private readonly Goals goals;
    private bool isTested;

    private SequenceDataset(float[] values, int features, int[] starts, int[] lengths, Goals goals, int steps)
    {
        this.values = values;
        this.starts = starts;
        this.lengths = lengths;
        this.goals = goals;
        Features = features;
        Steps = steps;
    }

    /// <summary>What is to be learned: a class each (labels), or a row of targets each.</summary>
    private sealed record Goals(int[] Labels, int ClassCount, float[] Targets, int TargetLength);

    /// <inheritdoc/>
    public int Count => lengths.Length;

    /// <summary>Features of one step.</summary>
    public int Features { get; }

    /// <summary>
    /// Steps of a gathered sequence: the longest has as many, unless <see cref="WithSteps"/> changed it; longer ones lose their end.
    /// </summary>
    public int Steps { get; private init; }

    /// <summary>Where short sequences are filled up.</summary>
    public SequencePadding Padding { get; private init; }

    /// <summary>Whether a row ends with the mask: 1 at a step of the sequence, 0 at one that was filled up.</summary>
    public bool HasMask { get; private init; }

    /// <summary>Whether a gathered sequence is a row of samples, [steps]: windows of a signal (<see cref="SignalWindows"/>).</summary>
    public bool IsSignal { get; private init; }

    /// <summary>Steps times features; with a mask, plus the steps.</summary>
    public int InputLength => checked(Steps * (Features + (HasMask ? 1 : 0)));

    /// <summary>[steps, features]; with a mask a row of both, of a signal [steps].</summary>
    public Shape InputShape => HasMask || IsSignal ? new Shape(InputLength) : new Shape(Steps, Features);

    /// <summary>The number of classes (targets are one-hot), or of values to be predicted.</summary>
    public int TargetLength => goals.TargetLength;

    /// <inheritdoc/>
    public int ClassCount => goals.ClassCount;

    /// <summary>The names of the classes; null where they are numbers from 0 on.</summary>
    public IReadOnlyList<string>? ClassNames { get; private init; }

    /// <summary>The names of the features; null where they are unknown.</summary>
    public IReadOnlyList<string>? FeatureNames { get; private init; }

    /// <summary>Steps of the longest sequence.</summary>
    public int Longest => lengths.Length == 0 ? 0 : lengths.Max();

    /// <summary>Sequences, one after the other in memory.</summary>
    /// <param name="values">All steps, [sum of lengths, features]; kept without a copy.</param>
    /// <param name="features">Features of one step.</param>
    /// <param name="lengths">Steps of each sequence, at least 1.</param>
    /// <param name="labels">The class of each sequence, below classCount.</param>
    /// <param name="classCount">How many classes there are.</param>
    /// <param name="featureNames">The features' names, or null.</param>
    /// <param name="classNames">The classes' names, or null.</param>
    /// <exception cref="ArgumentException">The lengths do not fit together, or a label is out of range.</exception>
    public static SequenceDataset Create(
        float[] values, int features, int[] lengths, int[] labels, int classCount,
        IReadOnlyList<string>? featureNames = null, IReadOnlyList<string>? classNames = null)
    {
        ArgumentNullException.ThrowIfNull(values);
        ArgumentNullException.ThrowIfNull(lengths);
        ArgumentNullException.ThrowIfNull(labels);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(features);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(classCount);
        if (lengths.Length != labels.Length)
        {
            throw new ArgumentException($"{lengths.Length} lengths came with {labels.Length} labels.", nameof(labels));
        }

        for (int i = 0; i < labels.Length; i++)
        {
            if ((uint)labels[i] >= (uint)classCount)
            {
                throw new ArgumentException($"Sequence {i} has label {labels[i]}, expected 0 to {classCount - 1}.", nameof(labels));
            }
        }

        return Create(values, features, lengths, new Goals(labels, classCount, [], classCount), featureNames, classNames);
    }

    /// <summary>Sequences with values to be predicted of each, one after the other in memory.</summary>
    /// <param name="values">All steps, [sum of lengths, features]; kept without a copy.</param>
    /// <param name="features">Features of one step.</param>
    /// <param name="lengths">Steps of each sequence, at least 1.</param>
    /// <param name="targets">[lengths.Length, targetLength], row-major; kept without a copy.</param>
    /// <param name="targetLength">Values to be predicted of a sequence: for a value at every step, as many as there are steps.</param>
    /// <param name="featureNames">The features' names, or null.</param>
    /// <exception cref="ArgumentException">The lengths do not fit together.</exception>
    public static SequenceDataset Regression(
        float[] values, int features, int[] lengths, float[] targets, int targetLength, IReadOnlyList<string>? featureNames = null)
    {
        ArgumentNullException.ThrowIfNull(values);
        ArgumentNullException.ThrowIfNull(lengths);
        ArgumentNullException.ThrowIfNull(targets);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(features);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(targetLength);
        if ((long)lengths.Length * targetLength != targets.Length)
        {
            throw new ArgumentException(
                $"{lengths.Length} sequences with {targetLength} targets need {(long)lengths.Length * targetLength} numbers, got {targets.Length}.",
                nameof(targets));
        }

        return Create(values, features, lengths, new Goals([], 0, targets, targetLength), featureNames, null);
    }

    /// <summary>Sequences with a class each, from arrays of their own.</summary>
    /// <param name="sequences">Each [steps, features], row-major; copied.</param>
    /// <param name="features">Features of one step.</param>
    /// <param name="labels">The class of each sequence, from 0 on.</param>
    /// <param name="classCount">How many classes there are; 0 (the default) for the largest label and 1.</param>
    /// <exception cref="ArgumentException">A sequence is no whole number of steps, the counts differ, or a label is out of range.</exception>
    public static SequenceDataset FromArrays(IReadOnlyList<float[]> sequences, int features, int[] labels, int classCount = 0)
    {
        (float[] values, int[] lengths) = Joined(sequences, features);
        return Create(values, features, lengths, labels, Rows.ClassCount(labels, classCount));
    }

    /// <summary>Sequences with a row of values to be predicted each, from arrays of their own.</summary>
    /// <param name="sequences">Each [steps, features], row-major; copied.</param>
    /// <param name="features">Features of one step.</param>
    /// <param name="targets">A row for each sequence, all of one length; copied.</param>
    /// <exception cref="ArgumentException">A sequence is no whole number of steps, the counts differ, or rows of targets differ in
    /// length.</exception>
    public static SequenceDataset FromArrays(IReadOnlyList<float[]> sequences, int features, IReadOnlyList<float[]> targets)
    {
        (float[] values, int[] lengths) = Joined(sequences, features);
        return Regression(values, features, lengths, Rows.Joined(targets, "targets", out int length), length);
    }

    /// <summary>A table whose rows are whole sequences: step by step, the features of a step contiguous.</summary>
    /// <exception cref="ArgumentException">A row is not a whole number of steps.</exception>
    public static SequenceDataset FromRows(FloatDataset table, int steps)
    {
        ArgumentNullException.ThrowIfNull(table);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(steps);
        if (table.InputLength % steps != 0)
        {
            throw new ArgumentException($"Rows of {table.InputLength} inputs are no sequences of {steps} steps.", nameof(steps));
        }

        int[] lengths = new int[table.Count];
        Array.Fill(lengths, steps);
        return Create(table.Inputs.ToArray(), table.InputLength / steps, lengths, GoalsOf(table), null, table.ClassNames);
    }

    /// <summary>
    /// A table in order of time as a sliding window: sample i is the last row of its window, with that row's label or targets, and up to steps - 1
    /// rows before it (the first samples have fewer, because nothing goes before).
    /// </summary>
    /// <param name="table">One row a step.</param>
    /// <param name="steps">The longest window.</param>
    public static SequenceDataset Windows(FloatDataset table, int steps)
    {
        ArgumentNullException.ThrowIfNull(table);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(steps);
        int[] starts = new int[table.Count], lengths = new int[table.Count];
        for (int i = 0; i < table.Count; i++)
        {
            lengths[i] = Math.Min(steps, i + 1);
            starts[i] = i + 1 - lengths[i];
        }

        return new SequenceDataset(table.Inputs.ToArray(), table.InputLength, starts, lengths, GoalsOf(table), steps)
        {
            FeatureNames = table.InputNames,
            ClassNames = table.ClassNames,
            Padding = SequencePadding.Start,
        };
    }

    /// <summary>
    /// The same over stretches that no window crosses, such as those between gaps: a window ends every hop rows, so that the first one that is full
    /// ends at row steps - 1 of its stretch; those before it are shorter.
    /// </summary>
    /// <param name="table">One row a step.</param>
    /// <param name="steps">The longest window.</param>
    /// <param name="starts">The rows at which stretches begin, ascending from 0 (<see cref="CsvSeries.Starts"/>).</param>
    /// <param name="hop">Rows from the end of a window to that of the next.</param>
    /// <param name="dropShort">Whether windows that are shorter than steps are left out.</param>
    /// <param name="lastRows">Receives the last row of each window.</param>
    /// <exception cref="ArgumentException">The starts are not those of stretches, or no window is left.</exception>
    public static SequenceDataset Windows(
        FloatDataset table, int steps, IReadOnlyList<int> starts, int hop, bool dropShort, out int[] lastRows)
    {
        ArgumentNullException.ThrowIfNull(table);
        ArgumentNullException.ThrowIfNull(starts);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(steps);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(hop);
        List<int> firsts = [], lengths = [], lasts = [];
        for (int stretch = 0; stretch < starts.Count; stretch++)
        {
            int begin = starts[stretch], end = stretch + 1 < starts.Count ? starts[stretch + 1] : table.Count;
            if (begin >= end || (stretch == 0 && begin != 0) || end > table.Count)
            {
                throw new ArgumentException($"Stretch {stretch} goes from row {begin} to before row {end} of {table.Count}.", nameof(starts));
            }

            // The first end is that of a full window, or as many hops before it as there are rows.
            for (int last = begin + ((steps - 1) % hop); last < end; last += hop)
            {
                int length = Math.Min(steps, last - begin + 1);
                if (length == steps || !dropShort)
                {
                    firsts.Add(last + 1 - length);
                    lengths.Add(length);
                    lasts.Add(last);
                }
            }
        }

        if (lasts.Count == 0)
        {
            throw new ArgumentException($"No stretch of the table has {steps} rows.", nameof(steps));
        }

        lastRows = [.. lasts];
        return new SequenceDataset(table.Inputs.ToArray(), table.InputLength, [.. firsts], [.. lengths], GoalsOf(table, lastRows), steps)
        {
            FeatureNames = table.InputNames,
            ClassNames = table.ClassNames,
            Padding = SequencePadding.Start,
        };
    }

    /// <summary>The same sequences, gathered with another number of steps: shorter ones are filled up, longer ones lose their end.</summary>
    public SequenceDataset WithSteps(int steps)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(steps);
        return Like(values, starts, lengths, steps, Padding, HasMask);
    }

    /// <summary>The same sequences, filled up elsewhere, with a mask or without.</summary>
    public SequenceDataset WithPadding(SequencePadding padding, bool mask = false) => Like(values, starts, lengths, Steps, padding, mask);

    /// <summary>
    /// The same sequences drawn out or pressed to one length: step s of the result lies at s (length - 1) / (steps - 1) of the old steps, and between
    /// two of them its features are a + (b - a) t, in float, separately rounded. A single step is repeated.
    /// </summary>
    public SequenceDataset Resampled(int steps)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(steps);
        float[] result = new float[checked(Count * steps * Features)];
        int[] newStarts = new int[Count], newLengths = new int[Count];
        for (int i = 0; i < Count; i++)
        {
            newStarts[i] = i * steps;
            newLengths[i] = steps;
            ReadOnlySpan<float> source = Sequence(i);
            for (int s = 0; s < steps; s++)
            {
                // The position in whole steps and a rest, in integers: no rounding but that of t.
                long scaled = steps == 1 ? 0 : (long)s * (lengths[i] - 1);
                int before = steps == 1 ? lengths[i] - 1 : (int)(scaled / (steps - 1));
                float t = steps == 1 ? 0f : (float)(scaled % (steps - 1)) / (steps - 1);
                int after = Math.Min(before + 1, lengths[i] - 1);
                for (int f = 0; f < Features; f++)
                {
                    float a = source[(before * Features) + f], b = source[(after * Features) + f];
                    result[((newStarts[i] + s) * Features) + f] = a + ((b - a) * t);
                }
            }
        }

        return Like(result, newStarts, newLengths, steps, Padding, HasMask);
    }

    /// <inheritdoc/>
    public int Label(int sample)
    {
        if ((uint)sample >= (uint)Count)
        {
            throw DataErrors.NoSuchSample(sample, Count);
        }

        return ClassCount == 0 ? -1 : goals.Labels[sample];
    }

    /// <summary>How many steps a sequence has, before it is cut or filled up.</summary>
    public int Length(int sample)
    {
        if ((uint)sample >= (uint)Count)
        {
            throw DataErrors.NoSuchSample(sample, Count);
        }

        return lengths[sample];
    }

    /// <summary>One sequence, [length, features].</summary>
    public ReadOnlySpan<float> Sequence(int sample) => values.AsSpan(starts[CheckedSample(sample)] * Features, lengths[sample] * Features);

    /// <summary>Tested once, at the speed of memory.</summary>
    bool? IFiniteSource.IsFinite => isTested = isTested || (Finite.All(values) && Finite.All(goals.Targets)) || FiniteData.AreFinite(this);

    void IFiniteSource.RequireFinite(int sample)
    {
        for (int step = 0; step < Length(sample) && !Finite.All(Sequence(sample)); step++)
        {
            FiniteData.Require(Sequence(sample).Slice(step * Features, Features), $"step {step}", sample, FeatureNames);
        }

        FiniteData.Require(Targets(sample), "targets", sample, null);
    }

    /// <inheritdoc/>
    public void Gather(ReadOnlySpan<int> samples, Span<float> inputs, int inputStride, Span<float> targets, int targetStride)
    {
        DataErrors.CheckGather(this, samples.Length, inputs.Length, inputStride, targets.Length, targetStride);
        for (int i = 0; i < samples.Length; i++)
        {
            ReadOnlySpan<float> sequence = Sequence(samples[i]);
            int length = Math.Min(lengths[samples[i]], Steps), skipped = Padding == SequencePadding.Start ? Steps - length : 0;
            Span<float> row = inputs.Slice(i * inputStride, InputLength);
            row.Clear();
            sequence[..(length * Features)].CopyTo(row[(skipped * Features)..]);
            if (HasMask)
            {
                row.Slice((Steps * Features) + skipped, length).Fill(1f);
            }

            if (targets.IsEmpty)
            {
                continue;
            }

            Span<float> target = targets.Slice(i * targetStride, TargetLength);
            if (ClassCount == 0)
            {
                Targets(samples[i]).CopyTo(target);
                continue;
            }

            target.Clear();
            target[goals.Labels[samples[i]]] = 1f;
        }
    }

    /// <summary>The values to be predicted of one sequence; empty where it has a class.</summary>
    public ReadOnlySpan<float> Targets(int sample)
    {
        int length = ClassCount == 0 ? TargetLength : 0;
        return goals.Targets.AsSpan(CheckedSample(sample) * length, length);
    }

    /// <summary>All steps, [rows, features]; windows share them.</summary>
    internal ReadOnlySpan<float> Values => values;

    /// <summary>Stretches of one signal, whose labels are known to be in range; they may overlap.</summary>
    internal static SequenceDataset Signals(
        float[] values, int[] starts, int[] lengths, int[] labels, int classCount, int steps, IReadOnlyList<string>? classNames) =>
        new(values, 1, starts, lengths, new Goals(labels, classCount, [], classCount), steps) { ClassNames = classNames, IsSignal = true };

    /// <summary>The same sequences with other values.</summary>
    internal SequenceDataset WithValues(float[] others) => Like(others, starts, lengths, Steps, Padding, HasMask);

    private SequenceDataset Like(float[] newValues, int[] newStarts, int[] newLengths, int steps, SequencePadding padding, bool mask) =>
        new(newValues, Features, newStarts, newLengths, goals, steps)
        {
            FeatureNames = FeatureNames,
            ClassNames = ClassNames,
            Padding = padding,
            HasMask = mask,
            IsSignal = IsSignal,
        };

    /// <summary>Checks what sequences of classes and of targets have in common.</summary>
    private static SequenceDataset Create(
        float[] values, int features, int[] lengths, Goals goals, IReadOnlyList<string>? featureNames, IReadOnlyList<string>? classNames)
    {
        int[] starts = new int[lengths.Length];
        long rows = 0;
        for (int i = 0; i < lengths.Length; i++)
        {
            if (lengths[i] < 1)
            {
                throw new ArgumentException($"Sequence {i} has {lengths[i]} steps, expected at least 1.", nameof(lengths));
            }

            starts[i] = (int)rows;
            rows += lengths[i];
        }

        if (rows * features != values.Length)
        {
            throw new ArgumentException($"{rows} steps of {features} features need {rows * features} numbers, got {values.Length}.", nameof(values));
        }

        return new SequenceDataset(values, features, starts, lengths, goals, lengths.Length == 0 ? 1 : lengths.Max())
        {
            FeatureNames = featureNames,
            ClassNames = classNames,
        };
    }

    private static (float[] Values, int[] Lengths) Joined(IReadOnlyList<float[]> sequences, int features)
    {
        ArgumentNullException.ThrowIfNull(sequences);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(features);
        int[] lengths = new int[sequences.Count];
        for (int i = 0; i < lengths.Length; i++)
        {
            ArgumentNullException.ThrowIfNull(sequences[i], $"sequences[{i}]");
            lengths[i] = sequences[i].Length % features == 0
                ? sequences[i].Length / features
                : throw new ArgumentException(
                    $"Sequence {i} has {sequences[i].Length} numbers: no whole number of steps of {features} features.", nameof(sequences));
        }

        return (sequences.SelectMany(sequence => sequence).ToArray(), lengths);
    }

    private static Goals GoalsOf(FloatDataset table)
    {
        if (table.ClassCount == 0)
        {
            return new Goals([], 0, table.Targets.ToArray(), table.TargetLength);
        }

        int[] labels = new int[table.Count];
        for (int i = 0; i < labels.Length; i++)
        {
            labels[i] = table.Label(i);
        }

        return new Goals(labels, table.ClassCount, [], table.ClassCount);
    }

    /// <summary>The goals of some rows.</summary>
    private static Goals GoalsOf(FloatDataset table, int[] rows)
    {
        Goals all = GoalsOf(table);
        if (all.ClassCount > 0)
        {
            return all with { Labels = Array.ConvertAll(rows, row => all.Labels[row]) };
        }

        float[] targets = new float[rows.Length * all.TargetLength];
        for (int i = 0; i < rows.Length; i++)
        {
            all.Targets.AsSpan(rows[i] * all.TargetLength, all.TargetLength).CopyTo(targets.AsSpan(i * all.TargetLength));
        }

        return all with { Targets = targets };
    }

    private int CheckedSample(int sample) => (uint)sample < (uint)Count ? sample : throw DataErrors.NoSuchSample(sample, Count);
}
