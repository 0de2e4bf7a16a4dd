using System.Buffers.Binary;
using System.Globalization;
using EmbeddedBackprop.IO;

namespace EmbeddedBackprop.Data;

/// <summary>The contents of a WAV file's 'fmt ' chunk.</summary>
/// <param name="IsFloat">Whether samples are floats, not integers.</param>
/// <param name="Channels">Samples of one time.</param>
/// <param name="Rate">Times a second.</param>
/// <param name="Bytes">Bytes of a sample.</param>
internal readonly record struct WavFormat(bool IsFloat, int Channels, int Rate, int Bytes)
{
    /// <summary>Bytes of the chunk that are looked at.</summary>
    public const int Most = 40;

    private const int Least = 16, Pcm = 1, Float = 3, Extensible = 0xFFFE;

    /// <summary>Bytes 2 to 15 of the identifiers of formats; the first two are a format's number.</summary>
    private static ReadOnlySpan<byte> Identifier => [0, 0, 0, 0, 16, 0, 0x80, 0, 0, 0xAA, 0, 0x38, 0x9B, 0x71];

    /// <summary>Bytes of all samples of one time.</summary>
    public int Block => Channels * Bytes;

    /// <summary>Reads the chunk.</summary>
    /// <param name="chunk">Its first bytes, up to <see cref="Most"/>.</param>
    /// <param name="name">The file's name in messages.</param>
    /// <param name="offset">Where the chunk's contents begin.</param>
    public static WavFormat Read(ReadOnlySpan<byte> chunk, string name, long offset)
    {
        if (chunk.Length < Least)
        {
            throw new DataFormatException(name, offset - 4, $"the 'fmt ' chunk has {chunk.Length} bytes, expected at least {Least}");
        }

        int tag = Two(chunk, 0), channels = Two(chunk, 2), block = Two(chunk, 12), bits = Two(chunk, 14);
        uint rate = BinaryPrimitives.ReadUInt32LittleEndian(chunk[4..]), bytesASecond = BinaryPrimitives.ReadUInt32LittleEndian(chunk[8..]);
        if (tag == Extensible)
        {
            if (chunk.Length < Most || !chunk.Slice(26, 14).SequenceEqual(Identifier))
            {
                throw new DataFormatException(name, offset + 24, "the extensible format does not say which one it is");
            }

            int valid = Two(chunk, 18);
            if (valid < 1 || valid > bits)
            {
                throw new DataFormatException(name, offset + 18, Text($"{valid} of {bits} bits are said to be valid"));
            }

            tag = Two(chunk, 24);
        }

        if (tag is not (Pcm or Float))
        {
            string known = tag switch { 2 or 0x11 => " (ADPCM)", 6 => " (A-law)", 7 => " (mu-law)", 0x55 => " (MP3)", _ => "" };
            throw new DataFormatException(name, offset, Text($"format {tag}{known} is not read, only 1 (PCM) and 3 (float)"));
        }

        if (tag == Pcm ? bits is not (8 or 16 or 24 or 32) : bits is not (32 or 64))
        {
            string expected = tag == Pcm ? "8, 16, 24 or 32" : "32 or 64";
            throw new DataFormatException(
                name, offset + 14, Text($"samples of {bits} bits are not read as {(tag == Pcm ? "PCM" : "floats")}, only of {expected}"));
        }

        if (channels == 0)
        {
            throw new DataFormatException(name, offset + 2, "there are no channels");
        }

        if (rate is 0 or > int.MaxValue)
        {
            throw new DataFormatException(name, offset + 4, Text($"the rate is {rate} Hz"));
        }

        WavFormat format = new(tag == Float, channels, (int)rate, bits / 8);
        if (block != format.Block)
        {
            throw new DataFormatException(
                name, offset + 12, Text($"{channels} channels of {bits} bits are said to take {block} bytes, they take {format.Block}"));
        }

        return bytesASecond == (ulong)rate * (uint)block
            ? format
            : throw new DataFormatException(
                name, offset + 8, Text($"{bytesASecond} bytes a second do not fit the rate of {rate} Hz and {block} bytes"));
    }

    private static int Two(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt16LittleEndian(bytes[at..]);

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
