using EmbeddedBackprop.Data;
using EmbeddedBackprop.Tools.Recipes;

namespace EmbeddedBackprop.Tools.DataSources;

/// <summary>raw:PATH: recordings without a header, integers of 16 bits, low byte first.</summary>
internal sealed class RawSource : RecordingSource
{
    public override string Usage => "raw:PATH";

    public override string About => "the same of int16 without a header (.raw, .pcm, .s16)";

    public override void Check(Recipe recipe)
    {
        base.Check(recipe);
        if (!recipe.Says(TrainOptions.Rate))
        {
            throw ToolException.Usage("--rate: recordings without a header do not say how many samples a second they have");
        }

        if (recipe.Says(TrainOptions.Channel))
        {
            throw ToolException.Usage($"--channel: recordings of --data {Usage} have one channel");
        }
    }

    protected override IReadOnlyList<Recording> Read(Recipe recipe, string path, Func<string, bool> wanted) =>
        RawReader.ReadAll(path, recipe.Get(TrainOptions.Rate)!.Value, wanted: wanted);
}
