using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tools.Recipes;

/// <summary>Judges a network on samples: loss, accuracy, and the time of a prediction.</summary>
internal static class Judge
{
    public static Evaluation Evaluate(Network network, IBatchSource data) =>
        new Trainer(network, data, new TrainerOptions { Epochs = 0 }).Evaluate(data);

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
