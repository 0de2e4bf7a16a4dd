using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Data;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Initializers;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Optimizers;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Initializers;

/// <summary>A network that names no initialiser begins with the one that suits its activations.</summary>
[TestFixture]
internal sealed class ByActivationTests
{
    [TestCase("x = input 6; dense 5 relu; dense 3 sigmoid", "he")]
    [TestCase("x = input 6; dense 5; activate gelu; dense 3 sigmoid", "he")]
    [TestCase("x = input 1x6x6; maxpool 2; conv 2 2x2 leaky-relu; dense 3 sigmoid", "he")]
    [TestCase("x = input 6; dense 5 selu; dense 3 relu", "lecun")]
    [TestCase("x = input 6; dense 5 lecun-tanh; dense 3", "lecun")]
    [TestCase("x = input 6; dense 5 sigmoid; dense 3 relu", "glorot")]
    [TestCase("x = input 6; dense 5; dense 3", "glorot")]
    [TestCase("x = input 6; dense 3 relu", "glorot")]
    [TestCase("x = input 4x3; gru 5; dense 3 relu", "glorot")]
    public void The_first_activation_decides(string net, string initializer)
    {
        Network network = NetCompiler.Compile(net, new Loss<Quadratic>(), new NetworkOptions { Seed = 3 });
        Assert.That(network.Options.Initializer.Name, Is.EqualTo(initializer));
        NetworkOptions naming = new() { Seed = 3, Initializer = Registry.Initializer(initializer) };
        Network named = NetCompiler.Compile(net, new Loss<Quadratic>(), naming);
        Bits.AssertEqual(network.Parameters, named.Parameters, net);
        Network old = NetCompiler.Compile(net, new Loss<Quadratic>(), new NetworkOptions { Seed = 3, Initializer = new Normal() });
        Assert.That(old.Options.Initializer, Is.InstanceOf<Normal>(), "a net that names one keeps it");
        Assert.That(Bits.FirstDifference(old.Parameters, named.Parameters), Is.Not.EqualTo(-1));
    }

    [Test]
    public void A_model_file_holds_the_choice()
    {
        Network network = NetCompiler.Compile("x = input 6; dense 5 relu; dense 3 sigmoid", new Loss<Quadratic>(), new NetworkOptions { Seed = 3 });
        Network again = ModelFile.Parse(ModelFile.ToArray(network), "model").ToNetwork();
        Assert.That(again.Options.Initializer.Name, Is.EqualTo("he"));
    }

    [Test]
    public void Without_a_network_it_is_Glorot()
    {
        Network network = NetCompiler.Compile("x = input 6; dense 5 relu", null, new NetworkOptions());
        float[] alone = new float[network.Parameters.Length], glorot = new float[network.Parameters.Length];
        new ByActivation().Fill(in network.InferencePlan.Parameters[0], 0, alone, 7);
        new Glorot().Fill(in network.InferencePlan.Parameters[0], 0, glorot, 7);
        Bits.AssertEqual(alone, glorot, "weights");
    }

    [Test]
    public void An_autoencoder_learns_that_did_not_with_weights_of_variance_1()
    {
        double chosen = Reconstruction(new NetworkOptions { Batch = 10, Optimizer = new Adam(), Seed = 1 }),
            normal = Reconstruction(new NetworkOptions { Batch = 10, Optimizer = new Adam(), Seed = 1, Initializer = new Normal() });
        TestContext.Out.WriteLine($"mean squared error: by activation {chosen:F4}, normal {normal:F4}");
        Assert.That(chosen, Is.LessThan(0.03));
        Assert.That(normal, Is.GreaterThan(5 * chosen), "the control");
    }

    /// <summary>The error of a net that squeezes spots on a 10x10 image through eight values.</summary>
    private static double Reconstruction(NetworkOptions options)
    {
        const int Side = 10, Count = 300;
        float[] images = new float[Count * Side * Side];
        for (int i = 0; i < images.Length; i++)
        {
            int sample = i / (Side * Side), y = i / Side % Side, x = i % Side;
            float centreY = 2f + (sample * 7 % 60 / 10f), centreX = 2f + (sample * 13 % 60 / 10f);
            images[i] = MathF.Exp(-(((y - centreY) * (y - centreY)) + ((x - centreX) * (x - centreX))) / 3f);
        }

        Network network = new Sequential(Side * Side).Dense<Relu>(64).Dense<Relu>(8).Dense<Relu>(64).Dense<Sigmoid>(Side * Side)
            .Compile<MeanSquared>(options);
        FloatDataset data = FloatDataset.Regression(images, Side * Side, images, Side * Side);
        Trainer trainer = new(network, data, new TrainerOptions { Epochs = 20, LearningRate = 0.003f });
        while (!trainer.Finished)
        {
            trainer.TrainEpoch();
        }

        return trainer.Evaluate(data).Loss;
    }
}
