using EmbeddedBackprop.Graphs;

namespace EmbeddedBackprop.Tools.Recipes;

/// <summary>The bytes that the values of a quantised network take on a device: 1 or 2 an integer, 4 a float.</summary>
internal static class ValueBytes
{
    public static long Of(Node node) => ((long)node.Shape.Length * node.Bits) / 8;

    /// <summary>
    /// The most bytes of values that are needed at one time, without the caller's input and without floats that only follow the last integers (a
    /// softmax of the logits); a value that may lie over the one it is made of does.
    /// </summary>
    public static long Busiest(Node output)
    {
        List<Node> nodes = NodesOf(output);
        bool integers = nodes.Exists(node => node.Bits < 32);
        int[] lastReader = new int[nodes.Count];
        bool[] counted = new bool[nodes.Count];
        for (int i = nodes.Count - 1; i >= 0; i--)
        {
            // What an integer is made of, up to the input; in a float network everything.
            counted[i] |= nodes[i].Bits < 32 || (!integers && nodes[i].Op is not null);
            foreach (Node source in nodes[i].Sources)
            {
                int from = nodes.IndexOf(source);
                lastReader[from] = Math.Max(lastReader[from], i);
                counted[from] |= counted[i] && source.Op is not null;
            }

            // A device is given integers.
            counted[i] &= nodes[i] is not { Op.Kind: "quantize", Sources: [{ Op: null }] };
        }

        long most = 0;
        for (int i = 0; i < nodes.Count; i++)
        {
            long bytes = 0;
            for (int j = 0; j <= i; j++)
            {
                bool over = j < i && lastReader[j] == i && IsOver(nodes[i], nodes[j]);
                bytes += counted[j] && (j == i || lastReader[j] >= i) && !over ? Of(nodes[j]) : 0;
            }

            most = Math.Max(most, bytes);
        }

        return most;
    }

    /// <summary>The nodes of a prediction, in an order of execution.</summary>
    public static List<Node> NodesOf(Node output)
    {
        List<Node> nodes = [];
        Add(output);
        return nodes;

        void Add(Node node)
        {
            if (nodes.Contains(node))
            {
                return;
            }

            foreach (Node source in node.Sources)
            {
                Add(source);
            }

            nodes.Add(node);
        }
    }

    private static bool IsOver(Node node, Node source)
    {
        for (int input = 0; input < node.Sources.Count; input++)
        {
            if (node.Sources[input] == source)
            {
                return node.Op!.MayOverlay(input) && Of(node) <= Of(source);
            }
        }

        return false;
    }
}
