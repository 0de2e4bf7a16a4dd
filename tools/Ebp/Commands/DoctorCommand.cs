using System.CommandLine;
using System.Globalization;
using System.Text;
using System.Text.Json;
using EmbeddedBackprop.Quantization;
using EmbeddedBackprop.Tools.Output;
using EmbeddedBackprop.Tools.Recipes;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tools.Commands;

/// <summary>ebp doctor: why does a network not learn?</summary>
internal static class DoctorCommand
{
    private const int TextWidth = 110;

    public static Command Create()
    {
        Command command = new(
            "doctor",
            "Examines a model: flat and dead units, gradients and updates layer by layer, classes that are never learned, and what may help; of a quantised model, which layer loses."
        );
        Argument<string> model = ModelArgument.Create();
        command.Arguments.Add(model);
        OptionReader options = new(command, TrainOptions.Of(OptionGroup.Data), [TrainOptions.Seed]);
        Option<string> samples = new("--samples")
        {
            HelpName = "N",
            Description = "Samples that layers are judged by (default: 512); classes are judged by all.",
        };
        Option<bool> json = Json.Option();
        command.Options.Add(samples);
        command.Options.Add(json);
        command.SetAction(parsed => Run(
            ModelStore.Load(parsed.GetRequiredValue(model)), options.Read(parsed),
            OptionText.Integer("samples", parsed.GetValue(samples), 1) ?? new DiagnosticsOptions().Samples, parsed.GetValue(json)));
        return command;
    }

    private static int Run(SavedModel model, Recipe given, int samples, bool json)
    {
        IBatchSource data = ModelData.Load(model, given);
        if (model.File.HoldsIntegers)
        {
            Evaluation evaluation = Judge.Evaluate(model.Network, data);
            QuantizationReport? quantization = ModelStore.ReportOf(model);
            if (json)
            {
                JsonResult.Write(writer => QuantizedDiagnosis.Write(writer, evaluation, data.ClassCount > 0, quantization));
            }
            else
            {
                Console.Out.Write(QuantizedDiagnosis.Text(evaluation, data.ClassCount > 0, quantization));
            }

            return ExitCode.Success;
        }

        DiagnosticsReport report = Diagnostics.Run(model.Network, data, new DiagnosticsOptions
        {
            Samples = samples,
            LearningRate = model.File.State is null ? null : model.File.LearningRate,
            Losses = [.. model.History.Select(record => record.Loss)],
        });
        if (json)
        {
            JsonResult.Write(writer => Write(writer, report, model.Preparation.ClassNames));
        }
        else
        {
            Console.Out.Write(Text(report, model.Preparation.ClassNames));
        }

        return ExitCode.Success;
    }

    private static string Text(DiagnosticsReport report, IReadOnlyList<string>? names)
    {
        StringBuilder text = new();
        text.Append(CultureInfo.InvariantCulture, $"loss {report.Loss:G5}");
        text.Append(report.Classes.Count == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $", accuracy {report.Accuracy:P2}"));
        text.Append(
                report.Plateau switch
                {
                    true => ", on a plateau",
                    false => ", still falling",
                    null => "",
                })
            .Append('\n');
        text.Append(
            CultureInfo.InvariantCulture,
            $"\n{"layer", -16}{"activation", -13}{"units", 7}{"flat", 8}{"dead", 6}{"f'(z)", 10}{"low in", 8}{"gradient", 11}{"weights", 11}{"update", 10}\n"
        );
        foreach (LayerDiagnosis layer in report.Layers)
        {
            text.Append(CultureInfo.InvariantCulture, $"{layer.Name, -16}{layer.Activation, -13}{layer.Units, 7}");
            text.Append(
                CultureInfo.InvariantCulture,
                $"{Share(layer.FlatShare), 8}{(layer.FlatShare is null ? "-" : layer.DeadUnits.Count.ToString(CultureInfo.InvariantCulture)), 6}");
            text.Append(CultureInfo.InvariantCulture, $"{Number(layer.MeanSlope), 10}{Share(layer.LowInputShare), 8}");
            text.Append(
                CultureInfo.InvariantCulture,
                $"{Number(layer.WeightNorm > 0 ? layer.GradientNorm : null), 11}{Number(layer.WeightNorm > 0 ? layer.WeightNorm : null), 11}{Number(layer.UpdateRatio), 10}\n"
            );
        }

        text.Append(
            "flat: share of outputs where f'(z) is under a twentieth of its steepest; dead: units that are flat on every sample; low in: share of inputs near 0;\n"
        );
        text.Append("gradient, weights: their lengths; update: length of one update over that of the weights.\n");
        foreach (IGrouping<string, ClassDiagnosis> output in report.Classes.GroupBy(c => c.Output))
        {
            text.Append(output.Key.Length > 0 ? $"\n{output.Key}:" : "");
            text.Append(
                CultureInfo.InvariantCulture,
                $"\n{"class", -16}{"samples", 9}{"right", 9}{"recall", 9}{"taken for it", 14}{"mean a", 10}{"mean f'(z)", 12}\n");
            foreach (ClassDiagnosis c in output)
            {
                text.Append(
                    CultureInfo.InvariantCulture,
                    $"{(output.Key.Length > 0 ? null : names?[c.Label]) ?? c.Label.ToString(CultureInfo.InvariantCulture), -16}{c.Count, 9}{c.Right, 9}{Share(c.Recall), 9}{c.Predicted, 14}"
                );
                text.Append(CultureInfo.InvariantCulture, $"{Number(c.MeanOutput), 10}{Number(c.MeanSlope), 12}\n");
            }
        }

        text.Append('\n');
        if (report.Findings.Count == 0)
        {
            text.Append("nothing out of the ordinary\n");
        }

        foreach (Finding finding in report.Findings)
        {
            AppendWrapped(text, "* " + finding.Text);
        }

        return text.ToString();
    }

    private static void AppendWrapped(StringBuilder text, string paragraph)
    {
        int column = 0;
        foreach (string word in paragraph.Split(' '))
        {
            if (column > 0 && column + 1 + word.Length > TextWidth)
            {
                text.Append("\n  ");
                column = 2;
            }
            else if (column > 0)
            {
                text.Append(' ');
                column++;
            }

            text.Append(word);
            column += word.Length;
        }

        text.Append('\n');
    }

    private static void Write(Utf8JsonWriter writer, DiagnosticsReport report, IReadOnlyList<string>? names)
    {
        writer.WriteString("command", "doctor");
        writer.WriteNumberOrNull("loss", report.Loss);
        writer.WriteNumberOrNull("accuracy", report.Classes.Count == 0 ? null : report.Accuracy);
        if (report.Plateau is { } plateau)
        {
            writer.WriteBoolean("plateau", plateau);
        }
        else
        {
            writer.WriteNull("plateau");
        }

        writer.WriteStartArray("layers");
        foreach (LayerDiagnosis layer in report.Layers)
        {
            writer.WriteStartObject();
            writer.WriteString("name", layer.Name);
            writer.WriteString("activation", layer.Activation);
            writer.WriteNumber("units", layer.Units);
            writer.WriteNumberOrNull("flat_share", layer.FlatShare);
            writer.WriteNumbers("dead_units", layer.DeadUnits);
            writer.WriteNumberOrNull("mean_slope", layer.MeanSlope);
            writer.WriteBoolean("slope_cancels", layer.SlopeCancels);
            writer.WriteNumberOrNull("low_input_share", layer.LowInputShare);
            writer.WriteNumberOrNull("gradient_norm", layer.GradientNorm);
            writer.WriteNumberOrNull("weight_norm", layer.WeightNorm);
            writer.WriteNumberOrNull("update_ratio", layer.UpdateRatio);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteStartArray("classes");
        foreach (ClassDiagnosis c in report.Classes)
        {
            writer.WriteStartObject();
            if (c.Output.Length > 0)
            {
                writer.WriteString("output", c.Output);
            }

            writer.WriteNumber("class", c.Label);
            writer.WriteString("name", (c.Output.Length > 0 ? null : names?[c.Label]) ?? c.Label.ToString(CultureInfo.InvariantCulture));
            writer.WriteNumber("samples", c.Count);
            writer.WriteNumber("right", c.Right);
            writer.WriteNumber("predicted", c.Predicted);
            writer.WriteNumberOrNull("mean_output", c.MeanOutput);
            writer.WriteNumberOrNull("mean_slope", c.MeanSlope);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteStartArray("findings");
        foreach (Finding finding in report.Findings)
        {
            writer.WriteStartObject();
            writer.WriteString("kind", finding.Kind.ToString());
            writer.WriteString("where", finding.Where);
            writer.WriteNumbers("indices", finding.Indices);
            writer.WriteString("text", finding.Text);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    private static string Share(double? value) => value is { } share ? share.ToString("P0", CultureInfo.InvariantCulture) : "-";

    private static string Number(double? value) => value is { } number ? number.ToString("G3", CultureInfo.InvariantCulture) : "-";
}
