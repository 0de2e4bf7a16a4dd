using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Training;

/// <summary>
/// Why does it not learn? Looks at slopes, gradients, updates and classes of a network on data, and explains them by backpropagation's four
/// equations. Source: Nielsen, chapter 2 (BP1 to BP4, "the four equations": saturated outputs and low inputs learn slowly) and chapter 5 (unstable
/// gradients).
/// </summary>
public static class Diagnostics
{
    private const float LowInput = 0.05f;

    /// <summary>Epochs that a plateau is looked for in.</summary>
    private const int PlateauEpochs = 5;

    /// <summary>Examines a network without changing it.</summary>
    /// <exception cref="InvalidOperationException">The network was compiled without a loss.</exception>
    /// <exception cref="ArgumentException">The data do not fit the network.</exception>
    public static DiagnosticsReport Run(Network network, IBatchSource data, DiagnosticsOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(network);
        ArgumentNullException.ThrowIfNull(data);
        options ??= new DiagnosticsOptions();
        int count = Math.Min(Errors.RequirePositive("samples", options.Samples), data.Count);
        int[] samples = new int[count];
        for (int i = 0; i < count; i++)
        {
            samples[i] = (int)((long)i * data.Count / count);
        }

        NetworkTrace trace = new(network, Math.Max(count, 1));
        trace.Run(data, samples);
        float[]? updated = options.LearningRate is { } rate ? Updated(network, trace, rate) : null;
        List<LayerDiagnosis> layers = [];
        foreach (Step step in trace.Layers)
        {
            layers.Add(Layer(network, trace, step, updated, options));
        }

        List<ClassDiagnosis> classes = network.Outputs.Count > 1 ? ClassesOfOutputs.Of(network, data, trace)
            : data.ClassCount > 0 ? Classes(network, data, trace, samples)
            : [];
        double[] shares = [.. classes.GroupBy(c => c.Output).Select(output => (double)output.Sum(c => c.Right) / data.Count)];
        DiagnosticsReport report = new(trace.Loss, shares.Length == 0 ? 0 : shares.Average(), IsPlateau(options.Losses), layers, classes, []);
        return report with { Findings = DiagnosticsAdvice.Find(report) };
    }

    /// <summary>
    /// Whether the last epochs brought the loss down by less than 1 % in all: the best of them against the best before; null with fewer than ten
    /// epochs.
    /// </summary>
    public static bool? IsPlateau(IReadOnlyList<double> losses)
    {
        ArgumentNullException.ThrowIfNull(losses);
        if (losses.Count < 2 * PlateauEpochs)
        {
            return null;
        }

        int split = losses.Count - PlateauEpochs;
        double before = losses.Take(split).Min(), last = losses.Skip(split).Min();
        return !(last < before - (0.01 * Math.Abs(before)));
    }

    private static LayerDiagnosis Layer(Network network, NetworkTrace trace, Step step, float[]? updated, DiagnosticsOptions options)
    {
        // A filter has one set of weights for all positions: it is dead where none of them has a slope.
        int outputs = step.Node.Shape.Length, units = step.Node.Shape.Rank > 1 && step.Op is IActivated ? step.Node.Shape[0] : outputs;
        int positions = outputs / units;
        Activation? activation = trace.ActivationOf(step);
        double? flatShare = null, meanSlope = null;
        List<int> dead = [];
        bool halfFlat = false;
        if (activation is not (null or Activation<Identity>) && trace.Slopes(step) is { } slopes)
        {
            (float steepest, halfFlat) = Shape(activation, network.Options.Arithmetic, options.FlatSlope);
            float bound = options.FlatSlope * steepest;
            int[] flat = new int[units];
            double sum = 0;
            for (int i = 0; i < slopes.Length; i++)
            {
                flat[i % outputs / positions] += MathF.Abs(slopes[i]) >= bound ? 0 : 1;
                sum += MathF.Abs(slopes[i]);
            }

            flatShare = flat.Sum(n => (double)n) / slopes.Length;
            meanSlope = sum / slopes.Length;
            dead = [.. Enumerable.Range(0, units).Where(unit => flat[unit] == trace.Samples * positions)];
        }

        float[] x = trace.Value(step.Node.Inputs[0]);
        int low = 0;
        foreach (float value in x)
        {
            low += MathF.Abs(value) < LowInput ? 1 : 0;
        }

        double gradient = 0, weights = 0, change = 0;
        foreach (ParameterRange range in step.Ranges)
        {
            gradient += SquaredNorm(in range, trace.Gradients, default);
            weights += SquaredNorm(in range, network.BorrowParameters(), default);
            change += updated is null ? 0 : SquaredNorm(in range, updated, network.BorrowParameters());
        }

        bool hasWeights = step.Ranges.Length > 0;
        return new LayerDiagnosis(
            step.Name,
            activation?.Name ?? "",
            units,
            flatShare,
            dead,
            meanSlope,
            halfFlat,
            trace.CancelsSlope(step),
            trace.IsJudged(step),
            (double)low / x.Length,
            Math.Sqrt(gradient),
            Math.Sqrt(weights),
            hasWeights && updated is not null ? Math.Sqrt(change) / Math.Sqrt(weights) : null);
    }

    /// <summary>The steepest slope of an activation, and whether just one of its ends is flat.</summary>
    private static (float Steepest, bool HalfFlat) Shape(Activation activation, Arithmetic arithmetic, float flat)
    {
        const int Points = 321;
        float[] z = new float[Points], a = new float[Points];
        for (int i = 0; i < Points; i++)
        {
            z[i] = (i - (Points / 2)) / 16f;
        }

        activation.Forward(arithmetic, 1, Points, Points, z, a);
        float[] slopes = NetworkTrace.Slopes(activation, arithmetic, z, a);
        float steepest = slopes.Max(MathF.Abs);
        bool left = MathF.Abs(slopes[0]) < flat * steepest, right = MathF.Abs(slopes[^1]) < flat * steepest;
        return (steepest, left != right);
    }

    /// <summary>The parameters after one update by the traced gradients; the network's own are left alone.</summary>
    private static float[] Updated(Network network, NetworkTrace trace, float rate)
    {
        float[] parameters = network.BorrowParameters().ToArray(), gradients = trace.Gradients.ToArray(), state = network.OptimizerState.ToArray();
        GradientUpdate.Apply(network.TrainingPlan!, network.Options, parameters, gradients, state, rate);
        return parameters;
    }

    private static double SquaredNorm(in ParameterRange range, ReadOnlySpan<float> span, ReadOnlySpan<float> minus)
    {
        double sum = 0;
        for (int row = 0; row < range.Rows; row++)
        {
            for (int column = 0; column < range.Columns; column++)
            {
                int at = range.Offset + (row * range.Stride) + column;
                double value = minus.IsEmpty ? span[at] : (double)span[at] - minus[at];
                sum += value * value;
            }
        }

        return sum;
    }

    private static List<ClassDiagnosis> Classes(Network network, IBatchSource data, NetworkTrace trace, int[] samples)
    {
        ConfusionMatrix confusion = ConfusionMatrix.Of(network, data);
        Step? last = trace.Layers.LastOrDefault(step => step.Node == network.Output || trace.CancelsSlope(step));
        int outputs = network.Output.Shape.Length;
        float[]? a = last is null ? null : trace.Output(last), slopes = last is null ? null : trace.Slopes(last);
        List<ClassDiagnosis> classes = [];
        for (int label = 0; label < data.ClassCount; label++)
        {
            double sumOutput = 0, sumSlope = 0;
            int seen = 0;
            for (int i = 0; i < samples.Length && outputs == data.ClassCount; i++)
            {
                if (data.Label(samples[i]) == label)
                {
                    seen++;
                    sumOutput += a?[(i * outputs) + label] ?? 0;
                    sumSlope += slopes?[(i * outputs) + label] ?? 0;
                }
            }

            classes.Add(
                new ClassDiagnosis(
                    label,
                    confusion.Count(label),
                    confusion[label, label],
                    confusion.Predicted(label),
                    seen > 0 && a is not null ? sumOutput / seen : null,
                    seen > 0 && slopes is not null ? sumSlope / seen : null));
        }

        return classes;
    }
}
