namespace EmbeddedBackprop.Graphs;

/// <summary>One value of a graph: an input, or an op's result for other nodes.</summary>
public sealed class Node
{
    internal Node(Graph graph, int index, string name, Shape shape, Op? op, Node[] inputs, IntegerValue? integers)
    {
        Graph = graph;
        Index = index;
        Name = name;
        Shape = shape;
        Op = op;
        Inputs = inputs;
        Integers = integers;
    }

    /// <summary>The name given by the user, or kind and number as in dense2.</summary>
    public string Name { get; }

    /// <summary>The shape of one sample.</summary>
    public Shape Shape { get; }

    /// <summary>The op that makes the value; null for an input of the graph.</summary>
    public Op? Op { get; }

    /// <summary>The nodes that the op reads, in its order; none for an input.</summary>
    public IReadOnlyList<Node> Sources => Inputs;

    /// <summary>Bits of an element: 8 or 16 where the value holds integers (on the host they lie in floats), 32 for floats.</summary>
    public int Bits => Integers?.Bits ?? 32;

    internal Graph Graph { get; }

    /// <summary>Index in the order of creation: every node follows the nodes it reads.</summary>
    internal int Index { get; }

    internal Node[] Inputs { get; }

    /// <summary>What the value's integers share with others; null for a value of floats.</summary>
    internal IntegerValue? Integers { get; }
}
