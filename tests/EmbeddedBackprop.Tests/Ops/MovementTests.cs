using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Tests.Ops;

/// <summary>Ops that move elements or combine them one by one: bits, gradients, inputs with several readers, wrong sizes.</summary>
internal sealed class MovementTests
{
    [Test]
    public void Concat_and_slices_of_features() => new GraphRun(3, 5, (graph, x) =>
    {
        Node a = graph.Apply(Layer(7), x), b = graph.Apply(Layer(4), x);
        Node all = graph.Apply(new Concat(), [a, b, a]);
        return graph.Apply(new Subtract(), graph.Apply(new Slice(3, 9), all), graph.Apply(new Slice(9, 9), all));
    }).CheckEverything();

    [Test]
    public void Concat_and_slices_of_channels() => new GraphRun(3, 5, (graph, x) =>
    {
        Node image = graph.Apply(new Reshape(new Shape(2, 3, 4)), graph.Apply(Layer(24), x));
        Node all = graph.Apply(new Concat(), image, graph.Apply(new Slice(1, 1), image));
        Assert.That(all.Shape, Is.EqualTo(new Shape(3, 3, 4)));
        return graph.Apply(new Slice(1, 2), all);
    }).CheckEverything();

    [TestCase(2, 3)]
    [TestCase(7, 5)]
    [TestCase(16, 20)]
    public void Transposed(int rows, int columns) => new GraphRun(2, 5, (graph, x) =>
    {
        Node matrix = graph.Apply(new Reshape(new Shape(rows, columns)), graph.Apply(Layer(rows * columns), x));
        Node turned = graph.Apply(new SwapAxes(), matrix);
        Assert.That(turned.Shape, Is.EqualTo(new Shape(columns, rows)));
        return graph.Apply(new Concat(), graph.Apply(new Flatten(), turned), graph.Apply(new Flatten(), graph.Apply(new SwapAxes(), matrix)));
    }).CheckEverything();

    private static IEnumerable<Activation> Activations() =>
        [new Activation<Identity>(), new Activation<Relu>(), new Activation<Tanh>(), new Activation<Mish>()];

    [TestCaseSource(nameof(Activations))]
    public void Sums_with_an_activation(Activation activation) => new GraphRun(3, 5, (graph, x) =>
    {
        Node a = graph.Apply(Layer(9), x), b = graph.Apply(Layer(9), a);
        return graph.Apply(new Add(activation), [a, b, a, graph.Apply(new Add(), b, b)]);
    }).CheckEverything();

    [Test]
    public void Products_and_differences_with_shared_inputs() => new GraphRun(3, 5, (graph, x) =>
    {
        Node a = graph.Apply(Layer(9), x), b = graph.Apply(Layer(9), x);
        Node square = graph.Apply(new Multiply(), a, a), gated = graph.Apply(new Multiply(), a, b);
        return graph.Apply(new Subtract(), graph.Apply(new Subtract(), square, gated), a);
    }).CheckEverything();

    [Test]
    public void Scales([Values] bool trained, [Values] bool another) => new GraphRun(5, 4, (graph, x) =>
    {
        Node a = graph.Apply(Layer(9), x), scaled = graph.Apply(new Scale(-0.7f, trained), a);
        return another ? graph.Apply(new Add(), scaled, a) : scaled;
    }).CheckEverything();

    [Test]
    public void A_trained_scale_used_twice() => new GraphRun(1, 4, (graph, x) =>
    {
        Scale scale = new(0.5f, trained: true);
        return graph.Apply(scale, graph.Apply(scale, graph.Apply(Layer(20), x)));
    }).CheckEverything();

    [TestCase(1, 6)]
    [TestCase(3, 5)]
    [TestCase(2, 17)]
    public void Softmax_of_rows(int rows, int columns) => new GraphRun(3, 5, (graph, x) =>
    {
        Node matrix = graph.Apply(new Reshape(new Shape(rows, columns)), graph.Apply(Layer(rows * columns), x));
        return graph.Apply(new Add(), graph.Apply(new SoftmaxOverLastAxis(), matrix), matrix);
    }).CheckEverything();

    [Test]
    public void Wrong_sizes_are_named()
    {
        Graph graph = new();
        Node a = graph.Input(new Shape(2, 3), "a"), b = graph.Input(new Shape(2, 4), "b");
        Assert.That(() => graph.Apply(new Add(), a, b), Throws.ArgumentException.With.Message.Contains("2x3").And.Message.Contains("2x4"));
        Assert.That(() => graph.Apply(new Add(), a), Throws.ArgumentException.With.Message.Contains("expected 2 input nodes, got 1"));
        Assert.That(() => graph.Apply(new Concat(), a, b), Throws.ArgumentException.With.Message.Contains("all axes but the first"));
        Assert.That(() => graph.Apply(new Slice(1, 2), a), Throws.ArgumentException.With.Message.Contains("1 to 2").And.Message.Contains("2x3"));
        Assert.That(() => graph.Apply(new Reshape(new Shape(7)), a), Throws.ArgumentException.With.Message.Contains("6 numbers"));
        Assert.That(
            () => graph.Apply(new SwapAxes(), graph.Input(new Shape(3), "c")),
            Throws.ArgumentException.With.Message.Contains("rows x columns"));
        Assert.That(() => new Slice(-1, 2), Throws.InstanceOf<ArgumentOutOfRangeException>());
        Assert.That(() => new Slice(0, 0), Throws.InstanceOf<ArgumentOutOfRangeException>());
        Assert.That(() => new Scale(float.NaN), Throws.InstanceOf<ArgumentOutOfRangeException>());
    }

    private static Dense Layer(int outputs) => new(outputs, new Activation<Tanh>());
}
