using System.Buffers.Binary;
using System.Globalization;
using System.IO.Compression;
using System.Text;
using System.Text.Json;
using EmbeddedBackprop.IO;

namespace EmbeddedBackprop.Tests.IO;

/// <summary>The controls: how readers without checks would go about it.</summary>
internal static class TrustingReaders
{
    public static void Safetensors(byte[] bytes) => _ = IsTorn(bytes);

    /// <summary>True for a file whose tensors do not tile the data.</summary>
    public static bool IsTorn(ReadOnlySpan<byte> bytes)
    {
        int headerLength = (int)BitConverter.ToInt64(bytes), covered = 0;
        bool torn = false;
        using JsonDocument header = JsonDocument.Parse(bytes.Slice(8, headerLength).ToArray());
        ReadOnlySpan<byte> data = bytes[(8 + headerLength)..];
        foreach (JsonProperty tensor in header.RootElement.EnumerateObject().Where(tensor => tensor.Name != "__metadata__"))
        {
            JsonElement offsets = tensor.Value.GetProperty("data_offsets");
            int begin = offsets[0].GetInt32(), end = offsets[1].GetInt32();
            _ = data[begin..end];
            torn |= begin != covered;
            covered = end;
        }

        return torn;
    }

    /// <summary>Strict about the file, not about the strings in it.</summary>
    public static void Model(byte[] bytes)
    {
        SafetensorsFile file = SafetensorsFile.Parse(bytes, "mutant");
        _ = NetText.Build(file.Metadata["net"], Registry.Activation);
        _ = file.Metadata.TryGetValue("loss", out string? loss) ? Registry.Loss(loss) : null;
        _ = ulong.Parse(file.Metadata["seed"], CultureInfo.InvariantCulture);
    }

    public static void Idx(byte[] bytes)
    {
        if (bytes[0] == 0x1F)
        {
            using GZipStream gzip = new(new MemoryStream(bytes), CompressionMode.Decompress);
            MemoryStream inner = new();
            gzip.CopyTo(inner);
            bytes = inner.ToArray();
        }

        int axes = bytes[3];
        int size = Enumerable.Range(0, axes).Aggregate(1, (n, i) => n * BinaryPrimitives.ReadInt32BigEndian(bytes.AsSpan(4 + (4 * i))));
        _ = bytes.AsSpan(4 + (4 * axes), size);
    }

    public static void Csv(byte[] bytes)
    {
        foreach (string line in Encoding.UTF8.GetString(bytes).Split('\n').Skip(1).Where(line => line.Length > 0))
        {
            _ = float.Parse(line.Split(',')[1], CultureInfo.InvariantCulture);
        }
    }

    public static void Strokes(byte[] bytes)
    {
        using JsonDocument document = JsonDocument.Parse(bytes);
        foreach (JsonElement stroke in document.RootElement.GetProperty("strokes").EnumerateArray())
        {
            _ = stroke.GetProperty("label").GetString()!.Length;
            _ = stroke.GetProperty("strokePoints")[0].GetProperty("x").GetSingle();
        }
    }

    public static void Series(byte[] bytes)
    {
        foreach (string line in Encoding.UTF8.GetString(bytes).Split('\n').Skip(1).Where(line => line.Length > 0))
        {
            string[] fields = line.Split(',');
            _ = double.TryParse(fields[0], CultureInfo.InvariantCulture, out _) ? default : DateTime.Parse(fields[0], CultureInfo.InvariantCulture);
            _ = float.Parse(fields[1], CultureInfo.InvariantCulture);
        }
    }

    public static void Words(byte[] bytes)
    {
        foreach (string line in Encoding.UTF8.GetString(bytes).Split('\n').Skip(1).Where(line => line.Length > 0))
        {
            _ = line.Split(',')[1];
        }
    }

    /// <summary>A header of 44 bytes, as most programs write it.</summary>
    public static void Wav(byte[] bytes)
    {
        int channels = BitConverter.ToInt16(bytes, 22), bits = BitConverter.ToInt16(bytes, 34), length = BitConverter.ToInt32(bytes, 40);
        for (int i = 0; i < length / (channels * bits / 8); i++)
        {
            _ = bytes[44 + (i * (channels * bits / 8))];
        }
    }

    public static void Raw(byte[] bytes)
    {
        for (int i = 0; i < bytes.Length; i += 2)
        {
            _ = BitConverter.ToInt16(bytes, i);
        }
    }

    public static void Npy(byte[] bytes)
    {
        string header = Encoding.Latin1.GetString(bytes, 10, bytes[8]);
        string shape = header[(header.IndexOf("'shape': (", StringComparison.Ordinal) + 10)..].Split(')')[0];
        int size = header.Contains("f8", StringComparison.Ordinal) ? 8 : header.Contains("f4", StringComparison.Ordinal) ? 4 : 2;
        string[] axes = shape.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        _ = bytes.AsSpan(10 + bytes[8], axes.Aggregate(size, (n, axis) => n * int.Parse(axis, CultureInfo.InvariantCulture)));
    }

    /// <summary>.NET's own reader, which believes its archive.</summary>
    public static void Npz(byte[] bytes)
    {
        using ZipArchive archive = new(new MemoryStream(bytes));
        foreach (ZipArchiveEntry entry in archive.Entries)
        {
            using MemoryStream contents = new();
            using Stream stream = entry.Open();
            stream.CopyTo(contents);
            Npy(contents.ToArray());
        }
    }

    public static void Onnx(byte[] bytes) => _ = Fields(bytes, depth: 0);

    private static int Fields(ReadOnlySpan<byte> bytes, int depth)
    {
        int fields = 0;
        for (int at = 0; at < bytes.Length; fields++)
        {
            long tag = Varint(bytes, ref at);
            switch (tag & 7)
            {
                case 0:
                    _ = Varint(bytes, ref at);
                    break;
                case 5:
                    _ = bytes.Slice(at, 4);
                    at += 4;
                    break;
                default:
                    int length = (int)Varint(bytes, ref at);
                    ReadOnlySpan<byte> inner = bytes.Slice(at, length);
                    at += length;
                    fields += (depth, tag >> 3) is (0, 7) or (1, 1 or 5) ? Fields(inner, depth + 1) : 0;
                    break;
            }
        }

        return fields;
    }

    private static long Varint(ReadOnlySpan<byte> bytes, ref int at)
    {
        long value = 0;
        for (int shift = 0; ; shift += 7)
        {
            byte next = bytes[at++];
            value |= (long)(next & 0x7F) << shift;
            if (next < 0x80)
            {
                return value;
            }
        }
    }
}
