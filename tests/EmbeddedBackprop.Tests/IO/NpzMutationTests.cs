using System.Diagnostics;
using System.IO.Compression;
using System.Text;
using EmbeddedBackprop.IO;

namespace EmbeddedBackprop.Tests.IO;

/// <summary>Any bytes give arrays or a <see cref="DataFormatException"/>, within the promised allocation.</summary>
public sealed class NpzMutationTests
{
    private const int Seed = 20261122;

    private static readonly string[] Tokens =
    [
        "0", "-1", "2147483647", "2147483648", "4294967296", "(", ")", "(,)", "{", "}", "'", "\"", ",", ":", "'shape': (2,),", "'descr': '<f8',",
        "'<f2'", "'|O'", "True", "False", "(0,)", "(2, 3)", "\0", "\\", "\n", "PK\x1\x2", "PK\x3\x4", "PK\x5\x6", "\xff\xff\xff\xff", "\0\0\0\0", "NUMPY",
    ];

    private static readonly byte[][] TokenBytes = Array.ConvertAll(Tokens, Encoding.Latin1.GetBytes);

    private readonly byte[] mutant = new byte[4096];
    private readonly float[] values = new float[4096];
    private int accepted, refused, wrong, copied;
    private long worst;

    [SetUp]
    public void Reset() => (accepted, refused, wrong, copied, worst) = (0, 0, 0, 0, long.MinValue);

    [Test]
    public void Every_truncation_is_refused([Range(0, 3)] int original)
    {
        byte[] file = Originals()[original];
        for (int length = 0; length < file.Length; length++)
        {
            Try(file.AsMemory(0, length));
        }

        Assert.That((refused, accepted, wrong), Is.EqualTo((file.Length, 0, 0)));
    }

    [Test]
    public void Every_flip_of_a_bit_gives_arrays_or_the_format_error([Range(0, 3)] int original, [Values] bool seal)
    {
        byte[] file = Originals()[original];
        for (int bit = 0; bit < 8 * file.Length; bit++)
        {
            byte[] flipped = [.. file];
            flipped[bit / 8] ^= (byte)(1 << (bit % 8));
            if (seal)
            {
                NpzBytes.Seal(flipped);
            }

            Try(flipped);
        }

        Report("flips");
        Assert.That(wrong, Is.Zero);
        Assert.That(worst, Is.LessThanOrEqualTo(0));
        Assert.That(refused, Is.GreaterThan(accepted));
    }

    [Test]
    public void A_changed_element_is_found_by_its_sum()
    {
        byte[] file = Originals()[0];
        int last = file.AsSpan().IndexOf("PK\x1\x2"u8) - 1;
        file[last] ^= 1;
        Try(file);
        Assert.That(refused, Is.EqualTo(1));
        NpzBytes.Seal(file);
        Try(file);
        Assert.That(accepted, Is.EqualTo(1), "the control: with its sum it is an array");
    }

    [TestCase(200_000)]
    [TestCase(1_000_000, Category = "Slow")]
    [TestCase(10_000_000, Category = "Exhaustive")]
    public void Mutants_give_arrays_or_the_format_error(int count)
    {
        long begin = Stopwatch.GetTimestamp();
        Mutate(count, Try);
        Report($"{count} mutants, seed {Seed}, {count / Stopwatch.GetElapsedTime(begin).TotalSeconds:F0} a second");
        Assert.That(wrong, Is.Zero, "exceptions of other kinds");
        Assert.That(accepted, Is.GreaterThan(count / 100));
        Assert.That(copied, Is.GreaterThan(count / 100));
        Assert.That(refused, Is.GreaterThan(count / 4));
        Assert.That(worst, Is.LessThanOrEqualTo(0), "bytes beyond the promised allocation");
    }

    /// <summary>The control: .NET's own reader, which believes its archive, and a header that is taken as it is.</summary>
    [Test]
    public void A_trusting_reader_is_caught_by_the_same_mutants()
    {
        int exceptions = 0, damaged = 0;
        Mutate(20_000, file =>
        {
            try
            {
                using ZipArchive archive = new(new MemoryStream(file.ToArray()));
                foreach (ZipArchiveEntry entry in archive.Entries)
                {
                    using MemoryStream contents = new();
                    using Stream stream = entry.Open();
                    stream.CopyTo(contents);
                    string header = Encoding.Latin1.GetString(contents.ToArray(), 10, 54);
                    _ = header.Substring(header.IndexOf('(', StringComparison.Ordinal), 4);
                }

                try
                {
                    _ = NpzFile.Parse(file, "mutant");
                }
                catch (DataFormatException)
                {
                    damaged++;
                }
            }
            catch (Exception)
            {
                exceptions++;
            }
        });
        TestContext.Out.WriteLine($"trusting reader: {exceptions} exceptions, {damaged} damaged archives accepted");
        Assert.That(exceptions, Is.GreaterThan(1000));
        Assert.That(damaged, Is.GreaterThan(1000));
    }

    [Test]
    public void Allocation_is_bounded_for_many_tiny_arrays([Values] bool compressed)
    {
        byte[] array = NpzBytes.Npy("{'descr':'<f4','fortran_order':False,'shape':(0,)}");
        (string, byte[])[] files = [.. Enumerable.Range(0, 20_000).Select(i => ($"{i:x}.npy", array))];
        byte[] file = NpzBytes.Archive(compressed ? CompressionLevel.SmallestSize : CompressionLevel.NoCompression, true, files);
        Try(file);
        Report("20,000 arrays");
        Assert.That((accepted, worst <= 0), Is.EqualTo((1, true)));
    }

    private static byte[][] Originals()
    {
        NpzWriter writer = new();
        writer.Add("0.weight", [2, 3], [1, 2, 3, 4, 5, 6]);
        writer.Add("0.bias", [2], [1, 2]);
        byte[] weight = NpzBytes.Npy("{'descr': '<f8', 'fortran_order': True, 'shape': (1, 2), }   \n", new byte[16]);
        byte[] half = NpzBytes.Npy(2, "{'descr': '<f2', 'fortran_order': False, 'shape': (2,), }  \n", new byte[4]);
        return
        [
            writer.ToArray(),
            NpzBytes.Archive(CompressionLevel.NoCompression, false, ("a.npy", weight), ("b.npy", half)),
            NpzBytes.Archive(CompressionLevel.Optimal, true, ("a.npy", weight), ("b.npy", half)),
            NpyArray.ToArray([2, 3], [1, 2, 3, 4, 5, 6]),
        ];
    }

    private void Try(ReadOnlyMemory<byte> file)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        try
        {
            if (file.Length > 0 && file.Span[0] == 0x93)
            {
                Copy(NpyArray.Parse(file, "mutant"));
            }
            else
            {
                foreach (NpyArray array in NpzFile.Parse(file, "mutant").Arrays)
                {
                    Copy(array);
                }
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

        // The file's own bytes are allocated too when it is read from a path.
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before + file.Length;
        worst = Math.Max(worst, allocated - (4 * Math.Max(file.Length, NpzBytes.Declared(file.Span, out int packed))) - (256 * packed) - 65536);
    }

    private void Copy(NpyArray array)
    {
        if (array.Length <= values.Length && array.Type is SafetensorsType.F32 or SafetensorsType.F64 or SafetensorsType.F16)
        {
            array.CopyTo(values.AsSpan(0, array.Length));
            copied++;
        }
    }

    private void Report(string what) =>
        TestContext.Out.WriteLine($"{what}: {accepted} accepted, {refused} refused, {wrong} other exceptions, allocation {worst} from its bound");

    /// <summary>One to four changes of a good file: bits, bytes, tokens written over or put in, parts taken out; sums anew on half.</summary>
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

            if (random.Next(2) == 0)
            {
                NpzBytes.Seal(mutant.AsSpan(0, length));
            }

            use(mutant.AsMemory(0, length));
        }
    }

    private int Change(Random random, int length)
    {
        int at = random.Next(length);
        byte[] token = TokenBytes[random.Next(TokenBytes.Length)];
        switch (random.Next(8))
        {
            case 0 or 1:
                mutant[at] ^= (byte)(1 << random.Next(8));
                return length;
            case 2:
                mutant[at] = (byte)random.Next(256);
                return length;
            case 3:
                mutant[at] = (byte)('0' + random.Next(10));
                return length;
            case 4 or 5:
                token.AsSpan(0, Math.Min(token.Length, length - at)).CopyTo(mutant.AsSpan(at));
                return length;
            case 6:
                int removed = Math.Min(random.Next(1, 9), length - at);
                mutant.AsSpan(at + removed, length - at - removed).CopyTo(mutant.AsSpan(at));
                return Math.Max(1, length - removed);
            default:
                if (length + token.Length > mutant.Length)
                {
                    return length;
                }

                mutant.AsSpan(at, length - at).CopyTo(mutant.AsSpan(at + token.Length));
                token.CopyTo(mutant, at);
                return length + token.Length;
        }
    }
}
