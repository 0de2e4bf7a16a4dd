using System.CommandLine;
using System.Globalization;
using System.Text;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Tools.Output;
using EmbeddedBackprop.Tools.Recipes;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tools.Commands;

/// <summary>ebp eval: how good a model is on some data.</summary>
internal static class EvalCommand
{
    public static Command Create()
    {
        Command command = new(
            "eval",
            "Judges a model: loss, accuracy and which classes it takes for which; by default on the test part of the data it was trained on.");
        Argument<string> model = ModelArgument.Create();
        command.Arguments.Add(model);
        OptionReader options = new(command, TrainOptions.Of(OptionGroup.Data), [TrainOptions.Seed]);
        Option<bool> json = Json.Option();
        command.Options.Add(json);
        command.SetAction(parsed => Run(parsed.GetRequiredValue(model), options.Read(parsed), parsed.GetValue(json)));
        return command;
    }

    private static int Run(string path, Recipe given, bool json)
    {
        SavedModel model = ModelStore.Load(path);
        IBatchSource data = ModelData.Load(model, given);
        Evaluation result = Judge.Evaluate(model.Network, data);
        bool classes = data.ClassCount > 0;
        ConfusionMatrix? confusion = classes ? ConfusionMatrix.Of(model.Network, data) : null;
        double? area = classes ? RocCurve.Area(model.Network, data) : null;
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
            Console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"balanced accuracy {confusion.BalancedAccuracy:P2}, AUC {area:F4}"));
            Console.Out.Write(Table(confusion, model.Preparation.ClassNames));
        }

        return ExitCode.Success;
    }

    private static string Table(ConfusionMatrix confusion, IReadOnlyList<string>? names)
    {
        int classes = confusion.Classes;
        string[] labels = new string[classes];
        int width = 5;
        for (int i = 0; i < classes; i++)
        {
            labels[i] = names is null ? i.ToString(CultureInfo.InvariantCulture) : names[i];
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
