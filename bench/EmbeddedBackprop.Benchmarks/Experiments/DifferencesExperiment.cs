using System.Diagnostics;
using System.Globalization;
using System.Text;
using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Benchmarks.Reports;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Benchmarks.Experiments;

/// <summary>
/// The cost of one gradient as the number of weights grows: backpropagation against one-sided finite differences, (L(w + h e) - L(w)) / h for each
/// weight, which takes one forward pass a weight and one more. Source: Nielsen, chapter 2, "In what sense is backpropagation a fast algorithm?".
/// </summary>
internal static class DifferencesExperiment
{
    /// <summary>Larger than the best step for float, so that the rounding of the loss is small compared with the difference.</summary>
    private const float Step = 1f / 128;

    /// <summary>From this size on the differences are not run but computed: passes times the measured time of one.</summary>
    private const int Extrapolated = 500_000;

    public static int Run()
    {
        List<Row> rows = [];
        foreach (int[] layers in (int[][])[[10, 8, 2], [32, 28, 4], [100, 90, 10], [784, 126, 10], [784, 806, 447, 10]])
        {
            rows.Add(Measure(layers));
        }

        Row[] measured = [.. rows.Where(row => !row.IsExtrapolated)];

        StringBuilder text = new();
        text.Append(
            "One sample, sigmoid, quadratic loss, one core, the same vector kernels for both ways. \"Difference\" is the distance of the two gradients over their length.\n\n"
        );
        text.Append(
            "| net | weights | forward pass, us | backpropagation, us | forward passes for differences | differences, us | times as long | difference |\n"
        );
        text.Append("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n");
        foreach (Row row in rows)
        {
            text.Append(
                CultureInfo.InvariantCulture,
                $"| [{string.Join(',', row.Layers)}] | {row.Weights:N0} | {row.Forward * 1e6:F3} | {row.Backward * 1e6:F3} ");
            text.Append(
                CultureInfo.InvariantCulture,
                $"| {row.Passes:N0} | {row.Differences * 1e6:N0}{(row.IsExtrapolated ? " (extrapolated)" : "")} | {row.Differences / row.Backward:N0} "
            );
            text.Append(row.IsExtrapolated ? "| |\n" : string.Create(CultureInfo.InvariantCulture, $"| {row.Distance:F4} |\n"));
        }

        text.Append(
            "\nSlopes of log(time) over log(weights), by least squares over the measured rows:\n\n| | all | the two largest |\n| --- | ---: | ---: |\n"
        );
        text.Append(
            CultureInfo.InvariantCulture,
            $"| finite differences | {Slope(measured, r => r.Differences):F2} | {Slope(measured[^2..], r => r.Differences):F2} |\n");
        text.Append(
            CultureInfo.InvariantCulture,
            $"| backpropagation | {Slope(measured, r => r.Backward):F2} | {Slope(measured[^2..], r => r.Backward):F2} |\n");
        text.Append(
            CultureInfo.InvariantCulture,
            $"| forward passes for differences | {Slope(measured, r => r.Passes):F2} | {Slope(measured[^2..], r => r.Passes):F2} |\n\n");
        Row last = rows[^1];
        text.Append(
            CultureInfo.InvariantCulture,
            $"The text: a million weights cost 1,000,001 forward passes by differences, and two passes (one forward, one backward) by backpropagation. "
        );
        text.Append(
            CultureInfo.InvariantCulture,
            $"Here {last.Weights:N0} weights would cost {last.Passes:N0} passes of {last.Forward * 1e6:F1} us, {last.Differences:F0} s (extrapolated), "
        );
        text.Append(
            CultureInfo.InvariantCulture,
            $"and backpropagation took {last.Backward * 1e6:F0} us (measured): the time of {last.Backward / last.Forward:F1} forward passes.\n");
        Console.WriteLine(text);
        ResultFile.Write("differences", "Backpropagation against finite differences", "experiment differences", text.ToString());
        return measured.All(row => row.Distance < 0.1 && row.Passes == row.Weights + 1) ? 0 : 1;
    }

    private static Row Measure(int[] layers)
    {
        Sequential net = new(layers[0]);
        foreach (int layer in layers.AsSpan(1))
        {
            net.Dense<Sigmoid>(layer);
        }

        Network network = net.Compile<Quadratic>(
            new NetworkOptions
            {
                Batch = 1,
                Seed = 1,
                Initializer = new EmbeddedBackprop.Initializers.ScaledNormal(),
            });
        Random random = new(1);
        foreach (ref float x in network.TrainingInput(1)[..layers[0]])
        {
            x = random.NextSingle();
        }

        network.TrainingTarget(1)[0] = 1f;

        double forward = MedianSeconds(() => network.ComputeLoss(1, out _)), backward = MedianSeconds(() => network.ComputeGradients(1, out _));
        if (network.ParameterCount >= Extrapolated)
        {
            return new Row(
                layers,
                network.ParameterCount,
                forward,
                backward,
                network.ParameterCount + 1,
                (network.ParameterCount + 1) * forward,
                0,
                true);
        }

        // Small nets are measured more than once, the large ones take seconds anyway.
        int repeats = (int)Math.Clamp(0.2 / (network.ParameterCount * forward), 1, 10_000);
        long passes = 0;
        double distance = 0;
        long began = Stopwatch.GetTimestamp();
        for (int repeat = 0; repeat < repeats; repeat++)
        {
            (passes, distance) = Differences(network);
        }

        return new Row(
            layers,
            network.ParameterCount,
            forward,
            backward,
            passes,
            Stopwatch.GetElapsedTime(began).TotalSeconds / repeats,
            distance,
            false);
    }

    /// <summary>The gradient by differences, compared with the one that backpropagation left in the network.</summary>
    private static (long Passes, double Distance) Differences(Network network)
    {
        Span<float> parameters = network.Parameters, gradients = network.Gradients;
        float loss = network.ComputeLoss(1, out _);
        long passes = 1;
        double distance = 0, length = 0;
        foreach (ref readonly ParameterRange range in network.InferencePlan.Parameters)
        {
            for (int i = 0; i < range.Count; i++)
            {
                int place = range.Offset + (i / range.Columns * range.Stride) + (i % range.Columns);
                float kept = parameters[place];
                parameters[place] = kept + Step;
                double slope = ((double)network.ComputeLoss(1, out _) - loss) / Step;
                parameters[place] = kept;
                passes++;
                distance += Math.Pow(slope - gradients[place], 2);
                length += Math.Pow(gradients[place], 2);
            }
        }

        return (passes, Math.Sqrt(distance / length));
    }

    private static double MedianSeconds(Action action)
    {
        // Calls are timed in groups of about a millisecond: the clock costs as much as a small net.
        long began = Stopwatch.GetTimestamp();
        int calls = 0;
        for (; Stopwatch.GetElapsedTime(began).TotalMilliseconds < 20; calls++)
        {
            action();
        }

        calls = Math.Max(1, calls / 20);
        double[] seconds = new double[41];
        for (int group = 0; group < seconds.Length; group++)
        {
            began = Stopwatch.GetTimestamp();
            for (int call = 0; call < calls; call++)
            {
                action();
            }

            seconds[group] = Stopwatch.GetElapsedTime(began).TotalSeconds / calls;
        }

        Array.Sort(seconds);
        return seconds[seconds.Length / 2];
    }

    private static double Slope(Row[] rows, Func<Row, double> value)
    {
        double meanX = rows.Average(row => Math.Log(row.Weights)),
            meanY = rows.Average(row => Math.Log(value(row)));
        return rows.Sum(row => (Math.Log(row.Weights) - meanX) * (Math.Log(value(row)) - meanY))
            / rows.Sum(row => Math.Pow(Math.Log(row.Weights) - meanX, 2));
    }

    private sealed record Row(
        int[] Layers, long Weights, double Forward, double Backward, long Passes, double Differences, double Distance, bool IsExtrapolated);
}
