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
}
