using EmbeddedBackprop.IO;
using EmbeddedBackprop.Tools.Output;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tools.Recipes;

/// <summary>The contents of a model file for this tool.</summary>
/// <param name="File">The file, which fills networks and trainers.</param>
/// <param name="Recipe">How it was trained, complete; without values if another program wrote the file.</param>
/// <param name="Preparation">The preparation of inputs.</param>
/// <param name="History">The epochs so far.</param>
/// <param name="Fingerprint">Of the data it was trained on; empty if unknown.</param>
internal sealed record SavedModel(ModelFile File, Recipe Recipe, Preparation Preparation, IReadOnlyList<EpochRecord> History, string Fingerprint)
{
    private Network? network;

    /// <summary>
    /// The network with the weights it predicts with (the best ones where early stopping kept them), built when it is first asked for.
    /// </summary>
    public Network Network => network ??= File.ToNetwork(best: true);

    /// <summary>The model itself, which must compute on floats.</summary>
    /// <param name="path">The file, for the message.</param>
    /// <param name="wanted">What the verb takes or cannot do, for the message.</param>
    /// <exception cref="ToolException">The model is quantised.</exception>
    public SavedModel RequireFloat(string path, string wanted) =>
        File.Quantization is null ? this : throw ToolException.Usage($"{path}: the model is quantised ({File.Quantization}): {wanted}");
}
