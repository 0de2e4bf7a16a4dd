using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Ops.Integer;
using EmbeddedBackprop.Training;
using Gates = EmbeddedBackprop.Kernels.Scalar.IntegerGates;

namespace EmbeddedBackprop.Tests.Ops;

/// <summary>Recurrent layers on integers: gates, options and sizes.</summary>
internal sealed class IntegerRecurrentTests
{
    private static readonly string[] Cells = ["rnn", "relu", "gru", "lstm"];

    [Test]
    public void Cells_and_options(
        [ValueSource(nameof(Cells))] string cell, [Values] bool all, [Values] bool bidirectional, [Values] bool masked, [Values(8, 16)] int from)
    {
        RecurrentOptions options = new() { AllSteps = all, Bidirectional = bidirectional };
        IntegerRun run = Run(cell, 5, new Shape(6, 7), options, from, masked);
        run.CheckEverything();

        // Rounded weights and inputs leave a hundredth.
        float error = run.StepsFrom((graph, x) => Apply(graph, x, Layer(cell, 5, options), masked)) * run.LastScale;
        TestContext.Out.WriteLine($"error {error:e2}");
        Assert.That(error, Is.LessThan(0.02f));
        Assert.That(
            run.StepsFrom((graph, x) => graph.Apply(new Scale(0.5f), Apply(graph, x, Layer(cell, 5, options), masked))) * run.LastScale,
            Is.GreaterThan(0.04f), "half of it is far");
    }

    [TestCase("gru", 1, 1, 1)]
    [TestCase("lstm", 17, 3, 9)]
    [TestCase("gru", 19, 33, 2)]
    [TestCase("rnn", 16, 16, 3)]
    public void Sizes(string cell, int hidden, int features, int steps) =>
        Run(cell, hidden, new Shape(steps, features), new RecurrentOptions { AllSteps = true }, 8).CheckEverything();

    // 900 weights, most of them 127: the sum is beyond 2^24 and is taken in digits.
    [Test]
    public void Sums_that_a_float_does_not_hold() =>
        new IntegerRun(2, new Shape(3, 900), (graph, x) => Apply(graph, x, Quantized(Layer("gru", 4, new()), graph, x), false)) { Clipping = 0.95f }
            .CheckEverything();

    [Test]
    public void Layers_on_layers() =>
        new IntegerRun(3, new Shape(5, 4), (graph, x) =>
        {
            Node first = Apply(graph, x, Quantized(Layer("lstm", 6, new() { AllSteps = true, Bidirectional = true }), graph, x), false);
            Assert.That(first.Integers!.Bits, Is.EqualTo(16));
            return Apply(graph, first, Quantized(Layer("gru", 3, new()), graph, first), false);
        }).CheckEverything();

    [Test]
    public void A_carried_state_continues_where_the_run_before_ended([ValueSource(nameof(Cells))] string cell)
    {
        RecurrentOptions whole = new() { AllSteps = true }, carried = new() { AllSteps = true, CarryState = true };
        float[] expected = Run(cell, 5, new Shape(8, 3), whole, 8).Compute(Arithmetic.Fused, Layout.Padded, Execution.Vector);
        IntegerRun parts = Run(cell, 5, new Shape(4, 3), carried, 8, runs: 2);
        parts.CheckEverything();
        float[] forgotten = Run(cell, 5, new Shape(4, 3), whole, 8, runs: 2).Compute(Arithmetic.Fused, Layout.Padded, Execution.Vector);
        if (cell != "lstm")
        {
            // The range of a cell depends on the number of steps.
            Bits.AssertEqual(parts.Compute(Arithmetic.Fused, Layout.Padded, Execution.Vector), expected, cell);
            Assert.That(Bits.FirstDifference(forgotten, expected), Is.InRange(20, 39), "without a carried state the second half differs");
        }
    }

    [Test]
    public void Curves_are_near_the_functions()
    {
        double sigmoid = 0, tanh = 0;
        for (int v = -65536; v <= 65536; v++)
        {
            double z = v / 2048.0;
            sigmoid = Math.Max(sigmoid, Math.Abs((Gates.Sigmoid(v) / 32768.0) - (1 / (1 + Math.Exp(-z)))));
            tanh = Math.Max(tanh, Math.Abs((Gates.Tanh(v) / 32768.0) - Math.Tanh(z)));
            Assert.That(Gates.Sigmoid(v) + Gates.Sigmoid(-v), Is.EqualTo(32768));
        }

        TestContext.Out.WriteLine($"sigmoid {sigmoid:e2}, tanh {tanh:e2}");
        Assert.That(sigmoid, Is.LessThan(7e-5));
        Assert.That(tanh, Is.LessThan(1.4e-4));
    }

    [Test]
    public void Gates_stay_within_32_bits_at_their_ends()
    {
        int[] ends = [-65536, -32768, -1, 0, 1, 32767, 65534];
        foreach (int v in ends)
        {
            foreach (int w in ends)
            {
                foreach (int state in new[] { -32768, 0, 32767 })
                {
                    Assert.That(Gates.Gru(v, w, Math.Clamp(v, -32768, 32767), Math.Clamp(w, -32768, 32767), state), Is.InRange(-32768, 32767));
                    for (int k = 0; k <= 7; k++)
                    {
                        (int h, int c) = Gates.Lstm(v, w, w, v, state, k);
                        Assert.That((h, c), Is.EqualTo((Math.Clamp(h, -32768, 32767), Math.Clamp(c, -32768, 32767))));
                    }
                }
            }
        }
    }

    [Test]
    public void The_range_of_a_cell_is_that_of_its_steps()
    {
        foreach ((int steps, int bits) in new[] { (1, 1), (2, 1), (3, 2), (4, 2), (5, 3), (128, 7), (5000, 7) })
        {
            Graph graph = new();
            Node x = graph.Apply(new Quantize(8), graph.Input(new Shape(steps, 2)));
            Node y = Apply(graph, x, Quantized(Layer("lstm", 3, new()), graph, x), false);
            using Network network = new(graph.Nodes[0], graph.Apply(new Dequantize(), y), null, new NetworkOptions { Batch = 1 });
            StateRange range = network.InferencePlan.State.ToArray().First(range => range.Name == "lstm1.cell_range");
            Assert.That(IntegerRecurrent.CellBits(range.InitialValue), Is.EqualTo(bits), $"{steps} steps");
        }
    }

    [Test]
    public void What_must_share_a_scale_stays_float()
    {
        Gru layer = new(3);
        Graph graph = new();
        _ = graph.Apply(layer, graph.Input(new Shape(4, 2)));
        IntegerValue other = new(16, new Add());
        Assert.That(layer.Quantized(new QuantizeContext([other], 16, null, other)), Is.Null);
        Assert.That(layer.Quantized(new QuantizeContext([other], 8)), Is.Not.Null);
        Assert.That(layer.LeastIntegerBits, Is.EqualTo(16));
    }

    private static IntegerRun Run(string cell, int hidden, Shape shape, RecurrentOptions options, int from, bool masked = false, int runs = 1) =>
        new(3, shape, (graph, x) => Apply(graph, x, Quantized(Layer(cell, hidden, options), graph, x), masked))
        {
            InputBits = from, MaskSteps = masked ? shape[0] : 0, Clipping = 0f, Weights = 0.7f, OutputScale = 1f / 20f, Runs = runs,
        };

    private static Recurrent Layer(string cell, int hidden, RecurrentOptions options) => cell switch
    {
        "rnn" => new Rnn(hidden, RecurrentFunction.Tanh, options),
        "relu" => new Rnn(hidden, RecurrentFunction.Relu, options),
        "gru" => new Gru(hidden, options),
        _ => new Lstm(hidden, options),
    };

    /// <summary>The integer form of a layer, which knows its sizes from a graph of floats.</summary>
    private static Op Quantized(Recurrent layer, Graph graph, Node x)
    {
        Graph floats = new();
        _ = floats.Apply(layer, floats.Input(x.Shape));
        Assert.That(graph, Is.SameAs(x.Graph));
        return IntegerElementTests.Quantized(layer, 16, x);
    }

    private static Node Apply(Graph graph, Node x, Op op, bool masked) => masked ? graph.Apply(op, x, IntegerRun.Mask(graph)) : graph.Apply(op, x);
}
