using System.CommandLine;
using EmbeddedBackprop.Data;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Tools.Output;
using EmbeddedBackprop.Tools.Recipes;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tools.Commands;

/// <summary>ebp gradcheck: is backpropagation right for this network?</summary>
internal static class GradcheckCommand
{
    private static readonly int[] DefaultLayers = [12, 9, 5];

    public static Command Create()
    {
        Command command = new("gradcheck", "Compares backpropagation with differences of the loss, in double, and the float kernels with the double ones; exit code 1 if they disagree.");
        RecipeOptions options = new(command, RecipeOptions.Model, ["init", "batch", "seed"]);
        Option<string> elements = new("--elements") { HelpName = "N", Description = "Elements of each tensor that are compared with differences (default: 100)." };
        Option<bool> json = Json.Option();
        command.Options.Add(elements);
        command.Options.Add(json);
        command.SetAction(parsed => Run(
            options.Read(parsed), OptionText.Integer("elements", parsed.GetValue(elements), 1) ?? new GradientCheckOptions().ElementsPerTensor, parsed.GetValue(json)));
        return command;
    }

    private static int Run(Recipe given, int elements, bool json)
    {
        int[] layers = given.Layers ?? DefaultLayers;
        bool single = layers[^1] == 1;
        Recipe recipe = RecipeDefaults.Complete(
            given with { Layers = layers, Batch = given.Batch ?? 5 }, layers[0], single ? 2 : layers[^1], layers[^1], int.MaxValue);
        Network network = NetworkFactory.Create(recipe);
        GradientCheckReport report = GradientCheck.Run(network, RandomSamples(recipe), new GradientCheckOptions { ElementsPerTensor = elements });
        if (json)
        {
            JsonResult.Write(writer =>
            {
                writer.WriteString("command", "gradcheck");
                writer.WriteBoolean("passed", report.Passed);
                writer.WriteNumber("forward_passes", report.ForwardPasses);
                writer.WriteStartArray("tensors");
                foreach (GradientCheckRow row in report.Rows)
                {
                    writer.WriteStartObject();
                    writer.WriteString("name", row.Name);
                    writer.WriteNumber("count", row.Count);
                    writer.WriteNumber("checked", row.Checked);
                    writer.WriteNumber("kinks", row.Kinks);
                    writer.WriteNumberOrNull("norm", row.Norm);
                    writer.WriteNumberOrNull("difference_error", row.DifferenceError);
                    writer.WriteNumberOrNull("float_error", row.FloatError);
                    writer.WriteBoolean("passed", row.Passed);
                    writer.WriteEndObject();
                }

                writer.WriteEndArray();
            });
        }
        else
        {
            Console.Out.Write(report);
            Console.Out.WriteLine(report.Passed ? "passed" : "FAILED");
        }

        return report.Passed ? ExitCode.Success : ExitCode.CheckFailed;
    }

    /// <summary>Normal inputs and random classes: what the derivatives are taken at does not matter, as long as nothing is 0 by chance.</summary>
    private static IBatchSource RandomSamples(Recipe recipe)
    {
        int count = recipe.Batch!.Value, inputs = recipe.Layers![0], outputs = recipe.Layers[^1];
        CounterRandom random = new(recipe.Seed!.Value, RandomPurpose.Check);
        float[] x = new float[count * inputs];
        for (int i = 0; i < x.Length; i++)
        {
            x[i] = random.Normal(0, (ulong)i);
        }

        int[] labels = new int[count];
        for (int i = 0; i < count; i++)
        {
            labels[i] = i % Math.Max(outputs, 2);
        }

        IBatchSource classes = FloatDataset.Classified(x, inputs, labels, Math.Max(outputs, 2));
        return outputs == 1 ? new BinaryTarget(classes) : classes;
    }
}
