using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Data;
using EmbeddedBackprop.Initializers;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Optimizers;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Graphs;

/// <summary>A training within a memory budget: it fits, says what it does, and gives the bits of the training without one.</summary>
internal sealed class BudgetTests
{
    private const int Batch = 12;
    private static readonly Activation Sigmoid = new Activation<Sigmoid>();
    private static readonly Activation Relu = new Activation<Relu>();

    [Test]
    public void Every_budget_that_can_be_met_is_met_with_the_bits_of_no_budget([Values] Layout layout, [Values] bool adam)
    {
        NetworkOptions options = Options(layout, adam);
        Network free = Deep(options);
        string expected = Trained(free);
        int met = 0, micro = 0, again = 0;
        long whole = 4L * free.MemoryLength;
        for (long budget = whole; budget > whole / 6; budget -= whole / 40)
        {
            Network network;
            try
            {
                network = Deep(options with { MemoryBudget = budget });
            }
            catch (ArgumentException exception)
            {
                Assert.That(exception.Message, Does.Contain("too few").And.Contain("at least"));
                break;
            }

            Plan plan = network.TrainingPlan!;
            Assert.That(4L * network.MemoryLength, Is.LessThanOrEqualTo(budget));
            Assert.That(network.MemoryLength, Is.EqualTo(plan.MemoryLength), "what the plan prints is what is used");
            Assert.That(plan.ToString(), Does.Contain($"{4L * network.MemoryLength:N0} bytes in memory of a budget of {budget:N0}"));
            Assert.That(PlanChecker.FirstFault(plan), Is.Null, plan.ToString());
            Assert.That(Trained(network), Is.EqualTo(expected), plan.ToString());
            met++;
            micro += plan.Batch < Batch ? 1 : 0;
            again += plan.RecomputedMultiplyAdds > 0 ? 1 : 0;
            Assert.That(plan.ToString().Contains("micro-batches of", StringComparison.Ordinal), Is.EqualTo(plan.Batch < Batch));
            Assert.That(
                plan.ToString().Contains("computed again", StringComparison.Ordinal),
                Is.EqualTo(plan.BackwardProgram.ToArray().Any(entry => entry.Phase == Phase.Recompute)));
        }

        Assert.That(met, Is.GreaterThan(10));
        Assert.That(micro, Is.GreaterThan(2), "budgets that micro-batches meet");
        Assert.That(again, Is.GreaterThan(0), "budgets that only recomputation meets");
    }

    [Test]
    public void Recomputation_draws_the_same_masks_and_leaves_state_alone()
    {
        Network Make(PlanOptions plan, out Plan compiled)
        {
            Graph graph = new();
            Node x = graph.Input(new Shape(9)), node = x;
            for (int i = 0; i < 5; i++)
            {
                node = graph.Apply(i == 2 ? new MemoryOp() : i % 2 == 0 ? new HalfOp() : new Dense(9, Sigmoid), node);
            }

            Node y = graph.Apply(new Dense(3, Sigmoid), node), loss = graph.Apply(new Loss<Quadratic>(), y, graph.Input(new Shape(3), "target"));
            compiled = Plan.ForTraining(graph, plan with { Batch = 4, Recompute = plan.Batch == 2 ? [.. graph.Nodes] : [] }, loss);
            return new Network(x, y, loss, new NetworkOptions { Batch = 4 });
        }

        (float[] Gradients, float[] State) Run(PlanOptions options)
        {
            Network network = Make(options, out Plan plan);
            float[] gradients = new float[plan.ParameterLength], workspace = new float[plan.WorkspaceLength], state = new float[plan.StateLength];
            plan.InitializeState<float>(state);
            PlanMemory<float> memory = new(network.Parameters, gradients, workspace, state);
            for (int step = 0; step < 3; step++)
            {
                Samples.Fill(plan.ValueSpan<float>(workspace, network.Input, 4), 3 + step);
                Samples.Fill(plan.ValueSpan<float>(workspace, network.Target!, 4), 8);
                RunInfo run = new(4, 4, 0, Training: true, Seed: 7, StepNumber: step);
                plan.Forward(in memory, in run);
                plan.Backward(in memory, in run);
            }

            Assert.That(plan.BackwardProgram.ToArray().Any(entry => entry.Phase == Phase.Recompute), Is.EqualTo(options.Batch == 2));
            Assert.That(plan.BackwardProgram.ToArray().Any(entry => entry.Phase == Phase.Recompute && entry.Step.Op is MemoryOp), Is.False);
            return (gradients, state);
        }

        (float[] gradients, float[] state) = Run(new PlanOptions());
        (float[] gradientsAgain, float[] stateAgain) = Run(new PlanOptions { Batch = 2 });
        Bits.AssertEqual(gradientsAgain, gradients, "gradients");
        Bits.AssertEqual(stateAgain, state, "state");
    }

    [Test]
    public void An_op_that_draws_anew_at_every_run_is_seen()
    {
        // The control of the bit comparisons: such an op must not be computed again, and they tell.
        float[] Run(bool again)
        {
            Graph graph = new();
            Node x = graph.Input(new Shape(5)),
                restless = graph.Apply(new RestlessOp(), graph.Apply(new Dense(5, Sigmoid), x));
            Node y = graph.Apply(new Dense(3, Sigmoid), restless),
                target = graph.Input(new Shape(3), "target");
            Plan plan = Plan.ForTraining(
                graph,
                new PlanOptions { Batch = 2, Recompute = again ? [restless] : [] },
                graph.Apply(new Loss<Quadratic>(), y, target));
            float[] gradients = new float[plan.ParameterLength],
                workspace = new float[plan.WorkspaceLength];
            PlanMemory<float> memory = new(Samples.Array(plan.ParameterLength, 1), gradients, workspace);
            Samples.Fill(plan.ValueSpan<float>(workspace, x, 2), 3);
            plan.Forward(in memory, RunInfo.Single(2, training: true));
            plan.Backward(in memory, RunInfo.Single(2, training: true));
            return gradients;
        }

        Bits.AssertEqual(Run(again: false), Run(again: false), "kept");
        Assert.That(Run(again: true), Is.Not.EqualTo(Run(again: false)));
    }

    [Test]
    public void A_batch_that_must_stay_whole_is_never_split_and_values_are_computed_again()
    {
        Network Make(long budget, int batch = Batch)
        {
            Graph graph = new();
            Node x = graph.Input(new Shape(20)), node = graph.Apply(new CenterOp(), graph.Apply(new Dense(20, Relu), x));
            for (int i = 0; i < 6; i++)
            {
                node = graph.Apply(new Dense(20, Relu), node);
            }

            Node loss = graph.Apply(new Loss<Quadratic>(), node, graph.Input(new Shape(20), "target"));
            return new Network(
                x,
                node,
                loss,
                new NetworkOptions
                {
                    Batch = batch,
                    Layout = Layout.Compact,
                    MemoryBudget = budget,
                    Optimizer = new Adam(),
                });
        }

        long whole = 4L * Make(0).MemoryLength;
        Network tight = Make(whole - 3000);
        Assert.That(tight.MicroBatch, Is.EqualTo(Batch));
        Assert.That(tight.TrainingPlan!.RecomputedMultiplyAdds, Is.GreaterThan(0));
        Assert.That(tight.ToString(), Does.Contain("the batch is not split: center1 depends on the whole batch"));
        string message = Assert.Throws<ArgumentException>(() => Make(whole / 3))!.Message;
        Assert.That(message, Does.Contain("too few: this training needs at least").And.Contain("what would help: plain gradient descent ("));
        Assert.That(message, Does.Not.Contain("a batch of 1"), "does not fit by itself, and is not needed with the other");
        Assert.That(message, Does.Not.Contain("compact rows"), "they are compact");
    }

    [Test]
    public void Batches_that_must_stay_whole_are_not_accumulated()
    {
        Graph graph = new();
        Node x = graph.Input(new Shape(4)), norm = graph.Apply(new BatchNorm(), graph.Apply(new Dense(4, Relu), x), "norm");
        Node loss = graph.Apply(new Loss<Quadratic>(), norm, graph.Input(new Shape(4), "target"));
        Network network = new(x, norm, loss, new NetworkOptions { Batch = 5 });
        FloatDataset data = FloatDataset.Regression(Samples.Array(80, 1), 4, Samples.Array(80, 2), 4);
        Assert.That(
            () => new Trainer(network, data, new TrainerOptions { Accumulation = 2 }),
            Throws.ArgumentException.With.Message.Contains("norm depends on the whole batch").And.Message.Contains("2 batches of 5"));
        Assert.That(() => new Trainer(network, data, new TrainerOptions()).TrainEpoch(), Throws.Nothing);
    }

    [Test]
    public void What_does_not_help_is_not_named_and_the_least_is()
    {
        NetworkOptions options = Options(Layout.Padded, adam: true);
        string message = Assert.Throws<ArgumentException>(() => Deep(options with { MemoryBudget = 5000 }))!.Message;
        System.Text.RegularExpressions.Match least = System.Text.RegularExpressions.Regex.Match(
            message, @"only a smaller net would do: with a batch of 1, compact rows and plain gradient descent it needs ([\d,]+)$");
        Assert.That(least.Success, Is.True, message);
        long bytes = Number(least);
        NetworkOptions small = options with { Batch = 1, Layout = Layout.Compact, Optimizer = new Sgd() };
        Assert.That(4L * Deep(small with { MemoryBudget = bytes }).MemoryLength, Is.LessThanOrEqualTo(bytes));
        Assert.That(
            () => Deep(small with { MemoryBudget = bytes - 4 }),
            Throws.ArgumentException.With.Message.Contains("only a smaller net would do"));
    }

    private static long Number(System.Text.RegularExpressions.Match match) =>
        long.Parse(match.Groups[1].Value, System.Globalization.NumberStyles.AllowThousands, System.Globalization.CultureInfo.InvariantCulture);

    [Test]
    public void What_would_help_is_named_with_its_bytes_and_holds()
    {
        NetworkOptions options = Options(Layout.Padded, adam: true) with { MemoryBudget = 11000 };
        string message = Assert.Throws<ArgumentException>(() => Deep(options))!.Message;
        Assert.That(message, Does.StartWith("memory budget: 11,000 bytes are"));
        Assert.That(message, Does.Not.Contain("compact rows ("), "does not fit by itself");
        System.Text.RegularExpressions.Match all = System.Text.RegularExpressions.Regex.Match(
            message,
            @"a batch of 1 and plain gradient descent \(([\d,]+) bytes\)");
        Assert.That(all.Success, Is.True, message);
        long bytes = Number(all);
        Network helped = Deep(options with { MemoryBudget = bytes, Batch = 1, Optimizer = new Sgd() });
        Assert.That(4L * helped.MemoryLength, Is.LessThanOrEqualTo(bytes));
    }

    [Test]
    public void Steps_under_a_budget_allocate_nothing()
    {
        NetworkOptions options = Options(Layout.Compact, adam: true);
        Network network = Deep(options with { MemoryBudget = 4L * Deep(options).MemoryLength * 3 / 4 });
        Assert.That(network.TrainingPlan!.RecomputedMultiplyAdds + (Batch - network.MicroBatch), Is.GreaterThan(0));
        Assert.That(Allocations.Of(100, () => network.ComputeGradients(network.MicroBatch, out _)), Is.Zero);
    }

    [Test]
    public void Without_a_gradient_buffer_the_bits_are_the_same_and_nothing_can_be_accumulated([Values] Layout layout)
    {
        NetworkOptions options = Options(layout, adam: false);
        Network kept = Deep(options), lean = Deep(options with { KeepGradients = false });
        Assert.That(lean.MemoryLength, Is.LessThan(kept.MemoryLength - (kept.Parameters.Length / 2)));
        Assert.That(lean.Gradients.Length, Is.Zero);
        Assert.That(PlanChecker.FirstFault(lean.TrainingPlan!), Is.Null);
        Assert.That(Trained(lean), Is.EqualTo(Trained(kept)));
        Assert.That(() => lean.ComputeGradients(1, out _), Throws.InvalidOperationException.With.Message.Contains("keeps no gradients"));
        Assert.That(() => lean.Update(0.1f), Throws.InvalidOperationException);
        Assert.That(() => new Trainer(lean, Data(), new TrainerOptions { Accumulation = 2 }), Throws.InvalidOperationException);
        Assert.That(GradientCheck.Run(lean, Data()).Passed, Is.True);
    }

    [Test]
    public void Without_a_gradient_buffer_an_overflow_is_told_and_large_values_give_the_same_bits()
    {
        foreach (float scale in new[] { 1e20f, 3e38f })
        {
            Network Make(bool keep)
            {
                Network network = new Sequential(4)
                    .Dense<Identity>(3)
                    .Compile<Quadratic>(
                        new NetworkOptions
                        {
                            Batch = 2,
                            KeepGradients = keep,
                            Seed = 2,
                        });
                Samples.Fill(network.TrainingInput(2), 5);
                foreach (ref float x in network.TrainingInput(2))
                {
                    x *= scale;
                }

                return network;
            }

            Network kept = Make(true), lean = Make(false);
            bool finite = kept.TrainStep(2, 1e-25f, out _, out _);
            Assert.That(lean.TrainStep(2, 1e-25f, out _, out _), Is.EqualTo(finite));
            if (finite)
            {
                Assert.That(WeightsHash.Of(lean), Is.EqualTo(WeightsHash.Of(kept)));
            }
        }
    }

    [Test]
    public void A_small_convolutional_net_trains_in_28_KB_fused_and_in_42_KB_with_a_gradient_buffer()
    {
        Network Make(bool keep, long budget = 0)
        {
            Graph graph = new();
            Node x = graph.Input(new Shape(1, 28, 28));
            ConvOptions stride = new() { Stride = 2 };
            Node second = graph.Apply(new Conv2D(8, 3, 3, Relu, stride), graph.Apply(new Conv2D(4, 3, 3, Relu, stride), x));
            Node z = graph.Apply(new Dense(10, new Activation<Identity>()), second);
            Node y = graph.Apply(new Activate(new Softmax()), z);
            Node loss = graph.Apply(new SoftmaxCrossEntropy(), z, graph.Input(new Shape(10), "target"));
            return new Network(x, y, loss, new NetworkOptions { Batch = 1, Layout = Layout.Compact, KeepGradients = keep, MemoryBudget = budget });
        }

        Network fused = Make(keep: false), buffered = Make(keep: true);
        TestContext.Out.WriteLine(fused.TrainingPlan);
        TestContext.Out.WriteLine(buffered.TrainingPlan);
        Assert.That(4 * fused.MemoryLength, Is.LessThanOrEqualTo(28 * 1024));
        Assert.That(4 * buffered.MemoryLength, Is.LessThanOrEqualTo(42 * 1024));
        Assert.That(fused.ToString(), Does.Contain($"{4 * fused.MemoryLength:N0} bytes in memory"));
        Assert.That(4 * Make(keep: true, budget: 28 * 1024).MemoryLength, Is.LessThanOrEqualTo(28 * 1024), "a budget finds it, too");
    }

    private static NetworkOptions Options(Layout layout, bool adam) =>
        new() { Batch = Batch, Layout = layout, Seed = 5, Initializer = new LeCun(), Optimizer = adam ? new Adam() : new Sgd() };

    private static FloatDataset Data() => FloatDataset.Regression(Samples.Array(50 * 10, 1), 10, Samples.Array(50 * 3, 2), 3);

    private static string Trained(Network network)
    {
        Trainer trainer = new(network, Data(), new TrainerOptions { LearningRate = 0.05f });
        trainer.TrainEpoch();
        trainer.Evaluate(Data());
        return WeightsHash.Of(network);
    }

    /// <summary>Deep and thin, so that values weigh as much as weights.</summary>
    private static Network Deep(NetworkOptions options)
    {
        Sequential layers = new(10);
        for (int i = 0; i < 8; i++)
        {
            layers.Dense<Gelu>(16);
        }

        return layers.Dense<Identity>(3).Compile<Quadratic>(options);
    }

    /// <summary>Another factor at every call.</summary>
    private sealed class RestlessOp : OneInputOp
    {
        private int calls;

        public override string Kind => "restless";

        protected override void Compute<T>(in OpContext<T> c)
        {
            calls++;
            for (int i = 0; i < c.Output.Length; i++)
            {
                c.Output[i] = c.Input(0)[i] * T.CreateTruncating(calls);
            }
        }

        protected override T Factor<T>(in OpContext<T> c, int row, int column) => T.One;
    }
}
