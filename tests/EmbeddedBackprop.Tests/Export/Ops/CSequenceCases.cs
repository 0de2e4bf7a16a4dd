using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Export;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Tests.Export;

/// <summary>
/// Sequences, moves, sums and dropout, each with a layer before it that needs a gradient. One network holds many small graphs, each with a
/// loss of its own: the C of one network holds them all.
/// </summary>
internal static class CSequenceCases
{
    private const int Steps = 5, Features = 3;

    /// <summary>Networks with every op and option.</summary>
    public static IEnumerable<CTrainingCase> All(int batch, int accumulate) => [.. Mixed(batch, accumulate), Frozen(batch, accumulate)];

    private static IEnumerable<CTrainingCase> Mixed(int batch, int accumulate) =>
        new[] { Recurrent, Sequences, Moves, Shared }
            .SelectMany(parts => parts.Chunk(8))
            .Select(
                (parts, i) =>
                    new CTrainingCase(
                        string.Join(", ", parts.Select(part => part.Name)),
                        graph =>
                        {
                            Node[] outputs = [.. parts.SelectMany(part => part.Build(graph))];
                            return (
                                outputs,
                                [
                                    .. outputs.Select(
                                        (output, k) =>
                                            graph.Apply(new Loss<Quadratic> { Weight = k % 3 == 0 ? 0.5f : 1f }, output, In(graph, output.Shape))),
                                ]);
                        })
                    {
                        Batch = batch,
                        Accumulate = accumulate,
                        LearningRate = 0.02f,
                        Arithmetic = (i + batch) % 2 == 0 ? Arithmetic.Fused : Arithmetic.Separate,
                    });

    /// <summary>Layers that stay in flash in every storage, with layers that learn before and after them.</summary>
    private static CTrainingCase Frozen(int batch, int accumulate) => new("frozen layers", graph =>
    {
        Node sequence = graph.Apply(new Reshape(new Shape(Steps, Features)),
            graph.Apply(new Dense(Steps * Features, new Activation<Tanh>()), In(graph, new Shape(4))));
        Node read = graph.Apply(new Gru(4, new RecurrentOptions { AllSteps = true }), sequence, "gru in flash");
        Node both = graph.Apply(new Lstm(3, new RecurrentOptions { Bidirectional = true }), [read, In(graph, new Shape(Steps))], "lstm in flash");
        Node last = graph.Apply(new Rnn(3), read, "rnn in flash"),
            dense = graph.Apply(new Dense(4, new Activation<Sigmoid>()), both, "dense in flash");
        Node words = graph.Apply(new Embedding(5, 4), graph.Input(new Shape(Steps), Rows(graph)), "words in flash");
        Node[] outputs = [graph.Apply(new Dense(2, new Activation<Tanh>()), graph.Apply(new Concat(), [last, dense])),
            graph.Apply(new Gru(2), words)];
        return (outputs, [.. outputs.Select(output => graph.Apply(new Loss<Quadratic>(), output, In(graph, output.Shape)))]);
    })
    {
        Batch = batch, Accumulate = accumulate, LearningRate = 0.02f,
        Frozen = ["gru in flash", "lstm in flash", "rnn in flash", "dense in flash", "words in flash"],
        StorageOf = new Dictionary<string, CStorage>
        {
            ["gru in flash"] = CStorage.Float16, ["lstm in flash"] = CStorage.Int8, ["dense in flash"] = CStorage.Int8,
            ["words in flash"] = CStorage.Float16,
        },
    };

    private static IEnumerable<Part> Recurrent
    {
        get
        {
            RecurrentOptions[] options =
            [
                new(),
                new() { AllSteps = true },
                new() { Bidirectional = true },
                new() { AllSteps = true, Bidirectional = true },
                new() { CarryState = true },
                new()
                {
                    AllSteps = true,
                    CarryState = true,
                    TruncateEvery = 2,
                },
                new() { TruncateEvery = 3 },
            ];
            for (int i = 0; i < options.Length; i++)
            {
                RecurrentOptions option = options[i];
                bool odd = i % 2 == 1;
                yield return OfSequence($"rnn tanh {i}", (g, x, mask) => g.Apply(new Rnn(3, RecurrentFunction.Tanh, option), odd ? [x] : [x, mask]));
                yield return OfSequence($"rnn relu {i}", (g, x, mask) => g.Apply(new Rnn(4, RecurrentFunction.Relu, option), odd ? [x, mask] : [x]));
                yield return OfSequence($"gru {i}", (g, x, mask) => g.Apply(new Gru(5, option), odd ? [x, mask] : [x]));
                yield return OfSequence($"lstm {i}", (g, x, mask) => g.Apply(new Lstm(3, option), odd ? [x] : [x, mask]));
            }

            yield return new("a recurrent layer in front", g => [g.Apply(new Gru(4), In(g, new Shape(Steps, Features)))]);
            yield return OfSequence("two readers of a sequence", (g, x, mask) =>
            {
                Node first = g.Apply(new Lstm(4), [x, mask]), second = g.Apply(new Gru(4, new RecurrentOptions { Bidirectional = true }), x);
                return g.Apply(new Concat(), [first, second, g.Apply(new Rnn(2), x)]);
            });
        }
    }

    private static IEnumerable<Part> Sequences =>
        [
            OfSequence("mean over time", (g, x, _) => g.Apply(new MeanOverTime(), x)),
            OfSequence("mean over time with a mask", (g, x, mask) => g.Apply(new MeanOverTime(), [x, mask])),
            OfSequence("largest over time", (g, x, _) => g.Apply(new MaxOverTime(), x)),
            OfSequence("largest over time with a mask", (g, x, mask) => g.Apply(new MaxOverTime(), [x, mask])),
            OfSequence(
                "all of them",
                (g, x, mask) =>
                    g.Apply(
                        new Add(),
                        [
                            g.Apply(new MeanOverTime(), x),
                            g.Apply(new MaxOverTime(), [x, mask]),
                            g.Apply(new MeanOverTime(), [x, mask]),
                            g.Apply(new MaxOverTime(), x),
                        ])),
            OfSequence("softmax of rows", (g, x, _) => g.Apply(new SoftmaxOverLastAxis(), x)),
            OfSequence("softmax of rows, read twice", (g, x, _) => g.Apply(new Multiply(), [g.Apply(new SoftmaxOverLastAxis(), x), x])),
            OfSequence("axes", (g, x, _) => g.Apply(new SwapAxes(), x)),
            OfSequence(
                "axes, read twice",
                (g, x, _) => g.Apply(new Concat(), [g.Apply(new Flatten(), g.Apply(new SwapAxes(), x)), g.Apply(new Flatten(), x)])),
            new(
                "words",
                g =>
                    [
                        g.Apply(
                            new Dense(2, new Activation<Tanh>()),
                            g.Apply(new MeanOverTime(), g.Apply(new Embedding(5, 4), g.Input(new Shape(Steps), Rows(g))))),
                    ]),
            new("words to a gru", g => [g.Apply(new Gru(3), g.Apply(new Embedding(5, 4), g.Input(new Shape(Steps), Rows(g))))]),
            new("words by themselves", g => [g.Apply(new Embedding(5, 2), g.Input(new Shape(Steps), Rows(g)))]),
        ];

    private static IEnumerable<Part> Moves =>
        [
            OfRow("add", 6, (g, x, y) => g.Apply(new Add(), [x, y])),
            OfRow("add and gelu", 6, (g, x, y) => g.Apply(new Add(new Activation<Gelu>()), [x, y, x])),
            OfRow("add and relu of the same", 6, (g, x, _) => g.Apply(new Add(new Activation<Relu>()), [x, x])),
            OfRow("subtract", 6, (g, x, y) => g.Apply(new Subtract(), [x, y])),
            OfRow("subtract, read twice", 6, (g, x, y) => g.Apply(new Add(), [g.Apply(new Subtract(), [x, y]), y, x])),
            OfRow("subtract the same", 6, (g, x, y) => g.Apply(new Multiply(), [g.Apply(new Subtract(), [x, x]), y])),
            OfRow("multiply", 6, (g, x, y) => g.Apply(new Multiply(), [x, y])),
            OfRow("multiply, read twice", 6, (g, x, y) => g.Apply(new Add(), [g.Apply(new Multiply(), [x, y]), y, x])),
            OfRow("squares", 6, (g, x, _) => g.Apply(new Multiply(), [x, x])),
            OfRow("scale", 6, (g, x, _) => g.Apply(new Scale(-0.3f), x)),
            OfRow("scale, read twice", 6, (g, x, _) => g.Apply(new Add(), [g.Apply(new Scale(0.7f), x), x])),
            OfRow("trained scale", 21, (g, x, _) => g.Apply(new Scale(0.9f, trained: true), x)),
            OfRow("trained scale, read twice", 5, (g, x, _) => g.Apply(new Add(), [x, g.Apply(new Scale(1.1f, trained: true), x)])),
            new("trained scale in front", g => [g.Apply(new Scale(2f, trained: true), In(g, new Shape(3)))]),
            OfRow("concat", 4, (g, x, y) => g.Apply(new Concat(), [x, y, x])),
            OfRow("slices", 6, (g, x, _) => g.Apply(new Multiply(), [g.Apply(new Slice(1, 3), x), g.Apply(new Slice(3, 3), x)])),
            OfRow("a slice in the middle", 6, (g, x, _) => g.Apply(new Slice(2, 3), x)),
            OfRow("reshape and flatten", 6, (g, x, _) => g.Apply(new Scale(0.5f), g.Apply(new Flatten(), g.Apply(new Reshape(new Shape(2, 3)), x)))),
            OfRow("flatten, read twice", 6, (g, x, _) => g.Apply(new Add(), [g.Apply(new Reshape(new Shape(6)), x), x])),
            OfRow("dropout", 21, (g, x, _) => g.Apply(new Dropout(0.3f), x)),
            OfRow("dropout, read twice", 6, (g, x, y) => g.Apply(new Add(), [g.Apply(new Dropout(0.5f), x), x, g.Apply(new Dropout(0.9f), y)])),
            OfRow(
                "a skip",
                6,
                (g, x, y) =>
                    g.Apply(
                        new Dense(2, new Activation<Sigmoid>()),
                        g.Apply(new Add(new Activation<Relu>()), [g.Apply(new Dense(6, new Activation<Tanh>()), x), x]))),
        ];

    private static IEnumerable<Part> Shared =>
    [
        OfSequence("a gru twice", (g, x, mask) =>
        {
            Gru gru = new(Features, new RecurrentOptions { AllSteps = true });
            return g.Apply(gru, [g.Apply(gru, x), mask]);
        }),
        OfSequence("an lstm twice, both ways", (g, x, _) =>
        {
            Lstm lstm = new(2, new RecurrentOptions { Bidirectional = true });
            return g.Apply(new Add(), [g.Apply(lstm, x), g.Apply(lstm, g.Apply(new Scale(0.5f), x))]);
        }),
        OfRow("a trained scale twice", 6, (g, x, _) =>
        {
            Scale scale = new(0.8f, trained: true);
            return g.Apply(scale, g.Apply(scale, x));
        }),
        new("a table twice", g =>
        {
            Embedding table = new(5, 3);
            return [g.Apply(new Add(), [g.Apply(table, g.Input(new Shape(4), Rows(g))), g.Apply(table, g.Input(new Shape(4), Rows(g)))])];
        }),
        new("inputs, outputs and losses", g =>
        {
            Node x = In(g, new Shape(Steps, Features)), y = In(g, new Shape(4));
            Node read = g.Apply(new Gru(4), x), side = g.Apply(new Dense(4, new Activation<Tanh>()), y);
            Node both = g.Apply(new Multiply(), [read, side]);
            return [g.Apply(new Dense(2, new Activation<Sigmoid>()), both), g.Apply(new Dropout(0.25f), side), read];
        }),
    ];

    private static Part OfSequence(string name, Func<Graph, Node, Node, Node> build) => new(name, graph =>
    {
        Node x = In(graph, new Shape(4)), mask = In(graph, new Shape(Steps));
        Node sequence = graph.Apply(new Reshape(new Shape(Steps, Features)), graph.Apply(new Dense(Steps * Features, new Activation<Tanh>()), x));
        return [build(graph, sequence, mask)];
    });

    private static Part OfRow(string name, int length, Func<Graph, Node, Node, Node> build) => new(name, graph =>
    {
        Node x = graph.Apply(new Dense(length, new Activation<Tanh>()), In(graph, new Shape(3)));
        Node y = graph.Apply(new Dense(length, new Activation<Sigmoid>()), In(graph, new Shape(2)));
        return [build(graph, x, y)];
    });

    private static Node In(Graph graph, Shape shape) => graph.Input(shape, $"x{graph.Nodes.Count}");

    /// <summary>A name that asks for indices of rows below 5.</summary>
    private static string Rows(Graph graph) => $"rows {graph.Nodes.Count} of 5";

    /// <summary>A small graph: adds its nodes and returns what gets a loss.</summary>
    private sealed record Part(string Name, Func<Graph, Node[]> Build);
}
