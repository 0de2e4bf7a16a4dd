using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Tests.Activations;

namespace EmbeddedBackprop.Tests.Graphs;

/// <summary>The steps that the plan fuses, the steps that it does not, and that the bits are the same.</summary>
internal sealed class FusionTests
{
    private static readonly Activation Linear = new Activation<Identity>();

    private static IEnumerable<Activation> Activations() => ActivationTests.All();

    [TestCaseSource(nameof(Activations))]
    public void Dense_and_activation(Activation f) =>
        CheckFused(new Shape(12), (graph, x) => graph.Apply(new Activate(f), graph.Apply(new Dense(7, Linear), x)), "dense1", 1);

    [TestCaseSource(nameof(Activations))]
    public void Convolution_and_activation(Activation f) =>
        CheckFused(new Shape(2, 5, 4), (graph, x) => graph.Apply(new Activate(f), graph.Apply(new Conv2D(3, 3, 2, Linear), x)), "conv1", 1);

    [TestCaseSource(nameof(Activations))]
    public void Signal_convolution_and_activation(Activation f) =>
        CheckFused(new Shape(2, 9), (graph, x) => graph.Apply(new Activate(f), graph.Apply(new Conv1D(3, 3, Linear), x)), "conv1d1", 1);

    [TestCaseSource(nameof(Activations))]
    public void Residual_sum_and_activation(Activation f) =>
        CheckFused(
            new Shape(8),
            (graph, x) => graph.Apply(new Activate(f), graph.Apply(new Add(), x, graph.Apply(new Activate(f), graph.Apply(new Dense(8, Linear), x)))),
            "add1",
            2);

    [Test]
    public void Shared_weights_with_an_activation_of_their_own_at_each_use() =>
        CheckFused(
            new Shape(8),
            (graph, x) =>
            {
                Dense shared = new(8, Linear);
                Node first = graph.Apply(new Activate(new Activation<Tanh>()), graph.Apply(shared, x));
                return graph.Apply(new Activate(new Activation<Gelu>()), graph.Apply(shared, first));
            },
            "dense1", 2);

    [Test]
    public void What_somebody_else_reads_is_left_alone()
    {
        Graph graph = new();
        Node x = graph.Input(new Shape(4)), z = graph.Apply(new Dense(4, Linear), x), a = graph.Apply(new Activate(new Activation<Tanh>()), z);
        Node both = graph.Apply(new Add(), z, a);
        Assert.That(Plan.ForInference(graph, new PlanOptions(), both).Steps.ToArray().Sum(step => step.Fused.Count), Is.Zero);
        Assert.That(Plan.ForInference(graph, new PlanOptions(), a).Steps.ToArray().Sum(step => step.Fused.Count), Is.EqualTo(1));
        Assert.That(
            Plan.ForInference(graph, new PlanOptions(), a, z).Steps.ToArray().Sum(step => step.Fused.Count),
            Is.Zero,
            "the caller wants to see it");
        Node other = graph.Apply(new Activate(new Activation<Tanh>()), a);
        Assert.That(
            Plan.ForInference(graph, new PlanOptions(), other).Steps.ToArray().Sum(step => step.Fused.Count),
            Is.EqualTo(1),
            "a layer has one activation");
    }

    [Test]
    public void A_fused_step_holds_its_place_among_the_readers_of_its_input()
    {
        // x -> dense -> (later) activation, and another reader of x in between: the order of the two gradients of x must not change.
        CheckFused(
            new Shape(6),
            (graph, x) =>
            {
                Node h = graph.Apply(new Dense(6, new Activation<Tanh>()), x);
                Node z = graph.Apply(new Dense(6, Linear), h), between = graph.Apply(new Dense(6, new Activation<Sigmoid>()), h);
                return graph.Apply(new Add(), graph.Apply(new Activate(new Activation<Tanh>()), z), graph.Apply(new Add(), h, between));
            },
            "dense2", 1);
    }

    [TestCase(1)]
    [TestCase(5)]
    public void A_loss_behind_a_softmax_or_sigmoid_node_is_the_loss_on_logits(int targets)
    {
        foreach (bool softmax in (bool[])[true, false])
        {
            if (!softmax && targets == 1)
            {
                continue;
            }

            (float loss, float[] gradients, string table) = Judge(softmax, targets, separate: true);
            (float onLogits, float[] expected, _) = Judge(softmax, targets, separate: false);
            Bits.AssertEqual(loss, onLogits, "loss");
            Bits.AssertEqual(gradients, expected, "gradients");
            Assert.That(table, Does.Contain("does activate1"));
        }
    }

    [Test]
    public void A_network_counts_and_judges_what_the_loss_on_logits_reads()
    {
        Graph graph = new();
        Node x = graph.Input(new Shape(4)), z = graph.Apply(new Dense(1, Linear), x), p = graph.Apply(new Activate(new Activation<Sigmoid>()), z);
        Node loss = graph.Apply(new Loss<BinaryCrossEntropy> { Weight = 2f }, p, graph.Input(new Shape(1), "target"));
        EmbeddedBackprop.Training.Network network = new(x, p, loss, new EmbeddedBackprop.Training.NetworkOptions { Batch = 8, Seed = 1 });
        Samples.Fill(network.TrainingInput(8), 4);
        for (int i = 0; i < 8; i++)
        {
            // The class that the network itself sees: every one is right, although logits have another threshold than probabilities.
            network.TrainingTarget(8)[i * network.TargetStride] =
                network.Predict(network.TrainingInput(8).Slice(i * network.InputStride, 4))[0] > 0.5f ? 1f : 0f;
            Samples.Fill(network.TrainingInput(8), 4);
        }

        float value = network.ComputeLoss(8, out int correct);
        Assert.That(correct, Is.EqualTo(8));
        Bits.AssertEqual(value, 2f * network.LossValues[0], "the weight is kept");
    }

    private static (float Loss, float[] Gradients, string Table) Judge(bool softmax, int targets, bool separate)
    {
        Graph graph = new();
        Node x = graph.Input(new Shape(6)),
            z = graph.Apply(new Dense(5, Linear), x);
        Node p = graph.Apply(new Activate(softmax ? new Softmax() : new Activation<Sigmoid>()), z),
            target = graph.Input(new Shape(targets), "target");
        Loss loss =
            softmax ? new SoftmaxCrossEntropy()
            : separate ? new Loss<BinaryCrossEntropy>()
            : new Loss<BinaryCrossEntropyWithLogits>();
        Plan plan = Plan.ForTraining(graph, new PlanOptions { Batch = 3 }, graph.Apply(loss, separate ? p : z, target));
        float[] gradients = new float[plan.ParameterLength], workspace = new float[plan.WorkspaceLength];
        Samples.Fill(plan.ValueSpan<float>(workspace, x, 3), 1);
        foreach (ref float y in plan.ValueSpan<float>(workspace, target, 3))
        {
            y = targets == 1 ? 2f : 0.2f;
        }

        PlanMemory<float> memory = new(Samples.Array(plan.ParameterLength, 2), gradients, workspace);
        plan.Forward(in memory, RunInfo.Single(3, training: true));
        plan.Backward(in memory, RunInfo.Single(3, training: true));
        return (plan.TotalLoss(workspace.AsSpan(), 3), gradients, plan.ToString());
    }

    private static void CheckFused(Shape shape, Func<Graph, Node, Node> build, string into, int count)
    {
        foreach (int batch in (int[])[1, 5])
        {
            (float[] fused, Plan with) = Run(shape, build, batch, fuse: true);
            (float[] apart, Plan without) = Run(shape, build, batch, fuse: false);
            Bits.AssertEqual(fused, apart, $"batch {batch}");
            Assert.That(with.Steps.ToArray().Sum(step => step.Fused.Count), Is.EqualTo(count));
            Assert.That(without.Steps.ToArray().Sum(step => step.Fused.Count), Is.Zero);
            Assert.That(with.Steps.Length, Is.EqualTo(without.Steps.Length - count));
            Assert.That(with.ToString(), Does.Contain("does " + into).Or.Contain(into));
            Assert.That(PlanChecker.FirstFault(with), Is.Null);
        }
    }

    private static (float[] Results, Plan Plan) Run(Shape shape, Func<Graph, Node, Node> build, int batch, bool fuse)
    {
        Graph graph = new();
        Node x = graph.Input(shape), y = build(graph, x), target = graph.Input(y.Shape, "target");
        Plan plan = Plan.ForTraining(
            graph,
            new PlanOptions
            {
                Batch = batch,
                Fuse = fuse,
                InputGradients = true,
            },
            graph.Apply(new Loss<Quadratic>(), y, target),
            y);
        float[] parameters = new float[plan.ParameterLength],
            gradients = new float[plan.ParameterLength],
            workspace = new float[plan.WorkspaceLength];
        int seed = 1;
        foreach (ParameterRange range in plan.Parameters)
        {
            range.CopyFrom<float>(Samples.Array(range.Count, seed++), parameters);
        }

        Fill(x, 11);
        Fill(target, 12);
        PlanMemory<float> memory = new(parameters, gradients, workspace);
        plan.Forward(in memory, RunInfo.Single(batch, training: true));
        float[] values = plan.ValueSpan<float>(workspace, y, batch).ToArray();
        plan.Backward(in memory, RunInfo.Single(batch, training: true));
        List<float> results = [plan.TotalLoss(workspace.AsSpan(), batch)];
        for (int row = 0; row < batch; row++)
        {
            results.AddRange(values.AsSpan(row * plan.Stride(y), y.Shape.Length));
            results.AddRange(plan.GradientSpan<float>(workspace, x, batch).Slice(row * plan.Stride(x), x.Shape.Length));
        }

        foreach (ParameterRange range in plan.Parameters)
        {
            float[] compact = new float[range.Count];
            range.CopyTo<float>(gradients, compact);
            results.AddRange(compact);
        }

        return ([.. results], plan);

        void Fill(Node node, int seed)
        {
            for (int row = 0; row < batch; row++)
            {
                Samples.Fill(plan.ValueSpan<float>(workspace, node, batch).Slice(row * plan.Stride(node), node.Shape.Length), seed + row);
            }
        }
    }
}
