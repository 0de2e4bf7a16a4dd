using System.Diagnostics;
using System.Globalization;
using System.Text;
using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Benchmarks.Reports;
using EmbeddedBackprop.Data;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Benchmarks.Experiments;

/// <summary>
/// Epochs on one thread and on more, in turn: whatever else the machine does hits both. Each net ends in the same bits; a small one shows that the
/// plan gives it one thread for a reason.
/// </summary>
internal static class ThreadsExperiment
{
    private const int Rounds = 21;

    private static readonly (int[] Layers, int Samples, int Batch)[] Cases =
    [
        ([784, 512, 512, 10], 10_000, 256),
        ([784, 512, 512, 10], 10_000, 64),
        ([784, 128, 10], 10_000, 64),
        ([784, 100, 10], 10_000, 32),
        ([784, 30, 10], 50_000, 10),
    ];

    /// <returns>0 if all numbers of threads gave the same weights.</returns>
    public static int Run()
    {
        StringBuilder text = new();
        int most = Math.Max(2, Environment.ProcessorCount);
        text.Append(
            CultureInfo.InvariantCulture,
            $"Sigmoid, quadratic loss, SGD, samples of random bytes gathered in random order. {Rounds} epochs each, the numbers of threads in turn; {Environment.ProcessorCount} processors. "
        );
        text.Append(
            "The fastest epoch shows what the engine can do; the median also shows what else ran on the machine. \"Automatic\" is what the plan chooses.\n\n"
        );
        text.Append(
            "| net | samples | batch | automatic | one thread: fastest, median ms | threads | fastest, median ms | fastest: times as fast | median ratio | weights |\n"
        );
        text.Append("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |\n");
        bool equal = true;
        foreach ((int[] layers, int samples, int batch) in Cases)
        {
            for (int threads = 2; threads <= most; threads *= 2)
            {
                equal &= Measure(text, layers, samples, batch, threads);
            }
        }

        Console.WriteLine(text);
        ResultFile.Write("threads", "Threads", "experiment threads", text.ToString());
        return equal ? 0 : 1;
    }

    private static bool Measure(StringBuilder text, int[] layers, int samples, int batch, int threads)
    {
        ByteDataset data = RandomBytes(samples, layers[0], layers[^1]);
        using Network alone = Make(layers, batch, 1), together = Make(layers, batch, threads), automatic = Make(layers, batch, 0);
        Trainer one = new(alone, data, Options()), many = new(together, data, Options());
        double[] single = new double[Rounds], shared = new double[Rounds], ratios = new double[Rounds];
        for (int round = -2; round < Rounds; round++)
        {
            double a = Seconds(one), b = Seconds(many);
            if (round >= 0)
            {
                (single[round], shared[round], ratios[round]) = (a, b, a / b);
            }
        }

        bool equal = WeightsHash.Of(alone) == WeightsHash.Of(together);
        text.Append(
            CultureInfo.InvariantCulture,
            $"| [{string.Join(',', layers)}] | {samples:N0} | {batch} | {automatic.Threads} | {single.Min() * 1e3:F1}, {Turns.Median(single) * 1e3:F1} "
        );
        text.Append(
            CultureInfo.InvariantCulture,
            $"| {threads} | {shared.Min() * 1e3:F1}, {Turns.Median(shared) * 1e3:F1} | {single.Min() / shared.Min():F2} | {Turns.Median(ratios):F2} "
        );
        text.Append(CultureInfo.InvariantCulture, $"| {(equal ? "equal bits" : "DIFFERENT")} |\n");
        return equal;
    }

    private static double Seconds(Trainer trainer)
    {
        long began = Stopwatch.GetTimestamp();
        trainer.TrainEpoch();
        return Stopwatch.GetElapsedTime(began).TotalSeconds;
    }

    private static Network Make(int[] layers, int batch, int threads)
    {
        Sequential net = new(layers[0]);
        foreach (int layer in layers.AsSpan(1))
        {
            net.Dense<Sigmoid>(layer);
        }

        return net.Compile<Quadratic>(
            new NetworkOptions
            {
                Batch = batch,
                Seed = 1,
                Threads = threads,
                Initializer = new EmbeddedBackprop.Initializers.LeCun(),
            });
    }

    private static TrainerOptions Options() => new() { Epochs = int.MaxValue, LearningRate = 0.01f };

    private static ByteDataset RandomBytes(int samples, int inputs, int classes)
    {
        Random random = new(1);
        byte[] bytes = new byte[samples * inputs], labels = new byte[samples];
        random.NextBytes(bytes);
        foreach (ref byte label in labels.AsSpan())
        {
            label = (byte)random.Next(classes);
        }

        return new ByteDataset(bytes, labels, inputs, classes);
    }
}
