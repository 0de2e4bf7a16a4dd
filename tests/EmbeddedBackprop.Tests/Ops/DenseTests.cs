using EmbeddedBackprop.Activations;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Tests.Activations;

namespace EmbeddedBackprop.Tests.Ops;

/// <summary>Fully connected layers: bits, layouts, micro-batches and gradients, alone, branched and with shared weights.</summary>
internal sealed class DenseTests
{
    private static IEnumerable<Activation> Activations() => ActivationTests.All();

    [TestCase(1, 1, 1)]
    [TestCase(1, 9, 4)]
    [TestCase(2, 3, 5)]
    [TestCase(7, 13, 17)]
    [TestCase(10, 33, 16)]
    [TestCase(5, 20, 1)]
    [TestCase(3, 17, 35)]
    public void Sizes(int batch, int inputs, int outputs) =>
        new GraphRun(batch, inputs, (graph, x) => graph.Apply(Layer<Sigmoid>(outputs), x)).CheckEverything();

    [TestCaseSource(nameof(Activations))]
    public void Every_activation_between_two_layers(Activation activation) =>
        new GraphRun(5, 6, (graph, x) => graph.Apply(Layer<Identity>(3), graph.Apply(new Dense(7, activation), x))).CheckEverything();

    [TestCaseSource(typeof(Registry), nameof(Registry.LossNames))]
    public void Every_loss_behind_two_layers(string name) =>
        new GraphRun(
            5, 6, (graph, x) => graph.Apply(Layer<Sigmoid>(3), graph.Apply(Layer<Tanh>(7), x)), () => Registry.Loss(name)).CheckEverything();

    [Test]
    public void An_output_used_twice() =>
        new GraphRun(4, 5, (graph, x) =>
        {
            Node hidden = graph.Apply(Layer<Tanh>(6), x);
            Node left = graph.Apply(Layer<Sigmoid>(3), hidden), right = graph.Apply(Layer<Mish>(3), hidden);
            return graph.Apply(new Sum(), left, right);
        }).CheckEverything();

    [Test]
    public void Weights_used_twice_agree_in_bits_where_a_batch_is_not_split()
    {
        GraphRun run = new(1, 6, Shared);
        run.CheckEverything();

        static Node Shared(Graph graph, Node x)
        {
            Dense shared = Layer<Tanh>(6);
            return graph.Apply(Layer<Identity>(2), graph.Apply(shared, graph.Apply(shared, x)));
        }
    }

    [Test]
    public void Weights_used_twice_have_the_right_gradient_in_a_batch()
    {
        GraphRun run = new(5, 6, (graph, x) =>
        {
            Dense shared = Layer<Sigmoid>(6);
            return graph.Apply(shared, graph.Apply(shared, x));
        });
        Assert.That(run.CheckGradient(Arithmetic.Fused).Passed, Is.True, run.CheckGradient(Arithmetic.Fused).ToString());
    }

    [Test]
    public void A_flipped_sign_is_caught() =>
        Assert.That(
            new GraphRun(4, 5, (graph, x) => graph.Apply(Layer<Identity>(2), graph.Apply(Layer<FlippedCube>(6), x)))
                .CheckGradient(Arithmetic.Fused).Passed,
            Is.False);

    [Test]
    public void A_second_use_with_another_width_is_refused_by_both_numbers()
    {
        Graph graph = new();
        Dense layer = Layer<Tanh>(4);
        Node narrow = graph.Apply(layer, graph.Input(new Shape(6)));
        Assert.That(() => graph.Apply(layer, narrow), Throws.ArgumentException.With.Message.Contains("6").And.Message.Contains("4"));
    }

    private static Dense Layer<TFunction>(int outputs) where TFunction : struct, IActivationFunction => new(outputs, new Activation<TFunction>());
}
