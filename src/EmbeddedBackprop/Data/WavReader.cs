using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using EmbeddedBackprop.IO;

namespace EmbeddedBackprop.Data;

/// <summary>
/// Reads WAV files: integers of 8, 16, 24 or 32 bits and floats of 32 or 64, also in the extensible format, one channel of them.
/// </summary>
/// <remarks>
/// A sample becomes s / 2^(bits - 1), for 8 bits (s - 128) / 128: from -1 to below 1. Integers of up to 24 bits are exact, of 32 bits rounded to
/// nearest (so the largest becomes 1). Floats stay as they are, those of 64 bits rounded.
/// The reader is strict: lengths must be those of the file, a chunk may not occur twice, samples must be finite; whatever else does not follow the
/// format is a <see cref="DataFormatException"/>. Other chunks are passed over. With the file's own bytes, reading allocates at most four times the
/// file and 64 KiB. Source: IBM and Microsoft, "Multimedia Programming Interface and Data Specifications 1.0", 1991.
/// </remarks>
public static class WavReader
{
    private const int Piece = 1 << 15;

    /// <summary>Reads a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="options">The channel, and the rate that is expected; null for the only channel and any rate.</param>
    /// <exception cref="DataFormatException">The file does not follow the format, or has another rate or no such channel.</exception>
    /// <exception cref="IOException">The file cannot be opened or read.</exception>
    public static Recording Read(string path, WavOptions? options = null)
    {
        using FileStream stream = WholeFile.Open(path);
        return Read(stream, path, options);
    }

    /// <summary>Reads everything that is left of a stream.</summary>
    /// <param name="stream">A stream that knows its length.</param>
    /// <param name="name">The recording's name, also in messages.</param>
    /// <param name="options">The channel, and the rate that is expected; null for the only channel and any rate.</param>
    /// <exception cref="DataFormatException">The bytes do not follow the format, or have another rate or no such channel.</exception>
    public static Recording Read(Stream stream, string name, WavOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentNullException.ThrowIfNull(name);
        options ??= new WavOptions();
        long begin = stream.Position, length = stream.Length - begin;
        CheckRiff(stream, name, length);
        WavFormat? format = null;
        Recording? recording = null;
        Span<byte> bytes = stackalloc byte[WavFormat.Most];
        for (long at = 12; at < length;)
        {
            WholeFile.Fill(stream, bytes[..8], name, at);
            ReadOnlySpan<byte> id = bytes[..4];
            long size = BinaryPrimitives.ReadUInt32LittleEndian(bytes[4..]), contents = at + 8;
            if (size > length - contents)
            {
                throw new DataFormatException(
                    name, at + 4,
                    Text($"chunk {Shown(id)} declares {size} bytes, {length - contents} are left: truncated, or a length that is wrong"));
            }

            if (id.SequenceEqual("fmt "u8))
            {
                if (format is not null)
                {
                    throw new DataFormatException(name, at, "a second 'fmt ' chunk");
                }

                Span<byte> chunk = bytes[..(int)Math.Min(size, WavFormat.Most)];
                WholeFile.Fill(stream, chunk, name, contents);
                format = WavFormat.Read(chunk, name, contents);
            }
            else if (id.SequenceEqual("data"u8))
            {
                if (format is null || recording is not null)
                {
                    throw new DataFormatException(name, at, format is null ? "samples before the 'fmt ' chunk" : "a second 'data' chunk");
                }

                recording = Samples(stream, name, contents, size, format.Value, options);
            }

            // A chunk of odd length is filled up; at the end of a file this byte is often left out.
            at = Math.Min(contents + size + (size & 1), length);
            stream.Position = begin + at;
        }

        return recording
            ?? throw new DataFormatException(name, length, format is null ? "there is no 'fmt ' chunk" : "there is no 'data' chunk");
    }

    /// <summary>
    /// Reads a file, or all .wav files of a folder with its subfolders or of a .zip archive, in the order of their names (ordinal).
    /// </summary>
    /// <param name="path">The file, the folder or the archive.</param>
    /// <param name="options">The channel, and the rate that is expected; null for the only channel, and the first file's rate for all.</param>
    /// <param name="wanted">Whether the recording of a name is read; null for all.</param>
    /// <exception cref="DataFormatException">A file does not follow the format, or has another rate or no such channel.</exception>
    /// <exception cref="IOException">A file cannot be opened or read, or there is none.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static IReadOnlyList<Recording> ReadAll(string path, WavOptions? options = null, Func<string, bool>? wanted = null)
    {
        ArgumentNullException.ThrowIfNull(path);
        options ??= new WavOptions();
        int rate = options.Rate;
        return RecordingFiles.Read(path, [".wav"], options.Limit, wanted, (stream, name) =>
        {
            options.Cancellation.ThrowIfCancellationRequested();
            WavOptions asked = new() { Channel = options.Channel, Rate = rate, Limit = options.Limit };
            Recording recording = Read(stream, name, asked);
            rate = recording.Rate;
            return recording;
        });
    }

    private static void CheckRiff(Stream stream, string name, long length)
    {
        if (length == 0)
        {
            throw new DataFormatException(name, 0, "the file is empty");
        }

        Span<byte> head = stackalloc byte[12];
        WholeFile.Fill(stream, head, name, 0);
        if (!head[..4].SequenceEqual("RIFF"u8))
        {
            throw new DataFormatException(name, 0, $"not a WAV file: it begins with {Shown(head[..4])}, expected 'RIFF'");
        }

        if (!head[8..].SequenceEqual("WAVE"u8))
        {
            throw new DataFormatException(name, 8, $"not a WAV file: expected 'WAVE', found {Shown(head[8..])}");
        }

        long declared = 8L + BinaryPrimitives.ReadUInt32LittleEndian(head[4..]);
        if (declared != length)
        {
            string why = declared > length ? "truncated, or never finished by the recorder" : "bytes after the end";
            throw new DataFormatException(name, 4, Text($"the header declares {declared} bytes, the file has {length}: {why}"));
        }
    }

    private static Recording Samples(Stream stream, string name, long offset, long size, WavFormat format, WavOptions options)
    {
        int channel = options.Channel ?? 0;
        if (options.Channel is null && format.Channels > 1)
        {
            throw new DataFormatException(
                name, offset, Text($"the file has {format.Channels} channels: one must be chosen, 0 to {format.Channels - 1}"));
        }

        if ((uint)channel >= (uint)format.Channels)
        {
            string known = format.Channels == 1 ? "0" : Text($"0 to {format.Channels - 1}");
            throw new DataFormatException(name, offset, Text($"there is no channel {channel}, only {known}"));
        }

        if (options.Rate != 0 && format.Rate != options.Rate)
        {
            throw new DataFormatException(name, offset, Text($"the rate is {format.Rate} Hz, expected {options.Rate} Hz"));
        }

        if (size == 0 || size % format.Block != 0)
        {
            throw new DataFormatException(
                name, offset, size == 0 ? "there are no samples" : Text($"{size} bytes are no whole samples of {format.Block} bytes"));
        }

        if (size > options.Limit || size / format.Block > Array.MaxLength)
        {
            throw new DataFormatException(name, offset, Text($"{size} bytes of samples, the limit is {options.Limit}"));
        }

        float[] samples = new float[size / format.Block];
        byte[] piece = new byte[Math.Min(size, Math.Max(Piece / format.Block, 1) * format.Block)];
        int done = 0, clipped = 0;
        while (done < samples.Length)
        {
            int count = Math.Min(piece.Length / format.Block, samples.Length - done);
            long at = offset + ((long)done * format.Block);
            WholeFile.Fill(stream, piece.AsSpan(0, count * format.Block), name, at);
            for (int i = 0; i < count; i++)
            {
                int first = (i * format.Block) + (channel * format.Bytes);
                float sample = Sample(piece.AsSpan(first, format.Bytes), format.IsFloat, ref clipped);
                samples[done + i] = float.IsFinite(sample)
                    ? sample
                    : throw new DataFormatException(name, at + first, Text($"sample {done + i} is not a finite float"));
            }

            done += count;
        }

        return new Recording(name, samples, format.Rate) { Clipped = clipped };
    }

    /// <summary>One sample, and whether it is the least or the largest integer of its length.</summary>
    private static float Sample(ReadOnlySpan<byte> bytes, bool isFloat, ref int clipped)
    {
        if (isFloat)
        {
            return bytes.Length == 4 ? BinaryPrimitives.ReadSingleLittleEndian(bytes) : (float)BinaryPrimitives.ReadDoubleLittleEndian(bytes);
        }

        // The integer in the upper bits of 32; those of 8 bits have 128 for 0.
        int upper = bytes.Length switch
        {
            1 => (bytes[0] - 128) << 24,
            2 => BinaryPrimitives.ReadInt16LittleEndian(bytes) << 16,
            3 => (bytes[0] << 8) | (bytes[1] << 16) | (bytes[2] << 24),
            _ => BinaryPrimitives.ReadInt32LittleEndian(bytes),
        };
        int lower = 32 - (8 * bytes.Length);
        clipped += upper == int.MinValue || upper == int.MaxValue >> lower << lower ? 1 : 0;
        return upper * (1f / 2147483648f);
    }

    /// <summary>Four bytes as letters where they are some, else in hexadecimal digits.</summary>
    private static string Shown(ReadOnlySpan<byte> id) =>
        id.ContainsAnyExceptInRange((byte)' ', (byte)'~') ? Convert.ToHexString(id) : $"'{Encoding.ASCII.GetString(id)}'";

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
