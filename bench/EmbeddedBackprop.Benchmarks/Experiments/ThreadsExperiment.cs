using System.Diagnostics;
using System.Globalization;
using System.Text;
using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Benchmarks.Peers;
using EmbeddedBackprop.Benchmarks.Reports;
using EmbeddedBackprop.Benchmarks.Steps;
using EmbeddedBackprop.Data;
using EmbeddedBackprop.Data.Digits;
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
    private const int StepBatch = 32;

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

        equal &= Steps(text, most);
        equal &= Ahead(text, most);
        Console.WriteLine(text);
        ResultFile.Write("threads", "Threads", "experiment threads", text.ToString());
        return equal ? 0 : 1;
    }

    /// <summary>Training steps of convolution nets and recurrent layers, whose batch lies ready.</summary>
    private static bool Steps(StringBuilder text, int most)
    {
        text.Append("\nTraining steps of convolution nets and recurrent layers in turn ")
            .Append("(batch 32, softmax and cross-entropy, SGD; the batch lies ready):\n\n")
            .Append("| training step | automatic | one thread: fastest, median us | threads | fastest, median us ")
            .Append("| step: times as fast | ratio, median | weights |\n");
        text.Append("| --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |\n");
        (string Name, Func<int, Network> Make)[] nets =
        [
            .. ConvolutionNets.All.Select(net => (
                $"convolution net {net.Name}", (Func<int, Network>)(threads => ConvolutionNets.Make(net.Name, StepBatch, training: true, threads)))),
            .. ((string[])["lstm", "gru"]).Select(kind => (
                $"{kind}, 64 units, 128 steps of 9 numbers",
                (Func<int, Network>)(threads => RecurrentClassifier.Make(kind, 128, 9, 64, 10, StepBatch, threads: threads)))),
        ];
        bool equal = true;
        foreach ((string name, Func<int, Network> make) in nets)
        {
            for (int threads = 2; threads <= most; threads *= 2)
            {
                equal &= Step(text, name, make, threads);
            }
        }

        return equal;
    }

    private static bool Step(StringBuilder text, string name, Func<int, Network> make, int threads)
    {
        using Network alone = make(1), together = make(threads), automatic = make(0);
        double[][] taken = Turns.Take(2 * Rounds, () => StepSeconds(alone), () => StepSeconds(together));
        bool equal = WeightsHash.Of(alone) == WeightsHash.Of(together);
        text.Append(
            CultureInfo.InvariantCulture,
            $"| {name} | {automatic.Threads} | {taken[0].Min() * 1e6:F0}, {Turns.Median(taken[0]) * 1e6:F0} | {threads} ");
        text.Append(
            CultureInfo.InvariantCulture,
            $"| {taken[1].Min() * 1e6:F0}, {Turns.Median(taken[1]) * 1e6:F0} | {taken[0].Min() / taken[1].Min():F2} | {Turns.Ratio(taken[0], taken[1]):F2} ");
        text.Append(CultureInfo.InvariantCulture, $"| {(equal ? "equal bits" : "DIFFERENT")} |\n");
        return equal;
    }

    /// <summary>Epochs of images that are changed a little, gathered between the steps and ahead of them.</summary>
    private static bool Ahead(StringBuilder text, int most)
    {
        const int Count = 2000;
        text.Append(CultureInfo.InvariantCulture, $"\nEpochs of {Count:N0} digits, changed a little (`--augment`) while they are gathered. ")
            .Append("\"Between\": every batch is gathered between two steps; \"ahead\": idle threads gather the next one during a step, ")
            .Append("and the thread that trains does what is left. In turn; medians:\n\n")
            .Append("| net | batch | changes | one thread, ms | threads | between, ms | ahead, ms ")
            .Append("| ahead: times as fast as one thread | as between | weights |\n")
            .Append("| --- | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |\n");
        ByteDataset digits = DigitsGenerator.Create(Count, seed: 1);
        (string Name, int Batch, string Changes, Func<int, Network> Make)[] cases =
        [
            .. ((string[])["shift=1", "shift=2,rotate=10,scale=0.1,elastic=1"]).SelectMany(changes => (
                (string, int, string, Func<int, Network>)[])
                [
                    ("[784,30,10]", 10, changes, threads => Make([784, 30, 10], 10, threads)),
                    ("[784,30,10]", 32, changes, threads => Make([784, 30, 10], 32, threads)),
                    ("[784,100,10]", 64, changes, threads => Make([784, 100, 10], 64, threads)),
                    ("[784,512,512,10]", 64, changes, threads => Make([784, 512, 512, 10], 64, threads)),
                    ("convolution net digits", 32, changes, threads => ConvolutionNets.Make("digits", StepBatch, training: true, threads)),
                ]),
        ];
        bool equal = true;
        foreach ((string name, int batch, string changes, Func<int, Network> make) in cases)
        {
            for (int threads = 2; threads <= most; threads *= 2)
            {
                using Network alone = make(1), between = make(threads), ahead = make(threads);
                AugmentedImages Images() => new(digits, AugmentationOptions.Parse(changes), seed: 1);
                Trainer[] trainers =
                [
                    new(alone, Images(), Options()), new(between, new Ready(Images()), Options()), new(ahead, Images(), Options()),
                ];
                double[][] taken = Turns.Take(Rounds, [.. trainers.Select(trainer => (Func<double>)(() => Seconds(trainer)))]);
                bool same = WeightsHash.Of(alone) == WeightsHash.Of(between) && WeightsHash.Of(alone) == WeightsHash.Of(ahead);
                text.Append(
                    CultureInfo.InvariantCulture,
                    $"| {name} | {batch} | {changes} | {Turns.Median(taken[0]) * 1e3:F1} | {threads} | {Turns.Median(taken[1]) * 1e3:F1} ");
                text.Append(CultureInfo.InvariantCulture, $"| {Turns.Median(taken[2]) * 1e3:F1} | {Turns.Ratio(taken[0], taken[2]):F2} ");
                text.Append(CultureInfo.InvariantCulture, $"| {Turns.Ratio(taken[1], taken[2]):F2} | {(same ? "equal bits" : "DIFFERENT")} |\n");
                equal &= same;
            }
        }

        return equal;
    }

    /// <summary>Seconds of a step over random samples of classes in turn.</summary>
    private static double StepSeconds(Network network)
    {
        new Random(1).NextSamples(network.TrainingInput(StepBatch));
        Span<float> targets = network.TrainingTarget(StepBatch);
        targets.Clear();
        for (int b = 0; b < StepBatch; b++)
        {
            targets[(b * network.TargetStride) + (b % network.Target!.Shape.Length)] = 1;
        }

        long began = Stopwatch.GetTimestamp();
        network.TrainStep(StepBatch, 0.01f);
        return Stopwatch.GetElapsedTime(began).TotalSeconds;
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

    /// <summary>Samples of another source that say they lie ready: nothing is gathered ahead.</summary>
    private sealed class Ready(IBatchSource source) : IBatchSource
    {
        public int Count => source.Count;

        public int InputLength => source.InputLength;

        public Graphs.Shape InputShape => source.InputShape;

        public int TargetLength => source.TargetLength;

        public int ClassCount => source.ClassCount;

        public int Label(int sample) => source.Label(sample);

        public void Gather(ReadOnlySpan<int> samples, Span<float> inputs, int inputStride, Span<float> targets, int targetStride) =>
            source.Gather(samples, inputs, inputStride, targets, targetStride);

        public void BeginEpoch(int epoch) => source.BeginEpoch(epoch);

        public void Prefetch(ReadOnlySpan<int> samples) => source.Prefetch(samples);
    }
}
