using System.CommandLine;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Tools.Output;
using EmbeddedBackprop.Tools.Recipes;

namespace EmbeddedBackprop.Tools.Commands;

/// <summary>ebp export weights: a model's weights as a state dict of PyTorch.</summary>
internal static class ExportWeightsCommand
{
    public static Command Create()
    {
        Command command = new(
            "weights",
            "Writes a model's weights under PyTorch's names, for torch.load_state_dict: as .safetensors, or as .npz for NumPy.");
        Argument<string> model = ModelArgument.Create();
        Option<string> output = new("--out") { HelpName = "FILE", Description = "The file, which ends in .npz or .safetensors.", Required = true };
        Option<string?> modules = ModulesOption.Create();
        Option<bool> force = OutputTarget.Force();
        Option<bool> json = Json.Option();
        command.Arguments.Add(model);
        command.Options.Add(output);
        command.Options.Add(modules);
        command.Options.Add(force);
        command.Options.Add(json);
        command.SetAction(parsed => Run(
            parsed.GetRequiredValue(model), parsed.GetRequiredValue(output), ModulesOption.Read(parsed.GetValue(modules)), parsed.GetValue(force),
            parsed.GetValue(json)));
        return command;
    }

    private static int Run(string path, string output, Dictionary<string, string> modules, bool force, bool json)
    {
        SavedModel model = ModelStore.Load(path).RequireFloat(path, "a state dict holds float weights");
        OutputTarget.CheckWeights(output, force);
        StateDictReport? report = null;
        OutputTarget.WriteFile(output, () => report = StateDict.Save(output, model.Network, modules));
        if (json)
        {
            JsonResult.Write(writer =>
            {
                writer.WriteString("command", "export weights");
                writer.WriteString("out", output);
                WeightNames.Write(writer, report!);
            });
        }
        else
        {
            WeightNames.Print(report!);
            Console.Out.WriteLine($"written: {output}");
        }

        return ExitCode.Success;
    }
}
