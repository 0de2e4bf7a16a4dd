using System.Diagnostics;
using System.Text;
using System.Text.Json;
using EmbeddedBackprop.IO;

namespace EmbeddedBackprop.Tests.IO;

/// <summary>Any bytes give a result or a <see cref="DataFormatException"/>, within the promised allocation.</summary>
public sealed class SafetensorsMutationTests
{
    private const int Seed = 20260731;

    private readonly byte[] _mutant = new byte[8192];
    private readonly sbyte[] _bytes = new sbyte[64];
    private readonly int[] _integers = new int[64];
    private int _accepted, _refused, _wrong, _boundary, _integerTensors;
    private long _worst;

    [SetUp]
    public void Reset() => (_accepted, _refused, _wrong, _boundary, _integerTensors, _worst) = (0, 0, 0, 0, 0, long.MinValue);

    [Test]
    public void Every_truncation_is_refused([Values] bool sums, [Values] bool seal)
    {
        byte[] file = Original(sums);
        for (int length = 0; length < file.Length; length++)
        {
            byte[] mutant = file[..length];
            if (seal)
            {
                SafetensorsBytes.Seal(mutant);
            }

            Try(mutant);
        }

        Report("truncations");
        Assert.That((_refused, _accepted, _wrong), Is.EqualTo((file.Length, 0, 0)));
    }

    [Test]
    public void Every_flip_of_a_bit_is_refused_by_the_sums()
    {
        Flip(Original(sums: true), seal: false);
        Assert.That((_accepted, _wrong), Is.EqualTo((0, 0)));
    }

    [Test]
    public void Every_flip_of_a_bit_gives_a_result_or_the_format_error_without_sums([Values] bool seal)
    {
        Flip(Original(sums: seal), seal);
        // The control of the test above: without right sums, flips in names and data pass.
        Assert.That(_accepted, Is.GreaterThan(100));
        Assert.That(_refused, Is.GreaterThan(100));
        Assert.That(_wrong, Is.Zero);
    }

    [TestCase(1_000_000)]
    [TestCase(10_000_000, Category = "Exhaustive")]
    public void Mutants_give_a_result_or_the_format_error(int count)
    {
        long begin = Stopwatch.GetTimestamp();
        Mutate(count, Try);
        Report($"{count} mutants, seed {Seed}, {count / Stopwatch.GetElapsedTime(begin).TotalSeconds:F0} a second");
        Assert.That(_wrong, Is.Zero, "exceptions of other kinds");
        Assert.That(_accepted, Is.GreaterThan(count / 100));
        Assert.That(_refused, Is.GreaterThan(count / 4));
        Assert.That(_worst, Is.LessThanOrEqualTo(0), "bytes beyond the promised allocation");
        Assert.That(_integerTensors, Is.GreaterThan(count / 100), "tensors of integers were read, and refused in another type or length");
    }

    /// <summary>The control: a reader that believes its file meets every class of wrong file among the same mutants.</summary>
    [Test]
    public void A_trusting_reader_is_caught_by_the_same_mutants()
    {
        Mutate(20_000, mutant =>
        {
            try
            {
                _boundary += TrustingReader(mutant.Span) ? 1 : 0;
            }
            catch (Exception)
            {
                _wrong++;
            }
        });
        TestContext.Out.WriteLine($"trusting reader: {_wrong} other exceptions, {_boundary} files with overlaps or holes accepted");
        Assert.That(_wrong, Is.GreaterThan(1000));
        Assert.That(_boundary, Is.GreaterThan(10));
    }

    [Test]
    public void Allocation_is_bounded_for_many_tiny_tensors([Values("[0]", "[0,0]", "[0,0,0,0,0,0,0,0]")] string shape, [Values] bool ordered)
    {
        // Names of up to three characters, and entries as short as the format allows.
        const string Letters = "abcdefghijklmnopqrstuvwxyz0123456789";
        StringBuilder header = new("{");
        for (int i = 0; i < 36 * 36 * 36; i++)
        {
            _ = header.Append('"').Append(Letters[i / 1296]).Append(Letters[i / 36 % 36]).Append(Letters[i % 36])
                .Append("\":{\"dtype\":\"U8\",\"shape\":").Append(shape).Append(",\"data_offsets\":[0,0]},");
        }

        _ = header.Append(ordered ? "\"z_\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}"
            : "\"z_\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},\"y_\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}");
        CheckAllocation(SafetensorsBytes.File(header.ToString(), new byte[1]));
    }

    [TestCase("a", 200_000)]
    [TestCase("\\n", 200_000)]
    [TestCase("é", 200_000)]
    [TestCase("\\ud83d\\ude00", 50_000)]
    public void Allocation_is_bounded_for_a_long_string(string repeated, int times)
    {
        string text = new StringBuilder().Insert(0, repeated, times).ToString();
        CheckAllocation(SafetensorsBytes.File($$$"""{"__metadata__":{"k":"{{{text}}}"}}"""));
        CheckAllocation(SafetensorsBytes.File($$$"""{"{{{text}}}":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}"""));
    }

    [Test]
    public void Allocation_is_bounded_for_many_strings() =>
        CheckAllocation(
            SafetensorsBytes.File(
                $$$"""{"__metadata__":{{{{string.Join(',', Enumerable.Range(0, 512).Select(i => $"\"{(char)('a' + (i / 26))}{(char)('a' + (i % 26))}\":\"x\""))}}}}}"""
            ));

    [Test]
    public void Time_is_linear_in_the_file()
    {
        // A thousand times the nesting, the tensors and the escapes of any model.
        string deep = new('[', 2_000_000);
        string header = $$$"""{"__metadata__":{"k":"{{{new StringBuilder().Insert(0, "\\u0041", 300_000)}}}"},"a":{"shape":{{{deep}}}""";
        long begin = Stopwatch.GetTimestamp();
        Try(SafetensorsBytes.File(header));
        Assert.That(_refused, Is.EqualTo(1));
        Assert.That(Stopwatch.GetElapsedTime(begin).TotalSeconds, Is.LessThan(120), "milliseconds on a quiet machine; a square would take hours");
    }

    private static void CheckAllocation(byte[] file)
    {
        string path = Path.GetTempFileName();
        try
        {
            File.WriteAllBytes(path, file);
            long before = GC.GetAllocatedBytesForCurrentThread();
            SafetensorsFile read = SafetensorsFile.Read(path);
            long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            TestContext.Out.WriteLine(
                $"{read.Tensors.Count} tensors, {file.Length} bytes, {allocated} allocated: {allocated / (double)file.Length:F2} times");
            Assert.That(allocated, Is.LessThanOrEqualTo((4L * file.Length) + 65536));
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static byte[] Original(bool sums)
    {
        if (!sums)
        {
            return SafetensorsBytes.Plain();
        }

        SafetensorsWriter writer = new();
        writer.AddMetadata("graph", "dense 3 \"sigmoid\"\n");
        writer.Add("dense.weights", [2, 3], [1, 2, 3, 4, 5, 6]);
        writer.Add("dense.bias", [3], [1, 2, 3]);
        writer.Add("optimizer.step", SafetensorsType.I64, [], new byte[8]);
        writer.AddIntegers("q.bias", [3], [-1, 1 << 30, 70_000]);
        writer.AddIntegers("q.weight", [3, 2], (sbyte[])[-127, 127, 0, 1, -1, 64]);
        return writer.ToArray();
    }

    private void Flip(byte[] file, bool seal)
    {
        for (int bit = 0; bit < 8 * file.Length; bit++)
        {
            byte[] mutant = [.. file];
            mutant[bit / 8] ^= (byte)(1 << (bit % 8));
            if (seal)
            {
                SafetensorsBytes.Seal(mutant);
            }

            Try(mutant);
        }

        Report("flips");
    }

    private void Try(ReadOnlyMemory<byte> file)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        try
        {
            SafetensorsFile read = SafetensorsFile.Parse(file, "mutant");
            _accepted++;
            CopyIntegers(read);
        }
        catch (DataFormatException)
        {
            _refused++;
        }
        catch (Exception error)
        {
            if (_wrong++ == 0)
            {
                TestContext.Out.WriteLine($"{error}\n{Convert.ToBase64String(file.Span)}");
            }
        }

        // The file's own bytes are allocated too when it is read from a path.
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before + file.Length;
        _worst = Math.Max(_worst, allocated - (4 * file.Length) - 65536);
    }

    /// <summary>A tensor of integers gives its elements, and to a user of another type or length the format error.</summary>
    private void CopyIntegers(SafetensorsFile file)
    {
        if (file.TryGetTensor("q.weight", out SafetensorsTensor? weight) && weight.Type == SafetensorsType.I8 && weight.Length <= _bytes.Length)
        {
            weight.CopyTo(_bytes.AsSpan(0, weight.Length));
            _integerTensors++;
        }

        if (file.TryGetTensor("q.bias", out SafetensorsTensor? bias))
        {
            try
            {
                bias.CopyTo(_integers.AsSpan(0, 3));
                _integerTensors++;
            }
            catch (DataFormatException)
            {
                // Refused by type or length.
            }
        }
    }

    private void Report(string what) =>
        TestContext.Out.WriteLine($"{what}: {_accepted} accepted, {_refused} refused, {_wrong} other exceptions, allocation {_worst} from its bound");

    private static readonly string[] s_tokens =
    [
        "0", "-1", "1e9", "2147483647", "2147483648", "4294967295", "4294967296", "9223372036854775807", "18446744073709551615", "1.5",
        "{", "}", "[", "]", ",", ":", "\"", "\\", "\\u0041", "\\ud800", "null", "true", "\"a\":\"b\",", "\"dtype\":\"F64\",", "F64", "U8", "I64",
        "I8", "I32", "[0,0]", "[0,8]", "[24,28]", "[]", "__metadata__", "dense.bias", "\0", " ", "\n", "\u00ff",
    ];

    private static readonly byte[][] s_tokenBytes = Array.ConvertAll(s_tokens, Encoding.UTF8.GetBytes);

    /// <summary>
    /// One to four changes of a good file: bits, bytes, tokens written over, put in, parts taken out, doubled, cut off; then the sums, on half.
    /// </summary>
    private void Mutate(int count, Action<ReadOnlyMemory<byte>> use)
    {
        byte[][] originals = [Original(sums: false), Original(sums: true)];
        Random random = new(Seed);
        for (int i = 0; i < count; i++)
        {
            byte[] original = originals[i & 1];
            original.CopyTo(_mutant, 0);
            int length = original.Length;
            for (int changes = random.Next(1, 5); changes > 0; changes--)
            {
                length = Change(random, length);
            }

            if (random.Next(2) == 0)
            {
                SafetensorsBytes.Seal(_mutant.AsSpan(0, length));
            }

            use(_mutant.AsMemory(0, length));
        }
    }

    private int Change(Random random, int length)
    {
        // Mostly within the header, where the structure is; the length field and the data get their share.
        int at = random.Next(length), to = random.Next(length);
        byte[] token = s_tokenBytes[random.Next(s_tokenBytes.Length)];
        switch (random.Next(10))
        {
            case 0 or 1:
                _mutant[at] ^= (byte)(1 << random.Next(8));
                return length;
            case 2:
                _mutant[at] = (byte)random.Next(256);
                return length;
            case 3:
                _mutant[at] = (byte)('0' + random.Next(10));
                return length;
            case 4:
                token.AsSpan(0, Math.Min(token.Length, length - at)).CopyTo(_mutant.AsSpan(at));
                return length;
            case 5:
                return Splice(at, 0, token, length, keepFrame: random.Next(4) != 0);
            case 6:
                // A number replaced by another.
                int digit = _mutant.AsSpan(at, length - at).IndexOfAnyInRange((byte)'0', (byte)'9');
                return digit < 0 ? length : Splice(at + digit, 1, s_tokenBytes[random.Next(10)], length, keepFrame: true);
            case 7:
                return Splice(at, Math.Min(random.Next(1, 24), length - at), [], length, keepFrame: random.Next(4) != 0);
            case 8:
                byte[] part = _mutant.AsSpan(at, Math.Min(random.Next(1, 60), length - at)).ToArray();
                return Splice(to, 0, part, length, keepFrame: random.Next(4) != 0);
            default:
                return random.Next(4) == 0 ? at : length;
        }
    }

    /// <summary>Replaces a part; with <paramref name="keepFrame"/> the header's length goes along, or every such mutant would fail there.</summary>
    private int Splice(int at, int removed, byte[] inserted, int length, bool keepFrame)
    {
        if (length - removed + inserted.Length > _mutant.Length)
        {
            return length;
        }

        _mutant.AsSpan(at + removed, length - at - removed).CopyTo(_mutant.AsSpan(at + inserted.Length));
        inserted.CopyTo(_mutant.AsSpan(at));
        long header = BitConverter.ToInt64(_mutant);
        if (keepFrame && at >= 8 && at < 8 + header)
        {
            _ = BitConverter.TryWriteBytes(_mutant, header + inserted.Length - removed);
        }

        return length + inserted.Length - removed;
    }

    /// <summary>How a reader without checks would go about it. True for a file whose tensors do not tile the data.</summary>
    private static bool TrustingReader(ReadOnlySpan<byte> file)
    {
        int headerLength = (int)BitConverter.ToInt64(file);
        using JsonDocument header = JsonDocument.Parse(file.Slice(8, headerLength).ToArray());
        ReadOnlySpan<byte> data = file[(8 + headerLength)..];
        int covered = 0;
        bool torn = false;
        foreach (JsonProperty tensor in header.RootElement.EnumerateObject())
        {
            if (tensor.Name == "__metadata__")
            {
                continue;
            }

            int begin = tensor.Value.GetProperty("data_offsets")[0].GetInt32();
            int end = tensor.Value.GetProperty("data_offsets")[1].GetInt32();
            _ = data[begin..end];
            torn |= begin != covered;
            covered = end;
        }

        return torn;
    }
}
