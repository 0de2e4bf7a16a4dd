using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;
using System.IO.Compression;
using System.Text;
using System.Text.Json;
using EmbeddedBackprop.Data;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Tests.Data;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.IO;

/// <summary>
/// Any bytes given to a loader give a result or a <see cref="DataFormatException"/>, within the promised allocation and in no time to speak of. The
/// mutants of each format are counted, timed and printed with their seed.
/// </summary>
internal sealed class LoaderTests
{
    private const ulong Seed = 20261122;

    /// <summary>What the loaders of IDX and of networks may take here beyond their file's size.</summary>
    private const int Limit = 1 << 20;

    private static readonly string[] Formats = ["safetensors", "model file", "IDX", "IDX.gz", "CSV", "strokes"];

    private static readonly CsvOptions[] Asked =
    [
        new(),
        new() { Target = CsvTarget.Classes },
        new() { Target = CsvTarget.Numbers },
        new() { Classes = ["one", "two", "x"] },
        new() { Label = "0", HasHeader = false },
    ];

    private int asked;

    /// <summary>A loader under test: its good files, words of its language, and what it takes beyond the file.</summary>
    private sealed record Loader(Action<ReadOnlyMemory<byte>> Load, int Declared, string[] Tokens, params Mutants.Source[] Sources);

    [TestCaseSource(nameof(Formats))]
    public void Mutants_give_a_result_or_the_format_error(string format)
    {
        Loader loader = Of(format);
        int count = format == "model file" ? Effort.Of(50_000, 500_000, 10_000_000) : Effort.Of(200_000, 1_000_000, 10_000_000);
        Mutants mutants = new(Seed, loader.Tokens, loader.Sources);
        int accepted = 0, refused = 0;
        long largest = 0, worst = long.MinValue, slowest = 0, begin = Stopwatch.GetTimestamp();
        for (int i = 0; i < count; i++)
        {
            ReadOnlyMemory<byte> mutant = mutants.Next();
            long before = GC.GetAllocatedBytesForCurrentThread(), started = Stopwatch.GetTimestamp();
            try
            {
                loader.Load(mutant);
                accepted++;
            }
            catch (DataFormatException)
            {
                refused++;
            }
            catch (Exception error) when (error is not AssertionException)
            {
                Assert.Fail($"{format}, seed {Seed}, mutant {i}: {error}\n{Convert.ToBase64String(mutant.Span)}");
            }

            slowest = Math.Max(slowest, Stopwatch.GetTimestamp() - started);
            long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            largest = Math.Max(largest, allocated);
            worst = Math.Max(worst, allocated - (4L * Math.Max(mutant.Length, loader.Declared)) - 65536);
        }

        double seconds = Stopwatch.GetElapsedTime(begin).TotalSeconds;
        TestContext.Out.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{format}: {count:N0} mutants, seed {Seed}: {accepted:N0} accepted, {refused:N0} refused, 0 other exceptions; "
                + $"{count / seconds:N0} a second, at most {largest:N0} bytes allocated, the slowest {1e3 * slowest / Stopwatch.Frequency:F1} ms"));
        Assert.That(accepted, Is.GreaterThan(count / 100), "mutants of both kinds");
        Assert.That(refused, Is.GreaterThan(count / 10), "mutants of both kinds");
        Assert.That(worst, Is.LessThanOrEqualTo(0), "bytes beyond 4 times the file (or the declared size) and 64 KiB");
        Assert.That((double)slowest / Stopwatch.Frequency, Is.LessThan(60), "seconds for a small file; microseconds on a quiet machine");
    }

    [TestCaseSource(nameof(Formats))]
    public void Every_truncation_and_every_flipped_bit_gives_a_result_or_the_format_error(string format)
    {
        Loader loader = Of(format);
        int accepted = 0, refused = 0;
        // One model is enough: the sums of each of its mutants are made anew.
        foreach (Mutants.Source source in loader.Sources.Take(format == "model file" ? 1 : loader.Sources.Length))
        {
            for (int length = 0; length < source.File.Length; length++)
            {
                Try(source, source.File[..length], $"cut to {length} bytes");
            }

            for (int bit = 0; bit < 8 * source.File.Length; bit++)
            {
                byte[] flipped = [.. source.File];
                flipped[bit / 8] ^= (byte)(1 << (bit % 8));
                Try(source, flipped, $"bit {bit} flipped");
            }
        }

        TestContext.Out.WriteLine($"{format}: {accepted} accepted, {refused} refused, 0 other exceptions");
        Assert.That(refused, Is.Positive);

        void Try(Mutants.Source source, byte[] bytes, string what)
        {
            try
            {
                loader.Load(source.Seal is { } seal ? seal(bytes) : bytes);
                accepted++;
            }
            catch (DataFormatException)
            {
                refused++;
            }
            catch (Exception error) when (error is not AssertionException)
            {
                Assert.Fail($"{format}, {what}: {error}");
            }
        }
    }

    /// <summary>The control: readers that believe their file meet other exceptions among the same mutants.</summary>
    [TestCaseSource(nameof(Formats))]
    public void A_trusting_reader_is_caught_by_the_same_mutants(string format)
    {
        Loader loader = Of(format);
        Mutants mutants = new(Seed, loader.Tokens, loader.Sources);
        int wrong = 0;
        for (int i = 0; i < 5000; i++)
        {
            try
            {
                Trust(format, mutants.Next().ToArray());
            }
            catch (Exception error) when (error is not DataFormatException)
            {
                wrong++;
            }
        }

        TestContext.Out.WriteLine($"{format}: {wrong} of 5000 mutants end a trusting reader");
        Assert.That(wrong, Is.GreaterThan(500));
    }

    private Loader Of(string format) => format switch
    {
        "safetensors" => new Loader(
            bytes =>
            {
                SafetensorsFile file = SafetensorsFile.Parse(bytes, "mutant");
                foreach (SafetensorsTensor tensor in file.Tensors)
                {
                    _ = tensor.Bytes.Length;
                }
            },
            0,
            [
                "0", "-1", "1e9", "2147483648", "9223372036854775807", "18446744073709551615", "{", "}", "[", "]", ",", ":", "\"", "\\ud800", "null",
                "F64", "U8", "[0,0]", "[]", "__metadata__", "\0", " ", "\u00ff",
            ],
            new Mutants.Source(SafetensorsBytes.Plain(), Frame),
            new Mutants.Source(SafetensorsBytes.Plain()),
            new Mutants.Source(ModelNets.Saved(), Sums)),
        "model file" => new Loader(
            LoadModel,
            Limit,
            [
                "0", "-1", "99999", "1e9", "NaN", ";", "=", "\\\"", "x", " ", "relu", "softmax", "input", "dense", "again", "activate", "conv",
                "d2147483647", "same", "gru", "adam", "cosine", "true", "1x1", "2147483647",
            ],
            new Mutants.Source(ModelNets.Saved(), Sums),
            new Mutants.Source(Model("input 2x6x6; conv 3 3x3 s2 p1 relu; batchnorm; maxpool 2; dense 3 softmax"), Sums),
            new Mutants.Source(Model("input 5x3; embed = dense 4 tanh; scale 0.5 trained; dense 2"), Sums),
            new Mutants.Source(Model("input 6x4; gru 3 all; lstm 2; dense 2"), Sums),
            new Mutants.Source(QuantizedFiles.Saved(), Sums),
            new Mutants.Source(ModelNets.Saved())),
        "IDX" => new Loader(
            LoadIdx,
            Limit,
            ["\0", "\u0001", "\u0003", "\b", "\0\0\b\u0003"],
            new Mutants.Source(Idx()),
            new Mutants.Source(IdxReaderTests.File([1, 2], false, 2))),
        "IDX.gz" => new Loader(
            LoadIdx,
            Limit,
            ["\0", "\u0001", "\b", "\u001f", "\0\0\b\u0003"],
            new Mutants.Source(IdxReaderTests.File(new byte[48], true, 3, 4, 4)),
            new Mutants.Source(Idx(), bytes => Stored(bytes.Span))),
        "CSV" => new Loader(
            bytes => CheckFinite(CsvReader.Parse(bytes.Span, "mutant", Asked[asked++ % Asked.Length]).Inputs),
            0,
            [",", ";", "\t", "\"", "\n", "\r", "\r\n", " ", ".", "-", "1e39", "NaN", "\0", "one", "\u00e9", "1,2"],
            new Mutants.Source(Encoding.UTF8.GetBytes("\"id\",x,\"y, z\",name\n1, 2.5,3e1,\"one\"\n2,-4,5,two\r\n3,6,\"7\",\"on\"\"e\"\n\n")),
            new Mutants.Source(Encoding.UTF8.GetBytes("1,2\n3,1\n")),
            new Mutants.Source(Encoding.UTF8.GetBytes("5.1;3.5;a\n4.9;3.0;b\n"))),
        "strokes" => new Loader(
            bytes => StrokeReader.Parse(bytes.Span, "mutant"),
            0,
            ["{", "}", "[", "]", ",", ":", "\"", "\\ud800", "1e60", "-", "\"x\"", "\"y\"", "\"label\"", "\"strokePoints\"", "null", "[[[[", "\0"],
            new Mutants.Source(Encoding.UTF8.GetBytes("""
                {"strokes": [{"index": 0, "strokePoints": [{"x": -0.5, "y": 0.25}, {"y": 1e-3, "x": 2}], "label": "10"},
                  {"label": "9", "strokePoints": [{"x": 0, "y": 0, "z": null}]}]}
                """))),
        _ => throw new ArgumentOutOfRangeException(nameof(format)),
    };

    private static void LoadModel(ReadOnlyMemory<byte> bytes)
    {
        ModelFile file = ModelFile.Parse(bytes, "mutant");
        file.MemoryLimit = Limit;
        using Network network = file.ToNetwork(batch: 1);
        if (file.State is not null)
        {
            _ = file.ToTrainerOptions();
        }

        _ = network.Predict(new float[network.Input.Shape.Length]);
    }

    private static void LoadIdx(ReadOnlyMemory<byte> bytes)
    {
        using MemoryStream stream = new(bytes.ToArray());
        IdxArray array = IdxReader.Read(stream, "mutant", Limit);
        long product = 1;
        foreach (int dimension in array.Dimensions)
        {
            product *= dimension;
        }

        Assert.That(array.Data, Has.Length.EqualTo(product));
    }

    private static void CheckFinite(ReadOnlySpan<float> values) => Assert.That(Finite.All(values), "a value is not finite");

    private static void Trust(string format, byte[] bytes)
    {
        switch (format)
        {
            case "safetensors" or "model file":
                using (JsonDocument header = JsonDocument.Parse(bytes.AsMemory(8, (int)BitConverter.ToInt64(bytes))))
                {
                    foreach (JsonProperty tensor in header.RootElement.EnumerateObject().Where(tensor => tensor.Name != "__metadata__"))
                    {
                        JsonElement offsets = tensor.Value.GetProperty("data_offsets");
                        _ = bytes[(8 + (int)BitConverter.ToInt64(bytes))..][offsets[0].GetInt32()..offsets[1].GetInt32()];
                    }
                }

                break;
            case "IDX":
                int axes = bytes[3];
                int size = Enumerable.Range(0, axes).Aggregate(1, (n, i) => n * BinaryPrimitives.ReadInt32BigEndian(bytes.AsSpan(4 + (4 * i))));
                _ = bytes.AsSpan(4 + (4 * axes), size);
                break;
            case "IDX.gz":
                using (GZipStream gzip = new(new MemoryStream(bytes), CompressionMode.Decompress))
                {
                    MemoryStream inner = new();
                    gzip.CopyTo(inner);
                    Trust("IDX", inner.ToArray());
                }

                break;
            case "CSV":
                foreach (string line in Encoding.UTF8.GetString(bytes).Split('\n').Skip(1).Where(line => line.Length > 0))
                {
                    _ = float.Parse(line.Split(',')[1], CultureInfo.InvariantCulture);
                }

                break;
            default:
                using (JsonDocument document = JsonDocument.Parse(bytes))
                {
                    foreach (JsonElement stroke in document.RootElement.GetProperty("strokes").EnumerateArray())
                    {
                        _ = stroke.GetProperty("label").GetString()!.Length;
                        _ = stroke.GetProperty("strokePoints")[0].GetProperty("x").GetSingle();
                    }
                }

                break;
        }
    }

    private static byte[] Model(string net)
    {
        using Network network = NetCompiler.Compile(
            net, new EmbeddedBackprop.Losses.Loss<EmbeddedBackprop.Losses.MeanSquared>(), new NetworkOptions { Batch = 2, Seed = 1 });
        return ModelFile.ToArray(network);
    }

    private static byte[] Idx() => IdxReaderTests.File([.. Enumerable.Range(0, 48).Select(i => (byte)(i * 5))], false, 3, 4, 4);

    /// <summary>The header's length as it is now, from the first bracket to the last.</summary>
    private static ReadOnlyMemory<byte> Frame(Memory<byte> mutant)
    {
        int end = mutant.Length < 9 ? -1 : mutant.Span.LastIndexOf((byte)'}');
        if (end > 8)
        {
            BinaryPrimitives.WriteInt64LittleEndian(mutant.Span, end - 7);
        }

        return mutant;
    }

    private static ReadOnlyMemory<byte> Sums(Memory<byte> mutant)
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

    /// <summary>A gzip file whose one block is stored, with the right sum and length.</summary>
    private static ReadOnlyMemory<byte> Stored(ReadOnlySpan<byte> bytes)
    {
        byte[] file = new byte[10 + 5 + bytes.Length + 8];
        ((ReadOnlySpan<byte>)[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff, 1]).CopyTo(file);
        BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(11), (ushort)bytes.Length);
        BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(13), (ushort)~bytes.Length);
        bytes.CopyTo(file.AsSpan(15));
        BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(file.Length - 8), Crc32(bytes));
        BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(file.Length - 4), bytes.Length);
        return file;
    }

    private static uint Crc32(ReadOnlySpan<byte> bytes)
    {
        uint sum = uint.MaxValue;
        foreach (byte b in bytes)
        {
            sum ^= b;
            for (int bit = 0; bit < 8; bit++)
            {
                sum = (sum >> 1) ^ (0xEDB88320 & (uint)-(int)(sum & 1));
            }
        }

        return ~sum;
    }
}
