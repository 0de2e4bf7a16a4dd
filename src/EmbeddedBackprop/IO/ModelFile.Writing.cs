using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.IO;

/// <content>Writing.</content>
public sealed partial class ModelFile
{
    /// <summary>
    /// Writes a network, or leaves the old file unchanged (<see cref="AtomicFile"/>). Names that no reader would know are written, too:
    /// <see cref="Registry.Missing"/> tells them.
    /// </summary>
    /// <param name="path">The target; its folder must exist.</param>
    /// <param name="network">The network.</param>
    /// <param name="trainer">Its training, if it is to be gone on with; null for the network alone.</param>
    /// <param name="extra">Strings of the caller's own, given back as <see cref="Extra"/>.</param>
    /// <exception cref="ArgumentException">The trainer trains another network, or a layer's or string's name cannot be written.</exception>
    /// <exception cref="IOException">The file cannot be written; the message names it.</exception>
    public static void Save(string path, Network network, Trainer? trainer = null, IReadOnlyDictionary<string, string>? extra = null) =>
        Writer(network, trainer, extra).Save(path);

    /// <summary>The bytes of the file.</summary>
    /// <inheritdoc cref="Save(string, Network, Trainer, IReadOnlyDictionary{string, string})"/>
    public static byte[] ToArray(Network network, Trainer? trainer = null, IReadOnlyDictionary<string, string>? extra = null) =>
        Writer(network, trainer, extra).ToArray();

    /// <summary>Writes a network to a stream, which stays open: the bytes of a file.</summary>
    /// <param name="stream">Receives the bytes.</param>
    /// <param name="network">The network.</param>
    /// <param name="trainer">Its training, if it is to be gone on with; null for the network alone.</param>
    /// <param name="extra">Strings of the caller's own, given back as <see cref="Extra"/>.</param>
    /// <exception cref="ArgumentException">The trainer trains another network, or a layer's or string's name cannot be written.</exception>
    /// <exception cref="IOException">The stream cannot be written.</exception>
    public static void Save(Stream stream, Network network, Trainer? trainer = null, IReadOnlyDictionary<string, string>? extra = null)
    {
        ArgumentNullException.ThrowIfNull(stream);
        Writer(network, trainer, extra).Write(stream);
    }

    private static SafetensorsWriter Writer(Network network, Trainer? trainer, IReadOnlyDictionary<string, string>? extra)
    {
        ArgumentNullException.ThrowIfNull(network);
        if (trainer is not null && trainer.Network != network)
        {
            throw new ArgumentException("the trainer trains another network than the one to be saved", nameof(trainer));
        }

        Graph graph = network.InferencePlan.Graph;
        bool quantized = graph.QuantizedFrom is not null, integers = quantized && trainer is null;
        SafetensorsWriter writer = new();
        writer.AddMetadata(ModelKeys.Model, quantized ? ModelKeys.QuantizedFormat : ModelKeys.ModelFormat);
        AddStrings(writer, ModelRecipe.Describe(network));
        writer.AddMetadata(ModelKeys.Step, SettingsText.Text(network.StepNumber));
        ReadOnlySpan<ParameterRange> ranges = network.InferencePlan.Parameters;
        ReadOnlySpan<StateRange> state = network.InferencePlan.State;
        if (quantized)
        {
            writer.AddMetadata(ModelKeys.Weights, integers ? ModelKeys.IntegerWeights : ModelKeys.FloatWeights);
        }

        if (integers)
        {
            new IntegerTensors(graph).Add(writer, ranges, network.ReadParameters(), state, network.ReadState());
        }
        else
        {
            ModelTensors.Add(writer, "", ranges, network.ReadParameters());
            ModelTensors.AddState(writer, "", state, network.ReadState());
        }

        if (integers && NetText.Written(network).Loss is not null)
        {
            // Deployed: judged by its loss, not trained on.
            writer.AddMetadata(ModelKeys.OptimizerState, SettingsText.Format("", ("arrays", "0"), ("scalars", "0")));
        }
        else if (network.Loss is not null)
        {
            writer.AddMetadata(ModelKeys.OptimizerState, SettingsText.Format(
                "",
                ("arrays", SettingsText.Text(network.Options.Optimizer.StateArrays)),
                ("scalars", SettingsText.Text(network.Options.Optimizer.StateScalars))));
            ModelTensors.AddOptimizer(writer, network);
        }

        if (trainer is not null)
        {
            AddStrings(writer, ModelRecipe.Describe(trainer));
            writer.AddMetadata(ModelKeys.Epochs, SettingsText.Text(trainer.Options.Epochs));
            writer.AddMetadata(ModelKeys.State, ModelRecipe.Text(trainer.State));
            if (trainer.State.BestEpoch > 0 && trainer.Options.EarlyStopping.Patience > 0)
            {
                ModelTensors.Add(writer, ModelTensors.BestPrefix, ranges, trainer.BestParameters);
                ModelTensors.AddState(writer, ModelTensors.BestPrefix, state, trainer.BestState);
            }

            if (trainer.State.Averages > 0)
            {
                ModelTensors.Add(writer, ModelTensors.AveragePrefix, ranges, trainer.AveragedParameters);
            }
        }

        foreach ((string key, string value) in extra ?? new Dictionary<string, string>())
        {
            writer.AddMetadata(ModelKeys.ExtraPrefix + key, value);
        }

        return writer;
    }

    private static void AddStrings(SafetensorsWriter writer, List<(string Key, string Value)> strings)
    {
        foreach ((string key, string value) in strings)
        {
            if (value.Length > 0)
            {
                writer.AddMetadata(key, value);
            }
        }
    }
}
