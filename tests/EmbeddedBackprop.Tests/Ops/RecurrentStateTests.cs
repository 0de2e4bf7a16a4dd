using EmbeddedBackprop.Kernels.Threads;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Tests.Ops;

/// <summary>Recurrent layers: state carried from run to run, masks, truncation, and no allocation.</summary>
internal sealed class RecurrentStateTests
{
    private const int Batch = 3, Features = 4, Hidden = 6, Steps = 6;

    private static readonly string[] Kinds = RecurrentTests.Kinds;

    private static readonly float[] Sequence = Samples.Array(Batch * Steps * Features, 5);

    [Test]
    public void Windows_with_carried_state_give_the_bits_of_the_whole_sequence(
        [ValueSource(nameof(Kinds))] string kind, [Values(1, 2, 3)] int window, [Values] Execution execution, [Values] Layout layout)
    {
        float[] whole = Net(kind, Steps, new() { AllSteps = true }, layout).Forward(execution, Sequence);
        RecurrentNet windows = Net(kind, window, new() { AllSteps = true, CarryState = true }, layout);
        for (int begin = 0; begin < Steps; begin += window)
        {
            Bits.AssertEqual(
                windows.Forward(execution, Window(Sequence, Features, begin, window)),
                Window(whole, Hidden, begin, window),
                $"{kind} from step {begin}");
        }

        // Another sequence begins anew only after a reset.
        float[] first = Window(Sequence, Features, 0, window), expected = Window(whole, Hidden, 0, window);
        Assert.That(windows.Forward(execution, first), Is.Not.EqualTo(expected));
        windows.Plan.ResetState<float>(windows.State);
        Bits.AssertEqual(windows.Forward(execution, first), expected, $"{kind} after a reset");
    }

    [Test]
    public void Truncation_is_the_sum_over_windows_with_carried_state([ValueSource(nameof(Kinds))] string kind, [Values(1, 2, 3)] int window)
    {
        float[] y = Samples.Array(Batch * Steps * Hidden, 8);
        RecurrentNet whole = Net(kind, Steps, new() { AllSteps = true, TruncateEvery = window });
        whole.Train(Execution.Vector, y, Sequence);
        RecurrentNet windows = Net(kind, window, new() { AllSteps = true, CarryState = true });
        float[] sum = new float[windows.Gradients.Length];
        for (int begin = 0; begin < Steps; begin += window)
        {
            windows.Train(Execution.Vector, Window(y, Hidden, begin, window), Window(Sequence, Features, begin, window));
            Elementwise.Add(sum, windows.Gradients, sum);
            // A window's inputs have the same gradient in both: bits, as no chain runs over a window's end.
            Bits.AssertEqual(windows.InputGradient(0), Window(whole.InputGradient(0), Features, begin, window), $"{kind} input from step {begin}");
        }

        Assert.That(sum, Is.EqualTo(whole.Gradients).Within(1e-5f));
        RecurrentNet untruncated = Net(kind, Steps, new() { AllSteps = true });
        untruncated.Train(Execution.Vector, y, Sequence);
        Assert.That(untruncated.Gradients, Is.Not.EqualTo(whole.Gradients).Within(1e-3f));
    }

    [Test]
    public void A_masked_end_gives_the_bits_of_a_shorter_sequence(
        [ValueSource(nameof(Kinds))] string kind, [Values] bool bidirectional, [Values] Execution execution)
    {
        const int Short = 4;
        RecurrentOptions options = new() { Bidirectional = bidirectional };
        float[] y = Samples.Array(Batch * Hidden * (bidirectional ? 2 : 1), 8),
            mask = [.. Enumerable.Range(0, Batch * Steps).Select(i => i % Steps < Short ? 1f : 0f)];
        RecurrentNet brief = Net(kind, Short, options),
            masked = Net(kind, Steps, options, masked: true);
        brief.Train(execution, y, Window(Sequence, Features, 0, Short));
        masked.Train(execution, y, Sequence, mask);
        Bits.AssertEqual(
            masked.Forward(execution, Sequence, mask), brief.Forward(execution, Window(Sequence, Features, 0, Short)), $"{kind} output");
        Bits.AssertEqual(masked.Gradients, brief.Gradients, $"{kind} gradients");
        masked.Train(execution, y, Sequence, mask);
        brief.Train(execution, y, Window(Sequence, Features, 0, Short));
        float[] gradient = masked.InputGradient(0);
        Bits.AssertEqual(Window(gradient, Features, 0, Short), brief.InputGradient(0), $"{kind} input gradient");
        Assert.That(Window(gradient, Features, Short, Steps - Short), Is.All.EqualTo(0f));
    }

    [Test]
    public void A_pool_of_threads_changes_no_bit([ValueSource(nameof(Kinds))] string kind)
    {
        float[] y = Samples.Array(Batch * Hidden, 8);
        RecurrentNet alone = Net(kind, Steps, new()), shared = Net(kind, Steps, new());
        alone.Train(Execution.Vector, y, Sequence);
        using WorkerPool pool = new(3) { MinimumWork = 0 };
        using (WorkerPool.Lend(pool))
        {
            shared.Train(Execution.Vector, y, Sequence);
        }

        Bits.AssertEqual(shared.Gradients, alone.Gradients, kind);
    }

    [Test]
    public void A_step_allocates_nothing([ValueSource(nameof(Kinds))] string kind, [Values] bool bidirectional, [Values] bool allSteps)
    {
        RecurrentNet net = Net(
            kind,
            Steps,
            new()
            {
                AllSteps = allSteps,
                Bidirectional = bidirectional,
                CarryState = !bidirectional,
                TruncateEvery = 4,
            },
            masked: true);
        Assert.That(Allocations.Of(20, net.Again), Is.Zero);
    }

    [Test]
    public void An_inference_plan_needs_little_memory_and_gives_the_same_bits([ValueSource(nameof(Kinds))] string kind)
    {
        Graph graph = new();
        Node x = graph.Input(new Shape(Steps, Features)), h = graph.Apply(RecurrentTests.Layer(kind, Hidden, new() { AllSteps = true }), x);
        Plan plan = Plan.ForInference(graph, new PlanOptions { Batch = Batch, Layout = Layout.Compact }, h);
        RecurrentNet training = Net(kind, Steps, new() { AllSteps = true }, Layout.Compact);
        float[] expected = training.Forward(Execution.Vector, Sequence), workspace = new float[plan.WorkspaceLength];
        Sequence.CopyTo(plan.ValueSpan<float>(workspace, x, Batch));
        RunInfo run = RunInfo.Single(Batch);
        plan.Forward(new PlanMemory<float>(training.Parameters, [], workspace), in run);
        Bits.AssertEqual(plan.ValueSpan<float>(workspace, h, Batch), expected, kind);
        Assert.That(plan.WorkspaceLength, Is.LessThan(training.Plan.WorkspaceLength / 2));
    }

    [Test]
    public void The_table_says_that_micro_batches_agree_to_rounding() =>
        Assert.That(Net("gru", Steps, new()).Plan.ToString(), Does.Contain("rounding only").And.Contain("gru1"));

    private static RecurrentNet Net(string kind, int steps, RecurrentOptions options, Layout layout = Layout.Padded, bool masked = false) =>
        new(
            Batch,
            graph =>
            {
                Node x = graph.Input(new Shape(steps, Features));
                Recurrent layer = RecurrentTests.Layer(kind, Hidden, options);
                return masked ? graph.Apply(layer, x, graph.Input(new Shape(steps), "mask")) : graph.Apply(layer, x);
            },
            layout: layout);

    /// <summary>Some steps of every sample.</summary>
    private static float[] Window(float[] sequence, int columns, int begin, int steps)
    {
        int length = sequence.Length / Batch;
        return
        [
            .. Enumerable.Range(0, Batch).SelectMany(b => sequence[((b * length) + (begin * columns))..((b * length) + ((begin + steps) * columns))]),
        ];
    }
}
