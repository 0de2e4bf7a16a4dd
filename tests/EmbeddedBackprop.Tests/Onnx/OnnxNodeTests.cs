using EmbeddedBackprop.Onnx;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Onnx;

/// <summary>Which layers the nodes of an ONNX file become. OnnxPyTorchTests compares the numbers.</summary>
internal sealed class OnnxNodeTests
{
    private static readonly TestCaseData[] Moves =
    [
        OnnxNet.Case(new OnnxNet().Input("x", -1, 6).Weight("w", 6, 4).Weight("b", 4).Node("m = MatMul x w").Node("y = Add b m"), "dense 4"),
        OnnxNet.Case(
            new OnnxNet()
                .Input("x", -1, 6)
                .Weight("w", 6, 4)
                .Node("a b = Split x", OnnxAttribute.Of("axis", 1))
                .Node("s = Concat b a", OnnxAttribute.Of("axis", 1))
                .Node("y = Gemm s w"),
            "slice 0 3; slice 3 3 x; concat slice2 slice1; dense 4"),
        OnnxNet.Case(
            new OnnxNet().Input("x", 2, 3, 4).Weight("w", 12, 2).Numbers("z", 2, 12).Node("r = Reshape x z").Node("y = MatMul r w"),
            "flatten; dense 2"),
        OnnxNet.Case(
            new OnnxNet()
                .Input("x", -1, 4, 6)
                .Weight("w", 3, 6, 1)
                .Node("t = Transpose x", OnnxAttribute.Of("perm", 0L, 2L, 1L))
                .Node("y = Conv t w"),
            "transpose; conv1d 3 1"),
        OnnxNet.Case(
            new OnnxNet().Input("x", -1, 1, 5, 5).Weight("w", 2, 1, 2, 2).Node("y = Conv x w", OnnxAttribute.Of("auto_pad", "SAME_UPPER")),
            "conv 2 2x2 same"),
        OnnxNet.Case(
            new OnnxNet()
                .Input("x", -1, 2, 9)
                .Weight("w", 2, 2, 3)
                .Node("y = Conv x w", OnnxAttribute.Of("pads", 4L, 0L), OnnxAttribute.Of("dilations", [2L])),
            "conv1d 2 3 causal d2"),
        OnnxNet.Case(
            new OnnxNet().Input("x", -1, 2, 5).Weight("w", 2, 3, 4).Node("y = ConvTranspose x w", OnnxAttribute.Of("strides", [2L])),
            "reshape 2x1x5; conv-transpose 3 1x4 s1x2"),
        OnnxNet.Case(
            new OnnxNet()
                .Input("x", -1, 4, 6, 5)
                .Weight("w", 4, 4)
                .Node("m = ReduceMax x", OnnxAttribute.Of("axes", 2L, 3L), OnnxAttribute.Of("keepdims", 0))
                .Node("y = Gemm m w"),
            "global-maxpool; dense 4"),
        OnnxNet.Case(
            new OnnxNet()
                .Input("x", -1, 7, 4)
                .Weight("w", 4, 4)
                .Node("m = ReduceMean x", OnnxAttribute.Of("axes", [1L]), OnnxAttribute.Of("keepdims", 0))
                .Node("y = Gemm m w"),
            "mean-time; dense 4"),
        OnnxNet.Case(new OnnxNet().Indices("x", -1, 7).Weight("w", 9, 4).Node("y = Gather w x"), "embedding 9 4"),
        OnnxNet.Case(
            new OnnxNet().Input("x", -1, 4).Weight("w", 4, 4).Node("a = Gemm x w").Node("b = Sigmoid a").Node("c = Mul b a").Node("y = Sum c x"),
            "dense 4 silu; add identity dense1 x"),
        OnnxNet.Case(
            new OnnxNet()
                .Input("x", -1, 4)
                .Weight("w", 4, 4)
                .Node("a = Gemm x w", OnnxAttribute.Of("alpha", 2f))
                .Node("b = Sigmoid a")
                .Node("c = Add b a")
                .Node("y = Neg c"),
            "dense 4; activate sigmoid; add identity activate1 dense1; scale -1"),
        OnnxNet.Case(new OnnxNet().Input("x", -1, 3).Weight("w", 3, 8).Node("d = Dropout x").Node("y = Gemm d w"), "dropout 0.5; dense 8"),
        OnnxNet.Case(
            new OnnxNet().Input("x", -1, 6).Numbers("axis", 1).Weight("w", 2, 1, 3).Node("u = Unsqueeze x axis").Node("y = Conv u w"),
            "reshape 1x6; conv1d 2 3"),
        OnnxNet.Case(
            new OnnxNet()
                .Input("x", -1, 2, 6)
                .Numbers("from", 1)
                .Numbers("to", -2)
                .Numbers("axis", 2)
                .Weight("w", 3, 2, 2)
                .Node("s = Slice x from to axis")
                .Node("y = Conv s w"),
            "transpose; slice 1 3; transpose; conv1d 3 2"),
        OnnxNet.Case(
            new OnnxNet()
                .Input("x", -1, 6)
                .Weight("w", 4, 6)
                .Tensor(OnnxTensor.Of("zero", [], [0f]))
                .Node("t = Transpose w")
                .Node("a = Gemm x t")
                .Node("y = Clip a zero"),
            "dense 4 relu"),
        OnnxNet.Case(
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
        OnnxNet.Case(
            new OnnxNet().Input("x", -1, 5, 3).Weight("w", 3, 2).Weight("b", 2).Node("m = MatMul x w").Node("y = Add m b"),
            "transpose; conv1d 2 1; transpose"),
        OnnxNet.Case(
            new OnnxNet()
                .Input("x", -1, 2, 9)
                .Weight("w", 8, 3)
                .Node("m = MaxPool x", OnnxAttribute.Of("kernel_shape", [3L]), OnnxAttribute.Of("strides", [2L]))
                .Node("f = Flatten m")
                .Node("y = Gemm f w"),
            "maxpool1d 3 s2; flatten; dense 3"),
        OnnxNet.Case(
            new OnnxNet()
                .Input("x", -1, 4, 5, 3)
                .Weight("w", 2, 3, 1, 1)
                .Node("t = Transpose x", OnnxAttribute.Of("perm", 0L, 3L, 1L, 2L))
                .Node("y = Conv t w"),
            "reshape 20x3; transpose; reshape 3x4x5; conv 2 1x1"),
        OnnxNet.Case(
            new OnnxNet().Input("x", -1, 7).Weight("w", 9, 4).Node("i = Cast x", OnnxAttribute.Of("to", (long)OnnxType.Int64)).Node("y = Gather w i"),
            "embedding 9 4"),
        OnnxNet.Case(
            new OnnxNet()
                .Indices("x", -1, 7)
                .Weight("w", 9, 4)
                .Node("i = Cast x", OnnxAttribute.Of("to", (long)OnnxType.Int32))
                .Node("y = Gather w i"),
            "embedding 9 4"),
        OnnxNet.Case(
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
        OnnxNet.Case(
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
        OnnxNet.Case(
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
        OnnxNet.Case(
            new OnnxNet().Input("x", -1, 1, 6, 6).Weight("w", 2, 1, 3, 3).Node("y = Conv x w", OnnxAttribute.Of("auto_pad", "VALID")),
            "conv 2 3x3"),
        OnnxNet.Case(
            new OnnxNet().Input("x", -1, 1, 6, 6).Weight("w", 2, 1, 3, 3).Node("y = Conv x w", OnnxAttribute.Of("auto_pad", "SAME_LOWER")),
            "conv 2 3x3 p1"),
        OnnxNet.Case(
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
}
