using System.Globalization;
using System.Text;
using EmbeddedBackprop.Export;
using EmbeddedBackprop.Export.Model;

namespace EmbeddedBackprop.Benchmarks.Experiments;

/// <summary>Instructions a multiply-add of nets of integers on processors, counted by emulators, beside what they may take.</summary>
internal static class IntegersOnDevices
{
    private static readonly string[] WideTargets = ["cortex-m0", "cortex-m3", "cortex-m4f"];

    // A net, and what a multiply-add of it may take at -Os on M0, M3, M4F without and with two products an instruction, M33, RV32IMAC; NaN: no limit.
    private static readonly (string Net, double[] Most)[] Nets =
    [
        ("input 784; dense 40", [7.3, 2.7, 2.7, 1.8, 1.8, 3.6]),
        ("input 8x14x14; conv 16 3x3 same", [8, 3.4, 3.4, 2.5, 2.5, double.NaN]),
        ("input 1x28x28; conv 8 3x3 same", [double.NaN, 5.6, 5.6, double.NaN, double.NaN, double.NaN]),
        ("input 8x14x14; conv 8 3x3 same g8", [double.NaN, 8.2, 8.2, double.NaN, double.NaN, double.NaN]),
        ("input 16x13x13; conv 32 1x1", [double.NaN, double.NaN, double.NaN, double.NaN, double.NaN, double.NaN]),
        ("input 32x8; gru 16", [11.8, 5.3, 5.3, 5.3, 5.3, double.NaN]),
        ("input 784; dense 30 sigmoid; dense 10 sigmoid", [double.NaN, double.NaN, double.NaN, double.NaN, double.NaN, double.NaN]),
        (
            "input 1x28x28; conv 8 3x3 p1 relu; maxpool 2; conv 16 3x3 p1 relu; maxpool 2; dense 10 softmax",
            [double.NaN, 1_000_000 / 290_080.0, double.NaN, double.NaN, double.NaN, double.NaN]),
    ];

    /// <summary>Whole nets, whose estimates are compared with what is counted; none is in `experiment calibrate --integers`.</summary>
    private static readonly string[] Whole =
    [
        "input 784; dense 30 sigmoid; dense 10 sigmoid",
        "input 64; dense 32 tanh; dense 16 tanh; dense 4 softmax",
        "input 16; dense 12 tanh; dense 8 tanh; dense 3 softmax",
        "input 20; dense 24 relu; dense 4 softmax",
        "input 1x10x10; conv 4 3x3 relu; maxpool 2; dense 3 softmax",
        "input 1x28x28; conv 4 3x3 s2 relu; conv 8 3x3 s2 relu; dense 10 softmax",
        "input 1x28x28; conv 8 3x3 p1 relu; maxpool 2; conv 16 3x3 p1 relu; maxpool 2; dense 10 softmax",
        "input 1x28x28; conv 8 5x5 relu; maxpool 2; conv 16 5x5 relu; maxpool 2; dense 10 softmax",
        "input 1x20x20; conv 6 2x2 relu; conv 8 3x5 relu; avgpool 2; dense 5 softmax",
        "input 1x8x8; conv 16 3x3 same; batchnorm; activate relu; conv 20 3x3; batchnorm; activate relu; maxpool 2; dense 10 softmax",
        "input 1x28x28; conv 8 3x3 s2 relu; conv 8 3x3 p1 g8 relu; conv 16 1x1 relu; global-avgpool; dense 10 softmax",
        "input 1x28x28; conv 8 3x3 s2 p1; batchnorm; activate relu; conv 8 3x3 p1 g8; batchnorm; activate relu; conv 16 1x1; batchnorm; "
            + "activate relu; conv 16 3x3 s2 p1 g16; batchnorm; activate relu; conv 32 1x1; batchnorm; activate relu; global-avgpool; "
            + "dense 10 softmax",
        "a = input 1x28x28; b = conv 8 3x3 s2 p1 gelu a; c = conv 8 3x3 p1 gelu b; d = add b c; e = global-avgpool d; dense 10 softmax e",
        "input 64x2; transpose; conv1d 16 5 relu; maxpool1d 2; conv1d 24 5 relu; maxpool1d 2; flatten; dense 10 softmax",
        "input 8x9x9; conv-transpose 4 3x3 relu; conv 4 3x3 s2; dense 4 softmax",
        "input 60; dense 30; layernorm; activate relu; dense 4 softmax",
        "input 32x9; gru 16; dense 4 softmax",
        "input 32x9; lstm 16; dense 4 softmax",
        "input 10x3; gru 8; dense 3 softmax",
        "input 64x2; gru 24 bidirectional all; mean-time; dense 10 softmax",
    ];

    /// <summary>Estimates beside counts.</summary>
    /// <returns>Whether all on M0, M3 and M4F are within 15 %.</returns>
    private static bool Estimates(StringBuilder text)
    {
        const double Most = 0.15;
        string[] judged = ["cortex-m0", "cortex-m3", "cortex-m4f"];
        DeviceNet[] nets =
        [
            .. Whole.Select(net => new DeviceNet(net, Bits: 8)),
            .. new[] { Whole[0], Whole[6], Whole[10], Whole[13], Whole[16] }.Select(net => new DeviceNet(net, Bits: 16)),
        ];
        (string table, IReadOnlyDictionary<string, double> largest) = DeviceEstimates.Table(DeviceProcessor.All, nets);
        bool kept = judged.All(target => largest[target] <= Most);
        string part = "\nEstimates (`ebp plan MODEL`) beside counts at -Os: what is counted, and in brackets how much more or less is estimated. "
            + "None of these nets is in `experiment calibrate --integers`, which fits the estimates. On AVR they are cycles of nets that fit 8 KB. "
            + $"Must on M0, M3 and M4F: within 15 %: {(kept ? "met" : "**missed**")}.\n\n" + table;
        Console.Write(part);
        text.Append(part);
        return kept;
    }

    /// <summary>Prints this section alone; the file of results stays.</summary>
    public static int Run() => Write(new StringBuilder()) ? 0 : 1;

    /// <summary>Writes the table.</summary>
    /// <returns>Whether every limit is kept.</returns>
    public static bool Write(StringBuilder text)
    {
        DeviceProcessor m4 = Find("cortex-m4f");
        (string Name, DeviceProcessor Processor)[] processors =
        [
            ("M0", Find("cortex-m0")), ("M3", Find("cortex-m3")), ("M4F, plain C", m4 with { Compiler = [.. m4.Compiler, "-DEBP_PORTABLE"] }),
            ("M4F, SMLAD", m4), ("M33, SMLAD", Find("cortex-m33")), ("RV32IMAC", Find("rv32imac")),
        ];
        DeviceNet[] integers = [.. Nets.Select(net => new DeviceNet(net.Net, Bits: 8))];
        DeviceNet[] floats = [.. Nets.Select(net => new DeviceNet(net.Net))];
        text.Append(
            "\nInstructions a multiply-add of the exported C in integers at -Os, all that a prediction takes, counted by qemu; and of the float export of the "
            + "same net. In brackets what it may take. The weights are drawn.\n\n");
        int begin = text.Length;
        text.Append("| net | multiply-adds |");
        foreach ((string name, _) in processors)
        {
            text.Append(CultureInfo.InvariantCulture, $" {name} |");
        }

        text.Append(" float, M4F | float, M3 |\n| --- | ---: |").Insert(text.Length, " ---: |", processors.Length + 2).Append('\n');
        Console.Write(text.ToString(begin, text.Length - begin));
        double[][] counts =
        [
            .. processors.Select(each => Each(each.Processor, integers)), Each(m4, floats), Each(Find("cortex-m3"), floats),
        ];
        bool kept = true;
        for (int net = 0; net < Nets.Length; net++)
        {
            StringBuilder line = new();
            line.Append(CultureInfo.InvariantCulture, $"| {Nets[net].Net} | {counts[^1][net + Nets.Length]:N0} |");
            for (int column = 0; column < counts.Length; column++)
            {
                double each = counts[column][net], most = column < processors.Length ? Nets[net].Most[column] : double.NaN;
                bool missed = each > most;
                kept &= !missed;
                line.Append(CultureInfo.InvariantCulture, $" {(missed ? "**" : "")}{each:F2}{(missed ? "**" : "")}");
                line.Append(double.IsNaN(most) ? " |" : string.Create(CultureInfo.InvariantCulture, $" ({most:F2}) |"));
            }

            Console.WriteLine(line);
            text.Append(line).Append('\n');
        }

        return kept & OnAvr(text) & Wide(text) & Bytes(text) & Estimates(text);
    }

    /// <summary>Cycles on AVR at -O2, of layers that its RAM holds.</summary>
    private static bool OnAvr(StringBuilder text)
    {
        (string Net, double Most)[] nets =
            [("input 196; dense 20", 29), ("input 400; dense 10", double.NaN), ("input 4x8x8; conv 4 3x3 same", double.NaN)];
        return Lines(
            text, "Cycles a multiply-add on AVR at -O2, all that a prediction takes, counted by simavr; layers that 8 KB of RAM hold.",
            "| net | cycles a multiply-add | must |\n| --- | ---: | --- |\n",
            Find("avr").Count([.. nets.Select(net => new DeviceNet(net.Net, Bits: 8))], "-O2").Select(each =>
            {
                double one = each.Counted / (double)each.Model.Plan.MultiplyAdds, most = nets.Single(net => net.Net == each.Net.Text).Most;
                return Row(each.Net.Text, one.ToString("F2", CultureInfo.InvariantCulture), one, most, "F0");
            }));
    }

    /// <summary>Instructions of nets whose values have 16 bits, as a multiple of those with 8.</summary>
    private static bool Wide(StringBuilder text)
    {
        const double Most = 1.05;
        string[] nets = [Nets[0].Net, Nets[1].Net, Nets[^2].Net, Nets[^1].Net];
        return Lines(
            text, "Instructions with values of 16 bits, as a multiple of those with 8, at -Os.",
            "| net, processor | 16 bits / 8 bits | must |\n| --- | ---: | --- |\n",
            WideTargets.SelectMany(target =>
            {
                DeviceNet[] both = [.. nets.SelectMany(net => new[] { new DeviceNet(net, Bits: 8), new DeviceNet(net, Bits: 16) })];
                long[] counted = [.. Find(target).Count(both).Select(each => each.Counted)];
                return nets.Select((net, i) =>
                {
                    double ratio = counted[(2 * i) + 1] / (double)counted[2 * i];
                    return Row($"{net}, {target}", ratio.ToString("F2", CultureInfo.InvariantCulture), ratio, Most, "F2");
                });
            }));
    }

    /// <summary>Tables, RAM and code of two nets.</summary>
    private static bool Bytes(StringBuilder text)
    {
        (string Name, DeviceNet Net, int Tables, int Values, int Scratch, int Code)[] nets =
        [
            ("[784, 30, 10] sigmoid", new DeviceNet(Nets[^2].Net, Bits: 8), 24_800, 60, 1_600, 1_200),
            ("small convolution net, pools fused", new DeviceNet(Nets[^1].Net, Bits: 8), 9_800, 2_600, 0, 2_500),
        ];
        return Lines(
            text, "Bytes: tables, RAM of the arena (of it scratch), code at -Os.", "| what | bytes | must |\n| --- | ---: | --- |\n",
            nets.SelectMany(net =>
            {
                (int code3, CModel model) = Find("cortex-m3").Code(net.Net);
                (int code4, _) = Find("cortex-m4f").Code(net.Net);
                CCost cost = CCost.Of(model, CTarget.CortexM3);
                long values = cost.RamBytes - cost.ScratchBytes;
                return new[]
                {
                    Row(net.Name + ": tables", Bytes(cost.TableBytes), cost.TableBytes, net.Tables, "N0"),
                    Row(net.Name + ": RAM without scratch", Bytes(values), values, net.Values, "N0"),
                    Row(net.Name + ": RAM", Bytes(cost.RamBytes), cost.RamBytes, net.Values + net.Scratch, "N0"),
                    Row(net.Name + ": code, Cortex-M3", Bytes(code3), code3, net.Code, "N0"),
                    Row(net.Name + ": code, Cortex-M4F", Bytes(code4), code4, net.Code, "N0"),
                };
            }));

        static string Bytes(long bytes) => bytes.ToString("N0", CultureInfo.InvariantCulture);
    }

    private static (string Line, bool Kept) Row(string name, string cell, double found, double most, string format)
    {
        bool kept = double.IsNaN(most) || found <= most;
        string must = double.IsNaN(most) ? "" : $"{most.ToString(format, CultureInfo.InvariantCulture)}: {(kept ? "met" : "**missed**")}";
        return ($"| {name} | {cell} | {must} |\n", kept);
    }

    private static bool Lines(StringBuilder text, string head, string columns, IEnumerable<(string Line, bool Kept)> rows)
    {
        (string Line, bool Kept)[] all = [.. rows];
        string part = $"\n{head}\n\n{columns}{string.Concat(all.Select(row => row.Line))}";
        Console.Write(part);
        text.Append(part);
        return all.All(row => row.Kept);
    }

    private static DeviceProcessor Find(string target) => DeviceProcessor.All.First(processor => processor.Target == target);

    // Instructions a multiply-add of each net, then their multiply-adds.
    private static double[] Each(DeviceProcessor processor, DeviceNet[] nets)
    {
        IReadOnlyList<(DeviceNet Net, CModel Model, long Counted)> counted = processor.Count(nets);
        double[] result = new double[2 * nets.Length];
        for (int i = 0; i < nets.Length; i++)
        {
            (_, CModel model, long instructions) = counted.First(each => each.Net == nets[i]);
            result[i] = instructions / (double)model.Plan.MultiplyAdds;
            result[nets.Length + i] = model.Plan.MultiplyAdds;
        }

        return result;
    }
}
