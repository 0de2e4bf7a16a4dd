using EmbeddedBackprop.Kernels.Integers;
using EmbeddedBackprop.Kernels.Scalar;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Ops.Integer;
using Gates = EmbeddedBackprop.Kernels.Scalar.IntegerGates;

namespace EmbeddedBackprop.Tests.Ops;

/// <summary>
/// The backward pass of a recurrent layer on integers beside that of the float layer, which gets the real values of inputs and weights and, in the
/// place of what its forward pass has kept, those of gates, states and cells that this class computes unit by unit: equal bits at every width.
/// </summary>
internal sealed class IntegerRecurrentBackwardRun(int batch, Shape shape, Func<Recurrent> layer)
{
    private const float WeightFactor = 0.7f;

    /// <summary>Bits of the input.</summary>
    public int InputBits { get; init; } = 8;

    /// <summary>What a step of the input means; a large one clamps products.</summary>
    public float InputScale { get; init; } = 1f / 110f;

    /// <summary>Whether sequences have different lengths.</summary>
    public bool Masked { get; init; }

    /// <summary>Whether the float layer keeps the gates that it has computed itself: a planted fault.</summary>
    public bool KeepsFloats { get; init; }

    private float[] X => [.. Samples.Array(batch * shape.Length, 3).Select(value => 110f * InputScale * value)];

    private float[] Mask => [.. Enumerable.Range(0, batch * shape[0]).Select(i => i % shape[0] < 1 + (i / shape[0] * 2 % shape[0]) ? 1f : 0f)];

    private IntegerType Input => InputBits == 16 ? new(16, InputScale / 200f, 0) : new(8, InputScale, -13);

    private static float WeightScale => IntegerWeights.Scale(1f, 1f, 1f);

    private const float ReluScale = 1f / 2000f, CellScale = 1f / 8192f;

    public void CheckEverything()
    {
        foreach (Arithmetic arithmetic in Widths.Arithmetics)
        {
            float[] expected = OfFloats(arithmetic).Gradients;
            Assert.That(expected.Distinct().Count(), Is.GreaterThan(3));
            Bits.AssertEqual(OfIntegers(arithmetic, Layout.Compact, Execution.Scalar), expected, $"{arithmetic} scalar");
            Bits.AssertEqual(OfIntegers(arithmetic, Layout.Padded, Execution.Scalar), expected, $"{arithmetic} padded scalar");
            CheckWidths(arithmetic, expected);
        }
    }

    /// <summary>The gradients are those of the twin at every width, whatever was clamped.</summary>
    public void CheckWidths(Arithmetic arithmetic, float[] expected) => Widths.ForEach(width =>
    {
        foreach (Layout layout in new[] { Layout.Padded, Layout.Compact })
        {
            Bits.AssertEqual(OfIntegers(arithmetic, layout, Execution.Vector), expected, $"{arithmetic} {layout} width {width}");
        }
    });

    /// <summary>Gradients of parameters and input by the integer layer.</summary>
    public float[] OfIntegers(Arithmetic arithmetic, Layout layout, Execution execution)
    {
        Graph graph = new();
        Node input = graph.Input(shape);
        Node mask = graph.Input(new Shape(shape[0]), "mask"), quantized = graph.Apply(new Quantize(InputBits), input);
        IntegerRecurrent op = new(layer());
        Node output = graph.Apply(new Dequantize(), Masked ? graph.Apply(op, [quantized, mask], "layer") : graph.Apply(op, quantized, "layer"));
        BackwardPass pass = new(graph, [input], output, arithmetic, layout, execution) { Mask = Masked ? (mask, Mask) : null };
        return pass.Run([X], batch, [batch], memory =>
        {
            Shrink(memory);
            foreach (StateRange range in memory.Plan.State)
            {
                Span<float> values = memory.State.AsSpan(range.Offset, range.Count);
                switch (range.Name)
                {
                    case "quantize1.range":
                        (values[0], values[1]) = (Input.Scale, Input.ZeroPoint);
                        break;
                    case "layer.range":
                        values[0] = IsRelu ? ReluScale : 1f / 32768f;
                        break;
                    case "layer.cell_range":
                        values[0] = CellScale;
                        break;
                    default:
                        values.Fill(WeightScale);
                        break;
                }
            }
        });
    }

    /// <summary>The same by the float layer, also tensor by tensor; and of each step's products which were clamped.</summary>
    public (float[] Gradients, Dictionary<string, float[]> Tensors, bool[] Clamped) OfFloats(Arithmetic arithmetic)
    {
        Graph graph = new();
        Node input = graph.Input(shape), mask = graph.Input(new Shape(shape[0]), "mask");
        Recurrent op = layer();
        Node output = Masked ? graph.Apply(op, [input, mask], "layer") : graph.Apply(op, input, "layer");
        float[] real = [.. X.Select(value => Input.Scale * Quantize.Centred(value, 1f / Input.Scale, Input))];
        BackwardPass pass = new(graph, [input], output, arithmetic, Layout.Compact, Execution.Scalar) { Mask = Masked ? (mask, Mask) : null };
        bool[] clamped = [];
        Dictionary<string, (int First, int Count)> tensors = [];
        float[] gradients = pass.Run([real], batch, [batch], memory =>
        {
            Shrink(memory);
            float[] parameters = [.. memory.Parameters];
            foreach (ParameterRange range in memory.Plan.Parameters)
            {
                foreach (ref float w in memory.Parameters.AsSpan(range.Offset, range.Kind == ParameterKind.Weight ? range.Length : 0))
                {
                    w = WeightScale * IntegerWeights.Round(w, WeightScale);
                }
            }

            Slot saved = memory.Plan.Steps.ToArray().Single(step => step.Op == op).Saved;
            if (!KeepsFloats)
            {
                memory.BeforeBackward = workspace => clamped = Keep(op, memory.Plan, parameters, workspace.AsSpan(saved.Offset, saved.Length));
            }

            int first = 0;
            foreach (ParameterRange range in memory.Plan.Parameters)
            {
                tensors.Add(range.Name, (first, range.Count));
                first += range.Count;
            }
        });
        return (gradients, tensors.ToDictionary(pair => pair.Key, pair => gradients.AsSpan(pair.Value.First, pair.Value.Count).ToArray()), clamped);
    }

    private bool IsRelu => layer() is Rnn { Function: RecurrentFunction.Relu };

    private static void Shrink(BackwardPass.Memory memory)
    {
        foreach (ref float w in memory.Parameters.AsSpan())
        {
            w *= WeightFactor;
        }
    }

    /// <summary>Computes all steps on integers and writes the real values of what a float layer keeps.</summary>
    private bool[] Keep(Recurrent op, Plan plan, float[] parameters, Span<float> saved)
    {
        RecurrentSizes sizes = new(op, batch, Layout.Compact);
        List<bool> clamped = [];
        for (int direction = 0; direction < op.Directions; direction++)
        {
            Span<float> rest = saved[(int)(direction * sizes.Saved)..];
            Span<float> gates = rest[..(int)sizes.SavedGates], hidden = rest.Slice((int)sizes.SavedGates, (int)sizes.SavedHidden);
            Span<float> cells = op.HasCell ? rest.Slice(gates.Length + hidden.Length, hidden.Length) : [];
            Span<float> tanhs = op.HasCell ? rest.Slice(gates.Length + (2 * hidden.Length), (int)sizes.SavedTanh) : [];
            for (int b = 0; b < batch; b++)
            {
                int[] h = new int[op.Hidden], c = new int[op.Hidden];
                hidden.Slice(((op.Steps * batch) + b) * sizes.HiddenStride, op.Hidden).Clear();
                if (op.HasCell)
                {
                    cells.Slice(((op.Steps * batch) + b) * sizes.HiddenStride, op.Hidden).Clear();
                }

                for (int s = 0; s < op.Steps; s++)
                {
                    int time = direction == 0 ? s : op.Steps - 1 - s, block = ((op.Steps - 1 - s) * batch) + b;
                    if (!Masked || Mask[(b * op.Steps) + time] > 0)
                    {
                        int[] q = [.. X.Skip((b * shape.Length) + (time * op.Features)).Take(op.Features)
                            .Select(value => (int)Quantize.Centred(value, 1f / Input.Scale, Input))];
                        int[] input = Product(plan, parameters, 4 * direction, q, Input.Scale, clamped);
                        int[] recurrent = Product(plan, parameters, (4 * direction) + 1, h, IsRelu ? ReluScale : 1f / 32768f, clamped);
                        Span<float> tanh = op.HasCell ? tanhs[(block * sizes.HiddenStride)..] : [];
                        Step(op, input, recurrent, h, c, gates[(block * sizes.GateStride)..], tanh);
                    }

                    for (int j = 0; j < op.Hidden; j++)
                    {
                        hidden[(block * sizes.HiddenStride) + j] = (IsRelu ? ReluScale : 1f / 32768f) * h[j];
                        if (op.HasCell)
                        {
                            cells[(block * sizes.HiddenStride) + j] = CellScale * c[j];
                        }
                    }
                }
            }
        }

        return [.. clamped];
    }

    /// <summary>R of b + x W, clamped to 16 bits.</summary>
    private int[] Product(Plan plan, float[] parameters, int tensor, int[] q, float scale, List<bool> clamped)
    {
        ParameterRange weights = plan.Parameters[tensor], bias = plan.Parameters[tensor + 2];
        Multiplier factor = Multiplier.Of((double)scale * WeightScale / (IsRelu ? ReluScale : 1f / 2048f));
        int[] products = new int[bias.Columns];
        for (int j = 0; j < products.Length; j++)
        {
            int sum = IntegerWeights.Bias(parameters[bias.Offset + j], scale, WeightScale);
            for (int i = 0; i < q.Length; i++)
            {
                sum += q[i] * IntegerWeights.Round(parameters[weights.Offset + (i * weights.Stride) + j], WeightScale);
            }

            int r = Rounding.R(sum, factor.M, factor.Shift);
            products[j] = Math.Clamp(r, -32768, 32767);
            clamped.Add(r != products[j]);
        }

        return products;
    }

    private static void Step(Recurrent op, int[] p, int[] q, int[] h, int[] c, Span<float> gates, Span<float> tanhs)
    {
        int n = op.Hidden;
        for (int j = 0; j < n; j++)
        {
            float Real(int value) => value / 32768f;
            int Sum(int gate) => p[(gate * n) + j] + q[(gate * n) + j];
            switch (op)
            {
                case Gru:
                    int r = Gates.Gate(Sum(0)), z = Gates.Gate(Sum(1)), hn = q[(2 * n) + j];
                    int added = Gates.Tanh(p[(2 * n) + j] + (((r * hn) + 16384) >> 15));
                    h[j] = added + (((z * (h[j] - added)) + 16384) >> 15);
                    (gates[j], gates[n + j], gates[(2 * n) + j], gates[(3 * n) + j]) = (Real(r), Real(z), Real(added), hn / 2048f);
                    break;
                case Lstm:
                    const int K = 2; // cells in Q13
                    (h[j], c[j]) = Gates.Lstm(Sum(0), Sum(1), Sum(2), Sum(3), c[j], K);
                    (gates[j], gates[n + j]) = (Real(Gates.Gate(Sum(0))), Real(Gates.Gate(Sum(1))));
                    (gates[(2 * n) + j], gates[(3 * n) + j]) = (Real(Gates.Tanh(Sum(2))), Real(Gates.Gate(Sum(3))));
                    tanhs[j] = Real(Gates.Tanh(Math.Clamp(((c[j] << K) + 8) >> 4, -32768, 32767)));
                    break;
                default:
                    h[j] = op is Rnn { Function: RecurrentFunction.Relu } ? Math.Clamp(Sum(0), 0, 32767) : Gates.Tanh(Sum(0));
                    break;
            }
        }
    }
}
