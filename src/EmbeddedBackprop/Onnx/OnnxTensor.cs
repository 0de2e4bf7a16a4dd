namespace EmbeddedBackprop.Onnx;

/// <summary>
/// TensorProto: sizes and elements. The elements are raw bytes (little-endian), or lie in the list of their type; never in another file.
/// </summary>
internal sealed class OnnxTensor
{
    public string Name { get; init; } = "";

    public OnnxType Type { get; init; }

    /// <summary>Sizes, outermost first; none for a single element. As they are in the file: nothing says that they are positive.</summary>
    public long[] Dims { get; init; } = [];

    /// <summary>raw_data; null where the elements are in a list.</summary>
    public ReadOnlyMemory<byte>? Raw { get; init; }

    /// <summary>float_data.</summary>
    public float[] Floats { get; init; } = [];

    /// <summary>int32_data or int64_data.</summary>
    public long[] Integers { get; init; } = [];

    /// <summary>The name of an element that cannot be read (external_data, string_data ...); null if there is none.</summary>
    public string? Refused { get; init; }

    /// <summary>Where the tensor begins in the file.</summary>
    public int Offset { get; init; }

    /// <summary>A tensor of floats.</summary>
    public static OnnxTensor Of(string name, long[] dims, ReadOnlySpan<float> values)
    {
        byte[] raw = new byte[sizeof(float) * values.Length];
        for (int i = 0; i < values.Length; i++)
        {
            System.Buffers.Binary.BinaryPrimitives.WriteSingleLittleEndian(raw.AsSpan(sizeof(float) * i), values[i]);
        }

        return new OnnxTensor { Name = name, Type = OnnxType.Float, Dims = dims, Raw = raw };
    }

    /// <summary>A tensor of 64-bit integers.</summary>
    public static OnnxTensor Of(string name, long[] dims, ReadOnlySpan<long> values)
    {
        byte[] raw = new byte[sizeof(long) * values.Length];
        for (int i = 0; i < values.Length; i++)
        {
            System.Buffers.Binary.BinaryPrimitives.WriteInt64LittleEndian(raw.AsSpan(sizeof(long) * i), values[i]);
        }

        return new OnnxTensor { Name = name, Type = OnnxType.Int64, Dims = dims, Raw = raw };
    }

    /// <summary>A tensor of 32-bit integers.</summary>
    public static OnnxTensor Of(string name, long[] dims, ReadOnlySpan<int> values)
    {
        byte[] raw = new byte[sizeof(int) * values.Length];
        for (int i = 0; i < values.Length; i++)
        {
            System.Buffers.Binary.BinaryPrimitives.WriteInt32LittleEndian(raw.AsSpan(sizeof(int) * i), values[i]);
        }

        return new OnnxTensor { Name = name, Type = OnnxType.Int32, Dims = dims, Raw = raw };
    }

    /// <summary>A tensor of 8-bit integers.</summary>
    public static OnnxTensor Of(string name, long[] dims, ReadOnlySpan<sbyte> values) =>
        new() { Name = name, Type = OnnxType.Int8, Dims = dims, Raw = System.Runtime.InteropServices.MemoryMarshal.AsBytes(values).ToArray() };
}
