using EmbeddedBackprop.Export.Ops;
using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Graphs;

namespace EmbeddedBackprop.Export.Model;

/// <summary>An input, output or target of the network as an argument of the C functions.</summary>
/// <param name="Node">The node.</param>
/// <param name="Pointer">The name of the C parameter: input, output or target; where there are several, in_NAME, out_NAME or target_NAME.</param>
/// <param name="Suffix">The suffix of this argument's macros and tables: empty, or _NAME where there are several arguments.</param>
internal sealed record CArgument(Node Node, string Pointer, string Suffix)
{
    /// <summary>Elements of one sample.</summary>
    public int Length => Node.Shape.Length;

    /// <summary>The C type of its elements.</summary>
    public CElement Element => CElement.Of(Node);

    /// <summary>Bytes of one sample.</summary>
    public long Bytes => Element.Bytes * (long)Length;

    /// <summary>The macro, after the model's name, that gives an input's address in the arena.</summary>
    public string AddressMacro => Pointer.ToUpperInvariant();

    /// <summary>The suffix of macros.</summary>
    public string MacroSuffix => Suffix.ToUpperInvariant();

    /// <summary>The node's name, fit for a comment.</summary>
    public string Name => CText.Comment(Node.Name);

    /// <summary>Names the arguments of one kind: a single one after its kind, several ones after their nodes.</summary>
    /// <param name="nodes">The nodes in the order of the graph.</param>
    /// <param name="single">"input", "output" or "target".</param>
    /// <param name="several">"in", "out" or "target".</param>
    public static CArgument[] All(IReadOnlyList<Node> nodes, string single, string several)
    {
        if (nodes.Count == 1)
        {
            return [new CArgument(nodes[0], single, "")];
        }

        // Macros are in capitals: names that differ in nothing else get a number.
        HashSet<string> taken = new(StringComparer.OrdinalIgnoreCase);
        List<CArgument> arguments = [];
        foreach (Node node in nodes)
        {
            string identifier = CText.Identifier(node.Name), name = identifier;
            for (int number = 2; !taken.Add(name); number++)
            {
                name = identifier + "_" + CText.Number(number);
            }

            arguments.Add(new CArgument(node, $"{several}_{name}", "_" + name));
        }

        return [.. arguments];
    }
}
