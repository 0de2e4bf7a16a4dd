using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Graphs;

/// <summary>A compiled graph: the same bits in both layouts, at every batch and in micro-batches; memory as printed; clear errors.</summary>
internal sealed class PlanTests
{
    [Test]
    public void An_exported_prediction_reserves_nothing_for_a_batch_normalisation()
    {
        Graph graph = new();
        Node x = graph.Input(new Shape(6)), y = graph.Apply(new BatchNorm(), x);
        PlanOptions options = new() { Batch = 1, Layout = Layout.Compact };
        Assert.That(Plan.ForInference(graph, options with { InputsAndOutputsByReference = true }, y).WorkspaceLength, Is.Zero);
        Assert.That(Plan.ForInference(graph, options, y).WorkspaceLength, Is.EqualTo(6 + 6 + 12), "the engine computes inverse deviations");
    }

    [Test]
    public void Padded_and_compact_layouts_give_the_same_bits(
        [Values(1, 3, 10)] int batch, [Values] Arithmetic arithmetic, [Values] Execution execution)
    {
        float[] padded = TrainedWeights(batch, arithmetic, Layout.Padded, execution);
        float[] compact = TrainedWeights(batch, arithmetic, Layout.Compact, Execution.Vector);
        Bits.AssertEqual(padded, compact, $"batch {batch} {arithmetic} {execution}");
    }

    [Test]
    public void Every_width_gives_the_bits_of_the_scalar_twins([Values(1, 10)] int batch, [Values] Arithmetic arithmetic)
    {
        float[] twins = TrainedWeights(batch, arithmetic, Layout.Padded, Execution.Scalar);
        Widths.ForEach(width =>
            Bits.AssertEqual(TrainedWeights(batch, arithmetic, Layout.Padded, Execution.Vector), twins, $"width {width}, batch {batch}, {arithmetic}")
        );
    }

    [Test]
    public void The_two_arithmetics_differ()
    {
        // The control of all bit comparisons: they would see another rounding.
        float[] fused = TrainedWeights(10, Arithmetic.Fused, Layout.Padded, Execution.Vector);
        float[] separate = TrainedWeights(10, Arithmetic.Separate, Layout.Padded, Execution.Vector);
        Assert.That(Bits.FirstDifference(fused, separate), Is.GreaterThanOrEqualTo(0));
    }

    [Test]
    public void A_sample_alone_gives_the_bits_it_has_in_a_batch()
    {
        Network network = Small(12, Layout.Padded, Arithmetic.Fused);
        float[] inputs = Samples.Array(12 * 21, 3);
        WriteRows(inputs, network.PredictionInput(12), 21, network.InputStride);
        float[] together = network.Predict(12).ToArray();
        for (int sample = 0; sample < 12; sample++)
        {
            ReadOnlySpan<float> alone = network.Predict(inputs.AsSpan(sample * 21, 21));
            Bits.AssertEqual(alone, together.AsSpan(sample * network.OutputStride, 5), $"sample {sample}");
        }
    }

    [TestCase(1)]
    [TestCase(4)]
    [TestCase(5)]
    public void Micro_batches_give_the_gradient_bits_and_the_loss_of_one_batch(int micro)
    {
        Network whole = Small(12, Layout.Padded, Arithmetic.Fused), parts = Small(micro, Layout.Padded, Arithmetic.Fused);
        float[] x = Samples.Array(12 * 21, 3), y = Samples.Array(12 * 5, 4);
        WriteRows(x, whole.TrainingInput(12), 21, whole.InputStride);
        WriteRows(y, whole.TrainingTarget(12), 5, whole.TargetStride);
        float wholeLoss = whole.ComputeGradients(12, out _), partsLoss = 0;
        for (int offset = 0; offset < 12; offset += micro)
        {
            int batch = Math.Min(micro, 12 - offset);
            WriteRows(x.AsSpan(offset * 21), parts.TrainingInput(batch), 21, parts.InputStride);
            WriteRows(y.AsSpan(offset * 5), parts.TrainingTarget(batch), 5, parts.TargetStride);
            partsLoss = parts.ComputeGradients(batch, out _, logicalBatch: 12, sampleOffset: offset);
        }

        Bits.AssertEqual(parts.Gradients, whole.Gradients, "gradients");
        Bits.AssertEqual(partsLoss, wholeLoss, "loss");
    }

    [Test]
    public void An_op_applied_twice_shares_its_weights_and_sums_their_gradients([Values] Execution execution)
    {
        // f(f(x)) with one dense layer: the gradient is checked against differences, at both uses.
        Graph graph = new();
        Node x = graph.Input(new Shape(7));
        Dense shared = new(7, new Activation<Sigmoid>());
        Node twice = graph.Apply(shared, graph.Apply(shared, x));
        Node loss = graph.Apply(new Loss<Quadratic>(), twice, graph.Input(new Shape(7), "target"));
        Plan plan = Plan.ForTraining(graph, new PlanOptions { Batch = 3, InputGradients = true }, loss);
        Assert.That(plan.ParameterCount, Is.EqualTo(56));
        GradientCheckReport report = GradientCheck.Run(
            plan,
            Samples.Array(plan.ParameterLength, 9),
            new Dictionary<Node, float[]> { [x] = Samples.Array(21, 1), [loss.Inputs[1]] = Samples.Array(21, 2) },
            3);
        Assert.That(report.Passed, Is.True, report.ToString());
        Assert.That(report.Rows.Select(row => row.Name), Does.Contain("input"));
        Assert.That(plan.ToString(), Does.Contain("shared"));
    }

    [Test]
    public void The_target_of_a_loss_is_a_constant()
    {
        Graph graph = new();
        Node hidden = graph.Apply(new Dense(6, new Activation<Sigmoid>()), graph.Input(new Shape(5)));
        Node prediction = graph.Apply(new Dense(6, new Activation<Sigmoid>()), hidden);
        Node loss = graph.Apply(new Loss<Quadratic>(), prediction, hidden, "judged by the layer below");
        Plan plan = Plan.ForTraining(graph, new PlanOptions { Batch = 2 }, loss);
        Step judge = plan.Steps[2];
        Assert.That(judge.InputGradients[0].Exists, Is.True);
        Assert.That(judge.InputGradients[1].Exists, Is.False);
    }

    [Test]
    public void Buffers_that_live_at_the_same_time_do_not_overlap_and_the_print_tells_the_memory_used()
    {
        Network network = Small(8, Layout.Padded, Arithmetic.Fused);
        Plan plan = network.TrainingPlan!;
        Assert.That(plan.WorkspaceLength, Is.GreaterThanOrEqualTo(plan.WorkspaceLowerBound));
        Assert.That(plan.WorkspaceLength, Is.LessThanOrEqualTo(plan.WorkspaceLowerBound * 1.05));
        Assert.That(plan.ToString(), Does.Contain($"{plan.ParameterCount:N0} numbers").And.Contain($"{4 * plan.WorkspaceLength:N0} bytes"));
        Assert.That(network.MemoryLength * 4L, Is.GreaterThanOrEqualTo((2L * plan.ParameterLength + plan.WorkspaceLength) * 4));
    }

    [Test]
    public void A_step_knows_its_op_and_the_ranges_of_its_parameters()
    {
        Graph graph = new();
        Node x = graph.Input(new Shape(2, 6, 6)), unread = graph.Apply(new Dense(3, new Activation<Tanh>()), x, "unread");
        Node c = graph.Apply(new Conv2D(4, 3, 3, new Activation<Identity>()), x, "c");
        Node n = graph.Apply(new BatchNorm(), c, "n");
        Node y = graph.Apply(new Dense(5, new Activation<Tanh>()), n, "y");
        foreach (bool blocks in (ReadOnlySpan<bool>)[false, true])
        {
            Plan plan = Plan.ForInference(graph, new PlanOptions { Layout = Layout.Compact, Blocks = blocks }, y);
            string[] told = [.. plan.Steps.ToArray().Select(step =>
                $"{step.Title} {step.OpIndex} {step.Parameters} {string.Join(' ', step.Ranges.Select(range => $"{range.Name}@{range.Offset}"))}")];
            const string Convolution = "c.weight@219 c.bias@291", Norm = "n.weight@295 n.bias@299", Last = "y 3 (303, 325) y.weight@303 y.bias@623";
            Assert.That(told, Is.EqualTo(blocks
                ? (string[])[$"c + n 1 (219, 76) {Convolution} {Norm}", Last]
                : [$"c 1 (219, 76) {Convolution}", $"n 2 (295, 8) {Norm}", Last]));
            Assert.That((plan.ParameterLength, unread.Shape.Length), Is.EqualTo((628, 3)), "an op that the plan leaves out has its range, too");
        }
    }

    [Test]
    public void The_table_of_an_inference_plan_holds_no_target()
    {
        Network network = new Sequential(2).Dense<Identity>(3).Compile<Quadratic>(new NetworkOptions());
        Assert.That(network.InferencePlan.ToString(), Does.Contain("input").And.Not.Contain("target"));
        Assert.That(network.TrainingPlan!.ToString(), Does.Contain("target"));
    }

    [Test]
    public void Inference_reuses_the_memory_of_activations_that_nobody_reads_any_more()
    {
        Sequential layers = new(8);
        for (int i = 0; i < 10; i++)
        {
            layers.Dense<Sigmoid>(64);
        }

        Network network = layers.Compile(new NetworkOptions { Batch = 1, Layout = Layout.Compact });
        Assert.That(network.InferencePlan.WorkspaceLength, Is.EqualTo(128), "two activations of 64 are alive at a time");
    }

    [Test]
    public void A_network_works_in_the_callers_memory_and_writes_nowhere_else()
    {
        Network probe = Small(4, Layout.Compact, Arithmetic.Fused);
        float[] memory = new float[probe.MemoryLength + 64];
        memory.AsSpan().Fill(float.NaN);
        Network network = Small(4, Layout.Compact, Arithmetic.Fused, memory.AsMemory(32, probe.MemoryLength));
        Bits.AssertEqual(Train(network, 20), Train(probe, 20), "weights");
        Assert.That(memory.AsSpan(0, 32).ToArray().Concat(memory.AsSpan(memory.Length - 32).ToArray()), Is.All.NaN);
    }

    [Test]
    public void A_training_step_a_prediction_and_a_loss_allocate_nothing([Values(1, 7, 10)] int batch, [Values] Layout layout)
    {
        Network network = Small(batch, layout, Arithmetic.Fused);
        float[] input = Samples.Array(21, 1);
        static long Measure(Action action) => Allocations.Of(1000, action, warmUp: 2);

        Assert.Multiple(() =>
        {
            Assert.That(Measure(() => network.TrainStep(batch, 0.1f)), Is.Zero, "training step");
            Assert.That(Measure(() => network.Predict(input)), Is.Zero, "prediction");
            Assert.That(Measure(() => network.ComputeLoss(batch, out _)), Is.Zero, "loss");
            Assert.That(Measure(() => GC.KeepAlive(new object())), Is.GreaterThan(0), "control: one object a step is seen");
        });
    }

    [Test]
    public void Wrong_use_is_told_with_the_layer_and_both_sizes()
    {
        Graph graph = new();
        Node x = graph.Input(new Shape(4)), other = graph.Input(new Shape(6), "other");
        Dense dense = new(3, new Activation<Sigmoid>());
        Node y = graph.Apply(dense, x, name: "hidden");
        Node target = graph.Input(new Shape(5), "target");
        Assert.Multiple(() =>
        {
            Assert.That(
                () => graph.Apply(dense, other, name: "again"),
                Throws.ArgumentException.With.Message.EqualTo("again: expected 4 inputs, got 6 (from other)"));
            Assert.That(
                () => graph.Apply(new Loss<Quadratic>(), y, target),
                Throws.ArgumentException.With.Message.Contains("hidden has shape 3, target has shape 5"));
            Assert.That(() => graph.Input(new Shape(1), "hidden"), Throws.ArgumentException.With.Message.Contains("hidden"));
            Assert.That(() => new Graph().Apply(dense, x), Throws.ArgumentException.With.Message.Contains("another graph"));
            Assert.That(() => Plan.ForTraining(graph, new PlanOptions(), y), Throws.ArgumentException.With.Message.Contains("hidden"));
            Assert.That(() => new Dense(0, new Activation<Sigmoid>()), Throws.InstanceOf<ArgumentOutOfRangeException>());
            Assert.That(() => new Shape(0), Throws.InstanceOf<ArgumentOutOfRangeException>());
            Assert.That(() => Small(4, Layout.Padded, Arithmetic.Fused, new float[10]), Throws.ArgumentException.With.Message.Contains("got 10"));
            Assert.That(
                () => Small(4, Layout.Padded, Arithmetic.Fused).Predict(5),
                Throws.InstanceOf<ArgumentOutOfRangeException>().With.Message.Contains("1 to 4"));
            Assert.That(
                () => Small(4, Layout.Padded, Arithmetic.Fused).Predict(new float[20]),
                Throws.ArgumentException.With.Message.Contains("expected 21 values, got 20"));
        });
    }

    private static Network Small(
        int batch,
        Layout layout,
        Arithmetic arithmetic,
        Memory<float>? memory = null,
        Execution execution = Execution.Vector
    ) =>
        new Sequential(21)
            .Dense<Sigmoid>(19)
            .Dense<Sigmoid>(33)
            .Dense<Sigmoid>(5)
            .Compile<Quadratic>(
                new NetworkOptions
                {
                    Batch = batch,
                    Layout = layout,
                    Arithmetic = arithmetic,
                    Seed = 7,
                    Execution = execution,
                },
                memory);

    private static float[] TrainedWeights(int batch, Arithmetic arithmetic, Layout layout, Execution execution) =>
        Train(Small(batch, layout, arithmetic, null, execution), 30);

    [Test]
    public void A_plan_with_ends_by_reference_holds_neither_input_nor_output_and_cannot_be_run()
    {
        Graph graph = new();
        Node input = graph.Input(new Shape(21));
        Node output = graph.Apply(new Dense(5, new Activation<Sigmoid>()), graph.Apply(new Dense(9, new Activation<Sigmoid>()), input));
        Plan plan = Plan.ForInference(graph, new PlanOptions { Layout = Layout.Compact, InputsAndOutputsByReference = true }, output);
        Assert.That(plan.WorkspaceLength, Is.EqualTo(9));
        Assert.That(plan.ToString(), Does.Contain("caller's"));
        float[] parameters = new float[plan.ParameterLength];
        Assert.That(
            () => plan.Forward(new PlanMemory<float>(parameters, [], new float[100]), RunInfo.Single(1)),
            Throws.InvalidOperationException.With.Message.Contains("cannot be run"));
    }

    private static float[] Train(Network network, int steps)
    {
        int batch = network.Options.Batch;
        for (int step = 0; step < steps; step++)
        {
            WriteRows(Samples.Array(batch * 21, 100 + step), network.TrainingInput(batch), 21, network.InputStride);
            WriteRows(Samples.Array(batch * 5, 500 + step), network.TrainingTarget(batch), 5, network.TargetStride);
            network.TrainStep(batch, 0.5f);
        }

        List<float> weights = [];
        foreach (ParameterRange range in network.InferencePlan.Parameters)
        {
            float[] compact = new float[range.Count];
            range.CopyTo<float>(network.Parameters, compact);
            weights.AddRange(compact);
        }

        return [.. weights];
    }

    private static void WriteRows(ReadOnlySpan<float> values, Span<float> target, int columns, int stride)
    {
        for (int row = 0; row < target.Length / stride; row++)
        {
            values.Slice(row * columns, columns).CopyTo(target[(row * stride)..]);
        }
    }
}
