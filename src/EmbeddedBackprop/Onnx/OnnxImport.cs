using System.Globalization;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.IO;

namespace EmbeddedBackprop.Onnx;

/// <summary>
/// From a file's graph to one of ours: backwards the nodes that the outputs need are found, forwards each of them is imported. Both are loops over
/// the
/// file's nodes, which must be in an order in which they can be computed.
/// </summary>
/// <param name="file">The file's name in messages.</param>
/// <param name="model">The file's messages.</param>
internal sealed class OnnxImport(string file, OnnxModel model)
{
    private const int LowestOpset = 13;
    private const int HighestOpset = 17;

    private static readonly Dictionary<string, Action<OnnxCall>> Ops = new(StringComparer.Ordinal)
    {
        ["Add"] = OnnxElements.Sum,
        ["AveragePool"] = OnnxPooling.Average,
        ["BatchNormalization"] = OnnxLayers.BatchNorm,
        ["Cast"] = OnnxMoves.Cast,
        ["Concat"] = OnnxMoves.Concat,
        ["Conv"] = OnnxLayers.Conv,
        ["ConvTranspose"] = OnnxLayers.ConvTranspose,
        ["Div"] = OnnxElements.Quotient,
        ["Dropout"] = OnnxMoves.Dropout,
        ["Expand"] = OnnxMoves.Expand,
        ["Flatten"] = OnnxMoves.Flatten,
        ["GRU"] = OnnxCells.Gru,
        ["Gather"] = call =>
        {
            if (call.Input(0) is OnnxConstant)
            {
                OnnxLayers.Embedding(call);
            }
            else
            {
                OnnxMoves.Take(call);
            }
        },
        ["Gemm"] = OnnxLayers.Gemm,
        ["GlobalAveragePool"] = OnnxPooling.Global,
        ["GlobalMaxPool"] = OnnxPooling.Global,
        ["Identity"] = OnnxMoves.Identity,
        ["LSTM"] = OnnxCells.Lstm,
        ["LayerNormalization"] = OnnxLayers.LayerNorm,
        ["MatMul"] = OnnxLayers.MatMul,
        ["MaxPool"] = OnnxPooling.Max,
        ["Mul"] = OnnxElements.Product,
        ["Neg"] = OnnxElements.Negation,
        ["Pad"] = OnnxMoves.Pad,
        ["RNN"] = OnnxCells.Rnn,
        ["ReduceMax"] = OnnxPooling.Reduce,
        ["ReduceMean"] = OnnxPooling.Reduce,
        ["Reshape"] = OnnxMoves.Reshape,
        ["Shape"] = OnnxMoves.Shape,
        ["Slice"] = OnnxMoves.Slice,
        ["Softmax"] = OnnxElements.Softmax,
        ["Split"] = OnnxMoves.Split,
        ["Squeeze"] = OnnxMoves.Squeeze,
        ["Sub"] = OnnxElements.Difference,
        ["Sum"] = OnnxElements.Sum,
        ["Transpose"] = OnnxMoves.Transpose,
        ["Unsqueeze"] = OnnxMoves.Unsqueeze,
    };

    /// <summary>What an activation with other settings is told: there is one form of each.</summary>
    private static readonly Dictionary<string, string> Activations = new(StringComparer.Ordinal)
    {
        ["LeakyRelu"] = "alpha is 0.01 here, and no other",
        ["Elu"] = "alpha is 1 here, and no other",
        ["Celu"] = "alpha is 1 here, and no other",
        ["Selu"] = "alpha and gamma are those of the paper here, and no others",
        ["HardSigmoid"] = "alpha is 1/6 and beta 1/2 here, and no others",
        ["Clip"] = "the bounds are 0 and 6 here (relu6), or 0 alone (relu)",
        ["Abs"] = "an absolute value is read as a part of x / (1 + |x|) only",
        ["Erf"] = "erf is read as a part of x (1 + erf(x / sqrt 2)) / 2 only",
    };

    /// <summary>The ops that can be read, those that are only activations among them.</summary>
    public static IEnumerable<string> OpNames => [.. Ops.Keys, .. Activations.Keys, .. OnnxActivations.Plain.Keys, "Sigmoid", "Softplus"];

    private readonly OnnxScope scope = new(file, model.Graph);

    /// <summary>Parameters and kept state by their names, in the order of files.</summary>
    public IReadOnlyDictionary<string, float[]> Weights => scope.Weights;

    /// <summary>Our graph.</summary>
    public Graph Graph => scope.Graph;

    /// <summary>Inputs and outputs of our graph, in the file's order.</summary>
    public List<Node> Inputs { get; } = [];

    /// <inheritdoc cref="Inputs"/>
    public List<Node> Outputs { get; } = [];

    /// <summary>Nodes that the outputs need.</summary>
    public int NodeCount { get; private set; }

    /// <param name="bytes">Bytes of the file.</param>
    /// <exception cref="DataFormatException">The graph holds something that ours cannot; the message names the node, its output and the
    /// reason.</exception>
    public void Run(int bytes)
    {
        RequireOpset();
        scope.FoldingLeft = (1 << 20) + bytes;
        List<OnnxNode> needed = Needed();
        NodeCount = needed.Count;
        scope.Register(needed);
        foreach (OnnxValue input in model.Graph.Inputs)
        {
            if (!scope.IsStored(input.Name) && scope.IsRead(input.Name))
            {
                AddInput(input);
            }
        }

        // Constants first: what follows a node may depend on one that is written after it.
        foreach (OnnxNode node in needed)
        {
            if (node is { OpType: "Constant", Domain: "" or "ai.onnx" })
            {
                Import(node);
                scope.MarkDone(node);
            }
        }

        foreach (OnnxNode node in needed)
        {
            if (!scope.IsDone(node))
            {
                Import(node);
            }
        }

        foreach (OnnxValue output in model.Graph.Outputs)
        {
            AddOutput(output);
        }

        if (Outputs.Count == 0 || Inputs.Count == 0)
        {
            throw new DataFormatException(file, 0, Outputs.Count == 0 ? "the graph has no output" : "no input is read");
        }
    }

    private void RequireOpset()
    {
        long version = 0;
        foreach (OnnxOpset opset in model.Opsets)
        {
            version = opset.Domain is "" or "ai.onnx" ? opset.Version : version;
        }

        if (version is < LowestOpset or > HighestOpset)
        {
            throw new DataFormatException(
                file,
                0,
                $"opset {version}: {LowestOpset} to {HighestOpset} are read (opset_version of the export says which)");
        }

        if (model.HasFunctions)
        {
            throw new DataFormatException(file, 0, "functions or a training graph within the model: only a graph of ONNX's own ops is read");
        }
    }

    /// <summary>The nodes that the outputs depend on, in the file's order.</summary>
    private List<OnnxNode> Needed()
    {
        HashSet<string> made = new(StringComparer.Ordinal), wanted = [.. model.Graph.Outputs.Select(output => output.Name)];
        foreach (OnnxValue input in model.Graph.Inputs)
        {
            if (!made.Add(input.Name))
            {
                throw new DataFormatException(file, input.Offset, $"a second input '{OnnxNames.Shown(input.Name)}'");
            }
        }

        foreach (OnnxNode node in model.Graph.Nodes)
        {
            foreach (string output in node.Outputs)
            {
                if (output.Length > 0 && !made.Add(output))
                {
                    throw scope.Refused(node, $"it makes '{OnnxNames.Shown(output)}', which is there already");
                }
            }
        }

        List<OnnxNode> needed = [];
        for (int i = model.Graph.Nodes.Length - 1; i >= 0; i--)
        {
            OnnxNode node = model.Graph.Nodes[i];
            if (node.Outputs.Any(wanted.Contains))
            {
                needed.Add(node);
                wanted.UnionWith(node.Inputs);
            }
        }

        _ = wanted.Remove("");
        needed.Reverse();
        return needed;
    }

    private void AddInput(OnnxValue input)
    {
        if (input.Dims is not { } dims || input.Type is not (OnnxType.Float or OnnxType.Double or OnnxType.Int64 or OnnxType.Int32))
        {
            throw Error(
                input,
                input.Dims is null ? "it has no sizes" : $"elements of the type {input.Type}: float, double, int64 and int32 are read");
        }

        int batch = BatchAxis(input, dims);
        List<int> sizes = [];
        for (int axis = 0; axis < dims.Length; axis++)
        {
            if (axis == batch)
            {
                scope.FixedBatch = dims[axis].Value ?? scope.FixedBatch;
                continue;
            }

            if (dims[axis].Value is not (> 0 and <= int.MaxValue and long size))
            {
                string open = dims[axis].Value?.ToString(CultureInfo.InvariantCulture) ?? OnnxNames.Shown(dims[axis].Name ?? "?");
                throw Error(input, $"size {axis} ({open}) is not fixed: export the net with a fixed one, only the batch may be open");
            }

            sizes.Add((int)size);
        }

        try
        {
            OnnxData data = new(null, [.. sizes], batch, input.Type is OnnxType.Int64 or OnnxType.Int32);
            Shape shape = sizes.Count switch
            {
                0 => new Shape(1),
                1 => new Shape(sizes[0]),
                2 => new Shape(sizes[0], sizes[1]),
                3 => new Shape(sizes[0], sizes[1], sizes[2]),
                _ => throw Error(input, $"{sizes.Count} sizes of a sample: at most 3"),
            };
            string name = OnnxNames.Clean(input.Name) is { } clean && scope.Free(clean) is { } free ? free : NetCompiler.FreeName(Graph, "input");
            Node node = Graph.Input(shape, name);
            Inputs.Add(node);
            scope.Set(input.Name, data with { Node = node });
        }
        catch (Exception exception) when (exception is ArgumentException or OverflowException)
        {
            throw Error(input, FirstLine(exception));
        }
    }

    /// <summary>The size that has a name; if there is none the first, or the second where a recurrent layer reads the input as it is.</summary>
    private int BatchAxis(OnnxValue input, OnnxDim[] dims)
    {
        if (dims.Length == 0)
        {
            throw Error(input, "a single number: the batch must be one of the sizes");
        }

        int[] open = [.. Enumerable.Range(0, dims.Length).Where(axis => dims[axis].Value is null)];
        bool stepsFirst =
            dims.Length == 3 && scope.Readers(input.Name).Any(node => node.OpType is "LSTM" or "GRU" or "RNN" && node.Inputs[0] == input.Name);
        return open.Length == 1 ? open[0]
            : stepsFirst ? 1
            : 0;
    }

    private void Import(OnnxNode node)
    {
        if (node.Outputs.Length == 0 || (node.Outputs[0].Length == 0 && node.OpType is not ("LSTM" or "GRU" or "RNN")))
        {
            throw scope.Refused(node, "it has no output");
        }

        if (node.Inputs.Length == 0 && node.OpType != "Constant")
        {
            throw scope.Refused(node, "it has no input");
        }

        if (node.Domain is not ("" or "ai.onnx"))
        {
            throw scope.Refused(node, $"the set of ops '{OnnxNames.Shown(node.Domain)}': only ONNX's own is read");
        }

        OnnxCall call = new(scope, node);
        try
        {
            if (Folded(call) is { } constant)
            {
                call.Set(constant);
            }
            else if (!OnnxNormPattern.TryApply(call))
            {
                if (new OnnxActivations(scope).TryApply(call))
                {
                    return;
                }

                Action<OnnxCall> import = Ops.GetValueOrDefault(node.OpType)
                    ?? throw call.Refused(Activations.GetValueOrDefault(node.OpType) ?? "there is no such op here: docs/onnx.md has the list");
                import(call);
            }

            call.End();
        }
        catch (Exception exception) when (exception is ArgumentException or OverflowException)
        {
            throw scope.Refused(node, FirstLine(exception));
        }
    }

    /// <summary>The value of a node that depends on no input; null for another.</summary>
    private OnnxConstant? Folded(OnnxCall call)
    {
        foreach (string input in call.Node.Inputs)
        {
            if (input.Length > 0 && scope.Value(call, input) is not OnnxConstant)
            {
                return null;
            }
        }

        return OnnxFolding.Fold(call) ?? throw call.Refused("it reads constants alone, and is not computed in advance");
    }

    private void AddOutput(OnnxValue output)
    {
        object value = scope.Find(output.Name, out _) ?? throw Error(output, "nothing makes it");
        if (value is not OnnxData { Padding: null } data)
        {
            throw Error(output, "it does not depend on the input");
        }

        try
        {
            Node node = OnnxScope.NodeOf(data);
            int[] own = [.. Enumerable.Range(0, node.Shape.Rank).Select(axis => node.Shape[axis]).Where(size => size != 1)];
            if (!own.AsSpan().SequenceEqual([.. data.Sizes.Where(size => size != 1)]) && data.Sizes.Length <= 3)
            {
                node = scope.Shaped(data, data.Sizes);
            }

            if (node.Op is null || Outputs.Contains(node))
            {
                throw Error(output, node.Op is null ? "it is the input" : "it is the same value as another output");
            }

            Outputs.Add(node);
        }
        catch (Exception exception) when (exception is ArgumentException or OverflowException)
        {
            throw Error(output, FirstLine(exception));
        }
    }

    private DataFormatException Error(OnnxValue value, string problem) =>
        new(file, value.Offset, $"'{OnnxNames.Shown(value.Name)}': {problem}");

    private static string FirstLine(Exception exception)
    {
        string message = exception.Message;
        int cut = message.AsSpan().IndexOfAny('\r', '\n');
        return cut < 0 ? message : message[..cut];
    }
}
