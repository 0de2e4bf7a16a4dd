using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace EmbeddedBackprop.IO;

/// <summary>
/// Collects arrays of binary32 and writes them as an archive that numpy.load and <see cref="NpzFile"/> read: not compressed, in the order of
/// the calls. The same calls give the same bytes.
/// </summary>
public sealed class NpzWriter
{
    private const int FileBytes = 30, EntryBytes = 46, EndBytes = 22;

    /// <summary>1 January 1980, the format's first day: archives tell no time, so that the same weights give the same bytes.</summary>
    private const int Date = (1 << 5) | 1;

    private readonly HashSet<string> names = new(StringComparer.Ordinal);
    private readonly ArrayBufferWriter<byte> files = new();
    private readonly ArrayBufferWriter<byte> directory = new();

    /// <summary>Adds an array.</summary>
    /// <param name="name">A name that was not added before, without ".npy".</param>
    /// <param name="shape">The dimensions, outermost first; empty for a scalar.</param>
    /// <param name="values">The elements, row-major, as many as the product of the dimensions.</param>
    /// <exception cref="ArgumentException">
    /// The name is taken or no valid Unicode, the number of values is not the shape's, or there are 65,535 arrays or 2 GB.
    /// </exception>
    public void Add(string name, ReadOnlySpan<int> shape, ReadOnlySpan<float> values) => Add(name, NpyArray.ToArray(shape, values));

    /// <summary>Adds a scalar of 64 bits, as PyTorch counts batches.</summary>
    internal void AddInteger(string name, long value)
    {
        byte[] bytes = new byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, value);
        Add(name, [.. NpyHeader.Write(SafetensorsType.I64, []), .. bytes]);
    }

    /// <summary>Writes the file, or leaves the old one unchanged (<see cref="AtomicFile"/>).</summary>
    /// <param name="path">The target; its folder must exist.</param>
    /// <exception cref="IOException">The file cannot be written; the message names it.</exception>
    public void Save(string path) => AtomicFile.Write(path, Write);

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
        stream.Write(files.WrittenSpan);
        stream.Write(directory.WrittenSpan);
        Span<byte> end = stackalloc byte[EndBytes];
        end.Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(end, 0x06054B50);
        BinaryPrimitives.WriteUInt16LittleEndian(end[8..], (ushort)names.Count);
        BinaryPrimitives.WriteUInt16LittleEndian(end[10..], (ushort)names.Count);
        BinaryPrimitives.WriteUInt32LittleEndian(end[12..], (uint)directory.WrittenCount);
        BinaryPrimitives.WriteUInt32LittleEndian(end[16..], (uint)files.WrittenCount);
        stream.Write(end);
    }

    private void Add(string name, byte[] array)
    {
        ArgumentNullException.ThrowIfNull(name);
        byte[] entry;
        try
        {
            entry = SafetensorsFormat.Utf8.GetBytes(name + ".npy");
        }
        catch (EncoderFallbackException)
        {
            throw new ArgumentException("the name holds half of a surrogate pair", nameof(name));
        }

        long length = (long)files.WrittenCount + directory.WrittenCount + array.Length + FileBytes + EntryBytes + (2L * entry.Length) + EndBytes;
        if (entry.Length > ushort.MaxValue || names.Count == ushort.MaxValue || length > Array.MaxLength)
        {
            throw new ArgumentException($"array '{name}': at most 65,535 arrays, names of 65,531 bytes, and 2 GB", nameof(name));
        }

        if (!names.Add(name))
        {
            throw new ArgumentException($"array '{name}' was added before", nameof(name));
        }

        // The common fields of both headers: version 2.0, names in UTF-8, stored, date, sum, sizes, length of the name.
        Span<byte> common = stackalloc byte[26];
        common.Clear();
        BinaryPrimitives.WriteUInt16LittleEndian(common, 20);
        BinaryPrimitives.WriteUInt16LittleEndian(common[2..], 2048);
        BinaryPrimitives.WriteUInt16LittleEndian(common[8..], Date);
        BinaryPrimitives.WriteUInt32LittleEndian(common[10..], Crc32.Of(array));
        BinaryPrimitives.WriteUInt32LittleEndian(common[14..], (uint)array.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(common[18..], (uint)array.Length);
        BinaryPrimitives.WriteUInt16LittleEndian(common[22..], (ushort)entry.Length);
        uint begin = (uint)files.WrittenCount;
        files.Write("PK\x3\x4"u8);
        files.Write(common);
        files.Write(entry);
        files.Write(array);

        directory.Write("PK\x1\x2"u8);
        directory.Write<byte>([20, 0]);
        directory.Write(common);
        Span<byte> last = stackalloc byte[EntryBytes - 4 - 2 - 26];
        last.Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(last[^4..], begin);
        directory.Write(last);
        directory.Write(entry);
    }
}
