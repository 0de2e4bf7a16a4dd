using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Quantization;

/// <summary>
/// A network whose layers compute z, and nodes of their own the activations, so that a calibration sees both. z has the layer's name, a that and
/// ".activation". The values have the same bits.
/// </summary>
internal static class ActivationSplit
{
    private const string Suffix = ".activation";

    /// <summary>Whether a node is the activation of a layer that was split.</summary>
    public static bool IsPart(Node node) =>
        node.Op is Activate && node.Name.StartsWith(node.Inputs[0].Name + Suffix, StringComparison.Ordinal);

    /// <summary>The network for predictions, with the parameters and the state of the given one, at the same offsets.</summary>
    public static Network Of(Network network)
    {
        GraphCopy copy = new();
        HashSet<string> names = new(StringComparer.Ordinal);
        foreach (Node node in network.Output.Graph.Nodes)
        {
            _ = names.Add(node.Name);
        }

        foreach (Node node in network.Output.Graph.Nodes)
        {
            if (node.Op is IActivated { Activation: { } activation and not Activation<Identity> } activated
                && activated.WithoutActivation() is not null)
            {
                Node z = copy.Copy(node, op => ((IActivated)op).WithoutActivation()!);
                string name = node.Name + Suffix;
                while (!names.Add(name))
                {
                    name += "_";
                }

                _ = copy.Replace(node, copy.Graph.Apply(new Activate(activation), z, name));
            }
            else
            {
                _ = copy.Copy(node);
            }
        }

        return copy.Compile(network, network.Options with { Frozen = [], MemoryBudget = 0 }, trains: false);
    }
}
