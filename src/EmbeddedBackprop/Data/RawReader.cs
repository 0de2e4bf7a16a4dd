using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using EmbeddedBackprop.IO;

namespace EmbeddedBackprop.Data;

/// <summary>Reads recordings without a header: integers of 16 bits, low byte first, one channel. A sample becomes s / 32768.</summary>
/// <remarks>A file that is empty or has an odd number of bytes is a <see cref="DataFormatException"/>.</remarks>
public static class RawReader
{
    private static readonly string[] Endings = [".raw", ".pcm", ".s16"];

    /// <summary>Reads everything that is left of a stream.</summary>
    /// <param name="stream">A stream that knows its length.</param>
    /// <param name="name">The recording's name, also in messages.</param>
    /// <param name="rate">Its samples a second, which no byte of it tells.</param>
    /// <param name="limit">The most bytes it may have.</param>
    /// <exception cref="DataFormatException">There are no bytes, an odd number, or more than the limit.</exception>
    public static Recording Read(Stream stream, string name, int rate, long limit = 1L << 30)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentNullException.ThrowIfNull(name);
        long length = stream.Length - stream.Position;
        if (length == 0 || length % 2 != 0)
        {
            throw new DataFormatException(
                name, length,
                length == 0 ? "the file is empty" : string.Create(CultureInfo.InvariantCulture, $"{length} bytes are no whole samples of 2 bytes"));
        }

        if (length > limit || length / 2 > Array.MaxLength)
        {
            throw new DataFormatException(
                name, limit, string.Create(CultureInfo.InvariantCulture, $"the file has {length} bytes, the limit is {limit}"));
        }

        // The integers are read into the second half of the floats' memory, and go to the first from the left: no float overtakes an integer.
        float[] samples = new float[length / 2];
        Span<byte> bytes = MemoryMarshal.AsBytes(samples.AsSpan())[^(int)length..];
        WholeFile.Fill(stream, bytes, name, 0);
        int clipped = 0;
        for (int i = 0; i < samples.Length; i++)
        {
            short sample = BinaryPrimitives.ReadInt16LittleEndian(bytes[(2 * i)..]);
            clipped += sample is short.MinValue or short.MaxValue ? 1 : 0;
            samples[i] = sample * (1f / 32768f);
        }

        return new Recording(name, samples, rate) { Clipped = clipped };
    }

    /// <summary>
    /// Reads a file, or all .raw, .pcm and .s16 files of a folder with its subfolders or of a .zip archive, in the order of their names (ordinal).
    /// </summary>
    /// <param name="path">The file, the folder or the archive.</param>
    /// <param name="rate">Samples a second, which no byte of them tells.</param>
    /// <param name="limit">The most bytes that a file, or all files of an archive together, may have.</param>
    /// <param name="wanted">Whether the recording of a name is read; null for all.</param>
    /// <exception cref="DataFormatException">A file is empty, has an odd number of bytes, or more than the limit.</exception>
    /// <exception cref="IOException">A file cannot be opened or read, or there is none.</exception>
    public static IReadOnlyList<Recording> ReadAll(string path, int rate, long limit = 1L << 30, Func<string, bool>? wanted = null)
    {
        ArgumentNullException.ThrowIfNull(path);
        return RecordingFiles.Read(path, Endings, limit, wanted, (stream, name) => Read(stream, name, rate, limit));
    }
}
