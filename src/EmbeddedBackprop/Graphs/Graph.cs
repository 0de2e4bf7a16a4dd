using System.Globalization;

namespace EmbeddedBackprop.Graphs;

/// <summary>
/// A computation: inputs, and ops applied to nodes. A node must exist before it is used, so the order of creation is an order of execution
/// and cycles cannot be written.
/// </summary>
public sealed class Graph
{
    private readonly List<Node> nodes = [];
    private readonly List<Op> ops = [];
    private readonly HashSet<string> names = new(StringComparer.Ordinal);

    /// <summary>All nodes in the order of their creation.</summary>
    public IReadOnlyList<Node> Nodes => nodes;

    /// <summary>All ops in the order of their first use: the order of their parameters in the flat span.</summary>
    public IReadOnlyList<Op> Ops => ops;

    /// <summary>The float net that this graph computes on integers; null for a graph that nobody quantised.</summary>
    internal QuantizedFrom? QuantizedFrom { get; set; }

    /// <summary>
    /// Whether the ranges of integers follow the values that training sees: then each op that owns a range has NAME.extremes as its last state. Set
    /// before the graph is compiled.
    /// </summary>
    internal bool FollowsRanges { get; set; }

    /// <summary>Adds an input of the given shape (the batch is not part of it).</summary>
    /// <exception cref="ArgumentException">The name is taken, or the shape is empty.</exception>
    public Node Input(Shape shape, string name = "input")
    {
        ArgumentNullException.ThrowIfNull(name);
        if (shape.Rank == 0)
        {
            GraphErrors.NoShape(name);
        }

        return Add(name, shape, null, [], null);
    }

    /// <summary>
    /// Applies an op to nodes of this graph. The op object is the identity of its weights: applied twice, it shares them.
    /// </summary>
    /// <param name="op">The op; its kind and a number name the node unless <paramref name="name"/> is given.</param>
    /// <param name="inputs">The nodes it reads.</param>
    /// <param name="name">The node's and the op's name, unique in the graph.</param>
    /// <exception cref="ArgumentException">A shape does not fit, a node or the op belongs to another graph, a node is a loss, or the name is
    /// taken.</exception>
    public Node Apply(Op op, ReadOnlySpan<Node> inputs, string? name = null)
    {
        ArgumentNullException.ThrowIfNull(op);
        foreach (Node input in inputs)
        {
            ArgumentNullException.ThrowIfNull(input);
            if (input.Graph != this)
            {
                GraphErrors.OtherGraph(input.Name);
            }

            if (input.Op is { IsLoss: true })
            {
                GraphErrors.LossRead(input.Name);
            }
        }

        if (op.Graph is not null && op.Graph != this)
        {
            GraphErrors.OpOfOtherGraph(op.Name);
        }

        string nodeName = name ?? NextName(op.Kind);
        if (names.Contains(nodeName))
        {
            GraphErrors.NameTaken(nodeName);
        }

        Shape shape = op.InferShape(nodeName, inputs);
        if (!ops.Contains(op))
        {
            op.Name = nodeName;
            op.Graph = this;
            ops.Add(op);
        }

        return Add(nodeName, shape, op, inputs.ToArray(), op.IntegersOf(nodeName, inputs));
    }

    /// <summary>Applies an op to one node.</summary>
    /// <inheritdoc cref="Apply(Op, ReadOnlySpan{Node}, string)"/>
    public Node Apply(Op op, Node input, string? name = null) => Apply(op, [input], name);

    /// <summary>Applies an op to two nodes, for example a loss to a prediction and its target.</summary>
    /// <inheritdoc cref="Apply(Op, ReadOnlySpan{Node}, string)"/>
    public Node Apply(Op op, Node first, Node second, string? name = null) => Apply(op, [first, second], name);

    private Node Add(string name, Shape shape, Op? op, Node[] inputs, IntegerValue? integers)
    {
        if (!names.Add(name))
        {
            GraphErrors.NameTaken(name);
        }

        Node node = new(this, nodes.Count, name, shape, op, inputs, integers);
        nodes.Add(node);
        return node;
    }

    private string NextName(string kind)
    {
        int number = 1;
        string name;
        do
        {
            name = kind + number++.ToString(CultureInfo.InvariantCulture);
        }
        while (names.Contains(name));
        return name;
    }
}
