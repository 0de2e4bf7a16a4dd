using System.Globalization;
using System.Text;
using System.Text.Json;
using EmbeddedBackprop.Export;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Optimizers;
using EmbeddedBackprop.Streaming;
using EmbeddedBackprop.Tools.Output;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tools.Commands;

/// <summary>ebp plan --target and --fit: the cost of a network's exported C on a device, and the ways of exporting it that fit.</summary>
/// <param name="network">The network.</param>
/// <param name="options">What every way has: target, arithmetic, and the preparation of the inputs, whose tables count.</param>
/// <param name="learningRate">Of a training on the device.</param>
/// <param name="floats">The float network that a quantised one was made of; null for a network of floats.</param>
/// <param name="stream">The hop that is shown beside the window; null for none.</param>
internal sealed class DevicePlan(
    Network network, CExportOptions options, float learningRate, Network? floats = null, StreamOptions? stream = null)
{
    private const string FloatModel = "the float model";

    /// <summary>A way of exporting the network.</summary>
    /// <param name="Description">The choice, as options of ebp export c.</param>
    /// <param name="Trains">Whether the C learns.</param>
    /// <param name="Cost">Its cost; null where the device cannot hold it.</param>
    /// <param name="Refusal">Why it cannot.</param>
    public sealed record Choice(string Description, bool Trains, CCost? Cost, string Refusal);

    /// <summary>The device's reason to refuse the plainest way; null if it fits.</summary>
    public static string? Refusal(IReadOnlyList<Choice> choices) => choices[0].Cost is null ? choices[0].Refusal : null;

    /// <summary>A prediction with each storage and, where the network has a loss, a training as plain as it can be.</summary>
    public IReadOnlyList<Choice> Plain() =>
        floats is not null || network.TrainingPlan is null ? Predictions() : [.. Predictions(), Training(null, [], [], 1, CStorage.Float32)];

    /// <summary>All ways that are tried, from the one that changes nothing to those that save most.</summary>
    public IReadOnlyList<Choice> Choices()
    {
        List<Choice> choices = [.. Predictions()];
        if (floats is null && network.TrainingPlan is { } plan)
        {
            choices.Add(Training(null, [], [], Math.Max(2, network.Options.Batch), CStorage.Float32));
            AddTrainings(choices, plan, null);
            if (network.Options.Optimizer.StateArrays > 0)
            {
                // Plain gradient descent keeps nothing for a weight, and changes it at once.
                AddTrainings(choices, plan, new Sgd());
            }
        }

        return choices;
    }

    /// <summary>Trainings with an optimiser: plain, with values computed again, with the first layers frozen.</summary>
    private void AddTrainings(List<Choice> choices, Plan plan, Optimizer? optimizer)
    {
        string[] layers =
        [
            .. plan
                .Steps.ToArray()
                .Where(step =>
                    step.Op.Name.Length > 0
                    && plan.Parameters.ToArray().Any(range => range.Name.StartsWith(step.Op.Name + ".", StringComparison.Ordinal)))
                .Select(step => step.Op.Name)
                .Distinct(),
        ];
        string[] free = [.. plan.Steps.ToArray().Where(step => step.Op is not Losses.Loss && step.Op.MultiplyAdds == 0).Select(step => step.Name)];
        Choice plain = Training(optimizer, [], [], 1, CStorage.Float32);
        choices.Add(plain);
        string[] half = [.. plan.Steps.ToArray().Where((step, i) => i % 2 == 0 && step.Op is not Losses.Loss).Select(step => step.Name)];
        foreach (string[] again in new[] { free, half })
        {
            // Computing again is worth a row only where it saves memory.
            Choice choice = Training(optimizer, [], again, 1, CStorage.Float32);
            if (again.Length > 0 && choice.Cost?.RamBytes < plain.Cost?.RamBytes)
            {
                choices.Add(choice);
            }
        }

        for (int frozen = 1; frozen < layers.Length; frozen++)
        {
            foreach (CStorage storage in new[] { CStorage.Float32, CStorage.Int8 })
            {
                choices.Add(Training(optimizer, layers[..frozen], [], 1, storage));
            }
        }
    }

    /// <summary>The table that a person reads.</summary>
    public static string Table(IReadOnlyList<Choice> choices, CTarget target, long? flash = null, long? ram = null)
    {
        StringBuilder text = new();
        string unit = target.CountsCycles ? "cycles" : "instructions";
        text.Append(
            CultureInfo.InvariantCulture,
            $"On {target.Name} ({target.Description}), exported as C. Tables and RAM are exact; code and {unit} are estimated for gcc -Os, stack is a bound.\n"
        );
        text.Append(
            CultureInfo.InvariantCulture,
            $"{"", -8}{"flash: tables", 14}{"+ code", 9}{"RAM", 12}{"+ stack", 9}{"+ in, out", 11}{"multiply-adds", 15}{unit, 14}   options\n"
        );
        foreach (Choice choice in choices)
        {
            if (choice.Cost is not { } cost)
            {
                text.Append(CultureInfo.InvariantCulture, $"{(choice.Trains ? "train" : "predict"),-8}   {choice.Description}: {choice.Refusal}\n");
                continue;
            }

            long counted = choice.Trains ? cost.TrainingInstructions : cost.Instructions;
            string instructions = counted == 0 ? "not counted" : counted.ToString("N0", CultureInfo.InvariantCulture);
            text.Append(
                CultureInfo.InvariantCulture,
                $"{(choice.Trains ? "train" : "predict"), -8}{cost.TableBytes, 14:N0}{cost.CodeBytes, 9:N0}{cost.RamBytes, 12:N0}{cost.StackBytes, 9:N0}{cost.EndBytes, 11:N0}{cost.MultiplyAdds, 15:N0}{instructions, 14}   {choice.Description}{Verdict(cost, flash, ram)}\n"
            );
        }

        if (flash is not null)
        {
            text.Append(
                "A way fits if tables and code fit the flash, and RAM and stack the RAM: inputs, outputs and targets are the program's own and come on top.\n"
            );
        }

        if (choices is [{ Cost: { } integers }, .., { Description: FloatModel, Cost: { } quick }])
        {
            text.Append(ChipTable.Faster(target.Name, integers, quick));
        }

        if (target.CopiesConstants)
        {
            text.Append("Tables are counted as RAM, too: constants are copied there when the program starts.\n");
        }

        string more = target.CountsCycles ? "" : "; cycles are more (about 1.3 to 2 an instruction on a Cortex-M4, unmeasured)";
        return text.Append(
                choices.Any(choice => choice.Cost is { Instructions: > 0 })
                    ? $"Of a prediction its {unit}, of a training those of a step that changes the weights{more}. experiment device counts them.\n"
                    : $"Nothing here counts the instructions of {target.Name}.\n")
            .ToString();
    }

    /// <summary>Whether it fits: flash with code, RAM with stack. Inputs and outputs are the program's own.</summary>
    public static bool Fits(CCost? cost, long flash, long ram) =>
        cost is not null && cost.FlashBytes <= flash && cost.RamBytes + cost.StackBytes <= ram;

    /// <summary>The same for machines.</summary>
    public static void Write(Utf8JsonWriter writer, IReadOnlyList<Choice> choices, long? flash, long? ram)
    {
        writer.WriteStartArray("device");
        foreach (Choice choice in choices)
        {
            writer.WriteStartObject();
            writer.WriteString("kind", choice.Trains ? "train" : "predict");
            writer.WriteString("options", choice.Description);
            if (choice.Cost is { } cost)
            {
                writer.WriteNumber("table_bytes", cost.TableBytes);
                writer.WriteNumber("code_bytes", cost.CodeBytes);
                writer.WriteNumber("ram_bytes", cost.RamBytes);
                writer.WriteNumber("stack_bytes", cost.StackBytes);
                writer.WriteNumber("end_bytes", cost.EndBytes);
                writer.WriteNumber("instructions", cost.Instructions);
                writer.WriteNumber("training_instructions", cost.TrainingInstructions);
            }
            else
            {
                writer.WriteString("refusal", choice.Refusal);
            }

            if (flash is { } f && ram is { } r)
            {
                writer.WriteBoolean("fits", Fits(choice.Cost, f, r));
            }

            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    private static string Verdict(CCost cost, long? flash, long? ram)
    {
        if (flash is not { } f || ram is not { } r)
        {
            return "";
        }

        long missingFlash = cost.FlashBytes - f,
            missingRam = cost.RamBytes + cost.StackBytes - r;
        return missingFlash <= 0 && missingRam <= 0
            ? ": fits"
            : string.Create(
                CultureInfo.InvariantCulture,
                $": too large by {(missingFlash > 0 ? $"{missingFlash:N0} bytes of flash" : "")}{(missingFlash > 0 && missingRam > 0 ? " and " : "")}{(missingRam > 0 ? $"{missingRam:N0} bytes of RAM" : "")}"
            );
    }

    /// <summary>A network of integers has no other storage, but floats may be quicker.</summary>
    private Choice[] Predictions() => floats is null
        ? [Prediction(CStorage.Float32), .. Hop(), Prediction(CStorage.Float16), Prediction(CStorage.Int8)]
        : [Prediction(CStorage.Float32), .. Hop(), Make(floats, FloatModel, false, options)];

    private Choice[] Hop()
    {
        if (stream is null)
        {
            return [];
        }

        string hop = stream.Hop > 0 ? " " + stream.Hop.ToString(CultureInfo.InvariantCulture) : "";
        return [Make($"--stream{hop}: a hop, RAM with the stream's state", false, options with { Stream = stream })];
    }

    private Choice Prediction(CStorage storage) =>
        Make(storage == CStorage.Float32 ? "as it is" : "--storage " + Name(storage), false, options with { Storage = storage });

    private Choice Training(Optimizer? optimizer, string[] frozen, string[] recompute, int accumulate, CStorage storage)
    {
        List<string> words = ["--train"];
        if (optimizer is not null)
        {
            words.Add("--optimizer " + optimizer.Name);
        }

        if (accumulate > 1)
        {
            words.Add("--accumulate " + accumulate.ToString(CultureInfo.InvariantCulture));
        }

        if (frozen.Length > 0)
        {
            words.Add("--freeze " + string.Join(',', frozen));
        }

        if (recompute.Length > 0)
        {
            words.Add("--recompute " + string.Join(',', recompute));
        }

        if (storage != CStorage.Float32)
        {
            words.Add("--storage " + Name(storage));
        }

        return Make(
            string.Join(' ', words),
            true,
            options with
            {
                Storage = storage,
                Training = CTrainingOptions.Of(network, learningRate) with
                {
                    Optimizer = optimizer ?? network.Options.Optimizer,
                    // One sample a call: as ebp export c does.
                    Frozen = [.. frozen, .. ExportTrainingOptions.WholeBatch(network).Except(frozen)],
                    Recompute = recompute,
                    Accumulate = accumulate,
                    SelfTestSteps = 0,
                },
            });
    }

    private Choice Make(string description, bool trains, CExportOptions wish) => Make(network, description, trains, wish);

    private static Choice Make(Network network, string description, bool trains, CExportOptions wish)
    {
        try
        {
            return new Choice(description, trains, CCost.Of(network.InferencePlan, network.Parameters, wish, network.State), "");
        }
        catch (Exception exception) when (exception is NotSupportedException or ArgumentException)
        {
            return new Choice(description, trains, null, exception.Message);
        }
    }

    private static string Name(CStorage storage) => storage switch { CStorage.Float16 => "float16", CStorage.Int8 => "int8", _ => "float32" };
}
