using System.CommandLine;
using System.Globalization;
using System.Text;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Tools.DataSources;
using EmbeddedBackprop.Tools.Output;
using EmbeddedBackprop.Tools.Recipes;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tools.Commands;

/// <summary>ebp predict: a model's predictions for samples.</summary>
internal static class PredictCommand
{
    public static Command Create()
    {
        Command command = new(
            "predict",
            "Asks a model about samples: by --index from its data, from --values, rows of numbers from a file or standard input, or recordings.");
        Argument<string> model = ModelArgument.Create();
        Argument<string> rows = new("FILE") 
        {
            Description = "Rows of inputs without labels, - is standard input; a recording, a folder or a .zip of them where it was trained on such.",
            Arity = ArgumentArity.ZeroOrOne,
        };
        command.Arguments.Add(model);
        command.Arguments.Add(rows);
        OptionReader options = new(command, TrainOptions.Of(OptionGroup.Data), [TrainOptions.Seed]);
        Option<string> index = new("--index")
        {
            HelpName = "N",
            Description = "The sample's number from 0 on: of the test part, or of the table that --data names.",
        };
        Option<string> values = new("--values") { HelpName = "NUMBERS", Description = "One sample's inputs, with commas between." };
        Option<string> output = new("--out")
        {
            HelpName = "FILE",
            Description = "Writes a table (CSV) of classes, scores and known labels instead: of all samples of --data, or of all rows.",
        };
        Option<bool> force = OutputTarget.Force();
        Option<bool> json = Json.Option();
        command.Options.Add(index);
        command.Options.Add(values);
        command.Options.Add(output);
        command.Options.Add(force);
        command.Options.Add(json);
        command.SetAction(parsed => Run(
            ModelStore.Load(parsed.GetRequiredValue(model)), parsed.GetValue(rows), options.Read(parsed),
            OptionText.Integer("index", parsed.GetValue(index), 0), parsed.GetValue(values), parsed.GetValue(output), parsed.GetValue(force),
            parsed.GetValue(json)));
        return command;
    }

    private static int Run(
        SavedModel model, string? file, Recipe given, int? index, string? values, string? output, bool force, bool json)
    {
        bool sampleOfData = index is not null || given.Says(TrainOptions.Data);
        if ((sampleOfData ? 1 : 0) + (values is null ? 0 : 1) + (file is null ? 0 : 1) > 1)
        {
            throw ToolException.Usage("predict takes one of --index, --values and FILE");
        }

        if (output is not null)
        {
            OutputTarget.CheckPredictions(output, force);
        }

        // A table is of all samples unless one is named.
        List<Prediction> predictions = sampleOfData
            ? FromData(model, given, index ?? (output is null ? 0 : null))
            : file is not null && model.Recipe.Get(TrainOptions.Data)?.Source is RecordingSource recordings && IsRecording(file)
                ? FromRecordings(model, recordings.Unlabelled(Asked(model.Recipe, given), file))
            : FromNumbers(model, Numbers(model, file, values));
        if (output is not null)
        {
            string[]? names = IsClassifier(model) ? [.. Enumerable.Range(0, model.Preparation.Classes).Select(number => Name(model, number))] : null;
            OutputTarget.WriteFile(output, () => AtomicFile.Write(output, stream => PredictionTable.Write(stream, predictions, names)));
            WriteCount(output, predictions.Count, json);
        }
        else if (json)
        {
            Write(model, predictions);
        }
        else
        {
            foreach (Prediction prediction in predictions)
            {
                Console.Out.WriteLine(Line(model, prediction));
            }
        }

        return ExitCode.Success;
    }

    private static List<float[]> Numbers(SavedModel model, string? file, string? values)
    {
        int inputs = model.Network.Inputs.Sum(node => node.Shape.Length);
        if (values is not null)
        {
            return [ValuesReader.Row(values, "--values", inputs)];
        }

        if (file is null && !Console.IsInputRedirected)
        {
            throw ToolException.Usage("predict wants samples: --index N, --values NUMBERS, a FILE of rows, or rows on standard input");
        }

        if (file is null or "-")
        {
            return ValuesReader.Read(Console.In, "standard input", inputs);
        }

        try
        {
            using StreamReader reader = new(file, Encoding.UTF8);
            return ValuesReader.Read(reader, file, inputs);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw ToolException.BadInput($"{file}: {(File.Exists(file) ? exception.Message : "there is no such file")}", exception);
        }
    }

    /// <summary>Rows of numbers are in files of other kinds.</summary>
    private static bool IsRecording(string file) =>
        Directory.Exists(file) || Path.GetExtension(file).ToUpperInvariant() is ".WAV" or ".ZIP" or ".RAW" or ".PCM" or ".S16";

    /// <summary>How recordings are cut: as in training, but for what is given.</summary>
    private static Recipe Asked(Recipe trained, Recipe given)
    {
        Recipe asked = trained.With(given, TrainOptions.Hop, TrainOptions.Short, TrainOptions.Channel);
        return given.Except(TrainOptions.Hop, TrainOptions.Short, TrainOptions.Channel) is { } other
            ? throw ToolException.Usage($"--{other.Name}: recordings are cut as in training; --hop, --short and --channel may differ")
            : asked;
    }

    private static List<Prediction> FromRecordings(SavedModel model, List<RecordingWindow> windows)
    {
        List<Prediction> predictions = [];
        foreach (RecordingWindow window in windows)
        {
            predictions.Add(new Prediction(model.Network.Predict(window.Samples).ToArray(), predictions.Count, Window: window));
        }

        return predictions;
    }

    private static List<Prediction> FromNumbers(SavedModel model, List<float[]> rows)
    {
        List<Prediction> predictions = [];
        foreach (float[] row in rows)
        {
            Standardize(model, row);
            predictions.Add(new Prediction(model.Network.Predict(row).ToArray(), predictions.Count));
        }

        return predictions;
    }

    // A sequence's features are standardised at every step; a mask after it is not changed.
    private static void Standardize(SavedModel model, float[] row)
    {
        if (model.Preparation.Standardizer is not { } standardizer)
        {
            return;
        }

        int features = standardizer.Means.Length, end = features == row.Length ? features : model.Network.Input.Shape.Length;
        for (int first = 0; first < end; first += features)
        {
            standardizer.Apply(row.AsSpan(first, Math.Min(features, end - first)));
        }
    }

    /// <summary>One sample of the data, or all.</summary>
    private static List<Prediction> FromData(SavedModel model, Recipe given, int? index)
    {
        IBatchSource data = ModelData.Load(model, given);
        if (index >= data.Count)
        {
            throw ToolException.Usage($"--index: {index} is not among the {data.Count} samples (0 to {data.Count - 1})");
        }

        float[] row = new float[data.InputLength], target = new float[data.TargetLength];
        List<Prediction> predictions = [];
        for (int i = index ?? 0; i < (index + 1 ?? data.Count); i++)
        {
            data.Gather([i], row, row.Length, target, target.Length);
            float[] outputs = model.Network.Predict(row).ToArray();
            predictions.Add(data.ClassCount > 0 ? new Prediction(outputs, i, data.Label(i)) : new Prediction(outputs, i, Target: [.. target]));
        }

        return predictions;
    }

    private static string Line(SavedModel model, Prediction prediction)
    {
        StringBuilder text = new();
        if (prediction.Window is { } window)
        {
            text.Append(CultureInfo.InvariantCulture, $"{window.Recording} {window.Second:0.###} s: ");
        }

        if (IsClassifier(model))
        {
            text.Append(Name(model, prediction.Class));
            if (prediction.Label is { } label)
            {
                text.Append(label == prediction.Class ? " (right)" : $" (wrong: {Name(model, label)})");
            }

            text.Append("  ");
        }

        return text.AppendJoin(' ', Array.ConvertAll(prediction.Outputs, value => value.ToString("G6", CultureInfo.InvariantCulture))).ToString();
    }

    private static void Write(SavedModel model, List<Prediction> predictions) => JsonResult.Write(writer =>
    {
        writer.WriteString("command", "predict");
        writer.WriteStartArray("predictions");
        foreach (Prediction prediction in predictions)
        {
            writer.WriteStartObject();
            if (prediction.Window is { } window)
            {
                writer.WriteString("recording", window.Recording);
                writer.WriteNumber("second", window.Second);
            }

            if (IsClassifier(model))
            {
                writer.WriteNumber("class", prediction.Class);
                writer.WriteString("name", Name(model, prediction.Class));
            }

            if (prediction.Label is { } label)
            {
                writer.WriteNumber("label", label);
            }

            writer.WriteStartArray("outputs");
            foreach (float value in prediction.Outputs)
            {
                if (float.IsFinite(value))
                {
                    writer.WriteNumberValue(value);
                }
                else
                {
                    writer.WriteNullValue();
                }
            }

            writer.WriteEndArray();
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    });

    private static bool IsClassifier(SavedModel model) => model.Preparation.Classes > 0;

    private static string Name(SavedModel model, int number) =>
        model.Preparation.ClassNames is { } names && number < names.Count ? names[number] : number.ToString(CultureInfo.InvariantCulture);

    private static void WriteCount(string output, int count, bool json)
    {
        if (json)
        {
            JsonResult.Write(writer =>
            {
                writer.WriteString("command", "predict");
                writer.WriteString("out", output);
                writer.WriteNumber("rows", count);
            });
        }
        else
        {
            Console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"written: {output} ({count} rows)"));
        }
    }
}
