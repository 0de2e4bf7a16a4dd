using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Ops.Integer;

namespace EmbeddedBackprop.Quantization;

/// <summary>
/// Which nodes of a graph whose activations are nodes are computed on integers, which of them share a scale, and how many bits they have: from the
/// graph and the options alone.
/// </summary>
/// <remarks>
/// An op with an integer form is an integer op unless it is named to stay float, or lies before an op on signals. An op that only moves elements is
/// one where an input is, or where it moves an input of the graph to one. A softmax or sigmoid that makes an output stays float: its input, the
/// logits, is what a device compares.
/// </remarks>
internal sealed class IntegerChoice
{
    private readonly IReadOnlyList<Node> nodes;
    private readonly QuantizerOptions options;
    private readonly HashSet<Node> outputs;
    private readonly Dictionary<Node, List<Node>> readers = [];
    private readonly Dictionary<Op, List<Node>> uses = [];
    private readonly HashSet<Node> staysFloat = [];
    private readonly HashSet<Node> wide = [];
    private readonly HashSet<Node> probabilities = [];
    private readonly HashSet<Node> integer = [];
    private readonly Dictionary<Node, Node> activations = [];
    private readonly Dictionary<Node, Node> weightedInputs = [];
    private readonly Dictionary<Node, Node> parents = [];
    private readonly HashSet<Node> rigid = [];

    /// <summary>Decides for the nodes of a prediction, in their order.</summary>
    /// <exception cref="ArgumentException">A name in the options is that of no node.</exception>
    public IntegerChoice(IReadOnlyList<Node> nodes, IReadOnlyList<Node> outputs, QuantizerOptions options)
    {
        options.Require();
        this.nodes = nodes;
        this.options = options;
        this.outputs = [.. outputs];
        RequireNames(options.Int16);
        RequireNames(options.Float);
        RequireNames(options.Integer);
        foreach (Node node in nodes)
        {
            foreach (Node input in node.Inputs)
            {
                Entry(readers, input).Add(node);
            }

            if (node.Op is not null)
            {
                Entry(uses, node.Op).Add(node);
            }

            if (IsNamed(options.Float, node) || (node.Op is Activate && IsNamed(options.Float, node.Inputs[0])))
            {
                _ = staysFloat.Add(node);
            }
        }

        KeepFrontFloat();
        foreach (Node output in outputs)
        {
            bool probability = output.Op is Activate { Activation: Softmax or Activation<Sigmoid> } or SoftmaxOverLastAxis;
            _ = probability && staysFloat.Add(output) && probabilities.Add(output);
            _ = wide.Add(probability ? output.Inputs[0] : output);
        }

        do
        {
            Choose();
        }
        while (Separate() || Correct());
    }

    /// <summary>The ops that compute in floats, by the nodes they make: those without an integer form, and those that are named.</summary>
    public IEnumerable<Node> Left =>
        nodes.Where(node => node.Op is { KeepsIntegers: false } && !IsComputed(node) && !probabilities.Contains(node));

    /// <summary>Whether an integer op makes the node's value.</summary>
    public bool IsInteger(Node node) => integer.Contains(node);

    /// <summary>The activation node whose work the layer that makes this node does along; null for none.</summary>
    public Node? ActivationOf(Node weightedInput) => activations.GetValueOrDefault(weightedInput);

    /// <summary>The node of the weighted input of an activation that a layer does along; null for none.</summary>
    public Node? WeightedInputOf(Node activation) => weightedInputs.GetValueOrDefault(activation);

    /// <summary>A node that stands for all that share their scale with this one.</summary>
    public Node GroupOf(Node node)
    {
        while (parents.TryGetValue(node, out Node? parent))
        {
            node = parent;
        }

        return node;
    }

    /// <summary>Bits of the integers of a node: the most that a node of its group asks for.</summary>
    public int BitsOf(Node node)
    {
        Node group = GroupOf(node);
        int bits = 0;
        foreach (Node member in nodes)
        {
            if (GroupOf(member) == group)
            {
                Node? weighted = WeightedInputOf(member);
                bool named = IsNamed(options.Int16, member) || (weighted is not null && IsNamed(options.Int16, weighted));
                bits = Math.Max(bits, named ? 16 : wide.Contains(member) ? options.OutputBits : options.ActivationBits);
                bits = Math.Max(bits, integer.Contains(member) ? (weighted ?? member).Op!.LeastIntegerBits : 0);
            }
        }

        return bits;
    }

    /// <summary>Whether the node is the only one of its group that an op computes or that is quantised: others only move it.</summary>
    public bool IsAlone(Node node)
    {
        Node group = GroupOf(node);
        return !nodes.Any(other => other != node && GroupOf(other) == group && !OnlyMoves(other));
    }

    /// <summary>
    /// What an op on signals reads, at once or through others, stays float, and so do other uses of its layers: its values range as widely as powers
    /// and products of a signal do.
    /// </summary>
    private void KeepFrontFloat()
    {
        HashSet<Node> front = [];
        for (int i = nodes.Count - 1; i >= 0; i--)
        {
            if (nodes[i].Op is SignalOp || front.Contains(nodes[i]))
            {
                front.UnionWith(nodes[i].Inputs);
            }
        }

        foreach (Node node in nodes)
        {
            Node layer = ActivationSplit.IsPart(node) ? node.Inputs[0] : node;
            if (node.Op is not null && uses[node.Op].Exists(front.Contains)
                && !IsNamed(options.Integer, layer) && !IsNamed(options.Int16, layer))
            {
                _ = staysFloat.Add(node);
            }
        }
    }

    private void Choose()
    {
        integer.Clear();
        activations.Clear();
        weightedInputs.Clear();
        parents.Clear();
        rigid.Clear();
        HashSet<Node> computes = [];
        foreach (Node node in nodes)
        {
            if (node.Op is { KeepsIntegers: false } && !staysFloat.Contains(node) && Form(node, null, options.ActivationBits) is not null)
            {
                _ = computes.Add(node);
            }
        }

        HashSet<Node> moves = MovesToIntegers(computes);
        foreach (Node node in nodes)
        {
            if (weightedInputs.ContainsKey(node) || computes.Contains(node)
                || (node.Op is { KeepsIntegers: true } && !staysFloat.Contains(node)
                    && (moves.Contains(node) || ReadsIntegers(node))))
            {
                _ = integer.Add(node);
            }

            if (computes.Contains(node) && Activation(node) is { } activation)
            {
                _ = integer.Remove(node);
                activations.Add(node, activation);
                weightedInputs.Add(activation, node);
            }
        }

        Tie();
    }

    /// <summary>Whether an op computes with a node, and does not only choose by it as by a mask.</summary>
    private static bool IsDataOf(Node node, Node reader)
    {
        for (int i = 0; i < reader.Inputs.Length; i++)
        {
            if (reader.Inputs[i] == node && reader.Op!.IsData(i))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Nodes that only move an input of the graph, in one or several steps, to an op that computes on integers.</summary>
    private HashSet<Node> MovesToIntegers(HashSet<Node> computes)
    {
        HashSet<Node> moves = [];
        for (int i = nodes.Count - 1; i >= 0; i--)
        {
            Node node = nodes[i];
            if (node.Op is { KeepsIntegers: true } && Entry(readers, node).Exists(
                reader => (moves.Contains(reader) || computes.Contains(reader)) && IsDataOf(node, reader)))
            {
                _ = moves.Add(node);
            }
        }

        // What a stream keeps for an op on integers is rounded when it comes, and not each time that it is read.
        _ = moves.RemoveWhere(node => !(node.Op is Keep && Entry(readers, node).TrueForAll(computes.Contains))
            && !Array.TrueForAll(node.Inputs, input => Before(input) is var moved && (moved.Op is null || moves.Contains(moved))));
        return moves;
    }

    /// <summary>The value of which a stream keeps rows, or the node itself: a hop becomes integers where the net does.</summary>
    private static Node Before(Node node) => node.Op is Keep ? Before(node.Inputs[0]) : node;

    private bool ReadsIntegers(Node node)
    {
        for (int i = 0; i < node.Inputs.Length; i++)
        {
            if (node.Op!.IsData(i) && integer.Contains(node.Inputs[i]))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>
    /// The activation that the layer of this node takes over: one that alone reads it, element by element; where a layer is used several times, each
    /// of its uses must have the same.
    /// </summary>
    private Node? Activation(Node node)
    {
        Node? found = null;
        string? name = null;
        foreach (Node use in uses[node.Op!])
        {
            if (use.Op is Activate || outputs.Contains(use) || staysFloat.Contains(use) || Entry(readers, use) is not [Node reader]
                || staysFloat.Contains(reader) || reader.Op is not Activate { Activation: { IsElementwise: true } activation }
                || (name ?? activation.Name) != activation.Name || Form(use, activation, options.ActivationBits)?.ActivationName != activation.Name)
            {
                return null;
            }

            name = activation.Name;
            found = use == node ? reader : found;
        }

        return found;
    }

    /// <summary>The integer form of a node's op, as far as it can be known before the graph is built.</summary>
    private static Op? Form(Node node, Activation? activation, int bits, Func<Node, int>? inputBits = null, IntegerValue? tied = null)
    {
        List<IntegerValue> inputs = [];
        for (int i = 0; i < node.Inputs.Length; i++)
        {
            if (node.Op!.IsData(i))
            {
                inputs.Add(new IntegerValue(inputBits?.Invoke(node.Inputs[i]) ?? bits, node.Op));
            }
        }

        return node.Op!.Quantized(new QuantizeContext(inputs, bits, activation, tied));
    }

    /// <summary>Whether the op's definition says what its output's integers mean, whatever shares them.</summary>
    private bool IsRigid(Node node)
    {
        int bits = BitsOf(Value(node));
        IntegerType[] types = new IntegerType[node.Inputs.Length];
        types.AsSpan().Fill(new IntegerType(bits, 1f, 0));
        return Form(node, ActivationOf(node)?.Op?.AsActivation, bits, BitsOf, new IntegerValue(bits, node.Op!)) is not { } form
            || form is IntegerOp op && op.FixedType(types) is not null;
    }

    private void Tie()
    {
        foreach (Node node in nodes)
        {
            if (integer.Contains(node) && node.Op!.KeepsIntegers)
            {
                for (int i = 0; i < node.Inputs.Length; i++)
                {
                    if (node.Op.IsData(i))
                    {
                        Unite(node, node.Inputs[i]);
                    }
                }
            }
        }

        // One op has one scale for its output, and weights that were rounded for one scale of its input.
        foreach ((Op op, List<Node> nodes) in uses)
        {
            for (int use = 1; use < nodes.Count && !op.KeepsIntegers && IsComputed(nodes[0]); use++)
            {
                Unite(Value(nodes[0]), Value(nodes[use]));
                for (int i = 0; i < nodes[0].Inputs.Length; i++)
                {
                    if (op.IsData(i))
                    {
                        Unite(nodes[0].Inputs[i], nodes[use].Inputs[i]);
                    }
                }
            }
        }
    }

    private bool IsComputed(Node node) => integer.Contains(node) || activations.ContainsKey(node);

    /// <summary>The node whose value the integer op of this node makes.</summary>
    private Node Value(Node node) => activations.GetValueOrDefault(node, node);

    private void Unite(Node first, Node second)
    {
        Node a = GroupOf(first), b = GroupOf(second);
        if (a != b)
        {
            parents.Add(b, a);
        }
    }

    /// <summary>
    /// A value whose type an op's definition fixes cannot share it with values that have another: the ops that would tie them stay float.
    /// </summary>
    /// <returns>Whether there was one.</returns>
    private bool Separate()
    {
        foreach (Node node in nodes)
        {
            if (!IsComputed(node) || node.Op!.KeepsIntegers || IsAlone(Value(node)) || !IsRigid(node))
            {
                continue;
            }

            bool separated = false;
            Node group = GroupOf(Value(node));
            foreach (Node other in nodes)
            {
                bool ties = other.Op is { KeepsIntegers: true } ? other.Inputs.Length > 1 : other.Op is not null && uses[other.Op].Count > 1;
                separated |= GroupOf(Value(other)) == group && ties && staysFloat.Add(other);
            }

            return separated;
        }

        return false;
    }

    /// <summary>An op whose integer form does not exist for the bits that its inputs and its output have stays float.</summary>
    /// <returns>Whether there was one.</returns>
    private bool Correct()
    {
        foreach (Node node in nodes)
        {
            if (IsComputed(node) && !node.Op!.KeepsIntegers && WeightedInputOf(node) is null
                && Form(node, ActivationOf(node)?.Op?.AsActivation, BitsOf(Value(node)), BitsOf) is null)
            {
                return staysFloat.Add(node);
            }
        }

        return false;
    }

    /// <summary>Whether the value is integers of its inputs, moved.</summary>
    private bool OnlyMoves(Node node) => integer.Contains(node) && node.Op!.KeepsIntegers;

    private static bool IsNamed(IReadOnlyList<string> names, Node node) =>
        names.Contains(node.Name) || (node.Op is not null && names.Contains(node.Op.Name));

    private void RequireNames(IReadOnlyList<string> names)
    {
        foreach (string name in names)
        {
            if (!nodes.Any(node => node.Op is not null && (node.Name == name || node.Op.Name == name)))
            {
                QuantizationErrors.NoSuchLayer(
                    name, nodes.Where(node => node.Op is not null && !ActivationSplit.IsPart(node)).Select(node => node.Name));
            }
        }
    }

    private static List<Node> Entry<TKey>(Dictionary<TKey, List<Node>> lists, TKey key) where TKey : class
    {
        if (!lists.TryGetValue(key, out List<Node>? list))
        {
            list = [];
            lists.Add(key, list);
        }

        return list;
    }
}
