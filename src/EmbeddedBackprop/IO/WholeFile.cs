namespace EmbeddedBackprop.IO;

/// <summary>Files that a reader takes as a whole.</summary>
internal static class WholeFile
{
    /// <summary>Opens a regular file. A device or pipe tells no length and is not read: some never end.</summary>
    /// <exception cref="DataFormatException">The file is a pipe or device.</exception>
    /// <exception cref="IOException">The file is missing or cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be read, or is a folder.</exception>
    public static FileStream Open(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        FileStream stream = new(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
        if (!stream.CanSeek)
        {
            stream.Dispose();
            throw new DataFormatException(path, 0, "a pipe or device cannot be read, only a file");
        }

        return stream;
    }

    /// <summary>The bytes of a regular file, of at most 2 GB.</summary>
    /// <param name="path">The file.</param>
    /// <param name="limit">The most bytes.</param>
    /// <exception cref="DataFormatException">The file cannot be read as a whole.</exception>
    /// <exception cref="IOException">The file is missing or cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be read, or is a folder.</exception>
    public static byte[] Read(string path, long limit = long.MaxValue)
    {
        using FileStream stream = Open(path);
        limit = Math.Min(limit, Array.MaxLength);
        // Not File.ReadAllBytes, which reads without end where no length is told (a device).
        if (stream.Length > limit)
        {
            throw new DataFormatException(path, limit, $"the file has {stream.Length} bytes, the limit is {limit}");
        }

        byte[] bytes = GC.AllocateUninitializedArray<byte>((int)stream.Length);
        int read = stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
        return read == bytes.Length ? bytes : throw new DataFormatException(path, read, "the file became shorter while it was read");
    }

    /// <summary>Fills a span with the next bytes of a stream.</summary>
    /// <param name="stream">The file.</param>
    /// <param name="destination">Receives the bytes.</param>
    /// <param name="name">The file's name in messages.</param>
    /// <param name="offset">Where the stream is in the file.</param>
    /// <exception cref="DataFormatException">The stream ends before.</exception>
    public static void Fill(Stream stream, Span<byte> destination, string name, long offset)
    {
        int got = stream.ReadAtLeast(destination, destination.Length, throwOnEndOfStream: false);
        if (got < destination.Length)
        {
            throw new DataFormatException(
                name,
                offset + got,
                $"truncated: {destination.Length} bytes are expected from byte {offset} on, {got} are there");
        }
    }
}
