namespace EmbeddedBackprop.Onnx;

/// <summary>How a field of a protobuf message is encoded: the lowest three bits of its tag.</summary>
internal enum ProtoWire
{
    /// <summary>Seven bits a byte, lowest first; the top bit says that another byte follows.</summary>
    Varint = 0,

    /// <summary>Eight bytes, little-endian.</summary>
    Fixed64 = 1,

    /// <summary>A length (varint) and as many bytes: strings, messages, packed elements.</summary>
    Bytes = 2,

    /// <summary>Four bytes, little-endian.</summary>
    Fixed32 = 5,
}
