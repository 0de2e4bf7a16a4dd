using System.Globalization;
using System.Text.Json;
using EmbeddedBackprop.Quantization;
using EmbeddedBackprop.Tools.Output;
using EmbeddedBackprop.Tools.Recipes;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tools.Commands;

/// <summary>ebp compare MODEL: a float model beside its integers, of 8 bits and with values of 16.</summary>
internal static class QuantizedComparison
{
    private static readonly (string Name, int Bits)[] Columns = [("int8", 8), ("16x8", 16)];

    public static int Run(string path, Recipe given, string? judge, bool json)
    {
        SavedModel model = ModelStore.Load(path).RequireFloat(path, "compare takes the float model");
        QuantizationData data = QuantizationData.Load(model, path, given, judge);
        List<QuantizationRun> runs = [];
        foreach ((_, int bits) in Columns)
        {
            runs.Add(QuantizationRun.Of(model, path, data, new QuantizerOptions { ActivationBits = bits }));
        }

        if (json)
        {
            JsonResult.Write(writer => Write(writer, path, model.Network, data, runs));
        }
        else
        {
            Print(model.Network, data, runs);
        }

        foreach (QuantizationRun run in runs)
        {
            run.Network.Dispose();
        }

        return ExitCode.Success;
    }

    private static void Write(Utf8JsonWriter writer, string path, Network network, QuantizationData data, List<QuantizationRun> runs)
    {
        writer.WriteString("command", "compare");
        writer.WriteString("model", path);
        writer.WriteString("judged_by", data.JudgedBy);
        writer.WriteNumber("float_bytes", 4L * network.ParameterCount);
        writer.WriteNumber("float_value_bytes", ValueBytes.Busiest(network.Output));
        for (int i = 0; i < runs.Count; i++)
        {
            writer.WriteStartObject(Columns[i].Name);
            QuantizeCommand.WriteJudgement(writer, data.Judging, runs[i]);
            writer.WriteNumber("value_bytes", ValueBytes.Busiest(runs[i].Network.Output));
            writer.WriteNumberOrNull("signal_to_noise_db", runs[i].Report.Worst?.SignalToNoise);
            writer.WriteString("worst_layer", runs[i].Report.Worst?.Name);
            writer.WriteStrings("float_ops", runs[i].Report.FloatOps);
            writer.WriteEndObject();
        }
    }

    private static void Print(Network network, QuantizationData data, List<QuantizationRun> runs)
    {
        QuantizationJudgement first = runs[0].Judgement;
        Console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"judged by {first.Samples:N0} samples ({data.JudgedBy})"));
        Row("", "float", _ => "", [.. Columns.Select(column => column.Name)]);
        if (data.Judging.ClassCount > 0)
        {
            Row("accuracy", Percent(first.FloatRight, first.Samples), run => Percent(run.Judgement.Right, run.Judgement.Samples));
            Row("predictions that differ", "", run => Percent(run.Judgement.Different, run.Judgement.Samples));
        }

        if (first.FloatLoss is not null)
        {
            Row("loss", Loss(first.FloatLoss), run => Loss(run.Judgement.Loss));
        }

        Row("least signal to noise", "", run => string.Create(CultureInfo.InvariantCulture, $"{run.Report.Worst?.SignalToNoise:F1} dB"));
        Row("of the layer", "", run => run.Report.Worst?.Name ?? "");
        Row("tables", Bytes(4L * network.ParameterCount), run => Bytes(run.Report.Bytes));
        Row("values, busiest time", Bytes(ValueBytes.Busiest(network.Output)), run => Bytes(ValueBytes.Busiest(run.Network.Output)));
        Row("float ops left", "", run => run.Report.FloatOps.Count.ToString(CultureInfo.InvariantCulture));

        void Row(string what, string of, Func<QuantizationRun, string> value, string[]? names = null)
        {
            string line = $"{what,-26}{of,14}";
            for (int i = 0; i < runs.Count; i++)
            {
                line += $"{names?[i] ?? value(runs[i]),14}";
            }

            Console.Out.WriteLine(line);
        }

        static string Percent(int part, int whole) => string.Create(CultureInfo.InvariantCulture, $"{(double)part / whole:P2}");
        static string Loss(double? value) => string.Create(CultureInfo.InvariantCulture, $"{value:G5}");
        static string Bytes(long value) => string.Create(CultureInfo.InvariantCulture, $"{value:N0} B");
    }
}
