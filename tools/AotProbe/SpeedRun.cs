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
    private const int Batch = 10, Steps = 25, Repetitions = 400;

    /// <summary>Microseconds of a training step (batch 10) and of a prediction: the least of many short rounds, as others only add.</summary>
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

        double step = Least(() => network.TrainStep(Batch, 1e-6f));
        double prediction = Least(() => network.Predict(sample));
        return (step, prediction);
    }

    private static double Least(Action action)
    {
        double least = double.PositiveInfinity;
        for (int i = 0; i < Repetitions; i++)
        {
            long began = Stopwatch.GetTimestamp();
            for (int step = 0; step < Steps; step++)
            {
                action();
            }

            least = Math.Min(least, Stopwatch.GetElapsedTime(began).TotalMicroseconds / Steps);
        }

        return least;
    }
}
