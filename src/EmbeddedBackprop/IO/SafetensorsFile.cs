using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace EmbeddedBackprop.IO;

/// <summary>
/// A safetensors file in memory: named tensors and a table of strings. The format: the header's length (8 bytes,
/// little-endian), the header (JSON: name to dtype, shape, data_offsets; "__metadata__" to strings), the data.
/// </summary>
/// <remarks>
/// Strict: every byte of the data belongs to exactly one tensor, no name occurs twice, nothing follows the data. Files
/// that <see cref="SafetensorsWriter"/> wrote carry two SHA-256 sums in their metadata, "sha256.data" over the data and
/// "sha256.header" over the header with that value's 64 digits counted as zeros; both are checked when they are there.
/// Besides the file's own bytes, reading allocates at most three times its size and 64 KiB, in linear time (a header
/// whose tensors are not in the order of their data is sorted). At most 512 metadata entries, 8 dimensions, a header of
/// 100,000,000 bytes, and a file of 2 GB are read.
/// </remarks>
public sealed class SafetensorsFile
{
    private readonly ReadOnlyMemory<byte> _file;
    private readonly SafetensorsTensor[] _tensors;
    private readonly Dictionary<string, SafetensorsTensor> _byName;
    private readonly Dictionary<string, string> _metadata;
    private int _tensorCount;

    private SafetensorsFile(ReadOnlyMemory<byte> file, string name, int dataStart, in SafetensorsHeader header)
    {
        _file = file;
        Name = name;
        DataStart = dataStart;
        HasChecksums = header.DataSumStart >= 0;
        Shapes = header.DimensionCount == 0 ? [] : new int[header.DimensionCount];
        _tensors = header.TensorCount == 0 ? [] : new SafetensorsTensor[header.TensorCount];
        _byName = new Dictionary<string, SafetensorsTensor>(header.TensorCount, StringComparer.Ordinal);
        _metadata = new Dictionary<string, string>(header.MetadataCount, StringComparer.Ordinal);
    }

    /// <summary>The name that messages give the file: its path, or the caller's name.</summary>
    public string Name { get; }

    /// <summary>Bytes of the file.</summary>
    internal int Length => _file.Length;

    /// <summary>Whether the file carries its two sums (they were right, or it would not have been read).</summary>
    public bool HasChecksums { get; }

    /// <summary>The strings of "__metadata__" without the two sums.</summary>
    public IReadOnlyDictionary<string, string> Metadata => _metadata;

    /// <summary>The tensors in the order of the header.</summary>
    public IReadOnlyList<SafetensorsTensor> Tensors => _tensors;

    internal int DataStart { get; }

    internal ReadOnlySpan<byte> Data => _file.Span[DataStart..];

    /// <summary>All shapes, one after the other: one array instead of one for each tensor of a file of tiny tensors.</summary>
    internal int[] Shapes { get; }

    /// <summary>Reads a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="requireChecksums">True refuses a file without the two sums, such as other programs write.</param>
    /// <exception cref="DataFormatException">The file does not follow the format, or a sum is wrong.</exception>
    /// <exception cref="IOException">The file is missing or cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be read, or is a folder.</exception>
    public static SafetensorsFile Read(string path, bool requireChecksums = false) => Parse(WholeFile.Read(path), path, requireChecksums);

    /// <summary>Reads a stream from where it is to its end; it stays open. Of a stream that tells its length nothing is copied twice.</summary>
    /// <param name="stream">A file's bytes: an embedded resource, a response, an archive's entry.</param>
    /// <param name="name">The stream's name in messages.</param>
    /// <param name="requireChecksums">True refuses a file without the two sums, such as other programs write.</param>
    /// <param name="maximumBytes">More bytes than these are not read: a bound on memory for streams that nobody vouches for.</param>
    /// <exception cref="DataFormatException">The bytes do not follow the format, a sum is wrong, or there are too many.</exception>
    /// <exception cref="IOException">The stream cannot be read.</exception>
    public static SafetensorsFile Read(Stream stream, string name, bool requireChecksums = false, int maximumBytes = int.MaxValue)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentNullException.ThrowIfNull(name);
        return Parse(SafetensorsStream.Read(stream, name, Math.Min(maximumBytes, Array.MaxLength)), name, requireChecksums);
    }

    /// <summary>Reads a file's bytes, which must stay as they are while the result is in use.</summary>
    /// <param name="file">The whole file.</param>
    /// <param name="name">The file's name in messages.</param>
    /// <param name="requireChecksums">True refuses a file without the two sums, such as other programs write.</param>
    /// <exception cref="DataFormatException">The bytes do not follow the format, or a sum is wrong.</exception>
    public static SafetensorsFile Parse(ReadOnlyMemory<byte> file, string name, bool requireChecksums = false)
    {
        ArgumentNullException.ThrowIfNull(name);
        ReadOnlySpan<byte> bytes = file.Span;
        int headerLength = HeaderLength(bytes, name);
        int dataStart = SafetensorsFormat.PrefixBytes + headerLength;
        ReadOnlySpan<byte> data = bytes[dataStart..];
        SafetensorsHeader header = new(bytes[SafetensorsFormat.PrefixBytes..dataStart], name, data.Length);
        header.Walk(fill: null);
        CheckSums(bytes[SafetensorsFormat.PrefixBytes..dataStart], data, name, header, requireChecksums);
        SafetensorsFile result = new(file, name, dataStart, header);
        header.Walk(result);
        if (!header.InOrder)
        {
            result.CheckCover();
        }

        return result;
    }

    /// <summary>The tensor of this name, if there is one.</summary>
    /// <param name="name">The name, compared byte by byte.</param>
    /// <param name="tensor">The tensor, or null.</param>
    public bool TryGetTensor(string name, [NotNullWhen(true)] out SafetensorsTensor? tensor) => _byName.TryGetValue(name, out tensor);

    /// <summary>The tensor of this name.</summary>
    /// <param name="name">The name, compared byte by byte.</param>
    /// <exception cref="DataFormatException">The file has no such tensor.</exception>
    public SafetensorsTensor GetTensor(string name) =>
        TryGetTensor(name, out SafetensorsTensor? tensor) ? tensor : throw Error($"there is no tensor '{name}'");

    /// <summary>The metadata string of this name.</summary>
    /// <param name="key">The name, compared byte by byte.</param>
    /// <exception cref="DataFormatException">The file has no such string.</exception>
    public string GetMetadata(string key) =>
        _metadata.TryGetValue(key, out string? value) ? value : throw Error($"there is no metadata '{key}'");

    /// <summary>An error of the header that only the file's user can detect.</summary>
    /// <param name="problem">The expected and the found.</param>
    public DataFormatException Error(string problem) => new(Name, SafetensorsFormat.PrefixBytes, problem);

    internal bool TryAddTensor(SafetensorsTensor tensor)
    {
        _tensors[_tensorCount++] = tensor;
        return _byName.TryAdd(tensor.Name, tensor);
    }

    internal bool TryAddMetadata(string key, string value) => _metadata.TryAdd(key, value);

    private static int HeaderLength(ReadOnlySpan<byte> file, string name)
    {
        if (file.Length < SafetensorsFormat.PrefixBytes)
        {
            throw new DataFormatException(name, file.Length, "the file ends within the header's length");
        }

        ulong length = ClaimedHeaderLength(file, name);
        if (length > (ulong)(file.Length - SafetensorsFormat.PrefixBytes))
        {
            throw new DataFormatException(name, file.Length, Text($"the file ends within its header of {length} bytes"));
        }

        return (int)length;
    }

    /// <summary>The header's length that the first bytes tell.</summary>
    /// <exception cref="DataFormatException">No file has a header of this length.</exception>
    internal static ulong ClaimedHeaderLength(ReadOnlySpan<byte> file, string name)
    {
        ulong length = BinaryPrimitives.ReadUInt64LittleEndian(file);
        if (length > SafetensorsFormat.MaximumHeaderBytes)
        {
            throw new DataFormatException(name, 0, Text($"a header of {length} bytes is beyond the limit of {SafetensorsFormat.MaximumHeaderBytes}"));
        }

        if (length < 2)
        {
            throw new DataFormatException(name, 0, Text($"a header of {length} bytes cannot hold {{}}"));
        }

        return length;
    }

    private static void CheckSums(ReadOnlySpan<byte> header, ReadOnlySpan<byte> data, string name, in SafetensorsHeader places, bool required)
    {
        int dataSum = places.DataSumStart, headerSum = places.HeaderSumStart;
        // Both or none: a damaged name of one sum must not switch the check off.
        if (dataSum < 0 != headerSum < 0)
        {
            throw new DataFormatException(name, SafetensorsFormat.PrefixBytes, "one of the two sums (sha256.data, sha256.header) is missing");
        }

        if (dataSum < 0)
        {
            if (required)
            {
                throw new DataFormatException(name, SafetensorsFormat.PrefixBytes, "the sums sha256.data and sha256.header are missing");
            }

            return;
        }

        Span<byte> digits = stackalloc byte[SafetensorsFormat.SumDigits];
        SafetensorsFormat.HashHeader(header, headerSum, digits);
        if (!digits.SequenceEqual(header.Slice(headerSum, SafetensorsFormat.SumDigits)))
        {
            throw new DataFormatException(name, SafetensorsFormat.PrefixBytes, "the header is damaged: its SHA-256 is not the one written in it");
        }

        SafetensorsFormat.HashData(data, digits);
        if (!digits.SequenceEqual(header.Slice(dataSum, SafetensorsFormat.SumDigits)))
        {
            throw new DataFormatException(
                name,
                SafetensorsFormat.PrefixBytes + header.Length,
                "the data are damaged: their SHA-256 is not the one written in the header");
        }
    }

    /// <summary>The ranges, sorted, must follow each other without hole or overlap up to the data's end.</summary>
    private void CheckCover()
    {
        // Begin and end in one number: empty tensors come before the one that begins at their offset.
        ulong[] ranges = new ulong[_tensors.Length];
        for (int i = 0; i < ranges.Length; i++)
        {
            ranges[i] = _tensors[i].Range;
        }

        Array.Sort(ranges);
        int covered = 0;
        foreach (ulong range in ranges)
        {
            int begin = (int)(range >> 32), end = (int)(uint)range;
            if (begin != covered)
            {
                throw new DataFormatException(Name, DataStart + (long)Math.Min(begin, covered), begin > covered
                    ? Text($"bytes {covered}..{begin} of the data belong to no tensor")
                    : Text($"bytes {begin}..{Math.Min(covered, end)} of the data belong to two tensors"));
            }

            covered = end;
        }

        if (covered != Data.Length)
        {
            throw new DataFormatException(Name, DataStart + (long)covered, Text($"{Data.Length - covered} bytes after the last tensor"));
        }
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
