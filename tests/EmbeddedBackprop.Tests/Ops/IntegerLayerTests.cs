using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Data;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Ops.Integer;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Ops;

/// <summary>
/// Layers on integers: the floats' lanes give the integers of the twin, at odd sizes, at both widths of values, with clamps and tables.
/// </summary>
internal sealed class IntegerLayerTests
{
    private static readonly Activation[] Activations =
    [
        new Activation<Identity>(), new Activation<Relu>(), new Activation<Relu6>(), new Activation<Sigmoid>(), new Activation<Gelu>(),
    ];

    [Test]
    public void Dense_layers([Values(1, 3, 10, 17)] int outputs, [Values(1, 7, 33)] int inputs, [Values(8, 16)] int from, [Values(8, 16)] int to) =>
        new IntegerRun(3, new Shape(inputs), (graph, x) => graph.Apply(Dense(outputs, to), x)) { InputBits = from }.CheckEverything();

    [Test]
    public void Activations_of_a_dense_layer([ValueSource(nameof(Activations))] Activation activation, [Values(8, 16)] int to) =>
        new IntegerRun(4, new Shape(9), (graph, x) => graph.Apply(Dense(11, to, activation), x)).CheckEverything();

    // 600 terms of one sign are beyond 2^24, 9,000 beyond it in four bits, too.
    [TestCase(600, 8)]
    [TestCase(9000, 8)]
    [TestCase(2000, 16)]
    public void Sums_that_a_float_does_not_hold(int inputs, int from) =>
        new IntegerRun(2, new Shape(inputs), (graph, x) => graph.Apply(Dense(5, 16), x)) { InputBits = from, OutputScale = 1f }.CheckEverything();

    [TestCase(1, 4, 3, 3, "", 8)]
    [TestCase(3, 5, 3, 3, "s2 p1", 8)]
    [TestCase(4, 4, 3, 3, "p1 g4", 8)]
    [TestCase(4, 6, 3, 2, "d2 p2 g2", 16)]
    [TestCase(8, 3, 1, 1, "", 16)]
    public void Convolutions(int channels, int filters, int height, int width, string options, int from)
    {
        Activation activation = new Activation<Relu>();
        ConvOptions conv = Options(options);
        new IntegerRun(
            2, new Shape(channels, 9, 7),
            (graph, x) => graph.Apply(
                new IntegerConvolution(new Conv2D(filters, height, width, new Activation<Identity>(), conv), 8, activation, null), x))
        {
            InputBits = from,
        }.CheckEverything();
    }

    [Test]
    public void A_causal_convolution_of_signals() =>
        new IntegerRun(
            2, new Shape(3, 20),
            (graph, x) => graph.Apply(
                new IntegerConvolution(
                    new Conv1D(4, 3, new Activation<Identity>(), new ConvOptions { Padding = ConvPadding.Causal, DilationX = 2 }), 8, null, null),
                x)).CheckEverything();

    [TestCase(3, 4, "")]
    [TestCase(4, 6, "s2 p1 g2")]
    public void Transposed_convolutions(int channels, int filters, string options) =>
        new IntegerRun(
            2, new Shape(channels, 5, 4),
            (graph, x) => graph.Apply(
                new IntegerConvTranspose(new ConvTranspose2D(filters, 3, 3, new Activation<Identity>(), Options(options)), 8, null, null), x))
            .CheckEverything();

    [Test]
    public void Maxima_and_joins_keep_the_integers() =>
        new IntegerRun(2, new Shape(2, 6, 6), (graph, x) =>
        {
            Node a = graph.Apply(new MaxPool2D(2), x);
            Node b = graph.Apply(new Reshape(new Shape(18)), a);
            Node c = graph.Apply(Dense(6, 8), graph.Apply(new Flatten(), graph.Apply(new Concat(), b, b)));
            Assert.That(b.Integers, Is.SameAs(x.Integers));
            return c;
        }).CheckEverything();

    [Test]
    public void A_planted_rounding_is_found()
    {
        // The twin of a net whose scale differs in its last bit gives other integers somewhere: the comparison sees one step.
        IntegerRun run = new(50, new Shape(40), (graph, x) => graph.Apply(Dense(30, 8), x));
        IntegerRun other = new(50, new Shape(40), (graph, x) => graph.Apply(Dense(30, 8), x)) { OutputScale = 1f / 40.01f };
        float[] expected = run.Compute(Arithmetic.Fused, Layout.Padded, Execution.Vector);
        Assert.That(Bits.FirstDifference(other.Compute(Arithmetic.Fused, Layout.Padded, Execution.Vector), expected), Is.GreaterThanOrEqualTo(0));
    }

    [Test]
    public void An_evaluation_makes_the_integers_once_and_anew_after_a_change()
    {
        Graph graph = new();
        Node input = graph.Input(new Shape(6));
        Node hidden = graph.Apply(Dense(9, 8), graph.Apply(new Quantize(8), input));
        Node output = graph.Apply(new Dequantize(), graph.Apply(Dense(4, 16, new Activation<Sigmoid>()), hidden));
        using Network network = new(input, output, null, new NetworkOptions { Batch = 3, Seed = 1 });
        foreach (StateRange range in network.InferencePlan.State)
        {
            // A scale of 1 leaves nothing of weights below 1.
            network.State.Slice(range.Offset, range.Count).Fill(range.Count == 2 ? 0f : 1f / 64f);
            network.State[range.Offset] = range.Count == 2 ? 1f / 50f : 1f / 64f;
        }

        FloatDataset data = FloatDataset.Regression(Samples.Array(8 * 6, 3), 6, new float[8], 1);
        float[] first = Evaluate();
        Bits.AssertEqual(Evaluate(), first, "the same again");
        for (int sample = 0; sample < data.Count; sample++)
        {
            Bits.AssertEqual(network.Predict(Row(sample)), first.AsSpan(4 * sample, 4), $"sample {sample} by itself");
        }

        network.Parameters[1] += 0.7f;
        float[] second = Evaluate();
        Assert.That(Bits.FirstDifference(second, first), Is.GreaterThanOrEqualTo(0), "the changed weight is seen");
        for (int sample = 0; sample < data.Count; sample++)
        {
            Bits.AssertEqual(network.Predict(Row(sample)), second.AsSpan(4 * sample, 4), $"sample {sample} by itself, changed");
        }

        float[] Row(int sample)
        {
            float[] row = new float[6];
            data.Gather([sample], row, 6, default, 0);
            return row;
        }

        float[] Evaluate()
        {
            float[] outputs = new float[4 * data.Count];
            PredictionRun.Over(network, data, (sample, row) => row.CopyTo(outputs.AsSpan(4 * sample)));
            return outputs;
        }
    }

    [Test]
    public void Floats_and_integers_do_not_mix()
    {
        Graph graph = new();
        Node x = graph.Input(new Shape(4));
        Node q = graph.Apply(new Quantize(8), x);
        Assert.That(
            () => graph.Apply(new Dense(3, new Activation<Relu>()), q),
            Throws.ArgumentException.With.Message.EqualTo(
                "dense1: dense computes on floats, and quantize1 holds integers; a dequantize must be between them"));
        Assert.That(
            () => graph.Apply(Dense(3, 8), x),
            Throws.ArgumentException.With.Message.EqualTo(
                "dense1: dense computes on integers, and input holds floats; a quantize must be between them"));
        Assert.That(() => graph.Apply(new Dequantize(), x), Throws.ArgumentException.With.Message.Contains("computes on integers"));
        Assert.That(() => graph.Apply(new Quantize(8), q), Throws.ArgumentException.With.Message.Contains("computes on floats"));
        Assert.That(() => graph.Apply(new Concat(), q, x), Throws.ArgumentException.With.Message.Contains("must both be floats"));
        Node wide = graph.Input(new Shape(IntegerLayer.MostTerms + 1), "wide");
        Assert.That(
            () => graph.Apply(Dense(2, 8), graph.Apply(new Quantize(8), wide)),
            Throws.ArgumentException.With.Message.EqualTo(
                "dense1: a sum of 33001 products of bytes does not fit into 32 bits; at most 33000 do"));
    }

    [TestCase(float.NaN, 0f)]
    [TestCase(float.PositiveInfinity, 140f)]
    [TestCase(float.NegativeInfinity, -115f)]
    [TestCase(1.25f, 2f)]
    [TestCase(-0.25f, 0f)]
    [TestCase(0.75f, 2f)]
    [TestCase(1e30f, 140f)]
    public void Quantised_floats(float x, float expected) =>
        Bits.AssertEqual(Quantize.Centred(x, 2f, new IntegerType(8, 0.5f, -13)), expected, "q - z");

    private static IntegerDense Dense(int outputs, int bits, Activation? activation = null) =>
        new(new Dense(outputs, new Activation<Identity>()), bits, activation, null);

    internal static ConvOptions Options(string text)
    {
        int Read(char key, int otherwise) =>
            text.Split(' ').Where(word => word.StartsWith(key)).Select(word => int.Parse(word[1..])).FirstOrDefault(otherwise);

        return new ConvOptions
        {
            Padding = ConvPadding.Explicit,
            StrideX = Read('s', 1), StrideY = Read('s', 1), PaddingX = Read('p', 0), PaddingY = Read('p', 0),
            DilationX = Read('d', 1), DilationY = Read('d', 1), Groups = Read('g', 1),
        };
    }
}
