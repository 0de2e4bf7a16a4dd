using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Graphs;

namespace EmbeddedBackprop.Export.Model;

/// <summary>An input or output as C sees it.</summary>
/// <param name="Node">The node.</param>
/// <param name="Pointer">The parameter of NAME_predict: input or output; of several ones in_NAME or out_NAME.</param>
/// <param name="Suffix">What is behind the words of macros and tables: nothing, or of several ones _NAME.</param>
internal sealed record CEnd(Node Node, string Pointer, string Suffix)
{
    /// <summary>Numbers of one sample.</summary>
    public int Length => Node.Shape.Length;

    /// <summary>The suffix of macros.</summary>
    public string MacroSuffix => Suffix.ToUpperInvariant();

    /// <summary>The name as text.</summary>
    public string Name => CText.Comment(Node.Name);

    /// <summary>One end by itself is called what it is; several ones are called after their nodes.</summary>
    /// <param name="nodes">The nodes in the order of the graph.</param>
    /// <param name="single">"input" or "output".</param>
    /// <param name="several">"in" or "out".</param>
    public static CEnd[] All(IReadOnlyList<Node> nodes, string single, string several)
    {
        if (nodes.Count == 1)
        {
            return [new CEnd(nodes[0], single, "")];
        }

        // Macros are in capitals: names that differ in nothing else get a number.
        HashSet<string> taken = new(StringComparer.OrdinalIgnoreCase);
        List<CEnd> ends = [];
        foreach (Node node in nodes)
        {
            string identifier = CText.Identifier(node.Name), name = identifier;
            for (int number = 2; !taken.Add(name); number++)
            {
                name = identifier + "_" + CText.Number(number);
            }

            ends.Add(new CEnd(node, $"{several}_{name}", "_" + name));
        }

        return [.. ends];
    }
}
