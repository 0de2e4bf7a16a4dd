using System.Globalization;
using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.IO;

/// <summary>Applies the statements of a net's text to a new graph.</summary>
/// <param name="activation">Finds an activation by its name.</param>
/// <param name="split">Whether an output layer with this activation is built as its logits and an <see cref="Activate"/>; null for never.</param>
/// <param name="losses">How losses are written, in a text of a whole graph, whose nodes need not be read by others; null where there are
/// none.</param>
internal sealed class NetGraphBuilder(Func<string, Activation> activation, Func<Activation, bool>? split, NetKind? losses = null)
{
    private readonly Graph graph = new();
    private readonly Dictionary<string, Node> nodes = new(StringComparer.Ordinal);
    private readonly HashSet<string> taken = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> numbers = [];
    private readonly HashSet<Node> read = [];
    private Node? previous;

    /// <summary>Applies the statements.</summary>
    /// <param name="statements">The statements.</param>
    /// <param name="input">The shape of the input that the text may leave out; null if it may not.</param>
    public Graph Build(List<NetStatement> statements, Shape? input)
    {
        List<(Node Node, int Position)> made = [];
        if (input is { } shape && !statements.Exists(statement => statement.Kind.Text == "input"))
        {
            previous = graph.Input(shape);
            _ = taken.Add(previous.Name);
            nodes.Add(previous.Name, previous);
            _ = nodes.TryAdd("x", previous);
        }

        for (int i = 0; i < statements.Count; i++)
        {
            NetStatement statement = statements[i];
            try
            {
                previous = Apply(statement, isOutput: i == statements.Count - 1);
            }
            catch (Exception exception) when (exception is ArgumentException or OverflowException)
            {
                // A size that does not fit, a name that is taken, an unknown activation: the throwing code reports it, and the position is added.
                throw Error(statement.Kind, FirstLine(exception.Message), exception);
            }

            made.Add((previous, statement.Kind.Position));
        }

        foreach ((Node node, int position) in made)
        {
            if (losses is null && node != previous && !read.Contains(node))
            {
                throw NetParser.Error(position - 1, $"nothing reads {node.Name}");
            }
        }

        return graph;
    }

    /// <summary>A last softmax over a vector is the activation of the output: the loss then works on its input.</summary>
    private NetStatement AsOutput(NetStatement statement)
    {
        if (statement.Kind.Text != "softmax" || statement.Words.Count > 1)
        {
            return statement;
        }

        Node? operand = statement.Words.Count == 1 ? nodes.GetValueOrDefault(statement.Words[0].Text) : previous;
        NetWord kind = statement.Kind;
        return operand is { Shape.Rank: 1 }
            ? new NetStatement(statement.Name, kind with { Text = "activate" }, [kind, .. statement.Words])
            : statement;
    }

    private Node Apply(NetStatement statement, bool isOutput)
    {
        if (isOutput)
        {
            statement = AsOutput(statement);
        }

        IReadOnlyList<NetWord> words = statement.Words;
        switch (statement.Kind.Text)
        {
            case "input":
                Limit(statement, 1, 1);
                return Named(statement, name => graph.Input(NetWords.Shape(words[0]), name));
            case "again":
                Limit(statement, 1, 2);
                Op op = Find(words[0]).Op ?? throw Error(words[0], $"{words[0].Text} is an input and cannot be applied again");
                Node operand = words.Count > 1 ? Find(words[1]) : Previous(statement);
                return Named(statement, name => graph.Apply(op, Read(operand), name));
            default:
                NetKind kind = (statement.Kind.Text == losses?.Name ? losses : NetKinds.Find(statement.Kind.Text))
                    ?? throw Error(statement.Kind, $"unknown kind of layer '{statement.Kind.Text}' (known: input, again, {NetKinds.Names})");
                return Apply(statement, kind, isOutput);
        }
    }

    private Node Apply(NetStatement statement, NetKind kind, bool isOutput)
    {
        NetWords words = new(statement, activation);
        Func<Activation, Op> make = kind.Read(words);
        Activation? named = kind.Activates ? words.Activation() : null;
        if (named is null && kind.Activates && words.Left.Count > 0 && words.Left[0] is { Quoted: false } word && !nodes.ContainsKey(word.Text))
        {
            // Neither an activation nor a node: the registry's message lists the names that there are.
            _ = Activation(word);
        }

        if (named is null && kind.NeedsActivation)
        {
            throw Error(statement.Kind, $"expected {kind.Usage}");
        }

        Node[] operands = Operands(statement, kind, words.Left);
        Activation f = named ?? new Activation<Identity>();
        if (isOutput && kind.Activates && split is not null && split(f) && !kind.NeedsActivation)
        {
            Node logits = Named(statement, name => graph.Apply(make(new Activation<Identity>()), operands, name));
            return graph.Apply(new Activate(f), logits);
        }

        return Named(statement, name => graph.Apply(make(f), operands, name));
    }

    /// <summary>The nodes that are named, with the statement before in front where one is missing.</summary>
    private Node[] Operands(NetStatement statement, NetKind kind, IReadOnlyList<NetWord> words)
    {
        if (words.Count > kind.MaximumOperands)
        {
            NetWord word = words[kind.MaximumOperands];
            throw Error(word, $"{kind.Name}: unexpected '{word.Text}'");
        }

        List<Node> operands = [];
        if (words.Count == kind.MinimumOperands - 1)
        {
            operands.Add(Read(Previous(statement)));
        }

        foreach (NetWord word in words)
        {
            operands.Add(Read(Find(word)));
        }

        return operands.Count >= kind.MinimumOperands
            ? [.. operands]
            : throw Error(statement.Kind, string.Create(
                CultureInfo.InvariantCulture, $"{kind.Name}: expected at least {kind.MinimumOperands - 1} nodes, got {words.Count}: {kind.Usage}"));
    }

    private Node Named(NetStatement statement, Func<string, Node> make)
    {
        string name = statement.Name?.Text ?? NetText.DefaultName(statement.Kind.Text, taken, numbers)
            ?? throw Error(statement.Kind, "a second input needs a name, as in 'x = input 3'");
        if (statement.Name is { Text.Length: 0 } empty)
        {
            throw Error(empty, "a name cannot be empty");
        }

        Node node = make(name);
        _ = taken.Add(name);
        nodes[name] = node; // a node called x takes the name from an input that was left out
        return node;
    }

    private Activation Activation(NetWord word)
    {
        try
        {
            return activation(word.Text);
        }
        catch (ArgumentException exception)
        {
            throw Error(word, FirstLine(exception.Message), exception);
        }
    }

    private Node Find(NetWord word) =>
        nodes.TryGetValue(word.Text, out Node? node) ? node : throw Error(word, $"there is no node '{word.Text}' before this");

    private Node Previous(NetStatement statement) =>
        previous ?? throw Error(statement.Kind, "the first statement must be an input, as in 'input 784'");

    private Node Read(Node node)
    {
        _ = read.Add(node);
        return node;
    }

    private static void Limit(NetStatement statement, int minimum, int maximum)
    {
        int count = statement.Words.Count;
        if (count < minimum)
        {
            throw Error(
                statement.Kind,
                string.Create(CultureInfo.InvariantCulture, $"{statement.Kind.Text}: expected {minimum} to {maximum} words, got {count}"));
        }

        if (count > maximum)
        {
            NetWord word = statement.Words[maximum];
            throw Error(word, $"{statement.Kind.Text}: unexpected '{word.Text}'");
        }
    }

    private static string FirstLine(string message)
    {
        int cut = message.AsSpan().IndexOfAny('\r', '\n');
        return cut < 0 ? message : message[..cut];
    }

    private static FormatException Error(NetWord word, string problem, Exception? inner = null) => NetParser.Error(word.Position - 1, problem, inner);
}
