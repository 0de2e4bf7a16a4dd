namespace EmbeddedBackprop.Onnx;

/// <summary>A size of a value's shape: a number, or a name for one that is known when the net runs (a batch).</summary>
/// <param name="Value">The size; null where it has a name, or is not told.</param>
/// <param name="Name">The name; null for a number.</param>
internal readonly record struct OnnxDim(long? Value, string? Name)
{
    public static implicit operator OnnxDim(long value) => new(value, null);
}
