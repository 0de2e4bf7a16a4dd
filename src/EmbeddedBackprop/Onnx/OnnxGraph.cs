namespace EmbeddedBackprop.Onnx;

/// <summary>GraphProto: nodes in an order in which they can be computed, the tensors that are known, and the names of what goes in and out.</summary>
internal sealed class OnnxGraph
{
    public string Name { get; init; } = "";

    public OnnxNode[] Nodes { get; init; } = [];

    public OnnxTensor[] Initializers { get; init; } = [];

    public OnnxValue[] Inputs { get; init; } = [];

    public OnnxValue[] Outputs { get; init; } = [];
}
