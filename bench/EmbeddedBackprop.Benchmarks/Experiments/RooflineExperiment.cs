using System.Globalization;
using System.Text;
using EmbeddedBackprop.Benchmarks.Peers;
using EmbeddedBackprop.Benchmarks.Reports;
using EmbeddedBackprop.Kernels;

namespace EmbeddedBackprop.Benchmarks.Experiments;

/// <summary>
/// The limits of the machine and the speed of the kernels: the peak of independent multiply-adds, the bandwidth of each level of the memory, and
/// kernels by their operations per byte. Source of the chart's idea: Williams, Waterman and Patterson 2009, "Roofline".
/// </summary>
internal static class RooflineExperiment
{
    private static readonly int[] Sizes = [.. Enumerable.Range(14, 15).Select(power => 1 << power)];

    /// <param name="quick">Two short rounds, small memory only, and no file.</param>
    public static int Run(bool quick)
    {
        int rounds = quick ? 2 : 9;
        double duration = quick ? 0.0005 : 0.003;
        StringBuilder text = new();
        text.Append(
            CultureInfo.InvariantCulture,
            $"One core. The fastest of {rounds} rounds in turn (peaks: of 40 runs): what else runs on the machine only makes a round slower.\n\n");
        double peak = Peaks(text);
        Dictionary<string, double> roofs = Bandwidths(text, quick ? Sizes[..8] : Sizes, rounds, duration);
        Kernels(text, peak, roofs, rounds, duration);
        Console.WriteLine(text);
        if (!quick)
        {
            ResultFile.Write("roofline", "Roofline", "experiment roofline", text.ToString());
            Console.WriteLine("written: " + RooflineChart.Draw(ResultFile.Folder, ResultFile.Charts));
        }

        return 0;
    }

    private static double Peaks(StringBuilder text)
    {
        text.Append("| registers | peak, GFLOP/s |\n| --- | ---: |\n");
        double peak = 0;
        foreach (int width in ((int[])[128, 256, 512]).Where(width => width <= MachinePeak.WidestRegister))
        {
            peak = MachinePeak.Best(width);
            text.Append(CultureInfo.InvariantCulture, $"| {width} bit | {peak:F1} |\n");
        }

        return peak;
    }

    /// <returns>Bytes a second of each level.</returns>
    private static Dictionary<string, double> Bandwidths(StringBuilder text, int[] sizes, int rounds, double duration)
    {
        text.Append("\n\"Read\" sums the memory in the widest registers; \"multiply-add\" is y = alpha x + y, two floats read and one written.\n\n");
        text.Append("| size | lies in | read, GB/s | multiply-add, GB/s |\n| ---: | --- | ---: | ---: |\n");
        Dictionary<string, double> roofs = [];
        List<(string Level, double Rate)> measured = [];
        foreach (int bytes in sizes)
        {
            Memory<float> memory = MemoryBandwidth.Allocate(bytes);
            double[][] rates = Turns.Take(
                bytes > 1 << 24 ? Math.Min(rounds, 3) : rounds,
                () => MemoryBandwidth.Read(memory, duration),
                () => MemoryBandwidth.MultiplyAdd(memory, duration));
            measured.Add((MemoryBandwidth.LevelOf(bytes), Math.Max(rates[0].Max(), rates[1].Max())));
            text.Append(
                CultureInfo.InvariantCulture,
                $"| {Size(bytes)} | {measured[^1].Level} | {rates[0].Max() / 1e9:F1} | {rates[1].Max() / 1e9:F1} |\n");
        }

        text.Append("\nThe roof of a level is the fastest of its rows.\n\n| roof | GB/s |\n| --- | ---: |\n");
        foreach ((string name, _) in MemoryBandwidth.Levels)
        {
            if (!measured.Any(m => m.Level == name))
            {
                continue;
            }

            roofs[name] = measured.Where(m => m.Level == name).Max(m => m.Rate);
            text.Append(CultureInfo.InvariantCulture, $"| {name} | {roofs[name] / 1e9:F1} |\n");
        }

        return roofs;
    }

    private static void Kernels(StringBuilder text, double peak, Dictionary<string, double> roofs, int rounds, double duration)
    {
        RooflineKernel[] kernels = [.. RooflineKernel.All()];
        int exp = CountingLane.Of(CountingLane.Exp),
            sigmoid = CountingLane.Of(CountingLane.Sigmoid);
        text.Append(
            CultureInfo.InvariantCulture,
            $"\nOperations: a multiply-add is two; exp is {exp} and sigmoid {sigmoid} an element, counted by running the formula; comparing and work on bits do not count. "
        );
        text.Append(
            "Bytes: what must be read and written once, without padding. The roof is the lower of the peak and operations per byte times the bandwidth of the level that holds the operands.\n\n"
        );
        text.Append(
            "| kernel | family | operations | bytes | FLOP/byte | lies in | GFLOP/s | roof | of roof |\n| --- | --- | ---: | ---: | ---: | --- | ---: | ---: | ---: |\n"
        );
        double[][] taken = Turns.Take(rounds, [.. kernels.Select(kernel => (Func<double>)(() => kernel.Seconds(duration)))]);
        for (int i = 0; i < kernels.Length; i++)
        {
            RooflineKernel k = kernels[i];
            string level = MemoryBandwidth.LevelOf(k.Memory);
            double rate = k.Operations / taken[i].Min() / 1e9, intensity = k.Operations / k.Bytes;
            double roof = Math.Min(peak, roofs.TryGetValue(level, out double bandwidth) ? intensity * bandwidth / 1e9 : peak);
            text.Append(
                CultureInfo.InvariantCulture,
                $"| {k.Name} | {k.Family} | {k.Operations:N0} | {k.Bytes:N0} | {intensity:F2} | {level} | {rate:F1} | {roof:F1} | {rate / roof:P0} |\n"
            );
        }
    }

    private static string Size(int bytes) => bytes < 1 << 20 ? $"{bytes >> 10} KB" : $"{bytes >> 20} MB";
}
