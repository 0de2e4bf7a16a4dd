using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using EmbeddedBackprop.IO;

namespace EmbeddedBackprop.Onnx;

/// <summary>
/// Walks the fields of one protobuf message. Nothing is read outside the message's bytes, a length is compared with what is left before it is used,
/// and whatever does not follow the format is a <see cref="DataFormatException"/> with the byte's offset in the file.
/// </summary>
/// <remarks>
/// <code>
/// while (reader.Next(out int field))
/// {
///     switch (field)
///     {
///         case 1: name = reader.String(); break;
///         default: reader.Skip(); break;
///     }
/// }
/// </code>
/// </remarks>
/// <param name="file">The file.</param>
/// <param name="start">Where the message begins.</param>
/// <param name="length">Bytes of the message.</param>
internal ref struct ProtoReader(ProtoFile file, int start, int length)
{
    /// <summary>The largest number of a field, 2^29 - 1.</summary>
    private const ulong LargestField = (1 << 29) - 1;

    private readonly ReadOnlySpan<byte> bytes = file.Bytes.Span;
    private readonly int end = start + length;
    private ProtoWire wire;
    private int fieldStart;

    /// <summary>The offset of the next byte in the file.</summary>
    public int Position { get; private set; } = start;

    /// <summary>Reads a tag; false at the message's end.</summary>
    public bool Next(out int field)
    {
        field = 0;
        if (Position == end)
        {
            return false;
        }

        fieldStart = Position;
        ulong tag = Varint();
        (ulong number, wire) = (tag >> 3, (ProtoWire)(tag & 7));
        if (number is 0 or > LargestField)
        {
            throw Error($"a field's number must be 1 to {LargestField}, got {number}");
        }

        if (wire is not (ProtoWire.Varint or ProtoWire.Fixed64 or ProtoWire.Bytes or ProtoWire.Fixed32))
        {
            throw Error($"field {number} has the wire type {(int)wire}: expected 0, 1, 2 or 5");
        }

        field = (int)number;
        return true;
    }

    /// <summary>Passes over a field that means nothing here.</summary>
    public void Skip()
    {
        switch (wire)
        {
            case ProtoWire.Varint:
                _ = Varint();
                break;
            case ProtoWire.Fixed64:
                _ = Take(8);
                break;
            case ProtoWire.Fixed32:
                _ = Take(4);
                break;
            default:
                _ = Span();
                break;
        }
    }

    /// <summary>A whole number; int32, int64, enum and bool have the same encoding.</summary>
    public long Integer()
    {
        Expect(ProtoWire.Varint);
        return (long)Varint();
    }

    /// <summary>A float.</summary>
    public float Float()
    {
        Expect(ProtoWire.Fixed32);
        return BinaryPrimitives.ReadSingleLittleEndian(Take(4));
    }

    /// <summary>Bytes of the file, not copied.</summary>
    public ReadOnlyMemory<byte> Bytes()
    {
        Expect(ProtoWire.Bytes);
        int count = Span().Length;
        return file.Bytes.Slice(Position - count, count);
    }

    /// <summary>A string of UTF-8.</summary>
    public string String()
    {
        Expect(ProtoWire.Bytes);
        ReadOnlySpan<byte> text = Span();
        Charge(text.Length == 0 ? 0 : 24 + (2L * text.Length));
        try
        {
            return SafetensorsFormat.Utf8.GetString(text);
        }
        catch (ArgumentException)
        {
            throw Error("a string that is not UTF-8");
        }
    }

    /// <summary>A message within this one.</summary>
    public ProtoReader Message()
    {
        Expect(ProtoWire.Bytes);
        int count = Span().Length;
        return new ProtoReader(file, Position - count, count);
    }

    /// <summary>Adds one whole number, or a packed run of them.</summary>
    public void AddIntegers(ref long[] values, ref int count)
    {
        if (wire == ProtoWire.Varint)
        {
            Grow(ref values, count, 1);
            values[count++] = (long)Varint();
            return;
        }

        ProtoReader packed = Message();
        // Each varint has one byte without the top bit: its last.
        int more = 0;
        foreach (byte b in packed.Rest())
        {
            more += b < 0x80 ? 1 : 0;
        }

        Grow(ref values, count, more);
        while (packed.Position < packed.end)
        {
            packed.fieldStart = packed.Position;
            values[count++] = (long)packed.Varint();
        }
    }

    /// <summary>Adds one float, or a packed run of them.</summary>
    public void AddFloats(ref float[] values, ref int count)
    {
        if (wire == ProtoWire.Fixed32)
        {
            Grow(ref values, count, 1);
            values[count++] = Float();
            return;
        }

        ReadOnlySpan<byte> packed = Bytes().Span;
        if (packed.Length % sizeof(float) != 0)
        {
            throw Error($"{packed.Length} bytes are no whole number of floats");
        }

        Grow(ref values, count, packed.Length / sizeof(float));
        for (int at = 0; at < packed.Length; at += sizeof(float))
        {
            values[count++] = BinaryPrimitives.ReadSingleLittleEndian(packed[at..]);
        }
    }

    /// <summary>Adds an element to an array that grows by doubling.</summary>
    public readonly void Add<T>(ref T[] values, ref int count, T value)
    {
        Grow(ref values, count, 1);
        values[count++] = value;
    }

    /// <summary>Counts bytes that are about to be allocated; an error where the file is too small to justify them.</summary>
    public readonly void Charge(long bytes)
    {
        if (!file.TryTake(bytes))
        {
            throw Error("more tiny entries than a file of this size may have");
        }
    }

    /// <summary>An error at the field that was begun last.</summary>
    public readonly DataFormatException Error(string problem) => new(file.Name, fieldStart, problem);

    private readonly ReadOnlySpan<byte> Rest() => bytes[Position..end];

    private readonly void Expect(ProtoWire expected)
    {
        if (wire != expected)
        {
            throw Error($"expected the wire type {(int)expected}, got {(int)wire}");
        }
    }

    /// <summary>A length and as many bytes.</summary>
    private ReadOnlySpan<byte> Span()
    {
        ulong count = Varint();
        return count <= (ulong)(end - Position)
            ? Take((int)count)
            : throw Error($"a length of {count} bytes, but {end - Position} are left in the message");
    }

    private ReadOnlySpan<byte> Take(int count)
    {
        if (count > end - Position)
        {
            throw Error($"the message ends within a field of {count} bytes");
        }

        Position += count;
        return bytes.Slice(Position - count, count);
    }

    private ulong Varint()
    {
        ulong value = 0;
        for (int shift = 0; shift < 64; shift += 7)
        {
            if (Position == end)
            {
                throw Error("the message ends within a number");
            }

            byte next = bytes[Position++];
            if (shift == 63 && next > 1)
            {
                break;
            }

            value |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80)
            {
                return value;
            }
        }

        throw Error("a number of more than 64 bits");
    }

    private readonly void Grow<T>(ref T[] values, int count, int more)
    {
        if (more <= values.Length - count)
        {
            return;
        }

        // The first run has its size; single elements double it, from one on: most lists are that long.
        int size = more > 1 ? checked(count + more) : Math.Max(2 * count, 1);
        Charge(24 + ((long)size * Unsafe.SizeOf<T>()));
        Array.Resize(ref values, size);
    }
}
