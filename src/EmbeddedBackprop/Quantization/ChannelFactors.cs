using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Quantization;

/// <summary>y = factor[o] x + shift[o] for each output channel o of a layer.</summary>
internal sealed class ChannelFactors
{
    private readonly double[] factor;
    private readonly double[] shift;

    private ChannelFactors(double[] factor, double[] shift)
    {
        this.factor = factor;
        this.shift = shift;
    }

    /// <summary>y = x.</summary>
    public static ChannelFactors One(int channels)
    {
        double[] factor = new double[channels];
        factor.AsSpan().Fill(1);
        return new(factor, new double[channels]);
    }

    /// <summary>These factors, and then a normalisation by its running mean and variance.</summary>
    public ChannelFactors Then(Network network, BatchNorm norm)
    {
        ReadOnlySpan<float> gamma = LayerTensors.Parameter(network, norm.Name + ".weight", out _);
        ReadOnlySpan<float> beta = LayerTensors.Parameter(network, norm.Name + ".bias", out _);
        ReadOnlySpan<float> mean = LayerTensors.State(network, norm.Name + ".running_mean");
        ReadOnlySpan<float> variance = LayerTensors.State(network, norm.Name + ".running_var");
        double[] factors = new double[factor.Length], shifts = new double[factor.Length];
        for (int i = 0; i < factors.Length; i++)
        {
            double g = gamma[i] / Math.Sqrt((double)variance[i] + norm.Epsilon);
            factors[i] = g * factor[i];
            shifts[i] = ((shift[i] - mean[i]) * g) + beta[i];
        }

        return new(factors, shifts);
    }

    /// <summary>Whether the layer's weights and biases remain finite.</summary>
    public bool IsFinite(Network network, Op layer)
    {
        ReadOnlySpan<float> weights = LayerTensors.Parameter(network, layer.Name + ".weight", out ParameterRange range);
        ReadOnlySpan<float> bias = LayerTensors.Parameter(network, layer.Name + ".bias", out _);
        for (int row = 0; row < range.Rows; row++)
        {
            for (int column = 0; column < range.Columns; column++)
            {
                int output = LayerTensors.OutputOf(layer, in range, column);
                if (!float.IsFinite(Weight(weights[(row * range.Stride) + column], output)) || !float.IsFinite(Bias(bias[output], output)))
                {
                    return false;
                }
            }
        }

        return true;
    }

    /// <summary>Writes the layer's weights and biases, times these factors, into a network that has a layer of the same name.</summary>
    public void Apply(Network network, Op layer, Network result)
    {
        ReadOnlySpan<float> weights = LayerTensors.Parameter(network, layer.Name + ".weight", out ParameterRange range);
        ReadOnlySpan<float> bias = LayerTensors.Parameter(network, layer.Name + ".bias", out _);
        Span<float> newWeights = LayerTensors.Parameter(result, layer.Name + ".weight", out _);
        Span<float> newBias = LayerTensors.Parameter(result, layer.Name + ".bias", out _);
        for (int row = 0; row < range.Rows; row++)
        {
            for (int column = 0; column < range.Columns; column++)
            {
                int i = (row * range.Stride) + column;
                newWeights[i] = Weight(weights[i], LayerTensors.OutputOf(layer, in range, column));
            }
        }

        for (int output = 0; output < factor.Length; output++)
        {
            newBias[output] = Bias(bias[output], output);
        }
    }

    private float Weight(float weight, int output) => (float)(weight * factor[output]);

    private float Bias(float bias, int output) => (float)((bias * factor[output]) + shift[output]);
}
