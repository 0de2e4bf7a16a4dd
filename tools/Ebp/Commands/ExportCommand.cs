using System.CommandLine;
using EmbeddedBackprop.Export;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Tools.Output;
using EmbeddedBackprop.Tools.Recipes;

namespace EmbeddedBackprop.Tools.Commands;

/// <summary>ebp export c: a model as C99 for a microcontroller.</summary>
internal static class ExportCommand
{
    public static Command Create()
    {
        Command export = new("export", "Writes a model in another language.");
        Command command = new("c", "Writes a model as C99: no heap, no libm, the same bits as here; with a self-test that checks them on the target.");
        Argument<string> model = ModelArgument.Create();
        Option<string> output = new("--out") { HelpName = "DIR", Description = "The folder for the files; made if it is not there.", Required = true };
        Option<string> name = new("--name") { HelpName = "NAME", Description = "What files, functions and macros begin with (default: model)." };
        RecipeOptions options = new(command, ["arithmetic"]);
        Option<bool> json = Json.Option();
        command.Arguments.Add(model);
        command.Options.Add(output);
        command.Options.Add(name);
        command.Options.Add(json);
        command.SetAction(parsed => Run(
            parsed.GetRequiredValue(model), parsed.GetRequiredValue(output), parsed.GetValue(name), options.Read(parsed).Arithmetic, parsed.GetValue(json)));
        export.Subcommands.Add(command);
        return export;
    }

    private static int Run(string path, string folder, string? name, string? arithmetic, bool json)
    {
        SavedModel model = ModelStore.Load(path);
        OutputTarget.CheckFolder(folder);
        CExportOptions options = new()
        {
            Name = string.IsNullOrEmpty(name) ? "model" : name,
            Arithmetic = arithmetic switch { null => null, "fused" => Arithmetic.Fused, _ => Arithmetic.Separate },
        };
        IReadOnlyList<string> files = [];
        OutputTarget.Write(() => files = CExporter.Write(model.Network, folder, options));
        if (json)
        {
            JsonResult.Write(writer =>
            {
                writer.WriteString("command", "export c");
                writer.WriteString("model", path);
                writer.WriteStrings("files", files);
                writer.WriteNumber("parameters", model.Network.ParameterCount);
                writer.WriteString("arithmetic", arithmetic ?? (model.Network.Options.Arithmetic == Arithmetic.Fused ? "fused" : "separate"));
            });
        }
        else
        {
            foreach (string file in files)
            {
                Console.Out.WriteLine(file);
            }
        }

        return ExitCode.Success;
    }
}
