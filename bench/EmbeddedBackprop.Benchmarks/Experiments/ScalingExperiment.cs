using System.Globalization;
using System.Text;
using EmbeddedBackprop.Benchmarks.Peers;
using EmbeddedBackprop.Benchmarks.Reports;
using EmbeddedBackprop.Benchmarks.Steps;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Benchmarks.Experiments;

/// <summary>
/// How the throughput of training grows with the batch, with threads, with the width of a layer, and with the width of the registers.
/// </summary>
internal static class ScalingExperiment
{
    private static readonly int[][] Nets = [[784, 30, 10], [784, 512, 512, 10]];

    /// <param name="quick">A few short rounds and cases, and no file.</param>
    public static int Run(bool quick)
    {
        int rounds = quick ? 2 : 7;
        double duration = quick ? 0.0005 : 0.01;
        StringBuilder text = new();
        text.Append(
            CultureInfo.InvariantCulture,
            $"Training steps (forward, backward, update; the batch lies ready), sigmoid, quadratic loss, SGD; medians of {rounds} rounds in turn. ");
        text.Append(
            "GFLOP/s count a multiply-add as two operations: forward, weight gradient and input gradient one multiply-add a weight and sample each, the update one a parameter.\n"
        );
        Batches(text, quick ? [1, 8] : [1, 2, 4, 8, 16, 32, 64, 128, 256, 512], rounds, duration);
        Layers(text, quick ? [8, 32] : [8, 16, 32, 64, 128, 256, 512, 1024], rounds, duration);
        Console.WriteLine(text);
        if (!quick)
        {
            ResultFile.Write("scaling", "Scaling with batch, threads, layer and vector width", "experiment scaling", text.ToString());
            Console.WriteLine("written: " + ScalingChart.Draw(ResultFile.Folder, ResultFile.Charts));
        }

        return 0;
    }

    private static void Batches(StringBuilder text, int[] batches, int rounds, double duration)
    {
        int most = Environment.ProcessorCount > 1 ? 2 : 1;
        text.Append(
            CultureInfo.InvariantCulture,
            $"\n## Batch and threads\n\nRegisters of {LaneDispatch.Width} bit.{(most == 1 ? " The program was given one processor: two threads were not measured." : "")}\n\n"
        );
        text.Append("| net | batch | samples/s, one thread | GFLOP/s |")
            .Append(most > 1 ? " samples/s, two threads | GFLOP/s, two threads | times as fast |\n" : "\n");
        text.Append("| --- | ---: | ---: | ---: |").Append(most > 1 ? " ---: | ---: | ---: |\n" : "\n");
        foreach (int[] layers in Nets)
        {
            foreach (int batch in batches)
            {
                Network[] networks = [.. Enumerable.Range(1, most).Select(threads => Prepare(layers, batch, threads))];
                double[][] taken = Turns.Take(
                    rounds,
                    [.. networks.Select(network => (Func<double>)(() => Timing.OfCall(duration, new Step(network, batch))))]);
                foreach (Network network in networks)
                {
                    network.Dispose();
                }

                text.Append(CultureInfo.InvariantCulture, $"| [{string.Join(',', layers)}] | {batch} |");
                double operations = DenseNet.Operations(layers, batch);
                foreach (double seconds in taken.Select(Turns.Median))
                {
                    text.Append(CultureInfo.InvariantCulture, $" {batch / seconds:N0} | {operations / seconds / 1e9:F1} |");
                }

                text.Append(most > 1 ? string.Create(CultureInfo.InvariantCulture, $" {Turns.Ratio(taken[0], taken[1]):F2} |\n") : "\n");
            }
        }
    }

    private static void Layers(StringBuilder text, int[] widths, int rounds, double duration)
    {
        const int Batch = 32;
        int[] registers = [.. ((int[])[128, 256, 512]).Where(width => width <= MachinePeak.WidestRegister), 0];
        text.Append(
            CultureInfo.InvariantCulture,
            $"\n## Width of a layer and of the registers\n\n[784,H,10] at batch {Batch}, one thread; \"Vector&lt;T&gt;\" is what `EBP_TILE=any` runs, {32 * System.Numerics.Vector<float>.Count} bit here.\n\n"
        );
        text.Append("| H |")
            .Append(string.Concat(registers.Select(width => Name(width) is var name ? $" samples/s, {name} | GFLOP/s, {name} |" : "")))
            .Append('\n');
        text.Append("| ---: |").Append(string.Concat(registers.Select(_ => " ---: | ---: |"))).Append('\n');
        int chosen = LaneDispatch.Width;
        foreach (int hidden in widths)
        {
            int[] layers = [784, hidden, 10];
            using Network network = Prepare(layers, Batch, 1);
            double[][] taken = Turns.Take(rounds, [.. registers.Select(width => (Func<double>)(() =>
            {
                LaneDispatch.Width = width;
                return Timing.OfCall(duration, new Step(network, Batch));
            }))]);
            text.Append(CultureInfo.InvariantCulture, $"| {hidden} |");
            foreach (double seconds in taken.Select(Turns.Median))
            {
                text.Append(CultureInfo.InvariantCulture, $" {Batch / seconds:N0} | {DenseNet.Operations(layers, Batch) / seconds / 1e9:F1} |");
            }

            text.Append('\n');
        }

        LaneDispatch.Width = chosen;
    }

    private static string Name(int width) => width == 0 ? "Vector&lt;T&gt;" : string.Create(CultureInfo.InvariantCulture, $"{width} bit");

    private static Network Prepare(int[] layers, int batch, int threads)
    {
        Network network = DenseNet.Make(layers, batch, threads);
        Random random = new(1);
        foreach (ref float x in network.TrainingInput(batch))
        {
            x = random.NextSingle();
        }

        return network;
    }

    /// <summary>A rate that moves no weight far: however often the step is run, it does the work of the first one.</summary>
    private readonly struct Step(Network network, int batch) : IWork
    {
        public void Call() => network.TrainStep(batch, 1e-12f);
    }
}
