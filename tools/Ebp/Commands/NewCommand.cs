using System.CommandLine;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Tools.Output;
using EmbeddedBackprop.Tools.Recipes;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tools.Commands;

/// <summary>ebp new: a network with its first weights as a model file, for a device that learns everything itself.</summary>
internal static class NewCommand
{
    public static Command Create()
    {
        Command command = new(
            "new",
            "Writes a network that has learnt nothing yet as a model: first weights by --init and --seed, as ebp train begins with them.");
        OptionReader options = new(command, TrainOptions.Of(OptionGroup.Model), TrainOptions.Of(OptionGroup.Training));
        Option<string> output = new("--out") { HelpName = "FILE", Description = "The model file.", Required = true };
        Option<bool> force = OutputTarget.Force();
        Option<bool> json = Json.Option();
        command.Options.Add(output);
        command.Options.Add(force);
        command.Options.Add(json);
        command.SetAction(parsed => Run(options.Read(parsed), parsed.GetRequiredValue(output), parsed.GetValue(force), parsed.GetValue(json)));
        return command;
    }

    private static int Run(Recipe given, string output, bool force, bool json)
    {
        if (!given.Says(TrainOptions.Layers) && !given.Says(TrainOptions.Net))
        {
            throw ToolException.Usage("new wants --layers, as in --layers 784,30,10, or --net");
        }

        OutputTarget.CheckModel(output, force);
        Recipe recipe = RecipeDefaults.CompleteWithoutData(given);
        using Network network = NetworkFactory.Create(recipe);
        OutputTarget.WriteFile(output, () => ModelStore.SaveUntrained(output, network, recipe));
        string hash = WeightsHash.Of(network);
        if (json)
        {
            JsonResult.Write(writer =>
            {
                writer.WriteString("command", "new");
                writer.WriteString("out", output);
                writer.WriteNumber("parameters", network.ParameterCount);
                writer.WriteString("weights_hash", hash);
            });
        }
        else
        {
            Console.Out.WriteLine($"weights {hash}");
            Console.Out.WriteLine($"written: {output}");
        }

        return ExitCode.Success;
    }
}
