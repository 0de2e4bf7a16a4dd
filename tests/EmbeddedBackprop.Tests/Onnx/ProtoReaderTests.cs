using System.Runtime.InteropServices;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Onnx;

namespace EmbeddedBackprop.Tests.Onnx;

/// <summary>The fields of protobuf messages: lists in both encodings, limits of numbers, fields of another kind.</summary>
internal sealed class ProtoReaderTests
{
    [Test]
    public void Single_elements_and_packed_runs_are_one_list()
    {
        ProtoWriter writer = new();
        writer.Integer(1, -5);
        writer.Integer(1, 300);
        writer.PackedIntegers(1, [7, -1, 1L << 62]);
        writer.Integer(1, 0);
        writer.Float(2, 1.5f);
        writer.Bytes(2, MemoryMarshal.AsBytes<float>([2f, -0.25f]));
        writer.Float(2, 8f);
        ProtoReader reader = Reader(writer.ToArray());
        long[] integers = [];
        float[] floats = [];
        int integerCount = 0, floatCount = 0;
        while (reader.Next(out int field))
        {
            if (field == 1)
            {
                reader.AddIntegers(ref integers, ref integerCount);
            }
            else
            {
                reader.AddFloats(ref floats, ref floatCount);
            }
        }

        Assert.That(integers[..integerCount], Is.EqualTo(new[] { -5, 300, 7, -1, 1L << 62, 0 }));
        Assert.That(floats[..floatCount], Is.EqualTo(new[] { 1.5f, 2f, -0.25f, 8f }));
    }

    [TestCase(ProtoWire.Varint, new byte[] { 0x80, 1 })]
    [TestCase(ProtoWire.Fixed64, new byte[] { 1, 2, 3, 4, 5, 6, 7, 8 })]
    [TestCase(ProtoWire.Bytes, new byte[] { 2, 1, 2 })]
    [TestCase(ProtoWire.Fixed32, new byte[] { 1, 2, 3, 4 })]
    public void What_means_nothing_is_passed_over(ProtoWire wire, byte[] value)
    {
        ProtoReader reader = Reader([(byte)((9 << 3) | (int)wire), .. value, 1 << 3, 5]);
        Assert.That(reader.Next(out int field), Is.True);
        Assert.That(field, Is.EqualTo(9));
        reader.Skip();
        Assert.That(reader.Next(out field), Is.True);
        Assert.That((field, reader.Integer(), reader.Next(out _)), Is.EqualTo((1, 5L, false)));
    }

    /// <summary>A byte of a packed run is a number of eight: three times the file is the limit.</summary>
    [TestCase(6_000, true)]
    [TestCase(60_000, false)]
    public void A_list_many_times_its_bytes_is_refused_before_it_is_made(int count, bool fits)
    {
        ProtoWriter writer = new();
        writer.PackedIntegers(1, new long[count]);
        byte[] bytes = writer.ToArray();
        if (fits)
        {
            Assert.That(Read(bytes), Is.EqualTo(count));
            return;
        }

        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.That(() => Read(bytes), Throws.TypeOf<DataFormatException>());
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan(count * 4));

        static int Read(byte[] bytes)
        {
            ProtoReader reader = Reader(bytes);
            long[] values = [];
            int length = 0;
            _ = reader.Next(out _);
            reader.AddIntegers(ref values, ref length);
            return length;
        }
    }

    [TestCase((1 << 29) - 1, true)]
    [TestCase(1 << 29, false)]
    [TestCase(0, false)]
    public void A_fields_number_has_29_bits(int field, bool fits)
    {
        ProtoWriter writer = new();
        writer.Integer(field, 5);
        if (fits)
        {
            Assert.That(Number(writer), Is.EqualTo(field));
        }
        else
        {
            Assert.That(() => Number(writer), Throws.TypeOf<DataFormatException>().With.Message.Contains("a field's number"));
        }

        static int Number(ProtoWriter writer)
        {
            ProtoReader reader = Reader(writer.ToArray());
            _ = reader.Next(out int number);
            return number;
        }
    }

    [TestCase(1, true)]
    [TestCase(2, false)]
    public void A_number_has_64_bits(byte last, bool fits)
    {
        byte[] bytes = [1 << 3, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, last];
        if (fits)
        {
            Assert.That(First(bytes), Is.EqualTo(-1));
        }
        else
        {
            Assert.That(() => First(bytes), Throws.TypeOf<DataFormatException>().With.Message.Contains("more than 64 bits"));
        }

        static long First(byte[] bytes)
        {
            ProtoReader reader = Reader(bytes);
            _ = reader.Next(out _);
            return reader.Integer();
        }
    }

    [Test]
    public void A_field_of_another_kind_is_refused()
    {
        ProtoWriter integer = new(), text = new();
        integer.Integer(1, 4);
        text.String(1, "four");
        Assert.That(() => At(integer).Float(), Refused(5, 0));
        Assert.That(() => At(integer).String(), Refused(2, 0));
        Assert.That(() => At(integer).Bytes(), Refused(2, 0));
        Assert.That(() => { _ = At(integer).Message(); }, Refused(2, 0));
        Assert.That(() => At(text).Integer(), Refused(0, 2));
        Assert.That(At(text).String(), Is.EqualTo("four"), "the control");

        static ProtoReader At(ProtoWriter writer)
        {
            ProtoReader reader = Reader(writer.ToArray());
            _ = reader.Next(out _);
            return reader;
        }

        static NUnit.Framework.Constraints.IResolveConstraint Refused(int expected, int got) =>
            Throws.TypeOf<DataFormatException>().With.Message.EndsWith($"expected the wire type {expected}, got {got}");
    }

    private static ProtoReader Reader(byte[] bytes) => new(new ProtoFile("p", bytes), 0, bytes.Length);
}
