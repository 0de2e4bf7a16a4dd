using System.Diagnostics;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Onnx;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Onnx;

/// <summary>Any bytes give a net or a <see cref="DataFormatException"/>, within the promised allocation; a net that is given predicts.</summary>
internal sealed class OnnxMutationTests
{
    private const int Seed = 20261122;

    /// <summary>The memory of a mutant's network.</summary>
    private const long NetworkBytes = 1 << 20;

    /// <summary>Above the memory of the folding of constants, twice, and that of a network.</summary>
    private const long ImportBytes = 20 << 20;

    private readonly byte[] mutant = new byte[4096];
    private int accepted, refused, wrong;
    private long worst, worstImport;

    [SetUp]
    public void Reset() => (accepted, refused, wrong, worst, worstImport) = (0, 0, 0, long.MinValue, long.MinValue);

    [Test]
    public void Every_truncation_is_refused()
    {
        foreach (byte[] file in Originals())
        {
            for (int length = 0; length < file.Length; length++)
            {
                Try(file.AsMemory(0, length), build: true);
            }
        }

        Report("truncations");
        Assert.That((accepted, wrong), Is.EqualTo((0, 0)));
        Assert.That(worst, Is.LessThanOrEqualTo(0));
    }

    [Test]
    public void Every_flip_of_a_bit_gives_a_net_or_the_format_error()
    {
        foreach (byte[] file in Originals())
        {
            for (int bit = 0; bit < 8 * file.Length; bit++)
            {
                file.CopyTo(mutant, 0);
                mutant[bit / 8] ^= (byte)(1 << (bit % 8));
                Try(mutant.AsMemory(0, file.Length), build: true);
            }
        }

        Report("flips");
        Assert.That(wrong, Is.Zero);
        Assert.That(accepted, Is.GreaterThan(1000), "weights carry no sum");
        Assert.That(refused, Is.GreaterThan(1000));
        Assert.That((worst, worstImport), Is.LessThanOrEqualTo((0L, 0L)));
    }

    /// <summary>One in four is imported, one in sixteen built and run.</summary>
    [TestCase(1_000_000)]
    [TestCase(10_000_000, Category = "Exhaustive")]
    public void Mutants_give_a_net_or_the_format_error(int count)
    {
        long begin = Stopwatch.GetTimestamp();
        int number = 0;
        Mutate(count, file => Try(file, build: (++number & 15) == 0, import: (number & 3) == 0));
        Report($"{count} mutants, seed {Seed}, {count / Stopwatch.GetElapsedTime(begin).TotalSeconds:F0} a second");
        Assert.That(wrong, Is.Zero);
        Assert.That(accepted, Is.GreaterThan(count / 100));
        Assert.That(refused, Is.GreaterThan(count / 4));
        Assert.That((worst, worstImport), Is.LessThanOrEqualTo((0L, 0L)));
    }

    /// <summary>The control: a reader that believes lengths and counts meets other exceptions among the same mutants.</summary>
    [Test]
    public void A_trusting_reader_is_caught_by_the_same_mutants()
    {
        Mutate(20_000, file =>
        {
            try
            {
                _ = Trusting(file.Span, depth: 0);
            }
            catch (Exception error) when (error is ArgumentException or IndexOutOfRangeException)
            {
                wrong++;
            }
        });
        Assert.That(wrong, Is.GreaterThan(1000));
    }

    [Test]
    public void Allocation_is_bounded_for_many_small_entries()
    {
        // A chain of as many nodes as a net may have, each as short as it can be.
        OnnxNet net = new OnnxNet().Input("0", -1, 3).Weight("w", 3, 3).Node("1 = Gemm 0 w");
        for (int i = 1; i < 400; i++)
        {
            _ = net.Node($"{i + 1} = Relu {i}");
        }

        Try(net.Output("400").ToArray(), build: true);
        Report("a chain");
        Assert.That((accepted, refused), Is.EqualTo((0, 1)).Or.EqualTo((1, 0)));
        Assert.That(worst, Is.LessThanOrEqualTo(0));
    }

    [Test]
    public void Time_is_linear_in_the_file()
    {
        // Values that thousands of nodes read, and names that are all alike: a square somewhere would take minutes.
        OnnxNet net = new OnnxNet().Input("x", -1, 3);
        for (int i = 0; i < 8_000; i++)
        {
            _ = net.Node($"long_name_of_a_value_that_is_like_all_the_others_{i} = Tanh x");
        }

        string[] all = [.. Enumerable.Range(0, 1000).Select(i => $"long_name_of_a_value_that_is_like_all_the_others_{i}")];
        byte[] file = net.Node($"y = Sum {string.Join(' ', all)}").Output("y").ToArray();
        long begin = Stopwatch.GetTimestamp();
        Try(file, build: true);
        Assert.That(refused, Is.EqualTo(1));
        Assert.That(Stopwatch.GetElapsedTime(begin).TotalSeconds, Is.LessThan(20));
    }

    private static byte[][] Originals() =>
        [
            OnnxNet.Image().ToArray(),
            OnnxNet.Sequence("LSTM", 4).ToArray(),
            new OnnxNet()
                .Indices("i", 2, 4)
                .Weight("e", 5, 3)
                .Numbers("pads", 0, 0, 1, 0, 0, 1)
                .Weight("g", 2, 3)
                .Tensor(OnnxTensor.Of("h", [], [0.5f]))
                .Node("a = Gather e i")
                .Node("t = Transpose a", OnnxAttribute.Of("perm", 0L, 2L, 1L))
                .Node("p = Pad t pads")
                .Node("v = AveragePool p", OnnxAttribute.Of("kernel_shape", [2L]))
                .Node("u = Mul v h")
                .Node("b c d = Split u", OnnxAttribute.Of("axis", 1))
                .Node("j = Concat d b", OnnxAttribute.Of("axis", -1))
                .Node("m = ReduceMean j", OnnxAttribute.Of("axes", [2L]), OnnxAttribute.Of("keepdims", 0))
                .Weight("k", 1, 2)
                .Node("y = MatMul m k")
                .Output("y")
                .ToArray(),
        ];

    private void Try(ReadOnlyMemory<byte> file, bool build, bool import = true)
    {
        long before = GC.GetAllocatedBytesForCurrentThread(), read = before;
        try
        {
            OnnxFile net = OnnxFile.Read(file, "mutant");
            read = GC.GetAllocatedBytesForCurrentThread();
            if (build)
            {
                net.MemoryLimit = NetworkBytes;
                using Network network = net.ToNetwork(new NetworkOptions { Batch = 2 });
                network.PredictionInput(2).Clear();
                _ = network.Predict(2);
            }
            else if (import)
            {
                _ = net.Net;
            }

            accepted++;
        }
        catch (DataFormatException)
        {
            refused++;
        }
        catch (Exception error)
        {
            if (wrong++ == 0)
            {
                TestContext.Out.WriteLine($"{error}\n{Convert.ToBase64String(file.Span)}");
            }
        }

        long after = GC.GetAllocatedBytesForCurrentThread();
        read = read == before ? after : read;
        // The file's own bytes are allocated too when it is read from a path.
        worst = Math.Max(worst, read - before + file.Length - (4L * file.Length) - 65536);
        worstImport = Math.Max(worstImport, after - read - ImportBytes);
    }

    private void Report(string what) => TestContext.Out.WriteLine(
        $"{what}: {accepted} accepted, {refused} refused, {wrong} other exceptions, reading {worst} from its bound, the import {worstImport}");

    private static readonly byte[][] Tokens =
    [
        [0], [1], [0x7F], [0x80, 1], [0xFF, 0xFF, 0xFF, 0xFF, 7], [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1],
        [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1], [0xE7, 0xC2, 0x8D, 0x8B, 0x86, 0x80, 0x80, 0x80, 0x80, 1],
        .. new[] { "Conv", "Relu", "Gemm", "Mul", "Slice", "x", "y", "", "pads", "axis", "group", "Reshape", "Flatten", "perm" }
            .Select(System.Text.Encoding.UTF8.GetBytes),
    ];

    /// <summary>
    /// One to four changes of a good file: bits, bytes, numbers, and parts put in, taken out, doubled or cut off with their lengths set right.
    /// </summary>
    private void Mutate(int count, Action<ReadOnlyMemory<byte>> use)
    {
        byte[][] originals = Originals();
        Random random = new(Seed);
        for (int i = 0; i < count; i++)
        {
            byte[] original = originals[i % originals.Length];
            original.CopyTo(mutant, 0);
            int length = original.Length;
            for (int changes = random.Next(1, 5); changes > 0; changes--)
            {
                length = Change(random, length);
            }

            use(mutant.AsMemory(0, length));
        }
    }

    private int Change(Random random, int length)
    {
        int at = random.Next(length);
        byte[] token = Tokens[random.Next(Tokens.Length)];
        switch (random.Next(8))
        {
            case 0 or 1:
                mutant[at] ^= (byte)(1 << random.Next(8));
                return length;
            case 2:
                mutant[at] = (byte)random.Next(256);
                return length;
            case 3:
                mutant[at] = (byte)random.Next(12);
                return length;
            case 4:
                token.AsSpan(0, Math.Min(token.Length, length - at)).CopyTo(mutant.AsSpan(at));
                return length;
            case 5:
                // The graph is the last long field but one: with its length, what comes after is still found.
                return Splice(at, 0, token, length, random.Next(4) != 0);
            case 6:
                return Splice(at, Math.Min(random.Next(1, 16), length - at), [], length, random.Next(4) != 0);
            default:
                return random.Next(4) == 0
                    ? at
                    : Splice(random.Next(length), 0, mutant.AsSpan(at, Math.Min(random.Next(1, 40), length - at)).ToArray(), length, true);
        }
    }

    /// <summary>Replaces a part; with <paramref name="keepFrame"/> the graph's length goes along.</summary>
    private int Splice(int at, int removed, byte[] inserted, int length, bool keepFrame)
    {
        if (length - removed + inserted.Length > mutant.Length)
        {
            return length;
        }

        mutant.AsSpan(at + removed, length - at - removed).CopyTo(mutant.AsSpan(at + inserted.Length));
        inserted.CopyTo(mutant.AsSpan(at));
        int graph = mutant.AsSpan(0, 16).IndexOf((byte)0x3A);
        if (keepFrame && graph >= 0 && at > graph + 2 && mutant[graph + 1] >= 0x80 && mutant[graph + 2] < 0x80)
        {
            int size = (mutant[graph + 1] & 0x7F) + (mutant[graph + 2] << 7) + inserted.Length - removed;
            (mutant[graph + 1], mutant[graph + 2]) = ((byte)(size | 0x80), (byte)((size >> 7) & 0x7F));
        }

        return length + inserted.Length - removed;
    }

    /// <summary>How a reader without checks would go about it.</summary>
    private static int Trusting(ReadOnlySpan<byte> bytes, int depth)
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
                    fields += (depth, tag >> 3) is (0, 7) or (1, 1 or 5) ? Trusting(inner, depth + 1) : 0;
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
