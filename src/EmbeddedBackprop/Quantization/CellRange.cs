using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Quantization;

/// <summary>
/// The cells of an LSTM over samples, which are no node of its graph: the layer by itself, one step at a time, with a state that it keeps.
/// </summary>
internal static class CellRange
{
    /// <summary>The largest magnitude of a cell of a node's layer over the samples, in both directions.</summary>
    public static double Largest(Network network, Node node, IBatchSource source, ReadOnlySpan<int> samples)
    {
        Lstm layer = (Lstm)node.Op!;
        PredictionTrace trace = new(network, [.. node.Inputs.Distinct()]);
        double largest = 0;
        for (int direction = 0; direction < layer.Directions; direction++)
        {
            using Network step = OneStep(network, layer, direction == 0 ? "" : "_reverse");
            bool backwards = direction > 0;
            trace.Run(source, samples, _ =>
            {
                for (int sample = 0; sample < trace.Count; sample++)
                {
                    ReadOnlySpan<float> x = trace.Values(node.Inputs[0]).Row(sample);
                    ReadOnlySpan<float> mask = node.Inputs.Length > 1 ? trace.Values(node.Inputs[1]).Row(sample) : [];
                    largest = Math.Max(largest, Largest(step, layer, x, mask, backwards));
                }
            });
        }

        return largest;
    }

    private static double Largest(Network step, Lstm layer, ReadOnlySpan<float> x, ReadOnlySpan<float> mask, bool backwards)
    {
        double largest = 0;
        step.ResetState();
        for (int i = 0; i < layer.Steps; i++)
        {
            int time = backwards ? layer.Steps - 1 - i : i;
            if (mask.IsEmpty || mask[time] > 0)
            {
                _ = step.Predict(x.Slice(time * layer.Features, layer.Features));
                foreach (float c in LayerTensors.State(step, "cell.c"))
                {
                    largest = Math.Max(largest, Math.Abs((double)c));
                }
            }
        }

        return largest;
    }

    /// <summary>One direction of the layer over one step.</summary>
    private static Network OneStep(Network network, Lstm layer, string suffix)
    {
        Graph graph = new();
        Node input = graph.Input(new Shape(1, layer.Features));
        Node output = graph.Apply(new Lstm(layer.Hidden, new RecurrentOptions { CarryState = true }), input, "cell");
        Network step = new(input, output, null, network.Options with { Batch = 1, Threads = 1, Frozen = [] });
        foreach (string part in (ReadOnlySpan<string>)["weight_ih", "weight_hh", "bias_ih", "bias_hh"])
        {
            LayerTensors.Parameter(network, $"{layer.Name}.{part}{suffix}", out _).CopyTo(LayerTensors.Parameter(step, "cell." + part, out _));
        }

        return step;
    }
}
