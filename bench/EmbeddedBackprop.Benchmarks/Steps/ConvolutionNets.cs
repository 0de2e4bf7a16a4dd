using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Initializers;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Benchmarks.Steps;

/// <summary>
/// Convolution nets of the sizes that small devices run, compiled for training (softmax and cross-entropy, SGD) or for predictions.
/// </summary>
internal static class ConvolutionNets
{
    private static readonly ConvOptions Same = new() { Padding = ConvPadding.Same },
        Half = new() { Padding = ConvPadding.Same, Stride = 2 };

    /// <summary>Every net: its name, and what it is.</summary>
    public static IReadOnlyList<(string Name, string Text)> All { get; } =
    [
        ("digits", "28x28; 8 filters 5x5, ReLU, pooling 2; 16 filters 5x5, ReLU, pooling 2; ten classes"),
        ("dscnn",
            "keyword spotting, 49x10; 64 filters 10x4 of stride 2; four times depthwise 3x3 and 64 filters 1x1; each with batch normalisation and ReLU; "
            + "mean of each channel; twelve classes"),
        ("resnet8",
            "32x32x3; 16 filters 3x3; blocks of two convolutions 3x3 with 16, 32 and 64 filters (the last two of stride 2, with a shortcut 1x1); "
            + "batch normalisation and ReLU; mean of each channel; ten classes"),
        ("temporal",
            "9 signals of 128 steps; 32 filters of width 9, pooling 2; 32 of width 7, pooling 2; 64 of width 5; 64 of width 3; ReLU; mean of each channel; "
            + "six classes"),
    ];

    /// <summary>Compiles a net of <see cref="All"/>.</summary>
    public static Network Make(string name, int batch, bool training, int threads = 1) => name switch
    {
        "digits" => Compile(Digits, 10, batch, training, threads),
        "dscnn" => Compile(KeywordSpotting, 12, batch, training, threads),
        "resnet8" => Compile(Residual, 10, batch, training, threads),
        "temporal" => Compile(Temporal, 6, batch, training, threads),
        _ => throw new ArgumentException($"no net {name}"),
    };

    private static Node Digits(Graph graph, out Node x)
    {
        x = graph.Input(new Shape(1, 28, 28));
        Node a = graph.Apply(new MaxPool2D(2), graph.Apply(new Conv2D(8, 5, 5, new Activation<Relu>()), x));
        return graph.Apply(new MaxPool2D(2), graph.Apply(new Conv2D(16, 5, 5, new Activation<Relu>()), a));
    }

    private static Node KeywordSpotting(Graph graph, out Node x)
    {
        x = graph.Input(new Shape(1, 49, 10));
        Node a = Normalized(graph, new Conv2D(64, 10, 4, new Activation<Identity>(), Half), x);
        for (int block = 0; block < 4; block++)
        {
            a = Normalized(graph, new Conv2D(64, 3, 3, new Activation<Identity>(), Same with { Groups = 64 }), a);
            a = Normalized(graph, new Conv2D(64, 1, 1, new Activation<Identity>()), a);
        }

        return graph.Apply(new GlobalAveragePool(), a);
    }

    private static Node Residual(Graph graph, out Node x)
    {
        x = graph.Input(new Shape(3, 32, 32));
        Node a = Normalized(graph, new Conv2D(16, 3, 3, new Activation<Identity>(), Same), x);
        foreach (int filters in (int[])[16, 32, 64])
        {
            bool first = filters == 16;
            Node b = Normalized(graph, new Conv2D(filters, 3, 3, new Activation<Identity>(), first ? Same : Half), a);
            b = graph.Apply(new BatchNorm(), graph.Apply(new Conv2D(filters, 3, 3, new Activation<Identity>(), Same), b));
            Node shortcut = first ? a : graph.Apply(new Conv2D(filters, 1, 1, new Activation<Identity>(), Half), a);
            a = graph.Apply(new Add(new Activation<Relu>()), b, shortcut);
        }

        return graph.Apply(new GlobalAveragePool(), a);
    }

    private static Node Temporal(Graph graph, out Node x)
    {
        x = graph.Input(new Shape(9, 128));
        Node a = graph.Apply(new MaxPool1D(2), graph.Apply(new Conv1D(32, 9, new Activation<Relu>(), Same), x));
        a = graph.Apply(new MaxPool1D(2), graph.Apply(new Conv1D(32, 7, new Activation<Relu>(), Same), a));
        a = graph.Apply(new Conv1D(64, 5, new Activation<Relu>(), Same), a);
        a = graph.Apply(new Conv1D(64, 3, new Activation<Relu>(), Same), a);
        return graph.Apply(new GlobalAveragePool(), a);
    }

    private delegate Node Body(Graph graph, out Node x);

    private static Node Normalized(Graph graph, Op convolution, Node x) =>
        graph.Apply(new Activate(new Activation<Relu>()), graph.Apply(new BatchNorm(), graph.Apply(convolution, x)));

    private static Network Compile(Body body, int classes, int batch, bool training, int threads)
    {
        Graph graph = new();
        Node features = body(graph, out Node x), logits = graph.Apply(new Dense(classes, new Activation<Identity>()), features);
        NetworkOptions options = new() { Batch = batch, Seed = 1, Initializer = new Glorot(), Threads = threads };
        Node? loss = training ? graph.Apply(new SoftmaxCrossEntropy(), logits, graph.Input(new Shape(classes), "target")) : null;
        return new Network(x, training ? logits : graph.Apply(new Activate(new Softmax()), logits), loss, options);
    }
}
