using EmbeddedBackprop.Kernels.Integers;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Ops.Integer;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Ops;

/// <summary>
/// A graph quantize, integer ops, dequantize, with drawn weights and types, and the check that every integer op must pass: at every width, in both
/// layouts and arithmetics its integers are those of the twin, which computes in int and long.
/// </summary>
internal sealed class IntegerRun(int batch, Shape shape, Func<Graph, Node, Node> build)
{
    /// <summary>Bits of the input.</summary>
    public int InputBits { get; init; } = 8;

    /// <summary>The seed of everything that is drawn.</summary>
    public int Seed { get; init; } = 1;

    /// <summary>The factor of all weights: above 1 sums reach further.</summary>
    public float Weights { get; init; } = 1f;

    /// <summary>The share of the largest weights that scales leave out at most: they are clamped.</summary>
    public float Clipping { get; init; } = 0.3f;

    /// <summary>Predictions one after the other, each of the next part of a sample: for ops that carry a state.</summary>
    public int Runs { get; init; } = 1;

    /// <summary>The scale of each output, so that values neither vanish nor all meet the ends.</summary>
    public float OutputScale { get; init; } = 1f / 40f;

    /// <summary>All readings give the twin's integers, and these are neither one value nor only ends.</summary>
    public void CheckEverything()
    {
        float[] expected = Compute(Arithmetic.Fused, Layout.Compact, Execution.Scalar);
        Assert.That(expected.Distinct().Count(), Is.GreaterThan(Math.Min(5, expected.Length / 3)), "the integers say something");
        foreach (Arithmetic arithmetic in Widths.Arithmetics)
        {
            Bits.AssertEqual(Compute(arithmetic, Layout.Padded, Execution.Scalar), expected, $"{arithmetic} padded scalar");
            Widths.ForEach(width =>
            {
                foreach (Layout layout in new[] { Layout.Padded, Layout.Compact })
                {
                    Bits.AssertEqual(Compute(arithmetic, layout, Execution.Vector), expected, $"{arithmetic} {layout} width {width}");
                }
            });
        }
    }

    /// <summary>
    /// The largest distance between the op's real values and those of the float op that it stands for, at the same inputs and with the same weights,
    /// in steps of the output.
    /// </summary>
    public float StepsFrom(Func<Graph, Node, Node> floats)
    {
        float[] both = Compute(Arithmetic.Fused, Layout.Padded, Execution.Vector, floats);
        int length = both.Length / batch / 2;
        float largest = 0;
        for (int i = 0; i < batch * length; i++)
        {
            int at = (i / length * 2 * length) + (i % length);
            largest = Math.Max(largest, Math.Abs(both[at] - both[at + length]) / LastScale);
        }

        return largest;
    }

    /// <summary>The scale of the output in the last run.</summary>
    public float LastScale { get; private set; }

    /// <summary>Steps of a mask, an input of floats with the name mask; 0 for none.</summary>
    public int MaskSteps { get; init; }

    /// <summary>The mask that the op reads.</summary>
    public static Node Mask(Graph graph) => graph.Nodes.First(node => node.Name == "mask");

    /// <summary>The real values of the output, [batch, length]; and after them in each row those of a float op, if one is given.</summary>
    public float[] Compute(Arithmetic arithmetic, Layout layout, Execution execution, Func<Graph, Node, Node>? floats = null)
    {
        Graph graph = new();
        Node input = graph.Input(shape), mask = MaskSteps == 0 ? input : graph.Input(new Shape(MaskSteps), "mask");
        Node quantized = ReadsFloats ? input : graph.Apply(new Quantize(InputBits), input), integers = build(graph, quantized);
        Node output = graph.Apply(new Dequantize(), integers);
        if (floats is not null)
        {
            Node other = floats(graph, ReadsFloats ? input : graph.Apply(new Dequantize(), quantized));
            Shape flat = new(output.Shape.Length);
            output = graph.Apply(new Concat(), graph.Apply(new Reshape(flat), output), graph.Apply(new Reshape(flat), other));
        }

        NetworkOptions options = new() { Batch = batch, Arithmetic = arithmetic, Layout = layout, Execution = execution, Seed = 1 };
        using Network network = new(MaskSteps == 0 ? [input] : [input, mask], [output], [], options);
        Draw(network);
        float[] values = Array.ConvertAll(Samples.Array(batch * shape.Length * Runs, Seed), value => Value(value));
        LastScale = TypeOf(network, integers).Scale;
        for (int sample = 0; sample < batch && MaskSteps > 0; sample++)
        {
            // The first sample's steps all count, no step of the last one does.
            for (int t = 0; t < MaskSteps; t++)
            {
                Span<float> row = network.PredictionInput(mask, batch)[(sample * network.InferencePlan.Stride(mask))..];
                row[t] = sample == batch - 1 ? 0f : (sample + t) % (sample + 2) < 2 ? 1f : 0f;
            }
        }

        int length = output.Shape.Length;
        float[] compact = new float[batch * length * Runs];
        for (int run = 0; run < Runs; run++)
        {
            for (int sample = 0; sample < batch; sample++)
            {
                Span<float> row = network.PredictionInput(batch)[(sample * network.InputStride)..];
                values.AsSpan(((sample * Runs) + run) * shape.Length, shape.Length).CopyTo(row);
            }

            ReadOnlySpan<float> result = network.Predict(batch);
            for (int sample = 0; sample < batch; sample++)
            {
                result.Slice(sample * network.OutputStride, length).CopyTo(compact.AsSpan(((sample * Runs) + run) * length));
            }
        }

        return compact;
    }

    /// <summary>Whether the op reads the input's floats (indices), and not integers.</summary>
    public bool ReadsFloats { get; init; }

    /// <summary>What an input's element is made of a drawn one.</summary>
    public Func<float, float> Value { get; init; } = value => value;

    private static IntegerType TypeOf(Network network, Node node)
    {
        StateRange range = network.InferencePlan.State.ToArray().First(range => range.Name == node.Integers!.Owner.Name + ".range");
        return new TypeRange(node.Integers!.Bits, range.Offset).Read(network.State);
    }

    private void Draw(Network network)
    {
        Plan plan = network.InferencePlan;
        Dictionary<string, float[]> rows = [], parameters = [], states = [];
        foreach (ParameterRange range in plan.Parameters)
        {
            // The same elements in the same order, whatever the padding.
            float[] drawn = Samples.Array(range.Rows * range.Columns, Seed + range.Name.Length + (31 * rows.Count));
            for (int row = 0; row < range.Rows; row++)
            {
                for (int column = 0; column < range.Columns; column++)
                {
                    network.Parameters[range.Offset + (row * range.Stride) + column] = Weights * drawn[(row * range.Columns) + column];
                }
            }

            rows.Add(range.Name, drawn);
            Share(network.Parameters.Slice(range.Offset, range.Length), range.Name, parameters);
        }

        foreach (StateRange range in plan.State)
        {
            Span<float> state = network.State.Slice(range.Offset, range.Count);
            if (range.PerSample || range.Name.EndsWith(".cell_range", StringComparison.Ordinal))
            {
                continue;
            }

            if (range.Name.EndsWith("_scale", StringComparison.Ordinal))
            {
                float[] drawn = Samples.Array(range.Length, Seed + 77);
                for (int i = 0; i < state.Length; i++)
                {
                    state[i] = IntegerWeights.Scale(Weights * (1f - (Clipping * MathF.Abs(drawn[i]))), 0f, 1f);
                }
            }
            else if (range.Name.EndsWith(".table_range", StringComparison.Ordinal))
            {
                (state[0], state[1]) = (1f / 24f, -9f);
            }
            else if (!range.Name.EndsWith(".range", StringComparison.Ordinal))
            {
                float[] drawn = Samples.Array(range.Length, Seed + 99);
                bool variance = range.Name.EndsWith("_var", StringComparison.Ordinal);
                for (int i = 0; i < state.Length; i++)
                {
                    state[i] = variance ? 0.2f + MathF.Abs(drawn[i]) : 0.3f * drawn[i];
                }

                Share(state, range.Name, states);
            }
            else
            {
                bool first = range.Name.StartsWith("quantize", StringComparison.Ordinal);
                int bits = plan.Graph.Nodes.First(node => node.Integers?.Owner.Name + ".range" == range.Name).Integers!.Bits;
                float scale = first ? 1f / 110f : OutputScale;
                (state[0], state[1]) = bits == 16 ? (scale / 200f, 0f) : (scale, first ? -13f : 21f);
            }
        }

        foreach (Node node in plan.Graph.Nodes)
        {
            if (node.Op is IntegerOp op && op.Result.Owner == op
                && op.FixedType([.. node.Inputs.Where(input => input.Integers is not null).Select(input => TypeOf(network, input))]) is { } type)
            {
                StateRange range = plan.State.ToArray().First(range => range.Name == op.Name + ".range");
                (network.State[range.Offset], network.State[range.Offset + 1]) = (type.Scale, type.ZeroPoint);
            }
        }
    }

    /// <summary>A float op has the values of the integer op before it: those whose names are the same after the op's own.</summary>
    private static void Share(Span<float> values, string name, Dictionary<string, float[]> earlier)
    {
        string part = name[name.IndexOf('.', StringComparison.Ordinal)..];
        if (earlier.TryGetValue(part, out float[]? shared) && shared.Length == values.Length)
        {
            shared.CopyTo(values);
        }

        earlier[part] = values.ToArray();
    }
}
