using EmbeddedBackprop.IO;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Onnx;
using EmbeddedBackprop.Tests.Export;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Onnx;

/// <summary>ONNX files that the tests write: what they become, and what is refused. OnnxPyTorchTests compares the numbers.</summary>
internal sealed class OnnxImportTests
{
    private const string ImageNet = "x = input 1x6x5; conv = conv 2 3x3 relu; maxpool 2; flatten; fc = dense 3 softmax";

    [Test]
    public void A_convolution_net_is_read_with_the_names_of_its_weights()
    {
        OnnxFile file = OnnxNet.Image().Read();
        Assert.That(file.Net, Is.EqualTo(ImageNet));
        Assert.That((file.Opset, file.Producer, file.NodeCount), Is.EqualTo((17L, "tests", 9)));
        using Network network = file.ToNetwork(), ours = NetCompiler.Compile(ImageNet, null, new NetworkOptions());
        foreach (ParameterRange range in ours.InferencePlan.Parameters)
        {
            // Weights and names are the file's: what the test wrote under the name.
            float[] values = new float[range.Count];
            range.CopyTo<float>(network.Parameters, values);
            range.CopyFrom<float>(values, ours.Parameters);
            Assert.That(values.Distinct().Count(), Is.GreaterThan(1), range.Name);
        }

        float[] sample = Samples.Array(30, 5);
        Assert.That(network.Predict(sample).ToArray(), Is.EqualTo(ours.Predict(sample).ToArray()));
    }

    [Test]
    public void A_file_a_stream_and_bytes_give_the_same_net()
    {
        byte[] bytes = OnnxNet.Image().ToArray();
        string path = Path.GetTempFileName();
        try
        {
            File.WriteAllBytes(path, bytes);
            using MemoryStream stream = new([0, .. bytes]) { Position = 1 };
            foreach (OnnxFile file in (OnnxFile[])[OnnxFile.Read(path), OnnxFile.Read(stream, "stream"), OnnxFile.Read(bytes, "bytes")])
            {
                using Network network = file.ToNetwork();
                using Network first = OnnxFile.Read(bytes, "again").ToNetwork();
                Assert.That(WeightsHash.Of(network), Is.EqualTo(WeightsHash.Of(first)), file.Name);
            }
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Test]
    public void An_imported_net_is_trained_as_ours_is_and_comes_back_from_its_file()
    {
        OnnxFile file = OnnxNet.Image().Read();
        NetworkOptions options = new() { Batch = 1, Seed = 4 };
        using Network imported = file.ToNetwork(options, new SoftmaxCrossEntropy());
        using Network ours = NetCompiler.Compile(ImageNet, new SoftmaxCrossEntropy(), options);
        imported.Parameters.CopyTo(ours.Parameters);
        string before = WeightsHash.Of(imported);
        foreach (Network network in (Network[])[imported, ours])
        {
            for (int step = 0; step < 10; step++)
            {
                Samples.Array(30, step).CopyTo(network.TrainingInput(1));
                network.TrainingTarget(1).Clear();
                network.TrainingTarget(1)[step % 3] = 1f;
                _ = network.TrainStep(1, 0.1f);
            }
        }

        Assert.That(WeightsHash.Of(imported), Is.EqualTo(WeightsHash.Of(ours)).And.Not.EqualTo(before));
        using Network read = ModelFile.Parse(ModelFile.ToArray(imported), "model").ToNetwork();
        Assert.That(WeightsHash.Of(read), Is.EqualTo(WeightsHash.Of(imported)));
    }

    [Test]
    public void An_imported_net_is_C_with_the_bits_of_the_engine()
    {
        _ = Tools.Require("gcc", "gcc");
        using CBuild build = new();
        using Network network = OnnxNet.Image().Read().ToNetwork();
        build.Export(network);
        build.CheckBits(network, "gcc -O2", Samples.Array(30 * 50, 3));
    }

    [TestCase("LSTM", 4, "lstm", new[] { 0, 2, 3, 1 })]
    [TestCase("GRU", 3, "gru", new[] { 1, 0, 2 })]
    [TestCase("RNN", 1, "rnn", new[] { 0 })]
    public void Gates_come_in_our_order(string type, int gates, string kind, int[] order)
    {
        OnnxNet net = OnnxNet.Sequence(type, gates, type == "GRU" ? [OnnxAttribute.Of("linear_before_reset", 1)] : []);
        OnnxFile file = net.Read();
        Assert.That(file.Net, Is.EqualTo($"x = input 5x3; {kind} 4; fc = dense 2"));
        OnnxModel model = OnnxReader.Read(net.ToArray(), "net");
        using Network network = file.ToNetwork();
        foreach ((string tensor, string suffix, int columns, int skipped) in (ReadOnlySpan<(string, string, int, int)>)
            [("w", "weight_ih", 3, 0), ("r", "weight_hh", 4, 0), ("b", "bias_ih", 1, 0), ("b", "bias_hh", 1, gates * 4)])
        {
            float[] stored = OnnxConstant.Read(model.Graph.Initializers.Single(stored => stored.Name == tensor), out _)!.Floats.ToArray();
            ParameterRange range = network.InferencePlan.Parameters.ToArray().Single(range => range.Name == $"{kind}1.{suffix}");
            float[] values = new float[range.Count];
            range.CopyTo<float>(network.Parameters, values);
            float[] expected = [.. order.SelectMany(gate => stored.Skip(skipped + (gate * 4 * columns)).Take(4 * columns))];
            Assert.That(values, Is.EqualTo(expected), suffix);
        }
    }

    private static readonly TestCaseData[] Moves =
    [
        Case(new OnnxNet().Input("x", -1, 6).Weight("w", 6, 4).Weight("b", 4).Node("m = MatMul x w").Node("y = Add b m"), "dense 4"),
        Case(
            new OnnxNet()
                .Input("x", -1, 6)
                .Weight("w", 6, 4)
                .Node("a b = Split x", OnnxAttribute.Of("axis", 1))
                .Node("s = Concat b a", OnnxAttribute.Of("axis", 1))
                .Node("y = Gemm s w"),
            "slice 0 3; slice 3 3 x; concat slice2 slice1; dense 4"),
        Case(
            new OnnxNet().Input("x", 2, 3, 4).Weight("w", 12, 2).Numbers("z", 2, 12).Node("r = Reshape x z").Node("y = MatMul r w"),
            "flatten; dense 2"),
        Case(
            new OnnxNet()
                .Input("x", -1, 4, 6)
                .Weight("w", 3, 6, 1)
                .Node("t = Transpose x", OnnxAttribute.Of("perm", 0L, 2L, 1L))
                .Node("y = Conv t w"),
            "transpose; conv1d 3 1"),
        Case(
            new OnnxNet().Input("x", -1, 1, 5, 5).Weight("w", 2, 1, 2, 2).Node("y = Conv x w", OnnxAttribute.Of("auto_pad", "SAME_UPPER")),
            "conv 2 2x2 same"),
        Case(
            new OnnxNet()
                .Input("x", -1, 2, 9)
                .Weight("w", 2, 2, 3)
                .Node("y = Conv x w", OnnxAttribute.Of("pads", 4L, 0L), OnnxAttribute.Of("dilations", [2L])),
            "conv1d 2 3 causal d2"),
        Case(
            new OnnxNet().Input("x", -1, 2, 5).Weight("w", 2, 3, 4).Node("y = ConvTranspose x w", OnnxAttribute.Of("strides", [2L])),
            "reshape 2x1x5; conv-transpose 3 1x4 s1x2"),
        Case(
            new OnnxNet()
                .Input("x", -1, 4, 6, 5)
                .Weight("w", 4, 4)
                .Node("m = ReduceMax x", OnnxAttribute.Of("axes", 2L, 3L), OnnxAttribute.Of("keepdims", 0))
                .Node("y = Gemm m w"),
            "global-maxpool; dense 4"),
        Case(
            new OnnxNet()
                .Input("x", -1, 7, 4)
                .Weight("w", 4, 4)
                .Node("m = ReduceMean x", OnnxAttribute.Of("axes", [1L]), OnnxAttribute.Of("keepdims", 0))
                .Node("y = Gemm m w"),
            "mean-time; dense 4"),
        Case(new OnnxNet().Indices("x", -1, 7).Weight("w", 9, 4).Node("y = Gather w x"), "embedding 9 4"),
        Case(
            new OnnxNet().Input("x", -1, 4).Weight("w", 4, 4).Node("a = Gemm x w").Node("b = Sigmoid a").Node("c = Mul b a").Node("y = Sum c x"),
            "dense 4 silu; add identity dense1 x"),
        Case(
            new OnnxNet()
                .Input("x", -1, 4)
                .Weight("w", 4, 4)
                .Node("a = Gemm x w", OnnxAttribute.Of("alpha", 2f))
                .Node("b = Sigmoid a")
                .Node("c = Add b a")
                .Node("y = Neg c"),
            "dense 4; activate sigmoid; add identity activate1 dense1; scale -1"),
        Case(new OnnxNet().Input("x", -1, 3).Weight("w", 3, 8).Node("d = Dropout x").Node("y = Gemm d w"), "dropout 0.5; dense 8"),
        Case(
            new OnnxNet().Input("x", -1, 6).Numbers("axis", 1).Weight("w", 2, 1, 3).Node("u = Unsqueeze x axis").Node("y = Conv u w"),
            "reshape 1x6; conv1d 2 3"),
        Case(
            new OnnxNet()
                .Input("x", -1, 2, 6)
                .Numbers("from", 1)
                .Numbers("to", -2)
                .Numbers("axis", 2)
                .Weight("w", 3, 2, 2)
                .Node("s = Slice x from to axis")
                .Node("y = Conv s w"),
            "transpose; slice 1 3; transpose; conv1d 3 2"),
        Case(
            new OnnxNet()
                .Input("x", -1, 6)
                .Weight("w", 4, 6)
                .Tensor(OnnxTensor.Of("zero", [], [0f]))
                .Node("t = Transpose w")
                .Node("a = Gemm x t")
                .Node("y = Clip a zero"),
            "dense 4 relu"),
        Case(
            new OnnxNet()
                .Input("x", -1, 3)
                .Weight("w", 6, 4)
                .Numbers("from", 1)
                .Numbers("to", 6)
                .Numbers("axis", 0)
                .Numbers("step", 2)
                .Tensor(OnnxTensor.Of("half", [], [0.5f]))
                .Node("c = Slice w from to axis step")
                .Node("d = Mul c half")
                .Node("y = Gemm x d"),
            "dense 4"),
        Case(
            new OnnxNet().Input("x", -1, 5, 3).Weight("w", 3, 2).Weight("b", 2).Node("m = MatMul x w").Node("y = Add m b"),
            "transpose; conv1d 2 1; transpose"),
        Case(
            new OnnxNet()
                .Input("x", -1, 2, 9)
                .Weight("w", 8, 3)
                .Node("m = MaxPool x", OnnxAttribute.Of("kernel_shape", [3L]), OnnxAttribute.Of("strides", [2L]))
                .Node("f = Flatten m")
                .Node("y = Gemm f w"),
            "maxpool1d 3 s2; flatten; dense 3"),
        Case(
            new OnnxNet()
                .Input("x", -1, 4, 5, 3)
                .Weight("w", 2, 3, 1, 1)
                .Node("t = Transpose x", OnnxAttribute.Of("perm", 0L, 3L, 1L, 2L))
                .Node("y = Conv t w"),
            "reshape 20x3; transpose; reshape 3x4x5; conv 2 1x1"),
    ];

    [TestCaseSource(nameof(Moves))]
    public void Nodes_become_layers(byte[] file, string expected)
    {
        OnnxFile read = OnnxFile.Read(file, "net.onnx");
        Assert.That(read.Net[(read.Net.IndexOf(';', StringComparison.Ordinal) + 2)..], Is.EqualTo(expected));
        using Network network = read.ToNetwork(new NetworkOptions { Batch = 2 });
        _ = network.Predict(2);
    }

    private static readonly TestCaseData[] Refusals =
    [
        Case(new OnnxNet { Opset = 12 }.Input("x", -1, 3).Node("y = Relu x"),
            "opset 12: 13 to 17 are read (opset_version of the export says which)"),
        Case(new OnnxNet().Input("x", -1, 3).Node("y = Einsum x x"), "node Einsum (output 'y'): there is no such op here: docs/onnx.md has the list"),
        Case(
            OnnxNet.Sequence("GRU", 3),
            "node GRU (output 'a'): linear_before_reset=0: here the reset gate comes after the product, as in PyTorch and cuDNN (1)"),
        Case(
            new OnnxNet()
                .Input("x", -1, 3)
                .Tensor(
                    new OnnxTensor
                    {
                        Name = "w",
                        Type = OnnxType.Float,
                        Dims = [3, -2],
                    })
                .Node("y = Gemm x w"),
            "node Gemm (output 'y'): the stored tensor 'w': sizes [3, -2] that no tensor can have"),
        Case(
            new OnnxNet()
                .Input("x", -1, 3)
                .Tensor(
                    new OnnxTensor
                    {
                        Name = "w",
                        Type = OnnxType.Float,
                        Dims = [1 << 30, 1 << 30, 16],
                    })
                .Node("y = Gemm x w"),
            "node Gemm (output 'y'): the stored tensor 'w': sizes [1073741824, 1073741824, 16] that no tensor can have"),
        Case(
            new OnnxNet()
                .Input("x", -1, 3)
                .Tensor(
                    new OnnxTensor
                    {
                        Name = "w",
                        Type = OnnxType.Float,
                        Dims = [3, 2],
                        Raw = new byte[20],
                    })
                .Node("y = Gemm x w"),
            "node Gemm (output 'y'): the stored tensor 'w': the sizes [3, 2] and 5 elements"),
        Case(
            new OnnxNet().Input("x", -1, 1, 5, 5).Weight("w", 2, 1, 2, 2).Node("y = Conv x w", OnnxAttribute.Of("strides", 0L, 1L)),
            "node Conv (output 'y'): strides: expected 2 numbers of at least 1, got [0, 1]"),
        Case(
            new OnnxNet().Input("x", -1, 1, 5, 5).Weight("w", 2, 1, 2, 2).Node("y = Conv x w", OnnxAttribute.Of("group", 0)),
            "node Conv (output 'y'): weights for 0 channels, but the value has 1"),
        Case(
            new OnnxNet().Input("x", -1, 3).Node("y = Relu z").Node("z = Tanh x"),
            "node Relu (output 'y'): it reads 'z', which nothing before it makes"),
        Case(new OnnxNet().Input("x", -1, 3).Node("y = Relu x").Node("y = Tanh x"), "node Tanh (output 'y'): it makes 'y', which is there already"),
        Case(new OnnxNet().Input("x", -1, 3).Weight("w", 3, 3).Node("y = Gemm x w", OnnxAttribute.Of("colour\u001b[31m", 3)),
            "node Gemm (output 'y'): the attribute 'colour?[31m' is not known"),
        Case(new OnnxNet().Input("x", 0x100000000, 3).Input("z", 1, 0x100000000).Weight("w", 3, 3).Node("a = Gemm x w").Node("y = Add a z"),
            "'z': size 1 (4294967296) is not fixed: export the net with a fixed one, only the batch may be open"),
        Case(
            new OnnxNet().Input("x", -1, 3).Numbers("size", 1 << 30).Numbers("all", -1).Node("a = ConstantOfShape size").Node("b = Reshape a all")
                .Node("y = Add x b"),
            "node Reshape (output 'b'): the constants of this file would take too much memory"),
        Case(new OnnxNet().Input("x", -1, 3), "'y': nothing makes it"),
        Case(
            new OnnxNet()
                .Input("x", -1, 3)
                .Tensor(OnnxTensor.Of("one", [], [1f]))
                .Tensor(OnnxTensor.Of("minus", [], [-1f]))
                .Node("y = Clip x minus one"),
            "node Clip (output 'y'): the bounds are 0 and 6 here (relu6), or 0 alone (relu)"),
        Case(
            new OnnxNet().Input("x", -1, 3, 4).Node("y = Softmax x", OnnxAttribute.Of("axis", 1)),
            "node Softmax (output 'y'): axis 1 of [3, 4]: the softmax is that of the last axis here"),
        Case(
            new OnnxNet().Input("x", -1, 3).Weight("b", 3).Node("y = Add x b"),
            "node Add (output 'y'): a stored tensor is added that is no bias of a product or convolution before it"),
        Case(
            new OnnxNet().Input("x", -1, 3).Tensor(OnnxTensor.Of("half", [], [0.5f])).Node("y = Sub x half"),
            "node Sub (output 'y'): the number 0.5 is added: only a bias of a product or convolution before it can be"),
        Case(
            new OnnxNet().Input("x", -1, 3).Weight("b", 3).Node("y = Mul x b"),
            "node Mul (output 'y'): a stored tensor of different factors: one factor for all elements is multiplied here"),
        Case(
            new OnnxNet().Input("x", -1, 4, 6).Numbers("s", -1, 6).Node("y = Reshape x s"),
            "node Reshape (output 'y'): the sizes [-1, 6] for samples of 24 elements: none of them is the batch"),
        Case(
            new OnnxNet().Input("x", -1, 4, 6).Node("y = Flatten x", OnnxAttribute.Of("axis", 2)),
            "node Flatten (output 'y'): axis 2: it puts samples and their elements together"),
        Case(
            new OnnxNet().Input("x", -1, 3).Input("z", -1, 3).Node("y = Concat x z", OnnxAttribute.Of("axis", 0)),
            "node Concat (output 'y'): a join over the samples of a batch"),
        Case(
            new OnnxNet().Input("x", -1, 3).Node("y = ReduceMean x", OnnxAttribute.Of("axes", 0L, 1L)),
            "node ReduceMean (output 'y'): a reduction over the samples of a batch"),
        Case(
            new OnnxNet().Input("x", -1, 7).Numbers("s", 3, 3).Node("a y = Split x s", OnnxAttribute.Of("axis", 1)),
            "node Split (output 'a'): parts of [3, 3] of 7 elements for 2 outputs"),
        Case(
            new OnnxNet().Input("x", -1, 1, 5, 5).Weight("w", 2, 1, 2, 2).Node("y = Conv x w", OnnxAttribute.Of("pads", 1L, 0L, 0L, 0L)),
            "node Conv (output 'y'): padding [(1, 0), (0, 0)] that is neither even nor that of SAME_UPPER"),
        Case(
            new OnnxNet().Input("x", -1, 1, 5, 5).Node("y = MaxPool x", OnnxAttribute.Of("kernel_shape", 6L, 6L)),
            "node MaxPool (output 'y'): maxpool1: a window of 6 does not fit into 1x5x5 with a padding of 0 (from x)"),
        Case(
            new OnnxNet().Input("x", -1, 3).Node("y = Relu x").Node("z = Relu y").Output("z").Node("u = Identity z").Output("u"),
            "'u': it is the same value as another output"),
    ];

    [TestCaseSource(nameof(Refusals))]
    public void What_cannot_be_is_refused_with_its_node(byte[] file, string problem)
    {
        DataFormatException refused = Assert.Throws<DataFormatException>(() => _ = OnnxFile.Read(file, "net.onnx").ToNetwork())!;
        TestContext.Out.WriteLine(refused.Message);
        Assert.That(refused.Problem, Is.EqualTo(problem));
    }

    [TestCase("/etc/passwd")]
    [TestCase("../../secret.bin")]
    public void External_data_are_never_opened(string location)
    {
        ProtoWriter entry = new(), tensor = new(), graph = new(), opset = new(), model = new();
        entry.String(1, "location");
        entry.String(2, location);
        tensor.Integer(1, 3);
        tensor.Integer(1, 2);
        tensor.Integer(2, 1);
        tensor.String(8, "w");
        tensor.Message(13, entry);
        tensor.Integer(14, 1);
        OnnxModel rest = OnnxReader.Read(new OnnxNet().Input("x", -1, 3).Node("y = Gemm x w").Output("y").ToArray(), "rest");
        ProtoReader reader = new(new ProtoFile("rest", OnnxWriter.ToArray(rest)), 0, OnnxWriter.ToArray(rest).Length);
        while (reader.Next(out int field))
        {
            if (field == 7)
            {
                ReadOnlyMemory<byte> inner = reader.Bytes();
                ProtoWriter both = new();
                both.Message(5, tensor);
                graph.Bytes(7, (byte[])[.. inner.Span, .. both.Written]);
            }
            else
            {
                reader.Skip();
            }
        }

        opset.Integer(2, 17);
        model.Message(8, opset);
        byte[] file = [.. graph.Written, .. model.Written];
        DataFormatException refused = Assert.Throws<DataFormatException>(() => _ = OnnxFile.Read(file, "net.onnx").Net)!;
        Assert.That(refused.Problem, Is.EqualTo(
            "node Gemm (output 'y'): the stored tensor 'w': external data: elements in another file are never read"));
    }

    [Test]
    public void Hostile_names_reach_neither_the_net_nor_the_C()
    {
        const string Hostile = "*/ int main(void){} /* \" ; rm -rf / \n";
        OnnxNet net = new OnnxNet().Input(Hostile, -1, 3);
        OnnxTensor weight = OnnxTensor.Of("a; b\"c\n.weight", [3, 2], [1f, 2, 3, 4, 5, 6]);
        byte[] file = OnnxWriter.ToArray(new OnnxModel
        {
            IrVersion = 8, Opsets = [new OnnxOpset("", 17)],
            Graph = new OnnxGraph
            {
                Nodes = [new OnnxNode { OpType = "Gemm", Name = Hostile, Inputs = [Hostile, weight.Name], Outputs = [Hostile + "2"] }],
                Initializers = [weight], Inputs = OnnxReader.Read(net.ToArray(), "net").Graph.Inputs,
                Outputs = [new OnnxValue { Name = Hostile + "2" }],
            },
        });
        OnnxFile read = OnnxFile.Read(file, "net.onnx");
        Assert.That(read.Net, Is.EqualTo("input 3; a__b_c_ = dense 2"));
        using CBuild build = new();
        using Network network = read.ToNetwork();
        build.Export(network);
        build.CheckBits(network, "gcc -O1", Samples.Array(30, 3));
    }

    [Test]
    public void A_network_beyond_the_limit_is_refused_before_its_memory_is_made()
    {
        // 200 bytes that describe maps of 4 GB.
        OnnxFile file = new OnnxNet().Input("x", -1, 1, 32768, 32768).Weight("w", 1, 1, 1, 1).Node("y = Conv x w").Output("y").Read();
        Assert.That(file.Net, Is.EqualTo("x = input 1x32768x32768; conv 1 1x1"));
        long before = GC.GetAllocatedBytesForCurrentThread();
        DataFormatException refused = Assert.Throws<DataFormatException>(() => _ = file.ToNetwork(new NetworkOptions { Batch = 1 }))!;
        Assert.That(refused.Problem, Does.StartWith("a batch of 1 samples of 2147483648 activations is beyond the limit of 107374"));
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan(1 << 20));
    }

    /// <summary>A net that is written and read again: the same ops, so the same bits.</summary>
    [TestCase("input 1x12x12; conv 4 3x3 relu; maxpool 2; flatten; dense 10 softmax")]
    [TestCase("input 3x8x8; conv 6 3x3 same g3 relu6; batchnorm; a = conv 6 1x1; add relu a batchnorm1; global-avgpool; dense 4")]
    [TestCase("input 2x9; conv1d 4 3 causal d2 elu; avgpool1d 3 s2 p1; conv1d 3 2 s2 leaky-relu; flatten; dense 3 softplus")]
    [TestCase("input 7x5; lstm 6 all bidirectional; gru 4; layernorm; dense 3 gelu")]
    [TestCase("input 6x4; gru 5 all; mean-time; dense 2 mish")]
    [TestCase("input 9; embedding 11 5; rnn 6; dense 2 silu")]
    [TestCase(
        "x = input 6; a = dense 8 tanh; b = dense 8 sigmoid x; multiply a b; scale 0.5; subtract scale1 a; slice 2 4; concat slice1 b; dense 2 selu")]
    [TestCase("input 2x5x6; conv-transpose 3 3x2 s2 p1x0 o1x0 hard-swish; maxpool 3x2 s2; flatten; dense 2 hard-sigmoid")]
    public void A_net_that_we_write_comes_back_with_its_bits(string text)
    {
        using Network network = NetCompiler.Compile(text, null, new NetworkOptions { Seed = 3 });
        Samples.Fill(network.Parameters, 7);
        using Network read = OnnxFile.Read(OnnxExporter.ToArray(network), "ours").ToNetwork();
        int length = network.Input.Shape.Length;
        for (int seed = 0; seed < 5; seed++)
        {
            float[] sample = text.Contains("embedding", StringComparison.Ordinal)
                ? [.. Enumerable.Range(0, length).Select(i => (float)((i + seed) % 11))]
                : Samples.Array(length, seed);
            Assert.That(read.Predict(sample).ToArray(), Is.EqualTo(network.Predict(sample).ToArray()));
        }
    }

    private static TestCaseData Case(OnnxNet net, string expected)
    {
        byte[] file = net.Output("y").ToArray();
        return new TestCaseData(file, expected).SetArgDisplayNames(expected);
    }
}
