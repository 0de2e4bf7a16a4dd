using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Ops.Integer;

namespace EmbeddedBackprop.Tests.Ops;

/// <summary>
/// The backward pass of an integer op without weights beside that of the float op, which gets the real values of the integers as inputs, and as
/// gradient dL/dy or, where the integer op ends in ReLU, dL/dy where the same op without ReLU gave no value below 0.
/// </summary>
internal sealed class IntegerOpBackwardRun(int batch, Shape shape, int inputs, Func<Op> op)
{
    private static readonly IntegerType[] Types = [new(8, 1f / 110f, -13), new(8, 1f / 100f, 5), new(8, 1f / 120f, 0)];

    private readonly float[][] x = [.. Enumerable.Range(0, inputs).Select(i => Samples.Array(batch * shape.Length, 3 + i))];

    /// <summary>The output's type.</summary>
    public IntegerType Output { get; init; } = new(8, 1f / 30f, 21);

    /// <summary>Whether the float op's backward pass reads its outputs: they become the real values of the integers.</summary>
    public bool ReadsOutputs { get; init; }

    /// <summary>Whether a batch comes in one piece only.</summary>
    public bool WholeBatch { get; init; }

    /// <summary>Whether the float op forgets that its running values, or the real values of its outputs, are those of the integers.</summary>
    public bool IsWrong { get; init; }

    public void CheckEverything(bool relu)
    {
        foreach (Arithmetic arithmetic in Widths.Arithmetics)
        {
            float[] expected = OfFloats(arithmetic, relu);
            Assert.That(expected.Distinct().Count(), Is.GreaterThan(3));
            Bits.AssertEqual(OfIntegers(arithmetic, Layout.Compact, Execution.Scalar, [batch], relu).Gradients, expected, $"{arithmetic} scalar");
            int[] pieces = [1, batch - 2, 1];
            Widths.ForEach(width =>
            {
                foreach (Layout layout in new[] { Layout.Padded, Layout.Compact })
                {
                    foreach (int[] parts in WholeBatch ? [[batch]] : new[] { [batch], pieces })
                    {
                        float[] actual = OfIntegers(arithmetic, layout, Execution.Vector, parts, relu).Gradients;
                        Bits.AssertEqual(actual, expected, $"{arithmetic} {layout} width {width}, {parts.Length} parts");
                    }
                }
            });
        }
    }

    private (float[] Gradients, List<float> Output) OfIntegers(
        Arithmetic arithmetic, Layout layout, Execution execution, int[] pieces, bool relu)
    {
        Graph graph = new();
        Node[] nodes = [.. x.Select((_, i) => graph.Input(shape, $"x{i}"))];
        Node[] integers = [.. nodes.Select(node => graph.Apply(new Quantize(8), node))];
        QuantizeContext context = new([.. integers.Select(node => node.Integers!)], Output.Bits, relu ? new Activation<Relu>() : null);
        Op bound = op();
        Graph floats = new();
        _ = floats.Apply(bound, [.. x.Select((_, i) => floats.Input(shape, $"x{i}"))]);
        Node output = graph.Apply(new Dequantize(), graph.Apply(bound.Quantized(in context)!, integers, "op"));
        BackwardPass pass = new(graph, nodes, output, arithmetic, layout, execution);
        List<float> result = [];
        float[] gradients = pass.Run(x, batch, pieces, memory =>
        {
            foreach (StateRange range in memory.Plan.State)
            {
                if (!range.Name.EndsWith(".range", StringComparison.Ordinal))
                {
                    Running(range, memory.State);
                    continue;
                }

                IntegerType type = range.Name == "op.range" ? Output : Types[range.Name["quantize".Length] - '1'];
                (memory.State[range.Offset], memory.State[range.Offset + 1]) = (type.Scale, type.ZeroPoint);
            }

            result = memory.Output;
        });
        return (gradients, result);
    }

    private float[] OfFloats(Arithmetic arithmetic, bool relu)
    {
        List<float> linear = OfIntegers(arithmetic, Layout.Compact, Execution.Scalar, [batch], relu: false).Output;
        Graph graph = new();
        Node[] nodes = [.. x.Select((_, i) => graph.Input(shape, $"x{i}"))];
        Node output = graph.Apply(op(), nodes, "op");
        float[][] real = [.. x.Select((values, i) => values.Select(value => Real(value, Types[i])).ToArray())];
        return new BackwardPass(graph, nodes, output, arithmetic, Layout.Compact, Execution.Scalar) { Training = IsWrong && !ReadsOutputs }.Run(
            real, batch, [batch], memory =>
            {
                memory.Gradient = [.. memory.Gradient.Select((dy, i) => relu && linear[i] < 0f ? 0f : dy)];
                foreach (StateRange range in memory.Plan.State)
                {
                    Running(range, memory.State);
                }

                if (ReadsOutputs && !IsWrong)
                {
                    memory.BeforeBackward = workspace => linear.ToArray().CopyTo(memory.Plan.ValueSpan<float>(workspace, output, batch));
                }
            });
    }

    /// <summary>Running means and variances of a normalisation.</summary>
    private static void Running(StateRange range, float[] state)
    {
        float[] drawn = Samples.Array(range.Count, 21);
        for (int i = 0; i < drawn.Length; i++)
        {
            state[range.Offset + i] = range.Name.EndsWith("_var", StringComparison.Ordinal) ? 0.6f + MathF.Abs(drawn[i]) : 0.3f * drawn[i];
        }
    }

    private static float Real(float value, IntegerType type) => type.Scale * Quantize.Centred(value, 1f / type.Scale, type);
}
