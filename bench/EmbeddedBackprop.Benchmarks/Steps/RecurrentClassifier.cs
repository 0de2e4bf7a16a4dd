using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Initializers;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Benchmarks.Steps;

/// <summary>A recurrent layer whose last hidden state is classified: softmax and cross-entropy, SGD.</summary>
internal static class RecurrentClassifier
{
    /// <summary>Compiles the net.</summary>
    public static Network Make(
        string kind, int steps, int features, int hidden, int classes, int batch, Execution execution = Execution.Vector, int threads = 1)
    {
        Graph graph = new();
        Node x = graph.Input(new Shape(steps, features)), target = graph.Input(new Shape(classes), "target");
        Op layer = kind switch { "lstm" => new Lstm(hidden), "gru" => new Gru(hidden), _ => new Rnn(hidden) };
        Node logits = graph.Apply(new Dense(classes, new Activation<Identity>()), graph.Apply(layer, x));
        return new Network(
            x, logits, graph.Apply(new SoftmaxCrossEntropy(), logits, target),
            new NetworkOptions { Batch = batch, Seed = 1, Initializer = new Glorot(), Execution = execution, Threads = threads });
    }
}
