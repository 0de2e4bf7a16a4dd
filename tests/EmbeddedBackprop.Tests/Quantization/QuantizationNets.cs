using EmbeddedBackprop.Data;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Quantization;

/// <summary>Networks whose every parameter and running statistic is drawn, and samples for them.</summary>
internal static class QuantizationNets
{
    /// <summary>A network for predictions from its text.</summary>
    public static Network Compile(string text, int seed, int batch = 4, int threads = 1, Arithmetic arithmetic = Arithmetic.Fused)
    {
        Network network = NetCompiler.Compile(text, null, new NetworkOptions { Batch = batch, Threads = threads, Arithmetic = arithmetic });
        Fill(network, seed);
        return network;
    }

    /// <summary>Draws weights of about the size that keeps sums near 1, biases, factors and means, and variances above 0.</summary>
    public static void Fill(Network network, int seed)
    {
        int tensor = 0;
        foreach (ref readonly ParameterRange range in network.InferencePlan.Parameters)
        {
            float[] values = Samples.Array(range.Count, (seed * 1000) + tensor++);
            float scale = range.Kind == ParameterKind.Weight ? 1.7f / MathF.Sqrt(range.FanIn) : 1f;
            for (int i = 0; i < values.Length; i++)
            {
                values[i] = range.Kind == ParameterKind.Scale ? 1f + (0.8f * values[i]) : values[i] * scale;
            }

            range.CopyFrom<float>(values, network.Parameters);
        }

        foreach (ref readonly StateRange range in network.InferencePlan.State)
        {
            float[] values = Samples.Array(range.Count, (seed * 1000) + tensor++);
            for (int i = 0; i < values.Length; i++)
            {
                network.State[range.Offset + i] = range.Name.EndsWith("_var", StringComparison.Ordinal) ? 0.3f + MathF.Abs(values[i]) : values[i];
            }
        }
    }

    /// <summary>So many samples of a network's input.</summary>
    public static FloatDataset Data(Network network, int count, int seed)
    {
        int length = network.Inputs.Sum(node => node.Shape.Length);
        return FloatDataset.Regression(Samples.Array(count * length, seed), length, new float[count], 1);
    }

    /// <summary>The predictions of all samples, [samples][outputs].</summary>
    public static float[] Predict(Network network, IBatchSource data)
    {
        List<float> outputs = [];
        float[] input = new float[data.InputLength];
        for (int i = 0; i < data.Count; i++)
        {
            data.Gather([i], input, input.Length, [], 0);
            outputs.AddRange(network.Predict(input));
        }

        return [.. outputs];
    }
}
