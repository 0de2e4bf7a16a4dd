using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Training;

/// <summary>A network written layer by layer: the short way for nets without branches.</summary>
public sealed class Sequential
{
    private readonly Graph graph = new();
    private readonly Node input;
    private Node last;

    /// <summary>Begins with an input of the given width.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The width is not positive.</exception>
    public Sequential(int inputs)
    {
        input = last = graph.Input(new Shape(inputs));
    }

    /// <summary>The graph so far.</summary>
    public Graph Graph => graph;

    /// <summary>The input.</summary>
    public Node Input => input;

    /// <summary>The last layer.</summary>
    public Node Output => last;

    /// <summary>Adds a fully connected layer with an element-wise activation, as in <c>Dense&lt;Sigmoid&gt;(30)</c>.</summary>
    public Sequential Dense<TFunction>(int outputs) where TFunction : struct, IActivationFunction => Dense(outputs, new Activation<TFunction>());

    /// <summary>Adds a fully connected layer.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="outputs"/> is not positive.</exception>
    public Sequential Dense(int outputs, Activation activation)
    {
        last = graph.Apply(new Dense(outputs, activation), last);
        return this;
    }

    /// <summary>Compiles the layers with an element-wise loss, as in <c>Compile&lt;Quadratic&gt;(options)</c>.</summary>
    public Network Compile<TLoss>(NetworkOptions options, Memory<float>? memory = null) where TLoss : struct, ILossFunction =>
        Compile(new Loss<TLoss>(), options, memory);

    /// <summary>Compiles the layers with a loss that compares the last layer with a target of the same width.</summary>
    public Network Compile(Loss loss, NetworkOptions options, Memory<float>? memory = null)
    {
        Node target = graph.Input(last.Shape, "target");
        return new Network(input, last, graph.Apply(loss, last, target, "loss"), options, memory);
    }

    /// <summary>Compiles the layers for prediction only.</summary>
    public Network Compile(NetworkOptions options, Memory<float>? memory = null) => new(input, last, null, options, memory);
}
