using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Quantization;

/// <summary>
/// A graph made of another one, node by node in its order. A node may get another op, and a node may be left out: then the copy of another one takes
/// its place. An op that the source applies twice is one op here, too.
/// </summary>
internal sealed class GraphCopy
{
    private readonly Dictionary<Node, Node> nodes = [];
    private readonly Dictionary<Op, Op> ops = [];

    /// <summary>The copy.</summary>
    public Graph Graph { get; } = new();

    /// <summary>The node that has the value of a node of the source.</summary>
    public Node this[Node original] => nodes[original];

    /// <summary>Copies a node with its op, or an input.</summary>
    public Node Copy(Node node) => Copy(node, op => op.Unbound());

    /// <summary>Copies a node with another op in the place of its own; <paramref name="form"/> makes it at the first use of the op.</summary>
    public Node Copy(Node node, Func<Op, Op> form)
    {
        if (node.Op is null)
        {
            return Replace(node, Graph.Input(node.Shape, node.Name));
        }

        if (!ops.TryGetValue(node.Op, out Op? op))
        {
            op = form(node.Op);
            ops.Add(node.Op, op);
        }

        return Replace(node, Graph.Apply(op, Of(node.Inputs), node.Name));
    }

    /// <summary>Lets a node of the copy have the value of a node of the source.</summary>
    public Node Replace(Node original, Node copy)
    {
        nodes[original] = copy;
        return copy;
    }

    /// <summary>The copies of several nodes.</summary>
    public Node[] Of(IReadOnlyList<Node> originals)
    {
        Node[] copies = new Node[originals.Count];
        for (int i = 0; i < copies.Length; i++)
        {
            copies[i] = nodes[originals[i]];
        }

        return copies;
    }

    /// <summary>
    /// Compiles the copy with the inputs, outputs and losses of the source. Parameters, state and the optimiser's memory of ops that kept their names
    /// are those of the source.
    /// </summary>
    /// <param name="source">The network whose graph was copied.</param>
    /// <param name="options">How the copy is compiled; the layout must be the source's.</param>
    /// <param name="trains">Whether the copy has the source's losses.</param>
    public Network Compile(Network source, NetworkOptions options, bool trains)
    {
        IReadOnlyList<Node> losses = trains && source.TrainingPlan is { } plan ? plan.Losses : [];
        Network network = new(Of(source.Inputs), Of(source.Outputs), Of(losses), options) { StepNumber = source.StepNumber };
        NetworkValues.Copy(source, network);
        return network;
    }
}
