using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Ops.Integer;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Golden;

/// <summary>An integer op as a network: floats, quantize, the op, dequantize. Integers enter and leave exactly: a float means each of them.</summary>
internal sealed record IntegerGoldenRun
{
    /// <summary>The inputs, each with its type, the shape of a sample and its integers [batch, ...].</summary>
    public required (IntegerType Type, Shape Shape, int[] Integers)[] Inputs { get; init; }

    /// <summary>A last input of zeros and ones that stay floats, and its shape; null for none.</summary>
    public (Shape Shape, int[] Values)? Mask { get; init; }

    /// <summary>The type of the op's output.</summary>
    public required IntegerType Output { get; init; }

    /// <summary>Applies the op to its inputs.</summary>
    public required Func<Graph, Node[], Node> Build { get; init; }

    /// <summary>The op's parameters by the last part of their names, in the order of files.</summary>
    public Dictionary<string, float[]> Parameters { get; init; } = [];

    /// <summary>The op's state by the last part of its names, besides the type of its output.</summary>
    public Dictionary<string, float[]> State { get; init; } = [];

    /// <summary>Compares the twin and, at every width, the lanes with the expected integers.</summary>
    public void Check(string where, ReadOnlySpan<int> expected, IntegerDifferences differences)
    {
        int[] integers = expected.ToArray();
        differences.Add($"{where}, twin", Compute(Arithmetic.Fused, Layout.Compact, Execution.Scalar), integers);
        Widths.ForEach(width =>
        {
            differences.Add($"{where}, width {width}, padded", Compute(Arithmetic.Fused, Layout.Padded, Execution.Vector), integers);
            differences.Add($"{where}, width {width}, compact", Compute(Arithmetic.Separate, Layout.Compact, Execution.Vector), integers);
        });
    }

    /// <summary>The integers of the output, [batch, ...].</summary>
    public int[] Compute(Arithmetic arithmetic, Layout layout, Execution execution)
    {
        using Network network = MakeNetwork(arithmetic, layout, execution);
        float[] samples = Samples();
        int batch = Batch, inputs = samples.Length / batch, outputs = network.Output.Shape.Length;
        for (int sample = 0; sample < batch; sample++)
        {
            samples.AsSpan(sample * inputs, inputs).CopyTo(network.PredictionInput(batch)[(sample * network.InputStride)..]);
        }

        ReadOnlySpan<float> result = network.Predict(batch);
        float[] reals = new float[batch * outputs];
        for (int sample = 0; sample < batch; sample++)
        {
            result.Slice(sample * network.OutputStride, outputs).CopyTo(reals.AsSpan(sample * outputs));
        }

        return Integers(reals);
    }

    /// <summary>The floats of all samples: scale (q - zero point), and the mask.</summary>
    public float[] Samples()
    {
        List<float> samples = [];
        for (int sample = 0; sample < Batch; sample++)
        {
            foreach ((IntegerType type, Shape shape, int[] integers) in Inputs)
            {
                samples.AddRange(integers.Skip(sample * shape.Length).Take(shape.Length).Select(q => type.Scale * (q - type.ZeroPoint)));
            }

            if (Mask is { } mask)
            {
                samples.AddRange(mask.Values.Skip(sample * mask.Shape.Length).Take(mask.Shape.Length).Select(value => (float)value));
            }
        }

        return [.. samples];
    }

    /// <summary>The integers of the output that its floats mean.</summary>
    public int[] Integers(ReadOnlySpan<float> reals)
    {
        int[] q = new int[reals.Length];
        for (int i = 0; i < q.Length; i++)
        {
            q[i] = Output.ZeroPoint + (int)Math.Round((double)reals[i] / Output.Scale, MidpointRounding.ToEven);
        }

        return q;
    }

    /// <summary>The network.</summary>
    public Network MakeNetwork(Arithmetic arithmetic, Layout layout, Execution execution)
    {
        Graph graph = new();
        Shape[] shapes = [.. Inputs.Select(input => input.Shape), .. Mask is { } last ? [last.Shape] : Array.Empty<Shape>()];
        Node floats = graph.Input(shapes.Length == 1 ? shapes[0] : new Shape(shapes.Sum(shape => shape.Length)));
        Node[] nodes = new Node[shapes.Length];
        for (int i = 0, first = 0; i < nodes.Length; first += shapes[i++].Length)
        {
            Node part = nodes.Length == 1 ? floats : graph.Apply(new Reshape(shapes[i]), graph.Apply(new Slice(first, shapes[i].Length), floats));
            nodes[i] = i < Inputs.Length ? graph.Apply(new Quantize(Inputs[i].Type.Bits), part, $"input{i}") : part;
        }

        Node op = Build(graph, nodes);
        Node output = graph.Apply(new Dequantize(), op);
        NetworkOptions options = new() { Batch = Batch, Arithmetic = arithmetic, Layout = layout, Execution = execution, Seed = 1 };
        Network network = new(floats, output, null, options);
        Load(network, op);
        return network;
    }

    private int Batch => Inputs[0].Integers.Length / Inputs[0].Shape.Length;

    private void Load(Network network, Node op)
    {
        Plan plan = network.InferencePlan;
        int parameters = 0, state = 0;
        foreach (ParameterRange range in plan.Parameters)
        {
            range.CopyFrom<float>(Parameters[range.Name[(op.Name.Length + 1)..]], network.Parameters);
            parameters++;
        }

        foreach (StateRange range in plan.State)
        {
            Span<float> values = network.State.Slice(range.Offset, range.Count);
            int input = Array.FindIndex(Inputs, i => range.Name == $"input{Array.IndexOf(Inputs, i)}.range");
            if (input >= 0)
            {
                (values[0], values[1]) = (Inputs[input].Type.Scale, Inputs[input].Type.ZeroPoint);
            }
            else if (range.Name == op.Name + ".range")
            {
                (values[0], values[1]) = (Output.Scale, Output.ZeroPoint);
            }
            else
            {
                State[range.Name[(op.Name.Length + 1)..]].CopyTo(values);
                state++;
            }
        }

        Assert.That((parameters, state), Is.EqualTo((Parameters.Count, State.Count)), $"{op.Name}: parameters and state of the op");
    }
}
