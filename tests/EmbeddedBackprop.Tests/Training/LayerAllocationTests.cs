using EmbeddedBackprop.IO;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Training;

/// <summary>No training step and no prediction allocates, whatever the op and whatever the optimiser.</summary>
internal sealed class LayerAllocationTests
{
    private const int Batch = 3;

    internal static readonly string[] Texts =
    [
        "input 2x6x6; conv 4 3x3 s2 p1 relu; flatten; dense 3 tanh",
        "input 2x6x6; conv 4 3x2 d2 g2 same; batchnorm; maxpool 2; conv-transpose 2 3x3 s2 o1; avgpool 2; flatten",
        "input 2x6x6; conv 4 1x1 silu; conv 4 3x3 g4 p1; activate gelu; global-avgpool",
        "input 2x12; conv1d 4 3 causal d2 mish; maxpool1d 2; conv1d 3 1; avgpool1d 3 s1 p1 count-include-pad; flatten",
        "input 2x6x6; layernorm all; global-maxpool; dropout 0.3; scale 0.5 trained",
        "input 6x3; rnn 5 relu all; layernorm; max-time",
        "x = input 6x3; m = input 6; a = gru 5 all bidirectional x m; mean-time a m",
        "input 6x3; lstm 5 carry all truncate2; transpose; softmax; flatten",
        "input 4; embedding 5 3; flatten; slice 2 6; reshape 2x3; flatten",
        "x = input 7; a = dense 5 relu x; b = again a x; c = dense 5 x; d = add tanh a c; e = multiply b d; f = subtract e c; concat f a; dense 2",
        "input 64; dense 64; preemphasis 0.9; biquad 0.2 0.4 0.2 -0.5 0.3; decimate 2 taps5; frames 16 hop 4; window hann; rfft; power; "
        + "mel 3 rate8000; log; dct 2; flatten",
        "input 64; dense 64; frames 32 hop 16; rfft; magnitude; bands 0 1000 4000 rate8000; flatten",
        "input 64; dense 64; frames 32 hop 16; scale 0.01; goertzel 440 1000 rate8000; flatten",
        "input 64; dense 64; frames 32 hop 16; statistics mean kurtosis crest; flatten",
    ];

    /// <summary>What a stream adds to a net, which only predicts: no net that trains has it.</summary>
    private static readonly string[] OfStreams = ["keep", "begun"];

    [Test]
    public void Nothing_is_allocated([ValueSource(nameof(Texts))] string text)
    {
        foreach (string optimizer in Registry.OptimizerNames)
        {
            using Network network = Compile(text, optimizer);
            int runs = Effort.Of(20, 50, 1000);
            Assert.That(Allocations.Of(runs, () => Step(network, Batch)), Is.Zero, $"a step by {optimizer}");
            Assert.That(Allocations.Of(runs, () => Step(network, 1)), Is.Zero, $"a short batch by {optimizer}");
            Assert.That(Allocations.Of(runs, () => Predicted(network)), Is.Zero, "a prediction");
            float[] sample = new float[network.Inputs.Sum(node => node.Shape.Length)];
            Assert.That(Allocations.Of(20, () => network.Predict(sample)), Is.Zero, "a prediction of a sample");
        }
    }

    [Test]
    public void Every_layer_of_the_text_is_among_them()
    {
        HashSet<string> kinds = [.. NetKinds.Usages.Select(usage => usage.Split(' ')[0])];
        HashSet<string> used = [.. Texts.SelectMany(text => text.Split(';')).Select(statement => statement.Split('=')[^1].Trim().Split(' ')[0])];
        Assert.That(kinds.Except(used).Except(OfStreams), Is.Empty);
    }

    [Test]
    public void A_sample_of_several_inputs_is_a_row_of_all()
    {
        using Network network = Compile("x = input 6x3; m = input 6; gru 5 x m", "sgd");
        float[] row = Samples.Array(24, 3);
        float[] alone = network.Predict(row).ToArray();
        row.AsSpan(0, 18).CopyTo(network.PredictionInput(network.Inputs[0], 1));
        row.AsSpan(18, 6).CopyTo(network.PredictionInput(network.Inputs[1], 1));
        Bits.AssertEqual(network.Predict(1)[..5], alone, "dealt out");
        Assert.That(() => network.Predict(new float[18]), Throws.ArgumentException.With.Message.Contains("24"));
    }

    // Zeros are right for every input, also where they are indices of a table.
    private static void Step(Network network, int batch)
    {
        network.TrainingInput(batch).Clear();
        network.TrainStep(batch, 0.001f);
    }

    private static void Predicted(Network network)
    {
        network.PredictionInput(Batch).Clear();
        network.Predict(Batch);
    }

    private static Network Compile(string text, string optimizer)
    {
        Graph graph = NetText.Build(text, Registry.Activation);
        Node[] inputs = [.. graph.Nodes.Where(node => node.Op is null)];
        Node output = graph.Nodes[^1],
            target = graph.Input(output.Shape, "target");
        return new Network(
            inputs,
            [output],
            [graph.Apply(new Loss<Quadratic>(), output, target)],
            new NetworkOptions { Batch = Batch, Optimizer = Registry.Optimizer(optimizer) });
    }
}
