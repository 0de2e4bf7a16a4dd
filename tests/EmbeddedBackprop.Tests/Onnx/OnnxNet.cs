using EmbeddedBackprop.Onnx;

namespace EmbeddedBackprop.Tests.Onnx;

/// <summary>A small ONNX file, written node by node.</summary>
internal sealed class OnnxNet
{
    private readonly List<OnnxNode> nodes = [];
    private readonly List<OnnxTensor> tensors = [];
    private readonly List<OnnxValue> inputs = [];
    private readonly List<OnnxValue> outputs = [];

    /// <summary>The version of the ops.</summary>
    public long Opset { get; init; } = 17;

    /// <summary>An input; a size of -1 has a name (the batch).</summary>
    public OnnxNet Input(string name, params long[] dims) => Add(name, OnnxType.Float, dims);

    public OnnxNet Indices(string name, params long[] dims) => Add(name, OnnxType.Int64, dims);

    private OnnxNet Add(string name, OnnxType type, long[] dims)
    {
        inputs.Add(new OnnxValue { Name = name, Type = type, Dims = Array.ConvertAll(dims, size => size < 0 ? new OnnxDim(null, "n") : size) });
        return this;
    }

    /// <summary>An output, once.</summary>
    public OnnxNet Output(string name)
    {
        if (!outputs.Exists(output => output.Name == name))
        {
            outputs.Add(new OnnxValue { Name = name, Type = OnnxType.Float });
        }

        return this;
    }

    /// <summary>A stored tensor of numbers that differ.</summary>
    public OnnxNet Weight(string name, params long[] dims)
    {
        float[] values = new float[dims.Aggregate(1L, (product, size) => product * size)];
        Samples.Fill(values, name.Length + (tensors.Count * 31));
        return Tensor(OnnxTensor.Of(name, dims, values));
    }

    /// <summary>A stored tensor whose elements are so many bytes, whatever its sizes say; 0 for none.</summary>
    public OnnxNet Bytes(string name, int bytes, params long[] dims) => Tensor(
        new OnnxTensor { Name = name, Type = OnnxType.Float, Dims = dims, Raw = bytes == 0 ? null : (ReadOnlyMemory<byte>?)new byte[bytes] });

    public OnnxNet Numbers(string name, params long[] values) => Tensor(OnnxTensor.Of(name, [values.Length], values));

    public OnnxNet Tensor(OnnxTensor tensor)
    {
        tensors.Add(tensor);
        return this;
    }

    /// <summary>A node that makes one value: "y = Gemm x w b".</summary>
    public OnnxNet Node(string text, params OnnxAttribute[] attributes)
    {
        string[] sides = text.Split(" = "), words = sides[1].Split(' ');
        nodes.Add(new OnnxNode
        {
            OpType = words[0], Outputs = sides[0].Split(' '), Inputs = Array.ConvertAll(words[1..], word => word == "-" ? "" : word),
            Attributes = attributes,
        });
        return this;
    }

    public byte[] ToArray() => OnnxWriter.ToArray(new OnnxModel
    {
        IrVersion = 8, Producer = "tests", Opsets = [new OnnxOpset("", Opset)],
        Graph = new OnnxGraph { Name = "net", Nodes = [.. nodes], Initializers = [.. tensors], Inputs = [.. inputs], Outputs = [.. outputs] },
    });

    public OnnxFile Read() => OnnxFile.Read(ToArray(), "net.onnx");

    /// <summary>A convolution, windows, the flattening of exporters, a dense layer and a softmax.</summary>
    public static OnnxNet Image() => new OnnxNet()
        .Input("x", -1, 1, 6, 5).Weight("conv.weight", 2, 1, 3, 3).Weight("conv.bias", 2).Weight("fc.weight", 3, 4).Weight("fc.bias", 3)
        .Numbers("first", 0).Numbers("rest", -1)
        .Node("c = Conv x conv.weight conv.bias", OnnxAttribute.Of("strides", 1L, 1L), OnnxAttribute.Of("pads", 0L, 0L, 0L, 0L))
        .Node("r = Relu c")
        .Node("m = MaxPool r", OnnxAttribute.Of("kernel_shape", 2L, 2L), OnnxAttribute.Of("strides", 2L, 2L))
        .Node("s = Shape m").Node("n = Gather s first").Node("t = Concat n rest", OnnxAttribute.Of("axis", 0)).Node("f = Reshape m t")
        .Node("l = Gemm f fc.weight fc.bias", OnnxAttribute.Of("transB", 1)).Node("y = Softmax l", OnnxAttribute.Of("axis", -1)).Output("y");

    /// <summary>A recurrent layer as PyTorch writes it, steps after the batch, its last step, a dense layer.</summary>
    public static OnnxNet Sequence(string type, int gates, params OnnxAttribute[] more) => new OnnxNet()
        .Input("x", -1, 5, 3).Weight("w", 1, gates * 4, 3).Weight("r", 1, gates * 4, 4).Weight("b", 1, gates * 8).Weight("fc.weight", 2, 4)
        .Numbers("one", 1).Tensor(OnnxTensor.Of("last", [], [-1L]))
        .Node("t = Transpose x", OnnxAttribute.Of("perm", 1L, 0L, 2L))
        .Node($"a = {type} t w r b", [OnnxAttribute.Of("hidden_size", 4), .. more])
        .Node("s = Squeeze a one").Node("u = Transpose s", OnnxAttribute.Of("perm", 1L, 0L, 2L))
        .Node("g = Gather u last", OnnxAttribute.Of("axis", 1)).Node("y = Gemm g fc.weight", OnnxAttribute.Of("transB", 1)).Output("y");

    /// <summary>Indices, moves of elements, windows, sums of axes and a product.</summary>
    public static OnnxNet Moves() => new OnnxNet()
        .Indices("i", 2, 4).Weight("e", 5, 3).Numbers("pads", 0, 0, 1, 0, 0, 1).Weight("g", 2, 3).Tensor(OnnxTensor.Of("h", [], [0.5f]))
        .Node("a = Gather e i").Node("t = Transpose a", OnnxAttribute.Of("perm", 0L, 2L, 1L)).Node("p = Pad t pads")
        .Node("v = AveragePool p", OnnxAttribute.Of("kernel_shape", [2L])).Node("u = Mul v h")
        .Node("b c d = Split u", OnnxAttribute.Of("axis", 1)).Node("j = Concat d b", OnnxAttribute.Of("axis", -1))
        .Node("m = ReduceMean j", OnnxAttribute.Of("axes", [2L]), OnnxAttribute.Of("keepdims", 0))
        .Weight("k", 1, 2).Node("y = MatMul m k").Output("y");

    /// <summary>A test case: the file of a net whose output is y, and what is expected of it.</summary>
    public static TestCaseData Case(OnnxNet net, string expected)
    {
        byte[] file = net.Output("y").ToArray();
        return new TestCaseData(file, expected).SetArgDisplayNames(expected);
    }
}
