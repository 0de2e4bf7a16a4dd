namespace EmbeddedBackprop.Onnx;

/// <summary>ValueInfoProto: an input or output of the graph.</summary>
internal sealed class OnnxValue
{
    public string Name { get; init; } = "";

    public OnnxType Type { get; init; }

    /// <summary>Sizes; null where the file says nothing about the shape.</summary>
    public OnnxDim[]? Dims { get; init; }

    /// <summary>Where the entry begins in the file.</summary>
    public int Offset { get; init; }
}
