using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Benchmarks.Steps;
using EmbeddedBackprop.Data;
using EmbeddedBackprop.Graphs;
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
    private readonly Dictionary<string, (int Parameters, int State, float[] Values)> files = [];
    private readonly Dictionary<(string Name, int Batch), Network> filled = [];

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

    /// <summary>Takes a file of bench/peers/nets.py: parameters, running values and samples of a net of <see cref="ConvolutionNets"/>.</summary>
    public void Net(string name, int parameters, int state, string path) =>
        files[name] = (parameters, state, MemoryMarshal.Cast<byte, float>(File.ReadAllBytes(path)).ToArray());

    /// <summary>The predictions of the file's first samples.</summary>
    public float[] Outputs(string name, int batch)
    {
        Network network = Filled(name, batch);
        float[] results = new float[batch * network.OutputLength];
        network.Predict(Samples(name, batch, network), batch, results);
        return results;
    }

    /// <summary>One prediction of the first samples after the other for about the given time.</summary>
    /// <returns>Seconds of one.</returns>
    public double Forward(string name, int batch, double duration)
    {
        Network network = Filled(name, batch);
        float[] samples = Samples(name, batch, network), results = new float[batch * network.OutputLength];
        return batch == 1
            ? Timing.OfCall(duration, new Prediction(network, samples))
            : Timing.OfCall(duration, new Predictions(network, samples, batch, results));
    }

    private float[] Samples(string name, int batch, Network network)
    {
        (int parameters, int state, float[] values) = files[name];
        return values.AsSpan(parameters + state, batch * network.InputLength).ToArray();
    }

    /// <summary>A net with the file's parameters and running values.</summary>
    private Network Filled(string name, int batch)
    {
        if (filled.TryGetValue((name, batch), out Network? network))
        {
            return network;
        }

        network = ConvolutionNets.Make(name, batch, training: false);
        (int parameters, int state, float[] values) = files[name];
        ReadOnlySpan<float> rest = values.AsSpan(0, parameters);
        foreach (ref readonly ParameterRange range in network.InferencePlan.Parameters)
        {
            range.CopyFrom(rest[..range.Count], network.Parameters);
            rest = rest[range.Count..];
        }

        ReadOnlySpan<float> running = values.AsSpan(parameters, state);
        foreach (ref readonly StateRange range in network.InferencePlan.State)
        {
            running[..range.Count].CopyTo(network.State[range.Offset..]);
            running = running[range.Count..];
        }

        if (rest.Length + running.Length > 0)
        {
            throw new InvalidDataException($"{name}: the file holds another net");
        }

        filled.Add((name, batch), network);
        return network;
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

    private readonly struct Predictions(Network network, float[] samples, int batch, float[] results) : IWork
    {
        public void Call() => network.Predict(samples, batch, results);
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
