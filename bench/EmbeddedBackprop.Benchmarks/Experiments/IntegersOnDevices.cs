using System.Globalization;
using System.Text;

namespace EmbeddedBackprop.Benchmarks.Experiments;

/// <summary>Instructions a multiply-add of nets of integers on processors, counted by emulators, beside what they may take.</summary>
internal static class IntegersOnDevices
{
    // A net, and what a multiply-add of it may take at -Os on M0, M3, M4F without and with two products an instruction, RV32IMAC; NaN: no limit.
    private static readonly (string Net, double[] Most)[] Nets =
    [
        ("input 784; dense 40", [7.3, 2.7, 2.7, 1.8, 3.6]),
        ("input 8x14x14; conv 16 3x3 same", [8, 3.4, 3.4, 2.5, double.NaN]),
        ("input 1x28x28; conv 8 3x3 same", [double.NaN, 5.6, 5.6, double.NaN, double.NaN]),
        ("input 8x14x14; conv 8 3x3 same g8", [double.NaN, 8.2, 8.2, double.NaN, double.NaN]),
        ("input 16x13x13; conv 32 1x1", [double.NaN, double.NaN, double.NaN, double.NaN, double.NaN]),
        ("input 32x8; gru 16", [11.8, 5.3, 5.3, 5.3, double.NaN]),
        ("input 784; dense 30 sigmoid; dense 10 sigmoid", [double.NaN, double.NaN, double.NaN, double.NaN, double.NaN]),
        (
            "input 1x28x28; conv 8 3x3 p1 relu; maxpool 2; conv 16 3x3 p1 relu; maxpool 2; dense 10 softmax",
            [double.NaN, 1_000_000 / 290_080.0, double.NaN, double.NaN, double.NaN]),
    ];

    /// <summary>Writes the table.</summary>
    /// <returns>Whether every limit is kept.</returns>
    public static bool Write(StringBuilder text)
    {
        DeviceProcessor m4 = Find("cortex-m4f");
        (string Name, DeviceProcessor Processor)[] processors =
        [
            ("M0", Find("cortex-m0")), ("M3", Find("cortex-m3")), ("M4F, plain C", m4 with { Compiler = [.. m4.Compiler, "-DEBP_PORTABLE"] }),
            ("M4F, SMLAD", m4), ("RV32IMAC", Find("rv32imac")),
        ];
        DeviceNet[] integers = [.. Nets.Select(net => new DeviceNet(net.Net, Integers: true))];
        DeviceNet[] floats = [.. Nets.Select(net => new DeviceNet(net.Net))];
        text.Append(
            "\nInstructions a multiply-add of the exported C in integers at -Os, all that a prediction takes, counted by qemu; and of the float export of the "
            + "same net. In brackets what it may take. The weights are drawn.\n\n");
        text.Append("| net | multiply-adds |");
        foreach ((string name, _) in processors)
        {
            text.Append(CultureInfo.InvariantCulture, $" {name} |");
        }

        text.Append(" float, M4F | float, M3 |\n| --- | ---: |").Insert(text.Length, " ---: |", processors.Length + 2).Append('\n');
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

        return kept;
    }

    private static DeviceProcessor Find(string target) => DeviceProcessor.All.First(processor => processor.Target == target);

    // Instructions a multiply-add of each net, then their multiply-adds.
    private static double[] Each(DeviceProcessor processor, DeviceNet[] nets)
    {
        IReadOnlyList<(DeviceNet Net, Export.Model.CModel Model, long Counted)> counted = processor.Count(nets);
        double[] result = new double[2 * nets.Length];
        for (int i = 0; i < nets.Length; i++)
        {
            (_, Export.Model.CModel model, long instructions) = counted.First(each => each.Net == nets[i]);
            result[i] = instructions / (double)model.Plan.MultiplyAdds;
            result[nets.Length + i] = model.Plan.MultiplyAdds;
        }

        return result;
    }
}
