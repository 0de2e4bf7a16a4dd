using System.IO.Compression;
using EmbeddedBackprop.IO;

namespace EmbeddedBackprop.Tests.IO;

/// <summary>Arrays and archives of NumPy: what NumPy writes is read, what is written NumPy reads, everything else is refused.</summary>
[Parallelizable(ParallelScope.Self)]
public sealed class NpzFileTests
{
    private const string Header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }\n";

    private static readonly float[] Ramp = [.. Enumerable.Range(0, 24).Select(i => i - 0.25f)];

    [TestCase("", "C", "(24,)")]
    [TestCase("", "C", "(2, 3, 4)")]
    [TestCase("", "F", "(2, 3, 4)")]
    [TestCase("", "F", "(24,)")]
    [TestCase("", "F", "(4, 6)")]
    [TestCase(".astype('<f8')", "C", "(4, 6)")]
    [TestCase(".astype('<f2')", "F", "(4, 6)")]
    public void What_NumPy_writes_is_read(string type, string order, string shape)
    {
        using TemporaryFile npy = new(), npz = new(), packed = new();
        Python($$"""
            import sys, numpy
            a = numpy.asarray((numpy.arange(24) - 0.25).astype('<f4').reshape({{shape}}), order='{{order}}'){{type}}
            b = numpy.array(7, '<i8')
            with open(sys.argv[1], 'wb') as f: numpy.save(f, a)
            with open(sys.argv[2], 'wb') as f: numpy.savez(f, **{'0.weight': a, 'n\u00f6te': b})
            with open(sys.argv[3], 'wb') as f: numpy.savez_compressed(f, **{'0.weight': a, 'n\u00f6te': b})
            """, npy.Path, npz.Path, packed.Path);
        NpyArray[] arrays = [NpyArray.Read(npy.Path), NpzFile.Read(npz.Path).GetArray("0.weight"), NpzFile.Read(packed.Path).GetArray("0.weight")];
        foreach (NpyArray array in arrays)
        {
            float[] values = new float[24];
            array.CopyTo(values);
            Assert.That(values, Is.EqualTo(Ramp));
            Assert.That($"({string.Join(", ", array.Shape.ToArray())}{(array.Shape.Length == 1 ? "," : "")})", Is.EqualTo(shape));
        }

        NpyArray scalar = NpzFile.Read(npz.Path).GetArray("nöte");
        Assert.That((scalar.Type, scalar.Length, scalar.Shape.Length), Is.EqualTo((SafetensorsType.I64, 1, 0)));
        Assert.That(() => scalar.CopyTo(new float[1]), Throws.TypeOf<DataFormatException>().With.Message.Contains("expected elements of floats"));
        Assert.That(NpzFile.Read(npz.Path).Arrays.Select(array => array.Name), Is.EqualTo(new[] { "0.weight", "nöte" }));
    }

    [Test]
    public void NumPy_reads_what_is_written()
    {
        using TemporaryFile npy = new(), npz = new();
        NpyArray.Save(npy.Path, [2, 3], [1, 2, 3, 4, 5, -0.1f]);
        NpzWriter writer = new();
        writer.Add("dense1.weight", [2, 3], [1, 2, 3, 4, 5, -0.1f]);
        writer.Add("ö", [], [float.PositiveInfinity]);
        writer.Add("empty", [0, 5], []);
        writer.Save(npz.Path);
        string printed = Python("""
            import sys, numpy
            print(numpy.load(sys.argv[1]).tolist())
            z = numpy.load(sys.argv[2])
            print([(n, z[n].dtype.str, z[n].shape, z[n].tolist()) for n in z.files])
            """, npy.Path, npz.Path);
        Assert.That(printed.Split('\n')[0], Is.EqualTo("[[1.0, 2.0, 3.0], [4.0, 5.0, -0.10000000149011612]]"));
        Assert.That(printed.Split('\n')[1], Is.EqualTo(
            "[('dense1.weight', '<f4', (2, 3), [[1.0, 2.0, 3.0], [4.0, 5.0, -0.10000000149011612]]), "
            + "('ö', '<f4', (), inf), ('empty', '<f4', (0, 5), [])]"));
        Assert.That(NpzFile.Parse(writer.ToArray(), "own").Arrays.Select(array => array.Length), Is.EqualTo(new[] { 6, 1, 0 }));
        using ZipArchive archive = new(new MemoryStream(writer.ToArray()));
        Assert.That(archive.Entries.Select(entry => entry.FullName), Is.EqualTo(new[] { "dense1.weight.npy", "ö.npy", "empty.npy" }));
    }

    [TestCase(CompressionLevel.NoCompression, true)]
    [TestCase(CompressionLevel.Optimal, true)]
    [TestCase(CompressionLevel.NoCompression, false)]
    [TestCase(CompressionLevel.Optimal, false)]
    public void Archives_of_another_writer_are_read(CompressionLevel level, bool seek)
    {
        byte[] array = NpzBytes.Npy(Header, NpzBytes.Floats(1, 2));
        NpzFile file = NpzFile.Parse(NpzBytes.Archive(level, seek, ("a.npy", array), ("b.npy", array)), "archive");
        float[] values = new float[2];
        file.GetArray("b").CopyTo(values);
        Assert.That(values, Is.EqualTo(new[] { 1f, 2f }));
        Assert.That(file.Arrays, Has.Count.EqualTo(2));
    }

    [TestCase("{'descr':'<f4','fortran_order':False,'shape':(2,)}")]
    [TestCase("{\"shape\": (2, ), \"fortran_order\": True, \"descr\": \"<f4\"}  \n")]
    public void Every_form_of_the_header_is_read(string dictionary)
    {
        foreach (int version in (ReadOnlySpan<int>)[1, 2, 3])
        {
            Assert.That(NpyArray.Parse(NpzBytes.Npy(version, dictionary, NpzBytes.Floats(1, 2)), "a").Length, Is.EqualTo(2));
        }
    }

    [TestCase("{'descr': '>f4', 'fortran_order': False, 'shape': (2,), }", "little-endian")]
    [TestCase("{'descr': '|O', 'fortran_order': False, 'shape': (2,), }", "objects")]
    [TestCase("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,), }", "string in quotes")]
    [TestCase("{'descr': '<f4', 'fortran_order': 0, 'shape': (2,), }", "True or False")]
    [TestCase("{'descr': '<f4', 'fortran_order': False, 'shape': (2), }", "comma after the only size")]
    [TestCase("{'descr': '<f4', 'fortran_order': False, 'shape': [2], }", "expected '('")]
    [TestCase("{'descr': '<f4', 'fortran_order': False, 'shape': (-2,), }", "whole number")]
    [TestCase("{'descr': '<f4', 'fortran_order': False, 'shape': (02,), }", "whole number")]
    [TestCase("{'descr': '<f4', 'fortran_order': False, 'shape': (1+1,), }", "expected a comma")]
    [TestCase("{'descr': '<f4', 'fortran_order': False, 'shape': (3000000000,), }", "2^31 - 1")]
    [TestCase("{'descr': '<f4', 'fortran_order': False, 'shape': (2147483648,), }", "2^31 - 1")]
    [TestCase("{'descr': '<f4', 'fortran_order': False, 'shape': (2147483647,), }", "an array of more than 2 G elements")]
    [TestCase("{'descr': '<f4', 'fortran_order': False, 'shape': (2000000000, 2000000000), }", "2 G elements")]
    [TestCase("{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,2), }", "at most 8 dimensions")]
    [TestCase("{'descr': '<f4', 'fortran_order': False, }", "expected the keys")]
    [TestCase("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", "once")]
    [TestCase("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'x': 1}", "once")]
    [TestCase("__import__('os').system('true')", "expected '{'")]
    [TestCase("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), } + {}", "end of the header")]
    [TestCase("{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }", "86 bytes, got 82")]
    [TestCase("{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }", "bytes, got")]
    public void Other_headers_are_refused(string dictionary, string message) =>
        Assert.That(
            () => NpyArray.Parse(NpzBytes.Npy(dictionary + new string(' ', Math.Max(0, 64 - dictionary.Length)), NpzBytes.Floats(1, 2)), "a.npy"),
            Throws.TypeOf<DataFormatException>().With.Message.StartsWith("a.npy: byte ").And.Message.Contains(message));

    [Test]
    public void An_archive_that_inflates_beyond_its_limit_is_refused_before_anything_is_allocated()
    {
        byte[] zeros = NpzBytes.Npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1000000,), }", new byte[4_000_000]);
        byte[] bomb = NpzBytes.Archive(CompressionLevel.SmallestSize, true, ("a.npy", zeros));
        Assert.That(bomb, Has.Length.LessThan(8_000));
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.That(() => NpzFile.Parse(bomb, "bomb", 3_999_999), Throws.TypeOf<DataFormatException>().With.Message.Contains("beyond the limit"));
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan(65_536));
        Assert.That(NpzFile.Parse(bomb, "bomb", zeros.Length).GetArray("a").Length, Is.EqualTo(1_000_000));

        // A size that no deflated file of these bytes can have is refused whatever the limit.
        int entry = bomb.AsSpan().LastIndexOf("PK\x1\x2"u8);
        BitConverter.TryWriteBytes(bomb.AsSpan(entry + 24), 2_000_000_000);
        BitConverter.TryWriteBytes(bomb.AsSpan(22), 2_000_000_000);
        Assert.That(
            () => NpzFile.Parse(bomb, "bomb", long.MaxValue), Throws.TypeOf<DataFormatException>().With.Message.Contains("beyond the limit"));
    }

    [Test]
    public void What_is_no_archive_of_arrays_is_refused()
    {
        byte[] array = NpzBytes.Npy(Header, NpzBytes.Floats(1, 2));
        Refused(NpzBytes.Archive(CompressionLevel.NoCompression, true, ("archive/data.pkl", array)), "torch.save");
        Refused(NpzBytes.Archive(CompressionLevel.NoCompression, true, ("readme.txt", array)), "does not end in .npy");
        Refused(NpzBytes.Archive(CompressionLevel.NoCompression, true, ("a.npy", array), ("a.npy", array)), "second array");
        byte[] good = NpzBytes.Archive(CompressionLevel.NoCompression, true, ("a.npy", array));
        Refused([.. good, 0], "end record");
        Refused([0, .. good], "directory does not lie");
        byte[] damaged = [.. good];
        damaged[30 + 5 + array.Length - 1] ^= 1;
        Refused(damaged, "CRC-32");
        byte[] renamed = [.. good];
        renamed[30] = (byte)'b';
        Refused(renamed, "differs from the directory");
        Assert.That(() => NpzFile.Read("/dev/zero"), Throws.TypeOf<DataFormatException>());
    }

    [Test]
    public void Bytes_that_end_after_the_headers_length_have_an_empty_header()
    {
        byte[] file = [0x93, .. "NUMPY"u8, 1, 0, 0, 0];
        Assert.That(() => NpyArray.Parse(file.AsMemory()[..^1], "a"), Throws.TypeOf<DataFormatException>().With.Message.Contains("does not begin"));
        Assert.That(() => NpyArray.Parse(file, "a"), Throws.TypeOf<DataFormatException>().With.Message.Contains("expected '{'"));
        byte[] longer = [0x93, .. "NUMPY"u8, 2, 0, 0, 0, 0, 0];
        Assert.That(
            () => NpyArray.Parse(longer.AsMemory()[..^1], "a"), Throws.TypeOf<DataFormatException>().With.Message.Contains("its header's length"));
        Assert.That(() => NpyArray.Parse(longer, "a"), Throws.TypeOf<DataFormatException>().With.Message.Contains("expected '{'"));
    }

    [Test]
    public void A_wrong_call_of_the_writer_is_refused()
    {
        Assert.That(NpyArray.ToArray([1, 1, 1, 1, 1, 1, 1, 2], [1f, 2f]), Has.Length.EqualTo(128 + 8), "eight dimensions are written");
        Assert.That(() => NpyArray.ToArray([1, 1, 1, 1, 1, 1, 1, 1, 2], [1f, 2f]), Throws.ArgumentException.With.Message.Contains("at most 8"));
        NpzWriter writer = new();
        writer.Add("a", [2], [1, 2]);
        Assert.That(() => writer.Add("a", [2], [1, 2]), Throws.ArgumentException.With.Message.Contains("added before"));
        Assert.That(() => writer.Add("b", [3], [1, 2]), Throws.ArgumentException.With.Message.Contains("expected 3 values"));
        Assert.That(() => writer.Add("b", [1 << 20, 1 << 20], [1, 2]), Throws.ArgumentException);
        Assert.That(() => writer.Add("\ud800", [1], [1]), Throws.ArgumentException.With.Message.Contains("surrogate"));
    }

    [Test]
    public void Allocation_is_bounded_for_many_tiny_arrays([Values] bool compressed)
    {
        byte[] array = NpzBytes.Npy("{'descr':'<f4','fortran_order':False,'shape':(0,)}");
        (string, byte[])[] files = [.. Enumerable.Range(0, 20_000).Select(i => ($"{i:x}.npy", array))];
        byte[] file = NpzBytes.Archive(compressed ? CompressionLevel.SmallestSize : CompressionLevel.NoCompression, true, files);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.That(NpzFile.Parse(file, "many").Arrays, Has.Count.EqualTo(20_000));
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before + file.Length;
        TestContext.Out.WriteLine($"20,000 arrays: {file.Length} bytes, {allocated} allocated");
        Assert.That(allocated, Is.LessThanOrEqualTo(Loaders.Of("npz").Bound(file)));
    }

    [Test]
    public void Damaged_archives_that_another_reader_takes_are_refused()
    {
        Loader loader = Loaders.Of("npz");
        Mutants mutants = new(20261122, loader.Tokens, loader.Sources);
        int damaged = 0;
        for (int i = 0; i < 20_000; i++)
        {
            byte[] mutant = mutants.Next().ToArray();
            try
            {
                loader.Trust(mutant);
            }
            catch (Exception)
            {
                // Too damaged for any reader.
                continue;
            }

            try
            {
                _ = NpzFile.Parse(mutant, "mutant");
            }
            catch (DataFormatException)
            {
                damaged++;
            }
        }

        TestContext.Out.WriteLine($"{damaged} of 20000 mutants are refused that .NET's reader takes");
        Assert.That(damaged, Is.GreaterThan(1000));
    }

    private static void Refused(byte[] archive, string message) =>
        Assert.That(() => NpzFile.Parse(archive, "a.npz"), Throws.TypeOf<DataFormatException>().With.Message.Contains(message));

    private static string Python(string program, params ReadOnlySpan<string> arguments) =>
        Tools.RunChecked(Path.GetTempPath(), Tools.RequirePython("numpy", "python3-numpy"), ["-X", "utf8", "-c", program, .. arguments]);
}
