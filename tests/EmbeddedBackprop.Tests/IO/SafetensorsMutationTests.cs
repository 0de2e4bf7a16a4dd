using System.Diagnostics;
using System.Text;
using EmbeddedBackprop.IO;

namespace EmbeddedBackprop.Tests.IO;

/// <summary>A damaged file is refused, and reading takes bounded memory and time; <see cref="LoaderTests"/> has the mutants.</summary>
[Parallelizable(ParallelScope.Self)]
public sealed class SafetensorsMutationTests
{
    private const ulong Seed = 20260731;

    private readonly sbyte[] _bytes = new sbyte[64];
    private readonly int[] _integers = new int[64];
    private int _accepted, _refused, _wrong, _integerTensors;
    private long _worst;

    [SetUp]
    public void Reset() => (_accepted, _refused, _wrong, _integerTensors, _worst) = (0, 0, 0, 0, long.MinValue);

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
        Assert.That(_worst, Is.LessThanOrEqualTo(0), "bytes beyond the promised allocation");
        Assert.That(_integerTensors, seal ? Is.GreaterThan(100) : Is.Zero, "tensors of integers were read, or refused in another type or length");
    }

    /// <summary>Files with overlaps and holes are among the mutants; a reader that believes offsets takes them.</summary>
    [Test]
    public void Overlaps_and_holes_are_among_the_mutants()
    {
        Loader loader = Loaders.Of("safetensors");
        Mutants mutants = new(Seed, loader.Tokens, loader.Sources);
        int torn = 0;
        for (int i = 0; i < 20_000; i++)
        {
            byte[] mutant = mutants.Next().ToArray();
            try
            {
                if (TrustingReaders.IsTorn(mutant))
                {
                    torn++;
                    Try(mutant);
                }
            }
            catch (Exception error) when (error is not AssertionException)
            {
                // The trusting reader ended, as LoaderTests counts.
            }
        }

        Report($"{torn} files with overlaps or holes");
        Assert.That(torn, Is.GreaterThan(10));
        Assert.That((_accepted, _wrong), Is.EqualTo((0, 0)));
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

    private static byte[] Original(bool sums) => sums ? SafetensorsBytes.Summed() : SafetensorsBytes.Plain();

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
}
