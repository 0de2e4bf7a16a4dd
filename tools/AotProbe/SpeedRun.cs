using System.Diagnostics;
using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Initializers;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Probe;

/// <summary>
/// Times the training step and the prediction of Nielsen's net, for the comparison of ahead-of-time with just-in-time compiled code.
/// </summary>
internal static class SpeedRun
{
    private const int Batch = 10, Steps = 500, Repetitions = 21;

    /// <summary>Median microseconds of a training step (batch 10) and of a prediction.</summary>
    public static (double Step, double Prediction) Measure(Arithmetic arithmetic)
    {
        Network network = new Sequential(784).Dense<Sigmoid>(30).Dense<Sigmoid>(10)
            .Compile<Quadratic>(new NetworkOptions { Batch = Batch, Arithmetic = arithmetic, Seed = 1, Initializer = new Normal() });
        float[] sample = new float[784];
        new CounterRandom(3).FillUniform(0, 0, 0f, 1f, sample);
        for (int row = 0; row < Batch; row++)
        {
            sample.CopyTo(network.TrainingInput(Batch)[(row * network.InputStride)..]);
        }

        double step = Median(() => network.TrainStep(Batch, 1e-6f));
        double prediction = Median(() => network.Predict(sample));
        return (step, prediction);
    }

    private static double Median(Action action)
    {
        double[] times = new double[Repetitions];
        for (int i = 0; i < Repetitions; i++)
        {
            long began = Stopwatch.GetTimestamp();
            for (int step = 0; step < Steps; step++)
            {
                action();
            }

            times[i] = Stopwatch.GetElapsedTime(began).TotalMicroseconds / Steps;
        }

        Array.Sort(times);
        return times[Repetitions / 2];
    }
}
