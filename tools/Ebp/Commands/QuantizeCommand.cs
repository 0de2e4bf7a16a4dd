using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Quantization;
using EmbeddedBackprop.Tools.Output;
using EmbeddedBackprop.Tools.Recipes;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tools.Commands;

/// <summary>ebp quantize: a trained model as a model of integers.</summary>
internal static class QuantizeCommand
{
    private const float DefaultMaximumLoss = 0.1f;

    private static readonly string[] Types = ["int8", "int16"];

    // As they are called in the literature; 99.99 is the share of the values that is not clamped.
    private static readonly string[] RangeNames = ["mse", "minmax", "99.99"];

    public static Command Create()
    {
        Command command = new(
            "quantize",
            "Makes a trained model compute on integers: ranges from training samples, judged on held-out ones; exit code 1 if it loses too much.");
        Argument<string> model = ModelArgument.Create();
        command.Arguments.Add(model);
        Option<string> output = new("--out") { HelpName = "FILE", Description = "The model file of the quantised model.", Required = true };
        command.Options.Add(output);
        OptionReader data = new(command, TrainOptions.Of(OptionGroup.Data), [TrainOptions.Seed]);
        Option<string> judge = JudgeOption();
        Option<string> activations = Named("--activations", Types, "The type of values between layers (default: int8); weights are int8 in both.");
        Option<string> int16 = Layers("--int16", "Layers whose outputs are int16, by name with commas between.");
        Option<string> floats = Layers("--float", "Layers that stay float, by name with commas between.");
        Option<string> integers = Layers(
            "--integer", "Layers before the last op on signals that compute on integers all the same, by name with commas between.");
        Option<bool> integersOnly = new("--integers-only") { Description = "Refuses a model with an op that stays float (but its last softmax)." };
        Option<string> ranges = Named(
            "--range-method", RangeNames, "Of the values: least squared error, all of them, or all but 0.01 % at either end (default: mse).");
        Option<string> outputType = Named("--output-type", Types, "The type of the output: the logits of a softmax or sigmoid (default: int16).");
        Option<string> samples = new("--samples") { HelpName = "N", Description = "Training samples that ranges are taken from (default: 256)." };
        Option<string> maximum = new("--max-loss")
        {
            HelpName = "POINTS",
            Description = "Percentage points of accuracy that may be lost; more end with exit code 1 (default: 0.1).",
        };
        Option<bool> force = OutputTarget.Force();
        Option<bool> json = Json.Option();
        foreach (Option option in (ReadOnlySpan<Option>)
            [judge, activations, int16, floats, integers, integersOnly, ranges, outputType, samples, maximum, force, json])
        {
            command.Options.Add(option);
        }

        command.SetAction(parsed => Run(
            parsed.GetRequiredValue(model), parsed.GetRequiredValue(output), data.Read(parsed),
            Judge(parsed.GetValue(judge)),
            new QuantizerOptions
            {
                ActivationBits = Bits("activations", parsed.GetValue(activations)) ?? 8,
                OutputBits = Bits("output-type", parsed.GetValue(outputType)) ?? 16,
                Int16 = OptionText.Names(parsed.GetValue(int16) ?? ""),
                Float = OptionText.Names(parsed.GetValue(floats) ?? ""),
                Integer = OptionText.Names(parsed.GetValue(integers) ?? ""),
                Ranges = OptionText.Name("range-method", parsed.GetValue(ranges), RangeNames) switch
                {
                    "minmax" => RangeMethod.MinMax,
                    "99.99" => RangeMethod.Percentile,
                    _ => RangeMethod.LeastSquares,
                },
                Samples = OptionText.Integer("samples", parsed.GetValue(samples), 1) ?? new QuantizerOptions().Samples,
            },
            parsed.GetValue(integersOnly),
            OptionText.Number("max-loss", parsed.GetValue(maximum)) ?? DefaultMaximumLoss,
            parsed.GetValue(force), parsed.GetValue(json)));
        return command;
    }

    private static int Run(
        string path, string output, Recipe given, string? judge, QuantizerOptions options, bool integersOnly, float maximum, bool force, bool json)
    {
        SavedModel model = ModelStore.Load(path).RequireFloat(path, "quantize takes the float model");
        OutputTarget.CheckModel(output, force);
        QuantizationData data = QuantizationData.Load(model, path, given, judge);
        QuantizationRun run = QuantizationRun.Of(model, path, data, options);
        using Network network = run.Network;
        if (integersOnly && run.Report.FloatOps.Count > 0)
        {
            throw ToolException.BadInput($"{path}: --integers-only: {string.Join(", ", run.Report.FloatOps)} would stay float");
        }

        OutputTarget.WriteFile(output, () => AtomicFile.WriteAllBytes(output, run.File));
        bool passed = !(run.Judgement.Lost > maximum);
        if (json)
        {
            JsonResult.Write(writer => Write(writer, path, output, options, data, model.Network, run, passed));
        }
        else
        {
            Print(output, data, model.Network, run);
        }

        if (!passed)
        {
            Console.Error.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"ebp: the model lost {run.Judgement.Lost:F2} points of accuracy, more than --max-loss {maximum}: see docs/integers.md"));
        }

        return passed ? ExitCode.Success : ExitCode.CheckFailed;
    }

    private static void Print(string output, QuantizationData data, Network network, QuantizationRun run)
    {
        QuantizationJudgement judged = run.Judgement;
        Line($"ranges from {run.Report.Samples:N0} of {data.Calibration.Count:N0} samples; judged by {judged.Samples:N0} samples ({data.JudgedBy})");
        if (data.Judging.ClassCount > 0)
        {
            Line($"accuracy {(double)judged.FloatRight / judged.Samples:P2} in float, {(double)judged.Right / judged.Samples:P2} in integers");
            Line($"{(double)judged.Different / judged.Samples:P2} of the predictions differ");
        }

        if (judged.Loss is not null)
        {
            Line($"loss {judged.FloatLoss:G6} in float, {judged.Loss:G6} in integers");
        }

        Console.Out.WriteLine();
        Console.Out.Write(run.Report);
        Console.Out.WriteLine();
        if (run.Report.Worst is { } worst)
        {
            Line($"{worst.Name} loses most: {worst.SignalToNoise:F1} dB");
        }

        Line($"{run.Report.Bytes:N0} bytes of tables, {4L * network.ParameterCount:N0} in float");
        Line($"float ops left: {(run.Report.FloatOps.Count == 0 ? "none" : string.Join(", ", run.Report.FloatOps))}");
        Line($"weights {WeightsHash.Of(run.Network)}");
        Line($"written: {output}");

        static void Line(FormattableString text) => Console.Out.WriteLine(text.ToString(CultureInfo.InvariantCulture));
    }

    private static void Write(
        Utf8JsonWriter writer, string path, string output, QuantizerOptions options, QuantizationData data, Network network, QuantizationRun run,
        bool passed)
    {
        writer.WriteString("command", "quantize");
        writer.WriteString("model", path);
        writer.WriteString("out", output);
        writer.WriteString("quantization", options.Settings);
        writer.WriteNumber("calibration_samples", run.Report.Samples);
        writer.WriteString("judged_by", data.JudgedBy);
        WriteJudgement(writer, data.Judging, run);
        writer.WriteNumber("float_bytes", 4L * network.ParameterCount);
        writer.WriteBoolean("passed", passed);
        QuantizationText.Write(writer, run.Report);
    }

    /// <summary>The members of a judgement, as quantize and compare have them.</summary>
    public static void WriteJudgement(Utf8JsonWriter writer, IBatchSource data, QuantizationRun run)
    {
        QuantizationJudgement judged = run.Judgement;
        bool classes = data.ClassCount > 0;
        writer.WriteNumber("samples", judged.Samples);
        writer.WriteNumberOrNull("float_accuracy", classes ? (double)judged.FloatRight / judged.Samples : null);
        writer.WriteNumberOrNull("accuracy", classes ? (double)judged.Right / judged.Samples : null);
        writer.WriteNumberOrNull("lost_points", classes ? judged.Lost : null);
        writer.WriteNumberOrNull("different_share", classes ? (double)judged.Different / judged.Samples : null);
        writer.WriteNumberOrNull("float_loss", judged.FloatLoss);
        writer.WriteNumberOrNull("loss", judged.Loss);
        writer.WriteNumber("bytes", run.Report.Bytes);
        writer.WriteString("weights_hash", WeightsHash.Of(run.Network));
    }

    public static Option<string> JudgeOption() => new("--judge")
    {
        HelpName = string.Join('|', QuantizationData.Parts),
        Description = "Which samples judge a quantised model (default: those that its training held out, else those it was trained on).",
    };

    public static string? Judge(string? text) => OptionText.Name("judge", text, QuantizationData.Parts);

    private static int? Bits(string option, string? text) => OptionText.Name(option, text, Types) switch { "int8" => 8, "int16" => 16, _ => null };

    private static Option<string> Named(string name, string[] known, string help) =>
        new(name) { HelpName = string.Join('|', known), Description = help };

    private static Option<string> Layers(string name, string help) => new(name) { HelpName = "LAYERS", Description = help };
}
