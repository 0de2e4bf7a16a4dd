using EmbeddedBackprop.Activations;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Ops;

/// <summary>
/// Convolutions as ops: bits, layouts, micro-batches and gradients; updates in the backward pass; their text, their shapes, their errors.
/// </summary>
internal sealed class ConvolutionTests
{
    private static readonly (string Text, Func<Op> Make, Shape Input, Shape Output)[] Layers =
    [
        ("conv 3 3x3", () => new Conv2D(3, 3, 3, F<Identity>()), new(2, 6, 7), new(3, 4, 5)),
        (
            "conv 4 5x2 s2x1 p2x1 tanh",
            () =>
                new Conv2D(
                    4,
                    5,
                    2,
                    F<Tanh>(),
                    new()
                    {
                        StrideY = 2,
                        PaddingY = 2,
                        PaddingX = 1,
                    }),
            new(2, 7, 5),
            new(4, 4, 6)),
        (
            "conv 4 3x3 s2 same sigmoid",
            () => new Conv2D(4, 3, 3, F<Sigmoid>(), new() { Stride = 2, Padding = ConvPadding.Same }),
            new(2, 7, 6),
            new(4, 4, 3)),
        (
            "conv 4 3x3 p2 d2 g2 mish",
            () =>
                new Conv2D(
                    4,
                    3,
                    3,
                    F<Mish>(),
                    new()
                    {
                        PaddingY = 2,
                        PaddingX = 2,
                        DilationY = 2,
                        DilationX = 2,
                        Groups = 2,
                    }),
            new(4, 5, 5),
            new(4, 5, 5)),
        (
            "conv 6 3x3 same g3 tanh",
            () => new Conv2D(6, 3, 3, F<Tanh>(), new() { Padding = ConvPadding.Same, Groups = 3 }),
            new(3, 5, 5),
            new(6, 5, 5)),
        ("conv 5 1x1 softplus", () => new Conv2D(5, 1, 1, F<Softplus>()), new(3, 4, 4), new(5, 4, 4)),
        ("conv1d 4 5 s2 p2 tanh", () => new Conv1D(4, 5, F<Tanh>(), new() { StrideX = 2, PaddingX = 2 }), new(3, 11), new(4, 6)),
        (
            "conv1d 4 3 causal d4 gelu",
            () => new Conv1D(4, 3, F<Gelu>(), new() { Padding = ConvPadding.Causal, DilationX = 4 }),
            new(3, 13),
            new(4, 13)),
        ("conv1d 3 4 same", () => new Conv1D(3, 4, F<Identity>(), new() { Padding = ConvPadding.Same }), new(3, 9), new(3, 9)),
        (
            "conv-transpose 3 3x3 s2 p1 o1 tanh",
            () =>
                new ConvTranspose2D(
                    3,
                    3,
                    3,
                    F<Tanh>(),
                    new()
                    {
                        Stride = 2,
                        PaddingY = 1,
                        PaddingX = 1,
                        OutputPaddingY = 1,
                        OutputPaddingX = 1,
                    }),
            new(4, 3, 4),
            new(3, 6, 8)),
        (
            "conv-transpose 4 2x3 s2x1 g2 mish",
            () => new ConvTranspose2D(4, 2, 3, F<Mish>(), new() { StrideY = 2, Groups = 2 }),
            new(4, 3, 3),
            new(4, 6, 5)),
        (
            "conv-transpose 2 3x3 d2",
            () => new ConvTranspose2D(2, 3, 3, F<Identity>(), new() { DilationY = 2, DilationX = 2 }),
            new(2, 3, 3),
            new(2, 7, 7)),
    ];

    private static IEnumerable<TestCaseData> Cases =>
        Layers.Select(layer => new TestCaseData(layer.Text, layer.Make, layer.Input, layer.Output).SetArgDisplayNames(layer.Text));

    [TestCaseSource(nameof(Cases))]
    public void Bits_layouts_micro_batches_and_gradients(string text, Func<Op> make, Shape input, Shape output) =>
        new GraphRun(3, input, (graph, x) => graph.Apply(new Dense(2, F<Sigmoid>()), graph.Apply(make(), x))).CheckEverything();

    [TestCaseSource(nameof(Cases))]
    public void Shapes_and_text_there_and_back(string text, Func<Op> make, Shape input, Shape output)
    {
        Graph graph = NetText.Build(text, Registry.Activation, input);
        Assert.That(graph.Nodes[^1].Shape, Is.EqualTo(output));
        Assert.That(NetText.Format(graph.Nodes[^1]), Is.EqualTo($"input {input}; {text}"));
        Graph made = new();
        Assert.That(NetText.Format(made.Apply(make(), made.Input(input))), Is.EqualTo($"input {input}; {text}"));
    }

    [Test]
    public void An_output_used_twice_and_a_layer_below() =>
        new GraphRun(2, new Shape(2, 6, 6), (graph, x) =>
        {
            Node hidden = graph.Apply(new Conv2D(3, 3, 3, F<Tanh>(), new() { Padding = ConvPadding.Same }), x);
            Node left = graph.Apply(new Conv2D(2, 3, 3, F<Sigmoid>()), hidden), right = graph.Apply(new Conv2D(2, 3, 3, F<Mish>()), hidden);
            return graph.Apply(new Sum(), left, right);
        }).CheckEverything();

    [Test]
    public void A_transposed_output_used_twice() =>
        new GraphRun(
            2,
            new Shape(2, 3, 3),
            (graph, x) =>
            {
                Node hidden = graph.Apply(new Conv2D(3, 2, 2, F<Tanh>()), x);
                Node left = graph.Apply(new ConvTranspose2D(2, 3, 3, F<Sigmoid>()), hidden),
                    right = graph.Apply(new ConvTranspose2D(2, 3, 3, F<Mish>()), hidden);
                return graph.Apply(new Sum(), left, right);
            }
        ).CheckEverything();

    [Test]
    public void A_causal_convolution_reads_nothing_of_its_future()
    {
        Graph graph = NetText.Build("conv1d 3 3 causal d2 tanh; conv1d 2 3 causal", Registry.Activation, new Shape(2, 12));
        Network network = new(graph.Nodes[0], graph.Nodes[^1], null, new NetworkOptions { Batch = 1, Seed = 3 });
        float[] x = Samples.Array(24, 1), before = network.Predict(x).ToArray();
        x[7] = x[12 + 7] = 9f;
        float[] after = network.Predict(x).ToArray();
        for (int channel = 0; channel < 2; channel++)
        {
            Bits.AssertEqual(after.AsSpan(channel * 12, 7), before.AsSpan(channel * 12, 7), "the past");
            Assert.That(after[(channel * 12) + 7], Is.Not.EqualTo(before[(channel * 12) + 7]));
        }
    }

    [TestCase("conv 3 3x3 same relu; conv-transpose 2 3x3 s2 tanh; conv 2 3x3 s2 sigmoid; dense 2")]
    [TestCase("conv 8 5x5 relu; conv 3 1x1; dense 2 sigmoid")]
    public void Weights_changed_in_the_backward_pass_have_the_same_bits(string text)
    {
        foreach (int batch in (ReadOnlySpan<int>)[1, 4])
        {
            float[] once = Trained(batch, text, Execution.Vector, true),
                twin = Trained(batch, text, Execution.Scalar, true),
                apart = Trained(batch, text, Execution.Vector, false);
            Bits.AssertEqual(once, twin, $"scalar, batch {batch}");
            Bits.AssertEqual(once, apart, $"with a gradient buffer, batch {batch}");
        }
    }

    [Test]
    public void A_net_of_convolutions_trains_and_predicts_without_allocating([Values] bool fused)
    {
        Network network = Compiled(
            4,
            "conv 6 5x5 relu; conv 3 3x3 same tanh; conv 3 3x3 g3 relu; conv-transpose 2 3x3 s2 sigmoid; dense 3",
            Execution.Vector,
            fused,
            1);
        float[] x = Samples.Array(2 * 12 * 12, 1);
        Samples.Fill(network.TrainingInput(4), 2);
        Assert.That(Allocations.Of(5, () => network.TrainStep(4, 0.01f)), Is.Zero);
        Assert.That(Allocations.Of(5, () => network.Predict(x)), Is.Zero);
    }

    [Test]
    public void Threads_give_the_same_bits([Values] bool fused)
    {
        const string Text = "conv 24 5x5 relu; conv 24 3x3 same tanh; conv 24 3x3 g24 relu; conv-transpose 8 3x3 s2 sigmoid; dense 3";
        Network one = Compiled(6, Text, Execution.Vector, fused, 1), three = Compiled(6, Text, Execution.Vector, fused, 3);
        foreach (Network network in new[] { one, three })
        {
            for (int step = 0; step < 3; step++)
            {
                Samples.Fill(network.TrainingInput(6), step);
                Samples.Fill(network.TrainingTarget(6), 50 + step);
                network.TrainStep(6, 0.1f);
            }
        }

        Bits.AssertEqual(three.Parameters, one.Parameters, "three threads");
        one.Dispose();
        three.Dispose();
    }

    [Test]
    public void Wrong_shapes_and_options_are_named()
    {
        Graph graph = new();
        Node image = graph.Input(new Shape(3, 5, 5), "x"),
            flat = graph.Input(new Shape(75), "flat");
        Assert.That(
            () => graph.Apply(new Conv2D(4, 3, 3, F<Relu>()), flat),
            Throws.ArgumentException.With.Message.Contains("expected an image, channels x height x width, got 75 (from flat)"));
        Assert.That(
            () => graph.Apply(new Conv1D(4, 3, F<Relu>()), image),
            Throws.ArgumentException.With.Message.Contains("expected a signal, channels x length, got 3x5x5 (from x)"));
        Assert.That(
            () => graph.Apply(new Conv2D(4, 7, 3, F<Relu>()), image),
            Throws.ArgumentException.With.Message.Contains("a kernel of 7x3 does not fit"));
        Assert.That(
            () => graph.Apply(new Conv2D(4, 3, 3, F<Relu>(), new() { Groups = 2 }), image),
            Throws.ArgumentException.With.Message.Contains("2 groups must divide 3 channels"));
        Assert.That(() => new Conv2D(4, 3, 3, F<Relu>(), new() { Stride = 0 }), Throws.InstanceOf<ArgumentOutOfRangeException>());
        Assert.That(() => new Conv2D(4, 3, 3, F<Relu>(), new() { PaddingX = -1 }), Throws.InstanceOf<ArgumentOutOfRangeException>());
        Assert.That(() => new Conv2D(4, 3, 3, F<Relu>(), new() { Padding = ConvPadding.Causal }), Throws.ArgumentException);
        Assert.That(() => new ConvTranspose2D(4, 3, 3, F<Relu>(), new() { Padding = ConvPadding.Same }), Throws.ArgumentException);
        Assert.That(
            () => graph.Apply(new ConvTranspose2D(4, 3, 3, F<Relu>(), new() { OutputPaddingX = 1 }), image),
            Throws.ArgumentException.With.Message.Contains("output padding"));
        Conv2D shared = new(3, 3, 3, F<Relu>());
        _ = graph.Apply(shared, image);
        Assert.That(
            () => graph.Apply(shared, graph.Input(new Shape(3, 6, 6), "other")),
            Throws.ArgumentException.With.Message.Contains("expected the shape 3x5x5, as at its first use, got 3x6x6 (from other)"));
    }

    private static float[] Trained(int batch, string text, Execution execution, bool fused)
    {
        Network network = Compiled(batch, text, execution, fused, 1);
        for (int step = 0; step < 4; step++)
        {
            Samples.Fill(network.TrainingInput(batch), step);
            Samples.Fill(network.TrainingTarget(batch), 50 + step);
            network.TrainStep(batch, 0.1f);
        }

        return network.Parameters.ToArray();
    }

    private static Network Compiled(int batch, string text, Execution execution, bool fused, int threads)
    {
        Graph graph = NetText.Build(text, Registry.Activation, new Shape(2, 12, 12));
        Node output = graph.Nodes[^1], target = graph.Input(output.Shape, "target");
        NetworkOptions options = new()
        {
            Batch = batch, Seed = 4, Execution = execution, Regularization = new() { L2 = 0.01f }, FuseUpdate = fused, Threads = threads,
        };
        return new Network(graph.Nodes[0], output, graph.Apply(new Loss<Quadratic>(), output, target, "loss"), options);
    }

    private static Activation<TFunction> F<TFunction>() where TFunction : struct, IActivationFunction => new();
}
