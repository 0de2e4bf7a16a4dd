using System.Buffers.Binary;
using System.Globalization;
using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Text;

namespace EmbeddedBackprop.IO;

/// <summary>
/// The files of a zip archive that NumPy or a like writer made. Stricter than the format: the files follow each other from the first byte on, in the
/// order of the directory; then comes the directory, then the end record, and nothing else. So no byte belongs to two files.
/// </summary>
/// <remarks>
/// Stored and deflated files are read, not encrypted ones, other methods, or archives with Zip64 records (beyond 4 GB). Check sums are checked. A
/// deflated file's declared size is checked against the limit of deflate (1032 times its bytes) and against the caller's before it is allocated.
/// Source: PKWARE's APPNOTE 6.3.
/// </remarks>
internal ref struct ZipArchiveReader
{
    private const uint EndSignature = 0x06054B50, EntrySignature = 0x02014B50, FileSignature = 0x04034B50, DescriptorSignature = 0x08074B50;
    private const int EndBytes = 22, EntryBytes = 46, FileBytes = 30;

    /// <summary>Flags that change nothing for a reader: the deflater's effort, a descriptor after the data, a name in UTF-8.</summary>
    private const int EffortFlags = 6, DescriptorFlag = 8, Utf8Flag = 2048;

    /// <summary>Deflate makes at most 1032 bytes of one.</summary>
    private const long DeflateRatio = 1032;

    private readonly ReadOnlyMemory<byte> archive;
    private readonly string file;
    private readonly int directoryEnd;
    private int position;
    private int covered;
    private long left;

    /// <param name="archive">The whole file.</param>
    /// <param name="file">Its name in messages.</param>
    /// <param name="limit">The most bytes that all deflated files may have together.</param>
    public ZipArchiveReader(ReadOnlyMemory<byte> archive, string file, long limit)
    {
        this.archive = archive;
        this.file = file;
        left = limit;
        ReadOnlySpan<byte> bytes = archive.Span;
        directoryEnd = bytes.Length - EndBytes;
        if (directoryEnd < 0 || Four(bytes, directoryEnd) != EndSignature || Two(bytes, directoryEnd + 20) != 0)
        {
            throw Error(Math.Max(directoryEnd, 0), "this is no zip archive that ends with its end record, without a comment");
        }

        Count = Two(bytes, directoryEnd + 10);
        uint size = Four(bytes, directoryEnd + 12), start = Four(bytes, directoryEnd + 16);
        if (Four(bytes, directoryEnd + 4) != 0
            || Two(bytes, directoryEnd + 8) != Count
            || (ulong)start + size != (ulong)directoryEnd
            || size / EntryBytes < Count)
        {
            throw Error(directoryEnd, "the directory does not lie before the end record (archives in parts and Zip64 are not read)");
        }

        position = DirectoryStart = (int)start;
    }

    /// <summary>Files, as the end record says.</summary>
    public int Count { get; }

    private int DirectoryStart { get; }

    /// <summary>The next file; false at the end of the directory.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="contents">Its bytes: those of the archive where it is stored.</param>
    /// <param name="offset">Where the bytes of the archive begin that hold it.</param>
    public bool Next(out string name, out ReadOnlyMemory<byte> contents, out int offset)
    {
        (name, contents, offset) = ("", default, covered);
        if (position == directoryEnd)
        {
            return covered == DirectoryStart ? false : throw Error(covered, "bytes before the directory belong to no file");
        }

        ReadOnlySpan<byte> bytes = archive.Span;
        int entry = position;
        if (directoryEnd - entry < EntryBytes || Four(bytes, entry) != EntrySignature)
        {
            throw Error(entry, "expected an entry of the directory");
        }

        int flags = Two(bytes, entry + 8), method = Two(bytes, entry + 10), nameBytes = Two(bytes, entry + 28);
        uint sum = Four(bytes, entry + 16), packed = Four(bytes, entry + 20), size = Four(bytes, entry + 24), local = Four(bytes, entry + 42);
        long next = (long)entry + EntryBytes + nameBytes + Two(bytes, entry + 30) + Two(bytes, entry + 32);
        if (next > directoryEnd)
        {
            throw Error(entry, "the entry does not end within the directory");
        }

        if ((flags & ~(EffortFlags | DescriptorFlag | Utf8Flag)) != 0 || method is not (0 or 8) || (method == 0 && packed != size))
        {
            throw Error(entry, "only files that are stored or deflated, and not encrypted, are read");
        }

        name = Name(bytes.Slice(entry + EntryBytes, nameBytes), flags, entry);
        int begin = Begin(bytes, entry, local, nameBytes);
        if (packed > (uint)(DirectoryStart - begin))
        {
            throw Error(entry, Text($"'{name}' does not end before the directory"));
        }

        offset = begin;
        contents = method == 0 ? archive.Slice(begin, (int)packed) : Inflate(packed, size, name, begin);
        if (Crc32.Of(contents.Span) != sum)
        {
            throw Error(begin, $"'{name}' is damaged: its CRC-32 is not the one in the directory");
        }

        covered = begin + (int)packed;
        if ((flags & DescriptorFlag) != 0)
        {
            covered += Descriptor(bytes[covered..DirectoryStart], sum, packed, size);
        }

        position = (int)next;
        return true;
    }

    /// <summary>The first byte of a file's data. Its own header must say what the directory says: other readers may believe it instead.</summary>
    private readonly int Begin(ReadOnlySpan<byte> bytes, int entry, uint local, int nameBytes)
    {
        const uint InExtra = uint.MaxValue;
        if (local != (uint)covered || DirectoryStart - covered < FileBytes || Four(bytes, covered) != FileSignature)
        {
            throw Error(entry, Text($"the file is expected to begin at byte {covered}"));
        }

        // NumPy leaves room for sizes beyond 4 GB: then they are 2^32 - 1 here, and in a further field.
        bool later = (Two(bytes, covered + 6) & DescriptorFlag) != 0;
        uint packed = Four(bytes, covered + 18), size = Four(bytes, covered + 22);
        long begin = (long)covered + FileBytes + nameBytes + Two(bytes, covered + 28);
        bool same = bytes.Slice(covered + 6, 4).SequenceEqual(bytes.Slice(entry + 8, 4))
            && Two(bytes, covered + 26) == nameBytes
            && begin <= DirectoryStart
            && bytes.Slice(covered + FileBytes, nameBytes).SequenceEqual(bytes.Slice(entry + EntryBytes, nameBytes))
            && (later
                || (Four(bytes, covered + 14) == Four(bytes, entry + 16)
                    && (packed == Four(bytes, entry + 20) || packed == InExtra)
                    && (size == Four(bytes, entry + 24) || size == InExtra)));
        return same ? (int)begin : throw Error(covered, "the file's own header differs from the directory");
    }

    /// <summary>Bytes of the sums after data whose size was unknown when they were begun.</summary>
    private readonly int Descriptor(ReadOnlySpan<byte> bytes, uint sum, uint packed, uint size)
    {
        int start = bytes.Length >= 4 && Four(bytes, 0) == DescriptorSignature ? 4 : 0;
        foreach (int width in (ReadOnlySpan<int>)[4, 8])
        {
            if (bytes.Length >= start + 4 + (2 * width)
                && Four(bytes, start) == sum
                && Size(bytes[(start + 4)..], width) == packed
                && Size(bytes[(start + 4 + width)..], width) == size)
            {
                return start + 4 + (2 * width);
            }
        }

        throw Error(covered, "the sums after the file differ from the directory");
    }

    private static ulong Size(ReadOnlySpan<byte> bytes, int width) =>
        width == 4 ? BinaryPrimitives.ReadUInt32LittleEndian(bytes) : BinaryPrimitives.ReadUInt64LittleEndian(bytes);

    private readonly string Name(ReadOnlySpan<byte> bytes, int flags, int entry)
    {
        try
        {
            return (flags & Utf8Flag) != 0 ? SafetensorsFormat.Utf8.GetString(bytes)
                : Ascii.IsValid(bytes) ? Encoding.ASCII.GetString(bytes)
                : throw Error(entry, "the name is neither ASCII nor marked as UTF-8");
        }
        catch (DecoderFallbackException)
        {
            throw Error(entry, "the name is not UTF-8");
        }
    }

    private byte[] Inflate(uint packed, uint size, string name, int begin)
    {
        left -= size;
        if (left < 0 || size > packed * DeflateRatio || size > (uint)Array.MaxLength)
        {
            throw Error(begin, Text($"'{name}' is {size} bytes when inflated, beyond the limit"));
        }

        byte[] contents = GC.AllocateUninitializedArray<byte>((int)size);
        if (!MemoryMarshal.TryGetArray(archive.Slice(begin, (int)packed), out ArraySegment<byte> segment))
        {
            segment = archive.Slice(begin, (int)packed).ToArray();
        }

        try
        {
            using MemoryStream stream = new(segment.Array!, segment.Offset, segment.Count, writable: false);
            using DeflateStream inflater = new(stream, CompressionMode.Decompress);
            if (inflater.ReadAtLeast(contents, contents.Length, throwOnEndOfStream: false) == contents.Length && inflater.ReadByte() < 0)
            {
                return contents;
            }
        }
        catch (Exception exception) when (exception is InvalidDataException or IOException)
        {
            throw new DataFormatException(file, begin, $"'{name}': {exception.Message}", exception);
        }

        throw Error(begin, Text($"'{name}' is not {size} bytes when inflated"));
    }

    private readonly DataFormatException Error(int offset, string problem) => new(file, offset, problem);

    private static int Two(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt16LittleEndian(bytes[at..]);

    private static uint Four(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[at..]);

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
