namespace EmbeddedBackprop.IO;

/// <summary>The bytes of a file that a reader takes as a whole.</summary>
internal static class WholeFile
{
    /// <summary>Reads a regular file of at most 2 GB. A device or pipe tells no length and is not read: some never end.</summary>
    /// <exception cref="DataFormatException">The file cannot be read as a whole.</exception>
    /// <exception cref="IOException">The file is missing or cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be read, or is a folder.</exception>
    public static byte[] Read(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        using FileStream stream = new(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
        if (!stream.CanSeek)
        {
            throw new DataFormatException(path, 0, "a pipe or device cannot be read, only a file");
        }

        // Not File.ReadAllBytes, which reads without end where no length is told (a device).
        if (stream.Length > Array.MaxLength)
        {
            throw new DataFormatException(path, Array.MaxLength, "files beyond 2 GB are not read");
        }

        byte[] bytes = GC.AllocateUninitializedArray<byte>((int)stream.Length);
        int read = stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
        return read == bytes.Length ? bytes : throw new DataFormatException(path, read, "the file became shorter while it was read");
    }
}
