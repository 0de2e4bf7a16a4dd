using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Data;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Optimizers;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Graphs;

/// <summary>Wrong uses are refused by name before anything is computed.</summary>
internal sealed class WrongUseTests
{
    private static readonly Activation Sigmoid = new Activation<Sigmoid>();

    [Test]
    public void A_loss_ends_a_graph()
    {
        Graph graph = new();
        Node y = graph.Apply(new Dense(3, Sigmoid), graph.Input(new Shape(4)));
        Node loss = graph.Apply(new Loss<Quadratic>(), y, graph.Input(new Shape(3), "target"), "judge");
        Refused(() => graph.Apply(new Dense(2, Sigmoid), loss), "judge: a loss ends a graph");
    }

    [Test]
    public void An_op_object_belongs_to_one_graph()
    {
        Dense layer = new(3, Sigmoid);
        Graph first = new(), second = new();
        first.Apply(layer, first.Input(new Shape(4)), "hidden");
        Refused(() => second.Apply(layer, second.Input(new Shape(4))), "hidden: the op is part of another graph");
    }

    [Test]
    public void A_loss_keeps_the_size_of_its_first_use()
    {
        Graph graph = new();
        Node x = graph.Input(new Shape(4));
        Loss loss = new SoftmaxCrossEntropy();
        graph.Apply(loss, graph.Apply(new Dense(3, Sigmoid), x), graph.Input(new Shape(3), "t3"));
        Refused(
            () => graph.Apply(loss, graph.Apply(new Dense(5, Sigmoid), x), graph.Input(new Shape(5), "t5"), "again"),
            "again: expected 3 outputs, as at its first use, got 5");
    }

    [Test]
    public void A_loss_that_no_parameter_changes_cannot_be_trained()
    {
        Graph graph = new();
        Node x = graph.Input(new Shape(4));
        Node beside = graph.Apply(new Dense(4, Sigmoid), x);
        Node loss = graph.Apply(new Loss<Quadratic>(), x, graph.Input(new Shape(4), "target"));
        Refused(() => Plan.ForTraining(graph, new PlanOptions(), loss, beside), "nothing to train");
        Refused(() => new Sequential(4).Compile<Quadratic>(new NetworkOptions()), "nothing to train");
    }

    [Test]
    public void A_network_without_layers_predicts_its_input()
    {
        Network network = new Sequential(3).Compile(new NetworkOptions());
        Assert.That(network.Predict([1f, 2f, 3f]).ToArray(), Is.EqualTo((float[])[1f, 2f, 3f]));
    }

    [Test]
    public void A_network_is_made_of_an_input_and_a_loss()
    {
        Graph graph = new();
        Node x = graph.Input(new Shape(4)), y = graph.Apply(new Dense(3, Sigmoid), x, "y");
        Refused(() => _ = new Network(y, y, null, new NetworkOptions()), "y: samples are written to an input");
        Refused(() => _ = new Network(x, y, y, new NetworkOptions()), "y: a training plan ends in a loss");
        Refused(() => _ = new Network(x, y, x, new NetworkOptions()), "input: a training plan ends in a loss");
    }

    [Test]
    public void A_plan_knows_its_own_nodes_and_its_batch()
    {
        Network network = Small(), other = Small();
        Plan plan = network.TrainingPlan!;
        float[] workspace = new float[plan.WorkspaceLength],
            parameters = new float[plan.ParameterLength],
            gradients = new float[plan.ParameterLength];
        Refused(() => plan.ValueSpan<float>(workspace, other.Input, 1), "another graph");
        Refused(() => network.TrainingInput(5), "1 to 4");
        Refused(() => network.PredictionInput(0), "1 to 4");
        Refused(() => network.ComputeGradients(3, out _, logicalBatch: 8, sampleOffset: 6), "samples 6 to 8 are not part of a logical batch of 8");
        Refused(() => network.ComputeGradients(3, out _, logicalBatch: 8, sampleOffset: -1), "samples -1 to 1");
        Refused(() => network.ComputeGradients(3, out _, logicalBatch: 2), "logical batch of 2");
        Assert.That(
            () => network.InferencePlan.Backward(new PlanMemory<float>(parameters, gradients, workspace), RunInfo.Single(1)),
            Throws.InvalidOperationException);
        Assert.That(
            () => plan.BackwardAndUpdate(new PlanMemory<float>(parameters, gradients, workspace), new RunInfo(2, 4), new SgdUpdate(0.1f)),
            Throws.InvalidOperationException.With.Message.Contains("2 samples of a logical batch of 4"));
    }

    [Test]
    public void A_plan_refuses_memory_that_is_too_small()
    {
        Network network = Small();
        Plan plan = network.TrainingPlan!;
        float[] workspace = new float[plan.WorkspaceLength], parameters = new float[plan.ParameterLength];
        float[] gradients = new float[plan.ParameterLength];
        RunInfo run = RunInfo.Single(4);
        Assert.That(() => plan.Backward(new PlanMemory<float>(parameters, gradients, workspace), run), Throws.Nothing);
        Refused(
            () => plan.Backward(new PlanMemory<float>(parameters.AsSpan(1), gradients, workspace), run),
            $"parameters: the plan needs {parameters.Length} floats, got {parameters.Length - 1}");
        Refused(
            () => plan.Backward(new PlanMemory<float>(parameters, gradients, workspace.AsSpan(1)), run),
            $"workspace: the plan needs {workspace.Length} floats, got {workspace.Length - 1}");
        Refused(
            () => plan.Backward(new PlanMemory<float>(parameters, gradients.AsSpan(1), workspace), run),
            $"gradients: the plan needs {gradients.Length} floats, got {gradients.Length - 1}");
        Assert.That(() => plan.Forward(new PlanMemory<float>(parameters, [], workspace), run), Throws.Nothing, "forwards, gradients are not needed");
    }

    [Test]
    public void A_plan_refuses_nodes_of_other_graphs_and_nodes_that_it_leaves_out()
    {
        Graph graph = new(), other = new();
        Node x = graph.Input(new Shape(4)), y = graph.Apply(new Dense(3, Sigmoid), x, "y");
        Node unread = graph.Apply(new Dense(2, Sigmoid), x, "unread");
        Node foreign = other.Input(new Shape(4), "foreign");
        Refused(() => graph.Apply(new Dense(3, Sigmoid), foreign), "foreign: the node belongs to another graph");
        Refused(() => Plan.ForInference(graph, new PlanOptions(), foreign), "foreign: the node belongs to another graph");
        Node loss = graph.Apply(new Loss<Quadratic>(), y, graph.Input(new Shape(3), "target"));
        Node foreignLoss = other.Apply(new Loss<Quadratic>(), foreign, other.Input(new Shape(4), "target"));
        Refused(() => Plan.ForTraining(graph, new PlanOptions(), [loss], [foreign]), "foreign: the node belongs to another graph");
        Refused(() => Plan.ForTraining(graph, new PlanOptions(), [foreignLoss], [y]), "the node belongs to another graph");
        Plan plan = Plan.ForInference(graph, new PlanOptions(), y);
        Refused(() => plan.ValueSpan<float>(new float[plan.WorkspaceLength], unread, 1), "unread: the plan holds no such node");
        Refused(() => Plan.ForInference(graph, new PlanOptions { Batch = 0 }, y), "batch must be positive, got 0");
        Refused(() => Plan.ForInference(graph, new PlanOptions { Batch = 4, MicroBatch = 5 }, y), "micro-batch");
        Refused(() => Plan.ForInference(graph, new PlanOptions { Batch = 4, MicroBatch = -1 }, y), "micro-batch");
        Assert.That(() => Plan.ForInference(graph, new PlanOptions { Batch = 4, MicroBatch = 4 }, y), Throws.Nothing);
    }

    [Test]
    public void A_batch_has_as_many_elements_as_an_int_counts_bytes()
    {
        const int Most = (1 << 29) - 1;
        Graph graph = new();
        Node y = graph.Apply(new Activate(Sigmoid), graph.Input(new Shape(1)), "y");
        Assert.That(() => Plan.ForInference(graph, new PlanOptions { Batch = Most }, y), Throws.Nothing);
        Refused(() => Plan.ForInference(graph, new PlanOptions { Batch = Most + 1 }, y), "more than 536870911 elements");
    }

    [Test]
    public void A_tensor_of_parameters_has_sizes()
    {
        ParameterLayout layout = new(Layout.Compact);
        Refused(() => layout.AddTensor("empty", ParameterKind.Weight), "empty: 0 floats");
        Refused(() => layout.AddTensor("long", ParameterKind.Weight, 65536, 65536), "long: 2147483647 floats");
        Refused(() => layout.AddTensor("nothing", ParameterKind.Weight, 3, 0), "nothing");
        layout.AddTensor("kernels", ParameterKind.Weight, 2, 3, 5);
        Assert.That((layout.Length, layout.Ranges.Count), Is.EqualTo((30, 1)));
        Refused(() => layout.AddTensor("last", ParameterKind.Weight, int.MaxValue - 29), $"last: {int.MaxValue + 1L} floats");
    }

    [Test]
    public void Weights_that_two_steps_read_do_not_change_before_their_whole_gradient_is_known()
    {
        Graph graph = new();
        Dense shared = new(4, Sigmoid);
        Node x = graph.Input(new Shape(4)), y = graph.Apply(shared, graph.Apply(shared, x), "y");
        Node loss = graph.Apply(new Loss<Quadratic>(), y, graph.Input(new Shape(4), "target"));
        Refused(
            () => Plan.ForTraining(graph, new PlanOptions { UpdateInBackward = true }, loss, y),
            "weights cannot change within the backward pass: an op is used twice");
        Plan plan = Plan.ForTraining(graph, new PlanOptions(), loss, y);
        float[] workspace = new float[plan.WorkspaceLength], parameters = new float[plan.ParameterLength];
        float[] gradients = new float[plan.ParameterLength];
        Assert.That(
            () => plan.BackwardAndUpdate(new PlanMemory<float>(parameters, gradients, workspace), RunInfo.Single(1), new SgdUpdate(0.1f)),
            Throws.InvalidOperationException.With.Message.Contains("an op is used twice"));
        Assert.That(parameters, Is.All.EqualTo(0f), "nothing was changed");
    }

    [Test]
    public void Without_a_loss_nothing_is_trained()
    {
        using Network network = new Sequential(4).Dense<Sigmoid>(3).Compile(new NetworkOptions { Batch = 4 });
        Plan plan = network.InferencePlan;
        float[] workspace = new float[plan.WorkspaceLength], parameters = new float[plan.ParameterLength];
        foreach (Action use in (Action[])
        [
            () => network.TrainStep(1, 0.1f), () => _ = network.TrainingInput(1), () => Diagnostics.Run(network, SmallData()),
            () => plan.Backward(new PlanMemory<float>(parameters, parameters, workspace), RunInfo.Single(1)),
        ])
        {
            Assert.That(use, Throws.InvalidOperationException.With.Message.Contains("compiled without a loss: it predicts, it cannot train"));
        }
    }

    [Test]
    public void Threads_samples_and_axes_are_checked()
    {
        foreach (int threads in (int[])[-1, 257])
        {
            Refused(() => new Sequential(4).Dense<Sigmoid>(3).Compile(new NetworkOptions { Threads = threads }), "0 (automatic) to 256");
        }

        Network network = Small();
        Refused(() => _ = new Trainer(network, FloatDataset.Regression([], 4, [], 3), new TrainerOptions()), "samples must be positive, got 0");
        Refused(
            () => LearningRates.For(new Sequential(4).Dense<Sigmoid>(3).Compile(new NetworkOptions())), "the network has no loss: it only predicts");
        Shape shape = new(2, 3);
        Refused(() => _ = shape[2], "0 to 1");
        Assert.That(shape.Equals((object)new Shape(2, 3)) && !shape.Equals((object)new Shape(3, 2)) && !shape.Equals("2x3"));
    }

    [Test]
    public void Layers_refuse_options_that_mean_nothing_for_them()
    {
        Refused(
            () => _ = new Conv2D(4, 3, 3, Sigmoid, new ConvOptions { Padding = ConvPadding.Causal }), "causal padding is for signals (conv1d)");
        Refused(
            () => _ = new Lstm(3, new RecurrentOptions { Bidirectional = true, CarryState = true }), "a bidirectional layer cannot carry its state");
    }

    [Test]
    public void A_softmax_that_is_compiled_already_is_not_taken_for_logits()
    {
        Sequential layers = new Sequential(4).Dense(3, new Softmax());
        layers.Compile(new NetworkOptions());
        Refused(() => layers.Compile(new SoftmaxCrossEntropy(), new NetworkOptions()), "cross-entropy: it is written on the logits");
    }

    [TestCase(-0.1f)]
    [TestCase(float.NaN)]
    [TestCase(float.PositiveInfinity)]
    public void A_learning_rate_is_finite_and_not_negative(float rate)
    {
        foreach (Optimizer optimizer in (Optimizer[])[new Sgd(), new Adam()])
        {
            Network network = Small(optimizer);
            Refused(() => network.TrainStep(2, rate), "learning rate");
            Refused(() => network.Update(rate), "learning rate");
        }
    }

    [Test]
    public void Sizes_that_no_memory_holds_are_told()
    {
        Refused(() => _ = new Shape(65536, 65536), "4294967296 floats");
        Refused(() => _ = new Shape(65536, 65536, 65536), "floats do not fit");
        Refused(() => new Graph().Input(default), "input: the shape has no sizes");
        Refused(() => new Sequential(4).Dense<Sigmoid>(int.MaxValue).Compile(new NetworkOptions()), "floats do not fit");
        Refused(() => new Sequential(50000).Dense<Sigmoid>(50000).Compile(new NetworkOptions()), "dense1.weight: 2500000000 floats");
        Refused(() => new Sequential(4).Dense<Sigmoid>(5).Compile(new NetworkOptions { Batch = int.MaxValue }), "more than 536870911 elements");
        Refused(() => new Adam().StateLength(1_500_000_000), "adam state: 3000000002 floats");
        Refused(() => _ = new Trainer(Small(), SmallData(), new TrainerOptions { Accumulation = int.MaxValue }), "accumulation");
    }

    [Test]
    public void A_training_state_fits_the_data()
    {
        Trainer trainer = new(Small(), SmallData(), new TrainerOptions());
        Refused(() => trainer.State = new TrainerState { NextSample = 7 }, "0 to 6");
        Assert.That(() => trainer.State = null!, Throws.ArgumentNullException);
    }

    [Test]
    public void A_gradient_check_wants_every_input_in_full()
    {
        Network network = Small();
        Plan plan = network.TrainingPlan!;
        float[] x = new float[8],
            y = new float[6];
        Refused(
            () => GradientCheck.Run(plan, network.Parameters, new Dictionary<Node, float[]> { [network.Input] = x }, 2),
            "target: the plan reads this input");
        Refused(
            () => GradientCheck.Run(plan, network.Parameters, new Dictionary<Node, float[]> { [network.Input] = y, [network.Target!] = y }, 2),
            "input: expected 8 values, got 6");
        Refused(() => GradientCheck.Run(plan, [1f], new Dictionary<Node, float[]> { [network.Input] = x, [network.Target!] = y }, 2), "parameters");
        Refused(
            () => GradientCheck.Run(plan, network.Parameters, new Dictionary<Node, float[]> { [network.Input] = x, [network.Target!] = y }, 9),
            "1 to 4");
        Assert.That(
            () => GradientCheck.Run(network.InferencePlan, network.Parameters, new Dictionary<Node, float[]>(), 2),
            Throws.InvalidOperationException);
    }

    [Test]
    public void Without_classes_there_is_no_accuracy()
    {
        Trainer trainer = new(Small(), SmallData(), new TrainerOptions());
        List<double> shares = [];
        EpochResult result = trainer.TrainEpoch(progress => shares.Add(progress.Accuracy))!.Value;
        Evaluation evaluation = trainer.Evaluate(SmallData());
        Assert.That(shares, Is.Not.Empty.And.All.Zero);
        Assert.That((result.TrainAccuracy, evaluation.Accuracy, evaluation.Correct), Is.EqualTo((0.0, 0.0, 0)));
    }

    [Test]
    public void A_lost_training_step_is_told([Values] bool fused)
    {
        Network network = new Sequential(4).Dense<Identity>(3).Compile<Quadratic>(new NetworkOptions { Batch = 1, FuseUpdate = fused });
        network.TrainingInput(1)[0] = float.NaN;
        if (fused)
        {
            Assert.That(() => network.TrainStep(1, 0.1f), Throws.InstanceOf<NotFiniteNumberException>().With.Message.Contains("step 1"));
        }
        else
        {
            Assert.That(network.TrainStep(1, 0.1f, out _, out _), Is.False);
        }
    }

    private static Network Small(Optimizer? optimizer = null) =>
        new Sequential(4).Dense<Sigmoid>(3).Compile<Quadratic>(new NetworkOptions { Batch = 4, Optimizer = optimizer ?? new Sgd() });

    private static FloatDataset SmallData() => FloatDataset.Regression(Samples.Array(24, 1), 4, Samples.Array(18, 2), 3);

    private static void Refused(Action use, string text) => Assert.That(use, Throws.InstanceOf<ArgumentException>().With.Message.Contains(text));
}
