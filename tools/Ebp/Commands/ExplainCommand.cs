using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using EmbeddedBackprop.Tools.Output;
using EmbeddedBackprop.Tools.Recipes;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tools.Commands;

/// <summary>ebp explain: backpropagation of one sample, value by value, and then of a mini-batch.</summary>
internal static class ExplainCommand
{
    private const int DefaultBatch = 10;
    private const int DefaultTop = 5;

    public static Command Create()
    {
        Command command = new(
            "explain",
            "Shows backpropagation of one sample layer by layer (z, a, f'(z), delta, dC/db, dC/dw: BP1 to BP4), what it asks to raise and lower, and then the mean over a mini-batch."
        );
        Argument<string> model = ModelArgument.Create();
        command.Arguments.Add(model);
        OptionReader options = new(command, TrainOptions.Of(OptionGroup.Data), [TrainOptions.Seed]);
        Option<string> sample = new("--sample")
        {
            HelpName = "N",
            Description = "The sample's number from 0 on: of the test part, or of the table that --data names (default: 0).",
        };
        Option<string> batch = new("--batch")
        {
            HelpName = "N",
            Description = "Samples of the mini-batch, from that one on; 1 shows none (default: 10).",
        };
        Option<string> top = new("--top") { HelpName = "N", Description = "Entries that are shown of a large layer (default: 5)." };
        Option<bool> json = Json.Option();
        command.Options.Add(sample);
        command.Options.Add(batch);
        command.Options.Add(top);
        command.Options.Add(json);
        command.SetAction(parsed => Run(
            ModelStore.Load(parsed.GetRequiredValue(model)).RequireFloat(parsed.GetRequiredValue(model), "explain takes the float model"),
            options.Read(parsed),
            OptionText.Integer("sample", parsed.GetValue(sample), 0) ?? 0, OptionText.Integer("batch", parsed.GetValue(batch), 1) ?? DefaultBatch,
            OptionText.Integer("top", parsed.GetValue(top), 1) ?? DefaultTop, parsed.GetValue(json)));
        return command;
    }

    private static int Run(SavedModel model, Recipe given, int sample, int batch, int top, bool json)
    {
        IBatchSource data = ModelData.Load(model, given);
        if (sample >= data.Count)
        {
            throw ToolException.Usage($"--sample: there are {data.Count} samples, from 0 on, got {sample}");
        }

        Explanation one = Explanation.Of(model.Network, data, sample);
        int[] samples = new int[Math.Min(batch, data.Count - sample)];
        for (int i = 0; i < samples.Length; i++)
        {
            samples[i] = sample + i;
        }

        Explanation? mean = samples.Length > 1 ? Explanation.Of(model.Network, data, samples) : null;
        int label = data.ClassCount > 0 ? data.Label(sample) : -1;
        if (json)
        {
            JsonResult.Write(writer =>
            {
                writer.WriteString("command", "explain");
                writer.WriteNumberOrNull("label", label < 0 ? null : label);
                Write(writer, "sample", one);
                if (mean is not null)
                {
                    Write(writer, "mini_batch", mean);
                }
            });
            return ExitCode.Success;
        }

        string name = label < 0 ? "" : $", labelled {model.Preparation.ClassNames?[label] ?? label.ToString(CultureInfo.InvariantCulture)}";
        Console.Out.Write(ExplanationText.Format(one, $"sample {sample}{name}", top));
        if (mean is not null)
        {
            Console.Out.Write("\n" + ExplanationText.Format(mean, $"mean over the mini-batch of samples {sample} to {samples[^1]}", top));
        }

        return ExitCode.Success;
    }

    private static void Write(Utf8JsonWriter writer, string name, Explanation explanation)
    {
        writer.WriteStartObject(name);
        writer.WriteNumbers("samples", explanation.Samples);
        writer.WriteNumberOrNull("loss", explanation.Loss);
        writer.WriteNumbers("target", explanation.Target);
        writer.WriteStartArray("layers");
        foreach (LayerExplanation layer in explanation.Layers)
        {
            writer.WriteStartObject();
            writer.WriteString("name", layer.Name);
            writer.WriteString("kind", layer.Kind);
            writer.WriteString("activation", layer.Activation);
            writer.WriteBoolean("slope_cancels", layer.SlopeCancels);
            writer.WriteString("reads", layer.InputName);
            writer.WriteNumbers("x", layer.Inputs);
            writer.WriteNumbers("z", layer.WeightedInputs);
            writer.WriteNumbers("a", layer.Outputs);
            writer.WriteNumbers("slope", layer.Slopes);
            writer.WriteNumbers("dC_da", layer.OutputGradients);
            writer.WriteNumbers("delta", layer.Deltas);
            writer.WriteNumbers("raising_samples", layer.RaisingSamples);
            writer.WriteStartArray("gates");
            foreach (GateExplanation gate in layer.Gates)
            {
                writer.WriteStartObject();
                writer.WriteString("name", gate.Name);
                writer.WriteNumbers("last", gate.Last);
                writer.WriteNumbers("mean", gate.Mean);
                writer.WriteEndObject();
            }

            writer.WriteEndArray();
            writer.WriteStartArray("parameters");
            foreach (ParameterExplanation parameter in layer.Parameters)
            {
                writer.WriteStartObject();
                writer.WriteString("name", parameter.Name);
                writer.WriteNumbers("shape", parameter.Shape);
                writer.WriteNumbers("values", parameter.Values);
                writer.WriteNumbers("gradients", parameter.Gradients);
                writer.WriteEndObject();
            }

            writer.WriteEndArray();
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
    }
}
