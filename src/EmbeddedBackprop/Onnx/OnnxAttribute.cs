namespace EmbeddedBackprop.Onnx;

/// <summary>AttributeProto: a named setting of a node. Only the member of its type means something.</summary>
internal sealed class OnnxAttribute
{
    public string Name { get; init; } = "";

    public OnnxAttributeType Type { get; init; }

    public long Int { get; init; }

    public float Float { get; init; }

    public string String { get; init; } = "";

    public OnnxTensor? Tensor { get; init; }

    public long[] Ints { get; init; } = [];

    public float[] Floats { get; init; } = [];

    public string[] Strings { get; init; } = [];

    /// <summary>A whole number.</summary>
    public static OnnxAttribute Of(string name, long value) => new() { Name = name, Type = OnnxAttributeType.Int, Int = value };

    /// <summary>A float.</summary>
    public static OnnxAttribute Of(string name, float value) => new() { Name = name, Type = OnnxAttributeType.Float, Float = value };

    /// <summary>A string.</summary>
    public static OnnxAttribute Of(string name, string value) => new() { Name = name, Type = OnnxAttributeType.String, String = value };

    /// <summary>Whole numbers.</summary>
    public static OnnxAttribute Of(string name, params long[] values) => new() { Name = name, Type = OnnxAttributeType.Ints, Ints = values };

    /// <summary>Strings.</summary>
    public static OnnxAttribute Of(string name, params string[] values) => new() { Name = name, Type = OnnxAttributeType.Strings, Strings = values };

    /// <summary>A tensor.</summary>
    public static OnnxAttribute Of(string name, OnnxTensor value) => new() { Name = name, Type = OnnxAttributeType.Tensor, Tensor = value };
}
