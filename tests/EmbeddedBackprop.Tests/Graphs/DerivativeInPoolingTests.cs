using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Tests.Graphs;

/// <summary>A pooling multiplies by the derivative of the rectifier before it: which steps do, and that the bits are the same.</summary>
internal sealed class DerivativeInPoolingTests
{
    [TestCase(2, 2, true, ExpectedResult = true)]
    [TestCase(2, 2, false, ExpectedResult = false, TestName = "Without_fusion_none_does")]
    [TestCase(3, 3, true, ExpectedResult = false, TestName = "Another_window_does_not")]
    [TestCase(2, 1, true, ExpectedResult = false, TestName = "Windows_that_overlap_do_not")]
    public bool Windows_of_two_by_two_side_by_side_do(int window, int stride, bool fuse)
    {
        Graph graph = new();
        Node a = graph.Apply(new Conv2D(4, 3, 3, new Activation<Relu>()), graph.Input(new Shape(1, 14, 14)));
        return Derives(graph, a, graph.Apply(new MaxPool2D(window, stride), a), fuse);
    }

    [Test]
    public void Of_another_activation_or_another_op_none_does()
    {
        Graph graph = new();
        Node x = graph.Input(new Shape(1, 14, 14)), tanh = graph.Apply(new Conv2D(4, 3, 3, new Activation<Tanh>()), x);
        Assert.That(Derives(graph, tanh, graph.Apply(new MaxPool2D(2, 2), tanh)), Is.False);
        Graph other = new();
        Node a = other.Apply(new Conv2D(4, 3, 3, new Activation<Relu>()), other.Input(new Shape(1, 14, 14)));
        Assert.That(Derives(other, a, other.Apply(new AveragePool2D(2, 2), a)), Is.False);
    }

    [Test]
    public void A_gradient_that_comes_from_two_readers_is_multiplied_once_it_is_whole()
    {
        foreach (bool poolingFirst in (ReadOnlySpan<bool>)[true, false])
        {
            Graph graph = new();
            Node a = graph.Apply(new Conv2D(4, 3, 3, new Activation<Relu>()), graph.Input(new Shape(1, 14, 14)));
            Node pooled, mean;
            if (poolingFirst)
            {
                pooled = graph.Apply(new GlobalAveragePool(), graph.Apply(new MaxPool2D(2, 2), a));
                mean = graph.Apply(new GlobalAveragePool(), a);
            }
            else
            {
                mean = graph.Apply(new GlobalAveragePool(), a);
                pooled = graph.Apply(new GlobalAveragePool(), graph.Apply(new MaxPool2D(2, 2), a));
            }

            Assert.That(Derives(graph, a, graph.Apply(new Add(), pooled, mean)), Is.False, $"{poolingFirst}");
        }
    }

    /// <summary>The parameters after three steps are those of the loops, with and without an update in the backward pass.</summary>
    [Test]
    public void Bits_of_the_loops([Values] bool updatesInBackward, [Values] Arithmetic arithmetic)
    {
        Graph graph = new();
        Node a = graph.Apply(new Conv2D(8, 5, 5, new Activation<Relu>()), graph.Input(new Shape(1, 28, 28)));
        a = graph.Apply(new Conv2D(16, 5, 5, new Activation<Relu>()), graph.Apply(new MaxPool2D(2, 2), a));
        a = graph.Apply(new Dense(3, new Activation<Identity>()), graph.Apply(new Flatten(), graph.Apply(new MaxPool2D(2, 2), a)));
        Node target = graph.Input(new Shape(3), "target"), loss = graph.Apply(new Loss<Quadratic>(), a, target);
        Plan plan = Plan.ForTraining(graph, new PlanOptions { Batch = 5, Arithmetic = arithmetic }, loss);
        Assert.That(plan.Steps.ToArray().Count(step => step.DerivedBy is not null), Is.EqualTo(2));
        float[] expected = Train(plan, target, updatesInBackward, Execution.Scalar), start = Parameters(plan);
        Assert.That(expected, Is.Not.EqualTo(start), "control: a step changes them");
        Widths.ForEach(width => Bits.AssertEqual(Train(plan, target, updatesInBackward, Execution.Vector), expected, $"width {width}"));
    }

    private static float[] Parameters(Plan plan) => [.. Samples.Array(plan.ParameterLength, 1, Numbers.Plain).Select(w => w * 0.1f)];

    private static float[] Train(Plan plan, Node target, bool updatesInBackward, Execution execution)
    {
        float[] parameters = Parameters(plan), gradients = new float[plan.GradientLength], workspace = new float[plan.WorkspaceLength];
        PlanMemory<float> memory = new(parameters, gradients, workspace);
        for (int i = 0; i < 3; i++)
        {
            Samples.Array(5 * plan.Stride(plan.Graph.Nodes[0]), 3 + i, Numbers.Plain)
                .CopyTo(plan.ValueSpan(memory.Workspace, plan.Graph.Nodes[0], 5));
            Samples.Array(5 * plan.Stride(target), 9 + i, Numbers.Plain).CopyTo(plan.ValueSpan(memory.Workspace, target, 5));
            RunInfo run = RunInfo.Single(5, training: true);
            plan.Forward(in memory, in run, execution);
            if (updatesInBackward && execution == Execution.Vector)
            {
                Assert.That(plan.BackwardAndUpdate(in memory, in run, new SgdUpdate(0.01f)), Is.True);
                continue;
            }

            plan.Backward(in memory, in run, execution);
            Elementwise.MultiplyAdd(plan.Options.Arithmetic, -0.01f, gradients, parameters);
        }

        return parameters;
    }

    /// <summary>Whether the backward pass of the step after a node multiplies by the derivative of that node's activation.</summary>
    private static bool Derives(Graph graph, Node node, Node last, bool fuse = true)
    {
        Node output = last.Shape.Rank == 1 ? last : graph.Apply(new GlobalAveragePool(), last);
        Node loss = graph.Apply(new Loss<Quadratic>(), output, graph.Input(output.Shape, "target"));
        Plan plan = Plan.ForTraining(graph, new PlanOptions { Fuse = fuse }, loss);
        Step step = Array.Find(plan.Steps.ToArray(), step => step.Node == node)!;
        Assert.That(plan.Steps.ToArray().Count(other => other.Derives), Is.EqualTo(step.DerivedBy is null ? 0 : 1));
        return step.DerivedBy is not null;
    }
}
