namespace EmbeddedBackprop.Training;

/// <summary>Predicts all samples of a source, batch by batch.</summary>
internal static class PredictionRun
{
    public delegate void Seen(int sample, ReadOnlySpan<float> outputs);

    /// <summary>Calls back for each sample, in order, with an output's values.</summary>
    public static void Over(Network network, IBatchSource data, Seen seen, Graphs.Node? output = null)
    {
        output ??= network.Output;
        int batch = network.MicroBatch, columns = output.Shape.Length, stride = network.InferencePlan.Stride(output);
        int[] samples = new int[batch];
        network.CheckInputs(data);
        for (int first = 0; first < data.Count; first += batch)
        {
            int length = Math.Min(batch, data.Count - first);
            for (int i = 0; i < length; i++)
            {
                samples[i] = first + i;
            }

            // Each batch begins new sequences, as in training.
            network.ResetState();
            network.GatherInputs(data, samples.AsSpan(0, length));
            _ = network.Predict(length, unchanged: first > 0 || network.IsMade);
            ReadOnlySpan<float> predicted = network.Prediction(output, length);
            for (int i = 0; i < length; i++)
            {
                seen(first + i, predicted.Slice(i * stride, columns));
            }
        }
    }
}
