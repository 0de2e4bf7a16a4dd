using System.Globalization;
using System.Text;
using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Benchmarks.Reports;
using EmbeddedBackprop.Data;
using EmbeddedBackprop.Data.Digits;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Initializers;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Benchmarks.Experiments;

/// <summary>
/// A mini-batch sample by sample, or as one matrix: [784,30,10], sigmoid, quadratic loss, rate 1.8, batch 10, 30 epochs. By the arithmetic contract a
/// gradient is one chain over the samples in order, however they are cut into calls: both ways end in the same bits, only the time differs.
/// </summary>
internal static class BatchesExperiment
{
    private const int Epochs = 30;
    private const float Rate = 1.8f;

    /// <returns>0 if the weights are equal bit for bit.</returns>
    public static int Run(string? folder)
    {
        (IBatchSource training, IBatchSource test, string data) = Load(folder);
        Outcome perSample = Train(training, test, batch: 1, accumulation: 10), matrix = Train(training, test, batch: 10, accumulation: 1);
        bool equal = perSample.Hash == matrix.Hash;
        StringBuilder text = new();
        text.Append(
            CultureInfo.InvariantCulture,
            $"[784,30,10], sigmoid, quadratic loss, N(0,1), SGD {Rate}, mini-batch 10, {Epochs} epochs of {training.Count:N0} samples ({data}), seed 1, one core. "
        );
        text.Append(
            "\"Per sample\" runs the net on one sample at a time and accumulates ten gradients into one update; \"full matrix\" runs all ten at once.\n\n"
        );
        text.Append(
            "| mini-batch | training, s | median epoch, ms | test accuracy | weights (SHA-256) | the text's author, NumPy |\n| --- | ---: | ---: | ---: | --- | ---: |\n"
        );
        text.Append(Row("per sample", perSample)).Append("239 s |\n").Append(Row("full matrix", matrix)).Append("82 s |\n");
        text.Append(
            CultureInfo.InvariantCulture,
            $"| ratio | {perSample.Seconds / matrix.Seconds:F2} | {perSample.Epoch / matrix.Epoch:F2} | | {(equal ? "equal bits" : "DIFFERENT")} | {239.0 / 82:F2} |\n"
        );
        Console.WriteLine(text);
        ResultFile.Write("batches", "Per-sample against full-matrix mini-batches", "experiment batches --data-dir DIR", text.ToString());
        return equal ? 0 : 1;
    }

    private static string Row(string name, Outcome o) =>
        string.Create(CultureInfo.InvariantCulture, $"| {name} | {o.Seconds:F2} | {o.Epoch * 1e3:F1} | {o.Accuracy:P2} | `{o.Hash[..16]}...` | ");

    private static (IBatchSource Training, IBatchSource Test, string Name) Load(string? folder) => folder is null
        ? (DigitsGenerator.Create(20_000, seed: 1), DigitsGenerator.Create(2_000, seed: 1, first: 20_000), "built-in digits")
        : (DatasetView.First(MnistFiles.LoadTraining(folder), 50_000), MnistFiles.LoadTest(folder), "MNIST");

    private static Outcome Train(IBatchSource training, IBatchSource test, int batch, int accumulation)
    {
        Network network = new Sequential(784)
            .Dense<Sigmoid>(30)
            .Dense<Sigmoid>(10)
            .Compile<Quadratic>(new NetworkOptions { Batch = batch, Seed = 1, Initializer = new Normal() });
        Trainer trainer = new(
            network,
            training,
            new TrainerOptions
            {
                Epochs = Epochs,
                LearningRate = Rate,
                Accumulation = accumulation,
            });
        List<double> seconds = [];
        while (!trainer.Finished)
        {
            seconds.Add(trainer.TrainEpoch()!.Value.Seconds);
        }

        double total = seconds.Sum();
        seconds.Sort();
        return new Outcome(total, seconds[seconds.Count / 2], trainer.Evaluate(test).Accuracy, Hash(network));
    }

    private static string Hash(Network network)
    {
        float[] compact = new float[network.ParameterCount];
        int next = 0;
        foreach (ref readonly ParameterRange range in network.InferencePlan.Parameters)
        {
            range.CopyTo<float>(network.Parameters, compact.AsSpan(next, range.Count));
            next += range.Count;
        }

        return WeightsHash.Of(compact);
    }

    private readonly record struct Outcome(double Seconds, double Epoch, double Accuracy, string Hash);
}
