namespace EmbeddedBackprop.Onnx;

/// <summary>ModelProto: a graph, and the version of each set of ops that it uses.</summary>
internal sealed class OnnxModel
{
    /// <summary>The version of the format itself; 7 came with opset 12, 8 with opset 15.</summary>
    public long IrVersion { get; init; }

    public string Producer { get; init; } = "";

    public string ProducerVersion { get; init; } = "";

    /// <summary>A line for people. It is written, and passed over by the reader.</summary>
    public string Documentation { get; init; } = "";

    /// <summary>Names and values for other programs. They are written, and passed over by the reader.</summary>
    public (string Key, string Value)[] Metadata { get; init; } = [];

    /// <summary>Sets of ops; the domain "" is that of ONNX.</summary>
    public OnnxOpset[] Opsets { get; init; } = [];

    public OnnxGraph Graph { get; init; } = new();

    /// <summary>Local functions and training parts: refused, but told.</summary>
    public bool HasFunctions { get; init; }
}
