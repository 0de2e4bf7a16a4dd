using System.Buffers.Binary;
using System.IO.Compression;
using EmbeddedBackprop.IO;

namespace EmbeddedBackprop.Tests.IO;

/// <summary>What makes the lengths and check sums of a mutant right again.</summary>
internal static class Seals
{
    /// <summary>The length of a safetensors header as it is now, from the first bracket to the last.</summary>
    public static ReadOnlyMemory<byte> Header(Memory<byte> mutant)
    {
        int end = mutant.Length < 9 ? -1 : mutant.Span.LastIndexOf((byte)'}');
        if (end > 8)
        {
            BinaryPrimitives.WriteInt64LittleEndian(mutant.Span, end - 7);
        }

        return mutant;
    }

    /// <summary>The length of a header, and both sums.</summary>
    public static ReadOnlyMemory<byte> Sums(Memory<byte> mutant)
    {
        // Where bytes were put in or taken out before the data, the header's length goes along, or every such mutant would fail there.
        if (mutant.Length > 8)
        {
            Span<byte> header = mutant.Span[8..];
            int end = header.LastIndexOf("}}"u8) + 2;
            while (end > 1 && end < header.Length && header[end] == ' ')
            {
                end++;
            }

            if (end > 1)
            {
                BinaryPrimitives.WriteInt64LittleEndian(mutant.Span, end);
            }
        }

        SafetensorsBytes.Seal(mutant.Span);
        return mutant;
    }

    /// <summary>The mutant in a gzip file whose one block is stored, with the right sum and length.</summary>
    public static ReadOnlyMemory<byte> Gzip(Memory<byte> mutant)
    {
        ReadOnlySpan<byte> bytes = mutant.Span;
        byte[] file = new byte[10 + 5 + bytes.Length + 8];
        ((ReadOnlySpan<byte>)[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff, 1]).CopyTo(file);
        BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(11), (ushort)bytes.Length);
        BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(13), (ushort)~bytes.Length);
        bytes.CopyTo(file.AsSpan(15));
        BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(file.Length - 8), Crc32.Of(bytes));
        BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(file.Length - 4), bytes.Length);
        return file;
    }

    /// <summary>The length that a RIFF file declares.</summary>
    public static ReadOnlyMemory<byte> Riff(Memory<byte> mutant)
    {
        if (mutant.Length >= 8)
        {
            BinaryPrimitives.WriteInt32LittleEndian(mutant.Span[4..], mutant.Length - 8);
        }

        return mutant;
    }

    /// <summary>The check sums of an archive's stored files.</summary>
    public static ReadOnlyMemory<byte> Archive(Memory<byte> mutant)
    {
        NpzBytes.Seal(mutant.Span);
        return mutant;
    }

    /// <summary>The mutant as the compressed file of an archive.</summary>
    public static ReadOnlyMemory<byte> Packed(Memory<byte> mutant) =>
        NpzBytes.Archive(CompressionLevel.Optimal, true, ("a.npy", mutant.ToArray()));

    /// <summary>The length of an ONNX file's graph: all but the field after it, as in the good file.</summary>
    public static Mutants.Seal Graph(byte[] good)
    {
        int end = GraphEnd(good, out _), rest = good.Length - end;
        Assert.That(rest, Is.InRange(1, 16), "the versions of ops are after the graph");
        return mutant =>
        {
            Span<byte> bytes = mutant.Span;
            int size = GraphEnd(bytes, out int begin) < 0 ? 0 : bytes.Length - rest - begin;
            if (size is > 0 and < 1 << 14)
            {
                (bytes[begin - 2], bytes[begin - 1]) = ((byte)(size | 0x80), (byte)(size >> 7));
            }

            return mutant;
        };
    }

    /// <summary>Where the graph's field begins and ends; -1 if its two bytes of length are not found.</summary>
    private static int GraphEnd(ReadOnlySpan<byte> file, out int begin)
    {
        int tag = file[..Math.Min(file.Length, 16)].IndexOf((byte)0x3A);
        begin = tag + 3;
        return tag >= 0 && begin <= file.Length && file[tag + 1] >= 0x80 && file[tag + 2] < 0x80
            ? begin + (file[tag + 1] & 0x7F) + (file[tag + 2] << 7)
            : -1;
    }
}
