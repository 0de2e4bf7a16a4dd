using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using EmbeddedBackprop.IO;

namespace EmbeddedBackprop.Tests.IO;

/// <summary>Archives of arrays put together by hand and by .NET's own zip writer, not by this library's.</summary>
internal static class NpzBytes
{
    /// <summary>An array from its header's text and its elements.</summary>
    public static byte[] Npy(string dictionary, params ReadOnlySpan<byte> elements) => Npy(1, dictionary, elements);

    public static byte[] Npy(int version, string dictionary, params ReadOnlySpan<byte> elements)
    {
        byte[] text = Encoding.UTF8.GetBytes(dictionary);
        byte[] length = version == 1 ? BitConverter.GetBytes((ushort)text.Length) : BitConverter.GetBytes(text.Length);
        return [0x93, .. "NUMPY"u8, (byte)version, 0, .. length, .. text, .. elements];
    }

    /// <summary>Doubles, column by column.</summary>
    public static byte[] Columns() => Npy("{'descr': '<f8', 'fortran_order': True, 'shape': (1, 2), }   \n", new byte[16]);

    /// <summary>Floats of 16 bits, a header of the second version.</summary>
    public static byte[] Halves() => Npy(2, "{'descr': '<f2', 'fortran_order': False, 'shape': (2,), }  \n", new byte[4]);

    public static byte[] Floats(params ReadOnlySpan<float> values)
    {
        byte[] bytes = new byte[values.Length * sizeof(float)];
        for (int i = 0; i < values.Length; i++)
        {
            BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(i * sizeof(float)), values[i]);
        }

        return bytes;
    }

    /// <summary>An archive by .NET's writer; without seeking it writes sums after each file.</summary>
    public static byte[] Archive(CompressionLevel level, bool seek, params ReadOnlySpan<(string Name, byte[] Contents)> files)
    {
        using MemoryStream memory = new();
        using (Stream stream = seek ? memory : new Forward(memory))
        using (ZipArchive archive = new(stream, ZipArchiveMode.Create, leaveOpen: true))
        {
            foreach ((string name, byte[] contents) in files)
            {
                using Stream entry = archive.CreateEntry(name, level).Open();
                entry.Write(contents);
            }
        }

        return memory.ToArray();
    }

    /// <summary>Sets the check sums of stored files anew, in both headers, where they are found.</summary>
    public static void Seal(Span<byte> file)
    {
        for (int at = 0; at + 46 <= file.Length; at++)
        {
            if (BinaryPrimitives.ReadUInt32LittleEndian(file[at..]) != 0x02014B50)
            {
                continue;
            }

            long local = BinaryPrimitives.ReadUInt32LittleEndian(file[(at + 42)..]);
            long size = BinaryPrimitives.ReadUInt32LittleEndian(file[(at + 20)..]);
            if (local + 30 > file.Length || BinaryPrimitives.ReadUInt16LittleEndian(file[(at + 10)..]) != 0)
            {
                continue;
            }

            Span<byte> header = file[(int)local..];
            long begin = 30 + BinaryPrimitives.ReadUInt16LittleEndian(header[26..]) + BinaryPrimitives.ReadUInt16LittleEndian(header[28..]);
            if (begin + size <= header.Length)
            {
                uint sum = Crc32.Of(header.Slice((int)begin, (int)size));
                BinaryPrimitives.WriteUInt32LittleEndian(header[14..], sum);
                BinaryPrimitives.WriteUInt32LittleEndian(file[(at + 16)..], sum);
            }
        }
    }

    /// <summary>The bytes that the entries of a directory declare, wherever one seems to be, and how many are compressed.</summary>
    public static long Declared(ReadOnlySpan<byte> file, out int packed)
    {
        packed = 0;
        long declared = 0;
        for (int at = 0; at + 46 <= file.Length; at++)
        {
            if (file[at] == 'P' && BinaryPrimitives.ReadUInt32LittleEndian(file[at..]) == 0x02014B50)
            {
                declared += BinaryPrimitives.ReadUInt32LittleEndian(file[(at + 24)..]);
                packed += file[at + 10] == 0 ? 0 : 1;
            }
        }

        return declared;
    }

    /// <summary>A stream that cannot go back.</summary>
    private sealed class Forward(Stream target) : Stream
    {
        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => target.Position; set => throw new NotSupportedException(); }

        public override void Flush() => target.Flush();

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => target.Write(buffer, offset, count);
    }
}
