using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Ops.Integer;

namespace EmbeddedBackprop.Tests.Ops;

/// <summary>Gradients go straight through roundings: they are the bits of the float layers' at the real values of the integers.</summary>
[TestFixture]
internal sealed class IntegerBackwardTests
{
    private static readonly Activation[] Activations =
    [
        new Activation<Identity>(), new Activation<Relu>(), new Activation<Relu6>(), new Activation<Sigmoid>(), new Activation<Gelu>(),
    ];

    [Test]
    public void Dense_layers([ValueSource(nameof(Activations))] Activation activation, [Values(8, 16)] int from, [Values(8, 16)] int to) =>
        new IntegerBackwardRun(4, new Shape(37), () => new Dense(19, new Activation<Identity>()), activation)
        {
            InputBits = from, OutputBits = to,
        }.CheckEverything();

    [TestCase(1, 1)]
    [TestCase(600, 1)]
    [TestCase(3, 5)]
    public void Dense_layers_of_other_sizes(int inputs, int outputs) =>
        new IntegerBackwardRun(5, new Shape(inputs), () => new Dense(outputs, new Activation<Identity>()), new Activation<Relu>()).CheckEverything();

    [TestCase(1, 4, 3, 3, "", 8)]
    [TestCase(3, 5, 3, 3, "s2 p1", 8)]
    [TestCase(4, 4, 3, 3, "p1 g4", 8)]
    [TestCase(4, 6, 3, 2, "d2 p2 g2", 16)]
    [TestCase(8, 3, 1, 1, "", 16)]
    public void Convolutions(int channels, int filters, int height, int width, string options, int from) =>
        new IntegerBackwardRun(
            3, new Shape(channels, 9, 7),
            () => new Conv2D(filters, height, width, new Activation<Identity>(), IntegerLayerTests.Options(options)), new Activation<Relu>())
        {
            InputBits = from,
        }.CheckEverything();

    [Test]
    public void A_causal_convolution_of_signals_with_a_table() =>
        new IntegerBackwardRun(
            3, new Shape(3, 20),
            () => new Conv1D(4, 3, new Activation<Identity>(), new ConvOptions { Padding = ConvPadding.Causal, DilationX = 2 }),
            new Activation<Tanh>()).CheckEverything();

    [TestCase(3, 4, "")]
    [TestCase(4, 6, "s2 p1 g2")]
    public void Transposed_convolutions(int channels, int filters, string options) =>
        new IntegerBackwardRun(
            3, new Shape(channels, 5, 4),
            () => new ConvTranspose2D(filters, 3, 3, new Activation<Identity>(), IntegerLayerTests.Options(options)),
            new Activation<Relu>()).CheckEverything();

    [Test]
    public void A_forgotten_clamp_is_found([Values] bool table) =>
        Assert.That(
            () => new IntegerBackwardRun(
                4, new Shape(37), () => new Dense(19, new Activation<Identity>()), table ? new Activation<Gelu>() : new Activation<Relu>())
            {
                ForgetsClamps = true,
            }.CheckEverything(),
            Throws.InstanceOf<AssertionException>().With.Message.Contains("scalar: at ["));

    [Test]
    public void Sums_and_differences([Values] bool relu)
    {
        new IntegerOpBackwardRun(4, new Shape(19), 3, () => new Add()).CheckEverything(relu);
        new IntegerOpBackwardRun(4, new Shape(19), 2, () => new Subtract()).CheckEverything(relu);
    }

    [Test]
    public void Products([Values] bool relu) => new IntegerOpBackwardRun(4, new Shape(19), 2, () => new Multiply()).CheckEverything(relu);

    [Test]
    public void Means([Values] bool relu)
    {
        new IntegerOpBackwardRun(4, new Shape(3, 5, 7), 1, () => new GlobalAveragePool()).CheckEverything(relu);
        new IntegerOpBackwardRun(4, new Shape(3, 5, 7), 1, () => new AveragePool2D(3, 2, 1)).CheckEverything(relu);
        new IntegerOpBackwardRun(4, new Shape(6, 5), 1, () => new MeanOverTime()).CheckEverything(relu);
    }

    [Test]
    public void Factors([Values] bool relu, [Values(0.7f, -1.3f)] float factor) =>
        new IntegerOpBackwardRun(4, new Shape(19), 1, () => new Scale(factor)).CheckEverything(relu);

    [Test]
    public void Trained_factors([Values] bool relu) =>
        new IntegerOpBackwardRun(4, new Shape(19), 1, () => new Scale(0.7f, trained: true)).CheckEverything(relu);

    [Test]
    public void Normalisations_by_running_values([Values] bool relu)
    {
        new IntegerOpBackwardRun(4, new Shape(3, 5, 7), 1, () => new BatchNorm()) { WholeBatch = true }.CheckEverything(relu);
        new IntegerOpBackwardRun(4, new Shape(19), 1, () => new BatchNorm()) { WholeBatch = true }.CheckEverything(relu);
    }

    [Test]
    public void A_softmax() =>
        new IntegerOpBackwardRun(4, new Shape(3, 7), 1, () => new SoftmaxOverLastAxis()) { Output = new(8, 1f / 256f, -128), ReadsOutputs = true }
            .CheckEverything(relu: false);

    [Test]
    public void Moments_of_a_batch_and_outputs_that_were_not_rounded_are_found()
    {
        Assert.That(
            () => new IntegerOpBackwardRun(4, new Shape(3, 5, 7), 1, () => new BatchNorm()) { WholeBatch = true, IsWrong = true }
                .CheckEverything(relu: false),
            Throws.InstanceOf<AssertionException>().With.Message.Contains("scalar: at ["));
        Assert.That(
            () => new IntegerOpBackwardRun(4, new Shape(3, 7), 1, () => new SoftmaxOverLastAxis())
            {
                Output = new(8, 1f / 256f, -128), ReadsOutputs = true, IsWrong = true,
            }.CheckEverything(relu: false),
            Throws.InstanceOf<AssertionException>().With.Message.Contains("scalar: at ["));
    }

    [Test]
    public void An_activation_by_itself() =>
        new IntegerOpBackwardRun(4, new Shape(19), 1, () => new Activate(new Activation<Gelu>())).CheckEverything(relu: false);

    [TestCase(1.05f, 0.25f)]
    [TestCase(1.2f, 0.25f)]
    [TestCase(1.28f, 0f)]
    [TestCase(-1.04f, 0.25f)]
    [TestCase(-1.05f, 0f)]
    public void A_clamped_input_has_no_gradient(float value, float expected)
    {
        // q - z of scale 1/110 and zero point -13 reaches from -115 to 140: from -1.045 to 1.273.
        Graph graph = new();
        Node x = graph.Input(new Shape(3)), given = graph.Input(new Shape(3), "given"), target = graph.Input(new Shape(3), "target");
        Node y = graph.Apply(new Dequantize(), graph.Apply(new Quantize(8), x));
        Node loss = graph.Apply(new Loss<Quadratic>(), graph.Apply(new GivenGradient(), y, given), target);
        foreach (Execution execution in new[] { Execution.Vector, Execution.Scalar })
        {
            Plan plan = Plan.ForTraining(graph, new PlanOptions { Batch = 2, InputGradients = true }, loss);
            float[] workspace = new float[plan.WorkspaceLength], state = [1f / 110f, -13f];
            foreach (Node node in new[] { x, given })
            {
                plan.ValueSpan<float>(workspace, node, 2).Fill(node == x ? value : 0.25f);
            }

            PlanMemory<float> memory = new([], [], workspace, state);
            plan.Forward(in memory, RunInfo.Single(2, training: true), execution);
            plan.Backward(in memory, RunInfo.Single(2, training: true), execution);
            Assert.That(plan.GradientSpan<float>(workspace, x, 2)[..3].ToArray(), Is.All.EqualTo(expected));
        }
    }
}
