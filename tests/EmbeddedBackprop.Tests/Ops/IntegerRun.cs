using EmbeddedBackprop.Kernels.Integers;
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

    /// <summary>The real values of the output, [batch, length].</summary>
    public float[] Compute(Arithmetic arithmetic, Layout layout, Execution execution)
    {
        Graph graph = new();
        Node input = graph.Input(shape);
        Node output = graph.Apply(new Dequantize(), build(graph, graph.Apply(new Quantize(InputBits), input)));
        NetworkOptions options = new() { Batch = batch, Arithmetic = arithmetic, Layout = layout, Execution = execution, Seed = 1 };
        using Network network = new(input, output, null, options);
        Draw(network);
        float[] values = Samples.Array(batch * shape.Length, Seed);
        for (int sample = 0; sample < batch; sample++)
        {
            values.AsSpan(sample * shape.Length, shape.Length).CopyTo(network.PredictionInput(batch)[(sample * network.InputStride)..]);
        }

        ReadOnlySpan<float> result = network.Predict(batch);
        int length = output.Shape.Length;
        float[] compact = new float[batch * length];
        for (int sample = 0; sample < batch; sample++)
        {
            result.Slice(sample * network.OutputStride, length).CopyTo(compact.AsSpan(sample * length));
        }

        return compact;
    }

    private void Draw(Network network)
    {
        Plan plan = network.InferencePlan;
        Dictionary<string, float[]> rows = [];
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
        }

        foreach (StateRange range in plan.State)
        {
            Span<float> state = network.State.Slice(range.Offset, range.Count);
            if (range.Name.EndsWith(".weight_scale", StringComparison.Ordinal))
            {
                float[] drawn = Samples.Array(range.Length, Seed + 77);
                for (int i = 0; i < state.Length; i++)
                {
                    state[i] = IntegerWeights.Scale(Weights * (1f - (0.3f * MathF.Abs(drawn[i]))), 0f, 1f);
                }
            }
            else if (range.Name.EndsWith(".table_range", StringComparison.Ordinal))
            {
                (state[0], state[1]) = (1f / 24f, -9f);
            }
            else
            {
                bool first = range.Name.StartsWith("quantize", StringComparison.Ordinal);
                int bits = plan.Graph.Nodes.First(node => node.Integers?.Owner.Name + ".range" == range.Name).Integers!.Bits;
                float scale = first ? 1f / 110f : OutputScale;
                (state[0], state[1]) = bits == 16 ? (scale / 200f, 0f) : (scale, first ? -13f : 21f);
            }
        }
    }
}
