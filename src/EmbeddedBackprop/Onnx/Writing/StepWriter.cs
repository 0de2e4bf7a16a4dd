using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Onnx.Writing;

/// <summary>One node of the engine's graph on its way into ONNX: what it reads, its weights, and the names of what it writes.</summary>
/// <param name="model">The model that it is part of.</param>
/// <param name="node">The node.</param>
/// <param name="step">The plan's step that runs the node: its ranges.</param>
/// <param name="inputs">The names of its inputs.</param>
/// <param name="output">The name of its output.</param>
internal sealed class StepWriter(ModelWriter model, Node node, Step step, string[] inputs, string output)
{
    private string[]? parameters;

    /// <summary>The op.</summary>
    public Op Op { get; private init; } = node.Op!;

    /// <summary>The node's name.</summary>
    public string Name => node.Name;

    /// <summary>The name of the output.</summary>
    public string Output => output;

    /// <summary>The names of the inputs.</summary>
    public string[] Inputs => inputs;

    /// <summary>The shape of the output.</summary>
    public Shape Shape => node.Shape;

    /// <summary>Where tensors are added.</summary>
    public GraphWriter Graph => model.Graph;

    /// <summary>The arithmetic of functions in tables.</summary>
    public Arithmetic Arithmetic => model.Arithmetic;

    /// <summary>The name of the first input.</summary>
    public string Input => inputs[0];

    /// <summary>The shape of an input.</summary>
    public Shape InputShape(int index = 0) => node.Inputs[index].Shape;

    /// <summary>What the integers of the output mean; it must have some.</summary>
    public IntegerType Type => model.TypeOf(node);

    /// <summary>Whether the output holds integers of 8 bits.</summary>
    public bool HoldsBytes => node.Bits == 8;

    /// <summary>The name of the op whose state says what the output's integers mean.</summary>
    public string RangeName => node.Integers!.Owner.Name;

    /// <summary>The name of the op whose state says what the first input's integers mean.</summary>
    public string InputRangeName => node.Inputs[0].Integers!.Owner.Name;

    /// <summary>What the integers of an input mean.</summary>
    public IntegerType InputType(int index = 0) => model.TypeOf(node.Inputs[index]);

    /// <summary>The same node as a float op that is part of this one, whose result is not the node's.</summary>
    /// <param name="op">The float op.</param>
    /// <param name="result">The name of its result.</param>
    /// <param name="tensors">The names of its weights; null for the node's own floats.</param>
    public StepWriter As(Op op, string result, string[]? tensors = null) =>
        new(model, node, step, inputs, result) { Op = op, parameters = tensors };

    /// <summary>The name of a value between the inputs and the output.</summary>
    public string Between(string suffix) => Graph.Name($"{Name}.{suffix}");

    /// <summary>The name of the layer's weighted input: the output itself where no activation follows.</summary>
    public string Before(Activation activation) => activation is Activation<Identity> ? output : Between("z");

    /// <summary>Adds a node with a result of the given name.</summary>
    public void Write(string result, string kind, ReadOnlySpan<string> from, params ReadOnlySpan<OnnxAttribute> options) =>
        Graph.Node(kind, from, [result], options);

    /// <summary>Adds a node with a result between the inputs and the output.</summary>
    /// <returns>Its name.</returns>
    public string Apply(string suffix, string kind, ReadOnlySpan<string> from, params ReadOnlySpan<OnnxAttribute> options)
    {
        string result = Between(suffix);
        Write(result, kind, from, options);
        return result;
    }

    /// <summary>A tensor of the op's weights: name and shape are those of files, [out, in ...].</summary>
    public string Parameter(int index) =>
        parameters?[index] ?? Graph.Floats(step.Ranges[index].Name, step.Ranges[index].FileShape, ParameterValues(index));

    /// <summary>Whether the op has so many weights.</summary>
    public bool Has(int index) => index < step.Ranges.Length;

    /// <summary>The op's name and a part of it, for a tensor that all uses of its weights share.</summary>
    public string TensorName(string part) => $"{step.Owner.Name}.{part}";

    /// <summary>The shape of the op's weights in files.</summary>
    public int[] ParameterShape(int index) => step.Ranges[index].FileShape;

    /// <summary>The op's weights in the order of files.</summary>
    public float[] ParameterValues(int index)
    {
        ParameterRange range = step.Ranges[index];
        float[] values = new float[range.Count];
        range.CopyTo(model.Parameters, values);
        return values;
    }

    /// <summary>The op's weights in the engine's order, without padding.</summary>
    public float[] CompactValues(int index)
    {
        ParameterRange range = step.Ranges[index];
        float[] values = new float[range.Count];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = model.Parameters[range.Offset + (i / range.Columns * range.Stride) + (i % range.Columns)];
        }

        return values;
    }

    /// <summary>What the op keeps without training it.</summary>
    public ReadOnlySpan<float> State(int index) => model.State.Slice(step.StateRanges[index].Offset, step.StateRanges[index].Count);

    /// <summary>A tensor of what the op keeps.</summary>
    public string StateTensor(int index) => Graph.Floats(step.StateRanges[index].Name, [step.StateRanges[index].Count], State(index));
}
