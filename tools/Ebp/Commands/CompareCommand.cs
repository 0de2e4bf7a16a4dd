using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Tools.DataSources;
using EmbeddedBackprop.Tools.Output;
using EmbeddedBackprop.Tools.Recipes;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tools.Commands;

/// <summary>ebp compare: is a network worth its cost, or would one neuron do?</summary>
internal static class CompareCommand
{
    public static Command Create()
    {
        Command command = new(
            "compare",
            "Trains one neuron and a network on the same data, by the same seed and epochs, and shows what each costs and gains; for more than two classes one neuron per class. With MODEL: that float model beside int8 and 16x8."
        );
        Argument<string> model = ModelArgument.Create(optional: true);
        command.Arguments.Add(model);
        OptionReader options = new(
            command,
            TrainOptions.Of(OptionGroup.Data),
            TrainOptions.Of(OptionGroup.Split),
            TrainOptions.Of(OptionGroup.Model),
            TrainOptions.Of(OptionGroup.Training));
        Option<string> judge = QuantizeCommand.JudgeOption();
        Option<bool> json = Json.Option();
        command.Options.Add(judge);
        command.Options.Add(json);
        command.SetAction(parsed => parsed.GetValue(model) is { } path
            ? QuantizedComparison.Run(path, OfModel(options.Read(parsed)), QuantizeCommand.Judge(parsed.GetValue(judge)), parsed.GetValue(json))
            : parsed.GetValue(judge) is not null ? throw ToolException.Usage("--judge: it belongs to compare MODEL")
            : Run(options.Read(parsed), parsed.GetValue(json)));
        return command;
    }

    /// <summary>The options that say something about the samples of a model.</summary>
    private static Recipe OfModel(Recipe given) =>
        given.Except([.. TrainOptions.Of(OptionGroup.Data), TrainOptions.Seed]) is { } stray
            ? throw ToolException.Usage($"--{stray.Name}: the model file says what the network is")
            : given;

    private static int Run(Recipe given, bool json)
    {
        Recipe named = RecipeDefaults.WithData(given);
        TaskData data = DataLoader.Load(named);
        Recipe network = Complete(named, data);
        Recipe neuron = Complete(Neuron(named, network, data), data);
        using Interruption interruption = new();
        Contender? first = Train("neuron", neuron, data, interruption.Token);
        Contender? second = first is null ? null : Train("network", network, data, interruption.Token);
        if (first is null || second is null)
        {
            return ExitCode.Interrupted;
        }

        if (json)
        {
            JsonResult.Write(writer =>
            {
                writer.WriteString("command", "compare");
                writer.WriteString("data", named.Text(TrainOptions.Data));
                writer.WriteNumber("training_samples", data.Training.Count);
                writer.WriteNumber("test_samples", data.Test.Count);
                writer.WriteString("seed", named.Get(TrainOptions.Seed)!.Value.ToString(CultureInfo.InvariantCulture));
                Write(writer, first);
                Write(writer, second);
            });
        }
        else
        {
            Print(data, first, second);
        }

        return ExitCode.Success;
    }

    private static Recipe Complete(Recipe recipe, TaskData data) =>
        RecipeDefaults.Complete(recipe, data.InputShape, data.Classes, data.Training.TargetLength, data.Training.Count);

    /// <summary>
    /// Inputs and outputs and nothing between. Two classes take one sigmoid; more take one each, trained to tell its class from the rest; a
    /// value to be predicted takes a weighted sum.
    /// </summary>
    private static Recipe Neuron(Recipe named, Recipe network, TaskData data)
    {
        bool classes = data.Classes > 0;
        string? loss = network.Get(TrainOptions.Loss);
        return named
            .With(TrainOptions.Layers, [data.Inputs, data.Classes == 2 ? 1 : data.Training.TargetLength])
            .With(TrainOptions.Activation, null)
            .With(TrainOptions.OutputActivation, classes ? "sigmoid" : "identity")
            .With(TrainOptions.Loss, !classes || loss is "quadratic" or "mse" or "mae" or "huber" ? loss : "binary-cross-entropy");
    }

    private static Contender? Train(string name, Recipe recipe, TaskData data, CancellationToken cancellation)
    {
        TaskData fitting = data.ForOutputs(recipe.Get(TrainOptions.Layers)![^1]);
        Network network = NetworkFactory.Create(recipe);
        WarmUp.Run(recipe, fitting, network);
        TrainingRun run = new(fitting, network, new Trainer(network, fitting.Training, NetworkFactory.Training(recipe)));
        using (ProgressDisplay display = new(recipe.Get(TrainOptions.Epochs)!.Value, $"{name,-8} "))
        {
            run.Run(display, cancellation);
        }

        if (run.Interrupted)
        {
            return null;
        }

        Network device = NetworkFactory.Create(recipe, Layout.Compact, 1);
        EpochRecord last = run.History[^1];
        return new Contender(
            name, recipe, last.TestAccuracy, run.BestTestAccuracy, last.TestLoss, network.ParameterCount, network.InferencePlan.MultiplyAdds,
            Cost.Flash(device.InferencePlan), Cost.Ram(device.InferencePlan), 4L * device.MemoryLength,
            run.TrainSeconds, run.SamplesPerSecond, Judge.PredictionSeconds(network), WeightsHash.Of(network));
    }

    private static void Write(Utf8JsonWriter writer, Contender contender)
    {
        writer.WriteStartObject(contender.Name);
        writer.WriteString("layers", string.Join(',', contender.Recipe.Get(TrainOptions.Layers)!));
        writer.WriteString("loss_function", contender.Recipe.Get(TrainOptions.Loss));
        writer.WriteNumberOrNull("accuracy", contender.Accuracy);
        writer.WriteNumberOrNull("test_accuracy", contender.Accuracy);
        writer.WriteNumberOrNull("best_test_accuracy", contender.BestAccuracy);
        writer.WriteNumberOrNull("loss", contender.Loss);
        writer.WriteNumber("parameters", contender.Parameters);
        writer.WriteNumber("multiply_adds", contender.MultiplyAdds);
        writer.WriteNumber("flash_bytes", contender.Flash);
        writer.WriteNumber("ram_bytes", contender.Ram);
        writer.WriteNumber("training_ram_bytes", contender.TrainingRam);
        writer.WriteNumber("train_seconds", contender.Seconds);
        writer.WriteNumber("samples_per_second", contender.SamplesPerSecond);
        writer.WriteNumber("prediction_seconds", contender.PredictionSeconds);
        writer.WriteString("weights_hash", contender.Hash);
        writer.WriteEndObject();
    }

    private static void Print(TaskData data, Contender neuron, Contender network)
    {
        bool perClass = neuron.Recipe.Get(TrainOptions.Layers)![^1] > 1 && data.Classes > 0;
        Row("", perClass ? "one neuron a class" : "one neuron", "network");
        Row("layers", string.Join(',', neuron.Recipe.Get(TrainOptions.Layers)!), string.Join(',', network.Recipe.Get(TrainOptions.Layers)!));
        if (neuron.Accuracy is not null)
        {
            Row("test accuracy", Percent(neuron.Accuracy), Percent(network.Accuracy));
            Row("best of all epochs", Percent(neuron.BestAccuracy), Percent(network.BestAccuracy));
        }

        Row("test loss", Loss(neuron), Loss(network));
        Row("parameters", Number(neuron.Parameters), Number(network.Parameters));
        Row("multiply-adds", Number(neuron.MultiplyAdds), Number(network.MultiplyAdds));
        Row("flash, weights", Number(neuron.Flash) + " B", Number(network.Flash) + " B");
        Row("RAM, prediction", Number(neuron.Ram) + " B", Number(network.Ram) + " B");
        Row("RAM, training, batch 1", Number(neuron.TrainingRam) + " B", Number(network.TrainingRam) + " B");
        Row("training", Seconds(neuron.Seconds), Seconds(network.Seconds));
        Row("one prediction", Microseconds(neuron.PredictionSeconds), Microseconds(network.PredictionSeconds));

        static void Row(string what, string left, string right) => Console.Out.WriteLine($"{what,-24}{left,24}{right,24}");
        static string Percent(double? share) => string.Create(CultureInfo.InvariantCulture, $"{share:P2}");
        static string Number(long value) => value.ToString("N0", CultureInfo.InvariantCulture);
        static string Loss(Contender c) => string.Create(CultureInfo.InvariantCulture, $"{c.Loss:G5} {c.Recipe.Get(TrainOptions.Loss)}");
        static string Seconds(double value) => string.Create(CultureInfo.InvariantCulture, $"{value:F3} s");
        static string Microseconds(double value) => string.Create(CultureInfo.InvariantCulture, $"{value * 1e6:F2} us");
    }

    /// <summary>The result of training one of the two; bytes are those of compact rows, as on a device.</summary>
    private sealed record Contender(
        string Name, Recipe Recipe, double? Accuracy, double? BestAccuracy, double Loss, long Parameters, long MultiplyAdds,
        long Flash, long Ram, long TrainingRam, double Seconds, double SamplesPerSecond, double PredictionSeconds, string Hash);
}
