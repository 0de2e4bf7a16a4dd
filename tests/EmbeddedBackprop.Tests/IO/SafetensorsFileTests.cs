using System.Text;
using EmbeddedBackprop.IO;

namespace EmbeddedBackprop.Tests.IO;

/// <summary>The files that the reader accepts, and every rule by which it refuses: one error in a file that is right otherwise.</summary>
public sealed class SafetensorsFileTests
{
    private const string F32 = "\"dtype\":\"F32\"";

    [Test]
    public void A_file_of_the_public_format_is_read()
    {
        SafetensorsFile file = SafetensorsFile.Parse(SafetensorsBytes.Plain(), "plain");
        Assert.That(file.HasChecksums, Is.False);
        Assert.That(file.Metadata, Has.Count.EqualTo(2));
        Assert.That(file.GetMetadata("format"), Is.EqualTo("pt"));
        Assert.That(file.GetMetadata("note"), Is.EqualTo("a \"b\" é😀\n"));
        Assert.That(file.Tensors.Select(tensor => tensor.Name), Is.EqualTo(new[] { "w", "n" }));
        SafetensorsTensor w = file.GetTensor("w");
        w.Require(2, 3);
        float[] values = new float[6];
        w.CopyTo(values);
        Assert.That(values, Is.EqualTo(new[] { 1f, 2f, 3f, 4f, 5f, 6f }));
        w.CopyTo(3, values.AsSpan(0, 2));
        Assert.That(values, Is.EqualTo(new[] { 4f, 5f, 3f, 4f, 5f, 6f }));
        SafetensorsTensor n = file.GetTensor("n");
        Assert.That(n.Type, Is.EqualTo(SafetensorsType.U8));
        Assert.That(n.Shape.ToArray(), Is.EqualTo(new[] { 4 }));
        Assert.That(n.Bytes.ToArray(), Is.EqualTo(new byte[] { 9, 8, 7, 6 }));
    }

    // Accepted: files that other programs may write.
    [TestCase("{}", 0)]
    [TestCase("{} \n", 0, false)]
    [TestCase("{}    ", 0)]
    [TestCase("{ \"a\" : {\t\"dtype\": \"F32\",\n\"shape\": [ 1 , 1 ],\r\"data_offsets\": [ 0 , 4 ] } }", 4)]
    [TestCase("{\"a\":{\"data_offsets\":[0,4],\"shape\":[],\"dtype\":\"F32\"}}", 4)]
    [TestCase("{\"\":{\"dtype\":\"F32\",\"shape\":[0,7],\"data_offsets\":[0,0]}}", 0)]
    [TestCase("{\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]},\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 8)]
    [TestCase(
        "{\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]},\"e\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[4,4]},\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}",
        8)]
    [TestCase("{\"a\":{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[0,8]},\"__metadata__\":{}}", 8)]
    [TestCase("{\"a\":{\"dtype\":\"F16\",\"shape\":[3],\"data_offsets\":[0,6]}}", 6)]
    [TestCase("{\"a\":{\"dtype\":\"BF16\",\"shape\":[3],\"data_offsets\":[0,6]}}", 6)]
    [TestCase("{\"a\":{\"dtype\":\"I64\",\"shape\":[1],\"data_offsets\":[0,8]}}", 8)]
    [TestCase("{\"a\":{\"dtype\":\"I32\",\"shape\":[1,1,1,1,1,1,1,1],\"data_offsets\":[0,4]}}", 4)]
    [TestCase("{\"a\":{\"dtype\":\"BOOL\",\"shape\":[3],\"data_offsets\":[0,3]}}", 3)]
    // Refused: the header's frame.
    [TestCase("", 0, false)]
    [TestCase("{", 0, false)]
    [TestCase(" {}", 0, false)]
    [TestCase("[]", 0, false)]
    [TestCase("{}x", 0, false)]
    [TestCase("{}\0", 0, false)]
    [TestCase("{,}", 0, false)]
    [TestCase("{}", 1, false)]
    [TestCase("{\"a\":1}", 0, false)]
    [TestCase("{\"a\":[]}", 0, false)]
    [TestCase("{'a':{}}", 0, false)]
    [TestCase("{\"a\":{}}", 0, false)]
    [TestCase("{\"a\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]},}", 4, false)]
    [TestCase("{\"a\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]}", 4, false)]
    [TestCase("{\"a\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]}}/*c*/", 4, false)]
    // Refused: names.
    [TestCase(
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]},\"a\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}}",
        0,
        false)]
    [TestCase(
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]},\"\\u0061\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}}",
        0,
        false)]
    [TestCase("{\"\\u005f_metadata__\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}}", 0, false)]
    [TestCase("{\"__metadata__\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}}", 0, false)]
    // Refused: strings.
    [TestCase("{\"__metadata__\":{\"k\":\"v\"},\"__metadata__\":{}}", 0, false)]
    [TestCase("{\"__metadata__\":{\"k\":\"v\",\"k\":\"v\"}}", 0, false)]
    [TestCase("{\"__metadata__\":{\"k\":\"v\",\"\\u006b\":\"v\"}}", 0, false)]
    [TestCase("{\"__metadata__\":{\"k\":1}}", 0, false)]
    [TestCase("{\"__metadata__\":{\"k\":null}}", 0, false)]
    [TestCase("{\"__metadata__\":{\"k\":{\"deep\":{}}}}", 0, false)]
    [TestCase("{\"__metadata__\":{\"k\":\"a\nb\"}}", 0, false)]
    [TestCase("{\"__metadata__\":{\"k\":\"\\x\"}}", 0, false)]
    [TestCase("{\"__metadata__\":{\"k\":\"\\u12\"}}", 0, false)]
    [TestCase("{\"__metadata__\":{\"k\":\"\\u12g4\"}}", 0, false)]
    [TestCase("{\"__metadata__\":{\"k\":\"\\ud83d\"}}", 0, false)]
    [TestCase("{\"__metadata__\":{\"k\":\"\\ud83d\\u0041\"}}", 0, false)]
    [TestCase("{\"__metadata__\":{\"k\":\"\\ude00\"}}", 0, false)]
    [TestCase("{\"__metadata__\":{\"k\":\"v", 0, false)]
    [TestCase("{\"__metadata__\":{\"k\":", 0, false)]
    [TestCase("{\"__metadata__\":{\"k\":v\"}}", 0, false)]
    [TestCase("{\"__metadata__\":{\"k\":\"v\\", 0, false)]
    [TestCase("{\"__metadata__\":{\"sha256.data\":\"00\"}}", 0, false)]
    [TestCase("{\"__metadata__\":{\"sha256.header\":\"0000000000000000000000000000000000000000000000000000000000000000\"}}", 0, false)]
    [TestCase("{\"__metadata__\":{\"sha256\\u002edata\":\"v\"}}", 0, false)]
    public void Header(string header, int data, bool accepted = true) => Check(SafetensorsBytes.File(header, new byte[data]), accepted);

    // The parts of one tensor over 8 bytes of data.
    [TestCase(F32, "[2]", "[0,8]", true)]
    [TestCase(F32, "[2,1]", "[0,8]", true)]
    [TestCase("\"dtype\":\"F33\"", "[2]", "[0,8]")]
    [TestCase("\"dtype\":\"f32\"", "[2]", "[0,8]")]
    [TestCase("\"dtype\":\"\"", "[2]", "[0,8]")]
    [TestCase("\"dtype\":32", "[2]", "[0,8]")]
    [TestCase("\"dtype\":null", "[2]", "[0,8]")]
    [TestCase("\"dtype\":\"F32\",\"dtype\":\"F32\"", "[2]", "[0,8]")]
    [TestCase("\"dtype\":\"F32\",\"extra\":0", "[2]", "[0,8]")]
    [TestCase(F32, "2", "[0,8]")]
    [TestCase(F32, "[3]", "[0,8]")]
    [TestCase(F32, "[1]", "[0,8]")]
    [TestCase(F32, "[]", "[0,8]")]
    [TestCase(F32, "[0]", "[0,8]")]
    [TestCase(F32, "[-2]", "[0,8]")]
    [TestCase(F32, "[-2,-1]", "[0,8]")]
    [TestCase(F32, "[+2]", "[0,8]")]
    [TestCase(F32, "[02]", "[0,8]")]
    [TestCase(F32, "[2.0]", "[0,8]")]
    [TestCase(F32, "[2e0]", "[0,8]")]
    [TestCase(F32, "[\"2\"]", "[0,8]")]
    [TestCase(F32, "[2,]", "[0,8]")]
    [TestCase(F32, "[[2]]", "[0,8]")]
    [TestCase(F32, "[[[[[[[[[[[[[[[[[[[[2]]]]]]]]]]]]]]]]]]]]", "[0,8]")]
    [TestCase(F32, "[2,1,1,1,1,1,1,1,1]", "[0,8]")]
    [TestCase(F32, "[2147483648]", "[0,8]")]
    [TestCase(F32, "[18446744073709551618]", "[0,8]")]
    [TestCase(F32, "[99999999999999999999999999999999]", "[0,8]")]
    // Products that come to 2 if they are taken modulo 2^32 or 2^64.
    [TestCase(F32, "[65536,65537,32767,65535]", "[0,8]")]
    [TestCase(F32, "[1073741824,1073741824,32,2]", "[0,8]")]
    [TestCase(F32, "[2147483647,2147483647,2147483647,0]", "[0,8]")]
    // 2^62 elements of 4 bytes are 0 bytes modulo 2^64.
    [TestCase(F32, "[1073741824,1073741824,4]", "[0,0]")]
    [TestCase(F32, "[2]", "[0,4]")]
    [TestCase(F32, "[2]", "[0,9]")]
    [TestCase(F32, "[2]", "[0,16]")]
    [TestCase(F32, "[1]", "[0,4]")]
    [TestCase(F32, "[1]", "[4,8]")]
    [TestCase(F32, "[2]", "[8,0]")]
    [TestCase(F32, "[2]", "[-8,0]")]
    [TestCase(F32, "[2]", "[-0,8]")]
    [TestCase(F32, "[2]", "[0]")]
    [TestCase(F32, "[2]", "[0,8,8]")]
    [TestCase(F32, "[2]", "[]")]
    [TestCase(F32, "[2]", "[0,8.0]")]
    [TestCase(F32, "[2]", "[999999999999999992,1000000000000000000]")]
    [TestCase(F32, "[2]", "[4294967296,4294967304]")]
    [TestCase(F32, "[2]", "[9223372036854775800,9223372036854775808]")]
    public void Tensor(string type, string shape, string range, bool accepted = false) =>
        Check(SafetensorsBytes.File($$$"""{"a":{{{{type}}},"shape":{{{shape}}},"data_offsets":{{{range}}}}}""", new byte[8]), accepted);

    // Ranges of three tensors of bytes over 12 bytes of data.
    [TestCase("[0,4]", "[4,8]", "[8,12]", true)]
    [TestCase("[8,12]", "[0,4]", "[4,8]", true)]
    [TestCase("[0,4]", "[4,8]", "[4,8]")]
    [TestCase("[0,4]", "[2,6]", "[8,12]")]
    [TestCase("[0,4]", "[4,8]", "[7,11]")]
    [TestCase("[1,5]", "[5,9]", "[8,12]")]
    [TestCase("[0,4]", "[0,4]", "[0,4]")]
    [TestCase("[8,12]", "[4,8]", "[4,8]")]
    public void Ranges(string a, string b, string c, bool accepted = false)
    {
        const string Bytes = "{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":";
        Check(SafetensorsBytes.File($$$"""{"a":{{{Bytes}}}{{{a}}}},"b":{{{Bytes}}}{{{b}}}},"c":{{{Bytes}}}{{{c}}}}}""", new byte[12]), accepted);
    }

    [TestCase(0xC3, 0x28)]
    [TestCase(0xC0, 0xAF)]
    [TestCase(0xED, 0xA0)]
    [TestCase(0xFF, 0x20)]
    public void Invalid_utf8_is_refused_where_it_stands(byte first, byte second)
    {
        byte[] header = Encoding.ASCII.GetBytes("{\"__metadata__\":{\"k\":\"..\"}}");
        int at = Array.IndexOf(header, (byte)'.');
        (header[at], header[at + 1]) = (first, second);
        DataFormatException error = Check(SafetensorsBytes.File(header), accepted: false)!;
        Assert.That(error.Offset, Is.EqualTo(8 + at));
    }

    [TestCase(0ul)]
    [TestCase(1ul)]
    [TestCase(100_000_001ul)]
    [TestCase(0x7FFF_FFFFul)]
    [TestCase(0x8000_0000ul)]
    [TestCase(0xFFFF_FFFF_FFFF_FFF8ul)]
    [TestCase(ulong.MaxValue)]
    public void A_wrong_header_length_is_refused(ulong length)
    {
        byte[] file = SafetensorsBytes.Plain();
        BitConverter.TryWriteBytes(file, length);
        _ = Check(file, accepted: false);
    }

    [Test]
    public void Metadata_has_a_limit()
    {
        _ = Check(Many(512), accepted: true);
        _ = Check(Many(513), accepted: false);
        static byte[] Many(int count) => SafetensorsBytes.File(
            $$$"""{"__metadata__":{{{{string.Join(',', Enumerable.Range(0, count).Select(i => $"\"{i}\":\"\""))}}}}}""");
    }

    [Test]
    public void Messages_name_file_byte_and_problem()
    {
        DataFormatException error = Check(SafetensorsBytes.File("{\"a\":{\"dtype\":\"F99\"}}"), accepted: false)!;
        Assert.That(error.Message, Is.EqualTo("test.safetensors: byte 23: an unknown dtype"));
        Assert.That((error.File, error.Offset, error.Problem), Is.EqualTo(("test.safetensors", 23L, "an unknown dtype")));
    }

    [Test]
    public void What_the_user_of_a_file_misses_is_a_format_error_too()
    {
        SafetensorsFile file = SafetensorsFile.Parse(SafetensorsBytes.Plain(), "plain");
        Assert.That(() => file.GetTensor("x"), Throws.TypeOf<DataFormatException>().With.Message.Contains("no tensor 'x'"));
        Assert.That(() => file.GetMetadata("x"), Throws.TypeOf<DataFormatException>().With.Message.Contains("no metadata 'x'"));
        Assert.That(() => file.GetTensor("w").Require(3, 2), Throws.TypeOf<DataFormatException>()
            .With.Message.Contains("tensor 'w': expected the shape [3, 2], got [2, 3]"));
        Assert.That(() => file.GetTensor("n").Require(4), Throws.TypeOf<DataFormatException>().With.Message.Contains("F32, got U8"));
        Assert.That(() => file.GetTensor("w").CopyTo(new float[5]), Throws.TypeOf<DataFormatException>());
        Assert.That(() => file.GetTensor("n").CopyTo(0, new float[1]), Throws.TypeOf<DataFormatException>());
        Assert.That(() => file.GetTensor("w").CopyTo(5, new float[2]), Throws.TypeOf<ArgumentOutOfRangeException>());
        Assert.That(() => file.GetTensor("w").CopyTo(7, []), Throws.TypeOf<ArgumentOutOfRangeException>());
    }

    [TestCase("0", 63)]
    [TestCase("0", 65)]
    [TestCase("A", 64)]
    public void A_sum_of_another_form_is_named(string digit, int count)
    {
        string sum = string.Concat(Enumerable.Repeat(digit, count));
        DataFormatException error = Check(SafetensorsBytes.File($$$"""{"__metadata__":{"sha256.data":"{{{sum}}}"}}"""), accepted: false)!;
        Assert.That(error.Problem, Is.EqualTo("a sum must have 64 lower-case hexadecimal digits"));
    }

    [Test]
    public void Sums_can_be_required() =>
        Assert.That(() => SafetensorsFile.Parse(SafetensorsBytes.Plain(), "plain", requireChecksums: true),
            Throws.TypeOf<DataFormatException>().With.Message.Contains("sha256"));

    [Test]
    public void A_missing_file_and_a_folder_are_named()
    {
        string folder = Path.GetTempPath(), missing = Path.Combine(folder, "ebp-no-such-file.safetensors");
        Assert.That(() => SafetensorsFile.Read(missing), Throws.TypeOf<FileNotFoundException>().With.Message.Contains(missing));
        Assert.That(() => SafetensorsFile.Read(folder), Throws.TypeOf<UnauthorizedAccessException>());
        // A device tells no length, so a reader up to its end would never return.
        if (!OperatingSystem.IsWindows())
        {
            Assert.That(() => SafetensorsFile.Read("/dev/zero"), Throws.TypeOf<DataFormatException>());
        }
    }

    private static DataFormatException? Check(byte[] file, bool accepted)
    {
        try
        {
            _ = SafetensorsFile.Parse(file, "test.safetensors");
            Assert.That(accepted, Is.True, "accepted");
            return null;
        }
        catch (DataFormatException error)
        {
            Assert.That(accepted, Is.False, error.Message);
            Assert.That(error.Offset, Is.InRange(0, file.Length));
            return error;
        }
    }
}
