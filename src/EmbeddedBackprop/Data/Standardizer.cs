using System.Globalization;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Data;

/// <summary>
/// Brings every input to mean 0 and variance 1: y = (x - mean) * scale, scale = 1 / standard deviation.
/// Fit it on the training part alone: figures of the test part must not reach the training.
/// </summary>
public sealed class Standardizer
{
    private const string MeansKey = "inputs.means";
    private const string ScalesKey = "inputs.scales";

    private readonly float[] means;
    private readonly float[] scales;

    /// <summary>Keeps copies of figures found earlier, for instance of those in a model file.</summary>
    /// <exception cref="ArgumentException">The lengths differ, or a figure is not finite.</exception>
    public Standardizer(ReadOnlySpan<float> means, ReadOnlySpan<float> scales)
    {
        if (means.Length != scales.Length)
        {
            throw new ArgumentException($"{means.Length} means came with {scales.Length} scales.", nameof(scales));
        }

        foreach (float mean in means)
        {
            if (!float.IsFinite(mean))
            {
                throw new ArgumentException("A mean is not finite.", nameof(means));
            }
        }

        foreach (float scale in scales)
        {
            if (!float.IsFinite(scale))
            {
                throw new ArgumentException("A scale is not finite.", nameof(scales));
            }
        }

        this.means = means.ToArray();
        this.scales = scales.ToArray();
    }

    /// <summary>
    /// The standardiser as strings that a model file keeps: <c>ModelFile.Save(path, network, trainer, standardizer.ToExtra())</c>. <c>ebp</c> writes
    /// and reads the same.
    /// </summary>
    /// <returns>Means and scales under <c>inputs.means</c> and <c>inputs.scales</c>, which come back with the same bits; more may be added.</returns>
    public Dictionary<string, string> ToExtra() =>
        new(StringComparer.Ordinal) { [MeansKey] = Text(means), [ScalesKey] = Text(scales) };

    /// <summary>The standardiser that a model file keeps, of <see cref="ToExtra"/> or of <c>ebp train</c>; null if it keeps none.</summary>
    /// <exception cref="DataFormatException">The file's strings are no standardiser.</exception>
    public static Standardizer? From(ModelFile file)
    {
        ArgumentNullException.ThrowIfNull(file);
        bool hasMeans = file.Extra.TryGetValue(MeansKey, out string? means), hasScales = file.Extra.TryGetValue(ScalesKey, out string? scales);
        if (!hasMeans && !hasScales)
        {
            return null;
        }

        try
        {
            return new Standardizer(Floats(means), Floats(scales));
        }
        catch (Exception exception) when (exception is ArgumentException or FormatException)
        {
            throw new DataFormatException(file.Name, 0, $"'{MeansKey}' and '{ScalesKey}': {exception.Message}", exception);
        }
    }

    /// <summary>The mean of each input.</summary>
    public ReadOnlySpan<float> Means => means;

    /// <summary>The factor of each input: 1 / standard deviation, or 1 where the input never changes.</summary>
    public ReadOnlySpan<float> Scales => scales;

    /// <summary>Mean and population variance of every input, in double and in the order of the samples.</summary>
    /// <param name="training">The training part.</param>
    /// <exception cref="ArgumentException">There are no samples.</exception>
    public static Standardizer Fit(IBatchSource training)
    {
        ArgumentNullException.ThrowIfNull(training);
        RequireSamples(training.Count);
        int length = training.InputLength;
        float[] row = new float[length];
        double[] mean = new double[length];
        double[] variance = new double[length];
        for (int i = 0; i < training.Count; i++)
        {
            training.Gather([i], row, length, default, 0);
            for (int j = 0; j < length; j++)
            {
                mean[j] += row[j];
            }
        }

        for (int j = 0; j < length; j++)
        {
            mean[j] /= training.Count;
        }

        // A second pass: sums of squares would lose all precision where the mean is large compared with the deviation.
        for (int i = 0; i < training.Count; i++)
        {
            training.Gather([i], row, length, default, 0);
            for (int j = 0; j < length; j++)
            {
                variance[j] += (row[j] - mean[j]) * (row[j] - mean[j]);
            }
        }

        float[] means = new float[length];
        float[] scales = new float[length];
        for (int j = 0; j < length; j++)
        {
            means[j] = (float)mean[j];
            scales[j] = Scale(variance[j] / training.Count);
        }

        return new Standardizer(means, scales);
    }

    /// <summary>
    /// One mean and one population variance of all inputs together, in double and in the order of the samples: for images, whose pixels are all the
    /// same kind of thing.
    /// </summary>
    /// <param name="training">The training part.</param>
    /// <exception cref="ArgumentException">There are no samples.</exception>
    public static Standardizer FitTogether(IBatchSource training)
    {
        ArgumentNullException.ThrowIfNull(training);
        RequireSamples(training.Count);
        float[] row = new float[training.InputLength];
        double mean = 0, variance = 0, numbers = (double)training.Count * row.Length;
        for (int i = 0; i < training.Count; i++)
        {
            training.Gather([i], row, row.Length, default, 0);
            foreach (float x in row)
            {
                mean += x;
            }
        }

        mean /= numbers;
        for (int i = 0; i < training.Count; i++)
        {
            training.Gather([i], row, row.Length, default, 0);
            foreach (float x in row)
            {
                variance += (x - mean) * (x - mean);
            }
        }

        float[] means = new float[row.Length], scales = new float[row.Length];
        Array.Fill(means, (float)mean);
        Array.Fill(scales, Scale(variance / numbers));
        return new Standardizer(means, scales);
    }

    /// <summary>
    /// Mean and population variance of every feature over all steps of the given sequences, in double and in their order; filled-up steps do not
    /// count.
    /// </summary>
    /// <param name="sequences">The sequences.</param>
    /// <param name="training">The samples of the training part.</param>
    /// <exception cref="ArgumentException">There are no samples.</exception>
    public static Standardizer Fit(SequenceDataset sequences, ReadOnlySpan<int> training)
    {
        ArgumentNullException.ThrowIfNull(sequences);
        RequireSamples(training.Length);
        int features = sequences.Features;
        double[] mean = new double[features], variance = new double[features];
        long steps = 0;
        foreach (int sample in training)
        {
            ReadOnlySpan<float> sequence = sequences.Sequence(sample);
            for (int i = 0; i < sequence.Length; i++)
            {
                mean[i % features] += sequence[i];
            }

            steps += sequences.Length(sample);
        }

        for (int j = 0; j < features; j++)
        {
            mean[j] /= steps;
        }

        foreach (int sample in training)
        {
            ReadOnlySpan<float> sequence = sequences.Sequence(sample);
            for (int i = 0; i < sequence.Length; i++)
            {
                variance[i % features] += (sequence[i] - mean[i % features]) * (sequence[i] - mean[i % features]);
            }
        }

        float[] means = new float[features], scales = new float[features];
        for (int j = 0; j < features; j++)
        {
            means[j] = (float)mean[j];
            scales[j] = Scale(variance[j] / steps);
        }

        return new Standardizer(means, scales);
    }

    /// <summary>Sequences whose features are standardised at every step; filled-up steps stay 0, the mean. The original is unchanged.</summary>
    /// <exception cref="ArgumentException">The number of features is another one than fitted.</exception>
    public SequenceDataset Apply(SequenceDataset sequences)
    {
        ArgumentNullException.ThrowIfNull(sequences);
        float[] values = sequences.Values.ToArray();
        for (int i = 0; i < values.Length; i += sequences.Features)
        {
            Apply(values.AsSpan(i, sequences.Features));
        }

        return sequences.WithValues(values);
    }

    /// <summary>Standardises the inputs of one sample in place.</summary>
    /// <exception cref="ArgumentException">The number of inputs is another one than fitted.</exception>
    public void Apply(Span<float> inputs)
    {
        if (inputs.Length != means.Length)
        {
            throw new ArgumentException($"Expected {means.Length} inputs, got {inputs.Length}.", nameof(inputs));
        }

        for (int j = 0; j < inputs.Length; j++)
        {
            inputs[j] = (inputs[j] - means[j]) * scales[j];
        }
    }

    /// <summary>Standardises every step of a sequence in place: [steps, features], features as many as were fitted.</summary>
    /// <exception cref="ArgumentException">The numbers are not whole steps.</exception>
    public void ApplySteps(Span<float> steps)
    {
        if (means.Length == 0 || steps.Length % means.Length != 0)
        {
            throw new ArgumentException($"Expected steps of {means.Length} features, got {steps.Length} numbers.", nameof(steps));
        }

        for (int i = 0; i < steps.Length; i += means.Length)
        {
            Apply(steps.Slice(i, means.Length));
        }
    }

    /// <summary>A data set with standardised inputs; the original is unchanged.</summary>
    /// <exception cref="ArgumentException">The number of inputs is another one than fitted.</exception>
    public FloatDataset Apply(FloatDataset dataset)
    {
        ArgumentNullException.ThrowIfNull(dataset);
        float[] inputs = dataset.Inputs.ToArray();
        for (int i = 0; i < dataset.Count; i++)
        {
            Apply(inputs.AsSpan(i * dataset.InputLength, dataset.InputLength));
        }

        return dataset.WithInputs(inputs);
    }

    /// <param name="training">How many samples there are.</param>
    private static void RequireSamples(int training)
    {
        if (training == 0)
        {
            throw new ArgumentException("There are no samples to fit on.", nameof(training));
        }
    }

    /// <summary>1 / sqrt(variance). Constant inputs, and such as differ by less than floats can scale up, are only centred.</summary>
    private static float Scale(double variance)
    {
        float scale = (float)(1 / Math.Sqrt(variance));
        return float.IsFinite(scale) && scale > 0 ? scale : 1f;
    }

    private static string Text(float[] values) => string.Join(' ', values.Select(value => value.ToString("R", CultureInfo.InvariantCulture)));

    private static float[] Floats(string? text) =>
        Array.ConvertAll((text ?? "").Split(' '), number => float.Parse(number, NumberStyles.Float, CultureInfo.InvariantCulture));
}
