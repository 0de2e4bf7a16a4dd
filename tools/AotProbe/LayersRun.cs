using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Initializers;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Elements;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Optimizers;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Probe;

/// <summary>
/// Trains a net of convolutions, a normalisation, a pooling and a recurrent layer on fixed random numbers and hashes the weights: one number for
/// every vector width, layout, thread count and build. Compiled into the AOT probe and into the tests.
/// </summary>
internal static class LayersRun
{
    private const int Inputs = 2 * 11 * 9, Outputs = 3, Samples = 12;

    /// <summary>The SHA-256 of the weights after the given number of updates of twelve samples.</summary>
    public static string Train(
        Arithmetic arithmetic,
        int steps,
        Execution execution = Execution.Vector,
        int threads = 1,
        Layout layout = Layout.Padded)
    {
        Graph graph = new();
        Node input = graph.Input(new Shape(2, 11, 9));
        Node maps = graph.Apply(new Conv2D(5, 3, 3, new Activation<Relu>(), new ConvOptions { Padding = ConvPadding.Same, StrideX = 2 }), input);
        Node pooled = graph.Apply(new MaxPool2D(2), graph.Apply(new Conv2D(6, 2, 2, new Activation<Tanh>()), maps));
        Node sequence = graph.Apply(new LayerNorm(), graph.Apply(new Reshape(new Shape(6, pooled.Shape.Length / 6)), pooled));
        Node last = graph.Apply(new Gru(7), sequence);
        Node output = graph.Apply(new Dense(Outputs, new Activation<Sigmoid>()), last), target = graph.Input(output.Shape, "target");
        using Network network = new(input, output, graph.Apply(new Loss<Quadratic>(), output, target), new NetworkOptions
        {
            Batch = Samples, Arithmetic = arithmetic, Layout = layout, Seed = 1, Execution = execution, Threads = threads, Optimizer = new Adam(),
            Initializer = new Normal(),
        });
        for (int step = 0; step < steps; step++)
        {
            Fill(network, step * Samples);
            network.TrainStep(Samples, 0.01f);
        }

        return WeightsHash.Of(network);
    }

    private static void Fill(Network network, int first)
    {
        CounterRandom random = new(7);
        Span<float> x = network.TrainingInput(Samples), y = network.TrainingTarget(Samples);
        for (int sample = 0; sample < Samples; sample++)
        {
            random.FillNormal((uint)(first + sample), 0, 0f, 1f, x.Slice(sample * network.InputStride, Inputs));
            random.FillUniform((uint)(first + sample), 1000, 0f, 1f, y.Slice(sample * network.TargetStride, Outputs));
        }
    }
}
