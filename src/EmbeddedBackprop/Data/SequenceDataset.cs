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
/// Classified sequences of different length, each step with the same number of features: [steps, features] when gathered, filled up with
/// zeros. With a mask, [steps] ones and zeros follow in a row, which a network passes to its second input.
/// </summary>
/// <remarks>Sequences are stretches of rows of one array and may overlap: windows over a long table cost no copy.</remarks>
public sealed class SequenceDataset : IBatchSource, IFiniteSource
{
    private readonly float[] values;
    private readonly int[] starts;
    private readonly int[] lengths;
    private readonly int[] labels;
    private bool isTested;

    private SequenceDataset(float[] values, int features, int[] starts, int[] lengths, int[] labels, int classCount, int steps)
    {
        this.values = values;
        this.starts = starts;
        this.lengths = lengths;
        this.labels = labels;
        Features = features;
        ClassCount = classCount;
        Steps = steps;
    }

    /// <inheritdoc/>
    public int Count => labels.Length;

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

    /// <summary>Steps times features; with a mask, plus the steps.</summary>
    public int InputLength => checked(Steps * (Features + (HasMask ? 1 : 0)));

    /// <summary>[steps, features]; with a mask a row of both.</summary>
    public Shape InputShape => HasMask ? new Shape(InputLength) : new Shape(Steps, Features);

    /// <summary>The number of classes: targets are one-hot.</summary>
    public int TargetLength => ClassCount;

    /// <inheritdoc/>
    public int ClassCount { get; }

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

        int[] starts = new int[lengths.Length];
        long rows = 0;
        for (int i = 0; i < lengths.Length; i++)
        {
            if (lengths[i] < 1)
            {
                throw new ArgumentException($"Sequence {i} has {lengths[i]} steps, expected at least 1.", nameof(lengths));
            }

            if ((uint)labels[i] >= (uint)classCount)
            {
                throw new ArgumentException($"Sequence {i} has label {labels[i]}, expected 0 to {classCount - 1}.", nameof(labels));
            }

            starts[i] = (int)rows;
            rows += lengths[i];
        }

        if (rows * features != values.Length)
        {
            throw new ArgumentException($"{rows} steps of {features} features need {rows * features} numbers, got {values.Length}.", nameof(values));
        }

        return new SequenceDataset(values, features, starts, lengths, labels, classCount, lengths.Length == 0 ? 1 : lengths.Max())
        {
            FeatureNames = featureNames,
            ClassNames = classNames,
        };
    }

    /// <summary>A table whose rows are whole sequences: step by step, the features of a step contiguous.</summary>
    /// <exception cref="ArgumentException">A row is not a whole number of steps, or the table has no classes.</exception>
    public static SequenceDataset FromRows(FloatDataset table, int steps)
    {
        RequireClasses(table);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(steps);
        if (table.InputLength % steps != 0)
        {
            throw new ArgumentException($"Rows of {table.InputLength} inputs are no sequences of {steps} steps.", nameof(steps));
        }

        int[] lengths = new int[table.Count];
        Array.Fill(lengths, steps);
        return Create(table.Inputs.ToArray(), table.InputLength / steps, lengths, Labels(table), table.ClassCount, null, table.ClassNames);
    }

    /// <summary>
    /// A table in order of time as a sliding window: sample i is the last row of its window, with that row's label, and up to steps - 1 rows before
    /// it (the first samples have fewer, because nothing goes before).
    /// </summary>
    /// <param name="table">One row a step.</param>
    /// <param name="steps">The longest window.</param>
    /// <exception cref="ArgumentException">The table has no classes.</exception>
    public static SequenceDataset Windows(FloatDataset table, int steps)
    {
        RequireClasses(table);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(steps);
        int[] starts = new int[table.Count], lengths = new int[table.Count];
        for (int i = 0; i < table.Count; i++)
        {
            lengths[i] = Math.Min(steps, i + 1);
            starts[i] = i + 1 - lengths[i];
        }

        return new SequenceDataset(table.Inputs.ToArray(), table.InputLength, starts, lengths, Labels(table), table.ClassCount, steps)
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

        return labels[sample];
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
    bool? IFiniteSource.IsFinite => isTested = isTested || Finite.All(values) || FiniteData.AreFinite(this);

    void IFiniteSource.RequireFinite(int sample)
    {
        for (int step = 0; step < Length(sample) && !Finite.All(Sequence(sample)); step++)
        {
            FiniteData.Require(Sequence(sample).Slice(step * Features, Features), $"step {step}", sample, FeatureNames);
        }
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

            Span<float> target = targets.Slice(i * targetStride, ClassCount);
            target.Clear();
            target[labels[samples[i]]] = 1f;
        }
    }

    /// <summary>All steps, [rows, features]; windows share them.</summary>
    internal ReadOnlySpan<float> Values => values;

    /// <summary>The same sequences with other values.</summary>
    internal SequenceDataset WithValues(float[] others) => Like(others, starts, lengths, Steps, Padding, HasMask);

    private SequenceDataset Like(float[] newValues, int[] newStarts, int[] newLengths, int steps, SequencePadding padding, bool mask) =>
        new(newValues, Features, newStarts, newLengths, labels, ClassCount, steps)
        {
            FeatureNames = FeatureNames,
            ClassNames = ClassNames,
            Padding = padding,
            HasMask = mask,
        };

    private static void RequireClasses(FloatDataset table)
    {
        ArgumentNullException.ThrowIfNull(table);
        if (table.ClassCount == 0)
        {
            throw new ArgumentException("Sequences have classes, the label of this table is a number to be predicted.", nameof(table));
        }
    }

    private static int[] Labels(FloatDataset table)
    {
        int[] labels = new int[table.Count];
        for (int i = 0; i < labels.Length; i++)
        {
            labels[i] = table.Label(i);
        }

        return labels;
    }

    private int CheckedSample(int sample) => (uint)sample < (uint)Count ? sample : throw DataErrors.NoSuchSample(sample, Count);
}
