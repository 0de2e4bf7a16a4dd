using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Ops.Integer;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Quantization;

/// <summary>
/// The graph of a network whose activations are nodes, as integer ops: a quantize where an integer op reads floats, a dequantize where a float op or
/// the caller reads integers, and one op in the place of a layer and the activation that alone reads it.
/// </summary>
internal sealed class IntegerGraph
{
    private readonly Graph graph = new();
    private readonly Dictionary<Node, Node> integers = [];
    private readonly Dictionary<Node, Node> floats = [];
    private readonly Dictionary<Node, IntegerValue> groups = [];
    private readonly Dictionary<Op, Op> ops = [];
    private readonly Dictionary<Op, Node> inputs = [];
    private readonly List<Op> order = [];
    private readonly HashSet<string> names = new(StringComparer.Ordinal);

    private IntegerGraph(Network split, QuantizerOptions options)
    {
        Nodes = PredictionTrace.NodesOf(split);
        Choice = new IntegerChoice(Nodes, split.Outputs, options);
        foreach (Node node in Nodes)
        {
            _ = names.Add(node.Name);
        }

        foreach (Node node in Nodes)
        {
            Build(node);
        }

        foreach (Node input in split.Inputs)
        {
            if (!floats.ContainsKey(input))
            {
                floats.Add(input, graph.Input(input.Shape, input.Name)); // no prediction reads it, but samples have it
            }
        }

        Layers = QuantizedLayer.Of(this);
    }

    /// <summary>The nodes of the source that a prediction needs.</summary>
    public IReadOnlyList<Node> Nodes { get; }

    /// <summary>What became integers.</summary>
    public IntegerChoice Choice { get; }

    /// <summary>The nodes of the source whose values are integers somewhere in the graph, in their order, and the nodes that hold these.</summary>
    public IEnumerable<(Node Node, Node Made)> Integers =>
        Nodes.Where(integers.ContainsKey).Select(node => (node, integers[node]));

    /// <summary>The node that holds the integers of a node of the source.</summary>
    public Node IntegerOf(Node node) => integers[node];

    /// <summary>The layers with weights, in their order.</summary>
    public IReadOnlyList<QuantizedLayer> Layers { get; }

    /// <summary>The first node that an op of the graph reads.</summary>
    public Node InputOf(Op op) => inputs[op];

    /// <summary>The ops that compute on integers, in their order.</summary>
    public IReadOnlyList<Op> Ops => order;

    /// <summary>
    /// Builds the graph of a network whose activations are nodes and compiles it, with the parameters and the state of the source; scales are those
    /// that ops begin with.
    /// </summary>
    public static (IntegerGraph Graph, Network Network) Compile(Network split, QuantizerOptions options)
    {
        IntegerGraph built = new(split, options);
        Node[] outputs = [.. split.Outputs.Select(built.Float)];
        Network network = new([.. split.Inputs.Select(node => built.floats[node])], outputs, [], split.Options);
        NetworkValues.Copy(split, network);
        return (built, network);
    }

    private void Build(Node node)
    {
        if (node.Op is not { } op)
        {
            floats.Add(node, graph.Input(node.Shape, node.Name));
            return;
        }

        Node made = Choice.ActivationOf(node) ?? node;
        if (Choice.WeightedInputOf(node) is not null)
        {
            return; // made with its layer
        }

        if (made == node && !Choice.IsInteger(node))
        {
            floats.Add(node, graph.Apply(OpOf(op, () => op.Unbound()), InputsOf(node, integer: false), node.Name));
            return;
        }

        Node[] inputs = InputsOf(node, integer: true);
        List<IntegerValue> read = [];
        foreach (Node input in inputs)
        {
            if (input.Integers is { } value)
            {
                read.Add(value);
            }
        }

        IntegerValue? tied = groups.GetValueOrDefault(Choice.GroupOf(made));
        QuantizeContext context = new(read, Choice.BitsOf(made), made == node ? null : made.Op!.AsActivation, tied);
        Node result = graph.Apply(OpOf(op, () => Form(op, context)), inputs, node.Name);
        if (this.inputs.TryAdd(result.Op!, inputs[0]))
        {
            order.Add(result.Op!);
        }

        Place(made, result);
    }

    private static Op Form(Op op, QuantizeContext context) =>
        op.Quantized(in context) ?? throw new InvalidOperationException($"{op.Name}: the op has an integer form at some places only");

    private Op OpOf(Op op, Func<Op> make)
    {
        if (!ops.TryGetValue(op, out Op? made))
        {
            made = make();
            ops.Add(op, made);
        }

        return made;
    }

    private Node[] InputsOf(Node node, bool integer)
    {
        Node[] inputs = new Node[node.Inputs.Length];
        for (int i = 0; i < inputs.Length; i++)
        {
            inputs[i] = integer && node.Op!.IsData(i) ? Integer(node.Inputs[i]) : Float(node.Inputs[i]);
        }

        return inputs;
    }

    private Node Integer(Node node)
    {
        if (!integers.TryGetValue(node, out Node? made))
        {
            Quantize quantize = new(Choice.BitsOf(node), groups.GetValueOrDefault(Choice.GroupOf(node)));
            made = graph.Apply(quantize, floats[node], Free(floats[node].Name + ".quantize"));
            Place(node, made);
        }

        return made;
    }

    private Node Float(Node node)
    {
        if (!floats.TryGetValue(node, out Node? made))
        {
            made = graph.Apply(new Dequantize(), integers[node], Free(integers[node].Name + ".dequantize"));
            floats.Add(node, made);
        }

        return made;
    }

    private void Place(Node node, Node made)
    {
        integers.Add(node, made);
        _ = groups.TryAdd(Choice.GroupOf(node), made.Integers!);
    }

    private string Free(string name)
    {
        while (!names.Add(name))
        {
            name += "_";
        }

        return name;
    }
}
