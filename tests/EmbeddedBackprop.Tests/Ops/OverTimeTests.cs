using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Tests.Ops;

/// <summary>Means and maxima over time with and without a mask, and embeddings.</summary>
internal sealed class OverTimeTests
{
    [Test]
    public void All_steps([Values] bool maximum, [Values(1, 5, 20)] int features) => new GraphRun(3, 5, (graph, x) =>
    {
        Node sequence = graph.Apply(new Reshape(new Shape(4, features)), graph.Apply(Layer(4 * features), x));
        Node a = graph.Apply(Reduction(maximum), sequence), b = graph.Apply(Reduction(!maximum), sequence);
        return graph.Apply(new Add(), a, b);
    }).CheckEverything();

    // The first four elements of a sample are its mask: all steps, some, none.
    [Test]
    public void Steps_that_the_mask_counts([Values] bool maximum) => new GraphRun(4, 9, (graph, x) =>
    {
        Node sequence = graph.Apply(new Reshape(new Shape(4, 5)), graph.Apply(Layer(20), graph.Apply(new Slice(4, 5), x)));
        Node mask = graph.Apply(new Slice(0, 4), x);
        return graph.Apply(new Add(), graph.Apply(Reduction(maximum), sequence, mask), graph.Apply(Reduction(!maximum), sequence, mask));
    })
    {
        Values = [.. Samples.Array(36, 3).Select((value, i) => (i % 9) < 4 ? Masks[i / 9][i % 9] - '0' : value)],
    }.CheckEverything();

    private static readonly string[] Masks = ["1111", "0110", "0000", "1000"];

    [Test]
    public void A_mask_of_another_length_is_refused()
    {
        Graph graph = new();
        Node sequence = graph.Input(new Shape(4, 5), "sequence"),
            mask = graph.Input(new Shape(5), "mask");
        Assert.That(
            () => graph.Apply(new MeanOverTime(), sequence, mask),
            Throws.ArgumentException.With.Message.Contains("4x5").And.Message.Contains("mask"));
        Assert.That(() => graph.Apply(new MaxOverTime(), mask), Throws.ArgumentException.With.Message.Contains("time x features"));
    }

    [Test]
    public void Embeddings() => new GraphRun(4, 6, (graph, x) => graph.Apply(new Embedding(5, 3), x))
    {
        Values = [.. Enumerable.Range(0, 24).Select(i => (float)(i * i % 5))],
    }.CheckEverything();

    [TestCase(5f)]
    [TestCase(-1f)]
    [TestCase(0.5f)]
    [TestCase(float.NaN)]
    [TestCase(float.PositiveInfinity)]
    public void An_index_outside_the_table_names_sample_and_value(float index)
    {
        Graph graph = new();
        Node input = graph.Input(new Shape(3)), output = graph.Apply(new Embedding(5, 2), input);
        Plan plan = Plan.ForInference(graph, new PlanOptions { Batch = 2, Layout = Layout.Compact }, output);
        float[] workspace = new float[plan.WorkspaceLength], parameters = new float[plan.ParameterLength];
        new[] { 0f, 1f, 2f, 3f, index, 4f }.CopyTo(plan.ValueSpan<float>(workspace, input, 2));
        foreach (Execution execution in (Execution[])[Execution.Vector, Execution.Scalar])
        {
            Assert.That(
                () => plan.Forward(new PlanMemory<float>(parameters, [], workspace), RunInfo.Single(2), execution),
                Throws
                    .ArgumentException.With.Message.Contains("embedding1: sample 1, position 1")
                    .And.Message.Contains("0 to 4")
                    .And.Message.Contains($"{index}"));
        }
    }

    private static Op Reduction(bool maximum) => maximum ? new MaxOverTime() : new MeanOverTime();

    private static Dense Layer(int outputs) => new(outputs, new Activation<Tanh>());
}
