using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Graphs;

/// <summary>Graphs drawn by a seed, run in every way there is: the results must not tell the ways apart.</summary>
[Parallelizable(ParallelScope.Self)]
internal sealed class RandomNetworkTests
{
    /// <summary>
    /// Graphs whose bits every run of the tests compares; the tests of the category Slow, part of continuous integration, compare
    /// <see cref="Thorough"/> more.
    /// </summary>
    private const int Quick = 200;

    private const int Thorough = 2000;

    /// <summary>Graphs whose gradients every run of the tests checks; the Slow ones check <see cref="MoreChecked"/> more.</summary>
    private const int Checked = 1000;

    private const int MoreChecked = 1200;

    [Test]
    public void Every_way_of_running_gives_the_same_bits_in_200_networks() => CheckBits(0, Quick);

    [Test]
    [Category("Slow")]
    public void Every_way_of_running_gives_the_same_bits_in_2000_more_networks() => CheckBits(Quick, Thorough);

    [Test]
    public void Gradients_agree_with_differences_in_1000_networks() => CheckGradients(0, Checked);

    [Test]
    [Category("Slow")]
    public void Gradients_agree_with_differences_in_1200_more_networks() => CheckGradients(Checked, MoreChecked);

    [Test]
    public void An_op_that_hides_what_its_backward_pass_reads_is_caught()
    {
        // The control: such an op's inputs are overwritten too early, and the plan that keeps every value tells.
        int caught = 0;
        for (uint seed = 0; seed < Quick; seed++)
        {
            RandomNetwork net = new(seed, faulty: true);
            Outcome reused = Run(net, Layout.Padded, Execution.Scalar, keepAll: false),
                kept = Run(net, Layout.Padded, Execution.Scalar, keepAll: true);
            caught += Bits.FirstDifference(reused.Gradients, kept.Gradients) >= 0 ? 1 : 0;
        }

        Assert.That(caught, Is.GreaterThan(5));
    }

    private static void CheckBits(uint first, uint count)
    {
        for (uint seed = first; seed < first + count; seed++)
        {
            RandomNetwork net = new(seed);
            Outcome expected = Run(net, Layout.Compact, Execution.Scalar, keepAll: true);
            Assert.That(expected.Loss, Is.Not.NaN, net.ToString());
            expected.AssertSame(Run(net, Layout.Compact, Execution.Scalar), "compact twins");
            expected.AssertSame(Run(net, Layout.Padded, Execution.Scalar), "padded twins");
            Widths.ForEach(width =>
            {
                expected.AssertSame(Run(net, Layout.Compact, Execution.Vector), $"compact, width {width}");
                expected.AssertSame(Run(net, Layout.Padded, Execution.Vector), $"padded, width {width}");
            });
            Plan whole = Plan.ForTraining(net.Graph, net.Options(Layout.Compact), [.. net.Losses], net.Watched);
            if (whole is { SplitsExactly: true, CanSplitBatch: true })
            {
                Layout layout = seed % 2 == 0 ? Layout.Padded : Layout.Compact;
                Outcome pieces = Run(net, layout, Execution.Vector, pieces: 1 + (int)(seed % 5));
                Bits.AssertEqual(pieces.Gradients, expected.Gradients, $"gradients of micro-batches, {net}");
                Bits.AssertEqual(pieces.Loss, expected.Loss, $"loss of micro-batches, {net}");
            }

            expected.AssertSame(Run(net, Layout.Padded, Execution.Vector, change: options => options with { Fuse = false }), "nothing fused");
            expected.AssertSame(
                Run(net, Layout.Compact, Execution.Vector, change: options => options with { Recompute = [.. net.Graph.Nodes] }),
                "everything computed again");
            expected.AssertSame(
                Run(
                    net,
                    Layout.Padded,
                    Execution.Vector,
                    change: options => options with { Recompute = [.. net.Graph.Nodes.Where(node => (node.Index + seed) % 3 > 0)] }),
                "two thirds computed again");
            if (!net.DiffersInTraining)
            {
                CheckInference(net, expected);
            }
        }
    }

    private static void CheckGradients(uint first, uint count)
    {
        // A bias before a batch normalisation has no gradient: only rounding is left. In a random net a gradient may be tiny compared with
        // the loss, whose rounding the differences show: the limits are wider than those for a chosen net.
        GradientCheckOptions options = new() { ElementsPerTensor = 4, DifferenceLimit = 1e-4, FloatLimit = 1e-3 };
        int bare = 0;
        List<double> differences = [], floats = [];
        for (uint seed = first; seed < first + count; seed++)
        {
            RandomNetwork net = new(seed);
            Plan plan = Plan.ForTraining(net.Graph, net.Options(Layout.Padded), [.. net.Losses], net.Watched);
            GradientCheckReport report = GradientCheck.Run(plan, net.Parameters(plan), Present(net, plan), net.Batch, options);
            foreach (GradientCheckRow row in report.Rows)
            {
                bare += row.Checked == 0 ? 1 : 0;
                differences.Add(row.Checked == 0 ? 0 : row.DifferenceError);
                floats.Add(row.FloatError);
                bool right =
                    (row.Checked == 0 || row.DifferenceError <= options.DifferenceLimit)
                    && row.FloatError <= (net.DiffersInTraining ? 10 : 1) * options.FloatLimit;
                Assert.That(right, Is.True, $"{row.Name} of {net}\n{report}");
            }
        }

        differences.Sort();
        floats.Sort();
        TestContext.Out.WriteLine(
            $"{count} graphs, {floats.Count} tensors: double against differences median {differences[differences.Count / 2]:E1}, worst "
            + $"{differences[^1]:E1}; float against double median {floats[floats.Count / 2]:E1}, worst {floats[^1]:E1}");
        Assert.That(bare, Is.LessThan(count / 10), "tensors with nothing but kinks");
    }

    /// <summary>The inference plan gives the training plan's values, a sample alone those it has in a batch.</summary>
    private static void CheckInference(RandomNetwork net, Outcome expected)
    {
        foreach (Layout layout in (Layout[])[Layout.Padded, Layout.Compact])
        {
            Plan plan = Plan.ForInference(net.Graph, net.Options(layout), net.Watched);
            float[] parameters = net.Parameters(plan), workspace = Unwritten(plan.WorkspaceLength);
            Dictionary<Node, float[]> inputs = Present(net, plan);
            Write(plan, workspace, inputs, 0, net.Batch);
            plan.Forward(new PlanMemory<float>(parameters, [], workspace, new float[plan.StateLength]), RunInfo.Single(net.Batch));
            Bits.AssertEqual(Read(plan, workspace, net.Watched, net.Batch), expected.Values, $"inference, {layout}, {net}");
            int last = net.Batch - 1;
            Array.Fill(workspace, float.NaN);
            Write(plan, workspace, inputs, last, 1);
            plan.Forward(new PlanMemory<float>(parameters, [], workspace, new float[plan.StateLength]), RunInfo.Single(1));
            int length = net.Prediction.Shape.Length;
            Bits.AssertEqual(
                Read(plan, workspace, [net.Prediction], 1), expected.Values.AsSpan(last * length, length), $"the last sample alone, {layout}, {net}");
        }
    }

    /// <summary>
    /// Forward and backward pass, the batch in one or several pieces, in a workspace that holds NaN: every element must be written before it is read.
    /// </summary>
    private static Outcome Run(
        RandomNetwork net,
        Layout layout,
        Execution execution,
        bool keepAll = false,
        int pieces = 1,
        Func<PlanOptions, PlanOptions>? change = null)
    {
        Node[] outputs = keepAll ? [.. net.Graph.Nodes.Where(node => node.Op is not Loss)] : net.Watched;
        PlanOptions options = change is null ? net.Options(layout) : change(net.Options(layout));
        Plan plan = Plan.ForTraining(net.Graph, options, [.. net.Losses], outputs);
        float[] gradients = new float[plan.ParameterLength], workspace = Unwritten(plan.WorkspaceLength);
        float[] state = new float[plan.StateLength];
        plan.InitializeState<float>(state);
        PlanMemory<float> memory = new(net.Parameters(plan), gradients, workspace, state);
        Dictionary<Node, float[]> inputs = Present(net, plan);
        int piece = (net.Batch + pieces - 1) / pieces;
        for (int offset = 0; offset < net.Batch; offset += piece)
        {
            int batch = Math.Min(piece, net.Batch - offset);
            Write(plan, workspace, inputs, offset, batch);
            RunInfo run = new(batch, net.Batch, offset, Training: true);
            plan.Forward(in memory, in run, execution);
            plan.Backward(in memory, in run, execution);
        }

        List<float> compact = [];
        foreach (ParameterRange range in plan.Parameters)
        {
            float[] tensor = new float[range.Count];
            range.CopyTo<float>(gradients, tensor);
            compact.AddRange(tensor);
        }

        float[] values = [], inputGradients = [];
        if (pieces == 1)
        {
            values = Read(plan, workspace, net.Watched, net.Batch);
            inputGradients = [.. inputs.Keys.Where(plan.HasGradient).SelectMany(
                node => Columns(plan.GradientSpan<float>(workspace, node, net.Batch), node.Shape.Length, plan.Stride(node), net.Batch))];
        }

        return new Outcome(net, plan.TotalLoss(workspace.AsSpan(), net.Batch), [.. compact], values, inputGradients);
    }

    private static float[] Unwritten(int length)
    {
        float[] memory = new float[length];
        Array.Fill(memory, float.NaN);
        return memory;
    }

    /// <summary>The inputs that the plan reads.</summary>
    private static Dictionary<Node, float[]> Present(RandomNetwork net, Plan plan)
    {
        HashSet<Node> read = [.. plan.Steps.ToArray().SelectMany(step => step.InputNodes), .. plan.Outputs];
        return net.Inputs.Where(pair => read.Contains(pair.Key)).ToDictionary();
    }

    private static void Write(Plan plan, float[] workspace, Dictionary<Node, float[]> inputs, int first, int batch)
    {
        foreach ((Node node, float[] values) in inputs)
        {
            int length = node.Shape.Length, stride = plan.Stride(node);
            Span<float> rows = plan.ValueSpan<float>(workspace, node, batch);
            for (int row = 0; row < batch; row++)
            {
                values.AsSpan((first + row) * length, length).CopyTo(rows[(row * stride)..]);
            }
        }
    }

    private static float[] Read(Plan plan, float[] workspace, Node[] nodes, int batch) =>
        [.. nodes.SelectMany(node => Columns(plan.ValueSpan<float>(workspace, node, batch), node.Shape.Length, plan.Stride(node), batch))];

    private static float[] Columns(ReadOnlySpan<float> rows, int columns, int stride, int count)
    {
        float[] values = new float[count * columns];
        for (int row = 0; row < count; row++)
        {
            rows.Slice(row * stride, columns).CopyTo(values.AsSpan(row * columns));
        }

        return values;
    }

    private sealed record Outcome(RandomNetwork Net, float Loss, float[] Gradients, float[] Values, float[] InputGradients)
    {
        public void AssertSame(Outcome other, string way)
        {
            Bits.AssertEqual(other.Values, Values, $"values, {way}, {Net}");
            Bits.AssertEqual(other.Loss, Loss, $"loss, {way}, {Net}");
            Bits.AssertEqual(other.Gradients, Gradients, $"gradients, {way}, {Net}");
            Bits.AssertEqual(other.InputGradients, InputGradients, $"input gradients, {way}, {Net}");
        }
    }
}
