using EmbeddedBackprop.Data;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tools.Recipes;

/// <summary>
/// Has the kernels compiled before the clock runs: the run-time compiler takes about a tenth of a second, as long as two epochs of a small network.
/// A network of the same shape with other weights does two updates and is thrown away, so the real one keeps its bits.
/// </summary>
internal static class WarmUp
{
    // Beyond this an epoch takes far longer than the compiler, and a second network is no small thing.
    private const long LargestNetwork = 4_000_000;

    public static void Run(Recipe recipe, TaskData data, Network network)
    {
        if (network.ParameterCount > LargestNetwork)
        {
            return;
        }

        using Network other = NetworkFactory.Create(recipe.With(TrainOptions.Initializer, "zeros"), threads: network.Threads);
        int batch = recipe.Get(TrainOptions.Batch)!.Value,
            samples = Math.Min(data.Training.Count, batch + 1);
        Trainer trainer = new(
            other,
            DatasetView.First(data.Training, samples),
            NetworkFactory.Training(recipe.With(TrainOptions.Epochs, 1).With(TrainOptions.LearningRate, 0)));
        trainer.TrainEpoch();
        trainer.Evaluate(DatasetView.First(data.Test, Math.Min(data.Test.Count, batch)));
    }
}
