using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Onnx.Writing;

/// <summary>An inference plan as a model of ONNX: a node or a few for every node of the engine's graph, in its order.</summary>
internal sealed class ModelWriter
{
    /// <summary>The version of the standard op set: the first with LayerNormalization.</summary>
    public const int OpSet = 17;

    // The version of the file format that came with it.
    private const int IrVersion = 8;

    private readonly Plan plan;
    private readonly float[] state;
    private readonly Dictionary<Node, string> values = [];
    private readonly Dictionary<Op, Step> owners = [];
    private readonly Dictionary<Node, TypeRange> types = [];

    /// <summary>Writes all nodes.</summary>
    /// <exception cref="NotSupportedException">A node cannot be said in ONNX; the message names it.</exception>
    public ModelWriter(Plan plan, ReadOnlySpan<float> parameters, ReadOnlySpan<float> state)
    {
        this.plan = plan;
        this.state = state.ToArray();
        Parameters = parameters.ToArray();
        Node[] nodes = NodesOf();

        // Inputs, outputs and layers keep their names, whatever else is called.
        foreach (Node node in nodes)
        {
            values.Add(node, Graph.Name(node.Name));
        }

        foreach (Node node in nodes)
        {
            if (node.Op is null)
            {
                Graph.Input(values[node], node.Shape);
                continue;
            }

            string[] inputs = [.. node.Inputs.Select(input => values[input])];
            OnnxOpList.Write(new StepWriter(this, node, owners[node.Op], inputs, values[node]));
        }

        foreach (Node output in plan.Outputs.Distinct())
        {
            string name = values[output];
            if (output.Op is null)
            {
                // A value is an input or an output, not both.
                name = Graph.Name(name + ".output");
                Graph.Node("Identity", [values[output]], [name]);
            }

            Graph.Output(name, output.Shape);
        }
    }

    /// <summary>The graph that is written.</summary>
    public GraphWriter Graph { get; } = new();

    /// <summary>All weights, in the plan's layout.</summary>
    public float[] Parameters { get; }

    /// <summary>All state, in the plan's layout.</summary>
    public ReadOnlySpan<float> State => state;

    /// <summary>The arithmetic of functions in tables.</summary>
    public Arithmetic Arithmetic => plan.Options.Arithmetic;

    /// <summary>What the integers of a node mean.</summary>
    public IntegerType TypeOf(Node node) => types[node].Read<float>(state);

    /// <summary>The whole file.</summary>
    /// <param name="documentation">A line for people.</param>
    /// <param name="metadata">Names and values for programs.</param>
    public byte[] ToArray(string documentation, params (string Key, string Value)[] metadata) =>
        OnnxWriter.ToArray(new OnnxModel
        {
            IrVersion = IrVersion, Producer = "EmbeddedBackprop", ProducerVersion = EngineVersion.Text,
            Opsets = [new("", OpSet)], Graph = Graph.Graph, Documentation = documentation, Metadata = metadata,
        });

    /// <summary>The nodes that the outputs need, in their order. Notes the step of every op, and where the types of integers are.</summary>
    private Node[] NodesOf()
    {
        HashSet<Node> seen = [];
        foreach (Step step in plan.Steps)
        {
            foreach (Node node in (Node[])[.. step.FusedNodes, step.Node])
            {
                seen.UnionWith(node.Inputs);
                _ = seen.Add(node);

                // A fused step has the ranges of its one op with weights, which is its owner.
                _ = owners.TryAdd(node.Op!, step);
            }

            owners[step.Owner] = step;
            types[step.Node] = step.OutputType;
        }

        seen.UnionWith(plan.Outputs);
        return [.. seen.OrderBy(node => node.Index)];
    }
}
