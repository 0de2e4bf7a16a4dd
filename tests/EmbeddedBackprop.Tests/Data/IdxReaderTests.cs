using System.Buffers.Binary;
using System.IO.Compression;
using EmbeddedBackprop.Data;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Tests.IO;

namespace EmbeddedBackprop.Tests.Data;

[TestFixture]
[Parallelizable(ParallelScope.Self)]
public sealed class IdxReaderTests
{
    private const int SmallLimit = 1 << 16;

    [TestCase(false)]
    [TestCase(true)]
    public void A_file_is_read_back(bool compressed)
    {
        byte[] data = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
        IdxArray array = Read(File(data, compressed, 2, 3, 2));
        Assert.That(array.Dimensions.ToArray(), Is.EqualTo(new[] { 2, 3, 2 }));
        Assert.That(array.Data, Is.EqualTo(data));
        Assert.That((array.Count, array.ItemLength), Is.EqualTo((2, 6)));
        Assert.That(Read(File([], compressed, 0, 28, 28)).Count, Is.Zero);
    }

    [TestCase("00 00 09 01 00 00 00 00", 2, "data type is 09")]
    [TestCase("00 01 08 01 00 00 00 00", 0, "not an IDX file")]
    [TestCase("50 4B 08 01 00 00 00 00", 0, "50 4B")]
    [TestCase("00 00 08 00", 3, "0 dimensions")]
    [TestCase("00 00 08 05 00 00 00 01", 3, "5 dimensions")]
    [TestCase("", 0, "truncated")]
    [TestCase("00 00 08 01 00 00", 6, "truncated")]
    [TestCase("00 00 08 01 FF FF FF FF", 4, "4294967295")]
    [TestCase("00 00 08 02 7F FF FF FF 7F FF FF FF", 4, "the limit is 65536")]
    [TestCase("00 00 08 03 00 00 01 00 00 00 01 00 00 01 00 00", 12, "the limit is 65536")]
    [TestCase("00 00 08 01 00 00 00 02 AA", 9, "declares 2 bytes of data, the file has 1")]
    [TestCase("00 00 08 01 00 00 00 01 AA BB", 10, "declares 1 bytes of data, the file has 2")]
    public void What_is_wrong_is_named_with_its_offset(string hex, int offset, string problem)
    {
        byte[] bytes = Convert.FromHexString(hex.Replace(" ", "", StringComparison.Ordinal));
        DataFormatException e = Assert.Throws<DataFormatException>(() => Read(bytes))!;
        Assert.That(e.Offset, Is.EqualTo(offset));
        Assert.That(e.Message, Does.StartWith($"test.idx: byte {offset}: ").And.Contain(problem));
    }

    [Test]
    public void Compressed_files_must_end_where_their_data_end()
    {
        byte[] whole = File([.. Enumerable.Range(0, 200).Select(i => (byte)i)], true, 200);
        Assert.That(() => Read([.. whole, 0, 0, 0, 0, 0]), Throws.TypeOf<DataFormatException>());
        Assert.That(() => Read([.. whole, .. whole]), Throws.TypeOf<DataFormatException>());
        Assert.That(() => Read(Compress([0, 0, 8, 1, 0, 0, 0, 1, 5, 6])), Throws.TypeOf<DataFormatException>());
        Assert.That(() => Read(Compress([0, 0, 8, 1, 0, 0, 0, 3, 5, 6])), Throws.TypeOf<DataFormatException>());
        for (int i = whole.Length - 8; i < whole.Length; i++)
        {
            byte[] damaged = [.. whole];
            damaged[i] ^= 0x10;
            Assert.That(() => Read(damaged), Throws.TypeOf<DataFormatException>(), "the check sum and the length at the end are used");
        }
    }

    [Test]
    public void Images_and_labels_must_fit()
    {
        IdxArray images = Read(File(new byte[12], false, 3, 2, 2));
        IdxArray labels = Read(File([0, 1, 2], false, 3));
        ByteDataset data = IdxReader.Combine(images, "i", labels, "l", 3);
        Assert.That((data.Count, data.InputLength, data.ClassCount, data.Label(2)), Is.EqualTo((3, 4, 3, 2)));
        Assert.That(data.InputShape, Is.EqualTo(new Shape(1, 2, 2)), "one channel");
        Assert.That(IdxReader.Combine(Read(File(new byte[12], false, 3, 4)), "i", labels, "l", 3).InputShape, Is.EqualTo(new Shape(4)));
        Assert.That(IdxReader.Combine(Read(File(new byte[36], false, 3, 3, 2, 2)), "i", labels, "l", 3).InputShape, Is.EqualTo(new Shape(3, 2, 2)));
        Assert.That(
            () => IdxReader.Combine(images, "i", labels, "l", 2), Throws.TypeOf<DataFormatException>().With.Message.EqualTo(
                "l: byte 10: label 2 of item 2 is out of range, expected 0 to 1"));
        Assert.That(
            () => IdxReader.Combine(images, "i", Read(File([3, 0, 0], false, 3)), "l", 3), Throws.TypeOf<DataFormatException>().With.Message.EqualTo(
                "l: byte 8: label 3 of item 0 is out of range, expected 0 to 2"), "the first");
        Assert.That(
            () => IdxReader.Combine(images, "i", Read(File([0, 1], false, 2)), "l", 3), Throws.TypeOf<DataFormatException>().With.Message.Contains(
                "3 images do not fit the 2 labels of l"));
        Assert.That(() => IdxReader.Combine(labels, "i", labels, "l", 3), Throws.TypeOf<DataFormatException>());
        Assert.That(() => IdxReader.Combine(images, "i", images, "l", 3), Throws.TypeOf<DataFormatException>());
        IdxArray empty = Read(File([], false, 0, 2, 2));
        Assert.That(() => IdxReader.Combine(empty, "i", Read(File([], false, 0)), "l", 3), Throws.TypeOf<DataFormatException>());
    }

    [TestCase(false)]
    [TestCase(true)]
    public void Every_truncation_and_every_flipped_bit_gives_a_result_or_the_exception(bool compressed)
    {
        byte[] whole = Sample(compressed);
        for (int length = 0; length < whole.Length; length++)
        {
            byte[] cut = whole[..length];
            Assert.That(() => Read(cut), Throws.TypeOf<DataFormatException>(), $"cut to {length} bytes");
        }

        for (int bit = 0; bit < 8 * whole.Length; bit++)
        {
            byte[] flipped = [.. whole];
            flipped[bit / 8] ^= (byte)(1 << (bit % 8));
            Attempt(flipped);
        }
    }

    [Test]
    public void A_declared_size_is_not_believed_before_it_is_checked()
    {
        // 60 MB declared in a file of 40 bytes.
        byte[] bomb = Compress([0, 0, 8, 1, 3, 0x80, 0, 0, 1, 2, 3, 4]);
        byte[] lying = [.. bomb];
        BinaryPrimitives.WriteUInt32LittleEndian(lying.AsSpan(lying.Length - 4), 8 + 0x03800000);
        byte[] plain = [0, 0, 8, 1, 3, 0x80, 0, 0, 1, 2, 3, 4];
        foreach (byte[] bytes in (byte[][])[bomb, lying, plain])
        {
            long allocated = Allocated(bytes, IdxReader.DefaultLimit);
            Assert.That(allocated, Is.LessThan((4 * bytes.Length) + 65536));
        }
    }

    [Test]
    public void Reading_allocates_little_more_than_the_data()
    {
        byte[] data = new byte[1_000_000];
        foreach (bool compressed in (bool[])[false, true])
        {
            Assert.That(Allocated(File(data, compressed, 1000, 1000), IdxReader.DefaultLimit), Is.LessThan(data.Length + 65536));
        }
    }

    [Test]
    public void Streams_are_read_from_where_they_stand()
    {
        using var stream = new MemoryStream([9, 9, 9, .. File([7, 8], true, 2)]) { Position = 3 };
        Assert.That(IdxReader.Read(stream, "x").Data, Is.EqualTo(new byte[] { 7, 8 }));
    }

    [TestCase(false)]
    [TestCase(true)]
    public void Reading_shows_its_progress_and_is_cancelled(bool compressed)
    {
        byte[] data = new byte[(2 << 20) + 5], file = File(data, compressed, data.Length);
        List<long> seen = [];
        using CancellationTokenSource source = new();
        Assert.That(IdxReader.Read(new MemoryStream(file), "x", IdxReader.DefaultLimit, seen.Add, source.Token).Data, Is.EqualTo(data));
        Assert.That(seen, Is.EqualTo(new[] { 1L << 20, 2L << 20, data.Length }));
        seen.Clear();
        Assert.That(
            () => IdxReader.Read(
                new MemoryStream(file),
                "x",
                IdxReader.DefaultLimit,
                bytes =>
                {
                    seen.Add(bytes);
                    source.Cancel();
                },
                source.Token),
            Throws.InstanceOf<OperationCanceledException>());
        Assert.That(seen, Is.EqualTo(new[] { 1L << 20 }), "ended after the first mebibyte");
    }

    [Test]
    public void Images_and_labels_are_read_under_watch()
    {
        using TemporaryFile images = new(), labels = new();
        System.IO.File.WriteAllBytes(images.Path, File([1, 2, 3, 4, 5, 6], false, 3, 2));
        System.IO.File.WriteAllBytes(labels.Path, File([0, 1, 0], false, 3));
        List<long> seen = [];
        ByteDataset data = IdxReader.ReadDataset(images.Path, labels.Path, 2, IdxReader.DefaultLimit, seen.Add, default);
        Assert.That((data.Count, data.Label(1)), Is.EqualTo((3, 1)));
        Assert.That(seen, Is.EqualTo(new[] { 6L }));
        Assert.That(
            () => IdxReader.ReadDataset(images.Path, labels.Path, 2, IdxReader.DefaultLimit, null, new CancellationToken(true)),
            Throws.InstanceOf<OperationCanceledException>());
    }

    internal static byte[] File(byte[] data, bool compressed, params int[] dimensions)
    {
        byte[] bytes = new byte[4 + (4 * dimensions.Length) + data.Length];
        bytes[2] = 8;
        bytes[3] = (byte)dimensions.Length;
        for (int i = 0; i < dimensions.Length; i++)
        {
            BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(4 + (4 * i)), dimensions[i]);
        }

        data.CopyTo(bytes, bytes.Length - data.Length);
        return compressed ? Compress(bytes) : bytes;
    }

    private static byte[] Compress(byte[] bytes)
    {
        using var memory = new MemoryStream();
        using (var gzip = new GZipStream(memory, CompressionLevel.Optimal, leaveOpen: true))
        {
            gzip.Write(bytes);
        }

        return memory.ToArray();
    }

    private static byte[] Sample(bool compressed)
    {
        byte[] data = new byte[3 * 4 * 4];
        for (int i = 0; i < data.Length; i++)
        {
            data[i] = (byte)(i % 5 * 50);
        }

        return File(data, compressed, 3, 4, 4);
    }

    private static IdxArray Read(byte[] bytes) => IdxReader.Read(new MemoryStream(bytes), "test.idx", SmallLimit);

    private static bool Attempt(byte[] bytes)
    {
        try
        {
            IdxArray array = Read(bytes);
            long product = 1;
            foreach (int dimension in array.Dimensions)
            {
                product *= dimension;
            }

            if (product != array.Data.Length)
            {
                Assert.Fail($"{array.Data.Length} bytes for {product}");
            }

            return true;
        }
        catch (DataFormatException)
        {
            return false;
        }
    }

    private static long Allocated(byte[] bytes, long limit)
    {
        Attempt(bytes);
        using var stream = new MemoryStream(bytes);
        long before = GC.GetAllocatedBytesForCurrentThread();
        try
        {
            IdxReader.Read(stream, "test.idx", limit);
        }
        catch (DataFormatException)
        {
        }

        return GC.GetAllocatedBytesForCurrentThread() - before;
    }
}
