using EmbeddedBackprop.Data;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Ops.Integer;
using EmbeddedBackprop.Optimizers;
using EmbeddedBackprop.Quantization;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Training;

/// <summary>
/// Every integer op in a net that is trained on integers: its forward pass is the prediction's, resumed training has the bits of one that never
/// stopped, one hash however it is run, nothing is allocated.
/// </summary>
[TestFixture]
[NonParallelizable]
internal sealed class IntegerOpTrainingTests
{
    private const int Count = 48;

    private static readonly string[] Nets =
    [
        "input 6x5; gru 4 all; lstm 3; dense 3 softmax",
        "input 6x5; lstm 4 all bidirectional truncate4; rnn 3 relu; dense 3 softmax",
        "input 6x5; rnn 4 all bidirectional; mean-time; dense 3 softmax",
        "input 2x6x6; conv 4 3x3 p1 relu; batchnorm; conv 3 1x1 tanh; avgpool 2; dense 3 softmax",
        "x = input 30; a = dense 8; p = softmax a; s = scale 0.5 trained a; m = multiply p s; t = activate gelu a; d = subtract t m; "
            + "dense 3 softmax d",
        "input 2x6x6; a = conv 4 3x3 p1 relu; b = conv-transpose 4 3x3 p1; add a b; activate gelu; global-avgpool; dense 3 softmax",
        "input 6; embedding 5 4; flatten; dense 3 softmax",
    ];

    [Test]
    public void Every_integer_op_is_trained_by_one_of_the_nets()
    {
        HashSet<Type> trained = [];
        foreach (string text in Nets)
        {
            (Network network, FloatDataset data) = Compile(text, new NetworkOptions { Batch = 8, Optimizer = new Adam() });
            using (network)
            {
                using QuantizedModel model = Quantizer.ForTraining(network, data);
                trained.UnionWith(model.Network.Output.Graph.Ops.Select(op => op.GetType()));
                Trainer trainer = new(model.Network, data, new TrainerOptions { Epochs = 1, LearningRate = 0.01f });
                _ = trainer.TrainEpoch();
                foreach (ParameterRange range in model.Network.TrainingPlan!.Parameters)
                {
                    Assert.That(
                        model.Network.Gradients.Slice(range.Offset, range.Length).ToArray(), Has.Some.Not.Zero.And.None.NaN, $"{range.Name}: {text}");
                }
            }
        }

        Type[] all = [.. typeof(IntegerOp).Assembly.GetTypes().Where(type => type.IsSubclassOf(typeof(IntegerOp)) && !type.IsAbstract)];
        Assert.That(all, Has.Length.GreaterThan(12));
        Assert.That(all.Except(trained), Is.Empty);
    }

    [Test]
    public void A_training_step_computes_what_a_written_model_computes([ValueSource(nameof(Nets))] string text)
    {
        using QuantizedModel model = Trained(text, out FloatDataset data);
        Network network = model.Network;
        float[] trained = Forward(network, data, training: true);
        Bits.AssertEqual(Forward(network, data, training: false), trained, "a prediction");
        string path = Path.Combine(TestContext.CurrentContext.WorkDirectory, "trained-on-integers.safetensors");
        ModelFile.Save(path, network);
        using Network written = ModelFile.Open(path).ToNetwork();
        File.Delete(path);
        Bits.AssertEqual(Predictions(written, data), trained, "the written model");
        Assert.That(trained.Distinct().Count(), Is.GreaterThan(20));
    }

    [Test]
    public void A_resumed_training_has_the_bits_of_one_that_never_stopped([ValueSource(nameof(Nets))] string text)
    {
        TrainerOptions options = new() { Epochs = 3, LearningRate = 0.01f };
        using QuantizedModel whole = Made(text, out FloatDataset data), part = Made(text, out _);
        ResumedTraining.AssertBits(whole.Network, part.Network, data, options);
        Assert.That(Bits.FirstDifference(part.Network.State, whole.Network.State), Is.GreaterThanOrEqualTo(0), "ranges have moved");
    }

    [Test]
    public void One_hash_however_it_is_run([ValueSource(nameof(Nets))] string text)
    {
        NetworkOptions options = new() { Batch = 8, Optimizer = new Adam(), Layout = Layout.Compact };
        string expected = Hash(text, options with { Execution = Execution.Scalar });
        Widths.ForEach(width =>
        {
            Assert.That(Hash(text, options), Is.EqualTo(expected), $"width {width}");
            Assert.That(Hash(text, options with { Layout = Layout.Padded, Threads = 2 }), Is.EqualTo(expected), $"padded, 2 threads, width {width}");
        });
        Assert.That(Hash(text, options with { Arithmetic = Arithmetic.Separate }), Is.Not.EqualTo(expected), "the hash sees a last bit");
    }

    [Test]
    public void A_step_allocates_nothing([ValueSource(nameof(Nets))] string text)
    {
        using QuantizedModel model = Made(text, out FloatDataset data);
        model.Network.Gather(data, [.. Enumerable.Range(0, 8)]);
        _ = model.Network.TrainStep(8, 0.01f);
        Assert.That(Allocations.Of(20, () => model.Network.TrainStep(8, 0.01f)), Is.Zero);
    }

    [Test]
    public void A_cell_that_meets_the_end_of_its_range_doubles_it()
    {
        using QuantizedModel model = Made(Nets[0], out FloatDataset data);
        Network network = model.Network;
        Span<float> range = State(network, "lstm1.cell_range"), extreme = State(network, "lstm1.cell_extremes");
        Assert.That(range[0], Is.EqualTo(IntegerRecurrent.CellScale(0.9)));
        Step(network, data, keepsRanges: false);
        Assert.That(range[0], Is.EqualTo(IntegerRecurrent.CellScale(0.9)), "no cell has met it");

        // Gates that are open: a cell grows by 1 in each of six steps.
        ParameterRange bias = network.InferencePlan.Parameters.ToArray().Single(range => range.Name == "lstm1.bias_ih");
        network.Parameters.Slice(bias.Offset, 9).Fill(9f);
        Step(network, data, keepsRanges: true);
        Assert.That(range[0], Is.EqualTo(IntegerRecurrent.CellScale(0.9)), "ranges stay in the end");
        foreach (double reach in (ReadOnlySpan<double>)[1, 2, 4, 4])
        {
            Step(network, data, keepsRanges: false);
            Assert.That(range[0], Is.EqualTo(IntegerRecurrent.CellScale(reach)));
            Assert.That(extreme[0], Is.Zero);
        }
    }

    [Test]
    public void Products_of_a_layer_with_relu_widen_its_range()
    {
        using QuantizedModel model = Made(Nets[1], out FloatDataset data);
        Span<float> range = State(model.Network, "rnn1.range");
        float scale = range[0];
        range[0] = scale / 8f;
        Step(model.Network, data, keepsRanges: false);
        Assert.That(range[0], Is.GreaterThan(scale / 4f), "what was clamped was seen");
    }

    private static void Step(Network network, FloatDataset data, bool keepsRanges)
    {
        network.KeepsRanges = keepsRanges;
        network.Gather(data, [.. Enumerable.Range(0, 8)]);
        _ = network.TrainStep(8, 1e-6f);
    }

    private static Span<float> State(Network network, string name)
    {
        StateRange range = network.InferencePlan.State.ToArray().Single(range => range.Name == name);
        return network.State.Slice(range.Offset, range.Count);
    }

    /// <summary>The outputs of the first batch by the plan of a training.</summary>
    private static float[] Forward(Network network, FloatDataset data, bool training)
    {
        Plan plan = Plan.ForTraining(network.Output.Graph, network.TrainingPlan!.Options, network.TrainingPlan.Loss!, network.Output);
        float[] workspace = new float[plan.WorkspaceLength], gradients = new float[plan.GradientLength], state = network.State.ToArray();
        for (int i = 0; i < 8; i++)
        {
            data.Gather([i], plan.ValueSpan<float>(workspace, network.Input, 8)[(i * plan.Stride(network.Input))..], data.InputLength, [], 0);
        }

        plan.Forward(new PlanMemory<float>(network.Parameters, gradients, workspace, state), RunInfo.Single(8, training));
        return Golden.GoldenRows.Read(plan.ValueSpan<float>(workspace, network.Output, 8), plan.Stride(network.Output), 3);
    }

    private static float[] Predictions(Network network, FloatDataset data)
    {
        List<float> outputs = [];
        float[] row = new float[data.InputLength];
        for (int i = 0; i < 8; i++)
        {
            data.Gather([i], row, row.Length, [], 0);
            outputs.AddRange(network.Predict(row));
        }

        return [.. outputs];
    }

    private static string Hash(string text, NetworkOptions options)
    {
        (Network network, FloatDataset data) = Compile(text, options);
        using (network)
        {
            using QuantizedModel model = Quantizer.ForTraining(network, data);
            Trainer trainer = new(model.Network, data, new TrainerOptions { Epochs = 1, LearningRate = 0.01f });
            _ = trainer.TrainEpoch();
            return IntegerTrainingTests.Hash(model.Network);
        }
    }

    private static QuantizedModel Trained(string text, out FloatDataset data)
    {
        QuantizedModel model = Made(text, out data);
        _ = new Trainer(model.Network, data, new TrainerOptions { Epochs = 1, LearningRate = 0.01f }).TrainEpoch();
        return model;
    }

    private static QuantizedModel Made(string text, out FloatDataset data)
    {
        (Network network, data) = Compile(text, new NetworkOptions { Batch = 8, Optimizer = new Adam() });
        using (network)
        {
            return Quantizer.ForTraining(network, data);
        }
    }

    private static (Network Network, FloatDataset Data) Compile(string text, NetworkOptions options)
    {
        Network network = NetCompiler.Compile(text, new SoftmaxCrossEntropy(), options with { Seed = 5 });
        int length = network.Input.Shape.Length;
        float[] x = Samples.Array(Count * length, 4);
        int[] labels = [.. Enumerable.Range(0, Count).Select(i => x[i * length] > 0.3f ? 0 : x[(i * length) + 3] > 0 ? 1 : 2)];
        if (text.Contains("embedding", StringComparison.Ordinal))
        {
            x = [.. x.Select(value => MathF.Floor(4.999f * MathF.Abs(value)))];
        }

        return (network, FloatDataset.Classified(x, length, labels, 3));
    }
}
