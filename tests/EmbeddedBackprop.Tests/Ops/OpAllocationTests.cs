using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Tests.Ops;

/// <summary>A forward and a backward pass through every small op allocates nothing, by kernels and by loops.</summary>
internal sealed class OpAllocationTests
{
    private static readonly Dictionary<string, Func<Graph, Node, Node>> Nets = new()
    {
        ["poolings"] = (graph, image) => graph.Apply(new Concat(),
        [
            graph.Apply(new MaxPool2D(2), image), graph.Apply(new AveragePool2D(2), image), graph.Apply(new MaxPool2D(3, 2, 1), image),
            graph.Apply(new AveragePool2D(3, 2, 1), image),
        ]),
        ["global poolings"] = PoolingTests.GlobalPoolings,
        ["normalisations"] = (graph, image) => graph.Apply(new LayerNorm { WholeSample = true }, graph.Apply(new BatchNorm(), image)),
        ["dropout and scale"] = (graph, image) => graph.Apply(new Scale(2f, trained: true), graph.Apply(new Dropout(0.5f), image)),
        ["sums"] = (graph, image) => graph.Apply(new Multiply(), graph.Apply(new Add(new Activation<Mish>()), image, image), image),
        ["signals"] = Signals,
        ["moves"] = (graph, image) =>
        {
            Node matrix = graph.Apply(new Reshape(new Shape(6, 12)), image);
            Node turned = graph.Apply(new SwapAxes(), graph.Apply(new Slice(1, 4), matrix));
            Node probabilities = graph.Apply(new SoftmaxOverLastAxis(), turned);
            return graph.Apply(new Add(), graph.Apply(new MeanOverTime(), probabilities), graph.Apply(new MaxOverTime(), turned));
        },
    };

    private static Node Signals(Graph graph, Node image)
    {
        Node signal = graph.Apply(new Reshape(new Shape(72)), image);
        Node frames = graph.Apply(new Window(), graph.Apply(new Frames(32, 8), graph.Apply(new PreEmphasis(), signal)));
        Node spectra = graph.Apply(new Spectrum(), frames);
        Node[] features =
        [
            graph.Apply(new Dct(2), graph.Apply(new Log(), graph.Apply(new Mel(3, 8000), graph.Apply(new Power(), spectra)))),
            graph.Apply(new Bands(8000, 0, 1000, 4000), graph.Apply(new Magnitude(), spectra)),
            graph.Apply(new Goertzel(8000, 440), graph.Apply(new Biquad(0.2f, 0.4f, 0.2f, -0.5f, 0.3f), frames)),
            graph.Apply(new Statistics(Statistic.Mean, Statistic.Kurtosis, Statistic.Crest), graph.Apply(new Decimate(2), frames)),
        ];
        return graph.Apply(new Concat(), [.. features.Select(node => graph.Apply(new Flatten(), node))]);
    }

    private static string[] Names() => [.. Nets.Keys];

    [Test]
    public void Nothing_is_allocated([ValueSource(nameof(Names))] string name, [Values] Execution execution)
    {
        Graph graph = new();
        Node input = graph.Input(new Shape(5));
        Node image = graph.Apply(new Reshape(new Shape(2, 6, 6)), graph.Apply(new Dense(72, new Activation<Tanh>()), input));
        Node output = Nets[name](graph, image);
        Node target = graph.Input(output.Shape, "target");
        Plan plan = Plan.ForTraining(graph, new PlanOptions { Batch = 3 }, graph.Apply(new Loss<Quadratic>(), output, target));
        float[] parameters = Samples.Array(plan.ParameterLength, 1), gradients = new float[plan.ParameterLength];
        float[] workspace = Samples.Array(plan.WorkspaceLength, 2), state = new float[plan.StateLength];
        plan.InitializeState<float>(state);
        RunInfo run = RunInfo.Single(3, training: true);
        Assert.That(
            Allocations.Of(3, () =>
            {
                PlanMemory<float> memory = new(parameters, gradients, workspace, state);
                plan.Forward(in memory, in run, execution);
                plan.Backward(in memory, in run, execution);
            }),
            Is.Zero);
    }

    // An inference plan works in place where the ops allow it; a training plan that is run for inference keeps what it needs.
    [Test]
    public void Inference_in_place_gives_the_bits_of_a_training_plan([ValueSource(nameof(Names))] string name, [Values] Layout layout)
    {
        Graph graph = new();
        Node input = graph.Input(new Shape(5));
        Node image = graph.Apply(new Reshape(new Shape(2, 6, 6)), graph.Apply(new Dense(72, new Activation<Tanh>()), input));
        Node output = Nets[name](graph, image);
        Node target = graph.Input(output.Shape, "target");
        PlanOptions options = new() { Batch = 3, Layout = layout };
        Plan training = Plan.ForTraining(graph, options, graph.Apply(new Loss<Quadratic>(), output, target), output);
        Plan inference = Plan.ForInference(graph, options, output);
        float[] expected = Run(training, input, output, Execution.Scalar);
        Widths.ForEach(width => Bits.AssertEqual(Run(inference, input, output, Execution.Vector), expected, $"{name} {layout} width {width}"));
        Assert.That(inference.WorkspaceLength, Is.LessThan(training.WorkspaceLength));
    }

    private static float[] Run(Plan plan, Node input, Node output, Execution execution)
    {
        float[] parameters = new float[plan.ParameterLength], workspace = Samples.Array(plan.WorkspaceLength, 3), state = new float[plan.StateLength];
        foreach (ParameterRange range in plan.Parameters)
        {
            range.CopyFrom<float>(Samples.Array(range.Count, range.Count), parameters);
        }

        plan.InitializeState<float>(state);
        Golden.GoldenRows.Write(Samples.Array(15, 4), 5, plan.ValueSpan<float>(workspace, input, 3), plan.Stride(input));
        plan.Forward(new PlanMemory<float>(parameters, new float[plan.ParameterLength], workspace, state), RunInfo.Single(3), execution);
        return Golden.GoldenRows.Read(plan.ValueSpan<float>(workspace, output, 3), plan.Stride(output), output.Shape.Length);
    }

    [Test]
    public void An_embedding_allocates_nothing()
    {
        Graph graph = new();
        Node input = graph.Input(new Shape(4)), output = graph.Apply(new Embedding(5, 3), input), target = graph.Input(output.Shape, "target");
        Plan plan = Plan.ForTraining(graph, new PlanOptions { Batch = 2 }, graph.Apply(new Loss<Quadratic>(), output, target));
        float[] parameters = new float[plan.ParameterLength],
            gradients = new float[plan.ParameterLength],
            workspace = new float[plan.WorkspaceLength];
        RunInfo run = RunInfo.Single(2, training: true);
        Assert.That(
            Allocations.Of(3, () =>
            {
                PlanMemory<float> memory = new(parameters, gradients, workspace);
                plan.Forward(in memory, in run);
                plan.Backward(in memory, in run);
            }),
            Is.Zero);
    }
}
