using System.CommandLine;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Onnx;
using EmbeddedBackprop.Tools.Output;
using EmbeddedBackprop.Tools.Recipes;

namespace EmbeddedBackprop.Tools.Commands;

/// <summary>ebp export onnx: a model for other runtimes.</summary>
internal static class ExportOnnxCommand
{
    private const string Extension = ".onnx";

    public static Command Create()
    {
        Command command = new(
            "onnx",
            "Writes a model as ONNX, op set 17, for other runtimes; a quantised one as QuantizeLinear and DequantizeLinear.");
        Argument<string> model = ModelArgument.Create();
        Option<string?> output = new("--out") { HelpName = "FILE", Description = "The file (default: the model's name, ending in .onnx)." };
        Option<bool> force = OutputTarget.Force();
        Option<bool> json = Json.Option();
        command.Arguments.Add(model);
        command.Options.Add(output);
        command.Options.Add(force);
        command.Options.Add(json);
        command.SetAction(parsed =>
            Run(parsed.GetRequiredValue(model), parsed.GetValue(output), parsed.GetValue(force), parsed.GetValue(json)));
        return command;
    }

    private static int Run(string path, string? output, bool force, bool json)
    {
        SavedModel model = ModelStore.Load(path);
        output ??= Path.ChangeExtension(path, Extension);
        OutputTarget.CheckOnnx(output, force);
        byte[] bytes = OnnxExporter.ToArray(model.Network, ModelStore.PreparationOf(model));
        OutputTarget.WriteFile(output, () => AtomicFile.WriteAllBytes(output, bytes));
        if (model.Preparation.Standardizer is not null)
        {
            Console.Error.WriteLine(
                "the inputs are standardised numbers: (x - mean) * scale, with inputs.means and inputs.scales of the file's metadata");
        }

        if (json)
        {
            JsonResult.Write(writer =>
            {
                writer.WriteString("command", "export onnx");
                writer.WriteString("model", path);
                writer.WriteString("out", output);
                writer.WriteNumber("bytes", bytes.Length);
                writer.WriteString("weights_hash", WeightsHash.Of(model.Network));
            });
        }
        else
        {
            Console.Out.WriteLine($"{output}: {bytes.Length} bytes");
        }

        return ExitCode.Success;
    }
}
