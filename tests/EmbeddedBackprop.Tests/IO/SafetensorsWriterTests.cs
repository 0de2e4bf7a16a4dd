using System.Text;
using EmbeddedBackprop.IO;

namespace EmbeddedBackprop.Tests.IO;

public sealed class SafetensorsWriterTests
{
    [Test]
    public void What_is_written_is_read_again()
    {
        float[] special = [1f, -0f, float.NaN, float.PositiveInfinity, float.Epsilon, BitConverter.Int32BitsToSingle(0x7F800001)];
        SafetensorsWriter writer = new();
        writer.AddMetadata("graph", "line 1\nline \"2\" \\ \t\0\u001f é 日本 😀 \u2028");
        writer.AddMetadata("", "");
        writer.Add("dense.weights", [2, 3], special);
        writer.Add("step", SafetensorsType.I64, [], BitConverter.GetBytes(42L));
        writer.Add("empty", [0, 5], []);
        writer.AddRows("padded", [2, 2], [1, 2, 99, 99, 3, 4, 99, 99], 4);
        writer.AddRows("padded without end", [2, 2], [1, 2, 99, 99, 3, 4], 4);
        writer.Add("näme/\"x\"", [1], [7f]);

        SafetensorsFile file = SafetensorsFile.Parse(writer.ToArray(), "memory", requireChecksums: true);
        Assert.That(file.HasChecksums, Is.True);
        Assert.That(file.Metadata, Has.Count.EqualTo(2));
        Assert.That(file.GetMetadata("graph"), Is.EqualTo("line 1\nline \"2\" \\ \t\0\u001f é 日本 😀 \u2028"));
        Assert.That(file.GetMetadata(""), Is.Empty);
        Assert.That(file.Tensors.Select(tensor => tensor.Name),
            Is.EqualTo(new[] { "dense.weights", "step", "empty", "padded", "padded without end", "näme/\"x\"" }));
        float[] values = new float[6];
        file.GetTensor("dense.weights").CopyTo(values);
        Assert.That(values.Select(BitConverter.SingleToInt32Bits), Is.EqualTo(special.Select(BitConverter.SingleToInt32Bits)));
        Assert.That(BitConverter.ToInt64(file.GetTensor("step").Bytes), Is.EqualTo(42));
        Assert.That(file.GetTensor("empty").Shape.ToArray(), Is.EqualTo(new[] { 0, 5 }));
        foreach (string name in new[] { "padded", "padded without end" })
        {
            float[] rows = new float[4];
            file.GetTensor(name).CopyTo(rows);
            Assert.That(rows, Is.EqualTo(new[] { 1f, 2f, 3f, 4f }));
        }
    }

    /// <summary>The whole file, byte by byte; the sums are those that sha256sum gives for the parts.</summary>
    [TestCase(SafetensorsType.F32, "F32", 4)]
    [TestCase(SafetensorsType.F64, "F64", 8)]
    [TestCase(SafetensorsType.F16, "F16", 2)]
    [TestCase(SafetensorsType.BF16, "BF16", 2)]
    [TestCase(SafetensorsType.I64, "I64", 8)]
    [TestCase(SafetensorsType.I32, "I32", 4)]
    [TestCase(SafetensorsType.I16, "I16", 2)]
    [TestCase(SafetensorsType.I8, "I8", 1)]
    [TestCase(SafetensorsType.U64, "U64", 8)]
    [TestCase(SafetensorsType.U32, "U32", 4)]
    [TestCase(SafetensorsType.U16, "U16", 2)]
    [TestCase(SafetensorsType.U8, "U8", 1)]
    [TestCase(SafetensorsType.BOOL, "BOOL", 1)]
    public void Every_type_has_its_name_and_its_size(SafetensorsType type, string name, int bytes)
    {
        SafetensorsWriter writer = new();
        writer.Add("t", type, [3], new byte[3 * bytes]);
        byte[] file = writer.ToArray();
        Assert.That(Encoding.ASCII.GetString(file), Does.Contain($"\"dtype\":\"{name}\""));
        Assert.That(SafetensorsFile.Parse(file, "memory").GetTensor("t").Type, Is.EqualTo(type));
        byte[] hand = SafetensorsBytes.File(
            $"{{\"t\":{{\"dtype\":\"{name}\",\"shape\":[2],\"data_offsets\":[0,{2 * bytes}]}}}}", new byte[2 * bytes]);
        Assert.That(SafetensorsFile.Parse(hand, "hand").GetTensor("t").Type, Is.EqualTo(type));
        Assert.That(() => new SafetensorsWriter().Add("t", type, [3], new byte[(3 * bytes) + 1]), Throws.ArgumentException);
    }

    [Test]
    public void The_bytes_are_those_of_the_format()
    {
        SafetensorsWriter writer = new();
        writer.AddMetadata("k", "v");
        writer.Add("w", [2], [1f, 2f]);
        string zeros = new('0', 64);
        string header =
            $$$"""{"__metadata__":{"k":"v","sha256.data":"{{{zeros}}}","sha256.header":"{{{zeros}}}"},"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""";
        header += new string(' ', 64 - ((8 + header.Length) % 64));
        byte[] expected = SafetensorsBytes.File(header, [0, 0, 128, 63, 0, 0, 0, 64]);
        SafetensorsBytes.Seal(expected);
        byte[] first = writer.ToArray(), second = writer.ToArray();
        Assert.That(first, Is.EqualTo(expected));
        Assert.That(second, Is.EqualTo(expected), "the same calls, the same bytes");
    }

    [Test]
    public void Integers_are_read_as_they_were_written_and_in_no_other_type()
    {
        sbyte[] weights = [-128, -127, -1, 0, 1, 127];
        int[] biases = [int.MinValue, -1, 0, (1 << 24) + 1, int.MaxValue];
        SafetensorsWriter writer = new();
        writer.AddIntegers("b", [5], biases);
        writer.AddIntegers("w", [2, 3], weights);
        SafetensorsFile file = SafetensorsFile.Parse(writer.ToArray(), "memory", requireChecksums: true);
        SafetensorsTensor w = file.GetTensor("w"), b = file.GetTensor("b");
        sbyte[] bytes = new sbyte[6];
        int[] integers = new int[5];
        w.CopyTo(bytes);
        b.CopyTo(integers);
        Assert.That(bytes, Is.EqualTo(weights));
        Assert.That(integers, Is.EqualTo(biases));
        Assert.That(w.Bytes.ToArray(), Is.EqualTo(new byte[] { 0x80, 0x81, 0xFF, 0, 1, 0x7F }), "two's complement");
        Assert.That(b.Bytes[12..16].ToArray(), Is.EqualTo(new byte[] { 1, 0, 0, 1 }), "little-endian");
        Assert.That(() => w.Require(SafetensorsType.I8, [2, 3]), Throws.Nothing);
        Refused(() => w.Require(SafetensorsType.I8, [3, 2]), "expected the shape [3, 2], got [2, 3]");
        Refused(() => w.Require(2, 3), "expected elements of F32, got I8");
        Refused(() => w.CopyTo(new float[6]), "expected elements of F32, got I8");
        Refused(() => w.CopyTo(new int[6]), "expected elements of I32, got I8");
        Refused(() => b.CopyTo(new sbyte[5]), "expected elements of I8, got I32");
        Refused(() => w.CopyTo(new sbyte[5]), "expected 5 elements, got 6");
        Refused(() => b.CopyTo(new int[6]), "expected 6 elements, got 5");

        static void Refused(Action use, string message) =>
            Assert.That(use, Throws.TypeOf<DataFormatException>().With.Message.Contains(message));
    }

    [Test]
    public void Data_begin_at_a_multiple_of_64_bytes([Range(0, 64)] int length)
    {
        SafetensorsWriter writer = new();
        writer.AddMetadata("k", new string('x', length));
        writer.Add("w", [1], [1f]);
        byte[] file = writer.ToArray();
        Assert.That((8 + BitConverter.ToInt64(file)) % 64, Is.Zero);
        Assert.That(file, Has.Length.EqualTo(8 + BitConverter.ToInt64(file) + 4));
    }

    [Test]
    public void A_saved_file_is_the_bytes()
    {
        string path = Path.GetTempFileName();
        try
        {
            SafetensorsWriter writer = new();
            writer.Add("w", [1], [1f]);
            writer.Save(path);
            Assert.That(File.ReadAllBytes(path), Is.EqualTo(writer.ToArray()));
            Assert.That(SafetensorsFile.Read(path).Name, Is.EqualTo(path));
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Test]
    public void Values_are_copied_when_they_are_added()
    {
        float[] values = [1f];
        SafetensorsWriter writer = new();
        writer.Add("w", [1], values);
        values[0] = 2f;
        SafetensorsFile.Parse(writer.ToArray(), "memory").GetTensor("w").CopyTo(values);
        Assert.That(values[0], Is.EqualTo(1f));
    }

    [Test]
    public void Wrong_use_is_told()
    {
        SafetensorsWriter writer = new();
        writer.Add("w", [1], [1f]);
        writer.AddMetadata("k", "v");
        Assert.That(() => writer.Add("w", [1], [1f]), Throws.ArgumentException.With.Message.Contains("tensor 'w' was added before"));
        Assert.That(() => writer.Add("__metadata__", [1], [1f]), Throws.ArgumentException);
        Assert.That(() => writer.Add("x", [2, 2], [1f]), Throws.ArgumentException.With.Message.Contains("expected 4 values, got 1"));
        Assert.That(() => writer.Add("x", [1], [1f, 2f]), Throws.ArgumentException);
        Assert.That(() => writer.Add("x", [-1], [1f]), Throws.InstanceOf<ArgumentException>());
        Assert.That(() => writer.Add("x", [0], [1f]), Throws.ArgumentException);
        Assert.That(() => writer.Add("x", [65536, 65536, 65536, 65536], []), Throws.ArgumentException.With.Message.Contains("2 GB"));
        Assert.That(() => writer.Add("x", [1, 1, 1, 1, 1, 1, 1, 1, 1], [1f]), Throws.ArgumentException);
        Assert.That(() => writer.AddRows("x", [2, 2], [1f, 2f, 3f, 4f], 1), Throws.InstanceOf<ArgumentException>());
        Assert.That(() => writer.Add("x", SafetensorsType.F64, [1], new byte[4]), Throws.ArgumentException.With.Message.Contains("expected 8 bytes"));
        Assert.That(() => writer.AddIntegers("x", [2], (sbyte[])[1]), Throws.ArgumentException.With.Message.Contains("expected 2 bytes, got 1"));
        Assert.That(() => writer.AddIntegers("x", [2], [1]), Throws.ArgumentException.With.Message.Contains("expected 8 bytes, got 4"));
        Assert.That(() => writer.Add("x", (SafetensorsType)13, [1], new byte[4]), Throws.InstanceOf<ArgumentOutOfRangeException>());
        SafetensorsWriter full = new();
        for (int i = 0; i < 512; i++)
        {
            full.AddMetadata($"{i}", "");
        }

        Assert.That(() => full.AddMetadata("512", ""), Throws.ArgumentException.With.Message.Contains("at most 512 entries"));
        Assert.That(() => writer.AddMetadata("k", "w"), Throws.ArgumentException.With.Message.Contains("'k'"));
        Assert.That(() => writer.AddMetadata("sha256.data", "w"), Throws.ArgumentException);
        Assert.That(() => writer.AddMetadata("x", "\ud83d"), Throws.ArgumentException);
        Assert.That(
            () => writer.Save("no-such-folder/x.safetensors"),
            Throws.TypeOf<IOException>().With.Message.Contains("no-such-folder/x.safetensors"));
        Assert.That(SafetensorsFile.Parse(writer.ToArray(), "memory").Tensors, Has.Count.EqualTo(1), "a refused call leaves no trace");
    }
}
