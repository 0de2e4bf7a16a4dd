using EmbeddedBackprop.Data;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Optimizers;
using EmbeddedBackprop.Quantization;
using EmbeddedBackprop.Tests.Training;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Quantization;

/// <summary>Quantised networks that are trained on: what they begin with, what they learn, what they refuse.</summary>
[TestFixture]
internal sealed class QuantizedTrainingTests
{
    private const string Text =
        "input 2x8x8; conv 6 3x3 p1; batchnorm; activate relu; conv 6 3x3 p1 g6; batchnorm; activate gelu; maxpool 2; dropout 0.2; "
        + "dense 12 sigmoid; dense 3 softmax";

    private static readonly FloatDataset Data = Draw();

    [Test]
    public void Training_begins_with_the_quantised_network()
    {
        using Network network = Trained();
        using QuantizedModel quantized = Quantizer.Quantize(network, Data), model = Quantizer.ForTraining(network, Data);
        float[] expected = QuantizationNets.Predict(quantized.Network, Data);
        Bits.AssertEqual(QuantizationNets.Predict(model.Network, Data), expected, "predictions");
        Assert.That(model.Network.Loss, Is.InstanceOf<SoftmaxCrossEntropy>());
        Assert.That(model.Network.Options.Optimizer, Is.SameAs(network.Options.Optimizer));
        Assert.That(model.Network.StepNumber, Is.EqualTo(network.StepNumber).And.GreaterThan(0));
    }

    [Test]
    public void Training_goes_on_with_the_moments_of_what_was_not_folded()
    {
        using Network network = Trained();
        using QuantizedModel model = Quantizer.ForTraining(network, Data);
        for (int array = 0; array < 2; array++)
        {
            Assert.That(Moments(model.Network, "conv1.weight", array), Is.All.Zero, "folded");
            Assert.That(Moments(network, "conv1.weight", array), Has.Some.Not.Zero);
            Assert.That(Moments(model.Network, "dense1.weight", array), Is.EqualTo(Moments(network, "dense1.weight", array)).And.Some.Not.Zero);
        }

        Assert.That(
            model.Network.OptimizerState[(2 * model.Network.Parameters.Length)..].ToArray(),
            Is.EqualTo(network.OptimizerState[(2 * network.Parameters.Length)..].ToArray()), "the optimiser's scalars");
    }

    [Test]
    public void A_quantised_network_learns()
    {
        using Network network = Trained();
        using QuantizedModel model = Quantizer.ForTraining(network, Data);
        Trainer trainer = new(model.Network, Data, new TrainerOptions { Epochs = 12, LearningRate = 0.005f });
        double before = trainer.Evaluate(Data).Loss;
        while (!trainer.Finished)
        {
            _ = trainer.TrainEpoch();
        }

        Assert.That(trainer.Evaluate(Data).Loss, Is.LessThan(0.8 * before));
    }

    [Test]
    public void A_training_resumed_from_a_file_has_the_bits_of_one_that_never_stopped()
    {
        TrainerOptions options = new() { Epochs = 3, LearningRate = 0.005f };
        using Network network = Trained();
        using QuantizedModel whole = Quantizer.ForTraining(network, Data), part = Quantizer.ForTraining(network, Data);
        ResumedTraining.AssertBits(whole.Network, part.Network, Data, options);
    }

    [Test]
    public void Every_residual_net_has_gradients()
    {
        using Network network = NetCompiler.Compile(
            "input 1x8x8; a = conv 4 3x3 p1 relu; b = conv 4 3x3 p1; add a b; activate gelu; avgpool 2; global-avgpool; dense 3 softmax",
            new SoftmaxCrossEntropy(), new NetworkOptions { Batch = 8, Optimizer = new Adam() });
        float[] x = Samples.Array(40 * 64, 4);
        FloatDataset data = FloatDataset.Classified(x, 64, [.. Enumerable.Range(0, 40).Select(i => x[i * 64] > 0 ? 1 : 0)], 3);
        using QuantizedModel model = Quantizer.ForTraining(network, data);
        Trainer trainer = new(model.Network, data, new TrainerOptions { Epochs = 1, LearningRate = 0.001f });
        _ = trainer.TrainEpoch();
        foreach (ParameterRange range in model.Network.TrainingPlan!.Parameters)
        {
            Assert.That(model.Network.Gradients.Slice(range.Offset, range.Length).ToArray(), Has.Some.Not.Zero, range.Name);
        }
    }

    [Test]
    public void Refusals_name_what_is_wrong()
    {
        using Network predicts = NetCompiler.Compile("input 4; dense 3", null, new NetworkOptions { Batch = 2 });
        FloatDataset data = FloatDataset.Regression(Samples.Array(80, 1), 4, new float[20], 1);
        Assert.That(
            () => Quantizer.ForTraining(predicts, data),
            Throws.ArgumentException.With.Message.EqualTo("the network has no loss: there is nothing to train"));
        using QuantizedModel trained = Quantizer.ForTraining(Trained(), Data);
        Assert.That(() => Quantizer.ForTraining(trained.Network, Data), Throws.ArgumentException.With.Message.Contains("integers already"));
    }

    private static Network Trained()
    {
        Network network = NetCompiler.Compile(
            Text, new SoftmaxCrossEntropy(), new NetworkOptions { Batch = 8, Optimizer = new Adam(), Seed = 3 });
        _ = new Trainer(network, Data, new TrainerOptions { Epochs = 2, LearningRate = 0.003f }).TrainEpoch();
        return network;
    }

    private static float[] Moments(Network network, string name, int array)
    {
        ParameterRange range = network.InferencePlan.Parameters.ToArray().Single(range => range.Name == name);
        return network.OptimizerState.Slice((array * network.Parameters.Length) + range.Offset, range.Length).ToArray();
    }

    private static FloatDataset Draw()
    {
        float[] x = Samples.Array(64 * 128, 4);
        int[] labels = new int[64];
        for (int i = 0; i < labels.Length; i++)
        {
            labels[i] = x[i * 128] > 0.3f ? 0 : x[(i * 128) + 9] > 0 ? 1 : 2;
        }

        return FloatDataset.Classified(x, 128, labels, 3);
    }
}
