using System.CommandLine;
using System.Globalization;
using System.Numerics;
using System.Text.Json;
using EmbeddedBackprop.Export;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Quantization;
using EmbeddedBackprop.Tools.DataSources;
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
        OptionReader options = new(
            command,
            TrainOptions.Of(OptionGroup.Data),
            TrainOptions.Of(OptionGroup.Split),
            TrainOptions.Of(OptionGroup.Model),
            TrainOptions.Of(OptionGroup.Training),
            TrainOptions.Of(OptionGroup.Refinements));
        Option<string> output = new("--out")
        {
            HelpName = "FILE",
            Description = "The model file (default: ebp-out/model.safetensors, and C files beside it).",
        };
        Option<bool> force = OutputTarget.Force();
        Option<string> resume = new("--resume")
        {
            HelpName = "FILE|DIR",
            Description = "Goes on with the same bits from a file, or a folder's newest checkpoint; only --epochs, --threads and --out may differ.",
        };
        Option<string> from = new("--from")
        {
            HelpName = "FILE",
            Description = "Begins with the weights of a model file, in all layers that have the same names and shapes; the others begin anew.",
        };
        Option<string> threads = new("--threads")
        {
            HelpName = "N|auto",
            Description = "Threads to train on, the bits are the same (default: auto, one for a small network).",
        };
        Option<string> ram = new("--ram")
        {
            HelpName = "BYTES",
            Description = "Trains within so much memory (as in 64K), everything counted: micro-batches, and values computed again instead of kept.",
        };
        Option<string> checkpoints = new("--checkpoints")
        {
            HelpName = "DIR", Description = "Writes checkpoints into a folder on the way; --resume DIR goes on from the newest.",
        };
        Option<string> every = new("--checkpoint-every")
        {
            HelpName = "N|TIME", Description = "Epochs from one checkpoint to the next, as in 5, or the time, as in 30s, 10m or 2h (default: 10m).",
        };
        Option<string> keep = new("--checkpoint-keep") { HelpName = "N", Description = "Checkpoints that are kept, the last ones (default: 3)." };
        Option<bool> json = Json.Option();
        command.Options.Add(output);
        command.Options.Add(force);
        command.Options.Add(resume);
        command.Options.Add(from);
        command.Options.Add(threads);
        command.Options.Add(ram);
        command.Options.Add(checkpoints);
        command.Options.Add(every);
        command.Options.Add(keep);
        command.Options.Add(json);
        command.SetAction(parsed =>
        {
            return Run(
                options.Read(parsed),
                Threads(parsed.GetValue(threads)),
                OptionText.Bytes("ram", parsed.GetValue(ram)),
                parsed.GetValue(output),
                parsed.GetValue(force),
                parsed.GetValue(resume),
                parsed.GetValue(from),
                CheckpointRequest.Read(parsed.GetValue(checkpoints), parsed.GetValue(every), parsed.GetValue(keep)),
                parsed.GetValue(json));
        });
        return command;
    }

    /// <summary>0 and auto leave it to the plan.</summary>
    private static int Threads(string? text) => text == "auto" ? 0 : OptionText.Integer("threads", text, 1, NetworkOptions.MaximumThreads) ?? 0;

    private static int Run(
        Recipe given, int threads, long? ram, string? output, bool force, string? resume, string? from, CheckpointRequest? asked, bool json)
    {
        string file = output ?? Path.Combine(DefaultFolder, DefaultFile);
        OutputTarget.CheckModel(file, force);
        if (output is null)
        {
            OutputTarget.Write(() => CExporter.RequireReplaceable(DefaultFolder, new CExportOptions { ReplaceForeignFiles = force }));
        }

        if (ram is not null && given.Says(TrainOptions.Quantize))
        {
            throw ToolException.Usage("--ram: a training on integers has no bound on its memory");
        }

        if (resume is not null && from is not null)
        {
            throw ToolException.Usage("--from: a training that is resumed has its weights");
        }

        if (Directory.Exists(resume))
        {
            resume = Checkpoints.Latest(resume);
        }

        SavedModel? origin = from is null ? null : ModelStore.Load(from);
        SavedModel? saved = resume is null ? null : ModelStore.Load(resume);
        if ((origin ?? saved) is { File.HoldsIntegers: true } deployed)
        {
            _ = deployed.RequireFloat((from ?? resume)!, "training goes on from the float model that it was made of");
        }

        if (origin is not null && !given.Says(TrainOptions.Net) && !given.Says(TrainOptions.Layers))
        {
            given = given.With(TrainOptions.Net, origin.File.Net);
        }

        Recipe recipe = saved is null ? RecipeDefaults.WithData(given) : Resumption.Merge(given, saved, resume!);
        TaskData data = DataLoader.Load(recipe);
        if (saved is not null)
        {
            Resumption.CheckSamples(saved, data, resume!);
        }

        recipe = RecipeDefaults.Complete(recipe, data.InputShape, data.Classes, data.Training.TargetLength, data.Training.Count);
        recipe = ClassBalance.Resolve(recipe, data);
        recipe = recipe.Get(TrainOptions.Data)!.Source.Recorded(recipe, data);
        data = data.ForOutputs(recipe.Get(TrainOptions.Layers)![^1]);
        data = data.Augmented(recipe);
        using Network begun = saved?.File.Quantization is null
            ? NetworkFactory.Create(recipe, ram is null ? Layout.Padded : Layout.Compact, threads: threads, memoryBudget: ram ?? 0)
            : saved.File.ToNetwork(batch: 0, Layout.Padded, best: false, threads);
        using Owned<QuantizedModel> integers = new();
        Network network = begun;
        IReadOnlyList<string> anew = origin?.File.LoadMatching(network) ?? [];
        Trainer trainer = new(network, data.Training, NetworkFactory.Training(recipe));
        saved?.File.Restore(trainer);
        Checkpoints? checkpoints = asked is null ? null : new Checkpoints(asked, recipe, data, saved?.History ?? []);
        TrainingRun run = new(data, network, trainer, saved?.History) { Checkpoints = checkpoints };
        if (!json)
        {
            Console.Out.WriteLine(Describe(recipe, data));
            foreach (string note in data.Notes)
            {
                Console.Out.WriteLine(note);
            }

            Console.Out.WriteLine(network.TrainingPlan);
            if (origin is not null)
            {
                Console.Out.WriteLine(
                    anew.Count == 0 ? $"begins with all weights of {from}" : $"begins with the weights of {from}, but anew: {string.Join(", ", anew)}"
                );
            }
        }

        bool quantized = saved?.File.Quantization is not null;
        if (!quantized)
        {
            WarmUp.Run(recipe, data, network);
        }

        using Interruption interruption = new();
        using (ProgressDisplay display = new(recipe.Get(TrainOptions.Epochs)!.Value))
        {
            bool finished = trainer.Finished;
            if (finished)
            {
                display.Note(trainer.State.Stopped
                    ? $"nothing is left to do: training stopped early after epoch {trainer.State.Epoch}"
                    : $"nothing is left to do: all {recipe.Get(TrainOptions.Epochs)} epochs are done; --epochs asks for more");
            }
            else if (
                saved is not null
                && recipe.Get(TrainOptions.Schedule) == "cosine"
                && recipe.Get(TrainOptions.Epochs) != saved.Recipe.Get(TrainOptions.Epochs))
            {
                display.Note(
                    $"the cosine's rate follows the new total of {recipe.Get(TrainOptions.Epochs)} epochs; it was {saved.Recipe.Get(TrainOptions.Epochs)}"
                );
            }

            run.Run(display, interruption.Token, recipe.Get(TrainOptions.QuantizeAfter) is { } after && !quantized ? after : int.MaxValue);
            if (!run.Interrupted && !trainer.Finished)
            {
                integers.Value = Quantized(network, data, recipe);
                network = integers.Value.Network;
                trainer = new Trainer(network, data.Training, NetworkFactory.Training(recipe)) { State = trainer.State };
                display.Note("from here on it computes on integers");
                run = new TrainingRun(data, network, trainer, run.History) { Checkpoints = checkpoints };
                run.Run(display, interruption.Token);
            }

            if (trainer.State.Stopped && !finished)
            {
                display.Note(
                    $"stopped early: no better validation for {recipe.Get(TrainOptions.Patience)} epochs after epoch {trainer.State.BestEpoch}");
            }
        }

        List<string> files = [file];
        OutputTarget.WriteFile(file, () => ModelStore.Save(file, network, trainer, recipe, data, run.History));

        // The file holds both: the last weights, with which training continues, and the best ones. From here on the network predicts.
        trainer.RestoreBest();
        if (run.Interrupted)
        {
            Console.Error.WriteLine($"interrupted; go on with: ebp train --resume {file}{(output is null ? "" : $" --out {output}")}");
        }
        else if (output is null)
        {
            ExportC(network, ExportCommand.COptions(data.Preparation, recipe) with { ReplaceForeignFiles = force }, files);
        }

        if (json)
        {
            JsonResult.Write(writer => WriteResult(writer, recipe, data, run, files));
        }
        else
        {
            PrintResult(run, files);
        }

        return run.Interrupted ? ExitCode.Interrupted : ExitCode.Success;
    }

    /// <summary>The network on integers, which training goes on with.</summary>
    private static QuantizedModel Quantized(Network network, TaskData data, Recipe recipe) =>
        Quantizer.ForTraining(
            network, data.Training, new QuantizerOptions { ActivationBits = recipe.Get(TrainOptions.Quantize) == "int16" ? 16 : 8 });

    /// <summary>Disposes what is made later, if it is.</summary>
    private sealed class Owned<T> : IDisposable where T : class, IDisposable
    {
        public T? Value { get; set; }

        public void Dispose() => Value?.Dispose();
    }

    private static void ExportC(Network network, CExportOptions options, List<string> files)
    {
        try
        {
            OutputTarget.Write(() => files.AddRange(CExporter.Write(network, DefaultFolder, options)));
        }
        catch (Exception exception) when (exception is NotSupportedException or ArgumentException)
        {
            // The model itself is written: a network that C cannot have is no reason to fail.
            Console.Error.WriteLine($"no C files: {exception.Message}");
        }
    }

    private static string Describe(Recipe recipe, TaskData data) =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"{recipe.Get(TrainOptions.Data)}: {data.Training.Count:N0} samples to train on, {data.Test.Count:N0} to test; {recipe.Get(TrainOptions.Net) ?? $"{string.Join(',', recipe.Get(TrainOptions.Layers)!)}, {recipe.Get(TrainOptions.Activation)}, {recipe.Get(TrainOptions.OutputActivation)}"}, "
                + $"{recipe.Get(TrainOptions.Loss)}, {recipe.Get(TrainOptions.Optimizer)}, lr {recipe.Get(TrainOptions.LearningRate):R}, batch {recipe.Get(TrainOptions.Batch)}, seed {recipe.Get(TrainOptions.Seed)}"
        );

    private static void PrintResult(TrainingRun run, List<string> files)
    {
        if (run.Kept is { } kept)
        {
            string epoch = kept.Epoch == run.History.Count ? "" : $", with the weights of epoch {kept.Epoch}";
            Console.Out.WriteLine(
                kept.TestAccuracy is { } accuracy
                    ? string.Create(
                        CultureInfo.InvariantCulture,
                        $"test accuracy {accuracy:P2} (best {run.BestTestAccuracy:P2} of {run.History.Count} epochs){epoch}")
                    : string.Create(CultureInfo.InvariantCulture, $"test loss {kept.TestLoss:G6}{epoch}"));
        }

        Console.Out.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"{run.TrainSeconds:F2} s of training, {run.SamplesPerSecond:N0} samples/s on {run.Network.Threads} {(run.Network.Threads == 1 ? "thread" : "threads")}, {run.AllocatedBytesPerStep:0.##} bytes allocated per step"
            ));
        Console.Out.WriteLine($"weights {WeightsHash.Of(run.Network)}");
        Console.Out.WriteLine($"written: {string.Join(", ", files)}");
    }

    private static void WriteResult(Utf8JsonWriter writer, Recipe recipe, TaskData data, TrainingRun run, List<string> files)
    {
        writer.WriteString("command", "train");
        writer.WriteStartObject("options");
        foreach ((string name, string value) in recipe.Texts())
        {
            writer.WriteString(name, value);
        }

        writer.WriteEndObject();
        writer.WriteNumber("training_samples", data.Training.Count);
        writer.WriteNumber("test_samples", data.Test.Count);
        writer.WriteStrings("notes", data.Notes);
        writer.WriteStartArray("epochs");
        foreach (EpochRecord record in run.History)
        {
            record.Write(writer);
        }

        writer.WriteEndArray();
        EpochRecord? kept = run.Kept;
        writer.WriteNumberOrNull("kept_epoch", kept?.Epoch);
        writer.WriteNumberOrNull("test_accuracy", kept?.TestAccuracy);
        writer.WriteNumberOrNull("best_test_accuracy", run.BestTestAccuracy);
        writer.WriteNumberOrNull("test_loss", kept?.TestLoss);
        writer.WriteBoolean("stopped_early", run.Trainer.State.Stopped);
        writer.WriteNumber("train_seconds", run.TrainSeconds);
        writer.WriteNumber("samples_per_second", run.SamplesPerSecond);
        writer.WriteNumberOrNull("allocated_bytes_per_step", run.AllocatedBytesPerStep);
        writer.WriteNumber("parameters", run.Network.ParameterCount);
        writer.WriteNumber("multiply_adds", run.Network.InferencePlan.MultiplyAdds);
        writer.WriteString("weights_hash", WeightsHash.Of(run.Network));
        writer.WriteString("arithmetic", recipe.Get(TrainOptions.Arithmetic));
        writer.WriteNumber("threads", run.Network.Threads);
        writer.WriteNumber("vector_width", Vector<float>.Count);
        writer.WriteBoolean("interrupted", run.Interrupted);
        writer.WriteString("model", files[0]);
        writer.WriteStrings("files", files);
    }
}
