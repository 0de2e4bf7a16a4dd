using System.IO.Compression;
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
        Case(
            new OnnxNet().Input("x", -1, 7).Weight("w", 9, 4).Node("i = Cast x", OnnxAttribute.Of("to", (long)OnnxType.Int64)).Node("y = Gather w i"),
            "embedding 9 4"),
        Case(
            new OnnxNet()
                .Indices("x", -1, 7)
                .Weight("w", 9, 4)
                .Node("i = Cast x", OnnxAttribute.Of("to", (long)OnnxType.Int32))
                .Node("y = Gather w i"),
            "embedding 9 4"),
        Case(
            new OnnxNet()
                .Input("x", -1, 4)
                .Weight("w", 4, 4)
                .Numbers("s", 1, 4)
                .Tensor(OnnxTensor.Of("zero", [], [0f]))
                .Tensor(OnnxTensor.Of("two", [], [2f]))
                .Node("a = Gemm x w")
                .Node("b = Expand a s")
                .Node("c = Sum b")
                .Node("d = Sub c zero")
                .Node("e = Add d zero")
                .Node("f = Sub zero e")
                .Node("g = Div f two")
                .Node("y = Cast g", OnnxAttribute.Of("to", (long)OnnxType.Float)),
            "dense 4; scale -1; scale 0.5"),
        Case(
            new OnnxNet()
                .Input("x", -1, 2, 3)
                .Weight("w", 3, 4)
                .Weight("v", 3, 4)
                .Node("s = Constant", OnnxAttribute.Of("value_ints", 0L, -1L))
                .Node("one = Constant", OnnxAttribute.Of("value_float", 1f))
                .Node("b = Constant", new OnnxAttribute { Name = "value_floats", Type = OnnxAttributeType.Floats, Floats = [1f, 2f, 3f, 4f] })
                .Node("axis = Constant", OnnxAttribute.Of("value_int", 0))
                .Node("r = Reshape x s")
                .Node("u = Concat w v", OnnxAttribute.Of("axis", 0))
                .Node("i = Identity u")
                .Node("d = Dropout i", OnnxAttribute.Of("seed", 3))
                .Node("m = Mul d one")
                .Node("a = Gemm r m b")
                .Node("t = Unsqueeze a axis_list")
                .Node("y = Squeeze t axis_list")
                .Tensor(OnnxTensor.Of("axis_list", [1], [1L])),
            "flatten; dense 4"),
        Case(
            new OnnxNet()
                .Input("x", -1, 3)
                .Tensor(OnnxTensor.Of("w", [3, 2], [1L, 2, 3, 4, 5, 6]))
                .Tensor(OnnxTensor.Of("s", [2], [0.0f, 6f]))
                .Node("v = Cast w", OnnxAttribute.Of("to", (long)OnnxType.Float))
                .Node("u = Cast v", OnnxAttribute.Of("to", (long)OnnxType.Double))
                .Node("i = Cast w", OnnxAttribute.Of("to", (long)OnnxType.Int32))
                .Node("f = Cast i", OnnxAttribute.Of("to", (long)OnnxType.Float))
                .Node("z = Sub f f")
                .Node("q = Add u z")
                .Node("n = Cast s", OnnxAttribute.Of("to", (long)OnnxType.Int64))
                .Node("y = Gemm x q"),
            "dense 2"),
        Case(
            new OnnxNet().Input("x", -1, 1, 6, 6).Weight("w", 2, 1, 3, 3).Node("y = Conv x w", OnnxAttribute.Of("auto_pad", "VALID")),
            "conv 2 3x3"),
        Case(
            new OnnxNet().Input("x", -1, 1, 6, 6).Weight("w", 2, 1, 3, 3).Node("y = Conv x w", OnnxAttribute.Of("auto_pad", "SAME_LOWER")),
            "conv 2 3x3 p1"),
        Case(
            new OnnxNet()
                .Input("x", -1, 6)
                .Tensor(OnnxTensor.Of("two", [], [2f]))
                .Tensor(OnnxTensor.Of("epsilon", [], [1e-5f]))
                .Node("m = ReduceMean x", OnnxAttribute.Of("axes", [-1L]))
                .Node("d = Sub x m")
                .Node("p = Pow d two")
                .Node("v = ReduceMean p", OnnxAttribute.Of("axes", [-1L]))
                .Node("e = Add v epsilon")
                .Node("s = Sqrt e")
                .Node("y = Div d s"),
            "layernorm"),
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
            new OnnxNet().Input("x", -1, 3).Bytes("w", 0, 3, -2).Node("y = Gemm x w"),
            "node Gemm (output 'y'): the stored tensor 'w': sizes [3, -2] that no tensor can have"),
        Case(
            new OnnxNet().Input("x", -1, 3).Bytes("w", 0, 1 << 30, 1 << 30, 16).Node("y = Gemm x w"),
            "node Gemm (output 'y'): the stored tensor 'w': sizes [1073741824, 1073741824, 16] that no tensor can have"),
        Case(
            new OnnxNet().Input("x", -1, 3).Bytes("w", 20, 3, 2).Node("y = Gemm x w"),
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
        Case(
            new OnnxNet().Input("x", -1, 3).Weight("w", 3, 3).Node("y = Gemm x w", OnnxAttribute.Of("alpha", 2f), OnnxAttribute.Of("alpha", 2f)),
            "node Gemm (output 'y'): a second attribute 'alpha'"),
        Case(
            new OnnxNet().Input("x", -1, 3).Weight("w", 3, 3).Node("y = Gemm x w", OnnxAttribute.Of("alpha", 2)),
            "node Gemm (output 'y'): the attribute alpha is no float"),
        Case(
            new OnnxNet().Input("x", -1, 3).Weight("w", 3, 3).Node("y = Gemm x w", OnnxAttribute.Of("transA", 1)),
            "node Gemm (output 'y'): transA"),
        Case(
            new OnnxNet().Input("x", -1, 1, 5, 5).Weight("w", 2, 1, 2, 2).Node("y = Conv x w", OnnxAttribute.Of("auto_pad", 3)),
            "node Conv (output 'y'): the attribute auto_pad is no string"),
        Case(
            new OnnxNet().Input("x", -1, 1, 5, 5).Weight("w", 2, 1, 2, 2).Node("y = Conv x w", OnnxAttribute.Of("auto_pad", "SAME")),
            "node Conv (output 'y'): auto_pad 'SAME'"),
        Case(
            new OnnxNet().Input("x", -1, 1, 5, 5).Weight("w", 2, 1, 2, 2).Node("y = Conv x w", OnnxAttribute.Of("strides", 1L, 1L << 40)),
            "node Conv (output 'y'): the attribute strides holds no whole numbers of 32 bits"),
        Case(
            new OnnxNet().Input("x", -1, 6).Tensor(OnnxTensor.Of("s", [2], [0f, 6f])).Node("y = Reshape x s"),
            "node Reshape (output 'y'): input 1 ('s') is no list of whole numbers"),
        Case(
            new OnnxNet().Input("x", -1, 6).Node("d m = Dropout x").Node("y = Relu m"),
            "node Dropout (output 'd'): its output 1 ('m') is read, and there is none of this kind here"),
        Case(
            OnnxNet.Sequence("LSTM", 4, OnnxAttribute.Of("input_forget", 1)), "node LSTM (output 'a'): input_forget"),
        Case(
            OnnxNet.Sequence("LSTM", 4, OnnxAttribute.Of("direction", "reverse")), "node LSTM (output 'a'): the direction 'reverse'"),
        Case(
            OnnxNet.Sequence("LSTM", 4, OnnxAttribute.Of("clip", 1f)), "node LSTM (output 'a'): clip, or a layout other than steps first"),
        Case(
            OnnxNet.Sequence("RNN", 1, OnnxAttribute.Of("activations", ["Affine"])), "node RNN (output 'a'): the activations Affine"),
        Case(
            new OnnxNet().Input("x", 5, -1, 3).Weight("w", 1, 4, 3).Weight("r", 1, 4, 4).Weight("b", 1, 8).Numbers("lengths", 5)
                .Node("a y = RNN x w r b lengths", OnnxAttribute.Of("hidden_size", 4)),
            "node RNN (output 'a'): sequence_lens: sequences of different lengths need a mask here, and ONNX has none"),
        Case(
            new OnnxNet().Input("x", -1, 3).Tensor(OnnxTensor.Of("one", [], [1f])).Node("y = Div one x"),
            "node Div (output 'y'): a value is divided by a stored number here, and by nothing else"),
        Case(
            new OnnxNet().Input("x", -1, 3).Tensor(OnnxTensor.Of("zero", [], [0f])).Node("y = Div x zero"),
            "node Div (output 'y'): a value is divided by a stored number here, and by nothing else"),
        Case(
            new OnnxNet().Input("x", -1, 3).Tensor(OnnxTensor.Of("half", [], [0.5f])).Node("y = Add half x"),
            "node Add (output 'y'): the number 0.5 is added: only a bias of a product or convolution before it can be"),
        Case(
            new OnnxNet().Input("x", -1, 2, 5).Weight("w", 2, 3, 4).Node("y = ConvTranspose x w", OnnxAttribute.Of("output_shape", [9L])),
            "node ConvTranspose (output 'y'): output_shape and auto_pad"),
        Case(
            new OnnxNet().Input("x", -1, 2, 5).Weight("w", 2, 3, 4, 4).Node("y = ConvTranspose x w"),
            "node ConvTranspose (output 'y'): a kernel of 4 sizes for a value of 3"),
        Case(
            new OnnxNet().Input("x", -1, 2, 5).Weight("w", 2, 3, 4).Node("y = ConvTranspose x w", OnnxAttribute.Of("pads", 1L, 0L)),
            "node ConvTranspose (output 'y'): padding [1, 0] that is not even"),
        Case(
            new OnnxNet().Input("x", -1, 3).Weight("g", 3).Weight("b", 3).Weight("m", 3).Weight("v", 3)
                .Node("y = BatchNormalization x g b m v", OnnxAttribute.Of("training_mode", 1)),
            "node BatchNormalization (output 'y'): training_mode: export the net for evaluation"),
        Case(
            new OnnxNet().Input("x", -1, 3, 4).Weight("g", 3).Numbers("p", 0, 0, 1, 0, 0, 1)
                .Node("y = Pad x p", OnnxAttribute.Of("mode", "reflect")),
            "node Pad (output 'y'): the mode 'reflect'"),
        Case(
            new OnnxNet().Input("x", -1, 3, 4).Numbers("p", 0, 0, 1, 0, 0, 1).Tensor(OnnxTensor.Of("one", [], [1f])).Node("y = Pad x p one"),
            "node Pad (output 'y'): a value other than 0"),
        Case(
            new OnnxNet().Input("x", -1, 3, 4).Numbers("p", 1, 0, 0, 0, 0, 0).Node("y = Pad x p"),
            "node Pad (output 'y'): samples are added to the batch"),
        Case(
            new OnnxNet().Input("x", -1, 7).Numbers("from", 0).Numbers("to", 7).Numbers("axis", 1).Numbers("step", 2)
                .Node("y = Slice x from to axis step"),
            "node Slice (output 'y'): a step of 2: every element of a range is taken here"),
        Case(
            new OnnxNet().Input("x", -1, 7).Numbers("from", 0).Numbers("to", 7).Numbers("axis", 1).Numbers("step", 0)
                .Node("y = Slice x from to axis step"),
            "node Slice (output 'y'): a step of 0"),
        Case(
            new OnnxNet().Input("x", -1, 7).Numbers("from", 1).Numbers("to", 7).Numbers("axis", 0).Node("y = Slice x from to axis"),
            "node Slice (output 'y'): a part of the batch"),
        Case(
            new OnnxNet().Input("x", -1, 7).Numbers("from", 0, 1).Numbers("to", 7).Node("y = Slice x from to"),
            "node Slice (output 'y'): starts, ends, axes and steps of different lengths"),
        Case(
            new OnnxNet().Input("x", -1, 7).Numbers("from", 3).Numbers("to", 3).Numbers("axis", 1).Node("y = Slice x from to axis"),
            "node Slice (output 'y'): an empty range"),
        Case(
            // The last step of a layer, but none of them.
            new OnnxNet().Input("x", 5, -1, 3).Weight("w", 1, 4, 3).Weight("r", 1, 4, 4).Weight("b", 1, 8).Numbers("last", -1).Numbers("zero", 0)
                .Numbers("one", 1).Node("a = RNN x w r b", OnnxAttribute.Of("hidden_size", 4)).Node("s = Squeeze a one")
                .Node("y = Slice s last last zero"),
            "node Slice (output 'y'): an empty range"),
        Case(
            new OnnxNet().Input("x", -1, 3, 4, 5).Numbers("from", 1).Numbers("to", 2).Numbers("axis", 2).Node("y = Slice x from to axis"),
            "node Slice (output 'y'): a part of the axis 2 of [3, 4, 5]: the first or the last axis is cut here"),
        Case(
            new OnnxNet().Input("x", -1, 3, 4).Numbers("i", 0, 2).Node("y = Gather x i", OnnxAttribute.Of("axis", 1)),
            "node Gather (output 'y'): several positions: one is taken here, or a range by Slice"),
        Case(
            new OnnxNet().Input("x", -1, 2, 3, 4).Input("z", -1, 2, 3, 4).Node("y = Concat x z", OnnxAttribute.Of("axis", 2)),
            "node Concat (output 'y'): axis 2 of [2, 6, 4]: the first or the last axis is joined here"),
        Case(
            new OnnxNet().Input("x", -1, 1, 9, 9)
                .Node("y = MaxPool x", OnnxAttribute.Of("kernel_shape", 2L, 2L), OnnxAttribute.Of("dilations", 2L, 2L)),
            "node MaxPool (output 'y'): a window with gaps (dilations)"),
        Case(
            new OnnxNet().Input("x", -1, 2, 3, 4).Node("y = ReduceMean x", OnnxAttribute.Of("axes", [2L])),
            "node ReduceMean (output 'y'): axes [2] that are neither the first nor the last of a sample"),
        Case(
            new OnnxNet().Input("x", -1, 3).Node("y = Cast x", OnnxAttribute.Of("to", (long)OnnxType.Int64)),
            "node Cast (output 'y'): a cast of floats to Int64, which would change them"),
        Case(
            new OnnxNet().Input("x", -1, 3).Weight("w", 3, 3).Node("v = Cast w", OnnxAttribute.Of("to", (long)OnnxType.Bool)).Node("y = Gemm x v"),
            "node Cast (output 'v'): a cast to Bool"),
        Case(
            new OnnxNet().Input("x", -1, 3).Numbers("s", 2, 3).Node("y = Expand x s"), "node Expand (output 'y'): elements are repeated"),
        Case(
            new OnnxNet().Input("x", -1, 3).Weight("w", 3, 1).Numbers("s", 3, 2).Node("v = Expand w s").Node("y = Gemm x v"),
            "node Expand (output 'v'): a repetition of different elements"),
        Case(
            new OnnxNet().Input("x", -1, 3).Weight("w", 3, 2).Weight("v", 2, 3).Node("u = Add w v").Node("y = Gemm x u"),
            "node Add (output 'u'): constants of different sizes or types"),
        Case(
            new OnnxNet().Input("x", -1, 3).Numbers("a", 4).Numbers("b", 0).Node("c = Div a b").Node("y = Reshape x c"),
            "node Div (output 'c'): 4 / 0"),
        Case(
            new OnnxNet().Input("x", -1, 3).Numbers("a", 2).Node("s = Shape x").Node("c = Mul s a").Node("y = Reshape x c"),
            "node Mul (output 'c'): it computes with the number of samples, which is no part of a net"),
        Case(
            new OnnxNet().Input("x", -1, 3).Numbers("axes", 1, 1).Node("y = Unsqueeze x axes"),
            "node Unsqueeze (output 'y'): an axis that is named twice"),
        Case(
            new OnnxNet().Input("x", -1, 3).Node("c = Constant").Node("y = Add x c"),
            "node Constant (output 'c'): a constant that is neither a tensor nor numbers"),
        Case(
            new OnnxNet().Input("x", -1, 3).Numbers("s", -5).Node("c = ConstantOfShape s").Node("y = Add x c"),
            "node ConstantOfShape (output 'c'): the sizes [-5]"),
        Case(
            new OnnxNet().Input("x", -1, 3).Input("x", -1, 4).Node("y = Relu x"), "a second input 'x'"),
        Case(
            new OnnxNet().Input("x", -1, 3).Weight("w", 3, 3).Node("a = Relu x").Output("a").Node("y = Identity w"),
            "'y': it does not depend on the input"),
    ];

    [Test]
    public void Elements_of_every_type_are_read()
    {
        float[] expected = [0f, 1f, -2f, 0.5f];
        OnnxTensor[] stored =
        [
            OnnxTensor.Of("w", [4], expected),
            new() { Name = "w", Type = OnnxType.Float, Dims = [4], Floats = expected },
            new() { Name = "w", Type = OnnxType.Double, Dims = [4], Raw = expected.SelectMany(x => BitConverter.GetBytes((double)x)).ToArray() },
            new() { Name = "w", Type = OnnxType.Float16, Dims = [4], Raw = expected.SelectMany(x => BitConverter.GetBytes((Half)x)).ToArray() },
            new()
            {
                Name = "w", Type = OnnxType.Float16, Dims = [4],
                Integers = Array.ConvertAll(expected, x => (long)BitConverter.HalfToUInt16Bits((Half)x)),
            },
        ];
        foreach (OnnxTensor tensor in stored)
        {
            Assert.That(Read(tensor).Floats.ToArray(), Is.EqualTo(expected), $"{tensor.Type}");
        }

        long[] integers = [0, 1, -2, 100];
        OnnxTensor[] whole =
        [
            OnnxTensor.Of("w", [4], integers),
            new() { Name = "w", Type = OnnxType.Int64, Dims = [4], Integers = integers },
            new() { Name = "w", Type = OnnxType.Int32, Dims = [4], Integers = integers },
            OnnxTensor.Of("w", [4], [0, 1, -2, 100]),
        ];
        foreach (OnnxTensor tensor in whole)
        {
            Assert.That(Read(tensor).Integers.ToArray(), Is.EqualTo(integers), $"{tensor.Type}");
        }

        Assert.That(
            Read(new() { Name = "w", Type = OnnxType.Bool, Dims = [2], Raw = new byte[] { 0, 1 } }).Integers.ToArray(), Is.EqualTo(new[] { 0L, 1 }));
        Assert.That(
            OnnxConstant.Read(new() { Name = "w", Type = OnnxType.UInt8, Dims = [2], Raw = new byte[] { 0, 1 } }, out string reason), Is.Null);
        Assert.That(reason, Is.EqualTo("elements of the type UInt8: float, double, float16, int64, int32 and bool are read"));

        // Through the bytes of a file, as another program writes them.
        static OnnxConstant Read(OnnxTensor tensor)
        {
            byte[] file = new OnnxNet().Input("x", -1, 4).Tensor(tensor).Node("y = Relu x").Output("y").ToArray();
            return OnnxConstant.Read(OnnxReader.Read(file, "net").Graph.Initializers[0], out _)!;
        }
    }

    [Test]
    public void A_stream_that_tells_no_length_is_read()
    {
        byte[] bytes = OnnxNet.Image().ToArray();
        using GZipStream stream = new(new MemoryStream(Packed(bytes)), CompressionMode.Decompress);
        Assert.That(OnnxFile.Read(stream, "packed").Net, Is.EqualTo(ImageNet));

        static byte[] Packed(byte[] bytes)
        {
            MemoryStream packed = new();
            using (GZipStream zip = new(packed, CompressionLevel.Fastest))
            {
                zip.Write(bytes);
            }

            return packed.ToArray();
        }
    }

    [Test]
    public void A_net_of_several_outputs_is_not_trained_by_one_loss()
    {
        OnnxFile file = new OnnxNet()
            .Input("x", -1, 3).Weight("w", 3, 2).Node("y = Gemm x w").Node("z = Tanh y").Output("y").Output("z").Read();
        Assert.That(
            () => file.ToNetwork(null, new Loss<Quadratic>()),
            Throws.ArgumentException.With.Message.EqualTo("the net has 2 outputs: only a net of one output is trained by a single loss"));
        using Network network = file.ToNetwork();
        Assert.That(network.Outputs, Has.Count.EqualTo(2), "without a loss it predicts");
    }

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
