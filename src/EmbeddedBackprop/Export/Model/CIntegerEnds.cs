using EmbeddedBackprop.Export.Ops;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Ops.Integer;

namespace EmbeddedBackprop.Export.Model;

/// <summary>
/// Where the exported C of a network on integers begins and ends: after the quantize of every input, and before the dequantize of every output. What
/// lies outside, with its floats, is a file of its own.
/// </summary>
/// <param name="Given">The integers that the caller hands in, and masks and indices; empty where the C begins with the inputs of the network.</param>
/// <param name="Outputs">The results of the C.</param>
internal sealed record CIntegerEnds(Node[] Given, Node[] Outputs)
{
    /// <summary>The ends of a network: the network's own where it has no integers, or computes with floats next to an end.</summary>
    public static CIntegerEnds Of(Plan source, Node[] outputs)
    {
        CIntegerEnds whole = new([], outputs);
        bool[] needed = Needed(source.Graph, outputs);
        List<Node> given = [];
        foreach (Node input in source.Graph.Nodes.Where(node => node.Op is null && needed[node.Index]))
        {
            if (CSelector.Element(input) is not null)
            {
                given.Add(input);
                continue;
            }

            Node[] readers = [.. Readers(source.Graph, input, needed)];
            if (readers is not [{ Op: Quantize } quantized])
            {
                return whole;
            }

            given.Add(quantized);
        }

        Node?[] results = Array.ConvertAll(outputs, output => Result(output));
        return given.Count == 0 || results.Contains(null) ? whole : new CIntegerEnds([.. given], [.. results.Distinct().OfType<Node>()]);
    }

    /// <summary>The nodes from a result of the C, which is not among them, to an output of the network, in their order.</summary>
    public static Node[] Tail(Node output)
    {
        List<Node> tail = [];
        for (Node node = output; node.Integers is null; node = node.Inputs[0])
        {
            tail.Insert(0, node);
        }

        return [.. tail];
    }

    /// <summary>The integers of which an output is made by a dequantize and activations; null where other ops are between.</summary>
    private static Node? Result(Node output)
    {
        Node node = output;
        while (node.Op is Activate or SoftmaxOverLastAxis)
        {
            node = node.Inputs[0];
        }

        return node.Integers is not null ? node : node.Op is Dequantize ? node.Inputs[0] : null;
    }

    private static bool[] Needed(Graph graph, Node[] outputs)
    {
        bool[] needed = new bool[graph.Nodes.Count];
        foreach (Node output in outputs)
        {
            needed[output.Index] = true;
        }

        for (int i = needed.Length - 1; i >= 0; i--)
        {
            foreach (Node input in needed[i] ? graph.Nodes[i].Inputs : [])
            {
                needed[input.Index] = true;
            }
        }

        return needed;
    }

    private static IEnumerable<Node> Readers(Graph graph, Node node, bool[] needed) =>
        graph.Nodes.Where(reader => needed[reader.Index] && reader.Sources.Contains(node));
}
