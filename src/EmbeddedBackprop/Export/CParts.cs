using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Ops.Integer;
using EmbeddedBackprop.Quantization;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Export;

/// <summary>
/// The two networks of an export that trains the head of a quantised network: the body, in integers, and the layers in floats after it, whose inputs
/// are the body's results.
/// </summary>
internal static class CParts
{
    private const int MostCharacters = 35;

    /// <summary>The networks of an export with their options, in the order in which they compute; one for all other networks.</summary>
    public static IReadOnlyList<(Network Network, CExportOptions Options)> Of(Network network, CExportOptions options)
    {
        Graph graph = network.Output.Graph;
        if (options.Training is not { } training || !graph.Nodes.Any(node => node.Integers is not null))
        {
            return [(network, options)];
        }

        bool[] isHead = HeadOf(graph);
        Node[] outer = [.. graph.Nodes.Where(node => isHead[node.Index])];
        RequireTrainable(network, training, outer);
        Node[] between = [.. graph.Nodes.Where(node => node.Op is Dequantize && outer.Any(reader => reader.Inputs.Contains(node)))];
        NetworkOptions same = new() { Batch = 1, Arithmetic = network.Options.Arithmetic, Layout = network.Options.Layout };
        Network body = new([.. network.Inputs], between, [], same);
        NetworkValues.Copy(network, body);
        string prefix = CText.Prefix(options.Name), bodyName = prefix[..Math.Min(prefix.Length, MostCharacters)] + "_body";
        CExportOptions ofBody = options with
        {
            Name = bodyName, Training = null, OutputNames = [], Labels = [], Storage = CStorage.Float32,
            StorageOf = new Dictionary<string, CStorage>(), BinaryWeights = false,
        };
        (Network head, CTrainingOptions trained) = Head(network, training, outer, between);
        CExportOptions ofHead = options with
        {
            InputMeans = [], InputScales = [], InputNames = [$"the results of {bodyName}, as floats"], ByteScale = null, SampleScale = null,
            Padding = null, InputInArena = false, CmsisTables = false, Training = trained,
        };
        return [(body, ofBody), (head, ofHead)];
    }

    /// <summary>Which nodes compute on what a dequantize has made.</summary>
    private static bool[] HeadOf(Graph graph)
    {
        bool[] isHead = new bool[graph.Nodes.Count];
        foreach (Node node in graph.Nodes)
        {
            isHead[node.Index] = Array.Exists(node.Inputs, input => input.Op is Dequantize || isHead[input.Index]);
        }

        return isHead;
    }

    /// <summary>Refuses layers on integers that are to learn, a head without weights, and ops that a head by itself computes otherwise.</summary>
    private static void RequireTrainable(Network network, CTrainingOptions training, Node[] outer)
    {
        List<string> body = [], head = [];
        foreach (Step step in network.InferencePlan.Steps.ToArray().Where(step => step.Ranges.Length > 0))
        {
            (outer.Contains(step.Node) ? head : body).Add(step.Owner.Name);
        }

        if (head.Count == 0)
        {
            ExportErrors.NoFloatHead(body[^1]);
        }

        if (body.FirstOrDefault(name => !training.Frozen.Contains(name)) is { } learns)
        {
            ExportErrors.IntegersLearn(learns);
        }

        foreach (Node node in outer)
        {
            if (node.Integers is not null)
            {
                ExportErrors.IntegersAfterFloats(node.Name);
            }

        }

        // A body predicts, where a training of the whole network would drop; and the head's masks count the ops of the whole network.
        if (network.Output.Graph.Nodes.FirstOrDefault(node => node.Op is Dropout) is { } dropped)
        {
            ExportErrors.DropoutBesideIntegers(dropped.Name);
        }

        if (network.Outputs.FirstOrDefault(output => !outer.Contains(output)) is { } other)
        {
            ExportErrors.NotOfHead(other.Name);
        }

        if (training.Initializer is not null)
        {
            ExportErrors.NotOfIntegers("drawing the first weights on the device");
        }
    }

    /// <summary>The head as a network of its own, whose inputs are the floats that the body's results mean.</summary>
    private static (Network Head, CTrainingOptions Training) Head(Network network, CTrainingOptions training, Node[] outer, Node[] between)
    {
        GraphCopy copy = new();
        List<Node> inputs = [];
        foreach (Node node in between)
        {
            inputs.Add(copy.Replace(node, copy.Graph.Input(node.Shape, node.Name)));
        }

        HashSet<Node> copied = [.. between];
        foreach (Node node in outer)
        {
            foreach (Node input in node.Inputs.Where(copied.Add))
            {
                // An input of the network, or a target.
                Node own = copy.Copy(input);
                if (network.Inputs.Contains(input))
                {
                    inputs.Add(own);
                }
            }

            _ = copy.Copy(node);
            _ = copied.Add(node);
        }

        HashSet<string> layers = [.. outer.Select(node => node.Op!.Name)], nodes = [.. outer.Select(node => node.Name)];
        CTrainingOptions trained = training with
        {
            Losses = copy.Of(training.Losses),
            Frozen = [.. training.Frozen.Where(layers.Contains)],
            Recompute = [.. training.Recompute.Where(nodes.Contains)],
        };
        NetworkOptions options = new()
        {
            Batch = 1, Arithmetic = network.Options.Arithmetic, Layout = network.Options.Layout, Optimizer = training.Optimizer,
            Frozen = trained.Frozen, Seed = training.Seed,
        };
        Network head = new([.. inputs], copy.Of(network.Outputs), [.. trained.Losses], options) { StepNumber = network.StepNumber };
        NetworkValues.Copy(network, head);
        return (head, trained);
    }
}
