using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tools.Recipes;

/// <summary>Judges a network on samples: loss, accuracy, and which classes it takes for which.</summary>
internal static class Judge
{
    public static Evaluation Evaluate(Network network, IBatchSource data) =>
        new Trainer(network, data, new TrainerOptions { Epochs = 0 }).Evaluate(data);

    /// <summary>Row: the label; column: the prediction; how many samples.</summary>
    public static int[,] Confusion(Network network, IBatchSource data)
    {
        int[,] counts = new int[data.ClassCount, data.ClassCount];
        int batch = network.Options.Batch;
        int[] samples = new int[batch];
        int outputs = network.Output.Shape.Length;
        for (int first = 0; first < data.Count; first += batch)
        {
            int length = Math.Min(batch, data.Count - first);
            for (int i = 0; i < length; i++)
            {
                samples[i] = first + i;
            }

            data.Gather(samples.AsSpan(0, length), network.PredictionInput(length), network.InputStride, default, 0);
            ReadOnlySpan<float> predicted = network.Predict(length);
            for (int i = 0; i < length; i++)
            {
                counts[data.Label(first + i), Accuracy.ClassOf(predicted.Slice(i * network.OutputStride, outputs))]++;
            }
        }

        return counts;
    }

    /// <summary>Seconds of one prediction alone, the best of several rounds.</summary>
    public static double PredictionSeconds(Network network)
    {
        const int Rounds = 7, Predictions = 500;
        network.PredictionInput(1).Clear();
        double best = double.PositiveInfinity;
        for (int round = 0; round < Rounds; round++)
        {
            long began = System.Diagnostics.Stopwatch.GetTimestamp();
            for (int i = 0; i < Predictions; i++)
            {
                network.Predict(1);
            }

            best = Math.Min(best, System.Diagnostics.Stopwatch.GetElapsedTime(began).TotalSeconds / Predictions);
        }

        return best;
    }
}
