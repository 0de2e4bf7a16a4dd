using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Data;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Initializers;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Tests.Ops;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Graphs;

/// <summary>The state of ops: its offset, its initial value, resets, files; and the other promises of the interface of ops.</summary>
internal sealed class StateTests
{
    private static readonly Activation Sigmoid = new Activation<Sigmoid>();

    [Test]
    public void State_stands_at_the_same_place_in_every_plan_and_begins_with_its_values()
    {
        Network network = Stateful(4, Layout.Padded);
        Assert.That(network.InferencePlan.State.ToArray(), Is.EqualTo(network.TrainingPlan!.State.ToArray()));
        Assert.That(network.InferencePlan.State.ToArray().Select(range => (range.Name, range.PerSample, range.Rows)), Is.EqualTo(
            new[] { ("memory1.mean", false, 1), ("memory2.mean", false, 1), ("memory1.previous", true, 4), ("memory2.previous", true, 4) }));
        Assert.That(network.State.Slice(network.InferencePlan.State[1].Offset, 5).ToArray(), Is.All.EqualTo(0.25f));
        Assert.That(network.ToString(), Does.Contain("state"));
        int[] saved(int batch) => [.. Stateful(batch, Layout.Compact).InferencePlan.State.ToArray().Take(2).Select(range => range.Offset)];
        Assert.That(saved(1), Is.EqualTo(saved(9)), "saved state does not move with the batch");
    }

    [Test]
    public void A_reset_forgets_what_is_kept_for_each_sample_and_nothing_else()
    {
        Network network = Stateful(2, Layout.Compact);
        float[] x = Samples.Array(5, 1);
        float[] first = network.Predict(x).ToArray(), second = network.Predict(x).ToArray();
        Assert.That(second, Is.Not.EqualTo(first));
        network.ResetState();
        Bits.AssertEqual(network.Predict(x), first, "after a reset");
        network.TrainStep(2, 0.1f);
        StateRange mean = network.InferencePlan.State[0];
        float[] kept = network.State.Slice(mean.Offset, mean.Count).ToArray();
        network.ResetState();
        Bits.AssertEqual(network.State.Slice(mean.Offset, mean.Count), kept, "running mean");
        network.Initialize(3);
        Assert.That(network.State.Slice(mean.Offset, mean.Count).ToArray(), Is.All.EqualTo(0.25f));
    }

    [Test]
    public void Ops_with_state_stand_every_check() =>
        new GraphRun(5, 6, (graph, x) => graph.Apply(new MemoryOp(), graph.Apply(new Dense(4, Sigmoid), x))).CheckEverything();

    [Test]
    public void Dropout_draws_the_same_mask_in_every_way_of_running() =>
        new GraphRun(
            5,
            6,
            (graph, x) => graph.Apply(new Dense(3, Sigmoid), graph.Apply(new HalfOp(), graph.Apply(new Dense(9, Sigmoid), x)))
        ).CheckEverything();

    [Test]
    public void An_op_that_depends_on_the_whole_batch_stands_every_check_and_is_never_split()
    {
        new GraphRun(4, 6, (graph, x) => graph.Apply(new CenterOp(), graph.Apply(new Dense(3, Sigmoid), x))).CheckEverything();
        Graph graph = new();
        Node x = graph.Input(new Shape(3));
        Node y = graph.Apply(new CenterOp(), graph.Apply(new Dense(3, Sigmoid), x));
        Network network = new(x, y, graph.Apply(new Loss<Quadratic>(), y, graph.Input(new Shape(3), "target")), new NetworkOptions { Batch = 4 });
        Assert.That(network.TrainingPlan!.CanSplitBatch, Is.False);
        Assert.That(network.ToString(), Does.Contain("the batch is not split: center1 depends on the whole batch"));
        Assert.That(
            () => network.ComputeGradients(2, out _, logicalBatch: 4),
            Throws.ArgumentException.With.Message.Contains("center1").And.Message.Contains("2 of 4"));
        Assert.That(() => network.ComputeLoss(2, out _), Throws.Nothing);
    }

    [Test]
    public void Tensors_in_file_order_stand_every_check([Values] ParameterKind kind) =>
        new GraphRun(3, 6, (graph, x) => graph.Apply(new Dense(4, Sigmoid), graph.Apply(new ChannelScaleOp([2, 3], kind), x))).CheckEverything();

    [Test]
    public void An_input_without_a_gradient_ends_the_backward_pass()
    {
        GraphRun run = new(3, 6, (graph, x) => graph.Apply(new ChannelScaleOp([6], ParameterKind.Weight), graph.Apply(new Dense(6, Sigmoid), x)));
        GradientCheckReport report = run.CheckGradient(EmbeddedBackprop.Kernels.Arithmetic.Fused);
        Assert.That(
            report.Rows.Select(row => (row.Name, row.Passed, row.Norm > 0)),
            Is.EqualTo(new[] { ("dense1.weight", false, false), ("dense1.bias", false, false), ("channel1.weight", true, true) }),
            "the check sees that the op denied a gradient");
    }

    [Test]
    public void A_tensor_in_file_order_keeps_that_order_and_its_shape()
    {
        Graph graph = new();
        Node y = graph.Apply(new ChannelScaleOp([4, 3, 2, 5], ParameterKind.Weight), graph.Input(new Shape(120)), "k");
        Plan plan = Plan.ForInference(graph, new PlanOptions(), y);
        ParameterRange range = plan.Parameters[0];
        Assert.That((range.Count, range.Length, range.FanIn, range.FanOut), Is.EqualTo((120, 120, 30, 40)));
        Assert.That(range.FileShape, Is.EqualTo(new[] { 4, 3, 2, 5 }));
        float[] values = Samples.Array(120, 1), memory = new float[plan.ParameterLength], back = new float[120];
        range.CopyFrom<float>(values, memory);
        Bits.AssertEqual(memory.AsSpan(range.Offset, 120), values, "memory");
        range.CopyTo<float>(memory, back);
        Bits.AssertEqual(back, values, "and back");
    }

    [Test]
    public void A_scale_begins_with_one_and_is_not_decayed()
    {
        Graph graph = new();
        Node x = graph.Input(new Shape(4));
        Node y = graph.Apply(new ChannelScaleOp([4], ParameterKind.Scale), x);
        NetworkOptions options = new() { Batch = 1, Initializer = new He(), FuseUpdate = false, Regularization = new Regularization { L2 = 0.5f } };
        Network network = new(x, y, graph.Apply(new Loss<Quadratic>(), y, graph.Input(new Shape(4), "target")), options);
        Assert.That(network.Parameters.ToArray(), Is.All.EqualTo(1f));
        network.TrainStep(1, 0.1f);
        Assert.That(network.Parameters.ToArray(), Is.All.EqualTo(1f), "inputs and targets are 0: only decay could change it");
    }

    [Test]
    public void Carried_state_has_rows_for_the_plans_batch()
    {
        Network network = Stateful(4, Layout.Compact);
        Assert.That(
            () => network.ComputeGradients(3, out _, logicalBatch: 8, sampleOffset: 3),
            Throws.ArgumentException.With.Message.Contains("rows for 4 samples, not for samples 3 to 5"));
        Plan plan = network.TrainingPlan!;
        float[] workspace = new float[plan.WorkspaceLength],
            parameters = new float[plan.ParameterLength];
        Assert.That(
            () => plan.Forward(new PlanMemory<float>(parameters, [], workspace), RunInfo.Single(1)),
            Throws.ArgumentException.With.Message.Contains("state"));
    }

    [Test]
    public void A_model_file_keeps_running_means_and_not_the_carried_state()
    {
        Network network = Stateful(2, Layout.Padded);
        FloatDataset data = FloatDataset.Regression(Samples.Array(50, 1), 5, Samples.Array(30, 2), 3);
        TrainerOptions options = new() { Epochs = 4, EarlyStopping = new EarlyStopping(2) };
        Trainer trainer = new(network, data, options);
        trainer.TrainEpoch();
        trainer.Judge(trainer.Evaluate(data));
        float[] best = SavedState(network);
        trainer.TrainEpoch();
        trainer.State.BestScore = double.MaxValue;
        trainer.Judge(trainer.Evaluate(data));
        Assert.That(SavedState(network), Is.Not.EqualTo(best));
        byte[] bytes = Writable(network, trainer);
        ModelFile file = ModelFile.Parse(bytes, "model");
        Network last = Stateful(2, Layout.Compact), bestAgain = Stateful(3, Layout.Compact);
        file.LoadWeights(last);
        Bits.AssertEqual(SavedState(last), SavedState(network), "running means");
        Bits.AssertEqual(WeightsHash.Of(last).Select(c => (float)c).ToArray(), WeightsHash.Of(network).Select(c => (float)c).ToArray(), "weights");
        file.LoadWeights(bestAgain, best: true);
        Bits.AssertEqual(SavedState(bestAgain), best, "running means of the best epoch");
        trainer.RestoreBest();
        Bits.AssertEqual(SavedState(network), best, "restored");
    }

    private static byte[] Writable(Network network, Trainer trainer) => ModelFile.ToArray(network, trainer);

    private static float[] SavedState(Network network)
    {
        List<float> values = [];
        foreach (StateRange range in network.InferencePlan.State)
        {
            if (!range.PerSample)
            {
                values.AddRange(network.State.Slice(range.Offset, range.Count));
            }
        }

        return [.. values];
    }

    private static Network Stateful(int batch, Layout layout)
    {
        Graph graph = new();
        Node x = graph.Input(new Shape(5));
        Node hidden = graph.Apply(new MemoryOp(), x);
        Node y = graph.Apply(new Dense(3, Sigmoid), graph.Apply(new MemoryOp(), hidden));
        return new Network(
            x,
            y,
            graph.Apply(new Loss<Quadratic>(), y, graph.Input(new Shape(3), "target")),
            new NetworkOptions
            {
                Batch = batch,
                Layout = layout,
                Seed = 5,
            });
    }
}
