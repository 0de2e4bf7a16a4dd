using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Tests.Ops;

/// <summary>Dropout in a graph: bits (so the mask depends neither on micro-batches nor on widths), gradients, inference.</summary>
internal sealed class DropoutTests
{
    [Test]
    public void Bits_and_gradients([Values(0f, 0.3f, 0.8f)] float probability) =>
        new GraphRun(5, 6, (graph, x) => graph.Apply(Linear(3), graph.Apply(new Dropout(probability), graph.Apply(Linear(37), x)))).CheckEverything();

    [Test]
    public void Two_of_them_draw_two_masks_and_the_input_has_other_readers() =>
        new GraphRun(5, 6, (graph, x) =>
        {
            Node z = graph.Apply(Linear(20), x);
            return graph.Apply(new Add(), [graph.Apply(new Dropout(0.5f), z), graph.Apply(new Dropout(0.5f), z), z]);
        }).CheckEverything();

    [Test]
    public void Inference_changes_nothing_and_training_draws_by_step_and_seed()
    {
        Graph graph = new();
        Node input = graph.Input(new Shape(50));
        Node output = graph.Apply(new Dropout(0.5f), input);
        Plan plan = Plan.ForInference(graph, new PlanOptions { Batch = 1 }, output, input);
        float[] workspace = new float[plan.WorkspaceLength], x = Samples.Array(50, 1);
        float[] Run(bool training, long step = 0, ulong seed = 1)
        {
            x.CopyTo(plan.ValueSpan<float>(workspace, input, 1));
            plan.Forward(new PlanMemory<float>([], [], workspace), new RunInfo(1, 1, 0, training, seed, step));
            return plan.ValueSpan<float>(workspace, output, 1)[..50].ToArray();
        }

        Assert.That(Run(training: false), Is.EqualTo(x));
        float[] first = Run(training: true);
        Assert.That(first, Is.Not.EqualTo(x));
        Assert.That(Run(training: true), Is.EqualTo(first));
        Assert.That(Run(training: true, step: 1), Is.Not.EqualTo(first));
        Assert.That(Run(training: true, seed: 2), Is.Not.EqualTo(first));
    }

    [Test]
    public void A_probability_out_of_range_is_refused([Values(-0.1f, 1f, float.NaN)] float probability) =>
        Assert.That(() => new Dropout(probability), Throws.InstanceOf<ArgumentOutOfRangeException>());

    private static Dense Linear(int outputs) => new(outputs, new Activation<Identity>());
}
