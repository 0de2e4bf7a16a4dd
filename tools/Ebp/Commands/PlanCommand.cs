using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using EmbeddedBackprop.Export;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Quantization;
using EmbeddedBackprop.Streaming;
using EmbeddedBackprop.Tools.Output;
using EmbeddedBackprop.Tools.Recipes;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tools.Commands;

/// <summary>ebp plan: the cost of a network, before anything runs.</summary>
internal static class PlanCommand
{
    public static Command Create()
    {
        Command command = new(
            "plan",
            "Shows what a network needs: layers, shapes, parameters, multiply-adds, flash and RAM, on a device and on this machine.");
        Argument<string> model = ModelArgument.Create(optional: true);
        command.Arguments.Add(model);
        OptionReader options = new(command, TrainOptions.Of(OptionGroup.Model), [TrainOptions.Optimizer, TrainOptions.Momentum, TrainOptions.Batch]);
        Option<string> ram = new("--ram")
        {
            HelpName = "BYTES",
            Description = "Plans a training that takes no more memory than this (as in 64K), and says what that costs.",
        };
        command.Options.Add(ram);
        Option<string> target = new("--target")
        {
            HelpName = "NAME",
            Description = $"Shows what the exported C costs on a device: {string.Join(", ", CTarget.All.Select(known => known.Name))}.",
        };
        Option<string> fit = new("--fit")
        {
            HelpName = "FLASH/RAM",
            Description = "With --target: which storage, optimiser, freezing, accumulation and recomputation fit the device, as in 256K/64K; "
                + "a board's sizes where none are given.",
            Arity = ArgumentArity.ZeroOrOne,
        };
        Option<int?> stream = ExportCommand.HopOption(
            "With --target: shows beside the window what a hop of so many time steps costs (ebp export c --stream).");
        command.Options.Add(stream);
        command.Options.Add(target);
        command.Options.Add(fit);
        Option<bool> json = Json.Option();
        command.Options.Add(json);
        command.SetAction(parsed => parsed.GetValue(target) is { } name
            ? OnDevice(
                parsed.GetValue(model), options.Read(parsed), ExportCommand.Target(name)!, Limits(parsed, fit),
                ExportCommand.Stream(parsed.GetResult(stream) is not null, parsed.GetValue(stream), carry: false), parsed.GetValue(json))
            : parsed.GetResult(stream) is not null ? throw ToolException.Usage("--stream: --target says on which device, as in --target cortex-m4f")
            : parsed.GetResult(fit) is not null ? throw ToolException.Usage("--fit: --target says for which device, as in --target cortex-m4f")
            : Run(parsed.GetValue(model), options.Read(parsed), OptionText.Bytes("ram", parsed.GetValue(ram)), parsed.GetValue(json)));
        return command;
    }

    /// <summary>The text of --fit; empty without sizes, null where it is not given.</summary>
    private static string? Limits(ParseResult parsed, Option<string> fit) =>
        parsed.GetResult(fit) is null ? null : parsed.GetValue(fit) ?? "";

    /// <summary>Flash and RAM to fit: those given, or those of a board.</summary>
    private static (long Flash, long Ram) Sizes(string fit, CTarget target)
    {
        if (fit.Length == 0 && target.FlashBytes > 0)
        {
            return (target.FlashBytes, target.RamBytes);
        }

        string[] limits = fit.Split('/');
        return limits.Length == 2
            ? (OptionText.Bytes("fit", limits[0])!.Value, OptionText.Bytes("fit", limits[1])!.Value)
            : throw ToolException.Usage($"--fit: expected flash and RAM, as in 256K/64K, got '{fit}'");
    }

    private static int OnDevice(string? path, Recipe given, CTarget target, string? fit, StreamOptions? stream, bool json)
    {
        (long Flash, long Ram)? sizes = fit is null ? null : Sizes(fit, target);
        long? flash = sizes?.Flash, ram = sizes?.Ram;
        SavedModel? model = path is null ? null : Load(path, given);
        using Network network = model?.File.ToNetwork(given.Get(TrainOptions.Batch) ?? 0, Layout.Compact) ?? Named(given);
        CExportOptions options = model is null ? new CExportOptions() : ExportCommand.COptions(model.Preparation, model.Recipe);
        using Network? floats = model?.File.Quantization is null ? null : FloatsOf(model);
        DevicePlan plan = new(network, options with { Target = target, Arithmetic = model is null ? null : Arithmetic(given) }, 0.1f, floats, stream);
        IReadOnlyList<DevicePlan.Choice> choices = fit is null ? plan.Plain() : plan.Choices();
        if (fit is null && DevicePlan.Refusal(choices) is { } refusal)
        {
            throw ToolException.BadInput(refusal);
        }

        if (json)
        {
            JsonResult.Write(writer =>
            {
                writer.WriteString("command", "plan");
                writer.WriteString("target", target.Name);
                DevicePlan.Write(writer, choices, flash, ram);
            });
        }
        else
        {
            Console.Out.WriteLine(DevicePlan.Table(choices, target, flash, ram));
        }

        return flash is { } f && ram is { } r && !choices.Any(choice => DevicePlan.Fits(choice.Cost, f, r)) ? ExitCode.CheckFailed : ExitCode.Success;
    }

    private static Kernels.Arithmetic? Arithmetic(Recipe given) =>
        given.Get(TrainOptions.Arithmetic) switch
        {
            null => null,
            "separate" => Kernels.Arithmetic.Separate,
            _ => Kernels.Arithmetic.Fused,
        };

    private static SavedModel Load(string path, Recipe given)
    {
        if (given.Except(TrainOptions.Batch, TrainOptions.Arithmetic) is { } stray)
        {
            throw ToolException.Usage($"--{stray.Name}: the model file says what the network is");
        }

        return ModelStore.Load(path);
    }

    private static Network Named(Recipe given)
    {
        if (!given.Says(TrainOptions.Layers) && !given.Says(TrainOptions.Net))
        {
            throw ToolException.Usage("plan wants --layers, as in --layers 784,30,10, or --net, or a model file");
        }

        return NetworkFactory.Create(
            RecipeDefaults.CompleteWithoutData(given).With(TrainOptions.Initializer, "zeros"),
            Layout.Compact,
            given.Get(TrainOptions.Batch));
    }

    private static int Run(string? path, Recipe given, long? ram, bool json)
    {
        if (path is not null)
        {
            if (given.Except(TrainOptions.Batch) is { } stray)
            {
                throw ToolException.Usage($"--{stray.Name}: the model file says what the network is");
            }

            SavedModel model = ModelStore.Load(path);
            if (model.File.Quantization is { } quantization)
            {
                return ShowIntegers(model, quantization, ram, json);
            }

            Show(
                (layout, size) => model.File.ToNetwork(size ?? 0, layout),
                ram is null ? null : Within(ram.Value, model, given.Get(TrainOptions.Batch), path),
                given.Get(TrainOptions.Batch),
                json);
            return ExitCode.Success;
        }

        if (!given.Says(TrainOptions.Layers) && !given.Says(TrainOptions.Net))
        {
            throw ToolException.Usage("plan wants --layers, as in --layers 784,30,10, or --net, or a model file");
        }

        Recipe recipe = RecipeDefaults.CompleteWithoutData(given).With(TrainOptions.Initializer, "zeros");
        int batch = given.Get(TrainOptions.Batch) ?? (ram is null ? 1 : recipe.Get(TrainOptions.Batch)!.Value);
        Network lean = NetworkFactory.Create(recipe, Layout.Compact, batch, memoryBudget: ram ?? 0, keepGradients: false);
        Show((layout, size) => NetworkFactory.Create(recipe, layout, size), lean, given.Get(TrainOptions.Batch), json);
        return ExitCode.Success;
    }

    private static int ShowIntegers(SavedModel model, string quantization, long? ram, bool json)
    {
        if (ram is not null)
        {
            throw ToolException.Usage($"--ram: plans a training, and {model.File.Name} holds a quantised model");
        }

        using Network network = model.File.ToNetwork(batch: 1, Layout.Compact);
        QuantizationReport? report = ModelStore.ReportOf(model);
        using Network floats = FloatsOf(model);
        ChipTable chips = new(network, floats);
        if (json)
        {
            JsonResult.Write(writer =>
            {
                QuantizedPlan.Write(writer, network, quantization, report);
                chips.Write(writer);
            });
        }
        else
        {
            Console.Out.Write(QuantizedPlan.Text(network, report) + chips.Text());
        }

        return ExitCode.Success;
    }

    /// <summary>The float network that a quantised one was made of; its weights do not matter here.</summary>
    private static Network FloatsOf(SavedModel model) =>
        NetCompiler.Compile(model.File.Net, null, new NetworkOptions { Layout = Layout.Compact, Arithmetic = model.File.Arithmetic });

    /// <summary>A file's network, compiled as a training within a budget.</summary>
    private static Network Within(long ram, SavedModel model, int? batch, string path)
    {
        using Network network = model.File.ToNetwork();
        if (network.TrainingPlan is not { } plan)
        {
            throw ToolException.Usage($"--ram: plans a training, and {path} holds a network that only predicts");
        }

        NetworkOptions options = network.Options with
        {
            Batch = batch ?? network.Options.Batch, Layout = Layout.Compact, MemoryBudget = ram, FuseUpdate = model.File.Accumulation <= 1,
        };
        return new Network([.. network.Inputs], [.. network.Outputs], [.. plan.Losses], options);
    }

    /// <param name="create">Makes the network for a layout and a batch.</param>
    /// <param name="lean">The network as a device trains it, within the budget if there is one.</param>
    /// <param name="batch">The batch that was asked for.</param>
    /// <param name="json">For machines.</param>
    private static void Show(Func<Layout, int?, Network> create, Network? lean, int? batch, bool json)
    {
        Network host = create(Layout.Padded, batch);
        int deviceBatch = batch ?? 1;
        Network device = create(Layout.Compact, deviceBatch);
        Network single = deviceBatch == 1 ? device : create(Layout.Compact, 1);
        DeviceRam exported = DeviceRam.Of(single);
        Needs needs = new(
            Parameters: device.ParameterCount,
            MultiplyAdds: device.InferencePlan.MultiplyAdds,
            InferenceFlash: Cost.Flash(single.InferencePlan),
            InferenceRam: exported.Bytes,
            TrainingBatch: deviceBatch,
            TrainingRam: 4L * device.MemoryLength,
            LeanRam: 4L * (lean ?? device).MemoryLength,
            MicroBatch: (lean ?? device).MicroBatch,
            ComputedAgain: (lean ?? device).TrainingPlan?.RecomputedMultiplyAdds ?? 0,
            OptimizerState: 4L * device.OptimizerState.Length,
            HostBatch: host.Options.Batch,
            HostRam: 4L * host.MemoryLength);
        if (json)
        {
            JsonResult.Write(writer => Write(writer, host, needs));
            return;
        }

        Console.Out.WriteLine("On this machine:");
        Console.Out.WriteLine(host.TrainingPlan ?? host.InferencePlan);
        Console.Out.WriteLine("On a device, exported as C:");
        Console.Out.WriteLine(exported.Plan);
        if (lean is { TrainingPlan: { } leanPlan })
        {
            Console.Out.WriteLine("Training on a device:");
            Console.Out.WriteLine(leanPlan);
        }

        Console.Out.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"""
                {needs.Parameters:N0} parameters, {needs.MultiplyAdds:N0} multiply-adds a prediction
                inference on a device:                 flash {needs.InferenceFlash, 12:N0} bytes of weights{Statistics(
                    single.InferencePlan
                )}   RAM {needs.InferenceRam, 12:N0} bytes ({exported})
                training on a device, batch {needs.TrainingBatch, -10} flash {0, 12:N0} bytes of weights   RAM {needs.TrainingRam, 12:N0} bytes (optimiser state {needs.OptimizerState:N0})
                the same as planned above                                                RAM {needs.LeanRam, 12:N0} bytes
                training on this machine, batch {needs.HostBatch, -10}                                  RAM {needs.HostRam, 12:N0} bytes (padded rows)
                """));
    }

    private static string Statistics(Plan plan) =>
        Cost.KeptNumbers(plan) is > 0 and long kept ? string.Create(CultureInfo.InvariantCulture, $" and running statistics ({4 * kept:N0})") : "";

    private static void Write(Utf8JsonWriter writer, Network host, Needs needs)
    {
        writer.WriteString("command", "plan");
        Plan plan = host.TrainingPlan ?? host.InferencePlan;
        writer.WriteStartArray("layers");
        foreach (Step step in plan.Steps)
        {
            writer.WriteStartObject();
            writer.WriteString("name", step.Name);
            writer.WriteString("op", step.Op.Kind);
            writer.WriteString("detail", step.Op.Detail);
            writer.WriteString("shape", step.Node.Shape.ToString());
            long count = 0;
            foreach (ParameterRange range in plan.Parameters)
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
        writer.WriteString("arithmetic", host.Options.Arithmetic == Kernels.Arithmetic.Fused ? "fused" : "separate");
        writer.WriteString("optimizer", host.Options.Optimizer.Name);
        writer.WriteStartObject("inference");
        writer.WriteNumber("flash_bytes", needs.InferenceFlash);
        writer.WriteNumber("ram_bytes", needs.InferenceRam);
        writer.WriteEndObject();
        writer.WriteStartObject("training");
        writer.WriteNumber("batch", needs.TrainingBatch);
        writer.WriteNumber("flash_bytes", 0);
        writer.WriteNumber("ram_bytes", needs.TrainingRam);
        writer.WriteNumber("lean_ram_bytes", needs.LeanRam);
        writer.WriteNumber("micro_batch", needs.MicroBatch);
        writer.WriteNumber("multiply_adds_again", needs.ComputedAgain);
        writer.WriteNumber("optimizer_bytes", needs.OptimizerState);
        writer.WriteEndObject();
        writer.WriteStartObject("host");
        writer.WriteNumber("batch", needs.HostBatch);
        writer.WriteNumber("ram_bytes", needs.HostRam);
        writer.WriteEndObject();
    }

    /// <summary>Bytes, but for the first two.</summary>
    private readonly record struct Needs(
        long Parameters, long MultiplyAdds, long InferenceFlash, long InferenceRam, int TrainingBatch, long TrainingRam, long LeanRam, int MicroBatch,
        long ComputedAgain, long OptimizerState, int HostBatch, long HostRam);
}
