using System.Globalization;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Onnx;

namespace EmbeddedBackprop.Tests.Onnx;

/// <summary>The messages of an ONNX file as bytes, and back.</summary>
internal sealed class OnnxMessageTests
{
    private static readonly OnnxModel Model = new()
    {
        IrVersion = 8, Producer = "test", ProducerVersion = "1", Opsets = [new("", 17), new("own", 1)],
        Graph = new OnnxGraph
        {
            Name = "net",
            Nodes =
            [
                new()
                {
                    Name = "n", OpType = "Gemm", Inputs = ["x", "w", ""], Outputs = ["y"],
                    Attributes = [OnnxAttribute.Of("alpha", 0.5f), OnnxAttribute.Of("transB", 1)],
                },
                new()
                {
                    OpType = "Conv", Domain = "own", Inputs = ["y"], Outputs = ["z", "u"],
                    Attributes =
                    [
                        OnnxAttribute.Of("pads", 1, -2, long.MaxValue, long.MinValue), OnnxAttribute.Of("auto_pad", "VALID"),
                        OnnxAttribute.Of("activations", "Tanh", "Relu"),
                        OnnxAttribute.Of("value", OnnxTensor.Of("t", [], [7L])),
                    ],
                },
            ],
            Initializers = [OnnxTensor.Of("w", [2, 3], [1f, -2f, float.MaxValue, 0f, -0f, float.Epsilon])],
            Inputs = [new() { Name = "x", Type = OnnxType.Float, Dims = [new(null, "batch"), 3] }],
            Outputs = [new() { Name = "z", Type = OnnxType.Float }],
        },
    };

    [Test]
    public void What_is_written_is_read_again()
    {
        byte[] bytes = OnnxWriter.ToArray(Model);
        OnnxModel read = OnnxReader.Read(bytes, "model");
        Assert.That(OnnxWriter.ToArray(read), Is.EqualTo(bytes));
        Assert.That((read.IrVersion, read.Producer, read.ProducerVersion), Is.EqualTo((8L, "test", "1")));
        Assert.That(read.Opsets, Is.EqualTo(Model.Opsets));
        Assert.That(read.Graph.Nodes[0].Inputs, Is.EqualTo(new[] { "x", "w", "" }));
        Assert.That(read.Graph.Nodes[1].Attributes[0].Ints, Is.EqualTo(new[] { 1, -2, long.MaxValue, long.MinValue }));
        Assert.That(read.Graph.Inputs[0].Dims, Is.EqualTo(new OnnxDim[] { new(null, "batch"), 3 }));
        Assert.That(read.Graph.Outputs[0].Dims, Is.Null);
        Assert.That(read.Graph.Initializers[0].Raw!.Value.ToArray(), Is.EqualTo(Model.Graph.Initializers[0].Raw!.Value.ToArray()));
    }

    [Test]
    public void The_checker_of_ONNX_reads_what_is_written()
    {
        string python = Tools.RequirePython("onnx", "python3-onnx");
        string path = Path.GetTempFileName();
        try
        {
            File.WriteAllBytes(path, OnnxWriter.ToArray(Model));
            string printed = Tools.RunChecked(Path.GetTempPath(), python, "-c", """
                import onnx, sys
                m = onnx.load(sys.argv[1])
                g = m.graph
                print(m.ir_version, [(o.domain, o.version) for o in m.opset_import], [n.op_type for n in g.node], list(g.node[0].input))
                print(list(g.node[1].attribute[0].ints), g.node[1].attribute[1].s, list(g.initializer[0].dims), len(g.initializer[0].raw_data))
                print([d.dim_param or d.dim_value for d in g.input[0].type.tensor_type.shape.dim], g.output[0].type.tensor_type.elem_type)
                """, path);
            Assert.That(printed.ReplaceLineEndings("\n"), Is.EqualTo("""
                8 [('', 17), ('own', 1)] ['Gemm', 'Conv'] ['x', 'w', '']
                [1, -2, 9223372036854775807, -9223372036854775808] b'VALID' [2, 3] 24
                ['batch', 3] 1

                """.ReplaceLineEndings("\n")));
        }
        finally
        {
            File.Delete(path);
        }
    }

    [TestCase("12", "byte 0: the message ends within a number")]
    [TestCase("07", "byte 0: a field's number must be 1 to 536870911, got 0")]
    [TestCase("0b", "byte 0: field 1 has the wire type 3: expected 0, 1, 2 or 5")]
    [TestCase("0a05", "byte 0: expected the wire type 0, got 2")]
    [TestCase("12050061", "byte 0: a length of 5 bytes, but 2 are left in the message")]
    [TestCase("1202c328", "byte 0: a string that is not UTF-8")]
    [TestCase("08ffffffffffffffffff02", "byte 0: a number of more than 64 bits")]
    [TestCase("08080809", "byte 2: field 1 a second time")]
    [TestCase("0808", "byte 2: no graph: this is no ONNX model")]
    [TestCase("08083a00", "byte 4: no opset_import: this is no ONNX model")]
    [TestCase("3a037a0161", "byte 2: sparse tensors are not read")]
    [TestCase("3a072a0522030000ff", "byte 4: 3 bytes are no whole number of floats")]
    [TestCase("3a092a070a050101010180", "byte 10: the message ends within a number")]
    [TestCase("3a0d2a0b0a09010101010101010101", "byte 4: more than 8 sizes of a tensor")]
    [TestCase("f5ffffff0f00", "byte 0: the message ends within a field of 4 bytes")]
    public void Bytes_that_are_no_messages_are_refused_with_their_offset(string hex, string problem)
    {
        DataFormatException error = Assert.Throws<DataFormatException>(() => OnnxReader.Read(Convert.FromHexString(hex), "file"))!;
        Assert.That(error.Message, Is.EqualTo("file: " + problem));
    }

    // A message by the fields that lead to it; the fields that it has once: numbers, then texts and messages.
    [TestCase("", "1", "2 3 7")]
    [TestCase("8", "2", "1")]
    [TestCase("7", "", "2")]
    [TestCase("7 1", "", "3 4 7")]
    [TestCase("7 1 5", "3 20", "1 4 5")]
    [TestCase("7 5", "2 14", "8 9")]
    [TestCase("7 11", "", "1 2")]
    [TestCase("7 11 2", "", "1")]
    [TestCase("7 11 2 1", "1", "2")]
    [TestCase("7 11 2 1 2 1", "1", "2")]
    public void A_field_a_second_time_is_refused(string path, string numbers, string messages)
    {
        foreach (int field in Fields(numbers))
        {
            Check(field, [.. Tag(field, 0), 1]);
        }

        foreach (int field in Fields(messages))
        {
            Check(field, [.. Tag(field, 2), 0]);
        }

        void Check(int field, byte[] entry)
        {
            Assert.That(Problem([.. entry, .. entry]), Does.Contain($"field {field} a second time"));
            Assert.That(Problem(entry), Does.Not.Contain("a second time"), "the control");
        }

        string Problem(byte[] message)
        {
            foreach (int field in Fields(path).Reverse())
            {
                message = [.. Tag(field, 2), (byte)message.Length, .. message];
            }

            return Assert.Throws<DataFormatException>(() => OnnxReader.Read(message, "file"))!.Message;
        }

        static IEnumerable<int> Fields(string list) =>
            list.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(field => int.Parse(field, CultureInfo.InvariantCulture));

        static byte[] Tag(int field, int type) =>
            field < 16 ? [(byte)((field << 3) | type)] : [(byte)(((field << 3) | type) | 128), (byte)(field >> 4)];
    }

    [Test]
    public void Many_tiny_entries_are_refused_before_they_are_objects()
    {
        // Two bytes an empty node, which would be an object of 70.
        ProtoWriter graph = new();
        for (int i = 0; i < 16_000; i++)
        {
            graph.Bytes(1, []);
        }

        ProtoWriter model = new();
        model.Message(7, graph);
        byte[] bytes = model.ToArray();
        long before = GC.GetAllocatedBytesForCurrentThread();
        DataFormatException error = Assert.Throws<DataFormatException>(() => OnnxReader.Read(bytes, "file"))!;
        Assert.That(error.Problem, Does.StartWith("more tiny entries"));
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan((4L * bytes.Length) + 65536));
    }
}
