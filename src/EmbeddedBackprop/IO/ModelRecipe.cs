using System.Globalization;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Initializers;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Optimizers;
using EmbeddedBackprop.Quantization;
using EmbeddedBackprop.Training;
using EmbeddedBackprop.Training.Schedules;

namespace EmbeddedBackprop.IO;

/// <summary>A network and its training, as strings: the same for the same network, so that two can be compared by them.</summary>
internal static class ModelRecipe
{
    /// <summary>Ends the name of a loss that is written on logits; users call it by the name before it.</summary>
    private const string LogitsEnding = "-with-logits";

    /// <summary>The settings that must be equal for training to continue with the same bits.</summary>
    public static List<(string Key, string Value)> Describe(Network network)
    {
        NetworkOptions options = network.Options;
        List<(string, string)> strings =
        [
            (ModelKeys.Net, NetText.Format(network)),
            (ModelKeys.Arithmetic, Text(options.Arithmetic)),
            (ModelKeys.Batch, SettingsText.Text(options.Batch)),
            (ModelKeys.Seed, options.Seed.ToString(CultureInfo.InvariantCulture)),
            (ModelKeys.Initializer, Text(options.Initializer)),
        ];
        if (network.Outputs.Count > 1)
        {
            strings.Add((ModelKeys.Outputs, Names(network.Outputs)));
        }

        if (network.TrainingPlan is { } plan && plan.Losses.Count > 1)
        {
            strings.Add((ModelKeys.Losses, string.Join("; ", plan.Losses.Select(Text))));
        }

        if (network.Outputs.Count > 1 || network.TrainingPlan is { Losses.Count: > 1 })
        {
            strings.AddRange(DescribeGraph(network));
        }

        if (network.InferencePlan.Graph.QuantizedFrom is { } from)
        {
            RequireOneOutput(network, from);
            strings.Add((ModelKeys.Quantization, from.Settings));
        }

        (Node output, Node? lossNode) = NetText.Written(network);
        if (lossNode?.Op is Loss loss)
        {
            bool split = NetText.IsSplit(output, lossNode, out _);
            strings.Add((ModelKeys.Loss, split ? UserName(loss) : loss.Kind));
            strings.Add((ModelKeys.LossSettings, Text(loss.Options)));
            Node judged = lossNode.Inputs[0];
            if (!split && judged != output)
            {
                strings.Add((ModelKeys.Judged, judged.Name));
            }

            strings.Add((ModelKeys.Target, lossNode.Inputs[1].Shape.ToString()));
            strings.Add((ModelKeys.Optimizer, Text(options.Optimizer)));
            strings.Add((ModelKeys.Regularization, Text(options.Regularization)));
            strings.Add((ModelKeys.Clipping, Text(options.Clipping)));
            if (options.Frozen.Count > 0)
            {
                strings.Add((ModelKeys.Frozen, string.Join('\n', options.Frozen)));
            }
        }

        return strings;
    }

    /// <summary>The same of a training; the number of epochs is not part of it, because it may change.</summary>
    public static List<(string Key, string Value)> Describe(Trainer trainer)
    {
        TrainerOptions options = trainer.Options;
        WeightAveraging averaging = options.Averaging;
        return
        [
            (ModelKeys.Training, SettingsText.Format(
                "",
                ("learning-rate", SettingsText.Text(options.LearningRate)),
                ("accumulation", SettingsText.Text(options.Accumulation)),
                ("patience", SettingsText.Text(options.EarlyStopping.Patience)),
                ("average-decay", averaging.IsOn ? SettingsText.Text(averaging.Decay) : null),
                ("average-from", averaging.IsOn ? SettingsText.Text(averaging.FromEpoch) : null),
                ("average-epochs", averaging.IsOn ? SettingsText.Text(averaging.EveryEpoch) : null))),
            (ModelKeys.Schedule, Text(options.Schedule)),
            (ModelKeys.Samples, SettingsText.Text(trainer.SampleCount)),
        ];
    }

    public static string Text(TrainerState state) => SettingsText.Format(
        "",
        ("epoch", SettingsText.Text(state.Epoch)),
        ("next-sample", SettingsText.Text(state.NextSample)),
        ("loss-sum", SettingsText.Text(state.LossSum)),
        ("correct", SettingsText.Text(state.Correct)),
        ("seconds", SettingsText.Text(state.Seconds)),
        ("rejected", SettingsText.Text(state.Rejected)),
        ("best-epoch", SettingsText.Text(state.BestEpoch)),
        ("best-score", SettingsText.Text(state.BestScore)),
        ("stopped", SettingsText.Text(state.Stopped)),
        ("reductions", state.Reductions == 0 ? null : SettingsText.Text(state.Reductions)),
        ("waiting", state.WaitingEpochs == 0 ? null : SettingsText.Text(state.WaitingEpochs)),
        ("schedule-score", state.ScheduleScore is { } score ? SettingsText.Text(score) : null),
        ("averages", state.Averages == 0 ? null : SettingsText.Text(state.Averages)));

    public static TrainerState State(SafetensorsFile file, int samples)
    {
        SettingsText text = new(file, ModelKeys.State);
        TrainerState state = new()
        {
            Epoch = text.Integer("epoch", 0),
            NextSample = text.Integer("next-sample", 0, samples),
            LossSum = text.Double("loss-sum"),
            Correct = text.Integer("correct", 0, samples),
            Seconds = text.Double("seconds"),
            Rejected = text.Long("rejected", 0),
            BestEpoch = text.Integer("best-epoch", 0),
            BestScore = text.Double("best-score"),
            Stopped = text.Boolean("stopped"),
            Reductions = text.TryInteger("reductions", 1) ?? 0,
            WaitingEpochs = text.TryInteger("waiting", 1) ?? 0,
            ScheduleScore = text.TryDouble("schedule-score"),
            Averages = text.TryLong("averages", 1) ?? 0,
        };
        text.End();
        return state;
    }

    public static Arithmetic Arithmetic(SafetensorsFile file) => file.GetMetadata(ModelKeys.Arithmetic) switch
    {
        "fused" => Kernels.Arithmetic.Fused,
        "separate" => Kernels.Arithmetic.Separate,
        string other => throw SettingsText.Error(file, ModelKeys.Arithmetic, $"expected fused or separate, got '{other}'"),
    };

    public static string Text(Arithmetic arithmetic) => arithmetic == Kernels.Arithmetic.Fused ? "fused" : "separate";

    /// <summary>Whether a quantised model's weights are integers.</summary>
    public static bool HoldsIntegers(SafetensorsFile file) => file.GetMetadata(ModelKeys.Weights) switch
    {
        ModelKeys.IntegerWeights when file.Metadata.ContainsKey(ModelKeys.State) =>
            throw SettingsText.Error(file, ModelKeys.Weights, $"a training goes on with {ModelKeys.FloatWeights}, got '{ModelKeys.IntegerWeights}'"),
        ModelKeys.IntegerWeights => true,
        ModelKeys.FloatWeights => false,
        string other => throw SettingsText.Error(
            file, ModelKeys.Weights, $"expected {ModelKeys.IntegerWeights} or {ModelKeys.FloatWeights}, got '{other}'"),
    };

    /// <summary>The options of a quantised model.</summary>
    public static QuantizerOptions Quantization(SafetensorsFile file)
    {
        try
        {
            return QuantizerOptions.Parse(file.GetMetadata(ModelKeys.Quantization));
        }
        catch (FormatException exception)
        {
            throw SettingsText.Error(file, ModelKeys.Quantization, exception.Message, exception);
        }
    }

    /// <summary>A network that is filled must compute on integers as the file's does, or both on floats.</summary>
    public static void RequireQuantization(SafetensorsFile file, Graph graph)
    {
        string? expected = graph.QuantizedFrom?.Settings;
        string? found = file.Metadata.ContainsKey(ModelKeys.Quantization) ? Quantization(file).Settings : null;
        if (expected != found)
        {
            throw file.Error($"the file's model computes on {Numbers(found)}, the network on {Numbers(expected)}");
        }

        static string Numbers(string? settings) => settings is null ? "floats" : $"integers ({settings})";
    }

    /// <summary>The scales of a file must fit together in every op: a prediction makes all of its integers.</summary>
    public static void RequireIntegers(SafetensorsFile file, Network network)
    {
        try
        {
            foreach (Node input in network.Inputs)
            {
                network.PredictionInput(input, 1).Clear();
            }

            _ = network.Predict(1);
            network.ResetState();
        }
        catch (ArgumentException exception)
        {
            throw SettingsText.Error(file, ModelKeys.Quantization, $"the scales do not fit together: {exception.Message}", exception);
        }
    }

    /// <summary>Files hold quantised networks of one output and one loss.</summary>
    private static void RequireOneOutput(Network network, QuantizedFrom from)
    {
        if (network.Outputs.Count > 1 || from.Float.Graph.Nodes.Count(node => node.Op is { IsLoss: true }) > 1)
        {
            throw new ArgumentException("a quantised network of several outputs or losses cannot be written");
        }
    }

    /// <summary>The strings from which a network of several outputs or losses is built anew.</summary>
    private static IEnumerable<(string Key, string Value)> DescribeGraph(Network network)
    {
        Graph graph = network.InferencePlan.Graph;
        yield return (ModelKeys.Graph, NetText.FormatAll(graph));
        yield return (ModelKeys.Inputs, Names(network.Inputs));
        yield return (ModelKeys.Predicted, Names(network.Outputs));
        if (network.TrainingPlan is { } plan)
        {
            yield return (ModelKeys.Minimised, Names(plan.Losses));
        }

        int number = 0;
        foreach (Loss loss in graph.Nodes.Select(node => node.Op).OfType<Loss>())
        {
            number++;
            yield return (ModelKeys.GraphLoss + SettingsText.Text(number), $"{loss.Kind} {Text(loss.Options)}".TrimEnd());
        }
    }

    private static string Names(IEnumerable<Node> nodes) => string.Join(' ', nodes.Select(node => NetParser.Quote(node.Name)));

    private static string Text(Node node)
    {
        Loss loss = (Loss)node.Op!;
        return string.Create(
                CultureInfo.InvariantCulture,
                $"{loss.Kind} {NetParser.Quote(node.Inputs[0].Name)} {NetParser.Quote(node.Inputs[1].Name)} {loss.Weight:R} {Text(loss.Options with { Weight = null })}"
            )
            .TrimEnd();
    }

    private static string UserName(Loss loss) =>
        loss.Kind.EndsWith(LogitsEnding, StringComparison.Ordinal) ? loss.Kind[..^LogitsEnding.Length] : loss.Kind;

    private static string Text(Initializer initializer) => ModelSettings.Format(initializer.Name, ModelSettings.Initializer, initializer.Settings);

    /// <summary>Empty where none is set: then the file has no such string.</summary>
    private static string Text(LossSettings settings) => ModelSettings.Format("", ModelSettings.Loss, settings);

    private static string Text(Optimizer optimizer) => ModelSettings.Format(optimizer.Name, ModelSettings.Optimizer, optimizer.Settings);

    private static string Text(Schedule schedule) => ModelSettings.Format(schedule.Name, ModelSettings.Schedule, schedule.Settings);

    private static string Text(Regularization penalties) => SettingsText.Format(
        "",
        ("l1", SettingsText.Text(penalties.L1)),
        ("l2", SettingsText.Text(penalties.L2)),
        ("weight-decay", SettingsText.Text(penalties.WeightDecay)),
        ("all-parameters", SettingsText.Text(penalties.AllParameters)),
        ("max-norm", penalties.MaxNorm == 0 ? null : SettingsText.Text(penalties.MaxNorm)));

    private static string Text(Clipping clipping) => SettingsText.Format(
        "",
        ("value", SettingsText.Text(clipping.Value)),
        ("norm", SettingsText.Text(clipping.Norm)));
}
