using EmbeddedBackprop.IO;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Quantization;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tools.Recipes;

/// <summary>A model that was quantised, written and read again: what is judged is what is deployed.</summary>
/// <param name="File">The bytes of the model file.</param>
/// <param name="Network">The network that they hold.</param>
/// <param name="Report">What happened to each layer.</param>
/// <param name="Judgement">The network beside the float network.</param>
internal sealed record QuantizationRun(byte[] File, Network Network, QuantizationReport Report, QuantizationJudgement Judgement)
{
    /// <exception cref="ToolException">The model is quantised, a name is that of no layer, or the samples give no ranges.</exception>
    public static QuantizationRun Of(SavedModel model, string path, QuantizationData data, QuantizerOptions options)
    {
        RequireNames(model.Network, "int16", options.Int16);
        RequireNames(model.Network, "float", options.Float);
        QuantizedModel made;
        try
        {
            made = Quantizer.Quantize(model.Network, data.Calibration, options);
        }
        catch (Exception exception) when (exception is ArgumentException or NotSupportedException)
        {
            throw ToolException.BadInput($"{path}: {exception.Message}", exception);
        }

        using (made)
        {
            byte[] file = ModelStore.ToArray(made.Network, model, made.Report);
            Network network = ModelFile.Parse(file, path).ToNetwork();
            return new(file, network, made.Report, QuantizationJudgement.Of(model.Network, network, data.Judging));
        }
    }

    private static void RequireNames(Network network, string option, IReadOnlyList<string> names)
    {
        string[] known = [.. network.InferencePlan.Graph.Nodes.Where(node => node.Op is not null and not Loss).Select(node => node.Name)];
        if (names.FirstOrDefault(name => !known.Contains(name)) is { } stray)
        {
            throw ToolException.Usage($"--{option}: no layer is called '{stray}'; there are {string.Join(", ", known)}");
        }
    }
}
