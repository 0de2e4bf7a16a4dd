using System.CommandLine;
using EmbeddedBackprop.Export;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Tools.Output;
using EmbeddedBackprop.Tools.Recipes;

namespace EmbeddedBackprop.Tools.Commands;

/// <summary>ebp import c: the weights that an exported network has learnt on its device, as a model.</summary>
internal static class ImportCommand
{
    /// <summary>Two copies of the largest net that a microcontroller holds, and much more.</summary>
    private const long MostBytes = 1L << 28;

    public static Command Create()
    {
        Command import = new("import", "Reads what was made of a model elsewhere.");
        Command command = new(
            "c",
            "Brings the weights back that exported C has learnt on a device: reads the copy that NAME_save wrote, and writes a model with these weights."
        );
        LearnerExport export = new(command);
        Argument<string> copy = new("COPY") { Description = "What stands in the device's storage: both slots, or one copy." };
        Option<string> output = new("--out") { HelpName = "FILE", Description = "The new model file.", Required = true };
        Option<int?> slot = new("--slot-bytes") { HelpName = "N", Description = "NAME_SLOT_BYTES, where the C was compiled with a slot of its own." };
        command.Arguments.Add(copy);
        command.Options.Add(output);
        command.Options.Add(slot);
        command.SetAction(parsed =>
            Run(export.Read(parsed), parsed.GetRequiredValue(copy), parsed.GetRequiredValue(output), parsed.GetValue(slot)));
        import.Subcommands.Add(command);
        import.Subcommands.Add(ImportWeightsCommand.Create());
        import.Subcommands.Add(ImportOnnxCommand.Create());
        return import;
    }

    /// <summary>The bytes of a file. A device tells no length and is not read: some never end.</summary>
    private static byte[] Bytes(string path)
    {
        if (!File.Exists(path))
        {
            throw ToolException.BadInput($"{path}: there is no such file");
        }

        using FileStream stream = new(path, FileMode.Open, FileAccess.Read);
        if (!stream.CanSeek || stream.Length == 0)
        {
            throw ToolException.BadInput($"{path}: the file is empty, or a device");
        }

        if (stream.Length > MostBytes)
        {
            throw ToolException.BadInput($"{path}: {stream.Length} bytes are no device's storage, the limit is {MostBytes}");
        }

        byte[] bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        return bytes;
    }

    private static int Run(LearnerExport.Given given, string copy, string output, int? slot)
    {
        if (slot is < 1)
        {
            throw ToolException.Usage($"--slot-bytes {slot}: expected a number above 0");
        }

        SavedModel model = ModelStore.Load(given.Path).RequireFloat(given.Path, "a device's copy holds float weights");
        OutputTarget.CheckModel(output, given.Force);
        CStoredCopy stored = CImporter.Read(model.Network, given.For(model), Bytes(copy), copy, slot ?? 0);
        OutputTarget.WriteFile(output, () => ModelFile.Save(output, model.Network, extra: model.File.Extra));
        if (stored.OtherSlot is { } problem)
        {
            Console.Error.WriteLine($"the other slot {problem}: if it should hold a newer copy, what it had learnt is lost");
        }

        if (given.Json)
        {
            JsonResult.Write(writer =>
            {
                writer.WriteString("command", "import c");
                writer.WriteString("model", given.Path);
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
