using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Quantization;

/// <summary>
/// What a simple recurrent layer with ReLU computes inside, which no node holds: the products b_ih + x W_ih and b_hh + h W_hh of every step, whose
/// integers have the output's scale.
/// </summary>
internal sealed class ProductRange : IDisposable
{
    private readonly Node node;
    private readonly Recurrent layer;
    private readonly Network split;
    private readonly Network network;
    private double largest;

    /// <summary>The largest magnitude of an element of a product, over samples of a source.</summary>
    /// <param name="network">The float network.</param>
    /// <param name="node">A node that a recurrent layer of it makes.</param>
    /// <param name="source">The samples.</param>
    /// <param name="samples">Which of them.</param>
    public static double Largest(Network network, Node node, IBatchSource source, ReadOnlySpan<int> samples)
    {
        using ProductRange range = new(network, node);
        range.Run(source, samples);
        return range.largest;
    }

    private ProductRange(Network split, Node node)
    {
        this.split = split;
        this.node = node;
        layer = (Recurrent)node.Op!;
        Graph alone = new();
        Node[] inputs = new Node[node.Inputs.Length];
        for (int i = 0; i < inputs.Length; i++)
        {
            inputs[i] = alone.Input(node.Inputs[i].Shape, node.Inputs[i].Name + ".input");
        }

        Node states = alone.Apply(layer.WithAllSteps(), inputs, layer.Name);
        network = new(inputs, [states], [], split.Options with { Batch = 1, Threads = 1 });
        NetworkValues.Copy(split, network);
    }

    /// <summary>Ends the layer's own network.</summary>
    public void Dispose() => network.Dispose();

    private void Run(IBatchSource source, ReadOnlySpan<int> samples)
    {
        PredictionTrace trace = new(split, node.Inputs);
        trace.Run(source, samples, _ =>
        {
            for (int row = 0; row < trace.Count; row++)
            {
                float[] x = trace.Values(node.Inputs[0]).Row(row).ToArray();
                float[] mask = node.Inputs.Length > 1 ? trace.Values(node.Inputs[1]).Row(row).ToArray() : [];
                float[] states = network.Predict([.. x, .. mask]).ToArray();
                for (int direction = 0; direction < layer.Directions; direction++)
                {
                    Follow(direction, x, mask, states);
                }
            }
        });
    }

    private void Follow(int direction, ReadOnlySpan<float> x, ReadOnlySpan<float> mask, ReadOnlySpan<float> states)
    {
        int hidden = layer.Hidden;
        float[] h = new float[hidden];
        for (int step = 0; step < layer.Steps; step++)
        {
            int time = direction == 0 ? step : layer.Steps - 1 - step;
            if (!mask.IsEmpty && !(mask[time] > 0))
            {
                continue;
            }

            double[] p = Product("ih", direction, x.Slice(time * layer.Features, layer.Features)), q = Product("hh", direction, h);
            for (int j = 0; j < p.Length; j++)
            {
                largest = Math.Max(largest, Math.Max(Math.Abs(p[j]), Math.Abs(q[j])));
            }

            states.Slice(((time * layer.Directions) + direction) * hidden, hidden).CopyTo(h);
        }
    }

    private double[] Product(string which, int direction, ReadOnlySpan<float> x)
    {
        string suffix = $"_{which}{(direction == 0 ? "" : "_reverse")}";
        ReadOnlySpan<float> weights = LayerTensors.Parameter(network, layer.Name + ".weight" + suffix, out ParameterRange range);
        ReadOnlySpan<float> bias = LayerTensors.Parameter(network, layer.Name + ".bias" + suffix, out _);
        double[] sums = new double[range.Columns];
        for (int j = 0; j < sums.Length; j++)
        {
            sums[j] = bias[j];
        }

        for (int i = 0; i < x.Length; i++)
        {
            for (int j = 0; j < sums.Length; j++)
            {
                sums[j] += (double)x[i] * weights[(i * range.Stride) + j];
            }
        }

        return sums;
    }
}
