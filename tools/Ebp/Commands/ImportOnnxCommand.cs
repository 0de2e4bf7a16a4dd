using System.CommandLine;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Onnx;
using EmbeddedBackprop.Tools.Output;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tools.Commands;

/// <summary>ebp import onnx: the net of an ONNX file as a model.</summary>
internal static class ImportOnnxCommand
{
    public static Command Create()
    {
        Command command = new("onnx", "Makes a model of an ONNX file (opset 13 to 17), as PyTorch exports it: its graph and its weights.");
        Argument<string> source = new("FILE") { Description = "The ONNX file." };
        Option<string> output = new("--out") { HelpName = "FILE", Description = "The new model file.", Required = true };
        Option<string?> loss = new("--loss")
        {
            HelpName = "NAME",
            Description = $"What the model is trained on further: {string.Join(", ", Registry.LossNames)}. Without it the model only predicts.",
        };
        Option<bool> force = OutputTarget.Force(), json = Json.Option();
        command.Arguments.Add(source);
        command.Options.Add(output);
        command.Options.Add(loss);
        command.Options.Add(force);
        command.Options.Add(json);
        command.SetAction(parsed => Run(
            parsed.GetRequiredValue(source), parsed.GetRequiredValue(output), parsed.GetValue(loss), parsed.GetValue(force), parsed.GetValue(json)));
        return command;
    }

    private static int Run(string source, string output, string? loss, bool force, bool json)
    {
        if (!File.Exists(source))
        {
            string problem = Directory.Exists(source) ? "it is a folder, not an ONNX file" : "there is no such file";
            throw ToolException.BadInput($"{source}: {problem}");
        }

        Loss? judge = null;
        try
        {
            judge = loss is null ? null : Registry.Loss(loss);
        }
        catch (ArgumentException exception)
        {
            throw ToolException.Usage($"--loss: {exception.Message}");
        }

        OutputTarget.CheckModel(output, force);
        OnnxFile file = OnnxFile.Read(source);
        using Network network = file.ToNetwork(loss: judge);
        if (network.ParameterCount == 0)
        {
            throw ToolException.BadInput($"{source}: the net has no weights");
        }

        Dictionary<string, string> extra = new(StringComparer.Ordinal) { ["source"] = $"onnx opset {file.Opset} {file.Producer}".TrimEnd() };
        OutputTarget.WriteFile(output, () => ModelFile.Save(output, network, extra: extra));
        string hash = WeightsHash.Of(network);
        if (json)
        {
            JsonResult.Write(writer =>
            {
                writer.WriteString("command", "import onnx");
                writer.WriteString("file", source);
                writer.WriteString("out", output);
                writer.WriteString("producer", file.Producer);
                writer.WriteNumber("opset", file.Opset);
                writer.WriteNumber("nodes", file.NodeCount);
                writer.WriteString("net", file.Net);
                writer.WriteNumber("parameters", network.ParameterCount);
                writer.WriteString("weights_hash", hash);
            });
        }
        else
        {
            Console.Out.WriteLine($"{source}: {(file.Producer.Length > 0 ? file.Producer + ", " : "")}opset {file.Opset}, {file.NodeCount} nodes");
            Console.Out.WriteLine($"net: {file.Net}");
            Console.Out.WriteLine($"weights {hash}, {network.ParameterCount} parameters");
            Console.Out.WriteLine($"written: {output}");
        }

        return ExitCode.Success;
    }
}
