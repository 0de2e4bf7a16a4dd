using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Tools.Recipes;

/// <summary>What the text of --net says: read once, to be completed by what the data want.</summary>
/// <param name="Text">The text in one way of writing it.</param>
/// <param name="Input">What a sample is.</param>
/// <param name="Inputs">Numbers of a sample: those of all inputs.</param>
/// <param name="Outputs">Outputs of the last layer.</param>
/// <param name="Activation">The last layer's activation; null where the text names none.</param>
/// <param name="Hidden">The first activation of the layers before; the last layer's if there are none.</param>
/// <param name="Layers">How many layers have weights.</param>
internal sealed record NetRecipe(string Text, Shape Input, int Inputs, int Outputs, string? Activation, string? Hidden, int Layers)
{
    /// <summary>Reads the text.</summary>
    /// <param name="text">The text of --net.</param>
    /// <param name="input">What a sample is, for a text without an input; null if there are no data that say so.</param>
    /// <exception cref="ToolException">The text is no net.</exception>
    public static NetRecipe Read(string text, Shape? input)
    {
        Graph graph = BuildGraph(text, input);
        Node output = graph.Nodes[^1];
        string? activation = output.Op?.Detail is null or "" or "identity" ? null : output.Op.Detail;
        string? hidden = null;
        foreach (Op op in graph.Ops)
        {
            hidden ??= op.Detail is "" or "identity" ? null : op.Detail;
        }

        int inputs = graph.Nodes.Where(node => node.Op is null).Sum(node => node.Shape.Length);
        return new NetRecipe(NetText.Format(output), graph.Nodes[0].Shape, inputs, output.Shape.Length, activation, hidden, graph.Ops.Count);
    }

    /// <summary>The table that an input's values are indices of; null where they are no indices.</summary>
    public static Embedding? TableOf(Plan plan, Node input)
    {
        foreach (Step step in plan.Steps)
        {
            if (step.Op is Embedding table && step.Node.Sources[0] == input)
            {
                return table;
            }
        }

        return null;
    }

    /// <summary>Which numbers of a sample are indices of a table, and therefore to be left as they are.</summary>
    public static bool[] IndicesOf(string text, int inputs)
    {
        List<bool> indices = [];
        Graph graph = BuildGraph(text, new Shape(inputs));
        Plan plan = Plan.ForInference(graph, new PlanOptions { Batch = 1 }, graph.Nodes[^1]);
        foreach (Node node in graph.Nodes)
        {
            if (node.Op is null)
            {
                indices.AddRange(Enumerable.Repeat(TableOf(plan, node) is not null, node.Shape.Length));
            }
        }

        return [.. indices];
    }

    /// <summary>The text with the activation that the loss wants, where it names none.</summary>
    public string WithOutput(string activation) => Activation is null && activation != "identity" ? $"{Text}; activate {activation}" : Text;

    private static Graph BuildGraph(string text, Shape? input)
    {
        try
        {
            return input is { } shape ? NetText.Build(text, Registry.Activation, shape) : NetText.Build(text, Registry.Activation);
        }
        catch (FormatException exception)
        {
            string hint = input is null && exception.Message.Contains("must be an input", StringComparison.Ordinal) ? "; without data the text begins with its input" : "";
            throw ToolException.Usage($"--net: {exception.Message}{hint}");
        }
    }
}
