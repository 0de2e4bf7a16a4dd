using System.CommandLine;
using EmbeddedBackprop.Export;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Tools.Output;
using EmbeddedBackprop.Tools.Recipes;

namespace EmbeddedBackprop.Tools.Commands;

/// <summary>ebp import c: the weights that an exported network has learnt on its device, as a model.</summary>
internal static class ImportCommand
{
    public static Command Create()
    {
        Command import = new("import", "Reads what was made of a model elsewhere.");
        Command command = new(
            "c",
            "Brings the weights back that exported C has learnt on a device: reads the copy that NAME_save wrote, and writes a model with these weights."
        );
        Argument<string> model = ModelArgument.Create();
        Argument<string> copy = new("COPY") { Description = "What stands in the device's storage: both slots, or one copy." };
        Option<string> output = new("--out") { HelpName = "FILE", Description = "The new model file.", Required = true };
        Option<bool> force = OutputTarget.Force();
        Option<int?> slot = new("--slot-bytes") { HelpName = "N", Description = "NAME_SLOT_BYTES, where the C was compiled with a slot of its own." };
        ExportTrainingOptions training = new(command, always: true);
        ExportStorageOptions storage = new(command, judges: false);
        OptionReader options = new(command, [TrainOptions.Arithmetic]);
        Option<bool> json = Json.Option();
        command.Arguments.Add(model);
        command.Arguments.Add(copy);
        command.Options.Add(output);
        command.Options.Add(force);
        command.Options.Add(slot);
        command.Options.Add(json);
        command.SetAction(parsed =>
            Run(
                parsed.GetRequiredValue(model),
                parsed.GetRequiredValue(copy),
                parsed.GetRequiredValue(output),
                parsed.GetValue(force),
                parsed.GetValue(slot),
                training.Read(parsed)!,
                storage.Read(parsed, new CExportOptions()),
                options.Read(parsed).Get(TrainOptions.Arithmetic),
                parsed.GetValue(json)));
        import.Subcommands.Add(command);
        return import;
    }

    private static int Run(
        string path,
        string copy,
        string output,
        bool force,
        int? slot,
        ExportTrainingOptions.Wish training,
        CExportOptions asked,
        string? arithmetic,
        bool json)
    {
        if (slot is < 1)
        {
            throw ToolException.Usage($"--slot-bytes {slot}: expected a number above 0");
        }

        SavedModel model = ModelStore.Load(path);
        OutputTarget.CheckModel(output, force);
        if (!File.Exists(copy))
        {
            throw ToolException.BadInput($"{copy}: there is no such file");
        }

        CExportOptions options = asked with
        {
            Training = training.For(model),
            Arithmetic = arithmetic switch { null => null, "fused" => Arithmetic.Fused, _ => Arithmetic.Separate },
        };
        CStoredCopy stored = CImporter.Read(model.Network, options, File.ReadAllBytes(copy), copy, slot ?? 0);
        if (Path.GetDirectoryName(Path.GetFullPath(output)) is { } parent)
        {
            OutputTarget.Create(parent);
        }

        OutputTarget.Write(() => ModelFile.Save(output, model.Network, extra: model.File.Extra));
        if (stored.OtherSlot is { } problem)
        {
            Console.Error.WriteLine($"the other slot {problem}: if it should hold a newer copy, what it had learnt is lost");
        }

        if (json)
        {
            JsonResult.Write(writer =>
            {
                writer.WriteString("command", "import c");
                writer.WriteString("model", path);
                writer.WriteString("out", output);
                writer.WriteNumber("slot", stored.Slot);
                writer.WriteNumber("sequence", stored.Sequence);
                writer.WriteNumber("step", stored.Step);
            });
        }
        else
        {
            Console.Out.WriteLine($"{output}: copy number {stored.Sequence} from slot {stored.Slot}, {stored.Step} updates on the device");
        }

        return ExitCode.Success;
    }
}
