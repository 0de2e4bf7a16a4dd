using EmbeddedBackprop.IO;
using EmbeddedBackprop.Onnx;
using EmbeddedBackprop.Tests.Export;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Onnx;

/// <summary>ONNX files that are refused, with the node and the reason, and what a hostile one cannot do.</summary>
internal sealed class OnnxRefusalTests
{
    private static readonly TestCaseData[] Refusals =
    [
        OnnxNet.Case(new OnnxNet { Opset = 12 }.Input("x", -1, 3).Node("y = Relu x"),
            "opset 12: 13 to 17 are read (opset_version of the export says which)"),
        OnnxNet.Case(
            new OnnxNet().Input("x", -1, 3).Node("y = Einsum x x"), "node Einsum (output 'y'): there is no such op here: docs/onnx.md has the list"),
        OnnxNet.Case(
            OnnxNet.Sequence("GRU", 3),
            "node GRU (output 'a'): linear_before_reset=0: here the reset gate comes after the product, as in PyTorch and cuDNN (1)"),
        OnnxNet.Case(
            new OnnxNet().Input("x", -1, 3).Bytes("w", 0, 3, -2).Node("y = Gemm x w"),
            "node Gemm (output 'y'): the stored tensor 'w': sizes [3, -2] that no tensor can have"),
        OnnxNet.Case(
            new OnnxNet().Input("x", -1, 3).Bytes("w", 0, 1 << 30, 1 << 30, 16).Node("y = Gemm x w"),
            "node Gemm (output 'y'): the stored tensor 'w': sizes [1073741824, 1073741824, 16] that no tensor can have"),
        OnnxNet.Case(
            new OnnxNet().Input("x", -1, 3).Bytes("w", 20, 3, 2).Node("y = Gemm x w"),
            "node Gemm (output 'y'): the stored tensor 'w': the sizes [3, 2] and 5 elements"),
        OnnxNet.Case(
            new OnnxNet().Input("x", -1, 1, 5, 5).Weight("w", 2, 1, 2, 2).Node("y = Conv x w", OnnxAttribute.Of("strides", 0L, 1L)),
            "node Conv (output 'y'): strides: expected 2 numbers of at least 1, got [0, 1]"),
        OnnxNet.Case(
            new OnnxNet().Input("x", -1, 1, 5, 5).Weight("w", 2, 1, 2, 2).Node("y = Conv x w", OnnxAttribute.Of("group", 0)),
            "node Conv (output 'y'): weights for 0 channels, but the value has 1"),
        OnnxNet.Case(
            new OnnxNet().Input("x", -1, 3).Node("y = Relu z").Node("z = Tanh x"),
            "node Relu (output 'y'): it reads 'z', which nothing before it makes"),
        OnnxNet.Case(
            new OnnxNet().Input("x", -1, 3).Node("y = Relu x").Node("y = Tanh x"), "node Tanh (output 'y'): it makes 'y', which is there already"),
        OnnxNet.Case(new OnnxNet().Input("x", -1, 3).Weight("w", 3, 3).Node("y = Gemm x w", OnnxAttribute.Of("colour\u001b[31m", 3)),
            "node Gemm (output 'y'): the attribute 'colour?[31m' is not known"),
        OnnxNet.Case(new OnnxNet().Input("x", 0x100000000, 3).Input("z", 1, 0x100000000).Weight("w", 3, 3).Node("a = Gemm x w").Node("y = Add a z"),
            "'z': size 1 (4294967296) is not fixed: export the net with a fixed one, only the batch may be open"),
        OnnxNet.Case(
            new OnnxNet().Input("x", -1, 3).Numbers("size", 1 << 30).Numbers("all", -1).Node("a = ConstantOfShape size").Node("b = Reshape a all")
                .Node("y = Add x b"),
            "node Reshape (output 'b'): the constants of this file would take too much memory"),
        OnnxNet.Case(new OnnxNet().Input("x", -1, 3), "'y': nothing makes it"),
        OnnxNet.Case(
            new OnnxNet()
                .Input("x", -1, 3)
                .Tensor(OnnxTensor.Of("one", [], [1f]))
                .Tensor(OnnxTensor.Of("minus", [], [-1f]))
                .Node("y = Clip x minus one"),
            "node Clip (output 'y'): the bounds are 0 and 6 here (relu6), or 0 alone (relu)"),
        OnnxNet.Case(
            new OnnxNet().Input("x", -1, 3, 4).Node("y = Softmax x", OnnxAttribute.Of("axis", 1)),
            "node Softmax (output 'y'): axis 1 of [3, 4]: the softmax is that of the last axis here"),
        OnnxNet.Case(
            new OnnxNet().Input("x", -1, 3).Weight("b", 3).Node("y = Add x b"),
            "node Add (output 'y'): a stored tensor is added that is no bias of a product or convolution before it"),
        OnnxNet.Case(
            new OnnxNet().Input("x", -1, 3).Tensor(OnnxTensor.Of("half", [], [0.5f])).Node("y = Sub x half"),
            "node Sub (output 'y'): the number 0.5 is added: only a bias of a product or convolution before it can be"),
        OnnxNet.Case(
            new OnnxNet().Input("x", -1, 3).Weight("b", 3).Node("y = Mul x b"),
            "node Mul (output 'y'): a stored tensor of different factors: one factor for all elements is multiplied here"),
        OnnxNet.Case(
            new OnnxNet().Input("x", -1, 4, 6).Numbers("s", -1, 6).Node("y = Reshape x s"),
            "node Reshape (output 'y'): the sizes [-1, 6] for samples of 24 elements: none of them is the batch"),
        OnnxNet.Case(
            new OnnxNet().Input("x", -1, 4, 6).Node("y = Flatten x", OnnxAttribute.Of("axis", 2)),
            "node Flatten (output 'y'): axis 2: it puts samples and their elements together"),
        OnnxNet.Case(
            new OnnxNet().Input("x", -1, 3).Input("z", -1, 3).Node("y = Concat x z", OnnxAttribute.Of("axis", 0)),
            "node Concat (output 'y'): a join over the samples of a batch"),
        OnnxNet.Case(
            new OnnxNet().Input("x", -1, 3).Node("y = ReduceMean x", OnnxAttribute.Of("axes", 0L, 1L)),
            "node ReduceMean (output 'y'): a reduction over the samples of a batch"),
        OnnxNet.Case(
            new OnnxNet().Input("x", -1, 7).Numbers("s", 3, 3).Node("a y = Split x s", OnnxAttribute.Of("axis", 1)),
            "node Split (output 'a'): parts of [3, 3] of 7 elements for 2 outputs"),
        OnnxNet.Case(
            new OnnxNet().Input("x", -1, 1, 5, 5).Weight("w", 2, 1, 2, 2).Node("y = Conv x w", OnnxAttribute.Of("pads", 1L, 0L, 0L, 0L)),
            "node Conv (output 'y'): padding [(1, 0), (0, 0)] that is neither even nor that of SAME_UPPER"),
        OnnxNet.Case(
            new OnnxNet().Input("x", -1, 1, 5, 5).Node("y = MaxPool x", OnnxAttribute.Of("kernel_shape", 6L, 6L)),
            "node MaxPool (output 'y'): maxpool1: a window of 6 does not fit into 1x5x5 with a padding of 0 (from x)"),
        OnnxNet.Case(
            new OnnxNet().Input("x", -1, 3).Node("y = Relu x").Node("z = Relu y").Output("z").Node("u = Identity z").Output("u"),
            "'u': it is the same value as another output"),
        OnnxNet.Case(
            new OnnxNet().Input("x", -1, 3).Weight("w", 3, 3).Node("y = Gemm x w", OnnxAttribute.Of("alpha", 2f), OnnxAttribute.Of("alpha", 2f)),
            "node Gemm (output 'y'): a second attribute 'alpha'"),
        OnnxNet.Case(
            new OnnxNet().Input("x", -1, 3).Weight("w", 3, 3).Node("y = Gemm x w", OnnxAttribute.Of("alpha", 2)),
            "node Gemm (output 'y'): the attribute alpha is no float"),
        OnnxNet.Case(
            new OnnxNet().Input("x", -1, 3).Weight("w", 3, 3).Node("y = Gemm x w", OnnxAttribute.Of("transA", 1)),
            "node Gemm (output 'y'): transA"),
        OnnxNet.Case(
            new OnnxNet().Input("x", -1, 1, 5, 5).Weight("w", 2, 1, 2, 2).Node("y = Conv x w", OnnxAttribute.Of("auto_pad", 3)),
            "node Conv (output 'y'): the attribute auto_pad is no string"),
        OnnxNet.Case(
            new OnnxNet().Input("x", -1, 1, 5, 5).Weight("w", 2, 1, 2, 2).Node("y = Conv x w", OnnxAttribute.Of("auto_pad", "SAME")),
            "node Conv (output 'y'): auto_pad 'SAME'"),
        OnnxNet.Case(
            new OnnxNet().Input("x", -1, 1, 5, 5).Weight("w", 2, 1, 2, 2).Node("y = Conv x w", OnnxAttribute.Of("strides", 1L, 1L << 40)),
            "node Conv (output 'y'): the attribute strides holds no whole numbers of 32 bits"),
        OnnxNet.Case(
            new OnnxNet().Input("x", -1, 6).Tensor(OnnxTensor.Of("s", [2], [0f, 6f])).Node("y = Reshape x s"),
            "node Reshape (output 'y'): input 1 ('s') is no list of whole numbers"),
        OnnxNet.Case(
            new OnnxNet().Input("x", -1, 6).Node("d m = Dropout x").Node("y = Relu m"),
            "node Dropout (output 'd'): its output 1 ('m') is read, and there is none of this kind here"),
        OnnxNet.Case(
            OnnxNet.Sequence("LSTM", 4, OnnxAttribute.Of("input_forget", 1)), "node LSTM (output 'a'): input_forget"),
        OnnxNet.Case(
            OnnxNet.Sequence("LSTM", 4, OnnxAttribute.Of("direction", "reverse")), "node LSTM (output 'a'): the direction 'reverse'"),
        OnnxNet.Case(
            OnnxNet.Sequence("LSTM", 4, OnnxAttribute.Of("clip", 1f)), "node LSTM (output 'a'): clip, or a layout other than steps first"),
        OnnxNet.Case(
            OnnxNet.Sequence("RNN", 1, OnnxAttribute.Of("activations", ["Affine"])), "node RNN (output 'a'): the activations Affine"),
        OnnxNet.Case(
            new OnnxNet().Input("x", 5, -1, 3).Weight("w", 1, 4, 3).Weight("r", 1, 4, 4).Weight("b", 1, 8).Numbers("lengths", 5)
                .Node("a y = RNN x w r b lengths", OnnxAttribute.Of("hidden_size", 4)),
            "node RNN (output 'a'): sequence_lens: sequences of different lengths need a mask here, and ONNX has none"),
        OnnxNet.Case(
            new OnnxNet().Input("x", -1, 3).Tensor(OnnxTensor.Of("one", [], [1f])).Node("y = Div one x"),
            "node Div (output 'y'): a value is divided by a stored number here, and by nothing else"),
        OnnxNet.Case(
            new OnnxNet().Input("x", -1, 3).Tensor(OnnxTensor.Of("zero", [], [0f])).Node("y = Div x zero"),
            "node Div (output 'y'): a value is divided by a stored number here, and by nothing else"),
        OnnxNet.Case(
            new OnnxNet().Input("x", -1, 3).Tensor(OnnxTensor.Of("half", [], [0.5f])).Node("y = Add half x"),
            "node Add (output 'y'): the number 0.5 is added: only a bias of a product or convolution before it can be"),
        OnnxNet.Case(
            new OnnxNet().Input("x", -1, 2, 5).Weight("w", 2, 3, 4).Node("y = ConvTranspose x w", OnnxAttribute.Of("output_shape", [9L])),
            "node ConvTranspose (output 'y'): output_shape and auto_pad"),
        OnnxNet.Case(
            new OnnxNet().Input("x", -1, 2, 5).Weight("w", 2, 3, 4, 4).Node("y = ConvTranspose x w"),
            "node ConvTranspose (output 'y'): a kernel of 4 sizes for a value of 3"),
        OnnxNet.Case(
            new OnnxNet().Input("x", -1, 2, 5).Weight("w", 2, 3, 4).Node("y = ConvTranspose x w", OnnxAttribute.Of("pads", 1L, 0L)),
            "node ConvTranspose (output 'y'): padding [1, 0] that is not even"),
        OnnxNet.Case(
            new OnnxNet().Input("x", -1, 3).Weight("g", 3).Weight("b", 3).Weight("m", 3).Weight("v", 3)
                .Node("y = BatchNormalization x g b m v", OnnxAttribute.Of("training_mode", 1)),
            "node BatchNormalization (output 'y'): training_mode: export the net for evaluation"),
        OnnxNet.Case(
            new OnnxNet().Input("x", -1, 3, 4).Weight("g", 3).Numbers("p", 0, 0, 1, 0, 0, 1)
                .Node("y = Pad x p", OnnxAttribute.Of("mode", "reflect")),
            "node Pad (output 'y'): the mode 'reflect'"),
        OnnxNet.Case(
            new OnnxNet().Input("x", -1, 3, 4).Numbers("p", 0, 0, 1, 0, 0, 1).Tensor(OnnxTensor.Of("one", [], [1f])).Node("y = Pad x p one"),
            "node Pad (output 'y'): a value other than 0"),
        OnnxNet.Case(
            new OnnxNet().Input("x", -1, 3, 4).Numbers("p", 1, 0, 0, 0, 0, 0).Node("y = Pad x p"),
            "node Pad (output 'y'): samples are added to the batch"),
        OnnxNet.Case(
            new OnnxNet().Input("x", -1, 7).Numbers("from", 0).Numbers("to", 7).Numbers("axis", 1).Numbers("step", 2)
                .Node("y = Slice x from to axis step"),
            "node Slice (output 'y'): a step of 2: every element of a range is taken here"),
        OnnxNet.Case(
            new OnnxNet().Input("x", -1, 7).Numbers("from", 0).Numbers("to", 7).Numbers("axis", 1).Numbers("step", 0)
                .Node("y = Slice x from to axis step"),
            "node Slice (output 'y'): a step of 0"),
        OnnxNet.Case(
            new OnnxNet().Input("x", -1, 7).Numbers("from", 1).Numbers("to", 7).Numbers("axis", 0).Node("y = Slice x from to axis"),
            "node Slice (output 'y'): a part of the batch"),
        OnnxNet.Case(
            new OnnxNet().Input("x", -1, 7).Numbers("from", 0, 1).Numbers("to", 7).Node("y = Slice x from to"),
            "node Slice (output 'y'): starts, ends, axes and steps of different lengths"),
        OnnxNet.Case(
            new OnnxNet().Input("x", -1, 7).Numbers("from", 3).Numbers("to", 3).Numbers("axis", 1).Node("y = Slice x from to axis"),
            "node Slice (output 'y'): an empty range"),
        OnnxNet.Case(
            // The last step of a layer, but none of them.
            new OnnxNet().Input("x", 5, -1, 3).Weight("w", 1, 4, 3).Weight("r", 1, 4, 4).Weight("b", 1, 8).Numbers("last", -1).Numbers("zero", 0)
                .Numbers("one", 1).Node("a = RNN x w r b", OnnxAttribute.Of("hidden_size", 4)).Node("s = Squeeze a one")
                .Node("y = Slice s last last zero"),
            "node Slice (output 'y'): an empty range"),
        OnnxNet.Case(
            new OnnxNet().Input("x", -1, 3, 4, 5).Numbers("from", 1).Numbers("to", 2).Numbers("axis", 2).Node("y = Slice x from to axis"),
            "node Slice (output 'y'): a part of the axis 2 of [3, 4, 5]: the first or the last axis is cut here"),
        OnnxNet.Case(
            new OnnxNet().Input("x", -1, 3, 4).Numbers("i", 0, 2).Node("y = Gather x i", OnnxAttribute.Of("axis", 1)),
            "node Gather (output 'y'): several positions: one is taken here, or a range by Slice"),
        OnnxNet.Case(
            new OnnxNet().Input("x", -1, 2, 3, 4).Input("z", -1, 2, 3, 4).Node("y = Concat x z", OnnxAttribute.Of("axis", 2)),
            "node Concat (output 'y'): axis 2 of [2, 6, 4]: the first or the last axis is joined here"),
        OnnxNet.Case(
            new OnnxNet().Input("x", -1, 1, 9, 9)
                .Node("y = MaxPool x", OnnxAttribute.Of("kernel_shape", 2L, 2L), OnnxAttribute.Of("dilations", 2L, 2L)),
            "node MaxPool (output 'y'): a window with gaps (dilations)"),
        OnnxNet.Case(
            new OnnxNet().Input("x", -1, 2, 3, 4).Node("y = ReduceMean x", OnnxAttribute.Of("axes", [2L])),
            "node ReduceMean (output 'y'): axes [2] that are neither the first nor the last of a sample"),
        OnnxNet.Case(
            new OnnxNet().Input("x", -1, 3).Node("y = Cast x", OnnxAttribute.Of("to", (long)OnnxType.Int64)),
            "node Cast (output 'y'): a cast of floats to Int64, which would change them"),
        OnnxNet.Case(
            new OnnxNet().Input("x", -1, 3).Weight("w", 3, 3).Node("v = Cast w", OnnxAttribute.Of("to", (long)OnnxType.Bool)).Node("y = Gemm x v"),
            "node Cast (output 'v'): a cast to Bool"),
        OnnxNet.Case(
            new OnnxNet().Input("x", -1, 3).Numbers("s", 2, 3).Node("y = Expand x s"), "node Expand (output 'y'): elements are repeated"),
        OnnxNet.Case(
            new OnnxNet().Input("x", -1, 3).Weight("w", 3, 1).Numbers("s", 3, 2).Node("v = Expand w s").Node("y = Gemm x v"),
            "node Expand (output 'v'): a repetition of different elements"),
        OnnxNet.Case(
            new OnnxNet().Input("x", -1, 3).Weight("w", 3, 2).Weight("v", 2, 3).Node("u = Add w v").Node("y = Gemm x u"),
            "node Add (output 'u'): constants of different sizes or types"),
        OnnxNet.Case(
            new OnnxNet().Input("x", -1, 3).Numbers("a", 4).Numbers("b", 0).Node("c = Div a b").Node("y = Reshape x c"),
            "node Div (output 'c'): 4 / 0"),
        OnnxNet.Case(
            new OnnxNet().Input("x", -1, 3).Numbers("a", 2).Node("s = Shape x").Node("c = Mul s a").Node("y = Reshape x c"),
            "node Mul (output 'c'): it computes with the number of samples, which is no part of a net"),
        OnnxNet.Case(
            new OnnxNet().Input("x", -1, 3).Numbers("axes", 1, 1).Node("y = Unsqueeze x axes"),
            "node Unsqueeze (output 'y'): an axis that is named twice"),
        OnnxNet.Case(
            new OnnxNet().Input("x", -1, 3).Node("c = Constant").Node("y = Add x c"),
            "node Constant (output 'c'): a constant that is neither a tensor nor numbers"),
        OnnxNet.Case(
            new OnnxNet().Input("x", -1, 3).Numbers("s", -5).Node("c = ConstantOfShape s").Node("y = Add x c"),
            "node ConstantOfShape (output 'c'): the sizes [-5]"),
        OnnxNet.Case(
            new OnnxNet().Input("x", -1, 3).Input("x", -1, 4).Node("y = Relu x"), "a second input 'x'"),
        OnnxNet.Case(
            new OnnxNet().Input("x", -1, 3).Weight("w", 3, 3).Node("a = Relu x").Output("a").Node("y = Identity w"),
            "'y': it does not depend on the input"),
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
}
