using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Data;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Kernels.Integers;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Ops.Integer;
using EmbeddedBackprop.Optimizers;
using EmbeddedBackprop.Tests.Graphs;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Training;

/// <summary>
/// Training on integers: the forward pass is the prediction's, scales and ranges follow, and the bits do not depend on how it is run.
/// </summary>
[TestFixture]
internal sealed class IntegerTrainingTests
{
    private const int Batch = 8, Count = 40;

    private static readonly Shape Image = new(2, 8, 8);

    private static readonly FloatDataset Data = Draw();

    [Test]
    public void A_training_step_computes_the_outputs_of_a_prediction()
    {
        using Network net = Make(new NetworkOptions { Batch = Batch, Optimizer = new Adam() });
        Trainer trainer = new(net, Data, new TrainerOptions { Epochs = 2, LearningRate = 0.01f });
        _ = trainer.TrainEpoch();
        Graph graph = net.Output.Graph;
        Plan training = Plan.ForTraining(graph, net.TrainingPlan!.Options, net.TrainingPlan.Loss!, net.Output);
        float[] workspace = new float[training.WorkspaceLength], gradients = new float[training.GradientLength];
        float[] samples = Samples.Array(Batch * Image.Length, 9), state = net.State.ToArray();
        samples.CopyTo(training.ValueSpan<float>(workspace, net.Input, Batch));
        training.Forward(new PlanMemory<float>(net.Parameters, gradients, workspace, state), new RunInfo(Batch, Batch, Training: true));
        samples.CopyTo(net.PredictionInput(Batch));
        float[] predicted = net.Predict(Batch).ToArray();
        Bits.AssertEqual(Outputs(training), Compact(net, predicted), "outputs");
        Assert.That(Outputs(training).Distinct().Count(), Is.GreaterThan(20));

        // The training pass notes what it sees, and changes nothing that a forward pass reads.
        samples.CopyTo(training.ValueSpan<float>(workspace, net.Input, Batch));
        training.Forward(new PlanMemory<float>(net.Parameters, gradients, workspace, state), RunInfo.Single(Batch));
        Bits.AssertEqual(Outputs(training), Compact(net, predicted), "outputs afterwards");
        Assert.That(Bits.FirstDifference(state, net.State), Is.GreaterThan(0));

        float[] Outputs(Plan plan) => Compact(net, plan.ValueSpan<float>(workspace, net.Output, Batch));
    }

    [Test]
    public void A_prediction_and_an_evaluation_change_no_state()
    {
        using Network net = Make(new NetworkOptions { Batch = Batch });
        float[] before = net.State.ToArray();
        _ = net.Predict(Batch);
        _ = new Trainer(net, Data, new TrainerOptions()).Evaluate(Data);
        Bits.AssertEqual(net.State, before, "state");
    }

    [Test]
    public void Scales_of_weights_follow_each_step()
    {
        using Network net = Make(new NetworkOptions { Batch = Batch });
        Trainer trainer = new(net, Data, new TrainerOptions { Epochs = 1, LearningRate = 0.05f });
        float before = State(net, "conv.weight_scale")[2];
        _ = trainer.TrainEpoch();
        float[] weights = Parameter(net, "conv.weight"), bias = Parameter(net, "conv.bias");
        float scale = IntegerWeights.Scale(IntegerWeights.Largest(weights.AsSpan(2 * 18, 18)), bias[2], State(net, "quantize1.range")[0]);
        Assert.That(State(net, "conv.weight_scale")[2], Is.EqualTo(scale).And.Not.EqualTo(before));
    }

    [Test]
    public void Ranges_are_exponential_means_of_what_the_steps_see()
    {
        using Network net = Make(new NetworkOptions { Batch = Batch });
        Span<float> range = State(net, "conv.range"), extremes = State(net, "conv.extremes");
        float mean = range[0] * 255, scale = range[0], input = State(net, "quantize1.range")[0];
        net.KeepsRanges = true;
        Step(net, 0);
        Assert.That(range[0], Is.EqualTo(scale), "a range that is kept");
        Assert.That(extremes.ToArray(), Is.All.Zero);
        net.KeepsRanges = false;
        for (int step = 0; step < 3; step++)
        {
            float seen = LargestOfTheConvolution(net, step);
            Step(net, step);
            mean = (0.99f * mean) + (0.01f * seen);
            Assert.That(seen, Is.LessThan(255 * scale), "nothing is clamped");
            Assert.That(extremes[0], Is.Zero, "what follows ReLU has no values below 0");
            Assert.That(range[0], Is.EqualTo((float)(extremes[1] / 255.0)));
            Assert.That(range[1], Is.EqualTo(-128f));
            Assert.That(extremes[1], Is.EqualTo(mean).Within(1e-5f * mean));
            Assert.That(range[0], Is.Not.EqualTo(scale));
        }

        // Data are not trained: their range is that of the calibration.
        Assert.That(State(net, "quantize1.range")[0], Is.EqualTo(input));
        Assert.That(State(net, "quantize1.extremes").ToArray(), Is.All.Zero);
    }

    [Test]
    public void The_last_layer_has_the_widest_range_so_far()
    {
        using Network net = Make(new NetworkOptions { Batch = Batch });
        float before = 0f;
        Trainer trainer = new(net, Data, new TrainerOptions { Epochs = 4, LearningRate = 0.2f });
        bool wider = false;
        for (int epoch = 0; epoch < 3; epoch++)
        {
            _ = trainer.TrainEpoch(_ =>
            {
                float now = State(net, "dense2.range")[0];
                Assert.That(now, Is.GreaterThanOrEqualTo(before));
                wider |= before > 0 && now > before;
                before = now;
            });
        }

        Assert.That(wider);
    }

    [Test]
    public void Ranges_stay_in_the_last_tenth()
    {
        using Network net = Make(new NetworkOptions { Batch = Batch });
        Trainer trainer = new(net, Data, new TrainerOptions { Epochs = 4, LearningRate = 0.05f });
        List<float> scales = [];
        for (int epoch = 0; epoch < 4; epoch++)
        {
            _ = trainer.TrainEpoch(_ => scales.Add(State(net, "dense1.range")[0]));
        }

        // 20 steps: the last two change nothing.
        Assert.That(scales, Has.Count.EqualTo(20));
        Assert.That(scales[19], Is.EqualTo(scales[17]));
        Assert.That(scales.Take(18).Distinct().Count(), Is.EqualTo(18));
    }

    [Test]
    public void One_hash_however_it_is_run()
    {
        NetworkOptions options = new() { Batch = Batch, Optimizer = new Adam(), Layout = Layout.Compact };
        string expected = Train(options with { Execution = Execution.Scalar });
        Widths.ForEach(width =>
        {
            foreach (int threads in new[] { 1, 2, 4 })
            {
                Assert.That(Train(options with { Threads = threads }), Is.EqualTo(expected), $"width {width}, {threads} threads");
                Assert.That(Train(options with { Threads = threads, Layout = Layout.Padded }), Is.EqualTo(expected), $"padded {width} {threads}");
            }
        });
        Assert.That(Train(options with { Batch = 2 }, accumulation: 4), Is.EqualTo(expected), "micro-batches");
        Assert.That(Train(options with { Arithmetic = Arithmetic.Separate }), Is.Not.EqualTo(expected), "the hash sees a last bit");
        options = options with { Optimizer = new Sgd() };
        Assert.That(Train(options with { FuseUpdate = false }), Is.EqualTo(Train(options)), "the update in the backward pass");
        Assert.That(Train(options with { KeepGradients = false }), Is.EqualTo(Train(options)), "no gradient span");
    }

    [Test]
    public void A_resumed_training_has_the_bits_of_one_that_never_stopped()
    {
        NetworkOptions options = new() { Batch = Batch, Optimizer = new Adam() };
        using Network whole = Make(options), first = Make(options), second = Make(options);
        TrainerOptions run = new() { Epochs = 2, LearningRate = 0.01f };
        Trainer trainer = new(whole, Data, run);
        _ = trainer.TrainEpoch();
        _ = trainer.TrainEpoch();
        using CancellationTokenSource stop = new();
        Trainer begun = new(first, Data, run);
        Assert.That(begun.TrainEpoch(progress => { if (progress.Samples >= 24) { stop.Cancel(); } }, stop.Token), Is.Null);
        first.Parameters.CopyTo(second.Parameters);
        first.State.CopyTo(second.State);
        first.OptimizerState.CopyTo(second.OptimizerState);
        second.StepNumber = first.StepNumber;
        Trainer resumed = new(second, Data, run) { State = begun.State };
        _ = resumed.TrainEpoch();
        _ = resumed.TrainEpoch();
        Assert.That(Hash(second), Is.EqualTo(Hash(whole)));
        State(second, "dense1.extremes")[1] += 1f;
        Assert.That(Hash(second), Is.Not.EqualTo(Hash(whole)), "the hash sees what ranges follow");
    }

    [Test]
    public void Averaged_weights_have_scales_of_their_own()
    {
        using Network net = Make(new NetworkOptions { Batch = Batch });
        Trainer trainer = new(
            net, Data, new TrainerOptions { Epochs = 2, LearningRate = 0.2f, Averaging = new WeightAveraging { Decay = 0.9f } });
        _ = trainer.TrainEpoch();
        float[] state = net.State.ToArray();
        _ = trainer.Evaluate(Data);
        Bits.AssertEqual(net.State, state, "an evaluation");
        trainer.RestoreBest();
        Assert.That(State(net, "conv.weight_scale")[0], Is.EqualTo(
            IntegerWeights.Scale(IntegerWeights.Largest(trainer.AveragedParameters[..18]), 0f, 1f)));
    }

    [Test]
    public void A_step_allocates_nothing()
    {
        using Network net = Make(new NetworkOptions { Batch = Batch, Optimizer = new Adam() });
        Step(net, 0);
        Assert.That(Allocations.Of(100, () => net.TrainStep(Batch, 0.01f)), Is.Zero);
    }

    [Test]
    public void Plans_of_integers_keep_what_backward_passes_read([Values(0, 1, 2)] int kind)
    {
        using Network net = Make(new NetworkOptions { Batch = Batch });
        Node loss = net.TrainingPlan!.Loss!;
        PlanOptions options = net.TrainingPlan.Options with
        {
            Recompute = kind == 1 ? [.. loss.Graph.Nodes] : [], MicroBatch = kind == 2 ? 3 : 0, InputGradients = kind == 2,
        };
        Plan plan = Plan.ForTraining(loss.Graph, options, loss);
        Assert.That(PlanChecker.FirstFault(plan), Is.Null, plan.ToString());
        if (kind == 1)
        {
            Assert.That(plan.ToString(), Does.Contain("computed again"));
        }
    }

    private static string Train(NetworkOptions options, int accumulation = 1)
    {
        using Network net = Make(options);
        Trainer trainer = new(net, Data, new TrainerOptions { Epochs = 2, LearningRate = 0.01f, Accumulation = accumulation });
        _ = trainer.TrainEpoch();
        _ = trainer.TrainEpoch();
        return Hash(net);
    }

    private static void Step(Network net, int first)
    {
        net.Gather(Data, [.. Enumerable.Range(first * Batch, Batch)]);
        _ = net.TrainStep(Batch, 0.01f);
    }

    private static float LargestOfTheConvolution(Network net, int first)
    {
        Node node = net.Output.Graph.Nodes.Single(node => node.Name == "conv");
        Plan plan = Plan.ForInference(net.Output.Graph, net.InferencePlan.Options, node);
        float[] workspace = new float[plan.WorkspaceLength];
        Data.Gather([.. Enumerable.Range(first * Batch, Batch)], plan.ValueSpan<float>(workspace, net.Input, Batch), Image.Length, default, 0);
        plan.Forward(new PlanMemory<float>(net.Parameters, [], workspace, net.State), RunInfo.Single(Batch));
        float largest = 0f;
        foreach (float value in plan.ValueSpan<float>(workspace, node, Batch))
        {
            largest = MathF.Max(largest, value);
        }

        return State(net, "conv.range")[0] * largest;
    }

    /// <summary>A hash of all parameters and the state.</summary>
    internal static string Hash(Network net)
    {
        List<float> all = [];
        foreach (ParameterRange range in net.InferencePlan.Parameters)
        {
            float[] tensor = new float[range.Count];
            range.CopyTo<float>(net.Parameters, tensor);
            all.AddRange(tensor);
        }

        foreach (StateRange range in net.InferencePlan.State)
        {
            all.AddRange(net.State.Slice(range.Offset, range.Count));
        }

        return Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(System.Runtime.InteropServices.MemoryMarshal.AsBytes(
            System.Runtime.InteropServices.CollectionsMarshal.AsSpan(all))));
    }

    private static float[] Compact(Network net, ReadOnlySpan<float> rows) =>
        Golden.GoldenRows.Read(rows, net.OutputStride, net.Output.Shape.Length);

    private static Span<float> State(Network net, string name)
    {
        foreach (StateRange range in net.InferencePlan.State)
        {
            if (range.Name == name)
            {
                return net.State.Slice(range.Offset, range.Count);
            }
        }

        throw new AssertionException(name);
    }

    private static float[] Parameter(Network net, string name)
    {
        ParameterRange range = net.InferencePlan.Parameters.ToArray().Single(range => range.Name == name);
        float[] tensor = new float[range.Count];
        range.CopyTo<float>(net.Parameters, tensor);
        return tensor;
    }

    /// <summary>A convolution, maxima, two dense layers, one with a table: on integers, with a calibration that is made up.</summary>
    private static Network Make(NetworkOptions options)
    {
        Graph graph = new() { FollowsRanges = true };
        Node x = graph.Input(Image);
        Node h = graph.Apply(new Quantize(8), x);
        Conv2D convolution = new(4, 3, 3, new Activation<Identity>(), new ConvOptions { Padding = ConvPadding.Same });
        h = graph.Apply(Layer(convolution, 8, new Activation<Relu>()), h, "conv");
        h = graph.Apply(new Dropout(0.5f), graph.Apply(new MaxPool2D(2), h));
        h = graph.Apply(Layer(new Dense(12, new Activation<Identity>()), 8, new Activation<Gelu>()), h);
        h = graph.Apply(new Dequantize(), graph.Apply(Layer(new Dense(3, new Activation<Identity>()), 16, new Activation<Identity>()), h), "logits");
        Node target = graph.Input(h.Shape, "target");
        Network net = new(x, h, graph.Apply(new SoftmaxCrossEntropy(), h, target), options with { Seed = 5 });
        foreach (StateRange range in net.InferencePlan.State)
        {
            Span<float> state = net.State.Slice(range.Offset, range.Count);
            switch (range.Name)
            {
                case "quantize1.range":
                    (state[0], state[1]) = (1f / 120f, -3f);
                    break;
                case "conv.range":
                    (state[0], state[1]) = (1f / 25f, -128f);
                    break;
                case "dense1.range" or "dense1.table_range":
                    (state[0], state[1]) = (1f / 50f, -20f);
                    break;
                case "dense2.range":
                    (state[0], state[1]) = (1f / 20000f, 0f);
                    break;
            }
        }

        net.FollowParameters();
        return net;
    }

    private static Op Layer(Op op, int bits, Activation activation) => op.Quantized(new QuantizeContext([], bits, activation))!;

    private static FloatDataset Draw()
    {
        float[] x = Samples.Array(Count * Image.Length, 4);
        int[] labels = new int[Count];
        for (int i = 0; i < Count; i++)
        {
            labels[i] = x[i * Image.Length] > 0.3f ? 0 : x[(i * Image.Length) + 9] > 0 ? 1 : 2;
        }

        return FloatDataset.Classified(x, Image.Length, labels, 3);
    }
}
