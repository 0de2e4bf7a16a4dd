using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Initializers;

namespace EmbeddedBackprop.Tools.Recipes;

/// <summary>The text of --net, read once; the data complete it.</summary>
/// <param name="Text">The text in a normal form.</param>
/// <param name="Input">The shape of a sample.</param>
/// <param name="Inputs">Elements of a sample: those of all inputs.</param>
/// <param name="Outputs">Outputs of the last layer.</param>
/// <param name="Activation">The last layer's activation; null where the text names none.</param>
/// <param name="Initializer">The initial weights that suit its activations.</param>
internal sealed record NetRecipe(string Text, Shape Input, int Inputs, int Outputs, string? Activation, string Initializer)
{
    /// <summary>The layers whose result depends on the whole batch where they are trained.</summary>
    public IReadOnlyList<string> WholeBatch { get; private init; } = [];

    /// <summary>Reads the text.</summary>
    /// <param name="text">The text of --net.</param>
    /// <param name="input">The shape of a sample, for a text without an input; null if no data give it.</param>
    /// <exception cref="ToolException">The text is not a net.</exception>
    public static NetRecipe Read(string text, Shape? input)
    {
        Graph graph = BuildGraph(text, input);
        Node output = graph.Nodes[^1];
        string? activation = output.Op?.Detail is null or "" or "identity" ? null : output.Op.Detail;
        int inputs = graph.Nodes.Where(node => node.Op is null).Sum(node => node.Shape.Length);
        return new NetRecipe(NetText.Format(output), graph.Nodes[0].Shape, inputs, output.Shape.Length, activation, ByActivation.For(graph.Ops).Name)
        {
            WholeBatch = [.. graph.Ops.Where(op => op.DependsOnWholeBatch).Select(op => op.Name)],
        };
    }

    /// <summary>The text with the activation that the loss needs, where it names none.</summary>
    public string WithOutput(string activation) => Activation is null && activation != "identity" ? $"{Text}; activate {activation}" : Text;

    /// <summary>The text's graph.</summary>
    /// <param name="text">The text of --net.</param>
    /// <param name="input">The shape of a sample, for a text without an input; null if no data give it.</param>
    /// <exception cref="ToolException">The text is not a net.</exception>
    public static Graph BuildGraph(string text, Shape? input)
    {
        try
        {
            return input is { } shape ? NetText.Build(text, Registry.Activation, shape) : NetText.Build(text, Registry.Activation);
        }
        catch (FormatException exception)
        {
            string hint =
                input is null && exception.Message.Contains("must be an input", StringComparison.Ordinal)
                    ? "; without data the text begins with its input"
                    : "";
            throw ToolException.Usage($"--net: {exception.Message}{hint}");
        }
    }
}
