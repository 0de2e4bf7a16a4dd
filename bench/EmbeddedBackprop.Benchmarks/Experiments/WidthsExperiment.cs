using System.Globalization;
using System.Numerics;
using System.Text;
using EmbeddedBackprop.Benchmarks.Peers;
using EmbeddedBackprop.Benchmarks.Reports;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Kernels.Threads;

namespace EmbeddedBackprop.Benchmarks.Experiments;

/// <summary>
/// Matrix products at every vector width, each with the peak of its own registers measured in the same round; and on two threads compared with one.
/// The kernels of Vector&lt;T&gt; are the portable ones: they run on every platform of .NET, at the width that the runtime chooses.
/// </summary>
internal static class WidthsExperiment
{
    private const double Must = 0.90, Aim = 0.97;

    /// <summary>Samples x inputs x outputs of a layer; those that are large enough for a share of the peak to be asked of them.</summary>
    private static readonly (int Samples, int Inputs, int Outputs)[] Large =
    [
        (64, 64, 64),
        (128, 128, 128),
        (256, 256, 256),
        (512, 512, 512),
        (64, 784, 512),
        (256, 512, 512),
    ];

    private static readonly (int Samples, int Inputs, int Outputs)[] Small = [(10, 784, 30), (10, 30, 10), (32, 784, 30)];

    /// <param name="quick">A few short rounds, and no file: shows that everything works.</param>
    /// <returns>0 if two threads gave the bits of one.</returns>
    public static int Run(bool quick)
    {
        int rounds = quick ? 3 : 15;
        double duration = quick ? 0.0005 : 0.002;
        int any = 32 * Vector<float>.Count;
        int[] widths = [0, .. ((int[])[512, 256, 128]).Where(width => width <= MachinePeak.WidestRegister)];
        StringBuilder text = new();
        text.Append(
            CultureInfo.InvariantCulture,
            $"GFLOP/s of one core and, in brackets, the share of the peak of {rounds} rounds' independent multiply-adds in registers of that width, measured in the same round; medians. "
        );
        text.Append(
            CultureInfo.InvariantCulture,
            $"Vector&lt;T&gt; has {any} bit here (`EBP_TILE=any`; the other columns are `EBP_TILE=512`, `256` and `128`). Sizes are samples x inputs x outputs of a layer: NN is its forward pass, TN the gradient of its weights, NT the gradient of its input.\n\n"
        );
        text.Append("| product | Vector&lt;T&gt; | share of peak |").Append(string.Concat(widths[1..].Select(width => $" {width} bit | share |")));
        text.Append(" must, Vector&lt;T&gt; | met |\n| --- |")
            .Append(string.Concat(Enumerable.Repeat(" ---: |", 2 * widths.Length)))
            .Append(" --- | --- |\n");
        PeerGemm gemm = new();
        List<string> missed = [];
        double least = double.PositiveInfinity;
        int chosen = LaneDispatch.Width;
        foreach (
            ((string name, string kind, int m, int n, int k), bool large) in Large
                .SelectMany(Products)
                .Select(p => (p, true))
                .Concat(Small.SelectMany(Products).Select(p => (p, false))))
        {
            int[] registers = [.. widths.Select(width => width == 0 ? any : width).Distinct()];
            double[][] taken = Turns.Take(rounds, [
                .. widths.Select(width => (Func<double>)(() => Seconds(gemm, width, kind, m, n, k, duration))),
                .. registers.Select(width => (Func<double>)(() => 1e-9 / MachinePeak.Once(width))),
            ]);
            double work = 2.0 * m * n * k;
            double first = 0;
            text.Append(CultureInfo.InvariantCulture, $"| {name} |");
            for (int i = 0; i < widths.Length; i++)
            {
                double share = work * Turns.Ratio(taken[widths.Length + Array.IndexOf(registers, widths[i] == 0 ? any : widths[i])], taken[i]);
                first = i == 0 ? share : first;
                text.Append(CultureInfo.InvariantCulture, $" {work / Turns.Median(taken[i]) / 1e9:F0} | {share:P0} |");
            }

            if (large)
            {
                least = Math.Min(least, first);
            }

            if (large && first < Must)
            {
                missed.Add(string.Create(CultureInfo.InvariantCulture, $"{name} {first:P0}"));
            }

            text.Append(large ? string.Create(CultureInfo.InvariantCulture, $" {Must:P0}, aim {Aim:P0} | {Verdict(first)} |\n") : " | |\n");
        }

        LaneDispatch.Width = chosen;
        text.Append(
            CultureInfo.InvariantCulture,
            $"\nVector&lt;T&gt; at {any} bit, 64^3 and larger: at least {least:P0} of the {any}-bit peak; must {Must:P0}: ");
        text.Append(missed.Count == 0 ? "met" : "missed by " + string.Join(", ", missed))
            .Append(CultureInfo.InvariantCulture, $"; aim {Aim:P0}: {(least >= Aim ? "met" : "not met by all")}.\n");
        bool equal = Threads(text, gemm, rounds, duration);
        Console.WriteLine(text);
        if (!quick)
        {
            ResultFile.Write("widths", "Matrix products by vector width and threads", "experiment widths", text.ToString());
        }

        return equal ? 0 : 1;
    }

    /// <summary>The products that are worth a second thread, alternating with one thread.</summary>
    private static bool Threads(StringBuilder text, PeerGemm gemm, int rounds, double duration)
    {
        text.Append("\n## Two threads\n\n");
        if (Environment.ProcessorCount == 1)
        {
            text.Append("Not measured: the program was given one processor.\n");
            return true;
        }

        text.Append(
            "The same kernels at the widest register, one thread and two in turn; results are shared out in blocks, so both give the same bits.\n\n");
        text.Append("| product | one thread, GFLOP/s | two threads, GFLOP/s | times as fast | bits |\n| --- | ---: | ---: | ---: | --- |\n");
        using WorkerPool pool = new(2);
        bool allEqual = true;
        foreach ((string name, string kind, int m, int n, int k) in Large.SelectMany(Products))
        {
            double[][] taken = Turns.Take(rounds, () => gemm.Run(kind, m, n, k, duration), () => Shared(pool, gemm, kind, m, n, k, duration));
            gemm.Run(kind, m, n, k, 0);
            float[] alone = gemm.Result(kind, m, n, k).ToArray();
            Shared(pool, gemm, kind, m, n, k, 0);
            bool equal = alone.AsSpan().SequenceEqual(gemm.Result(kind, m, n, k));
            allEqual &= equal;
            double work = 2e-9 * m * n * k;
            text.Append(
                CultureInfo.InvariantCulture,
                $"| {name} | {work / Turns.Median(taken[0]):F0} | {work / Turns.Median(taken[1]):F0} | {Turns.Ratio(taken[0], taken[1]):F2} | {(equal ? "equal" : "DIFFERENT")} |\n"
            );
        }

        return allEqual;
    }

    private static double Shared(WorkerPool pool, PeerGemm gemm, string kind, int m, int n, int k, double duration)
    {
        using WorkerPool.Loan loan = WorkerPool.Lend(pool);
        return gemm.Run(kind, m, n, k, duration);
    }

    private static double Seconds(PeerGemm gemm, int width, string kind, int m, int n, int k, double duration)
    {
        LaneDispatch.Width = width;
        return gemm.Run(kind, m, n, k, duration);
    }

    private static string Verdict(double share) =>
        share >= Aim ? "yes, aim too" : share >= Must ? "yes" : string.Create(CultureInfo.InvariantCulture, $"no: {share:P0}");

    private static (string Name, string Kind, int M, int N, int K)[] Products((int Samples, int Inputs, int Outputs) size)
    {
        (int s, int i, int o) = size;
        return [($"NN {s}x{i}x{o}", "NN", s, o, i), ($"TN {s}x{i}x{o}", "TN", i, o, s), ($"NT {s}x{i}x{o}", "NT", s, i, o)];
    }
}
