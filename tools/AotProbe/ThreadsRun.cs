using System.Diagnostics;
using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Initializers;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Optimizers;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Probe;

/// <summary>
/// Trains a net whose products are large enough to be shared out, and hashes the weights: one number for any number of threads, under the JIT and
/// ahead of time. Compiled into the AOT probe and into the tests.
/// </summary>
internal static class ThreadsRun
{
    private const int Inputs = 250, Outputs = 10, Batch = 61, MeasuredSteps = 50, WarmUpMilliseconds = 300;

    /// <summary>The SHA-256 of the weights after the given number of steps, and the bytes that one step allocated on all threads.</summary>
    public static (string Hash, double BytesPerStep) Train(int threads, int steps, Execution execution = Execution.Vector)
    {
        using Network network = new Sequential(Inputs).Dense<Relu>(200).Dense<Sigmoid>(Outputs).Compile<Quadratic>(
            new NetworkOptions
            {
                Batch = Batch, Seed = 1, Threads = threads, Execution = execution, Optimizer = new Adam(), Initializer = new Normal(),
            });
        for (int step = 0; step < steps; step++)
        {
            Step(network, step);
        }

        string hash = WeightsHash.Of(network);
        if (execution == Execution.Scalar)
        {
            // The twins are asked for their hash only: they are slow.
            return (hash, double.NaN);
        }

        // Ahead of time, a thread allocates 80 bytes once, when it first takes part in a job: every worker must have had its chance before the count
        // begins.
        long began = Stopwatch.GetTimestamp();
        for (int step = 0; step < MeasuredSteps || Stopwatch.GetElapsedTime(began).TotalMilliseconds < WarmUpMilliseconds; step++)
        {
            Step(network, step);
        }

        long before = GC.GetAllocatedBytesForCurrentThread() + network.WorkerAllocatedBytes;
        for (int step = 0; step < MeasuredSteps; step++)
        {
            Step(network, step);
        }

        long allocated = GC.GetAllocatedBytesForCurrentThread() + network.WorkerAllocatedBytes - before;
        return (hash, (double)allocated / MeasuredSteps);
    }

    private static void Step(Network network, int step)
    {
        CounterRandom random = new(7);
        Span<float> x = network.TrainingInput(Batch), y = network.TrainingTarget(Batch);
        for (int sample = 0; sample < Batch; sample++)
        {
            uint stream = (uint)((step * Batch) + sample);
            random.FillNormal(stream, 0, 0f, 1f, x.Slice(sample * network.InputStride, Inputs));
            random.FillUniform(stream, 1000, 0f, 1f, y.Slice(sample * network.TargetStride, Outputs));
        }

        network.TrainStep(Batch, 0.001f);
    }
}
