using System.Diagnostics;
using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Data;
using EmbeddedBackprop.Initializers;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Results;

/// <summary>
/// Nielsen's recipes on the real digits, as a reader of his book runs them. Accuracies are those of the last epoch; nothing is chosen by them.
/// </summary>
[Category("Slow")]
[Parallelizable(ParallelScope.Self)]
internal sealed class MnistTests
{
    private const int TrainingSamples = 50_000;

    [Test]
    public void Network_py_learns_as_in_chapter_1()
    {
        (IBatchSource train, IBatchSource test) = Load();
        List<double> finals = [], peaks = [];
        long began = Stopwatch.GetTimestamp();
        for (ulong seed = 1; seed <= 5; seed++)
        {
            Network network = new Sequential(784).Dense<Sigmoid>(30).Dense<Sigmoid>(10)
                .Compile<Quadratic>(new NetworkOptions { Batch = 10, Seed = seed, Initializer = new Normal() });
            double[] accuracies = Train(network, train, test, epochs: 30, learningRate: 3f);
            TestContext.Out.WriteLine($"seed {seed}: final {accuracies[^1]:P2}, best {accuracies.Max():P2}");
            finals.Add(accuracies[^1]);
            peaks.Add(accuracies.Max());
        }

        TestContext.Out.WriteLine(
            $"median of finals {finals.Order().ElementAt(2):P2}, {Stopwatch.GetElapsedTime(began).TotalSeconds / 5:F1} s a run");
        Assert.Multiple(() =>
        {
            Assert.That(finals.Order().ElementAt(2), Is.GreaterThanOrEqualTo(0.945));
            Assert.That(peaks.Max(), Is.GreaterThanOrEqualTo(0.95));
        });
    }

    [Test]
    public void Cross_entropy_with_weight_decay_learns_as_in_chapter_3()
    {
        (IBatchSource train, IBatchSource test) = Load();
        List<double> finals = [];
        for (ulong seed = 1; seed <= 3; seed++)
        {
            Network network = new Sequential(784).Dense<Sigmoid>(100).Dense<Sigmoid>(10).Compile<BinaryCrossEntropy>(new NetworkOptions
            {
                Batch = 10,
                Seed = seed,
                Initializer = new ScaledNormal(),
                Regularization = new Regularization { L2 = 5f / TrainingSamples },
            });
            double[] accuracies = Train(network, train, test, epochs: 60, learningRate: 0.1f);
            TestContext.Out.WriteLine($"seed {seed}: final {accuracies[^1]:P2}");
            finals.Add(accuracies[^1]);
        }

        TestContext.Out.WriteLine($"mean of finals {finals.Average():P2}");
        Assert.That(finals.Average(), Is.GreaterThanOrEqualTo(0.977));
    }

    private static (IBatchSource Train, IBatchSource Test) Load()
    {
        string folder = RealData.Path("mnist");
        return (DatasetView.First(MnistFiles.LoadTraining(folder), TrainingSamples), MnistFiles.LoadTest(folder));
    }

    private static double[] Train(Network network, IBatchSource train, IBatchSource test, int epochs, float learningRate)
    {
        Trainer trainer = new(network, train, new TrainerOptions { Epochs = epochs, LearningRate = learningRate });
        double[] accuracies = new double[epochs];
        for (int epoch = 0; epoch < epochs; epoch++)
        {
            trainer.TrainEpoch();
            accuracies[epoch] = trainer.Evaluate(test).Accuracy;
        }

        return accuracies;
    }
}
