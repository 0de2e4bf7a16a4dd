using System.CommandLine;
using EmbeddedBackprop.Export;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Tools.Output;
using EmbeddedBackprop.Tools.Recipes;

namespace EmbeddedBackprop.Tools.Commands;

/// <summary>ebp export slot: a model's weights as a copy that NAME_load of its exported C accepts.</summary>
internal static class ExportSlotCommand
{
    public static Command Create()
    {
        Command command = new(
            "slot",
            "Writes a model's weights as a copy that NAME_load of its exported C accepts: new weights for a device in the field. The options are those of the export.");
        Argument<string> model = ModelArgument.Create();
        Option<string> output = new("--out") { HelpName = "FILE", Description = "The file for the copy.", Required = true };
        Option<bool> force = OutputTarget.Force();
        Option<string> sequence = new("--sequence")
        {
            HelpName = "N",
            Description = "The copy's number; the device takes the newer of its two slots (default: 1).",
        };
        ExportTrainingOptions training = new(command, always: true);
        ExportStorageOptions storage = new(command, judges: false);
        OptionReader options = new(command, [TrainOptions.Arithmetic]);
        Option<bool> json = Json.Option();
        command.Arguments.Add(model);
        command.Options.Add(output);
        command.Options.Add(force);
        command.Options.Add(sequence);
        command.Options.Add(json);
        command.SetAction(parsed =>
            Run(
                parsed.GetRequiredValue(model),
                parsed.GetRequiredValue(output),
                parsed.GetValue(force),
                Sequence(parsed.GetValue(sequence)),
                training.Read(parsed)!,
                storage.Read(parsed, new CExportOptions()),
                options.Read(parsed).Get(TrainOptions.Arithmetic),
                parsed.GetValue(json)));
        return command;
    }

    private static uint Sequence(string? text) =>
        OptionText.Seed("sequence", text) switch
        {
            null => 1,
            <= uint.MaxValue and { } number => (uint)number,
            _ => throw ToolException.Usage($"--sequence: expected a whole number from 0 to {uint.MaxValue}, got '{text}'"),
        };

    private static int Run(
        string path,
        string output,
        bool force,
        uint sequence,
        ExportTrainingOptions.Wish training,
        CExportOptions asked,
        string? arithmetic,
        bool json)
    {
        SavedModel model = ModelStore.Load(path);
        OutputTarget.CheckCopy(output, force);
        CExportOptions options = asked with
        {
            Training = training.For(model),
            Arithmetic = arithmetic switch { null => null, "fused" => Arithmetic.Fused, _ => Arithmetic.Separate },
        };
        byte[] copy = CExporter.Slot(model.Network, options, sequence);
        if (Path.GetDirectoryName(Path.GetFullPath(output)) is { } parent)
        {
            OutputTarget.Create(parent);
        }

        OutputTarget.Write(() => AtomicFile.WriteAllBytes(output, copy));
        if (json)
        {
            JsonResult.Write(writer =>
            {
                writer.WriteString("command", "export slot");
                writer.WriteString("model", path);
                writer.WriteString("out", output);
                writer.WriteNumber("bytes", copy.Length);
                writer.WriteNumber("sequence", sequence);
            });
        }
        else
        {
            Console.Out.WriteLine($"{output}: {copy.Length} bytes, copy number {sequence}");
        }

        return ExitCode.Success;
    }
}
