using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tools.Recipes;

/// <summary>A quantised network beside the float network that it was made of.</summary>
/// <param name="Samples">Samples that were predicted by both.</param>
/// <param name="FloatRight">Right predictions of the float network; 0 for a regression.</param>
/// <param name="Right">Right predictions of the quantised one.</param>
/// <param name="Different">Samples that the two predict as different classes; 0 for a regression.</param>
/// <param name="FloatLoss">The loss of the float network; null for a network without one.</param>
/// <param name="Loss">The loss of the quantised one.</param>
internal sealed record QuantizationJudgement(int Samples, int FloatRight, int Right, int Different, double? FloatLoss, double? Loss)
{
    /// <summary>Percentage points of accuracy that were lost; negative for a gain.</summary>
    public double Lost => 100.0 * (FloatRight - Right) / Samples;

    public static QuantizationJudgement Of(Network network, Network quantized, IBatchSource data)
    {
        int[] expected = Classes(network, data), actual = Classes(quantized, data);
        int right = 0, floatRight = 0, different = 0;
        for (int i = 0; i < expected.Length; i++)
        {
            int label = data.Label(i);
            floatRight += expected[i] == label ? 1 : 0;
            right += actual[i] == label ? 1 : 0;
            different += expected[i] != actual[i] ? 1 : 0;
        }

        return new(data.Count, floatRight, right, different, LossOf(network, data), LossOf(quantized, data));
    }

    private static double? LossOf(Network network, IBatchSource data) => network.Loss is null ? null : Judge.Evaluate(network, data).Loss;

    /// <summary>The class of every sample; none for a regression.</summary>
    private static int[] Classes(Network network, IBatchSource data)
    {
        int[] classes = new int[data.ClassCount > 0 ? data.Count : 0];
        float[] row = new float[data.InputLength];
        int outputs = network.Output.Shape.Length, batch = network.Inputs.Count > 1 ? 1 : network.MicroBatch;
        int[] samples = new int[batch];
        for (int first = 0; first < classes.Length; first += batch)
        {
            int count = Math.Min(batch, classes.Length - first);
            for (int i = 0; i < count; i++)
            {
                samples[i] = first + i;
            }

            ReadOnlySpan<float> predicted;
            int stride = network.OutputStride;
            if (network.Inputs.Count > 1)
            {
                data.Gather(samples, row, row.Length, [], 0);
                predicted = network.Predict(row);
            }
            else
            {
                data.Gather(samples.AsSpan(0, count), network.PredictionInput(count), network.InputStride, [], 0);
                predicted = network.Predict(count);
            }

            for (int i = 0; i < count; i++)
            {
                classes[first + i] = Accuracy.ClassOf(predicted.Slice(i * stride, outputs));
            }
        }

        return classes;
    }
}
