using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Benchmarks.Steps;

/// <summary>The nets that are measured: sigmoid layers, quadratic loss, plain SGD.</summary>
internal static class DenseNet
{
    /// <summary>A compiled net.</summary>
    public static Network Make(int[] layers, int batch, int threads = 1, Execution execution = Execution.Vector)
    {
        Sequential net = new(layers[0]);
        foreach (int layer in layers.AsSpan(1))
        {
            net.Dense<Sigmoid>(layer);
        }

        return net.Compile<Quadratic>(
            new NetworkOptions
            {
                Batch = batch,
                Seed = 1,
                Threads = threads,
                Execution = execution,
                Initializer = new EmbeddedBackprop.Initializers.LeCun(),
            });
    }

    /// <summary>
    /// Operations of a training step: forward, weight gradient and input gradient are a multiply-add a weight and sample each (the first layer has no
    /// input gradient), the update is one a parameter.
    /// </summary>
    public static double Operations(int[] layers, int batch)
    {
        double forward = 0, parameters = 0;
        for (int i = 1; i < layers.Length; i++)
        {
            forward += (double)layers[i - 1] * layers[i];
            parameters += (layers[i - 1] + 1.0) * layers[i];
        }

        return 2 * ((batch * ((3 * forward) - ((double)layers[0] * layers[1]))) + parameters);
    }
}
