using EmbeddedBackprop.Data;
using EmbeddedBackprop.Tools.Recipes;

namespace EmbeddedBackprop.Tools.DataSources;

/// <summary>wav:PATH: recordings with a header, which says their rate.</summary>
internal sealed class WavSource : RecordingSource
{
    public override string Usage => "wav:PATH";

    public override string About => "recordings (a folder or .zip of WAV files)";

    protected override IReadOnlyList<Recording> Read(Recipe recipe, string path, Func<string, bool> wanted) =>
        WavReader.ReadAll(
            path,
            new WavOptions { Rate = recipe.Get(TrainOptions.Rate) ?? 0, Channel = recipe.Get(TrainOptions.Channel) },
            wanted);
}
