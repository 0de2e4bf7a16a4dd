using System.Globalization;
using EmbeddedBackprop.Graphs;

namespace EmbeddedBackprop.Onnx.Writing;

/// <summary>A graph of ONNX that grows: nodes and tensors in the order of the calls, and names that are given once.</summary>
internal sealed class GraphWriter
{
    private readonly List<OnnxNode> nodes = [];
    private readonly List<OnnxTensor> tensors = [];
    private readonly List<OnnxValue> inputs = [], outputs = [];
    private readonly HashSet<string> names = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> known = new(StringComparer.Ordinal);

    /// <summary>The graph so far.</summary>
    public OnnxGraph Graph =>
        new() { Name = "network", Nodes = [.. nodes], Initializers = [.. tensors], Inputs = [.. inputs], Outputs = [.. outputs] };

    /// <summary>A name that nothing else has: the wanted one, or one with a number after it.</summary>
    public string Name(string wanted)
    {
        string name = wanted;
        for (int number = 2; !names.Add(name); number++)
        {
            name = string.Create(CultureInfo.InvariantCulture, $"{wanted}_{number}");
        }

        return name;
    }

    /// <summary>Adds an input [batch, shape] of floats.</summary>
    public void Input(string name, Shape shape) => inputs.Add(Value(name, shape));

    /// <summary>Adds an output [batch, shape] of floats.</summary>
    public void Output(string name, Shape shape) => outputs.Add(Value(name, shape));

    /// <summary>Adds a node; it is called after its last output.</summary>
    public void Node(string kind, ReadOnlySpan<string> inputs, ReadOnlySpan<string> outputs, params ReadOnlySpan<OnnxAttribute> attributes) =>
        nodes.Add(
            new OnnxNode
            {
                Name = outputs[^1], OpType = kind, Inputs = inputs.ToArray(), Outputs = outputs.ToArray(), Attributes = attributes.ToArray(),
            });

    /// <summary>A constant float without axes: one tensor for all that use it.</summary>
    public string Scalar(float value) => Floats(value.ToString("R", CultureInfo.InvariantCulture), [], [value]);

    /// <summary>A row of whole numbers: a shape, axes, a range. One tensor for all that use it.</summary>
    public string Row(params ReadOnlySpan<long> values)
    {
        string wanted = "[" + string.Join(',', values.ToArray()) + "]";
        return Find(wanted) ?? Add(wanted, OnnxTensor.Of(Name(wanted), [values.Length], values));
    }

    /// <summary>A tensor of floats. A second call with the same name gives the first one's: weights that are used twice.</summary>
    public string Floats(string wanted, ReadOnlySpan<int> shape, ReadOnlySpan<float> values) =>
        Find(wanted) ?? Add(wanted, OnnxTensor.Of(Name(wanted), Sizes(shape), values));

    /// <summary>A tensor of bytes with a sign.</summary>
    public string Bytes(string wanted, ReadOnlySpan<int> shape, ReadOnlySpan<sbyte> values) =>
        Find(wanted) ?? Add(wanted, OnnxTensor.Of(Name(wanted), Sizes(shape), values));

    /// <summary>A row of integers of 32 bits.</summary>
    public string Words(string wanted, ReadOnlySpan<int> values) =>
        Find(wanted) ?? Add(wanted, OnnxTensor.Of(Name(wanted), [values.Length], values));

    private string? Find(string wanted) => known.GetValueOrDefault(wanted);

    private string Add(string wanted, OnnxTensor tensor)
    {
        known.Add(wanted, tensor.Name);
        tensors.Add(tensor);
        return tensor.Name;
    }

    private static long[] Sizes(ReadOnlySpan<int> shape)
    {
        long[] sizes = new long[shape.Length];
        for (int i = 0; i < sizes.Length; i++)
        {
            sizes[i] = shape[i];
        }

        return sizes;
    }

    private static OnnxValue Value(string name, Shape shape)
    {
        OnnxDim[] dims = new OnnxDim[shape.Rank + 1];
        dims[0] = new OnnxDim(null, "batch");
        for (int axis = 0; axis < shape.Rank; axis++)
        {
            dims[axis + 1] = shape[axis];
        }

        return new OnnxValue { Name = name, Type = OnnxType.Float, Dims = dims };
    }
}
