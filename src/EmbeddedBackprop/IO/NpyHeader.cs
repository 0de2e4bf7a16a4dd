using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace EmbeddedBackprop.IO;

/// <summary>
/// The header of an array in NumPy's format: the magic, a version, the length, and the text of a Python dictionary with the keys descr,
/// fortran_order and shape. Python's own reader evaluates the text; this one knows the three keys and their forms, and nothing else.
/// </summary>
/// <remarks>Source: numpy.lib.format, versions 1.0, 2.0 and 3.0.</remarks>
internal ref struct NpyHeader
{
    /// <summary>Of the dictionary: 512 times what NumPy writes for any array of numbers.</summary>
    private const int MaximumBytes = 1 << 16;

    private readonly ReadOnlySpan<byte> text;
    private readonly string file;
    private readonly long start;
    private int position;

    private NpyHeader(ReadOnlySpan<byte> text, string file, long start)
    {
        this.text = text;
        this.file = file;
        this.start = start;
    }

    private static ReadOnlySpan<byte> Magic => [0x93, (byte)'N', (byte)'U', (byte)'M', (byte)'P', (byte)'Y'];

    /// <summary>Reads the header of an array.</summary>
    /// <param name="bytes">The whole array, header and elements.</param>
    /// <param name="file">The file's name in messages.</param>
    /// <param name="offset">Bytes of the file before the array.</param>
    /// <param name="type">The type of the elements.</param>
    /// <param name="shape">The dimensions, outermost first.</param>
    /// <param name="columnsFirst">Whether the first index runs fastest (Fortran order) in memory.</param>
    /// <returns>Bytes of the header, after which the elements begin.</returns>
    /// <exception cref="DataFormatException">The bytes do not follow the format, or the elements are not as many as the shape says.</exception>
    public static int Read(ReadOnlySpan<byte> bytes, string file, long offset, out SafetensorsType type, out int[] shape, out bool columnsFirst)
    {
        int fixedBytes = Magic.Length + 2;
        if (bytes.Length < fixedBytes + sizeof(ushort) || !bytes.StartsWith(Magic))
        {
            throw new DataFormatException(file, offset, "this is no array of NumPy: it does not begin with the byte 0x93 and NUMPY");
        }

        byte version = bytes[Magic.Length];
        if (version is < 1 or > 3 || bytes[Magic.Length + 1] != 0)
        {
            throw new DataFormatException(
                file, offset + Magic.Length, Text($"versions 1.0, 2.0 and 3.0 are read, got {version}.{bytes[Magic.Length + 1]}"));
        }

        int lengthBytes = version == 1 ? sizeof(ushort) : sizeof(uint);
        int begin = fixedBytes + lengthBytes;
        if (bytes.Length < begin)
        {
            throw new DataFormatException(file, offset + bytes.Length, "the array ends within its header's length");
        }

        uint length = version == 1
            ? BinaryPrimitives.ReadUInt16LittleEndian(bytes[fixedBytes..])
            : BinaryPrimitives.ReadUInt32LittleEndian(bytes[fixedBytes..]);
        if (length > MaximumBytes || length > (uint)(bytes.Length - begin))
        {
            throw new DataFormatException(
                file, offset + fixedBytes, Text($"a header of {length} bytes: {MaximumBytes} are the limit, and {bytes.Length - begin} are there"));
        }

        NpyHeader header = new(bytes.Slice(begin, (int)length), file, offset + begin);
        long elements = header.Dictionary(out type, out shape, out columnsFirst);
        long expected = begin + length + (elements * SafetensorsFormat.ElementBytes(type));
        return expected == bytes.Length
            ? begin + (int)length
            : throw new DataFormatException(file, offset + bytes.Length, Text($"header and elements are {expected} bytes, got {bytes.Length}"));
    }

    /// <summary>The dictionary; returns the number of elements.</summary>
    private long Dictionary(out SafetensorsType type, out int[] shape, out bool columnsFirst)
    {
        (bool hasType, bool hasOrder, long elements) = (false, false, -1);
        (type, shape, columnsFirst) = (default, [], false);
        Expect((byte)'{');
        while (!Skip((byte)'}'))
        {
            int at = position;
            ReadOnlySpan<byte> key = String();
            Expect((byte)':');
            if (key.SequenceEqual("descr"u8) && !hasType)
            {
                type = Type();
                hasType = true;
            }
            else if (key.SequenceEqual("fortran_order"u8) && !hasOrder)
            {
                columnsFirst = Bool();
                hasOrder = true;
            }
            else if (key.SequenceEqual("shape"u8) && elements < 0)
            {
                elements = Shape(out shape);
            }
            else
            {
                throw Error(at, "expected each of the keys 'descr', 'fortran_order' and 'shape' once");
            }

            if (!Skip((byte)','))
            {
                Expect((byte)'}');
                break;
            }
        }

        if (!hasType || !hasOrder || elements < 0)
        {
            throw Error(position, "expected the keys 'descr', 'fortran_order' and 'shape'");
        }

        int end = position;
        return text[end..].IndexOfAnyExcept((byte)' ', (byte)'\n') < 0 ? elements : throw Error(end, "expected the end of the header");
    }

    private SafetensorsType Type()
    {
        Blank();
        int at = position;
        ReadOnlySpan<byte> name = String();
        return name switch
        {
            _ when name.SequenceEqual("<f4"u8) => SafetensorsType.F32,
            _ when name.SequenceEqual("<f8"u8) => SafetensorsType.F64,
            _ when name.SequenceEqual("<f2"u8) => SafetensorsType.F16,
            _ when name.SequenceEqual("<i8"u8) => SafetensorsType.I64,
            _ when name.SequenceEqual("<i4"u8) => SafetensorsType.I32,
            _ when name.SequenceEqual("<i2"u8) => SafetensorsType.I16,
            _ when name.SequenceEqual("|i1"u8) => SafetensorsType.I8,
            _ when name.SequenceEqual("<u8"u8) => SafetensorsType.U64,
            _ when name.SequenceEqual("<u4"u8) => SafetensorsType.U32,
            _ when name.SequenceEqual("<u2"u8) => SafetensorsType.U16,
            _ when name.SequenceEqual("|u1"u8) => SafetensorsType.U8,
            _ when name.SequenceEqual("|b1"u8) => SafetensorsType.BOOL,
            _ => throw Error(at, "little-endian numbers are read (<f4, <f8, <f2, and integers); other types and objects are not"),
        };
    }

    private bool Bool()
    {
        Blank();
        bool value = text[position..].StartsWith("True"u8);
        if (!value && !text[position..].StartsWith("False"u8))
        {
            throw Error(position, "expected True or False");
        }

        position += value ? 4 : 5;
        return value;
    }

    /// <summary>A tuple of whole numbers; returns their product.</summary>
    private long Shape(out int[] shape)
    {
        Span<int> sizes = stackalloc int[SafetensorsFormat.MaximumRank];
        int rank = 0;
        long elements = 1;
        bool comma = true;
        Expect((byte)'(');
        while (!Skip((byte)')'))
        {
            if (!comma)
            {
                throw Error(position, "expected a comma between two sizes");
            }

            int at = position;
            int size = Size();
            if (rank == sizes.Length)
            {
                throw Error(at, Text($"at most {SafetensorsFormat.MaximumRank} dimensions are read"));
            }

            sizes[rank++] = size;
            // Both factors are below 2^31 here, so the product is exact.
            elements *= size;
            if (elements > Array.MaxLength)
            {
                throw Error(at, "an array of more than 2 G elements is not read");
            }

            comma = Skip((byte)',');
        }

        // In Python (3) is a number and (3,) a tuple.
        if (rank == 1 && !comma)
        {
            throw Error(position, "expected a comma after the only size");
        }

        shape = sizes[..rank].ToArray();
        return elements;
    }

    private int Size()
    {
        int at = position;
        long size = 0;
        while (position < text.Length && char.IsAsciiDigit((char)text[position]))
        {
            size = (size * 10) + (text[position++] - '0');
            if (size > int.MaxValue)
            {
                throw Error(at, "a size of more than 2^31 - 1 is not read");
            }
        }

        return position > at && (text[at] != '0' || position == at + 1) ? (int)size : throw Error(at, "expected a whole number");
    }

    /// <summary>A string without escapes, in single or double quotes.</summary>
    private ReadOnlySpan<byte> String()
    {
        Blank();
        int at = position;
        if (at < text.Length && text[at] is (byte)'\'' or (byte)'"')
        {
            int length = text[(at + 1)..].IndexOf(text[at]);
            if (length >= 0 && !text.Slice(at + 1, length).ContainsAny((byte)'\\', (byte)'\n'))
            {
                position = at + length + 2;
                return text.Slice(at + 1, length);
            }
        }

        throw Error(at, "expected a string in quotes");
    }

    private void Expect(byte character)
    {
        if (!Skip(character))
        {
            throw Error(position, $"expected '{(char)character}'");
        }
    }

    /// <summary>Whether this character follows, after blanks; it is then passed.</summary>
    private bool Skip(byte character)
    {
        Blank();
        if (position == text.Length || text[position] != character)
        {
            return false;
        }

        position++;
        return true;
    }

    private void Blank()
    {
        while (position < text.Length && text[position] == ' ')
        {
            position++;
        }
    }

    private readonly DataFormatException Error(int at, string problem) => new(file, start + at, $"the array's header: {problem}");

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    /// <summary>The header that NumPy reads as an array in C order, padded so that the elements begin at a multiple of 64 bytes.</summary>
    public static byte[] Write(SafetensorsType type, ReadOnlySpan<int> shape)
    {
        StringBuilder dictionary = new();
        _ = dictionary.Append("{'descr': '").Append(NameOf(type)).Append("', 'fortran_order': False, 'shape': (");
        for (int i = 0; i < shape.Length; i++)
        {
            _ = dictionary.Append(CultureInfo.InvariantCulture, $"{(i == 0 ? "" : " ")}{shape[i]}{(i == shape.Length - 1 && i > 0 ? "" : ",")}");
        }

        _ = dictionary.Append("), }");
        int begin = Magic.Length + 2 + sizeof(ushort), length = dictionary.Length + 1;
        length += -(begin + length) & (SafetensorsFormat.Alignment - 1);
        byte[] bytes = new byte[begin + length];
        Magic.CopyTo(bytes);
        bytes[Magic.Length] = 1;
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(Magic.Length + 2), (ushort)length);
        bytes.AsSpan(begin).Fill((byte)' ');
        _ = Encoding.ASCII.GetBytes(dictionary.ToString(), bytes.AsSpan(begin));
        bytes[^1] = (byte)'\n';
        return bytes;
    }

    private static string NameOf(SafetensorsType type) => type switch
    {
        SafetensorsType.F32 => "<f4",
        SafetensorsType.I64 => "<i8",
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "weights are written as binary32"),
    };
}
