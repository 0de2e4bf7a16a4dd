namespace EmbeddedBackprop.Onnx;

/// <summary>NodeProto: an op, the names of the values that it reads ("" for one that is left out) and of those that it makes.</summary>
internal sealed class OnnxNode
{
    public string Name { get; init; } = "";

    public string OpType { get; init; } = "";

    public string Domain { get; init; } = "";

    public string[] Inputs { get; init; } = [];

    public string[] Outputs { get; init; } = [];

    public OnnxAttribute[] Attributes { get; init; } = [];

    /// <summary>Where the node begins in the file.</summary>
    public int Offset { get; init; }
}
