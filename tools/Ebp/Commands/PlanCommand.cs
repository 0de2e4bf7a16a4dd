using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Tools.Output;
using EmbeddedBackprop.Tools.Recipes;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tools.Commands;

/// <summary>ebp plan: what a network costs, before anything runs.</summary>
internal static class PlanCommand
{
    public static Command Create()
    {
        Command command = new("plan", "Shows what a network needs: layers, shapes, parameters, multiply-adds, flash and RAM, on a device and on this machine.");
        RecipeOptions options = new(command, RecipeOptions.Model, ["optimizer", "momentum", "batch"]);
        Option<bool> json = Json.Option();
        command.Options.Add(json);
        command.SetAction(parsed => Run(options.Read(parsed), parsed.GetValue(json)));
        return command;
    }

    private static int Run(Recipe given, bool json)
    {
        int[] layers = given.Layers ?? throw ToolException.Usage("plan needs --layers, as in --layers 784,30,10, or a model file");
        bool single = layers[^1] == 1;
        Recipe recipe = RecipeDefaults.Complete(given, layers[0], single ? 2 : layers[^1], layers[^1], int.MaxValue);
        recipe = recipe with { Initializer = "zeros" };
        Show(recipe, given.Batch ?? 1, NetworkFactory.Create(recipe), json);
        return ExitCode.Success;
    }

    private static void Show(Recipe recipe, int deviceBatch, Network host, bool json)
    {
        Network device = NetworkFactory.Create(recipe, Layout.Compact, deviceBatch);
        Network single = NetworkFactory.Create(recipe, Layout.Compact, 1);
        Needs needs = new(
            Parameters: device.ParameterCount,
            MultiplyAdds: device.InferencePlan.MultiplyAdds,
            InferenceFlash: 4L * single.InferencePlan.ParameterLength,
            InferenceRam: 4L * single.InferencePlan.WorkspaceLength,
            TrainingBatch: deviceBatch,
            TrainingRam: 4L * (device.Parameters.Length + device.Gradients.Length + device.OptimizerState.Length + device.TrainingPlan!.WorkspaceLength),
            OptimizerState: 4L * device.OptimizerState.Length,
            HostBatch: host.Options.Batch,
            HostRam: 4L * host.MemoryLength);
        if (json)
        {
            JsonResult.Write(writer => Write(writer, recipe, host, needs));
            return;
        }

        Console.Out.WriteLine("On this machine:");
        Console.Out.WriteLine(host.TrainingPlan);
        Console.Out.WriteLine("On a device:");
        Console.Out.WriteLine(single.InferencePlan);
        Console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"""
            {needs.Parameters:N0} parameters, {needs.MultiplyAdds:N0} multiply-adds a prediction
            inference on a device:                 flash {needs.InferenceFlash,12:N0} bytes of weights   RAM {needs.InferenceRam,12:N0} bytes
            training on a device, batch {needs.TrainingBatch,-10} flash {0,12:N0} bytes of weights   RAM {needs.TrainingRam,12:N0} bytes (optimiser state {needs.OptimizerState:N0})
            training on this machine, batch {needs.HostBatch,-10}                                  RAM {needs.HostRam,12:N0} bytes (padded rows)
            """));
    }

    private static void Write(Utf8JsonWriter writer, Recipe recipe, Network host, Needs needs)
    {
        writer.WriteString("command", "plan");
        writer.WriteStartArray("layers");
        foreach (Step step in host.TrainingPlan!.Steps)
        {
            writer.WriteStartObject();
            writer.WriteString("name", step.Name);
            writer.WriteString("op", step.Op.Kind);
            writer.WriteString("detail", step.Op.Detail);
            writer.WriteString("shape", step.Node.Shape.ToString());
            long count = 0;
            foreach (ParameterRange range in host.TrainingPlan.Parameters)
            {
                count += range.Name.StartsWith(step.Op.Name + ".", StringComparison.Ordinal) ? range.Count : 0;
            }

            writer.WriteNumber("parameters", count);
            writer.WriteNumber("multiply_adds", step.Op.MultiplyAdds);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteNumber("parameters", needs.Parameters);
        writer.WriteNumber("multiply_adds", needs.MultiplyAdds);
        writer.WriteString("arithmetic", recipe.Arithmetic);
        writer.WriteString("optimizer", recipe.Optimizer);
        writer.WriteStartObject("inference");
        writer.WriteNumber("flash_bytes", needs.InferenceFlash);
        writer.WriteNumber("ram_bytes", needs.InferenceRam);
        writer.WriteEndObject();
        writer.WriteStartObject("training");
        writer.WriteNumber("batch", needs.TrainingBatch);
        writer.WriteNumber("flash_bytes", 0);
        writer.WriteNumber("ram_bytes", needs.TrainingRam);
        writer.WriteNumber("optimizer_bytes", needs.OptimizerState);
        writer.WriteEndObject();
        writer.WriteStartObject("host");
        writer.WriteNumber("batch", needs.HostBatch);
        writer.WriteNumber("ram_bytes", needs.HostRam);
        writer.WriteEndObject();
    }

    /// <summary>Bytes, but for the first two.</summary>
    private readonly record struct Needs(
        long Parameters, long MultiplyAdds, long InferenceFlash, long InferenceRam, int TrainingBatch, long TrainingRam, long OptimizerState, int HostBatch, long HostRam);
}
