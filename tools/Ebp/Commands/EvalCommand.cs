using System.CommandLine;
using System.Globalization;
using System.Text;
using System.Text.Json;
using EmbeddedBackprop.Data;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Tools.Output;
using EmbeddedBackprop.Tools.Recipes;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tools.Commands;

/// <summary>ebp eval: how good a model is on some data.</summary>
internal static class EvalCommand
{
    private const double DefaultFalseAlarms = 0.01;

    public static Command Create()
    {
        Command command = new(
            "eval",
            "Judges a model: loss, accuracy and which classes it takes for which; by default on the test part of the data it was trained on.");
        Argument<string> model = ModelArgument.Create();
        command.Arguments.Add(model);
        OptionReader options = new(command, TrainOptions.Of(OptionGroup.Data), [TrainOptions.Seed]);
        Option<string> positive = new("--positive")
        {
            HelpName = "CLASS",
            Description = "The class that an alarm is given for, by name: recall and precision at few false alarms (default: the second of two).",
        };
        Option<string> falseAlarms = new("--false-alarms")
        {
            HelpName = "SHARE", Description = "The share of samples of other classes that may have an alarm (default: 0.01).",
        };
        Option<bool> json = Json.Option();
        command.Options.Add(positive);
        command.Options.Add(falseAlarms);
        command.Options.Add(json);
        command.SetAction(parsed => Run(
            parsed.GetRequiredValue(model), options.Read(parsed), parsed.GetValue(positive),
            OptionText.Number("false-alarms", parsed.GetValue(falseAlarms), below: 1), parsed.GetValue(json)));
        return command;
    }

    private static int Run(string path, Recipe given, string? positive, float? falseAlarms, bool json)
    {
        SavedModel model = ModelStore.Load(path);
        IBatchSource data = ModelData.Load(model, given);
        Evaluation result = Judge.Evaluate(model.Network, data);
        bool classes = data.ClassCount > 0;
        ConfusionMatrix? confusion = classes ? ConfusionMatrix.Of(model.Network, data) : null;
        double? area = classes ? RocCurve.Area(model.Network, data) : null;
        AnomalyJudgement? anomalies = data is ReproducedInputs reproduced && positive is null
            ? new AnomalyJudgement(model, path, reproduced, falseAlarms ?? DefaultFalseAlarms)
            : null;
        int alarmed = anomalies is not null ? -1 : Positive(positive, falseAlarms, data.ClassCount, model.Preparation.ClassNames);
        double bound = falseAlarms ?? DefaultFalseAlarms;
        OperatingPoint? point = alarmed < 0 ? null : RocCurve.AtFalseAlarms(model.Network, data, alarmed, bound);
        if (json)
        {
            JsonResult.Write(writer =>
            {
                writer.WriteString("command", "eval");
                writer.WriteString("model", path);
                writer.WriteNumber("samples", result.Count);
                writer.WriteNumberOrNull("loss", result.Loss);
                writer.WriteNumberOrNull("accuracy", classes ? result.Accuracy : null);
                writer.WriteNumberOrNull("test_accuracy", classes ? result.Accuracy : null);
                writer.WriteNumberOrNull("balanced_accuracy", confusion?.BalancedAccuracy);
                writer.WriteNumberOrNull("macro_f1", confusion?.MacroF1);
                writer.WriteNumberOrNull("auc", area);
                writer.WriteNumberOrNull("majority_share", confusion?.MajorityShare);
                writer.WriteNumber("correct", result.Correct);
                writer.WriteString("weights_hash", WeightsHash.Of(model.Network));
                writer.WriteString("arithmetic", model.Recipe.Get(TrainOptions.Arithmetic));
                writer.WriteString("quantization", model.File.Quantization);
                if (confusion is not null)
                {
                    writer.WriteStartArray("confusion");
                    for (int row = 0; row < data.ClassCount; row++)
                    {
                        writer.WriteStartArray();
                        for (int column = 0; column < data.ClassCount; column++)
                        {
                            writer.WriteNumberValue(confusion[row, column]);
                        }

                        writer.WriteEndArray();
                    }

                    writer.WriteEndArray();
                    WriteClasses(writer, confusion, model.Preparation.ClassNames);
                }

                anomalies?.Write(writer);
                if (point is { } at)
                {
                    writer.WriteStartObject("alarms");
                    writer.WriteString("class", Name(model.Preparation.ClassNames, alarmed));
                    writer.WriteNumber("false_alarms_allowed", bound);
                    writer.WriteNumberOrNull("threshold", at.Threshold);
                    writer.WriteNumberOrNull("recall", at.Recall);
                    writer.WriteNumberOrNull("precision", at.Precision);
                    writer.WriteNumberOrNull("false_alarm_rate", at.FalseAlarmRate);
                    writer.WriteEndObject();
                }
            });
            return ExitCode.Success;
        }

        Console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{result.Count:N0} samples, loss {result.Loss:G6}"));
        if (confusion is not null)
        {
            Console.Out.WriteLine(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"accuracy {result.Accuracy:P2} ({result.Correct:N0} right); always the most frequent class: {confusion.MajorityShare:P2}"));
            Console.Out.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"balanced accuracy {confusion.BalancedAccuracy:P2}, macro F1 {confusion.MacroF1:F4}, AUC {area:F4}"));
            Console.Out.Write(Table(confusion, model.Preparation.ClassNames));
            Console.Out.Write(Shares(confusion, model.Preparation.ClassNames));
        }

        anomalies?.Print(Console.Out);
        if (point is { } found)
        {
            string where = found.Alarms == 0
                ? "no threshold gives as few"
                : string.Create(CultureInfo.InvariantCulture, $"precision {found.Precision:P2}, from a score of {found.Threshold:G6} on");
            Console.Out.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"'{Name(model.Preparation.ClassNames, alarmed)}' at {bound:P2} false alarms: recall {found.Recall:P2}, {where}"));
        }

        return ExitCode.Success;
    }

    /// <summary>The class that alarms are given for; -1 where there are more than two and none is named.</summary>
    private static int Positive(string? name, float? falseAlarms, int classes, IReadOnlyList<string>? names)
    {
        for (int i = 0; name is not null && i < classes; i++)
        {
            if (Name(names, i) == name)
            {
                return i;
            }
        }

        if (name is not null)
        {
            string known = classes == 0
                ? "the model predicts numbers"
                : $"known: {string.Join(", ", Enumerable.Range(0, classes).Select(i => Name(names, i)))}";
            throw ToolException.Usage($"--positive: there is no class '{name}' ({known})");
        }

        return classes == 2 ? 1
            : falseAlarms is null ? -1
            : throw ToolException.Usage("--false-alarms: --positive says which class an alarm is given for");
    }

    private static string Name(IReadOnlyList<string>? names, int number) => names?[number] ?? number.ToString(CultureInfo.InvariantCulture);

    private static void WriteClasses(Utf8JsonWriter writer, ConfusionMatrix confusion, IReadOnlyList<string>? names)
    {
        writer.WriteStartArray("classes");
        for (int i = 0; i < confusion.Classes; i++)
        {
            writer.WriteStartObject();
            writer.WriteString("name", Name(names, i));
            writer.WriteNumber("samples", confusion.Count(i));
            writer.WriteNumber("precision", confusion.Precision(i));
            writer.WriteNumber("recall", confusion.Recall(i));
            writer.WriteNumber("f1", confusion.F1(i));
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    /// <summary>Precision, recall and F1 of each class.</summary>
    private static string Shares(ConfusionMatrix confusion, IReadOnlyList<string>? names)
    {
        int width = 5;
        for (int i = 0; i < confusion.Classes; i++)
        {
            width = Math.Max(width, Math.Min(Name(names, i).Length, 20));
        }

        StringBuilder text = new();
        text.Append("class".PadLeft(width)).Append(" samples precision  recall      F1\n");
        for (int i = 0; i < confusion.Classes; i++)
        {
            text.Append(Cut(Name(names, i), width).PadLeft(width)).Append(
                CultureInfo.InvariantCulture,
                $" {confusion.Count(i),7} {confusion.Precision(i),9:F4} {confusion.Recall(i),7:F4} {confusion.F1(i),7:F4}\n");
        }

        return text.ToString();
    }

    private static string Table(ConfusionMatrix confusion, IReadOnlyList<string>? names)
    {
        int classes = confusion.Classes;
        string[] labels = new string[classes];
        int width = 5;
        for (int i = 0; i < classes; i++)
        {
            labels[i] = Name(names, i);
            width = Math.Max(width, Math.Min(labels[i].Length, 20));
        }

        StringBuilder text = new("rows: labels, columns: predictions\n");
        text.Append(' ', width);
        foreach (string label in labels)
        {
            text.Append(' ').Append(Cut(label, 7).PadLeft(7));
        }

        text.Append('\n');
        for (int row = 0; row < classes; row++)
        {
            text.Append(Cut(labels[row], width).PadLeft(width));
            for (int column = 0; column < classes; column++)
            {
                text.Append(CultureInfo.InvariantCulture, $" {confusion[row, column],7}");
            }

            text.Append('\n');
        }

        return text.ToString();
    }

    private static string Cut(string text, int width) => text.Length <= width ? text : text[..width];
}
