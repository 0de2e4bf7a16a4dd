using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Ops.Integer;

namespace EmbeddedBackprop.Export.Ops;

/// <summary>
/// An input of the network that ops on integers alone read, to choose by it: a mask, or the indices of rows. In C it is integers, too.
/// </summary>
internal static class CSelector
{
    /// <summary>The index of no row: tables whose rows are chosen by 16 bits have fewer.</summary>
    public const int NoRow = ushort.MaxValue;

    /// <summary>The type of its elements: bytes of a mask, 16 bits of an index; null for any other node.</summary>
    public static CElement? Element(Node node)
    {
        CElement? element = null;
        if (node.Op is not null)
        {
            return null;
        }

        foreach (Node reader in node.Graph.Nodes.Where(reader => reader.Inputs.Contains(node)))
        {
            CElement? wanted = ElementFor(reader, node);
            if (wanted is null || (element ?? wanted) != wanted)
            {
                return null;
            }

            element = wanted;
        }

        return element;
    }

    private static CElement? ElementFor(Node reader, Node node)
    {
        bool isValue = reader.Integers is null
            || Enumerable.Range(0, reader.Inputs.Length).Any(i => reader.Inputs[i] == node && reader.Op!.IsData(i));
        return isValue ? null : reader.Op is not IntegerEmbedding rows ? CElement.UInt8 : rows.Count <= NoRow ? CElement.UInt16 : null;
    }

    /// <summary>The C condition that a step counts.</summary>
    public static string Counts(CElement mask, string step) => $"mask[{step}] > {(mask == CElement.Float ? "0.0f" : "0u")}";
}
