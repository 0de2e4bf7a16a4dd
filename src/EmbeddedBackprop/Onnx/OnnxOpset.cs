namespace EmbeddedBackprop.Onnx;

/// <summary>OperatorSetIdProto.</summary>
internal readonly record struct OnnxOpset(string Domain, long Version);
