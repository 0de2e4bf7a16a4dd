using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Tests.Ops;

/// <summary>Recurrent layers: the twins' bits at every width and batch, layouts, micro-batches and gradients, with every option.</summary>
[Parallelizable(ParallelScope.Self)]
internal sealed class RecurrentTests
{
    public static readonly string[] Kinds = ["rnn", "rnn-relu", "gru", "lstm"];

    private static readonly RecurrentOptions[] Options =
    [
        new() { AllSteps = true },
        new() { Bidirectional = true },
        new() { AllSteps = true, Bidirectional = true, TruncateEvery = 2 },
        new() { TruncateEvery = 3 },
        new() { AllSteps = true, TruncateEvery = 1 },
        new() { CarryState = true },
    ];

    public static Recurrent Layer(string kind, int hidden, RecurrentOptions? options = null) => kind switch
    {
        "rnn" => new Rnn(hidden, RecurrentFunction.Tanh, options),
        "rnn-relu" => new Rnn(hidden, RecurrentFunction.Relu, options),
        "gru" => new Gru(hidden, options),
        _ => new Lstm(hidden, options),
    };

    [Test]
    public void Sizes(
        [ValueSource(nameof(Kinds))] string kind,
        [Values("1 1 1 1", "1 5 3 1", "3 1 2 4", "2 4 9 5", "5 7 1 17", "4 3 16 16", "3 2 5 43", "33 3 2 6")] string sizes)
    {
        int[] n = [.. sizes.Split(' ').Select(int.Parse)];
        new GraphRun(n[0], new Shape(n[1], n[2]), (graph, x) => graph.Apply(Layer(kind, n[3]), x)).CheckEverything();
    }

    [Test]
    public void Every_option([ValueSource(nameof(Kinds))] string kind, [ValueSource(nameof(Options))] RecurrentOptions options) =>
        new GraphRun(3, new Shape(5, 4), (graph, x) => graph.Apply(Layer(kind, 6, options), x))
        {
            ChecksGradient = options.TruncateEvery == 0,
        }.CheckEverything();

    // The gradient of the lower layer's output is the upper one's input gradient: its bits show in the lower layer's weights.
    [Test]
    public void Two_layers([ValueSource(nameof(Kinds))] string kind, [Values] bool bidirectional) =>
        new GraphRun(3, new Shape(4, 3), (graph, x) =>
        {
            RecurrentOptions lower = new() { AllSteps = true, Bidirectional = bidirectional };
            return graph.Apply(Layer(kind, 5, new() { Bidirectional = bidirectional }), graph.Apply(Layer(kind, 5, lower), x));
        }).CheckEverything();

    [Test]
    public void Sequences_of_different_length(
        [ValueSource(nameof(Kinds))] string kind, [Values] bool allSteps, [Values] bool bidirectional, [Values(0, 3)] int truncateEvery) =>
        new GraphRun(4, new Shape(5, 3), (graph, x) =>
        {
            Node mask = graph.Input(new Shape(5), "mask");
            RecurrentOptions options = new() { AllSteps = allSteps, Bidirectional = bidirectional, TruncateEvery = truncateEvery };
            return graph.Apply(Layer(kind, 6, options), x, mask);
        })
        {
            // Whole, short, with a hole, and nothing at all.
            Further = new Dictionary<string, float[]> { ["mask"] = [1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1, 0, 1, float.NaN, 0, 0, 0, 0, 0] },
            ChecksGradient = truncateEvery == 0,
        }.CheckEverything();

    [Test]
    public void An_output_and_weights_used_twice([ValueSource(nameof(Kinds))] string kind)
    {
        GraphRun run = new(3, new Shape(4, 5), (graph, x) =>
        {
            Recurrent shared = Layer(kind, 5, new() { AllSteps = true });
            Node once = graph.Apply(shared, x);
            return graph.Apply(new Sum(), graph.Apply(shared, once), once);
        });
        run.CheckEverything();
    }

    [Test, Category("Exhaustive")]
    public void Anything([Range(1, 60)] int seed)
    {
        Random random = new(seed);
        string kind = Kinds[random.Next(Kinds.Length)];
        int steps = random.Next(1, 9), batch = random.Next(1, 40);
        RecurrentOptions options = new()
        {
            AllSteps = random.Next(2) == 0, Bidirectional = random.Next(3) == 0, TruncateEvery = random.Next(3) == 0 ? random.Next(1, 5) : 0,
        };
        options = options with { CarryState = !options.Bidirectional && random.Next(3) == 0 };
        bool masked = random.Next(2) == 0;
        int hidden = random.Next(1, 41);
        new GraphRun(
            batch,
            new Shape(steps, random.Next(1, 20)),
            (graph, x) =>
                masked
                    ? graph.Apply(Layer(kind, hidden, options), x, graph.Input(new Shape(steps), "mask"))
                    : graph.Apply(Layer(kind, hidden, options), x))
        {
            Further = new Dictionary<string, float[]> { ["mask"] = [.. Enumerable.Range(0, batch * steps).Select(_ => (float)random.Next(2))] },
            ChecksGradient = false,
        }.CheckEverything();
    }

    [Test]
    public void Wrong_shapes_and_options_are_refused_by_both_numbers()
    {
        Graph graph = new();
        Gru layer = new(4);
        Node x = graph.Input(new Shape(6, 3));
        graph.Apply(layer, x);
        Assert.Multiple(() =>
        {
            Assert.That(() => graph.Apply(new Gru(4), graph.Input(new Shape(6), "row")),
                Throws.ArgumentException.With.Message.Contains("steps x features"));
            Assert.That(
                () => graph.Apply(layer, graph.Input(new Shape(6, 4), "wide")),
                    Throws.ArgumentException.With.Message.Contains("3").And.Message.Contains("4"));
            Assert.That(
                () => graph.Apply(layer, graph.Input(new Shape(7, 3), "long")),
                    Throws.ArgumentException.With.Message.Contains("6").And.Message.Contains("7"));
            Assert.That(
                () => graph.Apply(new Gru(4), x, graph.Input(new Shape(5), "mask")),
                Throws.ArgumentException.With.Message.Contains("6").And.Message.Contains("5"));
            Assert.That(() => new Lstm(0), Throws.InstanceOf<ArgumentOutOfRangeException>());
            Assert.That(() => new Lstm(4, new() { TruncateEvery = -1 }), Throws.InstanceOf<ArgumentOutOfRangeException>());
            Assert.That(() => new Lstm(4, new() { CarryState = true, Bidirectional = true }), Throws.ArgumentException);
        });
    }
}
