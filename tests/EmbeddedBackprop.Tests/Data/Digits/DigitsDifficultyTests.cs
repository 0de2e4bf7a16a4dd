using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Data;
using EmbeddedBackprop.Data.Digits;
using EmbeddedBackprop.Initializers;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Data.Digits;

/// <summary>The digits must be worth a network: too hard for one layer, easy for two.</summary>
[TestFixture]
[Parallelizable(ParallelScope.Self)]
public sealed class DigitsDifficultyTests
{
    [TestCase(1ul)]
    [TestCase(2ul)]
    public void One_softmax_layer_stays_below_93_percent_and_a_small_net_passes_98(ulong seed)
    {
        ByteDataset training = DigitsGenerator.Create(20_000, seed);
        ByteDataset test = DigitsGenerator.Create(4_000, seed, first: 20_000);
        double layer = Train(new Sequential(784).Dense(10, new Softmax()), training, test, seed);
        double net = Train(new Sequential(784).Dense<Relu>(64).Dense(10, new Softmax()), training, test, seed);
        TestContext.Out.WriteLine($"seed {seed}: one softmax layer {layer:P2}, [784, 64, 10] {net:P2}");
        Assert.That(layer, Is.InRange(0.80, 0.93));
        Assert.That(net, Is.GreaterThan(0.98));
    }

    private static double Train(Sequential layers, ByteDataset training, ByteDataset test, ulong seed)
    {
        Network network = layers.Compile(new SoftmaxCrossEntropy(), new NetworkOptions { Batch = 10, Seed = seed, Initializer = new He() });
        var trainer = new Trainer(network, training, new TrainerOptions { Epochs = 8, LearningRate = 0.1f });
        while (!trainer.Finished)
        {
            trainer.TrainEpoch();
        }

        return trainer.Evaluate(test).Accuracy;
    }
}
