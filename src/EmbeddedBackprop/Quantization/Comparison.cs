using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Ops.Integer;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Quantization;

/// <summary>The values of a quantised network beside those of the float network that it was made of.</summary>
internal static class Comparison
{
    public static QuantizationReport Report(
        IntegerGraph graph, Dictionary<Op, int> enlarged, Network split, Network quantized, IBatchSource source, int[] samples)
    {
        PredictionTrace floats = new(split), integers = new(quantized);
        Dictionary<Node, (double Signal, double Noise)> sums = [];
        int different = 0;
        floats.Run(source, samples, first => integers.Run(source, samples.AsSpan(first, floats.Count), _ =>
        {
            foreach ((Node node, Node made) in graph.Integers)
            {
                (double signal, double noise) = sums.GetValueOrDefault(node);
                AddErrors(floats.Values(node), integers.Values(made), ScaleSetter.TypeOf(quantized, made).Scale, ref signal, ref noise);
                sums[node] = (signal, noise);
            }

            different += source.ClassCount == 0 ? 0 : Different(floats.Values(split.Output), integers.Values(quantized.Output));
        }));
        List<LayerReport> reports = [];
        foreach ((Node node, Node made) in graph.Integers)
        {
            if (made.Op is not Quantize && !made.Op!.KeepsIntegers)
            {
                (double signal, double noise) = sums[node];
                WeightTensor[] tensors = [.. WeightTensor.Of(made.Op, quantized, graph.InputOf(made.Op))];
                reports.Add(new LayerReport(
                    made.Name, made.Op.Kind, made.Integers!.Bits, 10 * Math.Log10(signal / noise),
                    tensors.Select(tensor => tensor.LargestSums(quantized).Max()).DefaultIfEmpty().Max(), enlarged.GetValueOrDefault(made.Op),
                    tensors.Sum(Bytes) + (tensors.Length > 0 && made.Op is IntegerActivated { HasTable: true } ? 256 : 0)));
            }
        }

        return new QuantizationReport(reports, [.. graph.Choice.Left.Select(node => node.Name)], samples.Length, different);
    }

    private static void AddErrors(Matrix<float> expected, Matrix<float> integers, float scale, ref double signal, ref double noise)
    {
        for (int row = 0; row < expected.Rows; row++)
        {
            ReadOnlySpan<float> x = expected.Row(row), q = integers.Row(row);
            for (int i = 0; i < x.Length; i++)
            {
                double error = ((double)scale * q[i]) - x[i];
                signal += (double)x[i] * x[i];
                noise += error * error;
            }
        }
    }

    private static int Different(Matrix<float> expected, Matrix<float> actual)
    {
        int different = 0;
        for (int row = 0; row < expected.Rows; row++)
        {
            different += Accuracy.ClassOf(expected.Row(row)) != Accuracy.ClassOf(actual.Row(row)) ? 1 : 0;
        }

        return different;
    }

    /// <summary>A byte a weight; bias, multiplier and shift of each output.</summary>
    private static long Bytes(WeightTensor tensor) => ((long)tensor.Axis.Terms + 9) * tensor.Outputs;
}
