using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Onnx;

/// <summary>
/// A net in an ONNX file (opset 13 to 17), such as PyTorch exports: read into a graph of ours with its weights, to predict, to train further, to
/// quantise
/// and to export as C. docs/onnx.md lists the ops.
/// </summary>
/// <remarks>
/// Strict: whatever the bytes are, the result is a net or a <see cref="DataFormatException"/>; an op that there is not is named with its node, its
/// output
/// and the reason. No other file is ever opened: external data are refused. Reading allocates at most four times the file's size and 64 KiB; the
/// import of
/// the graph, at the first use of <see cref="Net"/> or <see cref="ToNetwork"/>, takes memory in proportion to the file and 16 MiB, and the network is
/// held
/// to <see cref="MemoryLimit"/>. The sizes of a batch and of its padding are no part of a net: one axis of each input is the batch.
/// </remarks>
public sealed class OnnxFile
{
    /// <summary>More than any graph that is read here; protobuf's own limit.</summary>
    private const int MostBytes = int.MaxValue;

    private readonly OnnxModel model;
    private readonly int length;
    private OnnxImport? import;
    private string? net;

    private OnnxFile(ReadOnlyMemory<byte> bytes, string name)
    {
        (Name, length) = (name, bytes.Length);
        model = OnnxReader.Read(bytes, name);
        MemoryLimit = (1L << 30) + (8L * bytes.Length);
    }

    /// <summary>
    /// Bytes that <see cref="ToNetwork"/> may take for the network; at first 1 GiB, and eight times the file. A file of a few bytes may describe a
    /// network
    /// of any size: raise the limit only for files that you trust.
    /// </summary>
    public long MemoryLimit { get; set; }

    /// <summary>The file's path, or the caller's name for its bytes.</summary>
    public string Name { get; }

    /// <summary>The program that wrote the file, as in <c>pytorch 1.13.1</c>; empty if it does not say so.</summary>
    public string Producer => OnnxNames.Shown($"{model.Producer} {model.ProducerVersion}".Trim());

    /// <summary>The version of ONNX's set of ops.</summary>
    public long Opset => model.Opsets.LastOrDefault(opset => opset.Domain is "" or "ai.onnx").Version;

    /// <summary>Nodes of the file's graph that its outputs depend on.</summary>
    /// <exception cref="DataFormatException">The graph holds something that ours cannot.</exception>
    public int NodeCount => Import().NodeCount;

    /// <summary>
    /// The net as ours, as in <c>input 1x28x28; conv 8 5x5 relu; maxpool 2; dense 10</c> (<see cref="NetText"/>). Layers have the names of their
    /// weights
    /// (conv1 for conv1.weight) where the file has such names. A net of several outputs is the text of all its nodes.
    /// </summary>
    /// <exception cref="DataFormatException">The graph holds something that ours cannot; the message names the node, its output and the
    /// reason.</exception>
    public string Net => net ??= Text(Import());

    /// <summary>Reads a file.</summary>
    /// <exception cref="DataFormatException">The file does not follow the format.</exception>
    /// <exception cref="IOException">The file is missing or cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be read, or is a folder.</exception>
    public static OnnxFile Read(string path)
    {
        using FileStream stream = WholeFile.Open(path);
        return Read(stream, path);
    }

    /// <summary>Reads a stream from where it is to its end.</summary>
    /// <param name="stream">The stream; it is not closed.</param>
    /// <param name="name">The file's name in messages.</param>
    /// <exception cref="DataFormatException">The bytes do not follow the format.</exception>
    /// <exception cref="IOException">The stream cannot be read.</exception>
    public static OnnxFile Read(Stream stream, string name)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentNullException.ThrowIfNull(name);
        if (!stream.CanSeek)
        {
            using MemoryStream copy = new();
            stream.CopyTo(copy);
            return new OnnxFile(copy.GetBuffer().AsMemory(0, (int)copy.Length), name);
        }

        long left = stream.Length - stream.Position;
        if (left > Math.Min(Array.MaxLength, MostBytes))
        {
            throw new DataFormatException(name, Array.MaxLength, "files beyond 2 GB are not read");
        }

        byte[] bytes = GC.AllocateUninitializedArray<byte>((int)left);
        int read = stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
        return read == bytes.Length
            ? new OnnxFile(bytes, name)
            : throw new DataFormatException(name, read, "the file became shorter while it was read");
    }

    /// <summary>Reads a file's bytes, which must stay as they are while the result is in use.</summary>
    /// <param name="bytes">The whole file.</param>
    /// <param name="name">The file's name in messages.</param>
    /// <exception cref="DataFormatException">The bytes do not follow the format.</exception>
    public static OnnxFile Read(ReadOnlyMemory<byte> bytes, string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return new OnnxFile(bytes, name);
    }

    /// <summary>Builds the network with the file's weights.</summary>
    /// <param name="options">Batch, arithmetic, layout, and with a loss the optimiser; null for the defaults.</param>
    /// <param name="loss">
    /// What it is trained on further, as <see cref="NetCompiler"/> does; null for a network that only predicts. A softmax output with cross-entropy
    /// and a
    /// sigmoid output with binary cross-entropy are trained on the values before them.
    /// </param>
    /// <exception cref="DataFormatException">The graph holds something that ours cannot, or the network is beyond
    /// <see cref="MemoryLimit"/>.</exception>
    /// <exception cref="ArgumentException">There is a loss, and the net has several outputs.</exception>
    public Network ToNetwork(NetworkOptions? options = null, Loss? loss = null)
    {
        OnnxImport graph = Import();
        options ??= new NetworkOptions();
        long limit = options.MemoryLimit > 0 ? Math.Min(options.MemoryLimit, MemoryLimit) : MemoryLimit;
        if (loss is not null && graph.Outputs.Count > 1)
        {
            OnnxErrors.SeveralOutputs(graph.Outputs.Count);
        }

        Limit(graph, options.Batch, limit);
        Network network;
        try
        {
            network = graph.Outputs.Count == 1
                ? NetCompiler.Compile(Net, loss, options with { MemoryLimit = limit })
                : Whole(graph, options with { MemoryLimit = limit });
        }
        catch (Exception exception) when (exception is FormatException or ArgumentException or OverflowException)
        {
            throw new DataFormatException(Name, 0, exception.Message, exception);
        }

        try
        {
            Fill(network, graph.Weights);
        }
        catch
        {
            network.Dispose();
            throw;
        }

        return network;
    }

    private OnnxImport Import()
    {
        if (import is null)
        {
            OnnxImport made = new(Name, model);
            made.Run(length);
            import = made;
        }

        return import;
    }

    private static string Text(OnnxImport graph) => graph.Outputs.Count == 1 ? NetText.Format(graph.Outputs[0]) : NetText.FormatAll(graph.Graph);

    private Network Whole(OnnxImport graph, NetworkOptions options)
    {
        Graph built = NetText.BuildAll(Net, Registry.Activation, []);
        return new Network(Named(graph.Inputs), Named(graph.Outputs), [], options);

        Node[] Named(List<Node> nodes) => [.. nodes.Select(node => built.Nodes.First(other => other.Name == node.Name))];
    }

    /// <summary>The weights of the net must be all there, and the values of a batch within the limit, before memory is made for them.</summary>
    private void Limit(OnnxImport graph, int batch, long limit)
    {
        long floats = 0;
        foreach (Node node in graph.Graph.Nodes)
        {
            floats += node.Shape.Length;
        }

        if (floats > limit / sizeof(float) / Math.Max(batch, 1))
        {
            throw new DataFormatException(Name, 0, $"a batch of {batch} samples of {floats} activations is beyond the limit of {limit} bytes");
        }
    }

    private void Fill(Network network, IReadOnlyDictionary<string, float[]> weights)
    {
        foreach (ParameterRange range in network.InferencePlan.Parameters)
        {
            range.CopyFrom<float>(Of(range.Name, range.Count), network.BorrowParameters());
        }

        foreach (StateRange range in network.InferencePlan.State)
        {
            if (!range.PerSample)
            {
                Of(range.Name, range.Length).CopyTo(network.BorrowState()[range.Offset..]);
            }
        }

        float[] Of(string name, int count) =>
            weights.TryGetValue(name, out float[]? values) && values.Length == count
                ? values
                : throw new DataFormatException(Name, 0, $"the weight {name} of {count} elements is not there");
    }
}
