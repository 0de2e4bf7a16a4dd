using System.CommandLine;
using EmbeddedBackprop.Data;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Tools.Output;
using EmbeddedBackprop.Tools.Recipes;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tools.Commands;

/// <summary>ebp gradcheck: is backpropagation right for this network?</summary>
internal static class GradcheckCommand
{
    private const int DefaultBatch = 5;

    private static readonly int[] DefaultLayers = [12, 9, 5];

    public static Command Create()
    {
        Command command = new(
            "gradcheck",
            "Compares backpropagation with differences of the loss, in double, and the float kernels with the double ones; exit code 1 if they disagree."
        );
        Argument<string> model = ModelArgument.Create(optional: true);
        command.Arguments.Add(model);
        OptionReader options = new(command, TrainOptions.Of(OptionGroup.Model), [TrainOptions.Initializer, TrainOptions.Batch, TrainOptions.Seed]);
        Option<string> elements = new("--elements")
        {
            HelpName = "N",
            Description = "Elements of each tensor that are compared with differences (default: 100).",
        };
        Option<bool> json = Json.Option();
        command.Options.Add(elements);
        command.Options.Add(json);
        command.SetAction(parsed =>
            Run(
                parsed.GetValue(model),
                options.Read(parsed),
                OptionText.Integer("elements", parsed.GetValue(elements), 1) ?? new GradientCheckOptions().ElementsPerTensor,
                parsed.GetValue(json)));
        return command;
    }

    private static int Run(string? path, Recipe given, int elements, bool json)
    {
        Network network;
        if (path is null)
        {
            Recipe small = given.With(TrainOptions.Batch, given.Get(TrainOptions.Batch) ?? DefaultBatch);
            small = small.Says(TrainOptions.Net) ? small : small.With(TrainOptions.Layers, small.Get(TrainOptions.Layers) ?? DefaultLayers);
            network = NetworkFactory.Create(RecipeDefaults.CompleteWithoutData(small));
        }
        else if (given.Except(TrainOptions.Batch, TrainOptions.Seed) is { } stray)
        {
            throw ToolException.Usage($"--{stray.Name}: the model file says what the network is");
        }
        else
        {
            SavedModel model = ModelStore.Load(path).RequireFloat(path, "integers have steps, and no derivatives to compare with");
            network = model.File.ToNetwork(given.Get(TrainOptions.Batch) ?? DefaultBatch, best: true);
        }

        if (network.Loss is null)
        {
            throw ToolException.BadInput($"{path}: the model has no loss, and so no gradient to check");
        }

        string[] truncated =
        [
            .. network.InferencePlan.Graph.Ops.OfType<Recurrent>().Where(layer => layer.Options.TruncateEvery > 0).Select(layer => layer.Name),
        ];
        if (truncated.Length > 0)
        {
            throw ToolException.Usage(
                $"{string.Join(", ", truncated)}: truncated backpropagation leaves out a part of the gradient, so that differences do not confirm it; check the net without truncate"
            );
        }

        GradientCheckReport report = GradientCheck.Run(
            network,
            RandomSamples(network, given.GetOrDefault(TrainOptions.Seed)!.Value),
            new GradientCheckOptions { ElementsPerTensor = elements });
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

    /// <summary>
    /// Normal inputs (where an embedding reads them, indices) and random classes: any point serves to take derivatives at, as long as
    /// nothing is 0 by chance.
    /// </summary>
    private static IBatchSource RandomSamples(Network network, ulong seed)
    {
        int count = network.MicroBatch, inputs = network.Inputs.Sum(node => node.Shape.Length), outputs = network.Output.Shape.Length;
        CounterRandom random = new(seed, RandomPurpose.Check);
        float[] x = new float[count * inputs];
        for (int i = 0; i < x.Length; i++)
        {
            x[i] = random.Normal(0, (ulong)i);
        }

        RandomSequence indices = random.Sequence(2);
        int[] tables = IndexColumns.TableRows(network.InferencePlan.Graph, network.Inputs);
        for (int i = 0; i < x.Length; i++)
        {
            x[i] = tables[i % inputs] > 0 ? indices.NextBelow(tables[i % inputs]) : x[i];
        }

        // Drawn, not in turn: where every class is there equally often, the gradient of an untrained bias is 0.
        RandomSequence draws = random.Sequence(1);
        int[] labels = new int[count];
        for (int i = 0; i < count; i++)
        {
            labels[i] = draws.NextBelow(Math.Max(outputs, 2));
        }

        IBatchSource classes = FloatDataset.Classified(x, inputs, labels, Math.Max(outputs, 2));
        return outputs == 1 ? new BinaryTarget(classes) : classes;
    }
}
