using System.Globalization;
using System.Text;
using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Benchmarks.Reports;
using EmbeddedBackprop.Data;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Initializers;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Optimizers;
using EmbeddedBackprop.Quantization;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Benchmarks.Experiments;

/// <summary>The host's time of nets of integers beside that of their float nets: evaluations, single predictions, steps of training.</summary>
internal static class IntegersOnHost
{
    private const int Rounds = 31;

    private const double WarmSeconds = 2;

    private const double MostEvaluation = 1.3, MostStep = 1.5;

    // Enough for weights that are trained; what a step takes does not depend on how well.
    private const int Samples = 2_000;

    /// <summary>Appends the table.</summary>
    public static void Write(StringBuilder text, IntegerData mnist)
    {
        IntegerData images = mnist with { Training = DatasetView.First(mnist.Training, Samples) };
        IntegerData rows = new(new PictureRows(images.Training), new PictureRows(mnist.Test));
        text.Append(
            CultureInfo.InvariantCulture,
            $"\nTime on the host, on one core: integers / float, median of {Rounds} paired rounds. An evaluation is that of 10,000 images of MNIST ");
        text.Append(
            CultureInfo.InvariantCulture,
            $"in the batches of the training, a prediction one of 16 images, a step one of an epoch over {Samples:N0} images; times are those of an ");
        text.Append(
            "image, of a prediction, of a step. The recurrent net reads a row of a picture at a time.\n\n| net | what | float, us | integers / float | must |\n| --- | --- | ---: | ---: | --- |\n");
        Row(text, "[784, 30, 10] sigmoid, batch 10", () => Sigmoid(30, images.Training), images);
        Row(text, "[784, 100, 10] sigmoid, batch 10", () => Sigmoid(100, images.Training), images);
        Row(
            text, "conv 8, pool, conv 16, pool, dense 10, batch 32",
            () => Compiled("conv 8 3x3 p1 relu; maxpool 2; conv 16 3x3 p1 relu; maxpool 2; dense 10 softmax", images.Training), images);
        Row(text, "gru 32, dense 10, batch 32", () => Compiled("gru 32; dense 10 softmax", rows.Training), rows, trains: false);
    }

    private static void Row(StringBuilder text, string name, Func<Network> make, IntegerData data, bool trains = true)
    {
        using Network network = make();
        using QuantizedModel model = Quantizer.Quantize(network, data.Training);
        int count = data.Test.Count;
        Line(text, name, "evaluation", MostEvaluation, count, () => Evaluation(network, data.Test), () => Evaluation(model.Network, data.Test));
        Line(text, name, "one prediction", MostEvaluation, 2_000, () => Predictions(network, data.Test), () => Predictions(model.Network, data.Test));
        if (trains)
        {
            using Network floats = make();
            using QuantizedModel trained = Quantizer.ForTraining(floats, data.Training);
            int steps = Samples / floats.Options.Batch;
            Line(text, name, "step", MostStep, steps, () => Epoch(floats, data.Training), () => Epoch(trained.Network, data.Training));
        }
    }

    private static void Line(StringBuilder text, string name, string what, double must, int count, Func<double> floats, Func<double> integers)
    {
        // The first rounds run code that the runtime has not optimised yet.
        for (double warm = 0; warm < WarmSeconds;)
        {
            warm += floats() + integers();
        }

        double[][] times = Turns.Take(Rounds, floats, integers);
        double ratio = Turns.Ratio(times[1], times[0]);
        string line = string.Create(
            CultureInfo.InvariantCulture,
            $"| {name} | {what} | {1e6 * Turns.Median(times[0]) / count:F2} | {ratio:F2} | {must}: {(ratio <= must ? "met" : "**missed**")} |\n");
        Console.Write(line);
        text.Append(line);
    }

    private static double Evaluation(Network network, IBatchSource data)
    {
        long begin = System.Diagnostics.Stopwatch.GetTimestamp();
        int sum = 0;
        PredictionRun.Over(network, data, (_, outputs) => sum += Accuracy.ClassOf(outputs));
        return System.Diagnostics.Stopwatch.GetElapsedTime(begin).TotalSeconds;
    }

    private static double Predictions(Network network, IBatchSource data)
    {
        const int Images = 16;
        int length = data.InputLength;
        float[] images = new float[Images * length];
        data.Gather([.. Enumerable.Range(0, Images)], images, length, default, 0);
        long begin = System.Diagnostics.Stopwatch.GetTimestamp();
        for (int i = 0; i < 2_000; i++)
        {
            _ = network.Predict(images.AsSpan(i % Images * length, length));
        }

        return System.Diagnostics.Stopwatch.GetElapsedTime(begin).TotalSeconds;
    }

    private static double Epoch(Network network, IBatchSource data)
    {
        // The ranges of integers rest in the last tenth of a trainer's steps; here they move, as they do in most.
        Trainer trainer = new(network, data, new TrainerOptions { Epochs = 3, LearningRate = 0.001f });
        long begin = System.Diagnostics.Stopwatch.GetTimestamp();
        _ = trainer.TrainEpoch();
        return System.Diagnostics.Stopwatch.GetElapsedTime(begin).TotalSeconds;
    }

    private static Network Sigmoid(int hidden, IBatchSource data)
    {
        Network network = new Sequential(784).Dense<Sigmoid>(hidden).Dense<Sigmoid>(10)
            .Compile<Quadratic>(new NetworkOptions { Batch = 10, Seed = 1, Initializer = new Normal() });
        _ = new Trainer(network, data, new TrainerOptions { Epochs = 1, LearningRate = 3f }).TrainEpoch();
        return network;
    }

    private static Network Compiled(string net, IBatchSource data)
    {
        NetworkOptions options = new() { Batch = 32, Seed = 1, Optimizer = new Adam(), Initializer = new ByActivation() };
        Network network = NetCompiler.Compile(net, new SoftmaxCrossEntropy(), options, data.InputShape);
        _ = new Trainer(network, data, new TrainerOptions { Epochs = 1, LearningRate = 0.001f }).TrainEpoch();
        return network;
    }

    /// <summary>Pictures as sequences: a step for each of their 28 rows.</summary>
    private sealed class PictureRows(IBatchSource source) : IBatchSource
    {
        public int Count => source.Count;

        public int InputLength => source.InputLength;

        public Shape InputShape => new(28, 28);

        public int TargetLength => source.TargetLength;

        public int ClassCount => source.ClassCount;

        public int Label(int sample) => source.Label(sample);

        public void Gather(ReadOnlySpan<int> samples, Span<float> inputs, int inputStride, Span<float> targets, int targetStride) =>
            source.Gather(samples, inputs, inputStride, targets, targetStride);
    }
}
