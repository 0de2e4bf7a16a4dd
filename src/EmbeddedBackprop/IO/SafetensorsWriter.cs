using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace EmbeddedBackprop.IO;

/// <summary>
/// Collects tensors and strings and writes them as a safetensors file, which NumPy, PyTorch and
/// <see cref="SafetensorsFile"/> read. The same calls give the same bytes: entries keep the order in which they were added.
/// </summary>
/// <remarks>
/// Values are copied when they are added, so that training may go on while the file is written. The header is padded
/// with spaces so that the data begin at a multiple of 64 bytes, and carries the sums that
/// <see cref="SafetensorsFile"/> describes.
/// </remarks>
public sealed class SafetensorsWriter
{
    private readonly HashSet<string> _names = new(StringComparer.Ordinal);
    private readonly HashSet<string> _keys = new(StringComparer.Ordinal);
    private readonly StringBuilder _metadata = new();
    private readonly StringBuilder _tensors = new();
    private readonly List<byte[]> _data = [];
    private int _dataLength;

    /// <summary>Adds a string to "__metadata__".</summary>
    /// <param name="key">A name that was not added before, and is not one of the two sums'.</param>
    /// <param name="value">The string.</param>
    /// <exception cref="ArgumentException">The key is taken, one of them is not valid Unicode, or 512 are there already.</exception>
    public void AddMetadata(string key, string value)
    {
        ArgumentNullException.ThrowIfNull(key);
        ArgumentNullException.ThrowIfNull(value);
        if (key is SafetensorsFormat.DataSumKey or SafetensorsFormat.HeaderSumKey)
        {
            throw new ArgumentException($"metadata '{key}': the writer sets this key itself", nameof(key));
        }

        if (_keys.Count == SafetensorsFormat.MaximumMetadataEntries)
        {
            throw new ArgumentException($"metadata '{key}': at most {SafetensorsFormat.MaximumMetadataEntries} entries", nameof(key));
        }

        CheckUnicode(key, nameof(key));
        CheckUnicode(value, nameof(value));
        if (!_keys.Add(key))
        {
            throw new ArgumentException($"metadata '{key}' was added before", nameof(key));
        }

        AppendString(_metadata, key);
        _ = _metadata.Append(':');
        AppendString(_metadata, value);
        _ = _metadata.Append(',');
    }

    /// <summary>Adds a tensor of type F32.</summary>
    /// <param name="name">A name that was not added before.</param>
    /// <param name="shape">The dimensions, outermost first; empty for a scalar.</param>
    /// <param name="values">The elements, row-major, as many as the product of the dimensions.</param>
    /// <exception cref="ArgumentException">The name is taken, or the number of values is not the shape's.</exception>
    public void Add(string name, ReadOnlySpan<int> shape, ReadOnlySpan<float> values)
    {
        int columns = shape.Length == 0 ? 1 : shape[^1];
        AddRows(name, shape, values, columns);
    }

    /// <summary>Adds a tensor of type F32 whose rows lie further apart in memory than they are long; the padding is left out.</summary>
    /// <param name="name">A name that was not added before.</param>
    /// <param name="shape">The dimensions, outermost first; the last is the length of a row.</param>
    /// <param name="values">The rows; the last one may end with or without its padding.</param>
    /// <param name="leadingDimension">Elements from one row's begin to the next one's, at least the length of a row.</param>
    /// <exception cref="ArgumentException">The name is taken, or the number of values is not the shape's.</exception>
    public void AddRows(string name, ReadOnlySpan<int> shape, ReadOnlySpan<float> values, int leadingDimension)
    {
        int elements = Elements(name, shape, sizeof(float));
        int columns = shape.Length == 0 ? 1 : shape[^1];
        int rows = columns == 0 ? 0 : elements / columns;
        ArgumentOutOfRangeException.ThrowIfLessThan(leadingDimension, columns);
        long needed = rows == 0 ? 0 : ((rows - 1L) * leadingDimension) + columns;
        if (values.Length < needed || values.Length > (long)rows * leadingDimension)
        {
            throw new ArgumentException(Text($"tensor '{name}': expected {needed} values, got {values.Length}"), nameof(values));
        }

        byte[] bytes = GC.AllocateUninitializedArray<byte>(elements * sizeof(float));
        for (int row = 0; row < rows; row++)
        {
            Copy(values.Slice(row * leadingDimension, columns), bytes.AsSpan(row * columns * sizeof(float)));
        }

        AddEntry(name, SafetensorsType.F32, shape, bytes);
    }

    /// <summary>Adds a tensor of type I8.</summary>
    /// <inheritdoc cref="Add(string, ReadOnlySpan{int}, ReadOnlySpan{float})"/>
    public void AddIntegers(string name, ReadOnlySpan<int> shape, ReadOnlySpan<sbyte> values) =>
        Add(name, SafetensorsType.I8, shape, MemoryMarshal.AsBytes(values));

    /// <summary>Adds a tensor of type I32.</summary>
    /// <inheritdoc cref="Add(string, ReadOnlySpan{int}, ReadOnlySpan{float})"/>
    public void AddIntegers(string name, ReadOnlySpan<int> shape, ReadOnlySpan<int> values)
    {
        if (BitConverter.IsLittleEndian)
        {
            Add(name, SafetensorsType.I32, shape, MemoryMarshal.AsBytes(values));
            return;
        }

        byte[] bytes = new byte[values.Length * sizeof(int)];
        for (int i = 0; i < values.Length; i++)
        {
            BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(i * sizeof(int)), values[i]);
        }

        Add(name, SafetensorsType.I32, shape, bytes);
    }

    /// <summary>Adds a tensor of any type from its bytes.</summary>
    /// <param name="name">A name that was not added before.</param>
    /// <param name="type">The type of the elements.</param>
    /// <param name="shape">The dimensions, outermost first; empty for a scalar.</param>
    /// <param name="bytes">The elements as the file holds them: row-major, little-endian.</param>
    /// <exception cref="ArgumentException">The name is taken, or the number of bytes is not the shape's.</exception>
    public void Add(string name, SafetensorsType type, ReadOnlySpan<int> shape, ReadOnlySpan<byte> bytes)
    {
        int width = SafetensorsFormat.ElementBytes(type);
        int elements = Elements(name, shape, width);
        if (bytes.Length != elements * width)
        {
            throw new ArgumentException(Text($"tensor '{name}': expected {elements * width} bytes, got {bytes.Length}"), nameof(bytes));
        }

        AddEntry(name, type, shape, bytes.ToArray());
    }

    /// <summary>Writes the file, or leaves the old one unchanged (<see cref="AtomicFile"/>).</summary>
    /// <param name="path">The target; its folder must exist.</param>
    /// <exception cref="IOException">The file cannot be written; the message names it.</exception>
    public void Save(string path) => Save(path, FileOperations.System);

    /// <summary>The file's bytes.</summary>
    public byte[] ToArray()
    {
        using MemoryStream stream = new();
        Write(stream);
        return stream.ToArray();
    }

    /// <summary>Writes the file's bytes to a stream.</summary>
    /// <param name="stream">Receives the bytes; it stays open.</param>
    public void Write(Stream stream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        stream.Write(Header());
        foreach (byte[] bytes in _data)
        {
            stream.Write(bytes);
        }
    }

    internal void Save(string path, FileOperations operations) => AtomicFile.Write(path, Write, operations);

    /// <summary>The header and the length before it.</summary>
    private byte[] Header()
    {
        string zeros = new('0', SafetensorsFormat.SumDigits);
        string begin = $"{{\"{SafetensorsFormat.MetadataName}\":{{{_metadata}\"{SafetensorsFormat.DataSumKey}\":\"";
        string middle = $"{zeros}\",\"{SafetensorsFormat.HeaderSumKey}\":\"";
        string end = $"{zeros}\"}}{_tensors}}}";
        int dataSum = Encoding.UTF8.GetByteCount(begin);
        int headerSum = dataSum + middle.Length;
        int length = headerSum + Encoding.UTF8.GetByteCount(end);
        length += -(SafetensorsFormat.PrefixBytes + length) & (SafetensorsFormat.Alignment - 1);
        byte[] bytes = new byte[SafetensorsFormat.PrefixBytes + length];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, (ulong)length);
        Span<byte> header = bytes.AsSpan(SafetensorsFormat.PrefixBytes);
        header.Fill((byte)' ');
        _ = Encoding.UTF8.GetBytes(begin, header);
        _ = Encoding.UTF8.GetBytes(middle, header[dataSum..]);
        _ = Encoding.UTF8.GetBytes(end, header[headerSum..]);
        SafetensorsFormat.HashData(_data, header.Slice(dataSum, SafetensorsFormat.SumDigits));
        Span<byte> digits = stackalloc byte[SafetensorsFormat.SumDigits];
        SafetensorsFormat.HashHeader(header, headerSum, digits);
        digits.CopyTo(header[headerSum..]);
        return bytes;
    }

    private void AddEntry(string name, SafetensorsType type, ReadOnlySpan<int> shape, byte[] bytes)
    {
        _ = _names.Add(name);
        _data.Add(bytes);
        _ = _tensors.Append(',');
        AppendString(_tensors, name);
        _ = _tensors.Append(":{\"dtype\":\"").Append(SafetensorsFormat.NameOf(type)).Append("\",\"shape\":[");
        for (int i = 0; i < shape.Length; i++)
        {
            _ = _tensors.Append(i == 0 ? "" : ",").Append(CultureInfo.InvariantCulture, $"{shape[i]}");
        }

        _ = _tensors.Append(CultureInfo.InvariantCulture, $"],\"data_offsets\":[{_dataLength},{_dataLength + bytes.Length}]}}");
        _dataLength += bytes.Length;
    }

    /// <summary>Checks name and shape; returns the product of the dimensions.</summary>
    private int Elements(string name, ReadOnlySpan<int> shape, int width)
    {
        ArgumentNullException.ThrowIfNull(name);
        CheckUnicode(name, nameof(name));
        if (name == SafetensorsFormat.MetadataName)
        {
            throw new ArgumentException($"a tensor cannot be named '{name}'", nameof(name));
        }

        if (_names.Contains(name))
        {
            throw new ArgumentException($"tensor '{name}' was added before", nameof(name));
        }

        if (shape.Length > SafetensorsFormat.MaximumRank)
        {
            throw new ArgumentException($"tensor '{name}': at most {SafetensorsFormat.MaximumRank} dimensions", nameof(shape));
        }

        long elements = 1;
        foreach (int dimension in shape)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(dimension, nameof(shape));
            // Both factors are below 2^31 here, so the product is exact.
            elements *= dimension;
            if (elements * width > Array.MaxLength - _dataLength)
            {
                throw new ArgumentException($"tensor '{name}': the file would exceed 2 GB", nameof(shape));
            }
        }

        return (int)elements;
    }

    private static void Copy(ReadOnlySpan<float> values, Span<byte> bytes)
    {
        if (BitConverter.IsLittleEndian)
        {
            MemoryMarshal.AsBytes(values).CopyTo(bytes);
            return;
        }

        for (int i = 0; i < values.Length; i++)
        {
            BinaryPrimitives.WriteSingleLittleEndian(bytes[(i * sizeof(float))..], values[i]);
        }
    }

    private static void CheckUnicode(string text, string parameter)
    {
        try
        {
            _ = SafetensorsFormat.Utf8.GetByteCount(text);
        }
        catch (EncoderFallbackException)
        {
            throw new ArgumentException("the text holds half of a surrogate pair", parameter);
        }
    }

    private static void AppendString(StringBuilder json, string text)
    {
        _ = json.Append('"');
        foreach (char c in text)
        {
            _ = c switch
            {
                '"' or '\\' => json.Append('\\').Append(c),
                < ' ' => json.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}"),
                _ => json.Append(c),
            };
        }

        _ = json.Append('"');
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
