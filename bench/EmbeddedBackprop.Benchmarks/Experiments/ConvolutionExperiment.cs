using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using EmbeddedBackprop.Benchmarks.Peers;
using EmbeddedBackprop.Benchmarks.Reports;
using EmbeddedBackprop.Benchmarks.Steps;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Benchmarks.Experiments;

/// <summary>Where convolution nets spend their time: op, pass, time, and the time that its multiply-adds take at the core's peak.</summary>
internal static class ConvolutionExperiment
{
    private static readonly (string Work, int Batch, bool Training)[] Works =
        [("training step", 32, true), ("prediction", 32, false), ("prediction", 1, false)];

    /// <param name="quick">One call of each, and no file.</param>
    /// <param name="only">The name of one net, whose tables are printed without a file; null for all.</param>
    /// <returns>0 if the parts of a run give the bits of the whole; 2 for an unknown net.</returns>
    public static int Run(bool quick, string? only)
    {
        if (only is not null && ConvolutionNets.All.All(net => net.Name != only))
        {
            Console.Error.WriteLine($"no net {only}: {string.Join(", ", ConvolutionNets.All.Select(net => net.Name))}");
            return 2;
        }

        double peak = MachinePeak.Gflops;
        StringBuilder summary = new(), tables = new();
        Begin(summary, peak);
        bool equal = true;
        foreach ((string name, string text) in ConvolutionNets.All.Where(net => only is null || net.Name == only))
        {
            tables.Append(CultureInfo.InvariantCulture, $"\n## {name}\n\n{char.ToUpperInvariant(text[0])}{text[1..]}.\n");
            foreach ((string work, int batch, bool training) in Works)
            {
                equal &= Measure(name, work, batch, training, peak, quick, summary, tables);
            }
        }

        string page = summary.Append(tables).ToString();
        Console.WriteLine(page);
        if (!quick && only is null)
        {
            ResultFile.Write("convolution", "Convolution nets, part by part", "experiment convolution", page);
        }

        return equal ? 0 : 1;
    }

    private static void Begin(StringBuilder text, double peak)
    {
        text.Append(
            CultureInfo.InvariantCulture,
            $"One core; its peak is {peak:F0} GFLOP/s here (independent multiply-adds in the widest registers). The steps of a plan are run one by one in a real step or prediction, ");
        text.Append(
            "with a look at the clock after each part; the fastest of many runs, since what else runs on the machine only makes one slower. The whole (`Network.TrainStep`, `Network.Predict`) is timed beside it in turn, and has the same bits. ");
        text.Append(
            "\"Floor\" is the time of a part's multiply-adds at the peak; taps in the padding are not counted, gradients that are 0 are, although kernels may leave them out. ");
        text.Append("A cell without a floor is a part that is not made of multiply-adds. ");
        text.Append("In a prediction a convolution does a batch normalisation and a ReLU after it along; no factor is folded into its weights.\n\n");
        text.Append("| net | work | batch | whole, us | sum of the parts, us | parts / whole ")
            .Append("| multiply-adds, million | floor, us | of peak | bits |\n");
        text.Append("| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |\n");
    }

    private static bool Measure(
        string name, string work, int batch, bool training, double peak, bool quick, StringBuilder summary, StringBuilder tables)
    {
        using Network network = ConvolutionNets.Make(name, batch, training);
        float[] samples = new float[batch * network.InputLength], results = new float[batch * network.OutputLength];
        new Random(1).NextSamples(samples);
        void Fill(Node node, Span<float> rows, int stride) => FillRows(network, samples, batch, node, rows, stride);
        TimedPlan plan = new(network, batch, Fill);

        // A step changes the weights of both alike.
        void Whole(float rate)
        {
            if (training)
            {
                network.TrainStep(batch, rate);
            }
            else if (batch == 1)
            {
                network.Predict(samples).CopyTo(results);
            }
            else
            {
                network.Predict(samples, batch, results);
            }
        }

        void FillWhole()
        {
            if (training)
            {
                Fill(network.Input, network.TrainingInput(batch), network.InputStride);
                Fill(network.Target!, network.TrainingTarget(batch), network.TargetStride);
            }
        }

        FillWhole();
        Whole(0.01f);
        network.Parameters.CopyTo(plan.WritableParameters);
        FillWhole();
        Whole(0.01f);
        plan.Run(0.01f);
        bool equal = training ? Equal(network.Parameters, plan.Parameters) : EqualRows(network, results, plan, batch);

        (double whole, double[] parts) = Times(plan, FillWhole, Whole, quick);
        double multiplyAdds = plan.Parts.Sum(part => part.MultiplyAdds), floor = 2e-9 * multiplyAdds / peak;
        summary.Append(
            CultureInfo.InvariantCulture,
            $"| {name} | {work} | {batch} | {whole * 1e6:F1} | {parts.Sum() * 1e6:F1} | {parts.Sum() / whole:F2} | {multiplyAdds / 1e6:F3} | {floor * 1e6:F2} ");
        summary.Append(CultureInfo.InvariantCulture, $"| {floor / whole:P0} | {(equal ? "equal" : "DIFFERENT")} |\n");
        tables.Append(CultureInfo.InvariantCulture, $"\n### {name}: {work}, batch {batch}\n\n");
        tables.Append("| op | output | pass | time, us | share of the time | floor, us | of peak | gradients not 0 |\n");
        tables.Append("| --- | --- | --- | ---: | ---: | ---: | ---: | ---: |\n");
        for (int i = 0; i < parts.Length; i++)
        {
            StepPart part = plan.Parts[i];
            double least = 2e-9 * part.MultiplyAdds / peak;
            tables.Append(
                CultureInfo.InvariantCulture,
                $"| {Text(part.Step.Op)} | {part.Step.Node.Shape} | {part.Pass} | {parts[i] * 1e6:F2} | {parts[i] / parts.Sum():P1} ");
            string floors = string.Create(CultureInfo.InvariantCulture, $"| {least * 1e6:F2} | {least / parts[i]:P0} "),
                live = string.Create(CultureInfo.InvariantCulture, $"| {part.Live:P0} |\n");
            tables.Append(part.MultiplyAdds > 0 ? floors : "| | ").Append(part.Live < 1 ? live : "| |\n");
        }

        return equal;
    }

    /// <summary>The fastest of single runs; blocks of the whole and of the parts in turn, of each the first run does not count.</summary>
    private static (double Whole, double[] Parts) Times(TimedPlan plan, Action fill, Action<float> whole, bool quick)
    {
        const double BlockSeconds = 0.01;
        const int Most = 400;
        int blocks = quick ? 1 : 15;
        List<double> wholes = [];
        List<double>[] parts = [.. plan.Parts.Select(_ => new List<double>())];
        for (int block = 0; block < blocks; block++)
        {
            long began = Stopwatch.GetTimestamp();
            for (int i = 0; i < 2 || (!quick && i < Most && Stopwatch.GetElapsedTime(began).TotalSeconds < BlockSeconds); i++)
            {
                fill();
                long start = Stopwatch.GetTimestamp();
                whole(1e-12f);
                double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds - TimedPlan.MarkSeconds;
                if (i > 0)
                {
                    wholes.Add(seconds);
                }
            }

            began = Stopwatch.GetTimestamp();
            for (int i = 0; i < 2 || (!quick && i < Most && Stopwatch.GetElapsedTime(began).TotalSeconds < BlockSeconds); i++)
            {
                plan.Run(1e-12f);
                for (int part = 0; i > 0 && part < parts.Length; part++)
                {
                    parts[part].Add(plan.Seconds(part));
                }
            }
        }

        return (wholes.Min(), [.. parts.Select(part => part.Min())]);
    }

    /// <summary>The op as a net's text writes it: "conv 8 5x5 relu".</summary>
    private static string Text(Op op) =>
        string.Join(' ', ((string?[])[op.Kind, op.Settings, op.ActivationName]).Where(word => word is not (null or "" or "identity")));

    /// <summary>The samples, or targets of the classes in turn.</summary>
    private static void FillRows(Network network, float[] samples, int batch, Node node, Span<float> rows, int stride)
    {
        int length = node.Shape.Length;
        for (int b = 0; b < batch; b++)
        {
            Span<float> row = rows.Slice(b * stride, length);
            if (node == network.Input)
            {
                samples.AsSpan(b * length, length).CopyTo(row);
            }
            else
            {
                row.Clear();
                row[b % length] = 1;
            }
        }
    }

    private static bool Equal(ReadOnlySpan<float> a, ReadOnlySpan<float> b) => MemoryMarshal.AsBytes(a).SequenceEqual(MemoryMarshal.AsBytes(b));

    private static bool EqualRows(Network network, float[] results, TimedPlan plan, int batch)
    {
        int length = network.OutputLength;
        bool equal = true;
        for (int b = 0; b < batch; b++)
        {
            equal &= Equal(results.AsSpan(b * length, length), plan.Output(network.Output).Slice(b * network.OutputStride, length));
        }

        return equal;
    }
}
