using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Integers;
using EmbeddedBackprop.Ops.Integer;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Quantization;

/// <summary>
/// Takes the mean error of every output's weighted input, over samples and positions, out of its bias: b = b - mean of (z' - z), with z of the float
/// net and z' = b + sum of s_w w s_x (q - z_x), the rounded weights on the values that the integers before have. Source: Nagel, van Baalen,
/// Blankevoort, Welling, Data-free quantization through weight equalization and bias correction (2019), appendix D.
/// </summary>
/// <remarks>
/// Layers are corrected in their order, so that each sees the corrected ones before it: what clamped ranges take away from a mean is given back, too.
/// </remarks>
internal sealed class BiasCorrection
{
    private readonly IntegerGraph graph;
    private readonly Network quantized;
    private readonly IBatchSource source;
    private readonly int[] samples;
    private readonly Dictionary<Node, double[]> means = [];

    /// <summary>Computes the means of the float net.</summary>
    /// <param name="graph">The integer graph.</param>
    /// <param name="quantized">The network over it.</param>
    /// <param name="split">The float network whose nodes it was made of.</param>
    /// <param name="source">The samples.</param>
    /// <param name="samples">Which of them.</param>
    public BiasCorrection(IntegerGraph graph, Network quantized, Network split, IBatchSource source, int[] samples)
    {
        this.graph = graph;
        this.quantized = quantized;
        this.source = source;
        this.samples = samples;
        List<(Node Node, int Outputs)> wanted = [];
        foreach (QuantizedLayer layer in graph.Layers)
        {
            foreach (Node node in layer.WeightedInputs)
            {
                wanted.Add((node, layer.Op.Outputs));
                means.Add(node, new double[layer.Op.Outputs]);
            }
        }

        PredictionTrace trace = new(split, [.. wanted.Select(entry => entry.Node)]);
        trace.Run(source, samples, _ =>
        {
            foreach ((Node node, int outputs) in wanted)
            {
                Matrix<float> z = trace.Values(node);
                for (int row = 0; row < z.Rows; row++)
                {
                    AddMeans(z.Row(row), means[node]);
                }
            }
        });
    }

    /// <summary>Corrects a layer, whose scales are set, after all layers before it.</summary>
    public void Correct(QuantizedLayer layer)
    {
        Graph alone = new();
        Node input = alone.Input(layer.WeightedInputs[0].Inputs[0].Shape);
        using Network network = new(
            input, alone.Apply(layer.Op.Layer.Unbound(), input, layer.Op.Name), null, quantized.Options with { Batch = 1, Threads = 1 });
        Span<float> bias = LayerTensors.Parameter(quantized, layer.Op.Name + ".bias", out _);
        RoundWeights(layer, network);
        bias.CopyTo(LayerTensors.Parameter(network, layer.Op.Name + ".bias", out _));
        double[] errors = new double[layer.Op.Outputs];
        foreach (Node use in layer.WeightedInputs)
        {
            Node read = graph.IntegerOf(use.Inputs[0]);
            float scale = ScaleSetter.TypeOf(quantized, read).Scale;
            float[] x = new float[read.Shape.Length];
            PredictionTrace trace = new(quantized, [read]);
            trace.Run(source, samples, _ =>
            {
                Matrix<float> q = trace.Values(read);
                for (int row = 0; row < q.Rows; row++)
                {
                    for (int i = 0; i < x.Length; i++)
                    {
                        x[i] = scale * q.Row(row)[i];
                    }

                    AddMeans(network.Predict(x), errors);
                }
            });
            for (int output = 0; output < errors.Length; output++)
            {
                errors[output] -= means[use][output];
            }
        }

        for (int output = 0; output < errors.Length; output++)
        {
            bias[output] = (float)(bias[output] - (errors[output] / ((double)samples.Length * layer.WeightedInputs.Count)));
        }
    }

    private void RoundWeights(QuantizedLayer layer, Network network)
    {
        WeightAxis axis = layer.Op.Axis(quantized.Options.Layout);
        ReadOnlySpan<float> weights = LayerTensors.Parameter(quantized, layer.Op.Name + ".weight", out _);
        ReadOnlySpan<float> scales = LayerTensors.State(quantized, layer.Op.Name + ".weight_scale");
        Span<float> rounded = LayerTensors.Parameter(network, layer.Op.Name + ".weight", out _);
        for (int i = 0; i < weights.Length; i++)
        {
            int output = axis.OutputOf(i);
            rounded[i] = output < scales.Length ? (float)((double)scales[output] * IntegerWeights.Round(weights[i], scales[output])) : 0f;
        }
    }

    /// <summary>Adds the mean over the positions of each output.</summary>
    private static void AddMeans(ReadOnlySpan<float> z, double[] sums)
    {
        int positions = z.Length / sums.Length;
        for (int output = 0; output < sums.Length; output++)
        {
            double sum = 0;
            foreach (float value in z.Slice(output * positions, positions))
            {
                sum += value;
            }

            sums[output] += sum / positions;
        }
    }
}
