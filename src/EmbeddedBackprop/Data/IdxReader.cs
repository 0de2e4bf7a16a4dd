using System.Buffers.Binary;
using System.IO.Compression;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.IO;

namespace EmbeddedBackprop.Data;

/// <summary>
/// Reads IDX files of unsigned bytes (the format of the MNIST database), plain or compressed by gzip:
/// the bytes 0, 0, 8 and the number of dimensions, then each dimension as a big-endian 32-bit integer, then the data.
/// </summary>
/// <remarks>
/// The reader is strict: whatever does not follow the format, down to one byte too many, is a <see cref="DataFormatException"/>.
/// Sizes are checked against the limit and against the file's length before anything is allocated.
/// Offsets in messages about a compressed file count its decompressed bytes.
/// </remarks>
public static class IdxReader
{
    /// <summary>The largest data size that is read unless the caller says otherwise: 1 GiB.</summary>
    public const long DefaultLimit = 1L << 30;

    /// <summary>The largest number of dimensions.</summary>
    public const int MaximumDimensions = 4;

    /// <summary>Bytes that are read at once: a mebibyte.</summary>
    private const int Piece = 1 << 20;

    // Deflate's densest code: 258 bytes out of two bits.
    private const long HighestCompression = 1032;

    /// <summary>Reads a file; compression is recognised by its first two bytes, not by its name.</summary>
    /// <param name="path">The file.</param>
    /// <param name="limit">The largest data size that is accepted, in bytes.</param>
    /// <exception cref="DataFormatException">The file does not follow the format, or declares more than the limit.</exception>
    /// <exception cref="IOException">The file cannot be opened or read.</exception>
    public static IdxArray Read(string path, long limit = DefaultLimit) => Read(path, limit, progress: null, cancellation: default);

    /// <summary>The same for a file that takes long.</summary>
    /// <param name="path">The file.</param>
    /// <param name="limit">The largest data size that is accepted, in bytes.</param>
    /// <param name="progress">Called after each mebibyte, with the bytes so far, decompressed ones of a compressed file; null for none.</param>
    /// <param name="cancellation">Ends the reading after the current mebibyte.</param>
    /// <exception cref="DataFormatException">The file does not follow the format, or declares more than the limit.</exception>
    /// <exception cref="IOException">The file cannot be opened or read.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static IdxArray Read(string path, long limit, Action<long>? progress, CancellationToken cancellation)
    {
        using FileStream stream = WholeFile.Open(path);
        return Read(stream, path, limit, progress, cancellation);
    }

    /// <summary>Reads everything that is left of a stream.</summary>
    /// <param name="stream">A stream that knows its length.</param>
    /// <param name="name">The file's name in messages.</param>
    /// <param name="limit">The largest data size that is accepted, in bytes.</param>
    /// <exception cref="DataFormatException">The bytes do not follow the format, or declare more than the limit.</exception>
    public static IdxArray Read(Stream stream, string name, long limit = DefaultLimit) =>
        Read(stream, name, limit, progress: null, cancellation: default);

    /// <summary>The same for a stream that takes long.</summary>
    /// <param name="stream">A stream that knows its length.</param>
    /// <param name="name">The file's name in messages.</param>
    /// <param name="limit">The largest data size that is accepted, in bytes.</param>
    /// <param name="progress">Called after each mebibyte, with the bytes so far, decompressed ones of a compressed file; null for none.</param>
    /// <param name="cancellation">Ends the reading after the current mebibyte.</param>
    /// <exception cref="DataFormatException">The bytes do not follow the format, or declare more than the limit.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static IdxArray Read(Stream stream, string name, long limit, Action<long>? progress, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentNullException.ThrowIfNull(name);
        ArgumentOutOfRangeException.ThrowIfNegative(limit);
        long start = stream.Position;
        long length = stream.Length - start;
        Span<byte> first = stackalloc byte[2];
        int got = stream.ReadAtLeast(first, 2, throwOnEndOfStream: false);
        stream.Position = start;
        return got == 2 && first[0] == 0x1F && first[1] == 0x8B
            ? ReadCompressed(stream, name, length, limit, new Watch(progress, cancellation))
            : ReadPlain(stream, name, length, limit, compressedLength: -1, expectedSize: -1, new Watch(progress, cancellation));
    }

    /// <summary>Reads a file of images (or other items of bytes) and the file of their labels.</summary>
    /// <param name="imagesPath">An IDX file of two to four dimensions.</param>
    /// <param name="labelsPath">An IDX file of one dimension with as many labels.</param>
    /// <param name="classCount">How many classes there are; each label is smaller.</param>
    /// <param name="limit">The largest data size that is accepted, in bytes.</param>
    /// <exception cref="DataFormatException">A file does not follow the format, the two do not fit, or a label is out of range.</exception>
    /// <exception cref="IOException">A file cannot be opened or read.</exception>
    public static ByteDataset ReadDataset(string imagesPath, string labelsPath, int classCount = 10, long limit = DefaultLimit) =>
        ReadDataset(imagesPath, labelsPath, classCount, limit, progress: null, cancellation: default);

    /// <summary>The same for files that take long.</summary>
    /// <param name="imagesPath">An IDX file of two to four dimensions.</param>
    /// <param name="labelsPath">An IDX file of one dimension with as many labels.</param>
    /// <param name="classCount">How many classes there are; each label is smaller.</param>
    /// <param name="limit">The largest data size that is accepted, in bytes.</param>
    /// <param name="progress">Called after each mebibyte of images, with their bytes so far; null for none.</param>
    /// <param name="cancellation">Ends the reading after the current mebibyte.</param>
    /// <exception cref="DataFormatException">A file does not follow the format, the two do not fit, or a label is out of range.</exception>
    /// <exception cref="IOException">A file cannot be opened or read.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static ByteDataset ReadDataset(
        string imagesPath, string labelsPath, int classCount, long limit, Action<long>? progress, CancellationToken cancellation)
    {
        // The small file first: its errors are told without reading the large one.
        IdxArray labels = Read(labelsPath, limit, progress: null, cancellation);
        IdxArray images = Read(imagesPath, limit, progress, cancellation);
        return Combine(images, imagesPath, labels, labelsPath, classCount);
    }

    internal static ByteDataset Combine(IdxArray images, string imagesName, IdxArray labels, string labelsName, int classCount)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(classCount);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(classCount, 256);
        if (labels.Dimensions.Length != 1)
        {
            throw new DataFormatException(labelsName, 3, $"labels have 1 dimension, this file has {labels.Dimensions.Length}");
        }

        if (images.Dimensions.Length < 2)
        {
            throw new DataFormatException(imagesName, 3, "images have 2 to 4 dimensions, this file has 1");
        }

        if (images.Count != labels.Count)
        {
            throw new DataFormatException(imagesName, 4, $"{images.Count} images do not fit the {labels.Count} labels of {labelsName}");
        }

        if (images.Count == 0 || images.ItemLength == 0)
        {
            throw new DataFormatException(imagesName, 4, $"{images.Count} images of {images.ItemLength} bytes are no data");
        }

        int wrong = labels.Data.AsSpan().IndexOfAnyExceptInRange((byte)0, (byte)(classCount - 1));
        if (wrong >= 0)
        {
            throw new DataFormatException(
                labelsName,
                8 + wrong,
                $"label {labels.Data[wrong]} of item {wrong} is out of range, expected 0 to {classCount - 1}");
        }

        return new ByteDataset(images.Data, labels.Data, images.ItemLength, classCount) { InputShape = ItemShape(images.Dimensions[1..]) };
    }

    /// <summary>Images without channels have one.</summary>
    private static Shape ItemShape(ReadOnlySpan<int> sizes) => sizes.Length switch
    {
        1 => new Shape(sizes[0]),
        2 => new Shape(1, sizes[0], sizes[1]),
        _ => new Shape(sizes[0], sizes[1], sizes[2]),
    };

    private static IdxArray ReadCompressed(Stream stream, string name, long length, long limit, in Watch watch)
    {
        // A gzip file ends with its decompressed size modulo 2^32. It is compared with the size that the IDX header declares before anything is
        // allocated, and it finds errors that a decompressor ignores: a cut trailer and bytes after it.
        if (length < 18)
        {
            throw new DataFormatException(name, length, $"truncated: a gzip file has at least 18 bytes, this one {length}");
        }

        long start = stream.Position;
        Span<byte> trailer = stackalloc byte[4];
        stream.Position = start + length - 4;
        stream.ReadExactly(trailer);
        stream.Position = start;
        using var decompressed = new GZipStream(stream, CompressionMode.Decompress, leaveOpen: true);
        try
        {
            return ReadPlain(decompressed, name, -1, limit, length, BinaryPrimitives.ReadUInt32LittleEndian(trailer), in watch);
        }
        catch (InvalidDataException e)
        {
            throw new DataFormatException(
                name,
                stream.Position - start,
                $"the compressed data are damaged before here ({e.Message.TrimEnd('.')})",
                e);
        }
    }

    private static IdxArray ReadPlain(
        Stream stream, string name, long length, long limit, long compressedLength, long expectedSize, in Watch watch)
    {
        Span<byte> header = stackalloc byte[4 + (4 * MaximumDimensions)];
        WholeFile.Fill(stream, header[..4], name, 0);
        if (header[0] != 0 || header[1] != 0)
        {
            throw new DataFormatException(name, 0, $"not an IDX file: the first two bytes are {header[0]:X2} {header[1]:X2}, expected 00 00");
        }

        if (header[2] != 8)
        {
            throw new DataFormatException(name, 2, $"the data type is {header[2]:X2}, expected 08 (unsigned bytes)");
        }

        int count = header[3];
        if (count is 0 or > MaximumDimensions)
        {
            throw new DataFormatException(name, 3, $"{count} dimensions, expected 1 to {MaximumDimensions}");
        }

        WholeFile.Fill(stream, header.Slice(4, 4 * count), name, 4);

        Span<int> dimensions = stackalloc int[count];
        ulong size = 1;
        for (int i = 0; i < count; i++)
        {
            uint dimension = BinaryPrimitives.ReadUInt32BigEndian(header[(4 + (4 * i))..]);
            if (dimension > int.MaxValue)
            {
                throw new DataFormatException(name, 4 + (4 * i), $"dimension {i} is {dimension}, at most {int.MaxValue} can be read");
            }

            dimensions[i] = (int)dimension;

            // Both factors are below 2^31 here: size is at most limit and Array.MaxLength, so the product cannot overflow.
            size *= dimension;
            if (size > (ulong)Math.Min(limit, Array.MaxLength))
            {
                throw new DataFormatException(
                    name,
                    4 + (4 * i),
                    $"dimensions 0 to {i} declare {size} bytes, the limit is {Math.Min(limit, Array.MaxLength)}");
            }
        }

        int headerLength = 4 + (4 * count);
        if (length >= 0 && (long)size != length - headerLength)
        {
            throw new DataFormatException(name, length, $"the header declares {size} bytes of data, the file has {length - headerLength}");
        }

        if (expectedSize >= 0 && expectedSize != (uint)(size + (ulong)headerLength))
        {
            throw new DataFormatException(
                name,
                4,
                $"the header declares {size + (ulong)headerLength} bytes, the gzip file's end says {expectedSize}: truncated, or bytes after the end"
            );
        }

        if (compressedLength >= 0 && (long)size > compressedLength * HighestCompression)
        {
            throw new DataFormatException(name, 4, $"the header declares {size} bytes, more than {compressedLength} compressed bytes can hold");
        }

        byte[] data = GC.AllocateUninitializedArray<byte>((int)size);
        for (int at = 0; at < data.Length; at += Piece)
        {
            watch.Cancellation.ThrowIfCancellationRequested();
            int piece = Math.Min(Piece, data.Length - at);
            WholeFile.Fill(stream, data.AsSpan(at, piece), name, headerLength + at);
            watch.Progress?.Invoke(at + piece);
        }

        Span<byte> more = stackalloc byte[1];
        if (stream.Read(more) != 0)
        {
            throw new DataFormatException(name, headerLength + (long)size, $"bytes follow after the {size} bytes that the header declares");
        }

        return new IdxArray(dimensions.ToArray(), data);
    }

    /// <summary>Who is told of the progress, and who may end the reading.</summary>
    private readonly record struct Watch(Action<long>? Progress, CancellationToken Cancellation);
}
