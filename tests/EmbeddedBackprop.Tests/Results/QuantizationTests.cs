using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Data;
using EmbeddedBackprop.Initializers;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Optimizers;
using EmbeddedBackprop.Quantization;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Results;

/// <summary>
/// Quantised nets beside their float nets, on training images that the training did not see: the defaults of the quantiser may be chosen by these.
/// </summary>
[Category("Slow")]
[Parallelizable(ParallelScope.Self)]
internal sealed class QuantizationTests
{
    private static readonly Lazy<(IBatchSource Train, IBatchSource HeldOut)> Images = new(() =>
    {
        ByteDataset all = MnistFiles.LoadTraining(RealData.Path("mnist"));
        return (DatasetView.First(all, 50_000), DatasetView.Last(all, 10_000));
    });

    [Test]
    public void Nielsens_net_keeps_its_accuracy([Values(1u, 2u, 3u)] uint seed)
    {
        Network network = new Sequential(784).Dense<Sigmoid>(30).Dense<Sigmoid>(10)
            .Compile<Quadratic>(new NetworkOptions { Batch = 10, Seed = seed, Initializer = new Normal() });
        Train(network, epochs: 3, learningRate: 3f);
        Check(network, 0.001, 0.005);
    }

    [Test]
    public void A_small_convolution_net_keeps_its_accuracy([Values(1u, 2u, 3u)] uint seed)
    {
        Network network = NetCompiler.Compile(
            "input 1x28x28; conv 8 3x3 p1 relu; maxpool 2; conv 16 3x3 p1 relu; maxpool 2; dense 10 softmax", new SoftmaxCrossEntropy(),
            new NetworkOptions { Batch = 32, Seed = seed, Optimizer = new Adam() });
        Train(network, epochs: 1, learningRate: 0.001f);
        Check(network, 0.001, 0.005);
    }

    [Test]
    public void A_depthwise_net_with_batch_norm_keeps_its_accuracy([Values(1u, 2u)] uint seed)
    {
        Network network = NetCompiler.Compile(
            "input 1x28x28; conv 8 3x3 s2 p1; batchnorm; activate relu; conv 8 3x3 p1 g8; batchnorm; activate relu; conv 16 1x1; batchnorm; "
            + "activate relu; conv 16 3x3 s2 p1 g16; batchnorm; activate relu; conv 32 1x1; batchnorm; activate relu; global-avgpool; "
            + "dense 10 softmax",
            new SoftmaxCrossEntropy(), new NetworkOptions { Batch = 32, Seed = seed, Optimizer = new Adam() });
        Train(network, epochs: 2, learningRate: 0.003f);
        Check(network, 0.0015, 0.012);
    }

    private static void Train(Network network, int epochs, float learningRate)
    {
        Trainer trainer = new(network, Images.Value.Train, new TrainerOptions { Epochs = epochs, LearningRate = learningRate });
        for (int epoch = 0; epoch < epochs; epoch++)
        {
            trainer.TrainEpoch();
        }
    }

    private static void Check(Network network, double loss, double different)
    {
        int[] expected = Classes(network);
        double defaultLoss = 1, defaultShare = 1;
        TestContext.Out.WriteLine($"float {ShareCorrect(expected):P2}");
        foreach (QuantizerOptions options in (ReadOnlySpan<QuantizerOptions>)
            [
                new(), new() { Ranges = RangeMethod.MinMax, BiasCorrection = false }, new() { BiasCorrection = false },
                new() { Ranges = RangeMethod.MinMax }, new() { Ranges = RangeMethod.Percentile }, new() { OutputBits = 8 },
                new() { ActivationBits = 16 },
            ])
        {
            using QuantizedModel model = Quantizer.Quantize(network, Images.Value.Train, options);
            int[] actual = Classes(model.Network);
            double lost = ShareCorrect(expected) - ShareCorrect(actual);
            double share = expected.Zip(actual).Count(pair => pair.First != pair.Second) / 10_000.0;
            TestContext.Out.WriteLine(
                $"{options.Settings} {options.Ranges} bias correction {options.BiasCorrection}: lost {100 * lost:F2} points, {share:P2} differ, "
                + $"worst {model.Report.Worst?.Name} {model.Report.Worst?.SignalToNoise:F1} dB");
            if (options == new QuantizerOptions())
            {
                TestContext.Out.WriteLine(model.Report);
                (defaultLoss, defaultShare) = (lost, share);
            }
        }

        Assert.That(defaultLoss, Is.LessThanOrEqualTo(loss));
        Assert.That(defaultShare, Is.LessThanOrEqualTo(different));
    }

    private static double ShareCorrect(int[] classes)
    {
        int correct = 0;
        for (int i = 0; i < classes.Length; i++)
        {
            correct += classes[i] == Images.Value.HeldOut.Label(i) ? 1 : 0;
        }

        return (double)correct / classes.Length;
    }

    private static int[] Classes(Network network)
    {
        IBatchSource data = Images.Value.HeldOut;
        int[] classes = new int[data.Count];
        int batch = network.MicroBatch;
        for (int first = 0; first < data.Count; first += batch)
        {
            int count = Math.Min(batch, data.Count - first);
            network.GatherInputs(data, [.. Enumerable.Range(first, count)]);
            ReadOnlySpan<float> outputs = network.Predict(count);
            for (int i = 0; i < count; i++)
            {
                classes[first + i] = EmbeddedBackprop.Training.Accuracy.ClassOf(outputs.Slice(i * network.OutputStride, network.Output.Shape.Length));
            }
        }

        return classes;
    }
}
