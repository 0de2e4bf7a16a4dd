using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.IO;

/// <summary>From a net's text to a network that trains, with the names that <see cref="Registry"/> knows.</summary>
public static class NetCompiler
{
    /// <summary>
    /// Builds the text's graph and compiles it with a loss that compares the last statement with a target of its shape. As in
    /// <see cref="Sequential"/>, softmax with
    /// cross-entropy and sigmoid with binary cross-entropy train on the logits.
    /// </summary>
    /// <remarks>A text with several inputs gives a network that deals a row of data out to them in their order: a sequence, then its mask.</remarks>
    /// <param name="text">The text, as <see cref="NetText"/> describes it.</param>
    /// <param name="loss">The loss; null for a network that only predicts.</param>
    /// <param name="options">Batch, arithmetic, layout, optimiser.</param>
    /// <param name="input">The input's shape, if the text leaves it out.</param>
    /// <exception cref="FormatException">The text is not a net; the message names the character and the expected form.</exception>
    public static Network Compile(string text, Loss? loss, NetworkOptions options, Shape? input = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        Loss? onLogits = null;
        Graph graph = NetText.Build(text, Registry.Activation, f => (onLogits = loss?.OnLogits(f)) is not null, input);
        Node output = graph.Nodes[^1];
        Node[] inputs = [.. graph.Nodes.Where(node => node.Op is null)];
        if (loss is null)
        {
            return new Network(inputs, [output], [], options);
        }

        Node judged = onLogits is null ? output : output.Inputs[0];
        Node target = graph.Input(judged.Shape, FreeName(graph, "target"));
        return new Network(inputs, [output], [graph.Apply(onLogits ?? loss, judged, target, FreeName(graph, "loss"))], options);
    }

    /// <summary>The name, or the name with the first number that makes it unique.</summary>
    internal static string FreeName(Graph graph, string name)
    {
        string free = name;
        for (int i = 1; graph.Nodes.Any(node => node.Name == free); i++)
        {
            free = name + i.ToString(System.Globalization.CultureInfo.InvariantCulture);
        }

        return free;
    }
}
