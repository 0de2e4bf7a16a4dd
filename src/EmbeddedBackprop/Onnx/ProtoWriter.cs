using System.Buffers.Binary;
using EmbeddedBackprop.IO;

namespace EmbeddedBackprop.Onnx;

/// <summary>Writes the fields of protobuf messages, in the order of the calls.</summary>
internal sealed class ProtoWriter
{
    private byte[] bytes = new byte[256];
    private int count;

    /// <summary>The bytes so far.</summary>
    public ReadOnlySpan<byte> Written => bytes.AsSpan(0, count);

    /// <summary>A copy of the bytes so far.</summary>
    public byte[] ToArray() => Written.ToArray();

    /// <summary>A whole number: int32, int64, enum or bool.</summary>
    public void Integer(int field, long value)
    {
        Tag(field, ProtoWire.Varint);
        Varint((ulong)value);
    }

    /// <summary>A float.</summary>
    public void Float(int field, float value)
    {
        Tag(field, ProtoWire.Fixed32);
        BinaryPrimitives.WriteSingleLittleEndian(Room(sizeof(float)), value);
    }

    /// <summary>A string as UTF-8.</summary>
    public void String(int field, string value) => Bytes(field, SafetensorsFormat.Utf8.GetBytes(value));

    /// <summary>Bytes as they are.</summary>
    public void Bytes(int field, ReadOnlySpan<byte> value)
    {
        Tag(field, ProtoWire.Bytes);
        Varint((ulong)value.Length);
        value.CopyTo(Room(value.Length));
    }

    /// <summary>A message that another writer holds.</summary>
    public void Message(int field, ProtoWriter message) => Bytes(field, message.Written);

    /// <summary>Whole numbers, packed into one field.</summary>
    public void PackedIntegers(int field, ReadOnlySpan<long> values)
    {
        ProtoWriter packed = new();
        foreach (long value in values)
        {
            packed.Varint((ulong)value);
        }

        Message(field, packed);
    }

    private void Tag(int field, ProtoWire wire) => Varint(((ulong)field << 3) | (uint)wire);

    private void Varint(ulong value)
    {
        while (value >= 0x80)
        {
            Room(1)[0] = (byte)(value | 0x80);
            value >>= 7;
        }

        Room(1)[0] = (byte)value;
    }

    private Span<byte> Room(int length)
    {
        if (length > bytes.Length - count)
        {
            // A file of a model is below 2 GB, as protobuf's own limit has it.
            Array.Resize(ref bytes, (int)Math.Min(Math.Max(2L * bytes.Length, checked(count + length)), Array.MaxLength));
        }

        count += length;
        return bytes.AsSpan(count - length, length);
    }
}
