using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Ops.Integer;

namespace EmbeddedBackprop.Quantization;

/// <summary>A layer with weights on integers, and the nodes that it was made of.</summary>
/// <param name="Op">The integer op.</param>
/// <param name="WeightedInputs">The nodes of its weighted inputs in the float graph, one for each use.</param>
internal sealed record QuantizedLayer(IntegerLayer Op, List<Node> WeightedInputs)
{
    /// <summary>The layers of a graph, in its order.</summary>
    public static List<QuantizedLayer> Of(IntegerGraph graph)
    {
        List<QuantizedLayer> layers = [];
        foreach (Node node in graph.Nodes)
        {
            Node made = graph.Choice.ActivationOf(node) ?? node;
            if (graph.Choice.WeightedInputOf(node) is null && graph.Choice.IsInteger(made) && graph.IntegerOf(made).Op is IntegerLayer op)
            {
                QuantizedLayer? known = layers.Find(layer => layer.Op == op);
                if (known is null)
                {
                    known = new QuantizedLayer(op, []);
                    layers.Add(known);
                }

                known.WeightedInputs.Add(node);
            }
        }

        return layers;
    }
}
