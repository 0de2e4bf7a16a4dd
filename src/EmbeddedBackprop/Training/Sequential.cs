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
    private (int Outputs, Activation Activation)? pending;
    private bool isCompiled;

    /// <summary>Begins with an input of the given width.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The width is not positive.</exception>
    public Sequential(int inputs)
    {
        input = last = graph.Input(new Shape(inputs));
    }

    /// <summary>Begins with an input of the given shape, as in <c>new Sequential(new Shape(1, 28, 28))</c>.</summary>
    /// <exception cref="ArgumentException">The shape is empty.</exception>
    public Sequential(Shape input)
    {
        this.input = last = graph.Input(input);
    }

    /// <summary>The graph; complete once compiled.</summary>
    public Graph Graph => graph;

    /// <summary>The input.</summary>
    public Node Input => input;

    /// <summary>Adds a fully connected layer with an element-wise activation, as in <c>Dense&lt;Sigmoid&gt;(30)</c>.</summary>
    public Sequential Dense<TFunction>(int outputs) where TFunction : struct, IActivationFunction => Dense(outputs, new Activation<TFunction>());

    /// <summary>Adds a fully connected layer.</summary>
    /// <exception cref="ArgumentException">The layers are compiled already.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="outputs"/> is not positive.</exception>
    public Sequential Dense(int outputs, Activation activation)
    {
        ArgumentNullException.ThrowIfNull(activation);
        if (outputs <= 0)
        {
            Errors.NotPositive(nameof(outputs), outputs);
        }

        RequireNotCompiled();

        // The last layer waits: how it is built depends on the loss.
        Build();
        pending = (outputs, activation);
        return this;
    }

    /// <summary>Adds any op that reads one node; <see cref="SequentialLayers"/> names the usual ones.</summary>
    /// <exception cref="ArgumentException">The shape of the layer before does not fit, the name is taken, or the layers are compiled
    /// already.</exception>
    public Sequential Apply(Op op, string? name = null)
    {
        ArgumentNullException.ThrowIfNull(op);
        RequireNotCompiled();
        Build();
        last = graph.Apply(op, last, name);
        return this;
    }

    /// <summary>Compiles the layers with an element-wise loss, as in <c>Compile&lt;Quadratic&gt;(options)</c>.</summary>
    /// <inheritdoc cref="Compile(Loss, NetworkOptions, Memory{float}?)"/>
    public Network Compile<TLoss>(NetworkOptions options, Memory<float>? memory = null) where TLoss : struct, ILossFunction =>
        Compile(new Loss<TLoss>(), options, memory);

    /// <summary>
    /// Compiles the layers with a loss that compares the last layer with a target of the same width. Softmax with cross-entropy and sigmoid with
    /// binary cross-entropy become a layer of logits, the loss on the logits, and the activation as an op of its own that only predictions run.
    /// </summary>
    /// <exception cref="ArgumentException">The layers are compiled already, or there are none; or the last layer gives values that the loss does not
    /// judge (a tanh before a binary cross-entropy).</exception>
    public Network Compile(Loss loss, NetworkOptions options, Memory<float>? memory = null)
    {
        ArgumentNullException.ThrowIfNull(loss);
        ArgumentNullException.ThrowIfNull(options);
        if (pending is null && last.Op is Dense built && loss.OnLogits(built.Activation) is not null)
        {
            TrainingErrors.CompiledWithout(built.Activation.Name, loss.Kind);
        }

        Begin();
        Node judged;
        if (pending is var (outputs, activation) && loss.OnLogits(activation) is { } lossOnLogits)
        {
            judged = graph.Apply(new Dense(outputs, new Activation<Identity>()), last);
            last = graph.Apply(new Activate(activation), judged);
            pending = null;
            loss = lossOnLogits;
        }
        else
        {
            Build();
            judged = last;
        }

        Node target = graph.Input(last.Shape, "target");
        return new Network(input, last, graph.Apply(loss, judged, target, "loss"), options, memory);
    }

    /// <summary>Compiles the layers for prediction only.</summary>
    /// <exception cref="ArgumentException">The layers are compiled already.</exception>
    public Network Compile(NetworkOptions options, Memory<float>? memory = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        Begin();
        Build();
        return new Network(input, last, null, options, memory);
    }

    /// <summary>Compiling begins: from now on the layers are what they are.</summary>
    private void Begin()
    {
        RequireNotCompiled();
        isCompiled = true;
    }

    private void RequireNotCompiled()
    {
        if (isCompiled)
        {
            TrainingErrors.CompiledTwice();
        }
    }

    private void Build()
    {
        if (pending is var (outputs, activation))
        {
            last = graph.Apply(new Dense(outputs, activation), last);
            pending = null;
        }
    }
}
