using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using EmbeddedBackprop.IO;

namespace EmbeddedBackprop.Tests.IO;

/// <summary>Files put together by hand from the public description of the format, and one by this library's writer.</summary>
internal static class SafetensorsBytes
{
    /// <summary>A file from a header as text and the data.</summary>
    public static byte[] File(string header, params ReadOnlySpan<byte> data) => File(Encoding.UTF8.GetBytes(header), data);

    public static byte[] File(byte[] header, params ReadOnlySpan<byte> data)
    {
        byte[] file = new byte[8 + header.Length + data.Length];
        BinaryPrimitives.WriteUInt64LittleEndian(file, (ulong)header.Length);
        header.CopyTo(file.AsSpan(8));
        data.CopyTo(file.AsSpan(8 + header.Length));
        return file;
    }

    /// <summary>Two tensors, metadata with escapes, no sums, unaligned data.</summary>
    public static byte[] Plain() =>
        File(
            """{"__metadata__":{"format":"pt","note":"a \"b\" \u00e9\ud83d\ude00\n"},"w":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},"n":{"dtype":"U8","shape":[4],"data_offsets":[24,28]}}  """,
            [0, 0, 128, 63, 0, 0, 0, 64, 0, 0, 64, 64, 0, 0, 128, 64, 0, 0, 160, 64, 0, 0, 192, 64, 9, 8, 7, 6]);

    /// <summary>Floats and integers with sums, by the library's writer.</summary>
    public static byte[] Summed()
    {
        SafetensorsWriter writer = new();
        writer.AddMetadata("graph", "dense 3 \"sigmoid\"\n");
        writer.Add("dense.weights", [2, 3], [1, 2, 3, 4, 5, 6]);
        writer.Add("dense.bias", [3], [1, 2, 3]);
        writer.Add("optimizer.step", SafetensorsType.I64, [], new byte[8]);
        writer.AddIntegers("q.bias", [3], [-1, 1 << 30, 70_000]);
        writer.AddIntegers("q.weight", [3, 2], (sbyte[])[-127, 127, 0, 1, -1, 64]);
        return writer.ToArray();
    }

    /// <summary>Sets the two sums anew where their offsets are found; a file whose structure is lost is not changed.</summary>
    public static void Seal(Span<byte> file)
    {
        if (file.Length < 8)
        {
            return;
        }

        ulong length = BinaryPrimitives.ReadUInt64LittleEndian(file);
        if (length > (ulong)(file.Length - 8))
        {
            return;
        }

        Span<byte> header = file.Slice(8, (int)length);
        Span<byte> sum = stackalloc byte[32];
        if (TryFind(header, "\"sha256.data\":\""u8, out Span<byte> digits))
        {
            _ = SHA256.HashData(file[(8 + header.Length)..], sum);
            Write(sum, digits);
        }

        if (TryFind(header, "\"sha256.header\":\""u8, out digits))
        {
            digits.Fill((byte)'0');
            _ = SHA256.HashData(header, sum);
            Write(sum, digits);
        }
    }

    private static bool TryFind(Span<byte> header, ReadOnlySpan<byte> key, out Span<byte> digits)
    {
        int at = header.IndexOf(key) + key.Length;
        bool found = at >= key.Length && at + 64 <= header.Length;
        digits = found ? header.Slice(at, 64) : [];
        return found;
    }

    private static void Write(ReadOnlySpan<byte> sum, Span<byte> digits)
    {
        for (int i = 0; i < sum.Length; i++)
        {
            digits[2 * i] = (byte)"0123456789abcdef"[sum[i] >> 4];
            digits[(2 * i) + 1] = (byte)"0123456789abcdef"[sum[i] & 15];
        }
    }
}
