using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Tests.Ops;

/// <summary>A cell written by hand and unrolled, its weights shared by all steps, gives the bits of the sequence op: values and gradients.</summary>
internal sealed class UnrolledCellTests
{
    private const int Batch = 3, Steps = 5, Features = 4, Hidden = 6;

    [Test]
    public void Cell_by_hand(
        [ValueSource(typeof(RecurrentTests), nameof(RecurrentTests.Kinds))] string kind, [Values] bool allSteps, [Values] Arithmetic arithmetic,
        [Values] Execution execution)
    {
        RecurrentNet op = new(
            Batch,
            graph => graph.Apply(RecurrentTests.Layer(kind, Hidden, new() { AllSteps = allSteps }), graph.Input(new Shape(Steps, Features))),
            arithmetic);
        RecurrentNet cell = new(Batch, graph => Unrolled(graph, kind, allSteps), arithmetic);
        string name = op.Plan.Parameters[0].Name.Split('.')[0];
        (string Cell, string Op)[] tensors =
        [
            ("of_x.weight", name + ".weight_ih"),
            ("of_h.weight", name + ".weight_hh"),
            ("of_x.bias", name + ".bias_ih"),
            ("of_h.bias", name + ".bias_hh"),
        ];
        foreach ((string mine, string its) in tensors)
        {
            Copy(op, its, cell, mine);
        }

        float[] x = Samples.Array(Batch * Steps * Features, 3), y = Samples.Array(Batch * Hidden * (allSteps ? Steps : 1), 4);
        float[] zeros = new float[Batch * Hidden];
        float[][] inputs = kind == "lstm" ? [x, zeros, zeros] : [x, zeros];
        Bits.AssertEqual(cell.Forward(execution, inputs), op.Forward(execution, x), $"{kind} output");
        op.Train(execution, y, x);
        cell.Train(execution, y, inputs);
        foreach ((string mine, string its) in tensors)
        {
            Bits.AssertEqual(cell.CompactGradients[mine], op.CompactGradients[its], $"{kind} gradient of {its}");
        }

        Bits.AssertEqual(cell.InputGradient(0), op.InputGradient(0), $"{kind} gradient of the input");
    }

    private static Node Unrolled(Graph graph, string kind, bool allSteps)
    {
        Node x = graph.Input(new Shape(Steps, Features)),
            h = graph.Input(new Shape(Hidden), "h"),
            c = kind == "lstm" ? graph.Input(new Shape(Hidden), "c") : h;
        int gates = kind switch
        {
            "lstm" => 4,
            "gru" => 3,
            _ => 1,
        };
        Dense ofX = new(gates * Hidden, new Activation<Identity>()),
            ofH = new(gates * Hidden, new Activation<Identity>());
        Node[] hidden = new Node[Steps];
        for (int t = 0; t < Steps; t++)
        {
            Node p = graph.Apply(ofX, graph.Apply(new Slice(t, 1), x), t == 0 ? "of_x" : null), q = graph.Apply(ofH, h, t == 0 ? "of_h" : null);
            if (kind == "lstm")
            {
                Node i = Gate<Sigmoid>(graph, p, q, 0),
                    f = Gate<Sigmoid>(graph, p, q, 1),
                    g = Gate<Tanh>(graph, p, q, 2),
                    o = Gate<Sigmoid>(graph, p, q, 3);
                c = graph.Apply(new Add(), graph.Apply(new Multiply(), f, c), graph.Apply(new Multiply(), i, g));
                h = graph.Apply(new Multiply(), o, graph.Apply(new Activate(new Activation<Tanh>()), c));
            }
            else if (kind == "gru")
            {
                Node r = Gate<Sigmoid>(graph, p, q, 0), z = Gate<Sigmoid>(graph, p, q, 1);
                Node n = graph.Apply(new Add(new Activation<Tanh>()), Part(graph, p, 2), graph.Apply(new Multiply(), r, Part(graph, q, 2)));
                h = graph.Apply(new Add(), n, graph.Apply(new Multiply(), z, graph.Apply(new Subtract(), h, n)));
            }
            else
            {
                h = kind == "rnn" ? graph.Apply(new Add(new Activation<Tanh>()), p, q) : graph.Apply(new Add(new Activation<Relu>()), p, q);
            }

            hidden[t] = h;
        }

        return allSteps ? graph.Apply(new Concat(), hidden) : h;
    }

    private static Node Gate<TFunction>(Graph graph, Node p, Node q, int gate) where TFunction : struct, IActivationFunction =>
        graph.Apply(new Add(new Activation<TFunction>()), Part(graph, p, gate), Part(graph, q, gate));

    private static Node Part(Graph graph, Node products, int gate) => graph.Apply(new Slice(gate * Hidden, Hidden), products);

    private static void Copy(RecurrentNet from, string its, RecurrentNet to, string mine)
    {
        ParameterRange source = Find(from, its), target = Find(to, mine);
        float[] tensor = new float[source.Count];
        source.CopyTo<float>(from.Parameters, tensor);
        target.CopyFrom<float>(tensor, to.Parameters);
    }

    private static ParameterRange Find(RecurrentNet net, string name) => Array.Find(net.Plan.Parameters.ToArray(), range => range.Name == name);
}
