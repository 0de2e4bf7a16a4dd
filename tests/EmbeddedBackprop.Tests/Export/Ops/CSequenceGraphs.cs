using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Tests.Export;

/// <summary>Random graphs of rows and sequences, drawn by a seed: nodes with several readers, ops that are used twice, several losses.</summary>
internal sealed class CSequenceGraphs
{
    private readonly Random random;
    private readonly Graph graph;
    private readonly int length;
    private readonly int steps;
    private readonly int features;
    private readonly List<Node> rows = [];
    private readonly List<Node> sequences = [];
    private Node? mask;

    private CSequenceGraphs(int seed, Graph graph)
    {
        random = new Random(seed);
        this.graph = graph;
        (length, steps, features) = (Draw(2, 7), Draw(2, 4), 2 * Draw(1, 3));
        rows.Add(graph.Apply(new Dense(length, new Activation<Tanh>()), In(new Shape(3))));
        sequences.Add(ToSequence(rows[0]));
    }

    /// <summary>The graph of a seed.</summary>
    public static CTrainingCase Random(int seed) =>
        new($"seed {seed}", graph => new CSequenceGraphs(seed, graph).Build())
        {
            Batch = 1 + (seed % 3),
            Accumulate = seed % 4 == 3 ? 2 : 1,
            Updates = 20,
            LearningRate = 0.003f,
            Arithmetic = seed / 2 % 2 == 0 ? Arithmetic.Fused : Arithmetic.Separate,
        };

    private (Node[] Outputs, Node[] Losses) Build()
    {
        int count = Draw(4, 10);
        for (int i = 0; i < count; i++)
        {
            if (random.Next(2) == 0)
            {
                rows.Add(Row());
            }
            else
            {
                sequences.Add(Sequence());
            }
        }

        Node[] outputs = [.. graph.Nodes.Where(node => !graph.Nodes.Any(reader => reader.Inputs.Contains(node)))];
        return (outputs, [.. outputs.Select(output => graph.Apply(new Loss<Quadratic>(), output, In(output.Shape)))]);
    }

    private int Draw(int least, int most) => random.Next(least, most + 1);

    private Node Pick(List<Node> nodes) => nodes[Math.Max(random.Next(nodes.Count), random.Next(nodes.Count))];

    private Node In(Shape shape) => graph.Input(shape, $"x{graph.Nodes.Count}");

    private Node ToSequence(Node row) =>
        graph.Apply(new Reshape(new Shape(steps, features)), graph.Apply(new Dense(steps * features, new Activation<Tanh>()), row));

    private Node[] MayMask(Node sequence) => random.Next(2) == 0 ? [sequence] : [sequence, mask ??= In(new Shape(steps))];

    // Everything stays of order 1: no sum without a bound goes round and round.
    private Node Row()
    {
        Node a = Pick(rows), b = Pick(rows);
        return random.Next(11) switch
        {
            0 => graph.Apply(new Add(new Activation<Tanh>()), [a, b]),
            1 => graph.Apply(new Add(new Activation<LeCunTanh>()), [a, b, a]),
            2 => graph.Apply(new Multiply(), [a, b]),
            3 => graph.Apply(new Subtract(), [graph.Apply(new Scale(0.5f), a), b]),
            4 => graph.Apply(new Scale(0.7f, trained: true), a),
            5 => graph.Apply(new Dropout(0.25f), a),
            6 => graph.Apply(new Slice(Draw(0, length), length), graph.Apply(new Concat(), [a, b])),
            7 => graph.Apply(
                new Dense(length, new Activation<Sigmoid>()),
                graph.Apply(random.Next(2) == 0 ? new MeanOverTime() : new MaxOverTime(), MayMask(Pick(sequences)))),
            8 => Read(length, new RecurrentOptions { TruncateEvery = Draw(0, 2), CarryState = random.Next(2) == 0 }, Pick(sequences)),
            9 => graph.Apply(new Dense(length, new Activation<Tanh>()), graph.Apply(new Flatten(), Pick(sequences))),
            _ => Twice(new Dense(length, new Activation<Tanh>()), a),
        };
    }

    private Node Sequence()
    {
        Node a = Pick(sequences), b = Pick(sequences);
        return random.Next(8) switch
        {
            0 => graph.Apply(new Add(new Activation<Softsign>()), [a, b]),
            1 => graph.Apply(new Multiply(), [a, b]),
            2 => graph.Apply(new SoftmaxOverLastAxis(), a),
            3 => graph.Apply(new SwapAxes(), graph.Apply(new Dropout(0.5f), graph.Apply(new SwapAxes(), a))),
            4 => random.Next(2) == 0
                ? ToSequence(Pick(rows))
                : graph.Apply(new Embedding(5, features), graph.Input(new Shape(steps), $"rows {graph.Nodes.Count} of 5")),
            5 => Read(
                features,
                new RecurrentOptions
                {
                    AllSteps = true,
                    TruncateEvery = Draw(0, 2),
                    CarryState = random.Next(2) == 0,
                },
                a),
            6 => Read(features / 2, new RecurrentOptions { AllSteps = true, Bidirectional = true }, a),
            _ => Twice(Recurrent(features, new RecurrentOptions { AllSteps = true }), a),
        };
    }

    private Node Twice(Op op, Node node) => graph.Apply(op, graph.Apply(op, node));

    private Node Read(int hidden, RecurrentOptions options, Node sequence)
    {
        if (random.Next(4) != 0)
        {
            return graph.Apply(Recurrent(hidden, options), MayMask(sequence));
        }

        Node read = graph.Apply(new Rnn(hidden, RecurrentFunction.Relu, options), MayMask(sequence));
        return graph.Apply(new Activate(new Activation<Tanh>()), read);
    }

    private Recurrent Recurrent(int hidden, RecurrentOptions options) => random.Next(3) switch
    {
        0 => new Rnn(hidden, RecurrentFunction.Tanh, options),
        1 => new Gru(hidden, options),
        _ => new Lstm(hidden, options),
    };
}
