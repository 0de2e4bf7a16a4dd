using System.CommandLine;
using System.Globalization;
using System.Numerics;
using System.Text.Json;
using EmbeddedBackprop.Tools.Output;
using EmbeddedBackprop.Tools.Recipes;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tools.Commands;

/// <summary>ebp train: data in, a trained network out.</summary>
internal static class TrainCommand
{
    private const string DefaultFolder = "ebp-out";
    private const string DefaultFile = "model.safetensors";

    public static Command Create()
    {
        Command command = new("train", "Trains a network; without any option, one that reads digits, written to ebp-out/ with its C files.");
        RecipeOptions options = new(command, RecipeOptions.Data, RecipeOptions.Parts, RecipeOptions.Model, RecipeOptions.Training);
        Option<string> output = new("--out") { HelpName = "FILE", Description = "The model file (default: ebp-out/model.safetensors, and C files beside it)." };
        Option<string> resume = new("--resume") { HelpName = "FILE", Description = "Goes on from a model file with the same bits; only --epochs, --threads and --out may differ." };
        Option<string> threads = new("--threads") { HelpName = "N", Description = "Worker threads; this version trains on 1." };
        Option<bool> json = Json.Option();
        command.Options.Add(output);
        command.Options.Add(resume);
        command.Options.Add(threads);
        command.Options.Add(json);
        command.SetAction(parsed =>
        {
            OptionText.Integer("threads", parsed.GetValue(threads), 1, 1);
            return Run(options.Read(parsed), parsed.GetValue(output), parsed.GetValue(resume), parsed.GetValue(json));
        });
        return command;
    }

    private static int Run(Recipe given, string? output, string? resume, bool json)
    {
        string file = output ?? Path.Combine(DefaultFolder, DefaultFile);
        OutputTarget.CheckFile(file);
        Recipe recipe = RecipeDefaults.WithData(given);
        TaskData data = DataLoader.Load(recipe);
        recipe = RecipeDefaults.Complete(recipe, data.Inputs, data.Classes, data.Training.TargetLength, data.Training.Count);
        data = data.ForOutputs(recipe.Layers![^1]);
        Network network = NetworkFactory.Create(recipe);
        Trainer trainer = new(network, data.Training, NetworkFactory.Training(recipe));
        TrainingRun run = new(data, network, trainer);
        if (!json)
        {
            Console.Out.WriteLine(Describe(recipe, data));
            Console.Out.WriteLine(network.TrainingPlan);
        }

        using Interruption interruption = new();
        using (ProgressDisplay display = new(recipe.Epochs!.Value))
        {
            run.Run(display, interruption.Token);
        }

        if (json)
        {
            JsonResult.Write(writer => WriteResult(writer, recipe, data, run));
        }
        else
        {
            PrintResult(run);
        }

        return run.Interrupted ? ExitCode.Interrupted : ExitCode.Success;
    }

    private static string Describe(Recipe recipe, TaskData data) => string.Create(
        CultureInfo.InvariantCulture,
        $"{recipe.Data}: {data.Training.Count:N0} samples to train on, {data.Test.Count:N0} to test; {string.Join(',', recipe.Layers!)}, " +
        $"{recipe.Activation}, {recipe.OutputActivation}, {recipe.Loss}, {recipe.Optimizer}, lr {recipe.LearningRate:R}, batch {recipe.Batch}, seed {recipe.Seed}");

    private static void PrintResult(TrainingRun run)
    {
        if (run.History.Count > 0)
        {
            EpochRecord last = run.History[^1];
            Console.Out.WriteLine(last.TestAccuracy is { } accuracy
                ? string.Create(CultureInfo.InvariantCulture, $"test accuracy {accuracy:P2} (best {run.BestTestAccuracy:P2} of {run.History.Count} epochs)")
                : string.Create(CultureInfo.InvariantCulture, $"test loss {last.TestLoss:R}"));
        }

        Console.Out.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{run.TrainSeconds:F2} s of training, {run.SamplesPerSecond:N0} samples/s, {run.AllocatedBytesPerStep:0.##} bytes allocated per step"));
        Console.Out.WriteLine($"weights {Weights.Hash(run.Network)}");
    }

    private static void WriteResult(Utf8JsonWriter writer, Recipe recipe, TaskData data, TrainingRun run)
    {
        writer.WriteString("command", "train");
        writer.WriteStartObject("options");
        foreach ((string name, string value) in recipe.ToDictionary())
        {
            writer.WriteString(name, value);
        }

        writer.WriteEndObject();
        writer.WriteNumber("training_samples", data.Training.Count);
        writer.WriteNumber("test_samples", data.Test.Count);
        writer.WriteStartArray("epochs");
        foreach (EpochRecord record in run.History)
        {
            record.Write(writer);
        }

        writer.WriteEndArray();
        EpochRecord? last = run.History.Count == 0 ? null : run.History[^1];
        writer.WriteNumberOrNull("test_accuracy", last?.TestAccuracy);
        writer.WriteNumberOrNull("best_test_accuracy", run.BestTestAccuracy);
        writer.WriteNumberOrNull("test_loss", last?.TestLoss);
        writer.WriteNumber("train_seconds", run.TrainSeconds);
        writer.WriteNumber("samples_per_second", run.SamplesPerSecond);
        writer.WriteNumberOrNull("allocated_bytes_per_step", run.AllocatedBytesPerStep);
        writer.WriteNumber("parameters", run.Network.ParameterCount);
        writer.WriteNumber("multiply_adds", run.Network.InferencePlan.MultiplyAdds);
        writer.WriteString("weights_hash", Weights.Hash(run.Network));
        writer.WriteString("arithmetic", recipe.Arithmetic);
        writer.WriteNumber("vector_width", Vector<float>.Count);
        writer.WriteBoolean("interrupted", run.Interrupted);
    }
}
