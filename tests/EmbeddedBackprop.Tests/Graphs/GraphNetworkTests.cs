using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Data;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Optimizers;
using EmbeddedBackprop.Tests.Activations;
using EmbeddedBackprop.Tests.Ops;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Graphs;

/// <summary>Networks of several inputs, outputs and losses; outputs used twice, shared weights, skip connections.</summary>
internal sealed class GraphNetworkTests
{
    private const int Count = 23;
    private static readonly Activation Tanh = new Activation<Tanh>();
    private static readonly Activation Linear = new Activation<Identity>();
    private static readonly float[] Rows = Samples.Array(Count * 7, 1);
    private static readonly float[] TargetRows = Samples.Array(Count * 5, 2);

    [Test]
    public void A_row_of_data_is_dealt_out_to_inputs_and_targets()
    {
        Branched fed = new(batch: 5), byHand = new(batch: 5);
        Trainer trainer = new(fed.Network, Data(), new TrainerOptions { LearningRate = 0.2f });
        trainer.TrainEpoch();
        // The same order, written by hand; the first network tells it, because samples are drawn by the seed.
        int[] order = [.. Enumerable.Range(0, Count)];
        new CounterRandom(0, RandomPurpose.Shuffle).Shuffle(0, order);
        for (int first = 0; first < Count; first += 5)
        {
            int batch = Math.Min(5, Count - first);
            byHand.Write(order.AsSpan(first, batch));
            byHand.Network.TrainStep(batch, 0.2f);
        }

        Assert.That(WeightsHash.Of(byHand.Network), Is.EqualTo(WeightsHash.Of(fed.Network)));
        Assert.That(WeightsHash.Of(new Branched(batch: 5).Network), Is.Not.EqualTo(WeightsHash.Of(fed.Network)), "control: training changes weights");
    }

    [Test]
    public void Every_batch_thread_and_layout_gives_the_same_bits()
    {
        string? expected = null;
        foreach ((int batch, int accumulation, int threads, Layout layout) in new[]
            { (12, 1, 1, Layout.Padded), (12, 1, 3, Layout.Compact), (4, 3, 1, Layout.Compact), (3, 4, 1, Layout.Padded), (1, 12, 1, Layout.Padded) })
        {
            Branched net = new(batch, layout, threads);
            Trainer trainer = new(net.Network, Data(), new TrainerOptions { LearningRate = 0.2f, Accumulation = accumulation });
            trainer.TrainEpoch();
            string hash = WeightsHash.Of(net.Network);
            Assert.That(hash, Is.EqualTo(expected ??= hash), $"{batch} x {accumulation}, {threads} threads, {layout}");
            net.Network.Dispose();
        }
    }

    [Test]
    public void The_loss_is_the_weighted_sum_of_all_losses()
    {
        Branched net = new(batch: 5);
        net.Write([0, 1, 2, 3, 4]);
        float total = net.Network.ComputeLoss(5, out _);
        ReadOnlySpan<float> values = net.Network.LossValues;
        Assert.That(values.Length, Is.EqualTo(2));
        Bits.AssertEqual(total, values[0] + (0.25f * values[1]), "total");
        Assert.That(net.Network.TrainingPlan!.ToString(), Does.Contain("weight 0.25"));
    }

    [Test]
    public void Two_halves_of_a_loss_are_the_loss()
    {
        (float Loss, float[] Gradients) one = Judge(graph => [(new Loss<Quadratic>(), "whole")]);
        (float Loss, float[] Gradients) two = Judge(graph =>
            [(new Loss<Quadratic> { Weight = 0.5f }, "first"), (new Loss<Quadratic> { Weight = 0.5f }, "second")]);
        Bits.AssertEqual(two.Loss, one.Loss, "loss");
        Bits.AssertEqual(two.Gradients, one.Gradients, "gradients");
        Assert.That(Judge(graph => [(new Loss<Quadratic> { Weight = 2f }, "double")]).Gradients, Is.EqualTo(one.Gradients.Select(g => 2 * g)));
    }

    [Test]
    public void A_loss_weight_is_finite_and_not_negative() =>
        Assert.That(
            () => new Loss<Quadratic> { Weight = float.NaN },
            Throws.InstanceOf<ArgumentOutOfRangeException>().With.Message.Contains("loss weight"));

    [Test]
    public void Gradients_of_several_losses_agree_with_differences()
    {
        GradientCheckReport report = GradientCheck.Run(new Branched(batch: 5).Network, Data());
        Assert.That(report.Passed, Is.True, report.ToString());
    }

    [Test]
    public void A_prediction_reads_every_input_and_gives_every_output()
    {
        Branched net = new(batch: 2);
        net.Write([3, 4]);
        net.Network.ComputeLoss(2, out _);
        float[] first = net.Network.TrainingPlan!.ValueSpan(Workspace(net), net.First, 2).ToArray();
        Rows.AsSpan(3 * 7, 3).CopyTo(net.Network.PredictionInput(net.A, 2));
        Rows.AsSpan(4 * 7, 3).CopyTo(net.Network.PredictionInput(net.A, 2)[net.Network.InferencePlan.Stride(net.A)..]);
        Rows.AsSpan((3 * 7) + 3, 4).CopyTo(net.Network.PredictionInput(net.B, 2));
        Rows.AsSpan((4 * 7) + 3, 4).CopyTo(net.Network.PredictionInput(net.B, 2)[net.Network.InferencePlan.Stride(net.B)..]);
        net.Network.Predict(2);
        Assert.That(net.Network.Prediction(net.First, 2).ToArray(), Is.EqualTo(first));
        Assert.That(net.Network.Prediction(net.Second, 2).Length, Is.EqualTo(2 * net.Network.InferencePlan.Stride(net.Second)));
    }

    [Test]
    public void Steps_of_a_branched_network_allocate_nothing()
    {
        Branched net = new(batch: 5);
        Trainer trainer = new(net.Network, Data(), new TrainerOptions { Epochs = 100 });
        FloatDataset data = Data();
        Assert.That(Allocations.Of(100, () => net.Network.TrainStep(5, 0.1f)), Is.Zero);
        Assert.That(Allocations.Of(100, () => trainer.Evaluate(data)), Is.Zero);
        Assert.That(Allocations.Of(20, () => trainer.TrainEpoch()), Is.Zero);
    }

    [Test]
    public void A_model_file_fills_and_goes_on_with_a_branched_network_that_was_built_in_code()
    {
        Branched trained = new(batch: 5), other = new(batch: 3), again = new(batch: 5);
        Trainer trainer = new(trained.Network, Data(), new TrainerOptions { LearningRate = 0.2f, Epochs = 2 });
        trainer.TrainEpoch();
        byte[] bytes = ModelFile.ToArray(trained.Network, trainer);
        ModelFile file = ModelFile.Parse(bytes, "branched");
        file.LoadWeights(other.Network);
        Assert.That(WeightsHash.Of(other.Network), Is.EqualTo(WeightsHash.Of(trained.Network)));
        Trainer resumed = new(again.Network, Data(), new TrainerOptions { LearningRate = 0.2f, Epochs = 2 });
        file.Restore(resumed);
        trainer.TrainEpoch();
        resumed.TrainEpoch();
        Assert.That(WeightsHash.Of(again.Network), Is.EqualTo(WeightsHash.Of(trained.Network)));
        Assert.That(
            () => file.ToNetwork(),
            Throws.InstanceOf<DataFormatException>().With.Message.Contains("unknown kind of layer 'sum'").And.Message.Contains("built in code"));
        Network single = new([again.A, again.B], [again.First], [again.FirstLoss], new NetworkOptions { Batch = 5 });
        Assert.That(
            () =>
                file.Restore(
                    new Trainer(single, FloatDataset.Regression(Rows, 7, Samples.Array(Count * 2, 2), 2), new TrainerOptions { LearningRate = 0.2f })
                ),
            Throws.ArgumentException.With.Message.Contains("the file has 'first second', the trainer 'nothing'"));
    }

    [Test]
    public void Data_that_do_not_fit_are_told_with_all_names()
    {
        Network network = new Branched(batch: 2).Network;
        FloatDataset narrow = FloatDataset.Regression(Samples.Array(12, 1), 6, Samples.Array(10, 2), 5);
        FloatDataset few = FloatDataset.Regression(Samples.Array(14, 1), 7, Samples.Array(8, 2), 4);
        Assert.That(
            () => new Trainer(network, narrow, new TrainerOptions()),
            Throws.ArgumentException.With.Message.Contains("a and b").And.Message.Contains("expected 7 values, got 6"));
        Assert.That(
            () => new Trainer(network, few, new TrainerOptions()),
            Throws.ArgumentException.With.Message.Contains("t1 and t2").And.Message.Contains("expected 5 values, got 4"));
        Branched net = new(batch: 2);
        Network blind = new([net.A], [net.First], [net.FirstLoss], new NetworkOptions { Batch = 2 });
        Assert.That(
            () => new Trainer(blind, Data(), new TrainerOptions()),
            Throws.ArgumentException.With.Message.Contains("b: the training plan reads this input"));
        Assert.That(
            () => new Network([], [net.First], [], new NetworkOptions()),
            Throws.InstanceOf<ArgumentException>().With.Message.Contains("inputs"));
        Assert.That(
            () => new Network([net.A], [], [], new NetworkOptions()),
            Throws.InstanceOf<ArgumentException>().With.Message.Contains("outputs"));
        Assert.That(
            () => Plan.ForTraining(net.A.Graph, new PlanOptions(), []),
            Throws.InstanceOf<ArgumentException>().With.Message.Contains("losses"));
    }

    [Test]
    public void An_autoencoder_is_its_own_target()
    {
        Graph graph = new();
        Node x = graph.Input(new Shape(6));
        Node y = graph.Apply(new Dense(6, Linear), graph.Apply(new Dense(2, Linear), x));
        Network network = new(x, y, graph.Apply(new Loss<Quadratic>(), y, x), new NetworkOptions { Batch = 4, Optimizer = new Adam() });
        // Two values decide all six, so two neurons can carry them; the data's own targets are not read.
        float[] rows =
        [
            .. Enumerable.Range(0, 40).SelectMany(i => Enumerable.Range(0, 6).Select(k => MathF.Sin(i) * k / 6f + (MathF.Cos(i * 3) * (k % 2)))),
        ];
        FloatDataset data = FloatDataset.Regression(rows, 6, Samples.Array(40, 9), 1);
        Trainer trainer = new(network, data, new TrainerOptions { LearningRate = 0.02f, Epochs = 121 });
        double first = trainer.TrainEpoch()!.Value.Loss, last = 0;
        for (int i = 0; i < 120; i++)
        {
            last = trainer.TrainEpoch()!.Value.Loss;
        }

        Assert.That(last, Is.LessThan(first / 100));
    }

    [Test]
    public void Skip_connections_shared_weights_and_outputs_used_twice_stand_every_check()
    {
        new GraphRun(
            4,
            6,
            (graph, x) => graph.Apply(new Sum(), x, graph.Apply(new Dense(6, Tanh), x)) is var skip ? graph.Apply(new Dense(3, Tanh), skip) : null!
        ).CheckEverything();
        new GraphRun(
            1,
            6,
            (graph, x) =>
            {
                Dense shared = new(6, Tanh);
                Node once = graph.Apply(shared, x);
                return graph.Apply(new Sum(), once, graph.Apply(shared, once));
            }
        ).CheckEverything();
    }

    [Test]
    public void Linear_neurons_everywhere_are_one_linear_layer()
    {
        // Nielsen, chapter 2: with f(z) = z the whole net is one affine map, and its gradient that of the product of matrices.
        Network deep = new Sequential(3).Dense<Identity>(4).Dense<Identity>(2).Compile<Quadratic>(new NetworkOptions { Batch = 1, Seed = 3 });
        float[] zero = deep.Predict([0f, 0f, 0f]).ToArray();
        float[] Column(int i)
        {
            float[] unit = new float[3];
            unit[i] = 1f;
            return [.. deep.Predict(unit).ToArray().Zip(zero, (a, b) => a - b)];
        }

        float[][] columns = [Column(0), Column(1), Column(2)];
        float[] x = [0.3f, -1.2f, 2f], y = deep.Predict(x).ToArray();
        for (int j = 0; j < 2; j++)
        {
            Assert.That(y[j], Is.EqualTo(zero[j] + (x[0] * columns[0][j]) + (x[1] * columns[1][j]) + (x[2] * columns[2][j])).Within(1e-5));
        }
    }

    [Test]
    public void One_neuron_with_a_function_of_its_own_stands_every_check() =>
        new GraphRun(3, 5, (graph, x) =>
        {
            // Nielsen, chapter 2: the same layer, but one neuron has another f.
            Node ordinary = graph.Apply(new Dense(4, Tanh), x), special = graph.Apply(new Dense(1, new Activation<Cube>()), x);
            return graph.Apply(new Sum(), graph.Apply(new Dense(3, Tanh), ordinary), graph.Apply(new Dense(3, Tanh), special));
        }).CheckEverything();

    private static FloatDataset Data() => FloatDataset.Regression(Rows, 7, TargetRows, 5);

    private static Span<float> Workspace(Branched net)
    {
        // The training plan's workspace is not public: a forward pass over the same inputs gives the same values.
        Plan plan = net.Network.TrainingPlan!;
        float[] workspace = new float[plan.WorkspaceLength];
        foreach (Node node in (Node[])[net.A, net.B, .. net.Network.Targets])
        {
            net.Network.TrainingInput(node, 2).CopyTo(plan.ValueSpan<float>(workspace, node, 2));
        }

        plan.Forward(new PlanMemory<float>(net.Network.Parameters, [], workspace), RunInfo.Single(2));
        return workspace;
    }

    private static (float Loss, float[] Gradients) Judge(Func<Graph, (Loss Loss, string Name)[]> losses)
    {
        Graph graph = new();
        Node x = graph.Input(new Shape(7)), y = graph.Apply(new Dense(5, Tanh), x), target = graph.Input(new Shape(5), "target");
        Node[] nodes = [.. losses(graph).Select(entry => graph.Apply(entry.Loss, y, target, entry.Name))];
        Network network = new([x], [y], nodes, new NetworkOptions { Batch = 4, Seed = 1 });
        Rows.AsSpan(0, 28).CopyTo(network.TrainingInput(4));
        TargetRows.AsSpan(0, 20).CopyTo(network.TrainingTarget(4));
        float loss = network.ComputeGradients(4, out _);
        return (loss, network.Gradients.ToArray());
    }

    /// <summary>a, b -> a trunk used twice -> two outputs, a loss each.</summary>
    private sealed class Branched
    {
        public Branched(int batch, Layout layout = Layout.Padded, int threads = 1)
        {
            Graph graph = new();
            A = graph.Input(new Shape(3), "a");
            B = graph.Input(new Shape(4), "b");
            Node trunk = graph.Apply(new Sum(), graph.Apply(new Dense(6, Tanh), A), graph.Apply(new Dense(6, Tanh), B));
            First = graph.Apply(new Dense(2, Tanh), trunk, "first");
            Second = graph.Apply(new Dense(3, Linear), trunk, "second");
            Node t1 = graph.Input(new Shape(2), "t1"), t2 = graph.Input(new Shape(3), "t2");
            FirstLoss = graph.Apply(new Loss<Quadratic>(), First, t1, "loss1");
            Node second = graph.Apply(new Loss<MeanSquared> { Weight = 0.25f }, Second, t2, "loss2");
            Network = new Network(
                [A, B],
                [First, Second],
                [FirstLoss, second],
                new NetworkOptions
                {
                    Batch = batch,
                    Layout = layout,
                    Threads = threads,
                });
        }

        public Network Network { get; }

        public Node A { get; }

        public Node B { get; }

        public Node First { get; }

        public Node Second { get; }

        public Node FirstLoss { get; }

        public void Write(ReadOnlySpan<int> samples)
        {
            Deal(Rows, 7, 0, A, samples);
            Deal(Rows, 7, 3, B, samples);
            Deal(TargetRows, 5, 0, Network.Targets[0], samples);
            Deal(TargetRows, 5, 2, Network.Targets[1], samples);
        }

        private void Deal(float[] rows, int length, int first, Node node, ReadOnlySpan<int> samples)
        {
            Span<float> values = Network.TrainingInput(node, samples.Length);
            for (int row = 0; row < samples.Length; row++)
            {
                rows.AsSpan((samples[row] * length) + first, node.Shape.Length).CopyTo(values[(row * Network.TrainingPlan!.Stride(node))..]);
            }
        }
    }
}
