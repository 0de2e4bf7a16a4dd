using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Data;

/// <summary>Samples of floats (tables), with classes or with values to be predicted.</summary>
public sealed class FloatDataset : IBatchSource, IFiniteSource
{
    private readonly float[] inputs;
    private readonly int[] labels;
    private readonly float[] targets;
    private bool isTested;

    private FloatDataset(
        float[] inputs, int inputLength, int[] labels, int classCount, float[] targets, int targetLength, int count,
        IReadOnlyList<string>? inputNames, IReadOnlyList<string>? classNames)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(inputLength);
        if ((long)count * inputLength != inputs.Length)
        {
            throw new ArgumentException($"{count} samples of {inputLength} floats need {(long)count * inputLength} floats, got {inputs.Length}.");
        }

        if (inputNames is not null && inputNames.Count != inputLength)
        {
            throw new ArgumentException($"{inputLength} inputs have {inputNames.Count} names.");
        }

        if (classNames is not null && classNames.Count != classCount)
        {
            throw new ArgumentException($"{classCount} classes have {classNames.Count} names.");
        }

        this.inputs = inputs;
        this.labels = labels;
        this.targets = targets;
        Count = count;
        InputLength = inputLength;
        InputShape = new Shape(inputLength);
        ClassCount = classCount;
        TargetLength = targetLength;
        InputNames = inputNames;
        ClassNames = classNames;
    }

    /// <inheritdoc/>
    public int Count { get; }

    /// <inheritdoc/>
    public int InputLength { get; }

    /// <summary>The shape of a sample; a row of floats unless <see cref="WithShape"/> changed it.</summary>
    public Shape InputShape { get; private init; }

    /// <inheritdoc/>
    public int TargetLength { get; }

    /// <inheritdoc/>
    public int ClassCount { get; }

    /// <summary>The inputs' names in order, if they have any.</summary>
    public IReadOnlyList<string>? InputNames { get; }

    /// <summary>The classes' names in order, if they have any.</summary>
    public IReadOnlyList<string>? ClassNames { get; }

    /// <summary>All inputs, [Count, InputLength].</summary>
    public ReadOnlySpan<float> Inputs => inputs;

    /// <summary>All values to be predicted, [Count, TargetLength]; empty where samples have classes.</summary>
    public ReadOnlySpan<float> Targets => targets;

    /// <summary>Samples with a class each: targets are one-hot. Keeps the arrays, without a copy.</summary>
    /// <param name="inputs">[labels.Length, inputLength], row-major.</param>
    /// <param name="inputLength">Floats of a sample.</param>
    /// <param name="labels">The class of each sample, 0 to classCount - 1.</param>
    /// <param name="classCount">How many classes there are.</param>
    /// <param name="inputNames">The inputs' names, or null.</param>
    /// <param name="classNames">The classes' names, or null.</param>
    /// <exception cref="ArgumentException">The lengths do not fit, or a label is out of range.</exception>
    public static FloatDataset Classified(
        float[] inputs, int inputLength, int[] labels, int classCount,
        IReadOnlyList<string>? inputNames = null, IReadOnlyList<string>? classNames = null)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        ArgumentNullException.ThrowIfNull(labels);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(classCount);
        for (int i = 0; i < labels.Length; i++)
        {
            if ((uint)labels[i] >= (uint)classCount)
            {
                throw new ArgumentException($"Sample {i} has label {labels[i]}, expected 0 to {classCount - 1}.", nameof(labels));
            }
        }

        return new FloatDataset(inputs, inputLength, labels, classCount, [], classCount, labels.Length, inputNames, classNames);
    }

    /// <summary>Samples with values to be predicted. Keeps the arrays, without a copy.</summary>
    /// <param name="inputs">[count, inputLength], row-major.</param>
    /// <param name="inputLength">Floats of a sample.</param>
    /// <param name="targets">[count, targetLength], row-major.</param>
    /// <param name="targetLength">Values to be predicted of a sample.</param>
    /// <param name="inputNames">The inputs' names, or null.</param>
    /// <exception cref="ArgumentException">The lengths do not fit.</exception>
    public static FloatDataset Regression(
        float[] inputs, int inputLength, float[] targets, int targetLength, IReadOnlyList<string>? inputNames = null)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        ArgumentNullException.ThrowIfNull(targets);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(targetLength);
        if (targets.Length % targetLength != 0)
        {
            throw new ArgumentException($"{targets.Length} targets are not rows of {targetLength}.", nameof(targets));
        }

        return new FloatDataset(inputs, inputLength, [], 0, targets, targetLength, targets.Length / targetLength, inputNames, null);
    }

    /// <summary>Rows with a class each, as in <c>FloatDataset.FromRows(rows, labels)</c>.</summary>
    /// <param name="rows">A row for each sample, all of one length; copied.</param>
    /// <param name="labels">The class of each sample, from 0 on; kept without a copy.</param>
    /// <param name="classCount">How many classes there are; 0 (the default) for the largest label and 1.</param>
    /// <param name="inputNames">The inputs' names, or null.</param>
    /// <param name="classNames">The classes' names, or null.</param>
    /// <exception cref="ArgumentException">There are no rows, they differ in length or in number from the labels, or a label is out of
    /// range.</exception>
    public static FloatDataset FromRows(
        IReadOnlyList<float[]> rows, int[] labels, int classCount = 0, IReadOnlyList<string>? inputNames = null,
        IReadOnlyList<string>? classNames = null)
    {
        float[] inputs = Rows.Joined(rows, "rows", out int length);
        return Classified(inputs, length, labels, Rows.ClassCount(labels, classNames?.Count ?? classCount), inputNames, classNames);
    }

    /// <summary>Rows with a row of values to be predicted each.</summary>
    /// <param name="rows">A row for each sample, all of one length; copied.</param>
    /// <param name="targets">A row for each sample, all of one length; copied.</param>
    /// <param name="inputNames">The inputs' names, or null.</param>
    /// <exception cref="ArgumentException">There are no rows, they differ in length, or there is not one of targets for each.</exception>
    public static FloatDataset FromRows(IReadOnlyList<float[]> rows, IReadOnlyList<float[]> targets, IReadOnlyList<string>? inputNames = null)
    {
        float[] inputs = Rows.Joined(rows, "rows", out int length), values = Rows.Joined(targets, "targets", out int targetLength);
        return Regression(inputs, length, values, targetLength, inputNames);
    }

    /// <summary>Rows with one value to be predicted each.</summary>
    /// <param name="rows">A row for each sample, all of one length; copied.</param>
    /// <param name="targets">A value for each sample; kept without a copy.</param>
    /// <param name="inputNames">The inputs' names, or null.</param>
    /// <exception cref="ArgumentException">There are no rows, they differ in length, or there is not one target for each.</exception>
    public static FloatDataset FromRows(IReadOnlyList<float[]> rows, float[] targets, IReadOnlyList<string>? inputNames = null)
    {
        float[] inputs = Rows.Joined(rows, "rows", out int length);
        return Regression(inputs, length, targets, 1, inputNames);
    }

    /// <inheritdoc/>
    public int Label(int sample)
    {
        if ((uint)sample >= (uint)Count)
        {
            throw DataErrors.NoSuchSample(sample, Count);
        }

        return ClassCount == 0 ? -1 : labels[sample];
    }

    /// <summary>The inputs of one sample.</summary>
    public ReadOnlySpan<float> Row(int sample)
    {
        if ((uint)sample >= (uint)Count)
        {
            throw DataErrors.NoSuchSample(sample, Count);
        }

        return inputs.AsSpan(sample * InputLength, InputLength);
    }

    /// <summary>The same samples, seen as images or other shapes.</summary>
    /// <exception cref="ArgumentException">The shape has another number of elements than a sample.</exception>
    public FloatDataset WithShape(Shape shape) => shape.Length == InputLength
        ? new FloatDataset(inputs, InputLength, labels, ClassCount, targets, TargetLength, Count, InputNames, ClassNames) { InputShape = shape }
        : throw new ArgumentException($"A sample has {InputLength} inputs, the shape {shape} has {shape.Length}.", nameof(shape));

    /// <summary>The same samples with other inputs of the same shape: labels, targets and names are shared.</summary>
    /// <param name="inputs">[Count, InputLength], row-major; kept without a copy.</param>
    public FloatDataset WithInputs(float[] inputs)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        return new FloatDataset(inputs, InputLength, labels, ClassCount, targets, TargetLength, Count, InputNames, ClassNames)
        {
            InputShape = InputShape,
        };
    }

    /// <summary>Tested once, at the speed of memory: one pass over all floats.</summary>
    bool? IFiniteSource.IsFinite => isTested = isTested || (Finite.All(inputs) && Finite.All(targets));

    void IFiniteSource.RequireFinite(int sample)
    {
        FiniteData.Require(Row(sample), "inputs", sample, InputNames);
        if (ClassCount == 0)
        {
            FiniteData.Require(targets.AsSpan(sample * TargetLength, TargetLength), "targets", sample, null);
        }
    }

    /// <inheritdoc/>
    public void Gather(ReadOnlySpan<int> samples, Span<float> inputs, int inputStride, Span<float> targets, int targetStride)
    {
        DataErrors.CheckGather(this, samples.Length, inputs.Length, inputStride, targets.Length, targetStride);
        for (int i = 0; i < samples.Length; i++)
        {
            int sample = samples[i];
            Row(sample).CopyTo(inputs.Slice(i * inputStride, InputLength));
            if (targets.IsEmpty)
            {
                continue;
            }

            Span<float> target = targets.Slice(i * targetStride, TargetLength);
            if (ClassCount == 0)
            {
                this.targets.AsSpan(sample * TargetLength, TargetLength).CopyTo(target);
            }
            else
            {
                target.Clear();
                target[labels[sample]] = 1f;
            }
        }
    }
}
