using System.Diagnostics;
using System.Globalization;
using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Benchmarks.Steps;
using EmbeddedBackprop.Data;
using EmbeddedBackprop.Initializers;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Benchmarks.Peers;

/// <summary>Epochs and predictions of sigmoid nets with quadratic loss and plain SGD, by the public interface a user would take.</summary>
internal sealed class PeerNets
{
    private readonly Dictionary<(string Sizes, int Batch), Network> networks = [];
    private readonly Dictionary<(string Sizes, int Batch, int Samples), Trainer> trainers = [];
    private readonly Dictionary<string, Network> predicting = [];
    private readonly Dictionary<(string Kind, int Steps, int Features, int Units, int Batch), Network> sequences = [];

    private readonly Dictionary<(string Kind, int Batch), Network> convolutions = [];

    /// <summary>The training samples.</summary>
    public ByteDataset? Data { get; set; }

    /// <summary>One epoch in a new random order, shuffling included; the net continues from the last epoch.</summary>
    /// <returns>Seconds.</returns>
    public double Epoch(string sizes, int batch, int samples, float rate)
    {
        if (!networks.TryGetValue((sizes, batch), out Network? network))
        {
            network = Layers(sizes).Compile<Quadratic>(new NetworkOptions { Batch = batch, Seed = 1, Initializer = new LeCun() });
            networks.Add((sizes, batch), network);
        }

        if (!trainers.TryGetValue((sizes, batch, samples), out Trainer? trainer))
        {
            trainer = new Trainer(
                network,
                samples == Data!.Count ? Data : DatasetView.First(Data, samples),
                new TrainerOptions { Epochs = int.MaxValue, LearningRate = rate });
            trainers.Add((sizes, batch, samples), trainer);
        }

        long began = Stopwatch.GetTimestamp();
        trainer.TrainEpoch();
        return Stopwatch.GetElapsedTime(began).TotalSeconds;
    }

    /// <summary>The share of the first samples that a trained net gets right.</summary>
    public double Accuracy(string sizes, int batch, int samples)
    {
        DatasetView first = DatasetView.First(Data!, samples);
        return new Trainer(networks[(sizes, batch)], first, new TrainerOptions()).Evaluate(first).Accuracy;
    }

    /// <summary>One prediction after the other for about the given time.</summary>
    /// <returns>Seconds of one.</returns>
    public double Predict(string sizes, double duration)
    {
        if (!predicting.TryGetValue(sizes, out Network? network))
        {
            network = Layers(sizes).Compile(new NetworkOptions { Batch = 1, Seed = 1, Initializer = new LeCun() });
            predicting.Add(sizes, network);
        }

        float[] sample = new float[network.Input.Shape.Length];
        new Random(1).NextSamples(sample);
        return Timing.OfCall(duration, new Prediction(network, sample));
    }

    /// <summary>One training step of a recurrent classifier after the other for about the given time.</summary>
    /// <returns>Seconds of one.</returns>
    public double Sequence(string kind, int steps, int features, int units, int batch, double duration)
    {
        if (!sequences.TryGetValue((kind, steps, features, units, batch), out Network? network))
        {
            network = RecurrentClassifier.Make(kind, steps, features, units, 10, batch);
            sequences.Add((kind, steps, features, units, batch), network);
            FillBatch(network, batch);
        }

        return Timing.OfCall(duration, new TrainingStep(network, batch));
    }

    /// <summary>One training step ("train") or prediction ("predict") of the convolution net after the other for about the given time.</summary>
    /// <returns>Seconds of one.</returns>
    public double Convolution(string kind, int batch, double duration)
    {
        bool training = kind == "train";
        if (!convolutions.TryGetValue((kind, batch), out Network? network))
        {
            network = ConvolutionClassifier.Make(batch, training);
            convolutions.Add((kind, batch), network);
            if (training)
            {
                FillBatch(network, batch);
            }
        }

        if (training)
        {
            return Timing.OfCall(duration, new TrainingStep(network, batch));
        }

        float[] sample = new float[network.Input.Shape.Length];
        new Random(1).NextSamples(sample);
        return Timing.OfCall(duration, new Prediction(network, sample));
    }

    /// <summary>Random samples of ten classes in turn.</summary>
    private static void FillBatch(Network network, int batch)
    {
        new Random(1).NextSamples(network.TrainingInput(batch));
        FillTargets(network, batch);
    }

    /// <summary>Before every step: the step overwrites them.</summary>
    private static void FillTargets(Network network, int batch)
    {
        Span<float> targets = network.TrainingTarget(batch);
        targets.Clear();
        for (int b = 0; b < batch; b++)
        {
            targets[(b * network.TargetStride) + (b % 10)] = 1;
        }
    }

    private static Sequential Layers(string sizes)
    {
        int[] layers = [.. sizes.Split(',').Select(size => int.Parse(size, CultureInfo.InvariantCulture))];
        Sequential net = new(layers[0]);
        foreach (int layer in layers.AsSpan(1))
        {
            net.Dense<Sigmoid>(layer);
        }

        return net;
    }

    private readonly struct Prediction(Network network, float[] sample) : IWork
    {
        public void Call() => network.Predict(sample);
    }

    private readonly struct TrainingStep(Network network, int batch) : IWork
    {
        public void Call()
        {
            FillTargets(network, batch);
            network.TrainStep(batch, 1e-6f);
        }
    }
}
