using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Kernels.Integers;
using EmbeddedBackprop.Kernels.Scalar;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Ops.Integer;

namespace EmbeddedBackprop.Tests.Ops;

/// <summary>
/// The backward pass of an integer layer beside that of the float layer, which gets the real values of the integers as inputs and weights, and as
/// dL/dz what this class computes from sums in double: equal bits at every width, in both layouts and arithmetics, also in micro-batches.
/// </summary>
internal sealed class IntegerBackwardRun(int batch, Shape shape, Func<Op> layer, Activation activation)
{
    private const float InputScale = 1f / 110f;
    private const int InputZero = -13, OutputZero = 21;

    private readonly float[] x = Samples.Array(batch * shape.Length, 3);

    /// <summary>Bits of the input.</summary>
    public int InputBits { get; init; } = 8;

    /// <summary>Bits of the output.</summary>
    public int OutputBits { get; init; } = 8;

    /// <summary>The scale of the output: small ones clamp more.</summary>
    public float OutputScale { get; init; } = 1f / 60f;

    /// <summary>Whether the float layer is given dL/dy as it is: a planted fault.</summary>
    public bool ForgetsClamps { get; init; }

    private IntegerType Input => InputBits == 16 ? new(16, InputScale / 200f, 0) : new(8, InputScale, InputZero);

    private IntegerType Output => OutputBits == 16 ? new(16, OutputScale / 200f, 0) : new(8, OutputScale, OutputZero);

    private IntegerType Table => IntegerActivation.FixedIndex(activation) ?? new(8, 1f / 48f, 50);

    private bool HasTable => !IntegerActivation.IsClamp(activation);

    public void CheckEverything()
    {
        foreach (Arithmetic arithmetic in Widths.Arithmetics)
        {
            float[] expected = OfFloats(arithmetic);
            Bits.AssertEqual(OfIntegers(arithmetic, Layout.Compact, Execution.Scalar, [batch]), expected, $"{arithmetic} scalar");
            int[] pieces = batch < 3 ? [batch] : [1, batch - 2, 1];
            Widths.ForEach(width =>
            {
                foreach (Layout layout in new[] { Layout.Padded, Layout.Compact })
                {
                    Bits.AssertEqual(OfIntegers(arithmetic, layout, Execution.Vector, [batch]), expected, $"{arithmetic} {layout} width {width}");
                    Bits.AssertEqual(
                        OfIntegers(arithmetic, layout, Execution.Vector, pieces), expected, $"{arithmetic} {layout} width {width} micro-batches");
                }
            });
        }
    }

    /// <summary>Gradients of parameters and input by the integer layer.</summary>
    private float[] OfIntegers(Arithmetic arithmetic, Layout layout, Execution execution, int[] pieces)
    {
        Graph graph = new();
        Node input = graph.Input(shape);
        Op integer = layer().Quantized(new QuantizeContext([], OutputBits, activation))!;
        Node output = graph.Apply(new Dequantize(), graph.Apply(integer, graph.Apply(new Quantize(InputBits), input), "layer"));
        BackwardPass pass = new(graph, [input], output, arithmetic, layout, execution);
        return pass.Run([x], batch, pieces, memory => SetState(memory.Plan, memory.State));
    }

    /// <summary>The same by the float layer.</summary>
    private float[] OfFloats(Arithmetic arithmetic)
    {
        Graph graph = new();
        Node input = graph.Input(shape);
        Node output = graph.Apply(layer(), input, "layer");
        float[] real = [.. x.Select(value => Input.Scale * Quantize.Centred(value, 1f / Input.Scale, Input))];
        BackwardPass pass = new(graph, [input], output, arithmetic, Layout.Compact, Execution.Scalar);
        return pass.Run([real], batch, [batch], memory =>
        {
            int[] r = Rounded(memory.Plan, input, output, memory.Parameters);
            ParameterRange weight = memory.Plan.Parameters[0];
            foreach (ref float w in memory.Parameters.AsSpan(weight.Offset, weight.Length))
            {
                w = WeightScale * IntegerWeights.Round(w, WeightScale);
            }

            memory.Gradient = Delta(arithmetic, r, memory.Gradient);
        });
    }

    private static float WeightScale => IntegerWeights.Scale(1f, 1f, 1f);

    /// <summary>R of every sum, which double computes exactly from integers that a double plan of the float layer adds.</summary>
    private int[] Rounded(Plan plan, Node input, Node output, float[] parameters)
    {
        double[] integers = new double[plan.ParameterLength], workspace = new double[plan.WorkspaceLength];
        ParameterRange weight = plan.Parameters[0], bias = plan.Parameters[1];
        for (int i = 0; i < weight.Length; i++)
        {
            integers[weight.Offset + i] = IntegerWeights.Round(parameters[weight.Offset + i], WeightScale);
        }

        Span<double> rows = plan.ValueSpan<double>(workspace, input, batch);
        for (int i = 0; i < x.Length; i++)
        {
            rows[i] = Quantize.Centred(x[i], 1f / Input.Scale, Input);
        }

        plan.Forward(new PlanMemory<double>(integers, new double[integers.Length], workspace), RunInfo.Single(batch, training: true));
        float target = HasTable ? OutputBits == 16 ? Table.Scale / 256f : Table.Scale : Output.Scale;
        Multiplier factor = Multiplier.Of((double)Input.Scale * WeightScale / target);
        int positions = output.Shape.Length / bias.Columns;
        int[] r = new int[batch * output.Shape.Length];
        ReadOnlySpan<double> sums = plan.ValueSpan<double>(workspace, output, batch);
        for (int i = 0; i < r.Length; i++)
        {
            float b = parameters[bias.Offset + (i % output.Shape.Length / positions)];
            r[i] = Rounding.R((int)sums[i] + IntegerWeights.Bias(b, Input.Scale, WeightScale), factor.M, factor.Shift);
        }

        return r;
    }

    private float[] Delta(Arithmetic arithmetic, int[] r, float[] dy)
    {
        float[] delta = [.. dy];
        int clamped = 0;
        if (!HasTable)
        {
            (int lowest, int highest) = IntegerActivation.Clamp(activation, Output);
            for (int i = 0; i < r.Length; i++)
            {
                bool outside = r[i] < lowest || r[i] > highest;
                clamped += outside ? 1 : 0;
                delta[i] = outside && !ForgetsClamps ? 0f : dy[i];
            }

            Assert.That(clamped, Is.InRange(1, r.Length - 1), "some values are clamped");
            return delta;
        }

        int unit = OutputBits == 16 ? 256 : 1;
        int low = unit * (-128 - Table.ZeroPoint), high = (unit * (128 - Table.ZeroPoint)) - 1;
        float[] z = [.. r.Select(index => Table.Scale / unit * Math.Clamp(index, low, high))], a = new float[z.Length];
        activation.ForwardScalar(arithmetic, 1, z.Length, z.Length, z, a);
        activation.BackwardScalar(arithmetic, 1, z.Length, z.Length, z, a, delta);
        for (int i = 0; i < r.Length; i++)
        {
            // GELU rises at the upper end of this table with a slope of 1, and is flat at the lower one.
            bool outside = r[i] > high && activation is Activation<Gelu>;
            clamped += outside ? 1 : 0;
            delta[i] = outside && !ForgetsClamps ? 0f : delta[i];
        }

        Assert.That(clamped, Is.InRange(activation is Activation<Gelu> ? 1 : 0, r.Length - 1), "some indices are clamped");
        return delta;
    }

    private void SetState(Plan plan, float[] state)
    {
        foreach (StateRange range in plan.State)
        {
            Span<float> values = state.AsSpan(range.Offset, range.Count);
            switch (range.Name)
            {
                case "quantize1.range":
                    (values[0], values[1]) = (Input.Scale, Input.ZeroPoint);
                    break;
                case "layer.range":
                    (values[0], values[1]) = (Output.Scale, Output.ZeroPoint);
                    break;
                case "layer.table_range":
                    (values[0], values[1]) = (Table.Scale, Table.ZeroPoint);
                    break;
                default:
                    values.Fill(WeightScale);
                    break;
            }
        }
    }
}
