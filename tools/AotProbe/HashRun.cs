using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Initializers;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Probe;

/// <summary>
/// Trains a fixed net on fixed random numbers and hashes the weights: the number that must be one under every vector width, JIT switch,
/// thread count and ahead-of-time build. Compiled into the AOT probe and into the tests.
/// </summary>
internal static class HashRun
{
    private const int Inputs = 61, Batch = 10;

    /// <summary>The SHA-256 of the weights after the given number of steps, and the bytes that one step allocated.</summary>
    public static (string Hash, double BytesPerStep) Train(Arithmetic arithmetic, int steps, Execution execution = Execution.Vector)
    {
        Network network = new Sequential(Inputs).Dense<Sigmoid>(30).Dense<Sigmoid>(23).Dense<Sigmoid>(10)
            .Compile<Quadratic>(new NetworkOptions
            {
                Batch = Batch, Arithmetic = arithmetic, Seed = 1, Execution = execution, Initializer = new Normal(),
            });
        Step(network, 0);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int step = 1; step < steps; step++)
        {
            Step(network, step);
        }

        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        float[] weights = new float[network.ParameterCount];
        int next = 0;
        foreach (ref readonly ParameterRange range in network.InferencePlan.Parameters)
        {
            range.CopyTo<float>(network.Parameters, weights.AsSpan(next, range.Count));
            next += range.Count;
        }

        return (WeightsHash.Of(weights), (double)allocated / Math.Max(1, steps - 1));
    }

    private static void Step(Network network, int step)
    {
        CounterRandom random = new(7);
        Span<float> x = network.TrainingInput(Batch), y = network.TrainingTarget(Batch);
        for (int sample = 0; sample < Batch; sample++)
        {
            uint stream = (uint)((step * Batch) + sample);
            random.FillNormal(stream, 0, 0f, 1f, x.Slice(sample * network.InputStride, Inputs));
            random.FillUniform(stream, 1000, 0f, 1f, y.Slice(sample * network.TargetStride, 10));
        }

        network.TrainStep(Batch, 0.5f);
    }
}
