using System.Globalization;

namespace EmbeddedBackprop.IO;

/// <summary>The bytes of a stream, in memory that its length or its bytes ask for, not a number that they claim.</summary>
internal static class SafetensorsStream
{
    private const int FirstPiece = 1 << 16;

    /// <summary>Reads to the end.</summary>
    /// <exception cref="DataFormatException">There are more bytes than the limit, or the first ones begin no file of this format.</exception>
    public static ReadOnlyMemory<byte> Read(Stream stream, string name, int limit)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(limit);
        if (stream.CanSeek)
        {
            return ReadKnown(stream, name, limit);
        }

        byte[] bytes = new byte[Math.Min(FirstPiece, limit)];
        int length = stream.ReadAtLeast(bytes, Math.Min(SafetensorsFormat.PrefixBytes, bytes.Length), throwOnEndOfStream: false);
        if (length >= SafetensorsFormat.PrefixBytes)
        {
            // Before anything more is read: what is no file of this format may never end.
            _ = SafetensorsFile.ClaimedHeaderLength(bytes, name);
        }

        while (true)
        {
            if (length == bytes.Length)
            {
                if (length == limit)
                {
                    return stream.ReadByte() < 0 ? bytes : throw TooLong(name, limit);
                }

                Array.Resize(ref bytes, (int)Math.Min(2L * length, limit));
            }

            int read = stream.Read(bytes, length, bytes.Length - length);
            if (read == 0)
            {
                return bytes.AsMemory(0, length);
            }

            length += read;
        }
    }

    private static byte[] ReadKnown(Stream stream, string name, int limit)
    {
        long length = stream.Length - stream.Position;
        if (length > limit)
        {
            throw TooLong(name, limit);
        }

        byte[] bytes = GC.AllocateUninitializedArray<byte>((int)Math.Max(length, 0));
        int read = stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
        return read == bytes.Length ? bytes : throw new DataFormatException(name, read, "the stream became shorter while it was read");
    }

    private static DataFormatException TooLong(string name, int limit) =>
        new(name, limit, string.Create(CultureInfo.InvariantCulture, $"more than {limit} bytes are not read"));
}
