using System.Buffers.Binary;
using System.Text;

namespace EmbeddedBackprop.Tests.Data;

/// <summary>Bytes of WAV files, written by the format's description and not by the library.</summary>
internal static class WavBytes
{
    /// <summary>A file of integers of 16 bits, one channel.</summary>
    public static byte[] Of(int rate, params short[] samples) => File(1, 1, rate, 16, [.. samples.SelectMany(BitConverter.GetBytes)]);

    /// <summary>A file with a 'fmt ' chunk of 16 bytes and a 'data' chunk.</summary>
    public static byte[] File(int tag, int channels, int rate, int bits, byte[] data, params (string Id, byte[] Contents)[] others) =>
        Chunks([("fmt ", Format(tag, channels, rate, bits)), .. others, ("data", data)]);

    /// <summary>The contents of a 'fmt ' chunk.</summary>
    public static byte[] Format(int tag, int channels, int rate, int bits)
    {
        byte[] format = new byte[16];
        BinaryPrimitives.WriteUInt16LittleEndian(format, (ushort)tag);
        BinaryPrimitives.WriteUInt16LittleEndian(format.AsSpan(2), (ushort)channels);
        BinaryPrimitives.WriteInt32LittleEndian(format.AsSpan(4), rate);
        BinaryPrimitives.WriteInt32LittleEndian(format.AsSpan(8), rate * channels * bits / 8);
        BinaryPrimitives.WriteUInt16LittleEndian(format.AsSpan(12), (ushort)(channels * bits / 8));
        BinaryPrimitives.WriteUInt16LittleEndian(format.AsSpan(14), (ushort)bits);
        return format;
    }

    /// <summary>The contents of an extensible 'fmt ' chunk.</summary>
    public static byte[] Extensible(int tag, int channels, int rate, int bits, int valid)
    {
        byte[] rest = [22, 0, (byte)valid, 0, 4, 0, 0, 0, (byte)tag, 0, 0, 0, 0, 0, 16, 0, 0x80, 0, 0, 0xAA, 0, 0x38, 0x9B, 0x71];
        return [.. Format(0xFFFE, channels, rate, bits), .. rest];
    }

    /// <summary>A file of these chunks, filled up to even lengths.</summary>
    public static byte[] Chunks(params (string Id, byte[] Contents)[] chunks)
    {
        List<byte> body = [.. "WAVE"u8];
        foreach ((string id, byte[] contents) in chunks)
        {
            body.AddRange(Encoding.ASCII.GetBytes(id));
            body.AddRange(BitConverter.GetBytes(contents.Length));
            body.AddRange(contents);
            body.AddRange(new byte[contents.Length % 2]);
        }

        return [.. "RIFF"u8, .. BitConverter.GetBytes(body.Count), .. body];
    }

    /// <summary>Tones with a little noise of a fixed sequence, from -1 to 1, as integers of 16 bits.</summary>
    public static short[] Tone(int samples, double rate, double frequency, int seed)
    {
        short[] tone = new short[samples];
        uint state = (uint)seed;
        for (int i = 0; i < samples; i++)
        {
            state = (state * 1664525) + 1013904223;
            double noise = (state / 4294967296.0) - 0.5;
            tone[i] = (short)(12000 * (Math.Sin((2 * Math.PI * frequency * i / rate) + seed) + (0.2 * noise)));
        }

        return tone;
    }
}
