using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Quantization;

/// <summary>
/// Batch normalisations as part of the layer before them: gamma (x W + b - mean) / sqrt(variance + epsilon) + beta = x W' + b' with g = gamma /
/// sqrt(variance + epsilon), W' = g W, b' = (b - mean) g + beta, in double, each weight rounded once.
/// </summary>
/// <remarks>
/// A normalisation is folded where it alone reads a layer (dense, convolution, transposed convolution) without an activation of its own, both are
/// applied once, and the results are finite. Elsewhere it stays.
/// </remarks>
internal static class BatchNormFolding
{
    /// <summary>A network of the same function, with its losses, whose text and files have no folded normalisation.</summary>
    public static Network Fold(Network network)
    {
        Graph graph = network.Output.Graph;
        GraphCopy copy = new();
        Dictionary<Op, int> uses = Uses(graph);
        HashSet<Node> layers = Layers(network, uses);
        Dictionary<Node, Node> layerOf = [];
        Dictionary<Op, ChannelFactors> factors = [];
        HashSet<string> folded = new(StringComparer.Ordinal);
        foreach (Node node in graph.Nodes)
        {
            if (node.Op is BatchNorm norm && uses[norm] == 1 && layers.Contains(node.Inputs[0])
                && (node.Inputs[0].Op is not BatchNorm || layerOf.ContainsKey(node.Inputs[0])))
            {
                Node layer = layerOf.GetValueOrDefault(node.Inputs[0], node.Inputs[0]);
                ChannelFactors before = factors.GetValueOrDefault(layer.Op!) ?? ChannelFactors.One(norm.Channels);
                ChannelFactors both = before.Then(network, norm);
                if (both.IsFinite(network, layer.Op!))
                {
                    factors[layer.Op!] = both;
                    layerOf.Add(node, layer);
                    _ = folded.Add(norm.Name);
                    _ = copy.Replace(node, copy[layer]);
                    continue;
                }
            }

            _ = copy.Copy(node);
        }

        NetworkOptions options = network.Options with { Frozen = [.. network.Options.Frozen.Where(name => !folded.Contains(name))] };
        Network result = copy.Compile(network, options, trains: true);
        foreach ((Op layer, ChannelFactors factor) in factors)
        {
            factor.Apply(network, layer, result);
            ForgetMoments(result, layer.Name + ".weight");
            ForgetMoments(result, layer.Name + ".bias");
        }

        return result;
    }

    /// <summary>The optimiser's memory of weights that are multiplied by a factor means nothing for the new ones.</summary>
    private static void ForgetMoments(Network network, string name)
    {
        _ = LayerTensors.Parameter(network, name, out ParameterRange range);
        for (int i = 0; network.Loss is not null && i < network.Options.Optimizer.StateArrays; i++)
        {
            network.OptimizerState.Slice((i * network.InferencePlan.ParameterLength) + range.Offset, range.Length).Clear();
        }
    }

    /// <summary>Layers, and normalisations of their outputs, whose value one node alone reads: what a normalisation may be folded into.</summary>
    private static HashSet<Node> Layers(Network network, Dictionary<Op, int> uses)
    {
        Dictionary<Node, int> readers = Readers(network.Output.Graph);
        HashSet<Node> layers = [];
        foreach (Node node in network.Output.Graph.Nodes)
        {
            bool layer = node.Op is Dense { Activation: Activation<Identity> } or ConvolutionBase { Activation: Activation<Identity> }
                && uses[node.Op] == 1;
            if ((layer || (node.Op is BatchNorm && layers.Contains(node.Inputs[0])))
                && readers.GetValueOrDefault(node) == 1 && !network.Outputs.Contains(node))
            {
                _ = layers.Add(node);
            }
        }

        return layers;
    }

    private static Dictionary<Op, int> Uses(Graph graph)
    {
        Dictionary<Op, int> uses = [];
        foreach (Node node in graph.Nodes)
        {
            if (node.Op is not null)
            {
                uses[node.Op] = uses.GetValueOrDefault(node.Op) + 1;
            }
        }

        return uses;
    }

    private static Dictionary<Node, int> Readers(Graph graph)
    {
        Dictionary<Node, int> readers = [];
        foreach (Node node in graph.Nodes)
        {
            foreach (Node input in node.Inputs)
            {
                readers[input] = readers.GetValueOrDefault(input) + 1;
            }
        }

        return readers;
    }
}
