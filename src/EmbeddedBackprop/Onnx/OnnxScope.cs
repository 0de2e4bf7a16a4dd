using System.Diagnostics.CodeAnalysis;
using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Onnx;

/// <summary>The values of a file by their names while its graph is imported: constants, and nodes of our graph.</summary>
/// <param name="file">The file's name in messages.</param>
/// <param name="graph">The file's graph.</param>
internal sealed class OnnxScope(string file, OnnxGraph graph)
{
    private readonly Dictionary<string, object> values = new(StringComparer.Ordinal);
    private readonly Dictionary<string, OnnxTensor> stored = new(StringComparer.Ordinal);
    private readonly Dictionary<string, List<OnnxNode>> readers = new(StringComparer.Ordinal);
    private readonly HashSet<string> results = new(StringComparer.Ordinal);
    private readonly HashSet<OnnxNode> done = [];
    private readonly Dictionary<(Node, Shape), Node> shaped = [];
    private readonly Dictionary<Node, Node> swapped = [];
    private readonly Dictionary<string, List<Node>> layers = new(StringComparer.Ordinal);

    /// <summary>The statements that a net's text may have.</summary>
    private const int MostNodes = 1024;

    public OnnxGraph File { get; } = graph;

    /// <summary>The graph of ours.</summary>
    public Graph Graph { get; } = new();

    /// <summary>Parameters and kept state by their names, in the order of files.</summary>
    public Dictionary<string, float[]> Weights { get; } = new(StringComparer.Ordinal);

    /// <summary>The samples of a batch, where the file fixes them; 0 where it does not.</summary>
    public long FixedBatch { get; set; }

    /// <summary>The activation that alone reads a layer's output, which becomes the activation's; the identity if there is none.</summary>
    public Activation Activation(ref string output, bool isVector = false) => new OnnxActivations(this).After(ref output, isVector);

    /// <summary>Elements that the folding of constants may still make.</summary>
    public long FoldingLeft { get; set; }

    /// <summary>Notes which nodes read which values; only those of nodes that are needed.</summary>
    public void Register(IEnumerable<OnnxNode> needed)
    {
        foreach (OnnxTensor tensor in File.Initializers)
        {
            if (!stored.TryAdd(tensor.Name, tensor))
            {
                throw new DataFormatException(file, tensor.Offset, $"a second stored tensor '{OnnxNames.Shown(tensor.Name)}'");
            }
        }

        foreach (OnnxNode node in needed)
        {
            foreach (string input in node.Inputs)
            {
                if (input.Length == 0)
                {
                    continue;
                }

                if (!readers.TryGetValue(input, out List<OnnxNode>? list))
                {
                    readers.Add(input, list = []);
                }

                list.Add(node);
            }
        }

        foreach (OnnxValue output in File.Outputs)
        {
            _ = results.Add(output.Name);
        }
    }

    public bool IsStored(string name) => stored.ContainsKey(name);

    /// <summary>Whether a node or the caller reads the value.</summary>
    public bool IsRead(string name) => name.Length > 0 && (readers.ContainsKey(name) || results.Contains(name));

    /// <summary>Whether the caller reads the value.</summary>
    public bool IsResult(string name) => results.Contains(name);

    /// <summary>The nodes that read a value, once for each of their inputs that is the value.</summary>
    public IReadOnlyList<OnnxNode> Readers(string name) => readers.TryGetValue(name, out List<OnnxNode>? list) ? list : [];

    /// <summary>The node that alone reads a value, and reads it once.</summary>
    public bool TrySingleReader(string name, [NotNullWhen(true)] out OnnxNode? node)
    {
        node = !results.Contains(name) && readers.TryGetValue(name, out List<OnnxNode>? list) && list.Count == 1 ? list[0] : null;
        return node is not null;
    }

    /// <summary>Whether a node was imported together with one before it.</summary>
    public bool IsDone(OnnxNode node) => done.Contains(node);

    public void MarkDone(OnnxNode node) => _ = done.Add(node);

    /// <summary>A value for a node that reads it.</summary>
    public object Value(OnnxCall call, string name)
    {
        object value = Find(name, out string reason) ?? throw call.Refused(reason);
        if (value is OnnxData { Sequence: { } sequence } && (results.Contains(name) || Readers(name).Count > 1))
        {
            sequence.IsShared = true;
        }

        return value;
    }

    /// <summary>A constant that is known already; null for any other value.</summary>
    public OnnxConstant? TryConstant(string name) => Find(name, out _) as OnnxConstant;

    /// <summary>A value by its name; null with the reason.</summary>
    public object? Find(string name, out string reason)
    {
        reason = "";
        if (values.TryGetValue(name, out object? value))
        {
            return value;
        }

        if (!stored.TryGetValue(name, out OnnxTensor? tensor))
        {
            reason = $"it reads '{OnnxNames.Shown(name)}', which nothing before it makes";
            return null;
        }

        OnnxConstant? constant = OnnxConstant.Read(tensor, out reason);
        if (constant is null)
        {
            reason = $"the stored tensor '{OnnxNames.Shown(name)}': {reason}";
            return null;
        }

        values.Add(name, constant);
        return constant;
    }

    public void Set(string name, object value)
    {
        values[name] = value;
        if (Graph.Nodes.Count > MostNodes)
        {
            throw new DataFormatException(file, 0, $"a graph of more than {MostNodes} nodes");
        }
    }

    /// <summary>The error that names node, output and reason.</summary>
    public DataFormatException Refused(OnnxNode node, string reason)
    {
        string name = node.Name.Length > 0 ? $"'{OnnxNames.Shown(node.Name)}' " : "";
        string output = node.Outputs.Length > 0 ? $" (output '{OnnxNames.Shown(node.Outputs[0])}')" : "";
        return new DataFormatException(file, node.Offset, $"node {name}{OnnxNames.Shown(node.OpType)}{output}: {reason}");
    }

    /// <summary>The node of a value, all steps of a recurrent layer.</summary>
    public static Node NodeOf(OnnxData data) => data.Node ?? data.Sequence!.All;

    /// <summary>The node of a value under a shape of as many elements.</summary>
    public Node Shaped(OnnxData data, params ReadOnlySpan<int> sizes)
    {
        Shape shape = sizes.Length switch
        {
            0 => new Shape(1),
            1 => new Shape(sizes[0]),
            2 => new Shape(sizes[0], sizes[1]),
            _ => new Shape(sizes[0], sizes[1], sizes[2]),
        };
        return Shaped(NodeOf(data), shape);
    }

    /// <inheritdoc cref="Shaped(OnnxData, ReadOnlySpan{int})"/>
    public Node Shaped(Node node, Shape shape)
    {
        // One move instead of two: what was only reshaped is taken as it was before.
        Node from = node.Op is Reshape or Flatten ? node.Inputs[0] : node;
        if (node.Shape == shape || from.Shape == shape)
        {
            return node.Shape == shape ? node : from;
        }

        if (!shaped.TryGetValue((from, shape), out Node? moved))
        {
            moved = Graph.Apply(shape.Rank == 1 ? new Flatten() : new Reshape(shape), from);
            shaped.Add((from, shape), moved);
        }

        return moved;
    }

    /// <summary>The two axes of a node exchanged; twice gives the node itself.</summary>
    public Node Swapped(Node node)
    {
        if (node.Op is SwapAxes)
        {
            return node.Inputs[0];
        }

        if (!swapped.TryGetValue(node, out Node? other))
        {
            other = Graph.Apply(new SwapAxes(), node);
            swapped.Add(node, other);
        }

        return other;
    }

    /// <summary>
    /// The op of a layer before this one that reads the same stored tensors and a value of the same shape, with the same settings: an op has one set
    /// of weights, however often it is applied. Null if there is none, or the tensors have no names.
    /// </summary>
    public Op? Earlier(Op op, Node input, string? stored, float[] weight, float[]? bias)
    {
        foreach (Node node in stored is null ? [] : layers.GetValueOrDefault(stored, []))
        {
            // The numbers, too: a factor of Gemm is in them.
            if (node.Op!.Kind == op.Kind && node.Op.Settings == op.Settings && node.Op.ActivationName == op.ActivationName
                && node.Inputs[0].Shape == input.Shape && Weights[node.Name + ".weight"].AsSpan().SequenceEqual(weight)
                && (bias is null || Weights[node.Name + ".bias"].AsSpan().SequenceEqual(bias)))
            {
                return node.Op;
            }
        }

        return null;
    }

    /// <summary>Notes which stored tensors a layer reads.</summary>
    public void Remember(Node layer, string? stored)
    {
        if (stored is not null && !layers.TryAdd(stored, [layer]))
        {
            layers[stored].Add(layer);
        }
    }

    /// <summary>The name if no node has it; null leaves the choice to the graph.</summary>
    public string? Free(string? name)
    {
        foreach (Node node in Graph.Nodes)
        {
            if (node.Name == name)
            {
                return null;
            }
        }

        return name;
    }
}
