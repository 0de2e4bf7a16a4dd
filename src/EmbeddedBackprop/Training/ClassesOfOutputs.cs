using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Training;

/// <summary>How classes fare in a network of several outputs: those of every output whose targets are classes, one-hot or 0 and 1.</summary>
internal static class ClassesOfOutputs
{
    public static List<ClassDiagnosis> Of(Network network, IBatchSource data, NetworkTrace trace)
    {
        List<ClassDiagnosis> found = [];
        float[] targets = Targets(network, data, out int length);
        int first = 0;
        foreach (Node target in network.Targets)
        {
            int columns = target.Shape.Length;
            if (OutputOf(network, target) is { } output && Labels(targets, length, first, columns, output) is { } labels)
            {
                found.AddRange(Classes(network, data, trace, output, target, labels));
            }

            first += columns;
        }

        return found;
    }

    /// <summary>The prediction that a loss compares with the target: the loss's input, or the activation after it.</summary>
    private static Node? OutputOf(Network network, Node target)
    {
        Node? judged = network.TrainingPlan!.Losses.FirstOrDefault(loss => loss.Inputs[1] == target)?.Inputs[0];
        return network.Outputs.FirstOrDefault(output => output == judged)
            ?? network.Outputs.FirstOrDefault(output => output.Op is Activate && output.Inputs[0] == judged);
    }

    private static float[] Targets(Network network, IBatchSource data, out int length)
    {
        length = network.Targets.Sum(target => target.Shape.Length);
        float[] targets = new float[data.Count * length], inputs = new float[data.InputLength];
        for (int sample = 0; sample < data.Count; sample++)
        {
            data.Gather([sample], inputs, inputs.Length, targets.AsSpan(sample * length, length), length);
        }

        return targets;
    }

    /// <summary>The class of every sample; null where targets are no classes.</summary>
    private static int[]? Labels(float[] targets, int length, int first, int columns, Node output)
    {
        int[] labels = new int[length == 0 ? 0 : targets.Length / length];
        for (int sample = 0; sample < labels.Length; sample++)
        {
            ReadOnlySpan<float> row = targets.AsSpan((sample * length) + first, columns);
            if (columns != output.Shape.Length || row.ContainsAnyExcept(0f, 1f) || (columns > 1 && row.Count(1f) != 1))
            {
                return null;
            }

            labels[sample] = columns == 1 ? (int)row[0] : row.IndexOf(1f);
        }

        return labels;
    }

    private static IEnumerable<ClassDiagnosis> Classes(Network network, IBatchSource data, NetworkTrace trace, Node output, Node target, int[] labels)
    {
        int columns = output.Shape.Length, classes = Math.Max(2, columns);
        int[,] counts = new int[classes, classes];

        // A single logit means class 1 above 0, a probability above one half.
        float threshold = network.TrainingPlan!.Losses.Any(loss => loss.Inputs[0] == output && loss.Op is Loss<BinaryCrossEntropyWithLogits>)
            ? 0f
            : 0.5f;
        PredictionRun.Over(network, data, (sample, outputs) => counts[labels[sample], Accuracy.ClassOf(outputs, threshold)]++, output);
        Step? layer = trace.Layers.FirstOrDefault(step => step.Node == output);
        float[] a = trace.Value(output), y = trace.Value(target);
        float[]? slopes = layer is null || layer.Op is IActivated { Activation: Activation<Identity> } ? null : trace.Slopes(layer);
        for (int label = 0; label < classes; label++)
        {
            double sumOutput = 0, sumSlope = 0;
            int seen = 0, total = 0, predicted = 0;
            for (int i = 0; i < trace.Samples && columns == classes; i++)
            {
                if (y[(i * columns) + label] == 1f)
                {
                    seen++;
                    sumOutput += a[(i * columns) + label];
                    sumSlope += slopes?[(i * columns) + label] ?? 0;
                }
            }

            for (int other = 0; other < classes; other++)
            {
                total += counts[label, other];
                predicted += counts[other, label];
            }

            yield return new ClassDiagnosis(
                label,
                total,
                counts[label, label],
                predicted,
                seen > 0 ? sumOutput / seen : null,
                seen > 0 && slopes is not null ? sumSlope / seen : null)
            {
                Output = output.Name,
            };
        }
    }
}
