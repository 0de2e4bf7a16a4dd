using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Ops;

/// <summary>Normalisations in a graph: bits, gradients, running statistics, training and inference.</summary>
internal sealed class NormTests
{
    [TestCase(6)]
    [TestCase(33)]
    public void Batch_normalisation_of_features(int features) =>
        new GraphRun(9, 5, (graph, x) => graph.Apply(new BatchNorm(), graph.Apply(Curved(features), x)))
        {
            Limits = Cancelling,
        }.CheckEverything();

    [TestCase(4, 3, 5)]
    [TestCase(2, 4, 4)]
    [TestCase(3, 1, 7)]
    public void Batch_normalisation_of_channels(int channels, int height, int width) =>
        new GraphRun(4, 5, (graph, x) =>
        {
            Node image = graph.Apply(new Reshape(new Shape(channels, height, width)), graph.Apply(Curved(channels * height * width), x));
            return graph.Apply(new BatchNorm(), image);
        })
        {
            Limits = Cancelling,
        }.CheckEverything();

    [Test]
    public void Layer_normalisation([Values(1, 5, 33)] int features, [Values] bool wholeSample) =>
        new GraphRun(3, 5, (graph, x) =>
        {
            Node rows = graph.Apply(new Reshape(new Shape(3, features)), graph.Apply(Linear(3 * features), x));
            return graph.Apply(new LayerNorm { WholeSample = wholeSample }, rows);
        }).CheckEverything();

    [Test]
    public void Weights_used_twice_and_an_input_with_another_reader() =>
        new GraphRun(4, 5, (graph, x) =>
        {
            Node z = graph.Apply(Curved(6), x);
            BatchNorm batch = new();
            Node twice = graph.Apply(batch, graph.Apply(batch, z));
            return graph.Apply(new Add(), [twice, graph.Apply(new LayerNorm(), z), z]);
        }).CheckEverything();

    [Test]
    public void Running_values_move_by_the_momentum_towards_mean_and_unbiased_variance()
    {
        (Plan plan, Node input, _) = Compile(3, new BatchNorm { Momentum = 0.25f });
        float[] state = new float[plan.StateLength], workspace = new float[plan.WorkspaceLength];
        plan.InitializeState<float>(state);
        Fill(plan.ValueSpan<float>(workspace, input, 3), plan.Stride(input), [1, 10, 2, 20, 6, 60]);
        plan.Forward(Memory(plan, workspace, state), RunInfo.Single(3, training: true));
        // Means 3 and 30, unbiased variances 7 and 700.
        Assert.That(state.AsSpan(plan.State[0].Offset, 2).ToArray(), Is.EqualTo(new[] { 0.75f, 7.5f }).Within(1e-6));
        Assert.That(state.AsSpan(plan.State[1].Offset, 2).ToArray(), Is.EqualTo(new[] { 0.75f + 1.75f, 0.75f + 175f }).Within(1e-4));
        float[] kept = (float[])state.Clone();
        plan.Forward(Memory(plan, workspace, state), RunInfo.Single(3));
        Assert.That(state, Is.EqualTo(kept), "inference leaves them alone");
        // One element a channel has no unbiased variance.
        Fill(plan.ValueSpan<float>(workspace, input, 1), plan.Stride(input), [4, 8]);
        plan.Forward(Memory(plan, workspace, state), RunInfo.Single(1, training: true));
        Assert.That(state[plan.State[0].Offset], Is.EqualTo(0.75f + (0.25f * 3.25f)).Within(1e-6));
        Assert.That(state[plan.State[1].Offset], Is.EqualTo(kept[plan.State[1].Offset]));
    }

    [Test]
    public void Inference_uses_the_running_values_and_training_those_of_the_batch()
    {
        (Plan plan, Node input, Node output) = Compile(3, new BatchNorm());
        float[] state = new float[plan.StateLength], workspace = new float[plan.WorkspaceLength];
        plan.InitializeState<float>(state);
        state[plan.State[0].Offset] = 2f;
        state[plan.State[1].Offset] = 4f;
        Fill(plan.ValueSpan<float>(workspace, input, 3), plan.Stride(input), [1, 10, 2, 20, 6, 60]);
        plan.Forward(Memory(plan, workspace, state), RunInfo.Single(3));
        float[] y = Golden.GoldenRows.Read(plan.ValueSpan<float>(workspace, output, 3), plan.Stride(output), 2);
        Assert.That(y, Is.EqualTo(new[] { -0.5f, 10f, 0f, 20f, 2f, 60f }).Within(1e-3));
        Fill(plan.ValueSpan<float>(workspace, input, 3), plan.Stride(input), [1, 10, 2, 20, 6, 60]);
        plan.Forward(Memory(plan, workspace, state), RunInfo.Single(3, training: true));
        y = Golden.GoldenRows.Read(plan.ValueSpan<float>(workspace, output, 3), plan.Stride(output), 2);
        Assert.That(y[0], Is.EqualTo(-2 / MathF.Sqrt(14f / 3)).Within(1e-5));
    }

    [Test]
    public void Part_of_a_batch_is_refused()
    {
        (Plan plan, _, _) = Compile(4, new BatchNorm());
        float[] state = new float[plan.StateLength], workspace = new float[plan.WorkspaceLength];
        Assert.That(plan.CanSplitBatch, Is.False);
        Assert.That(
            () => plan.Forward(Memory(plan, workspace, state), new RunInfo(2, 4, Training: true)),
            Throws.ArgumentException.With.Message.Contains("batchnorm1"));
    }

    [Test]
    public void Settings_out_of_range_are_refused()
    {
        Graph graph = new();
        Node x = graph.Input(new Shape(3));
        Assert.That(() => graph.Apply(new BatchNorm { Momentum = 1.5f }, x), Throws.InstanceOf<ArgumentOutOfRangeException>());
        Assert.That(() => graph.Apply(new LayerNorm { Epsilon = 0f }, x), Throws.InstanceOf<ArgumentOutOfRangeException>());
    }

    private static (Plan Plan, Node Input, Node Output) Compile(int batch, BatchNorm op)
    {
        Graph graph = new();
        Node input = graph.Input(new Shape(2));
        Node output = graph.Apply(op, input);
        return (Plan.ForInference(graph, new PlanOptions { Batch = batch }, output), input, output);
    }

    private static PlanMemory<float> Memory(Plan plan, float[] workspace, float[] state)
    {
        float[] parameters = new float[plan.ParameterLength];
        parameters.AsSpan(plan.Parameters[0].Offset, 2).Fill(1f);
        return new PlanMemory<float>(parameters, [], workspace, state);
    }

    private static void Fill(Span<float> rows, int stride, float[] values) => Golden.GoldenRows.Write(values, 2, rows, stride);

    // The gradients that come out of a batch normalisation add up to 0, and the bias below it is their sum but for the curve between: only
    // rounding is left.
    private static readonly GradientCheckOptions Cancelling = new() { FloatLimit = 1e-4 };

    // A bias right below a batch normalisation has a gradient of 0, which proves nothing.
    private static Dense Curved(int outputs) => new(outputs, new Activation<Tanh>());

    private static Dense Linear(int outputs) => new(outputs, new Activation<Identity>());
}
