using System.Globalization;
using System.Text;
using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.IO;

/// <summary>
/// The compact text of a net, for files and command lines: <c>input 784; dense 30 sigmoid; dense 10 softmax</c>.
/// </summary>
/// <remarks>
/// A statement is <c>[name =] kind words</c>. It reads the statement before it, or the nodes whose names are its last words: <c>a = dense 8 relu
/// input</c>.
/// Kinds are <c>input 784</c> (or <c>1x28x28</c>), <c>again NODE</c> (the same op and weights once more) and the kinds of ops: <see cref="NetKinds"/>
/// has them all, docs/nets.md explains them. Without a name a node is called by its kind and a number, dense1, dense2 ..., the first input input.
/// Names with other characters than letters, digits and <c>_ - .</c> are quoted. The last statement is the output; every other must be read.
/// </remarks>
public static class NetText
{
    private const string Again = "again";
    private const string LossKind = "loss";

    /// <summary>
    /// The text of a network as its user wrote it: an output that trains on logits is shown with its activation, a quantised network as the float
    /// network that it was made of.
    /// </summary>
    public static string Format(Network network)
    {
        ArgumentNullException.ThrowIfNull(network);
        (Node output, Node? loss) = Written(network);
        return Format(output, IsSplit(output, loss, out Node? logits) ? logits : null);
    }

    /// <summary>The text of all nodes that a node depends on, the node last.</summary>
    public static string Format(Node output)
    {
        ArgumentNullException.ThrowIfNull(output);
        return Format(output, null);
    }

    /// <summary>Builds the graph; its last node is the output.</summary>
    /// <param name="text">The text.</param>
    /// <param name="activation">Finds an activation by its name; throws an <see cref="ArgumentException"/> for a name it does not know.</param>
    /// <exception cref="FormatException">The text is not a net; the message names the character and the expected form.</exception>
    public static Graph Build(string text, Func<string, Activation> activation) => Build(text, activation, split: null);

    /// <summary>Builds the graph of a text that may leave out its input: then the net has one, of the given shape, called input (or x).</summary>
    /// <inheritdoc cref="Build(string, Func{string, Activation})"/>
    public static Graph Build(string text, Func<string, Activation> activation, Shape input) => Build(text, activation, split: null, input);

    /// <summary>The output and the loss as the user wrote them: of a quantised network those of the float network that it was made of.</summary>
    internal static (Node Output, Node? Loss) Written(Network network)
    {
        if (network.InferencePlan.Graph.QuantizedFrom is not { } from)
        {
            return (network.Output, network.TrainingPlan?.Loss);
        }

        foreach (Node node in from.Float.Graph.Nodes)
        {
            if (node.Op is { IsLoss: true })
            {
                return (from.Float, node);
            }
        }

        return (from.Float, null);
    }

    /// <summary>
    /// Whether the output is a softmax or sigmoid that only predictions run, because the loss reads the logits before it: its user wrote
    /// them as one layer.
    /// </summary>
    internal static bool IsSplit(Node output, Node? loss, out Node? logits)
    {
        logits = loss?.Inputs[0];
        return logits is { Op.ActivationName: "identity" } and not { Op: Activate }
            && output.Op is Activate activate && output.Inputs[0] == logits
            && ((loss!.Op is SoftmaxCrossEntropy && activate.Activation is Softmax)
                || (loss.Op is Loss<BinaryCrossEntropyWithLogits> && activate.Activation is Activation<Sigmoid>));
    }

    /// <param name="text">The text.</param>
    /// <param name="activation">Finds an activation by its name.</param>
    /// <param name="split">Whether an output layer with this activation is built as its logits and an <see cref="Activate"/>; null for never.</param>
    /// <param name="input">The shape of an input that the text may leave out; null if it may not.</param>
    internal static Graph Build(string text, Func<string, Activation> activation, Func<Activation, bool>? split, Shape? input = null)
    {
        ArgumentNullException.ThrowIfNull(text);
        ArgumentNullException.ThrowIfNull(activation);
        List<NetStatement> statements = NetParser.Parse(text);
        return new NetGraphBuilder(activation, split).Build(statements, input);
    }

    /// <summary>The name of a node that was given none; null if there is no such name left (a second input).</summary>
    internal static string? DefaultName(string kind, HashSet<string> taken, Dictionary<string, int> numbers)
    {
        if (kind == "input")
        {
            return taken.Contains(kind) ? null : kind;
        }

        string name;
        do
        {
            int number = numbers.GetValueOrDefault(kind) + 1;
            numbers[kind] = number;
            name = kind + number.ToString(CultureInfo.InvariantCulture);
        }
        while (taken.Contains(name));
        return name;
    }

    /// <summary>
    /// The text of every node of a graph, in their order; losses are named by their index, counted from 1, as in <c>loss 1 dense2 target</c>.
    /// </summary>
    internal static string FormatAll(Graph graph) => Format(graph.Nodes, null, null);

    /// <summary>Builds the output of <see cref="FormatAll"/>.</summary>
    /// <param name="text">The text.</param>
    /// <param name="activation">Finds an activation by its name.</param>
    /// <param name="losses">The losses, in the order of their indices.</param>
    internal static Graph BuildAll(string text, Func<string, Activation> activation, Loss[] losses)
    {
        NetKind kind = new($"{LossKind} NUMBER NODE NODE", words =>
        {
            int number = words.Count("the number of a loss");
            return number <= losses.Length ? _ => losses[number - 1] : throw new ArgumentException($"there is no loss {number}");
        })
        { MinimumOperands = 2, MaximumOperands = 2 };
        return new NetGraphBuilder(activation, split: null, kind).Build(NetParser.Parse(text), null);
    }

    /// <summary>The text of some nodes, in their order: a statement for each.</summary>
    internal static string Format(IReadOnlyList<Node> nodes) => Format(nodes, null, null);

    /// <summary>Builds statements, of which any may be outputs.</summary>
    internal static Graph Build(List<NetStatement> statements, Func<string, Activation> activation) =>
        new NetGraphBuilder(activation, split: null, new NetKind(LossKind, _ => throw new ArgumentException("there are no losses")))
            .Build(statements, null);

    private static string Format(Node output, Node? logits) => Format(Ancestors(output), output, logits);

    private static string Format(IReadOnlyList<Node> nodes, Node? output, Node? logits)
    {
        StringBuilder text = new();
        HashSet<string> taken = new(StringComparer.Ordinal);
        Dictionary<string, int> numbers = [];
        Dictionary<Op, Node> applied = [];
        Node? previous = null;
        int losses = 0;
        foreach (Node node in nodes)
        {
            if (logits is not null && node == output)
            {
                break;
            }

            Node? first = node.Op is null || applied.TryAdd(node.Op, node) ? null : applied[node.Op];
            bool loss = node.Op is { IsLoss: true };
            string kind = first is not null ? Again : loss ? LossKind : node.Op?.Kind ?? "input";
            NameTable.RequireWord("op", kind);
            _ = text.Append(previous is null ? "" : "; ");
            int number = numbers.GetValueOrDefault(kind);
            string? name = DefaultName(kind, taken, numbers);
            if (node.Name != name)
            {
                numbers[kind] = number;
                _ = text.Append(NetParser.Quote(node.Name)).Append(" = ");
            }

            _ = taken.Add(node.Name);
            _ = text.Append(kind);
            bool operand = node.Inputs.Length > 0 && (node.Inputs.Length > 1 || node.Inputs[0] != previous);
            if (loss)
            {
                losses++;
                _ = text.Append(CultureInfo.InvariantCulture, $" {losses}");
            }
            else
            {
                AppendWords(text, node, first, node == logits ? ((Activate)output!.Op!).Activation : null, operand);
            }

            if (operand)
            {
                foreach (Node input in node.Inputs)
                {
                    string quoted = NetParser.Quote(input.Name);
                    _ = text.Append(' ').Append(NetWords.LooksLikeOption(quoted) ? $"\"{quoted}\"" : quoted);
                }
            }

            previous = node;
        }

        return text.ToString();
    }

    private static void AppendWords(StringBuilder text, Node node, Node? first, Activation? shown, bool operand)
    {
        if (first is not null)
        {
            _ = text.Append(' ').Append(NetParser.Quote(first.Name));
            return;
        }

        if (node.Op is null)
        {
            _ = text.Append(' ').Append(node.Shape.ToString());
            return;
        }

        _ = node.Op.Settings.Length > 0 ? text.Append(' ').Append(node.Op.Settings) : text;
        string name = shown?.Name ?? node.Op.ActivationName ?? "";
        // With an operand after it the activation is never left out: a node may be called relu.
        _ = name.Length > 0 && (operand || name != "identity") ? text.Append(' ').Append(NetParser.Quote(name)) : text;
    }

    /// <summary>The nodes of a graph that some of them are computed from, and these, in the order of creation.</summary>
    internal static List<Node> Ancestors(params ReadOnlySpan<Node> outputs)
    {
        IReadOnlyList<Node> all = outputs[0].Graph.Nodes;
        bool[] wanted = new bool[all.Count];
        foreach (Node output in outputs)
        {
            wanted[output.Index] = true;
        }

        List<Node> nodes = [];
        for (int i = all.Count - 1; i >= 0; i--)
        {
            if (!wanted[i])
            {
                continue;
            }

            nodes.Add(all[i]);
            foreach (Node input in all[i].Inputs)
            {
                wanted[input.Index] = true;
            }
        }

        nodes.Reverse();
        return nodes;
    }

    /// <summary>
    /// The activation of this name that one of the nodes has, perhaps a user's own, or that of the registry: for the text of nodes that there are
    /// already.
    /// </summary>
    internal static Activation ActivationOf(List<Node> nodes, string name)
    {
        foreach (Node node in nodes)
        {
            if (node.Op is IActivated { Activation: { } activation } && activation.Name == name)
            {
                return activation;
            }
        }

        return Registry.Activation(name);
    }
}
