using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Ops;

/// <summary>A small graph with one input and one loss, and every check that an op must pass: bits, layouts, micro-batches, gradients.</summary>
internal sealed class GraphRun
{
    private readonly int batch;
    private readonly Shape shape;
    private readonly Func<Graph, Node, Node> build;
    private readonly Func<Loss> loss;

    public GraphRun(int batch, int inputs, Func<Graph, Node, Node> build, Func<Loss>? loss = null)
        : this(batch, new Shape(inputs), build, loss)
    {
    }

    public GraphRun(int batch, Shape shape, Func<Graph, Node, Node> build, Func<Loss>? loss = null)
    {
        this.batch = batch;
        this.shape = shape;
        this.build = build;
        this.loss = loss ?? (() => new Loss<Quadratic>());
    }

    /// <summary>The input's values, [batch, length]; drawn unless given (indices of an embedding, for example).</summary>
    public float[]? Values { get; init; }

    /// <summary>The values of further inputs of the graph (masks), by name, [batch, length].</summary>
    public IReadOnlyDictionary<string, float[]> Further { get; init; } = new Dictionary<string, float[]>();

    /// <summary>False where the gradient is cut on purpose: difference quotients then tell something else.</summary>
    public bool ChecksGradient { get; init; } = true;

    /// <summary>Limits of the gradient check.</summary>
    public GradientCheckOptions Limits { get; init; } = new();

    private int Inputs => shape.Length;

    /// <summary>Scalar and vector, every width, both layouts, both arithmetics, micro-batches: the same bits. Then the gradient check.</summary>
    public void CheckEverything()
    {
        foreach (Arithmetic arithmetic in Widths.Arithmetics)
        {
            float[] expected = Compute(arithmetic, Layout.Compact, Execution.Scalar, [batch]);
            Bits.AssertEqual(Compute(arithmetic, Layout.Padded, Execution.Scalar, [batch]), expected, $"{arithmetic} padded scalar");
            Plan plan = Compile(arithmetic, Layout.Compact, inputGradients: false).Plan;
            int[] pieces = !plan.CanSplitBatch ? [batch] : batch == 1 ? [1] : batch == 2 ? [1, 1] : [1, batch - 2, 1];
            float[] split = Compute(arithmetic, Layout.Compact, Execution.Scalar, pieces);
            if (Array.Exists(plan.Steps.ToArray(), step => step.Op.SplitsToRounding))
            {
                Assert.That(
                    split,
                    Is.EqualTo(expected).Within(1e-6f * Math.Max(1f, expected.Max(MathF.Abs))),
                    $"{arithmetic} scalar micro-batches, to rounding");
            }
            else
            {
                Bits.AssertEqual(split, expected, $"{arithmetic} scalar micro-batches");
            }

            Widths.ForEach(width =>
            {
                foreach (Layout layout in new[] { Layout.Padded, Layout.Compact })
                {
                    Bits.AssertEqual(Compute(arithmetic, layout, Execution.Vector, [batch]), expected, $"{arithmetic} {layout} width {width}");
                    Bits.AssertEqual(
                        Compute(arithmetic, layout, Execution.Vector, pieces), split, $"{arithmetic} {layout} width {width} micro-batches");
                }
            });
            if (!ChecksGradient)
            {
                continue;
            }

            GradientCheckReport report = CheckGradient(arithmetic);
            Assert.That(report.Passed, Is.True, report.ToString());
        }
    }

    public GradientCheckReport CheckGradient(Arithmetic arithmetic)
    {
        Compiled c = Compile(arithmetic, Layout.Padded, inputGradients: true);
        (float[] x, float[] y) = Data(c);
        Dictionary<Node, float[]> inputs = new() { [c.Input] = x, [c.Target] = y };
        foreach (Node node in FurtherInputs(c))
        {
            inputs[node] = Further[node.Name];
        }

        return GradientCheck.Run(c.Plan, Parameters(c.Plan), inputs, batch, Limits);
    }

    /// <summary>The loss, all gradients of the parameters in compact order and the state, from one logical batch in pieces.</summary>
    private float[] Compute(Arithmetic arithmetic, Layout layout, Execution execution, int[] pieces)
    {
        Compiled c = Compile(arithmetic, layout, inputGradients: false);
        (float[] x, float[] y) = Data(c);
        float[] parameters = Parameters(c.Plan),
            gradients = new float[c.Plan.ParameterLength],
            workspace = new float[c.Plan.WorkspaceLength],
            state = new float[c.Plan.StateLength];
        c.Plan.InitializeState<float>(state);
        // The contents of fresh memory and of padding must not matter.
        gradients.AsSpan().Fill(3f);
        workspace.AsSpan().Fill(-5f);
        int first = 0, outputs = c.Target.Shape.Length;
        foreach (int count in pieces)
        {
            Write(c, workspace, c.Input, x[(first * Inputs)..((first + count) * Inputs)], count);
            Write(c, workspace, c.Target, y[(first * outputs)..((first + count) * outputs)], count);
            foreach (Node node in FurtherInputs(c))
            {
                Write(c, workspace, node, Further[node.Name][(first * node.Shape.Length)..((first + count) * node.Shape.Length)], count);
            }

            RunInfo run = new(count, batch, first, Training: true);
            PlanMemory<float> memory = new(parameters, gradients, workspace, state);
            c.Plan.Forward(in memory, in run, execution);
            c.Plan.Backward(in memory, in run, execution);
            first += count;
        }

        List<float> result = [c.Loss.Value(c.Plan.LossParts<float>(workspace), batch)];
        foreach (ParameterRange range in c.Plan.Parameters)
        {
            float[] tensor = new float[range.Count];
            range.CopyTo<float>(gradients, tensor);
            result.AddRange(tensor);
        }

        foreach (StateRange range in c.Plan.State)
        {
            result.AddRange(state.AsSpan(range.Offset, range.Count));
        }

        return [.. result];
    }

    private Compiled Compile(Arithmetic arithmetic, Layout layout, bool inputGradients)
    {
        Graph graph = new();
        Node input = graph.Input(shape);
        Node output = build(graph, input);
        Node target = graph.Input(output.Shape, "target");
        Loss judge = loss();
        PlanOptions options = new() { Batch = batch, Arithmetic = arithmetic, Layout = layout, InputGradients = inputGradients };
        return new Compiled(Plan.ForTraining(graph, options, graph.Apply(judge, output, target)), input, target, judge);
    }

    private (float[] X, float[] Y) Data(Compiled c) =>
        (
            Values ?? Samples.Array(batch * Inputs, batch + Inputs),
            [.. Samples.Array(batch * c.Target.Shape.Length, 77).Select(y => 0.5f + (0.5f * y))]);

    private static IEnumerable<Node> FurtherInputs(Compiled c) =>
        c.Plan.Graph.Nodes.Where(node => node.Op is null && node != c.Input && node != c.Target);

    private static void Write(Compiled c, float[] workspace, Node node, float[] values, int count) =>
        Golden.GoldenRows.Write(values, node.Shape.Length, c.Plan.ValueSpan<float>(workspace, node, count), c.Plan.Stride(node));

    /// <summary>The same values in both layouts, scaled so that sums stay of order 1.</summary>
    private static float[] Parameters(Plan plan)
    {
        float[] parameters = new float[plan.ParameterLength];
        int seed = 1;
        foreach (ParameterRange range in plan.Parameters)
        {
            float scale = 1f / MathF.Sqrt(range.FanIn);
            range.CopyFrom<float>([.. Samples.Array(range.Count, seed++).Select(w => 1.5f * scale * w)], parameters);
        }

        return parameters;
    }

    private sealed record Compiled(Plan Plan, Node Input, Node Target, Loss Loss);
}
