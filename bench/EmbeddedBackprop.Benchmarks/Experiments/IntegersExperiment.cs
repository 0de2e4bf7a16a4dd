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
using EmbeddedBackprop.Training.Schedules;

namespace EmbeddedBackprop.Benchmarks.Experiments;

/// <summary>
/// What integers cost: accuracy lost by quantising trained nets, areas under the curve of autoencoders, bytes, and the host's time beside float. The
/// defaults of the quantiser were fixed on training images that the nets had not seen; the test images are read here alone.
/// </summary>
internal static class IntegersExperiment
{
    private const string Command = "experiment integers";

    private static readonly IntegerNet[] Images =
    [
        new("[784, 30, 10] sigmoid, Nielsen's recipe", 5, Nielsen, 0.10, 0.03),
        new(
            "conv 8, pool, conv 16, pool, dense 10", 5,
            (data, seed) => Compiled(
                data, "conv 8 3x3 p1 relu; maxpool 2; conv 16 3x3 p1 relu; maxpool 2; dense 10 softmax", seed, epochs: 3, rate: 0.001f),
            0.10, 0.03),
        new(
            "depthwise and 1x1 with batch norm", 3,
            (data, seed) => Compiled(data, IntegersTraining.Depthwise, seed, epochs: 5, rate: 0.003f),
            0.15, 0.15),
        new(
            "residual: conv 8, 8, 16, 16, two adds, GELU", 3,
            (data, seed) => Compiled(
                data,
                "x = input 1x28x28; a = conv 8 3x3 s2 p1 gelu x; b = conv 8 3x3 p1 gelu a; c = add a b; d = conv 16 3x3 s2 p1 gelu c; "
                    + "e = conv 16 3x3 p1 tanh d; f = add d e; g = global-avgpool f; dense 10 softmax g",
                seed, epochs: 5, rate: 0.003f),
            0.15, 0.15),
    ];

    private static readonly IntegerNet Digits = new(
        "optdigits: conv 16, conv 20, batch norm", 5,
        (data, seed) => Compiled(
            data, "conv 16 3x3 same; batchnorm; activate relu; conv 20 3x3; batchnorm; activate relu; maxpool 2; dense 10 softmax", seed, epochs: 20,
            rate: 0.003f),
        double.PositiveInfinity, 0.10);

    private static readonly IntegerNet[] Gestures =
    [
        new(
            "wand-digits: gru 32, five folds", 5,
            (data, seed) => Falling(data, "gru 32; dropout 0.3; dense 10 softmax", seed, epochs: 25, rate: 0.01f),
            double.PositiveInfinity, 0.10),
        new(
            "wand-digits: temporal convolution, five folds", 5,
            (data, seed) => Falling(
                data, "transpose; conv1d 16 5 relu; maxpool1d 2; conv1d 24 5 relu; maxpool1d 2; conv1d 24 3 relu; flatten; dropout 0.3; "
                    + "dense 10 softmax", seed, epochs: 20, rate: 0.005f),
            double.PositiveInfinity, 0.10),
    ];

    /// <param name="folder">The folder of the data sets.</param>
    /// <param name="onlyTimes">Whether the table of the host's time is all that is wanted: it is printed, no file is written.</param>
    /// <returns>0 if every row keeps its limit.</returns>
    public static int Run(string? folder, bool onlyTimes = false)
    {
        if (folder is null)
        {
            Console.Error.WriteLine($"{Command} wants the data sets: --data-dir DIR, or EBP_DATA.");
            return 2;
        }

        StringBuilder text = new();
        IntegerData mnist = new(MnistFiles.LoadTraining(Path.Combine(folder, "mnist")), MnistFiles.LoadTest(Path.Combine(folder, "mnist")));
        if (onlyTimes)
        {
            IntegersOnHost.Write(text, mnist);
            return 0;
        }

        IntegerData digits = OptDigits(folder);
        SequenceDataset strokes = StrokeReader.Read(Path.Combine(folder, "wand-digits")).Resampled(64);
        bool kept = Accuracies(
            text,
            [
                .. Images.Select(net => (net, (Func<uint, IntegerData>)(_ => mnist))), (Digits, _ => digits),
                .. Gestures.Select(net => (net, (Func<uint, IntegerData>)(seed => Fold(strokes, (int)seed - 1)))),
            ]);
        kept &= IntegersTraining.Write(text, Images[2], mnist);
        kept &= Autoencoders(text, mnist);
        IntegersOnHost.Write(text, mnist);
        kept &= IntegersOnDevices.Write(text);
        ResultFile.Write("integers", "Nets of integers beside their float nets", Command + " --data-dir DIR", text.ToString());
        return kept ? 0 : 1;
    }

    private static bool Accuracies(StringBuilder text, IEnumerable<(IntegerNet Net, Func<uint, IntegerData> Data)> rows)
    {
        text.Append(
            "Accuracy on the test set, in per cent; lost: float minus integers, in points, seed by seed; differ: the share of predictions that are "
            + "another class than the float net's, over all seeds.\n\n"
            + "| net | float | int8 lost | mean | must | differ | 16x8 lost | mean | weights, bytes |\n"
            + "| --- | --- | --- | ---: | --- | ---: | --- | ---: | ---: |\n");
        bool kept = true;
        foreach ((IntegerNet net, Func<uint, IntegerData> of) in rows)
        {
            List<double> floats = [], bytes = [], words = [];
            int different = 0, judged = 0;
            long size = 0;
            for (uint seed = 1; seed <= net.Seeds; seed++)
            {
                IntegerData data = of(seed);
                using Network network = net.Train(data, seed);
                judged += data.Test.Count;
                int[] expected = Classes(network, data.Test);
                floats.Add(Share(expected, data.Test));
                using QuantizedModel model = Quantizer.Quantize(network, data.Training);
                int[] actual = Classes(model.Network, data.Test);
                bytes.Add(floats[^1] - Share(actual, data.Test));
                different += expected.Zip(actual).Count(pair => pair.First != pair.Second);
                size = model.Report.Bytes;
                using QuantizedModel wide = Quantizer.Quantize(network, data.Training, new QuantizerOptions { ActivationBits = 16 });
                words.Add(floats[^1] - Share(Classes(wide.Network, data.Test), data.Test));
            }

            bool row = bytes.Max() <= net.MostLost + 1e-9 && bytes.Average() <= net.MeanLost + 1e-9;
            kept &= row;
            string most = double.IsInfinity(net.MostLost) ? "" : $"{Points(net.MostLost)}, ";
            string line =
                $"| {net.Name} | {string.Join(' ', floats.Select(share => share.ToString("F2", CultureInfo.InvariantCulture)))} | {Signed(bytes)} | "
                + $"{Points(bytes.Average())} | {most}mean {Points(net.MeanLost)}: {(row ? "met" : "**missed**")} | "
                + $"{Points(100.0 * different / judged)} % | {Signed(words)} | {Points(words.Average())} | {size:N0} |\n";
            Console.Write(line);
            text.Append(line);
        }

        return kept;
    }

    /// <summary>One digit is normal, all others are not; the score is the squared error of the reconstruction.</summary>
    private static bool Autoencoders(StringBuilder text, IntegerData mnist)
    {
        text.Append(
            "\nAutoencoder `dense 12 relu; dense 784 sigmoid`, mean squared error, trained on one digit of the training set: area under the ROC curve "
            + "of the reconstruction error on the test set, that digit against all others.\n\n"
            + "| normal digit | float | int8 | lost |\n| ---: | ---: | ---: | ---: |\n");
        List<double> lost = [];
        for (int digit = 0; digit < 10; digit++)
        {
            IBatchSource normal = new Reconstruction(DatasetView.Subset(mnist.Training, Of(mnist.Training, digit)));
            using Network network = NetCompiler.Compile(
                "input 784; dense 12 relu; dense 784 sigmoid", new Loss<Quadratic>(),
                new NetworkOptions { Batch = 32, Seed = 1, Optimizer = new Adam(), Initializer = new ByActivation() });
            Fit(network, normal, epochs: 3, rate: 0.001f);
            using QuantizedModel model = Quantizer.Quantize(network, normal);
            double exact = Area(network, mnist.Test, digit), rounded = Area(model.Network, mnist.Test, digit);
            lost.Add(exact - rounded);
            string line = string.Create(CultureInfo.InvariantCulture, $"| {digit} | {exact:F4} | {rounded:F4} | {exact - rounded:F4} |\n");
            Console.Write(line);
            text.Append(line);
        }

        bool kept = lost.Average() <= 0.005 && lost.Max() <= 0.01;
        text.Append(
            CultureInfo.InvariantCulture,
            $"| mean | | | {lost.Average():F4} |\n\nMust: mean at most 0.005, none above 0.01: {(kept ? "met" : "**missed**")}.\n");
        return kept;
    }

    private static Network Nielsen(IntegerData data, uint seed)
    {
        Network network = new Sequential(784).Dense<Sigmoid>(30).Dense<Sigmoid>(10)
            .Compile<Quadratic>(new NetworkOptions { Batch = 10, Seed = seed, Initializer = new Normal() });
        Fit(network, DatasetView.First(data.Training, Math.Min(50_000, data.Training.Count)), epochs: 30, rate: 3f);
        return network;
    }

    private static Network Compiled(IntegerData data, string net, uint seed, int epochs, float rate)
    {
        Network network = Begun(data, net, seed);
        Fit(network, data.Training, epochs, rate);
        return network;
    }

    /// <summary>A network before its first step.</summary>
    internal static Network Begun(IntegerData data, string net, uint seed) => NetCompiler.Compile(
        net, new SoftmaxCrossEntropy(), new NetworkOptions { Batch = 32, Seed = seed, Optimizer = new Adam(), Initializer = new ByActivation() },
        net.StartsWith("x = ", StringComparison.Ordinal) ? null : data.Training.InputShape);

    /// <summary>Trains, at a rate that stays unless there is a schedule.</summary>
    private static void Fit(Network network, IBatchSource data, int epochs, float rate, Schedule? schedule = null)
    {
        Trainer trainer = new(network, data, new TrainerOptions { Epochs = epochs, LearningRate = rate, Schedule = schedule ?? new Constant() });
        for (int epoch = 0; epoch < epochs; epoch++)
        {
            _ = trainer.TrainEpoch();
        }
    }

    /// <summary>A net over sequences, its rate falling along a cosine.</summary>
    private static Network Falling(IntegerData data, string net, uint seed, int epochs, float rate)
    {
        Network network = NetCompiler.Compile(
            net, new SoftmaxCrossEntropy(), new NetworkOptions { Batch = 16, Seed = seed, Optimizer = new Adam(), Initializer = new ByActivation() },
            data.Training.InputShape);
        Fit(network, data.Training, epochs, rate, new Cosine());
        return network;
    }

    private static IntegerData Fold(SequenceDataset strokes, int fold)
    {
        DataSplit split = DataSplit.Fold(strokes.Count, fold, 5);
        SequenceDataset data = Standardizer.Fit(strokes, split.Training).Apply(strokes);
        return new(DatasetView.Subset(data, split.Training), DatasetView.Subset(data, split.Test));
    }

    private static IntegerData OptDigits(string folder)
    {
        FloatDataset Read(string name) => CsvReader.Read(Path.Combine(folder, "optdigits", name), new CsvOptions { HasHeader = false });
        FloatDataset training = Read("optdigits.tra"), test = Read("optdigits.tes");
        Shape image = new(1, 8, 8);
        return new(new Shaped(training, image, 1f / 16f), new Shaped(test, image, 1f / 16f));
    }

    private static int[] Of(IBatchSource data, int label) => [.. Enumerable.Range(0, data.Count).Where(sample => data.Label(sample) == label)];

    /// <summary>The class of each sample.</summary>
    internal static int[] Classes(Network network, IBatchSource data)
    {
        int[] classes = new int[data.Count];
        PredictionRun.Over(network, data, (sample, outputs) => classes[sample] = Accuracy.ClassOf(outputs));
        return classes;
    }

    private static double Area(Network network, IBatchSource data, int normal)
    {
        float[] errors = new float[data.Count], row = new float[data.InputLength];
        bool[] other = new bool[data.Count];
        PredictionRun.Over(network, data, (sample, outputs) =>
        {
            data.Gather([sample], row, row.Length, default, 0);
            double sum = 0;
            for (int i = 0; i < row.Length; i++)
            {
                sum += (row[i] - outputs[i]) * (double)(row[i] - outputs[i]);
            }

            errors[sample] = (float)sum;
            other[sample] = data.Label(sample) != normal;
        });
        return RocCurve.Area(errors, other);
    }

    /// <summary>The share of right classes, in per cent.</summary>
    internal static double Share(int[] classes, IBatchSource data)
    {
        int correct = 0;
        for (int i = 0; i < classes.Length; i++)
        {
            correct += classes[i] == data.Label(i) ? 1 : 0;
        }

        return 100.0 * correct / classes.Length;
    }

    /// <summary>Points of accuracy, or a share in per cent.</summary>
    internal static string Points(double value) => value.ToString("0.000", CultureInfo.InvariantCulture);

    private static string Signed(IEnumerable<double> values) =>
        string.Join(' ', values.Select(value => value.ToString("+0.00;-0.00;0.00", CultureInfo.InvariantCulture)));

    /// <summary>Samples whose targets are their inputs.</summary>
    private sealed class Reconstruction(IBatchSource source) : IBatchSource
    {
        public int Count => source.Count;

        public int InputLength => source.InputLength;

        public int TargetLength => source.InputLength;

        public int ClassCount => 0;

        public int Label(int sample) => -1;

        public void Gather(ReadOnlySpan<int> samples, Span<float> inputs, int inputStride, Span<float> targets, int targetStride)
        {
            source.Gather(samples, inputs, inputStride, default, 0);
            if (!targets.IsEmpty)
            {
                source.Gather(samples, targets, targetStride, default, 0);
            }
        }
    }

    /// <summary>Samples as images, each value times a factor.</summary>
    private sealed class Shaped(IBatchSource source, Shape shape, float factor) : IBatchSource
    {
        public int Count => source.Count;

        public int InputLength => source.InputLength;

        public Shape InputShape => shape;

        public int TargetLength => source.TargetLength;

        public int ClassCount => source.ClassCount;

        public int Label(int sample) => source.Label(sample);

        public void Gather(ReadOnlySpan<int> samples, Span<float> inputs, int inputStride, Span<float> targets, int targetStride)
        {
            source.Gather(samples, inputs, inputStride, targets, targetStride);
            for (int row = 0; row < samples.Length; row++)
            {
                foreach (ref float x in inputs.Slice(row * inputStride, InputLength))
                {
                    x *= factor;
                }
            }
        }
    }
}
