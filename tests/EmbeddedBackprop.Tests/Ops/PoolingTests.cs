using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Tests.Ops;

/// <summary>Poolings in a graph: bits, layouts, micro-batches, gradients, wrong sizes.</summary>
internal sealed class PoolingTests
{
    private static readonly (int, int) Twice = (2, 2);

    private static IEnumerable<Pooling> ImagePoolings() =>
        [
            new MaxPool2D(2),
            new MaxPool2D(3, 2, 1),
            new MaxPool2D((2, 3), (1, 2), (1, 1)),
            new MaxPool2D(1),
            new MaxPool2D((5, 6)),
            new AveragePool2D(2),
            new AveragePool2D(3, 2, 1),
            new AveragePool2D(3, 2, 1) { CountIncludePad = true },
            new AveragePool2D((2, 3), (1, 1), (1, 2)),
        ];

    /// <summary>The difference of both global poolings of an image.</summary>
    internal static Node GlobalPoolings(Graph graph, Node image) =>
        graph.Apply(new Subtract(), graph.Apply(new GlobalAveragePool(), image), graph.Apply(new GlobalMaxPool(), image));

    private static IEnumerable<Pooling> SignalPoolings() =>
        [new MaxPool1D(2), new MaxPool1D(3, 1, 1), new AveragePool1D(2), new AveragePool1D(4, 3, 2) { CountIncludePad = true }];

    [TestCaseSource(nameof(ImagePoolings))]
    public void Images(Pooling op) => new GraphRun(3, 7, (graph, x) => graph.Apply(Fresh(op), Image(graph, x))).CheckEverything();

    [TestCaseSource(nameof(SignalPoolings))]
    public void Signals(Pooling op) => new GraphRun(3, 7, (graph, x) => graph.Apply(Fresh(op), Signal(graph, x))).CheckEverything();

    [Test]
    public void Global() => Assert.Multiple(() =>
    {
        new GraphRun(3, 7, (graph, x) => graph.Apply(new GlobalAveragePool(), Image(graph, x))).CheckEverything();
        new GraphRun(3, 7, (graph, x) => graph.Apply(new GlobalMaxPool(), Image(graph, x))).CheckEverything();
        new GraphRun(3, 7, (graph, x) => graph.Apply(new GlobalMaxPool(), Signal(graph, x))).CheckEverything();
    });

    [Test]
    public void An_input_with_another_reader([Values] bool first) =>
        new GraphRun(
            3,
            7,
            (graph, x) =>
            {
                Node image = Image(graph, x);
                Node a = graph.Apply(first ? new MaxPool2D(2) : new AveragePool2D(2), image),
                    b = graph.Apply(first ? new AveragePool2D(2) : new MaxPool2D(2), image);
                Node c = graph.Apply(first ? new GlobalMaxPool() : new GlobalAveragePool(), image),
                    d = graph.Apply(first ? new GlobalAveragePool() : new GlobalMaxPool(), image);
                return graph.Apply(new Concat(), [graph.Apply(new Flatten(), graph.Apply(new Add(), a, b)), graph.Apply(new Multiply(), c, d)]);
            }
        ).CheckEverything();

    [Test]
    public void Sizes_that_do_not_fit_are_refused_by_both_numbers()
    {
        Graph graph = new();
        Node image = graph.Input(new Shape(2, 4, 5), "image"),
            row = graph.Input(new Shape(9), "row");
        Assert.That(
            () => graph.Apply(new MaxPool2D(6), image),
            Throws.ArgumentException.With.Message.Contains("6").And.Message.Contains("2x4x5").And.Message.Contains("image"));
        Assert.That(
            () => graph.Apply(new MaxPool2D(2), row),
            Throws.ArgumentException.With.Message.Contains("channels x height x width").And.Message.Contains("9"));
        Assert.That(() => graph.Apply(new GlobalMaxPool(), row), Throws.ArgumentException.With.Message.Contains("row"));
        Assert.That(() => new MaxPool2D(2, 1, 2), Throws.InstanceOf<ArgumentOutOfRangeException>().With.Message.Contains("padding"));
        Assert.That(() => new MaxPool2D(0), Throws.InstanceOf<ArgumentOutOfRangeException>().With.Message.Contains("window"));
        MaxPool2D bound = new(2);
        _ = graph.Apply(bound, image);
        Assert.That(() => graph.Apply(bound, graph.Input(new Shape(2, 6, 5), "other")), Throws.ArgumentException.With.Message.Contains("2x6x5"));
    }

    [Test]
    public void Settings_are_those_of_a_nets_text()
    {
        Assert.That(new MaxPool2D(2).Settings, Is.EqualTo("2"));
        Assert.That(new MaxPool2D(3, 2, 1).Settings, Is.EqualTo("3 s2 p1"));
        Assert.That(new MaxPool2D((3, 2), (1, 2)).Settings, Is.EqualTo("3x2 s1x2"));
        Assert.That(new AveragePool2D(Twice, padding: (1, 0)) { CountIncludePad = true }.Settings, Is.EqualTo("2 p1x0 count-include-pad"));
        Assert.That(new AveragePool1D(4, 2, 1).Settings, Is.EqualTo("4 s2 p1"));
    }

    private static Node Image(Graph graph, Node x) =>
        graph.Apply(new Reshape(new Shape(2, 5, 6)), graph.Apply(new Dense(60, new Activation<Tanh>()), x));

    private static Node Signal(Graph graph, Node x) =>
        graph.Apply(new Reshape(new Shape(3, 11)), graph.Apply(new Dense(33, new Activation<Tanh>()), x));

    // An op belongs to one graph; a run builds many.
    private static Pooling Fresh(Pooling op) => op switch
    {
        MaxPool2D => new MaxPool2D(op.Window, op.Stride, op.Padding),
        AveragePool2D average => new AveragePool2D(op.Window, op.Stride, op.Padding) { CountIncludePad = average.CountIncludePad },
        MaxPool1D => new MaxPool1D(op.Window.Width, op.Stride.Width, op.Padding.Width),
        _ => new AveragePool1D(op.Window.Width, op.Stride.Width, op.Padding.Width) { CountIncludePad = ((AveragePool1D)op).CountIncludePad },
    };
}
