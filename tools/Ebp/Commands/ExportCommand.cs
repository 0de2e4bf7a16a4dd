using System.CommandLine;
using System.Globalization;
using EmbeddedBackprop.Data;
using EmbeddedBackprop.Export;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Streaming;
using EmbeddedBackprop.Tools.Output;
using EmbeddedBackprop.Tools.Recipes;

namespace EmbeddedBackprop.Tools.Commands;

/// <summary>ebp export c: a model as C99 for a microcontroller.</summary>
internal static class ExportCommand
{
    public static Command Create()
    {
        Command export = new("export", "Writes a model in another language.");
        Command command = new(
            "c",
            "Writes a model as C99: no heap, no libm, the same bits as here; with a self-test that checks them on the target.");
        Argument<string> model = ModelArgument.Create();
        Option<string> output = new("--out")
        {
            HelpName = "DIR",
            Description = "The folder for the files; made if it is not there.",
            Required = true,
        };
        Option<string> name = new("--name") { HelpName = "NAME", Description = "What files, functions and macros begin with (default: model)." };
        Option<string> target = new("--target")
        {
            HelpName = "NAME",
            Description =
                $"The processor it is for ({string.Join(", ", CTarget.All.Select(known => known.Name))}): what it cannot hold or compute with the same bits is refused.",
        };
        Option<bool> carry = new("--carry")
        {
            Description = "For recurrent nets: one time step a call. The state is carried from call to call, with the bits of the whole sequence.",
        };
        Option<int?> stream = HopOption(
            "NAME_push takes samples as they come and decides every HOP steps of time (default: as often as the strides allow), with the bits of the net.");
        Option<bool> inArena = new("--input-in-arena")
        {
            Description = "Lets the input lie in the arena, where later steps reuse its memory: less RAM in all, and the input is lost in the call.",
        };
        Option<string?> runtime = new("--runtime")
        {
            HelpName = "NAME",
            Description = "Two further files with exp, tanh and the like, which all models exported with this name share: less flash.",
        };
        Option<string?> weights = new("--weights")
        {
            HelpName = "c|bin",
            Description = "The tables as C, or as a binary beside it that is linked, placed and replaced apart from the code (default: c).",
        };
        Option<string?> tables = new("--tables")
        {
            HelpName = "cmsis",
            Description = "Two further files with the integers of a quantised network in the form that CMSIS-NN and TFLM take.",
        };
        Option<bool> speed = new("--speed") { Description = "C of few instructions: each convolution has a function of its own (the default)." };
        Option<bool> size = new("--size") { Description = "C of few bytes: convolutions share routines." };
        Option<bool> force = OutputTarget.Force();
        ExportStorageOptions storage = new(command);
        ExportTrainingOptions training = new(command);
        OptionReader options = new(command, [TrainOptions.Arithmetic]);
        Option<bool> json = Json.Option();
        command.Arguments.Add(model);
        command.Options.Add(output);
        command.Options.Add(name);
        command.Options.Add(target);
        command.Options.Add(carry);
        command.Options.Add(stream);
        command.Options.Add(inArena);
        command.Options.Add(runtime);
        command.Options.Add(weights);
        command.Options.Add(tables);
        command.Options.Add(speed);
        command.Options.Add(size);
        command.Options.Add(force);
        command.Options.Add(json);
        command.SetAction(parsed =>
            Run(
                parsed.GetRequiredValue(model),
                parsed.GetRequiredValue(output),
                storage.Read(
                    parsed,
                    new CExportOptions
                    {
                        Name = Name(parsed.GetValue(name)),
                        Carry = parsed.GetValue(carry) && parsed.GetResult(stream) is null,
                        Stream = Stream(parsed.GetResult(stream) is not null, parsed.GetValue(stream), parsed.GetValue(carry)),
                        InputInArena = parsed.GetValue(inArena),
                        Runtime = parsed.GetValue(runtime),
                        BinaryWeights = OptionText.Name("weights", parsed.GetValue(weights), ["c", "bin"]) == "bin",
                        CmsisTables = OptionText.Name("tables", parsed.GetValue(tables), ["cmsis"]) == "cmsis",
                        Favor = Favor(parsed.GetValue(speed), parsed.GetValue(size)),
                        ReplaceForeignFiles = parsed.GetValue(force),
                    }),
                Target(parsed.GetValue(target)),
                LearnerExport.ArithmeticOf(options.Read(parsed)),
                storage.Judges(parsed),
                training.Read(parsed),
                parsed.GetValue(json)));
        export.Subcommands.Add(command);
        export.Subcommands.Add(ExportSlotCommand.Create());
        export.Subcommands.Add(ExportWeightsCommand.Create());
        export.Subcommands.Add(ExportOnnxCommand.Create());
        return export;
    }

    /// <summary>The C header's description of inputs and outputs, and the preparation of inputs.</summary>
    public static CExportOptions COptions(Preparation preparation, Recipe recipe) => new()
    {
        InputMeans = preparation.Standardizer is { } means ? EachStep(means.Means.ToArray(), recipe) : [],
        InputScales = preparation.Standardizer is { } scales ? EachStep(scales.Scales.ToArray(), recipe) : [],
        InputNames = preparation.InputNames ?? recipe.Get(TrainOptions.Data)?.Source.InputNames ?? [],
        OutputNames = recipe.Get(TrainOptions.Layers) is not [.., 1] ? preparation.ClassNames ?? []
            : preparation.ClassNames is [_, string second] ? [$"the probability of {second}"]
            : preparation.Classes == 0 && recipe.Get(TrainOptions.Label) is { Length: > 0 } label && !char.IsAsciiDigit(label[0]) ? [label]
            : [],
        Labels = preparation.Classes > 0 ? preparation.ClassNames ?? Numbers(preparation.Classes) : null,
        ByteScale = recipe.Get(TrainOptions.Data)?.Source.ByteScale(recipe),
        SampleScale = recipe.Get(TrainOptions.Data)?.Source.SampleScale(recipe),
        Padding = recipe.Get(TrainOptions.Data)?.Source.IsSequence(recipe) is not true ? null
            : recipe.Get(TrainOptions.Padding) is "end" or "mask" ? SequencePadding.End
            : SequencePadding.Start,
    };

    private static string[] Numbers(int classes) =>
        [.. Enumerable.Range(0, classes).Select(number => number.ToString(CultureInfo.InvariantCulture))];

    /// <summary>The figures of one step, once for each step of a sequence.</summary>
    private static float[] EachStep(float[] figures, Recipe recipe)
    {
        int steps = recipe.Get(TrainOptions.Data)?.Source.IsSequence(recipe) is true
            ? recipe.Get(TrainOptions.Steps) ?? recipe.Get(TrainOptions.Window) ?? 1
            : 1;
        float[] all = new float[steps * figures.Length];
        for (int i = 0; i < all.Length; i++)
        {
            all[i] = figures[i % figures.Length];
        }

        return all;
    }

    private static string Name(string? name) =>
        name is { Length: 0 } ? throw ToolException.Usage("--name: expected the beginning of names in C, got nothing") : name ?? "model";

    /// <summary>The target of a name on the command line; null if none is given.</summary>
    public static CTarget? Target(string? name) => name is null ? null
        : CTarget.Find(name) ?? throw ToolException.Usage($"--target {name}: there are {string.Join(", ", CTarget.All.Select(known => known.Name))}");

    /// <summary>The option for the time steps from decision to decision.</summary>
    public static Option<int?> HopOption(string description) => new("--stream")
    {
        HelpName = "HOP", Description = description, Arity = ArgumentArity.ZeroOrOne,
    };

    /// <summary>The hop that was asked for.</summary>
    public static StreamOptions? Stream(bool asked, int? hop, bool carry) =>
        !asked ? null
        : hop is <= 0 ? throw ToolException.Usage($"--stream {hop}: expected a number of time steps")
        : new StreamOptions { Hop = hop ?? 0, Carry = carry };

    private static CFavor Favor(bool speed, bool size) => speed && size ? throw ToolException.Usage("--speed and --size exclude each other")
        : size ? CFavor.Size
        : CFavor.Speed;

    private static int Run(
        string path,
        string folder,
        CExportOptions asked,
        CTarget? target,
        Arithmetic? arithmetic,
        Recipe? judged,
        ExportTrainingOptions.Wish? training,
        bool json)
    {
        SavedModel model = ModelStore.Load(path);
        OutputTarget.CheckFolder(folder);
        CExportOptions options = COptions(model.Preparation, model.Recipe) with
        {
            Name = asked.Name,
            Favor = asked.Favor,
            ReplaceForeignFiles = asked.ReplaceForeignFiles,
            Storage = asked.Storage,
            StorageOf = asked.StorageOf,
            Carry = asked.Carry,
            Stream = asked.Stream,
            InputInArena = asked.InputInArena,
            Runtime = asked.Runtime,
            BinaryWeights = asked.BinaryWeights,
            CmsisTables = asked.CmsisTables,
            Target = target,
            Training = training?.For(model),
            Arithmetic = arithmetic,
        };
        ExportStorageOptions.Judgement? judgement = judged is null ? null : ExportStorageOptions.Judge(model, options, judged);
        IReadOnlyList<string> files = [];
        OutputTarget.Write(() => files = CExporter.Write(model.Network, folder, options));
        CCost[] costs =
        [
            .. CExporter.Parts(model.Network, options)
                .Select(part => CCost.Of(part.Network.InferencePlan, part.Network.Parameters, part.Options, part.Network.State)),
        ];
        long tableBytes = costs.Sum(cost => cost.TableBytes), ramBytes = costs.Sum(cost => cost.RamBytes);
        if (options.Training is not null && (asked.Storage != CStorage.Float32 || asked.StorageOf.Count > 0))
        {
            Console.Error.WriteLine("--storage is for layers that are frozen: what is trained begins with its own numbers, as float32");
        }

        // A file of its own for floats: the network itself computes on integers alone.
        bool onIntegers = model.File.Quantization is not null && files.Any(file => file.EndsWith("_float.c", StringComparison.Ordinal));
        if (target is { HasFusedInstruction: false } && !onIntegers && (options.Arithmetic ?? model.Network.Options.Arithmetic) == Arithmetic.Fused)
        {
            Console.Error.WriteLine(
                $"{target.Name} has no fused multiply-add: each one is computed in double, many times slower; --arithmetic separate is made for it");
        }

        if (json)
        {
            JsonResult.Write(writer =>
            {
                writer.WriteString("command", "export c");
                writer.WriteString("model", path);
                writer.WriteStrings("files", files);
                writer.WriteNumber("parameters", model.Network.ParameterCount);
                writer.WriteString("weights_hash", WeightsHash.Of(model.Network));
                writer.WriteNumberOrNull("accuracy", judgement is { Classes: true } ? judgement.Own.Accuracy : null);
                writer.WriteNumberOrNull("stored_accuracy", judgement is { Classes: true } ? judgement.Stored.Accuracy : null);
                writer.WriteNumberOrNull("loss", judgement?.Own.Loss);
                writer.WriteNumberOrNull("stored_loss", judgement?.Stored.Loss);
                writer.WriteNumber("table_bytes", tableBytes);
                writer.WriteNumber("ram_bytes", ramBytes);
                writer.WriteBoolean("train", options.Training is not null);
                writer.WriteString("arithmetic", (arithmetic ?? model.Network.Options.Arithmetic) == Arithmetic.Fused ? "fused" : "separate");
            });
        }
        else
        {
            foreach (string file in files)
            {
                Console.Out.WriteLine(file);
            }

            Console.Out.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"tables: {tableBytes:N0} bytes of flash; working memory: {ramBytes:N0} bytes of RAM"));
            if (judgement is not null)
            {
                Console.Out.WriteLine(judgement.Text);
            }
        }

        return ExitCode.Success;
    }
}
