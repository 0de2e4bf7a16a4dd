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

    /// <summary>Two layers read the tensors w and v, both b: the same op if the names are the same, whatever activation follows each.</summary>
    [TestCase("w", "x = input 4; dense 4; activate tanh; dense2 = again dense1; activate softmax", 20)]
    [TestCase("v", "x = input 4; dense 4 tanh; dense 4 softmax", 40)]
    public void Weights_that_two_nodes_read_are_one_layer_and_stay_one_in_training(string second, string text, int parameters)
    {
        OnnxTensor w = OnnxTensor.Of("w", [4, 4], Samples.Array(16, 3)), v = OnnxTensor.Of("v", [4, 4], Samples.Array(16, 3));
        OnnxFile file = new OnnxNet().Input("x", -1, 4).Tensor(w).Tensor(v).Weight("b", 4)
            .Node("p = Gemm x w b").Node("q = Tanh p").Node($"r = Gemm q {second} b").Node("y = Softmax r").Output("y").Read();
        Assert.That(file.Net, Is.EqualTo(text));
        using Network network = file.ToNetwork(new NetworkOptions { Batch = 1 }, new SoftmaxCrossEntropy());
        using Network ours = NetCompiler.Compile(
            "input 4; dense 4; activate tanh; again dense1; softmax", new SoftmaxCrossEntropy(), new NetworkOptions { Batch = 1 });
        Assert.That(network.ParameterCount, Is.EqualTo(parameters));
        foreach (ParameterRange range in ours.InferencePlan.Parameters)
        {
            float[] values = new float[range.Count];
            network.InferencePlan.Parameters.ToArray().Single(other => other.Name == range.Name).CopyTo<float>(network.Parameters, values);
            range.CopyFrom<float>(values, ours.Parameters);
        }

        Assert.That(network.Predict(Samples.Array(4, 1)).ToArray(), Is.EqualTo(ours.Predict(Samples.Array(4, 1)).ToArray()), "equal at first");
        for (int step = 0; step < 10; step++)
        {
            foreach (Network one in (Network[])[network, ours])
            {
                Samples.Array(4, step).CopyTo(one.TrainingInput(1));
                one.TrainingTarget(1).Clear();
                one.TrainingTarget(1)[step % 4] = 1f;
                _ = one.TrainStep(1, 0.1f);
            }
        }

        bool isSame = network.Predict(Samples.Array(4, 1)).SequenceEqual(ours.Predict(Samples.Array(4, 1)));
        Assert.That(isSame, Is.EqualTo(second == "w"), "layers of their own part in training");
    }

    [TestCase("a = Gemm x w b|y = Gemm a w b", "dense1", 20, "")]
    [TestCase("a = MatMul x w|c = Add a b|d = MatMul c w|y = Add d b", "dense1", 20, "")]
    [TestCase("a = Gemm x w b|y = Gemm a w v", "", 40, "another bias")]
    [TestCase("a = Gemm x w b|y = Gemm a w", "", 40, "no bias, which is one of zeros")]
    [TestCase("a = Gemm x w|y = Gemm a w", "dense1", 20, "two without a bias")]
    [TestCase("a = Gemm x w b|y = Gemm a w b 2", "", 40, "a factor of 2")]
    [TestCase("a = Conv i k|y = Conv a k", "conv1d1", 4, "")]
    [TestCase("a = Conv i k|p = MaxPool a 2|y = Conv p k", "", 8, "another size")]
    [TestCase("a = LayerNormalization x g b|y = LayerNormalization a g b", "layernorm1", 8, "")]
    [TestCase("a = BatchNormalization x g b b g|y = BatchNormalization a g b b g", "", 16, "kept apart")]
    public void Layers_are_the_same_if_all_of_their_tensors_and_settings_are(string nodes, string again, int parameters, string why)
    {
        OnnxNet net = new OnnxNet().Weight("w", 4, 4).Weight("b", 4).Weight("v", 4).Weight("k", 1, 1, 3)
            .Tensor(OnnxTensor.Of("g", [4], [1f, 2f, 3f, 4f]));
        net = nodes.Contains(" i ", StringComparison.Ordinal) ? net.Input("i", -1, 1, 9) : net.Input("x", -1, 4);
        foreach (string node in nodes.Split('|'))
        {
            OnnxAttribute[] attributes = node.EndsWith(" 2", StringComparison.Ordinal)
                ? [node.Contains("Gemm", StringComparison.Ordinal) ? OnnxAttribute.Of("alpha", 2f) : OnnxAttribute.Of("kernel_shape", [2L])]
                : node.Contains("Conv", StringComparison.Ordinal) ? [OnnxAttribute.Of("pads", 1L, 1L)] : [];
            net = net.Node(node.EndsWith(" 2", StringComparison.Ordinal) ? node[..^2] : node, attributes);
        }

        OnnxFile file = net.Output("y").Read();
        Assert.That(file.Net, again.Length > 0 ? Does.Contain($"again {again}") : Does.Not.Contain("again"), why);
        using Network network = file.ToNetwork();
        Assert.That(network.ParameterCount, Is.EqualTo(parameters), why);
    }

    /// <summary>A net that is written and read again: the same ops, so the same bits.</summary>
    [TestCase("input 4; dense 4 tanh; again dense1; again dense1; dense 1 leaky-relu")]
    [TestCase("input 2x9; conv1d 2 3 same relu; again conv1d1; layernorm; again layernorm1; flatten; dense 3")]
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
}
