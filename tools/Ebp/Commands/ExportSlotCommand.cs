using System.CommandLine;
using EmbeddedBackprop.Export;
using EmbeddedBackprop.IO;
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
        LearnerExport export = new(command);
        Option<string> output = new("--out") { HelpName = "FILE", Description = "The file for the copy.", Required = true };
        Option<string> sequence = new("--sequence")
        {
            HelpName = "N",
            Description = "The copy's number; the device takes the newer of its two slots (default: 1).",
        };
        command.Options.Add(output);
        command.Options.Add(sequence);
        command.SetAction(parsed => Run(export.Read(parsed), parsed.GetRequiredValue(output), Sequence(parsed.GetValue(sequence))));
        return command;
    }

    private static uint Sequence(string? text) =>
        OptionText.Seed("sequence", text) switch
        {
            null => 1,
            <= uint.MaxValue and { } number => (uint)number,
            _ => throw ToolException.Usage($"--sequence: expected a whole number from 0 to {uint.MaxValue}, got '{text}'"),
        };

    private static int Run(LearnerExport.Given given, string output, uint sequence)
    {
        SavedModel model = ModelStore.Load(given.Path).RequireFloat(given.Path, "a device's copy holds float weights");
        OutputTarget.CheckCopy(output, given.Force);
        byte[] copy = CExporter.Slot(model.Network, given.For(model), sequence);
        OutputTarget.WriteFile(output, () => AtomicFile.WriteAllBytes(output, copy));
        if (given.Json)
        {
            JsonResult.Write(writer =>
            {
                writer.WriteString("command", "export slot");
                writer.WriteString("model", given.Path);
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
