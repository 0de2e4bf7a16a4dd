using EmbeddedBackprop.Export;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Export;

/// <summary>Exported C that computes values again instead of keeping them learns with the bits of the engine, which keeps them.</summary>
[Parallelizable(ParallelScope.Self)]
internal sealed class CRecomputeTests
{
    private const string Text =
        "input 1x10x10; conv 4 3x3 relu; maxpool 2; dropout 0.3; conv 3 2x2 tanh; batchnorm; layernorm; dense 5 tanh; dropout 0.5; dense 3";

    [TestCase("dropout1")]
    [TestCase("conv1,dropout1,layernorm1")]
    [TestCase("conv1,maxpool1,dropout1,conv2,layernorm1,dense1,dropout2")]
    public void It_has_the_bits_of_what_is_kept(string names)
    {
        using CBuild build = new();
        string[] again = names.Split(',');
        CTrainingCase net = new(names, _ => Build()) { Recompute = again, Updates = 10, LearningRate = 0.05f };
        CTrainingParity parity = new(build, [net with { Batch = 2 }, net with { Batch = 3, Optimizer = new EmbeddedBackprop.Optimizers.Adam() }]);
        parity.Export();
        Assert.That(parity.FirstDifference("gcc -O1"), Is.Null);
    }

    [Test]
    public void It_takes_less_memory()
    {
        (Node[] outputs, Node[] losses) = Build(
            "input 1x16x16; conv 8 3x3 same relu; conv 8 3x3 same relu; conv 8 3x3 same relu; conv 8 3x3 same relu; global-avgpool; dense 3");
        using Network network = new([outputs[0].Graph.Nodes[0]], outputs, losses, new NetworkOptions());
        CTrainingOptions training = CTrainingOptions.Of(network, 0.1f) with { Batch = 4, SelfTestSteps = 0 };
        Assert.That(Ram(training with { Recompute = ["conv1", "conv3"] }), Is.LessThan(Ram(training)));
        Assert.That(() => Ram(training with { Recompute = ["conv7"] }), Throws.ArgumentException.With.Message.Contains("conv7"));

        long Ram(CTrainingOptions options) =>
            CCost.Of(network.InferencePlan, network.Parameters, new CExportOptions { Training = options }, network.State).RamBytes;
    }

    private static (Node[] Outputs, Node[] Losses) Build(string text = Text)
    {
        Graph graph = NetText.Build(text, Registry.Activation);
        Node output = graph.Nodes[^1];
        return ([output], [graph.Apply(new SoftmaxCrossEntropy(), output, graph.Input(output.Shape, "onehot"))]);
    }
}
