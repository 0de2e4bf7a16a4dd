using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels.Integers;
using EmbeddedBackprop.Ops.Integer;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Quantization;

/// <summary>Weights of 8 bits with a scale for each output: those of a layer, or of the input or the hidden state of a recurrent one.</summary>
/// <param name="Name">The weights' parameter.</param>
/// <param name="BiasName">The parameter that is added to their sums.</param>
/// <param name="Axis">Which output a weight belongs to.</param>
/// <param name="Outputs">Outputs that have a scale.</param>
/// <param name="Input">The type of the values that they multiply.</param>
internal sealed record WeightTensor(string Name, string BiasName, WeightAxis Axis, int Outputs, IntegerType Input)
{
    /// <summary>The weights of an op; none for an op without.</summary>
    /// <param name="op">The op of the integer graph.</param>
    /// <param name="network">The network over it, whose values have their scales.</param>
    /// <param name="input">The node that the op reads.</param>
    public static IEnumerable<WeightTensor> Of(Op op, Network network, Node input)
    {
        Layout layout = network.Options.Layout;
        switch (op)
        {
            case IntegerLayer layer:
                yield return new(op.Name + ".weight", op.Name + ".bias", layer.Axis(layout), layer.Outputs, ScaleSetter.TypeOf(network, input));
                break;
            case IntegerRecurrent recurrent:
                IntegerType state = TypeRange.Read(LayerTensors.State(network, op.Name + ".range"), 16);
                for (int i = 0; i < 2 * recurrent.Layer.Directions; i++)
                {
                    bool hidden = i % 2 == 1;
                    yield return new(
                        recurrent.WeightName(i / 2, hidden), recurrent.BiasName(i / 2, hidden), recurrent.Axis(hidden, layout), recurrent.Columns,
                        hidden ? state : ScaleSetter.TypeOf(network, input));
                }

                break;
        }
    }

    /// <summary>The float weights, in the network's layout.</summary>
    public Span<float> Weights(Network network) => LayerTensors.Parameter(network, Name, out _);

    /// <summary>The float biases.</summary>
    public Span<float> Bias(Network network) => LayerTensors.Parameter(network, BiasName, out _)[..Outputs];

    /// <summary>The scale of each output's weights.</summary>
    public Span<float> Scales(Network network) => LayerTensors.State(network, Name + "_scale");

    /// <summary>The largest magnitude that a sum of each output can reach: max |q - z| times the sum of |w|, and |b|.</summary>
    public long[] LargestSums(Network network)
    {
        ReadOnlySpan<float> weights = Weights(network), bias = Bias(network), scales = Scales(network);
        long[] sums = new long[Outputs];
        for (int i = 0; i < weights.Length; i++)
        {
            // Columns of padding belong to no output.
            if (Axis.OutputOf(i) is int output && output < sums.Length)
            {
                sums[output] += Math.Abs(IntegerWeights.Round(weights[i], scales[output]));
            }
        }

        for (int output = 0; output < sums.Length; output++)
        {
            sums[output] = (sums[output] * Input.LargestCentred) + Math.Abs(IntegerWeights.Bias(bias[output], Input.Scale, scales[output]));
        }

        return sums;
    }
}
