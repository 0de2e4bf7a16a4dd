using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Ops.Integer;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Quantization;

/// <summary>A quantised network with the losses of its float network: its forward pass is that of its predictions, in integers.</summary>
internal static class QuantizedTraining
{
    /// <summary>
    /// The network that trains: graph, parameters and state of the quantised one; losses, options, the optimiser's memory and the number of steps of
    /// the float one. Ranges follow the values.
    /// </summary>
    /// <param name="prepared">The float network, norms folded.</param>
    /// <param name="quantized">Its quantised form, which only predicts; its graph gets the losses.</param>
    /// <exception cref="ArgumentException">
    /// The float network has no loss, or a loss reads a value that the quantised one does not have in floats.
    /// </exception>
    public static Network Of(Network prepared, Network quantized)
    {
        Graph graph = quantized.Output.Graph;
        if (prepared.TrainingPlan is not { } plan)
        {
            QuantizationErrors.NoLoss();
            return quantized;
        }

        Dictionary<Node, Node> nodes = [];
        Pair(prepared.Inputs, quantized.Inputs, nodes);
        Pair(prepared.Outputs, quantized.Outputs, nodes);
        List<Node> losses = [];
        foreach (Node loss in plan.Losses)
        {
            losses.Add(graph.Apply(loss.Op!.Unbound(), [.. loss.Sources.Select(node => NodeOf(node, loss, graph, nodes))], loss.Name));
        }

        graph.FollowsRanges = true;
        Network network = new([.. quantized.Inputs], [.. quantized.Outputs], [.. losses], prepared.Options) { StepNumber = prepared.StepNumber };
        NetworkValues.Copy(prepared, network);
        NetworkValues.Copy(quantized, network);
        return network;
    }

    private static Node NodeOf(Node node, Node loss, Graph graph, Dictionary<Node, Node> nodes)
    {
        if (!nodes.TryGetValue(node, out Node? made))
        {
            made = node.Op is null ? graph.Input(node.Shape, node.Name) : FloatsOf(node, graph);
            if (made is null)
            {
                QuantizationErrors.LossReadsNoFloats(loss.Name, node.Name);
            }

            nodes.Add(node, made!);
        }

        return made!;
    }

    /// <summary>The node that holds the float value of a node: logits are integers, and the floats that a softmax reads.</summary>
    private static Node? FloatsOf(Node node, Graph graph)
    {
        foreach (Node candidate in graph.Nodes)
        {
            Node source = candidate.Op is Dequantize ? candidate.Inputs[0] : candidate;
            if (candidate.Integers is null && source.Name == node.Name && source.Op?.ActivationName == node.Op?.ActivationName)
            {
                return candidate;
            }
        }

        return null;
    }

    private static void Pair(IReadOnlyList<Node> from, IReadOnlyList<Node> to, Dictionary<Node, Node> nodes)
    {
        for (int i = 0; i < from.Count; i++)
        {
            _ = nodes.TryAdd(from[i], to[i]);
        }
    }
}
