using System.CommandLine;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Tools.Output;
using EmbeddedBackprop.Tools.Recipes;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tools.Commands;

/// <summary>ebp import weights: a state dict of PyTorch as a model.</summary>
internal static class ImportWeightsCommand
{
    public static Command Create()
    {
        Command command = new(
            "weights",
            "Reads the weights of a PyTorch module (a state dict in a .safetensors or .npz file) and writes a model with them.");
        Argument<string> file = new("FILE") { Description = "The state dict: safetensors, or an archive of numpy.savez." };
        Option<string?> net = new("--net") { HelpName = "TEXT", Description = "The same layers as a net's text, with its input." };
        Option<string?> into = new("--into") { HelpName = "MODEL", Description = "A model with the same layers, as ebp new or train wrote it." };
        Option<string> output = new("--out") { HelpName = "FILE", Description = "The new model file.", Required = true };
        Option<string?> modules = ModulesOption.Create();
        Option<bool> force = OutputTarget.Force();
        Option<bool> json = Json.Option();
        command.Arguments.Add(file);
        command.Options.Add(net);
        command.Options.Add(into);
        command.Options.Add(output);
        command.Options.Add(modules);
        command.Options.Add(force);
        command.Options.Add(json);
        command.SetAction(parsed => Run(
            parsed.GetRequiredValue(file), parsed.GetValue(net), parsed.GetValue(into), parsed.GetRequiredValue(output),
            ModulesOption.Read(parsed.GetValue(modules)), parsed.GetValue(force), parsed.GetValue(json)));
        return command;
    }

    private static int Run(
        string file, string? net, string? into, string output, Dictionary<string, string> modules, bool force, bool json)
    {
        if (net is null == into is null)
        {
            throw ToolException.Usage("import weights wants one of --net TEXT and --into MODEL");
        }

        if (!File.Exists(file))
        {
            throw ToolException.BadInput($"{file}: {(Directory.Exists(file) ? "it is a folder, not a file of weights" : "there is no such file")}");
        }

        OutputTarget.CheckModel(output, force);
        SavedModel? model = into is null ? null : ModelStore.Load(into).RequireFloat(into, "a state dict holds float weights");
        using Network network = model?.Network ?? Build(net!);
        StateDictReport report = StateDict.Load(file, network, modules);
        OutputTarget.WriteFile(output, () => ModelFile.Save(output, network, extra: model?.File.Extra));
        if (report.SameShapes.Count > 0)
        {
            Console.Error.WriteLine(
                $"layers of the same shapes are matched by their order: {string.Join(", ", report.SameShapes)}; --modules names the module of each");
        }

        if (json)
        {
            JsonResult.Write(writer =>
            {
                writer.WriteString("command", "import weights");
                writer.WriteString("out", output);
                WeightNames.Write(writer, report);
                writer.WriteString("weights_hash", WeightsHash.Of(network));
            });
        }
        else
        {
            WeightNames.Print(report);
            Console.Out.WriteLine($"written: {output}");
        }

        return ExitCode.Success;
    }

    private static Network Build(string net)
    {
        try
        {
            return NetCompiler.Compile(net, null, new NetworkOptions { Batch = 1 });
        }
        catch (FormatException exception)
        {
            throw ToolException.Usage($"--net: {exception.Message}");
        }
    }
}
