using EmbeddedBackprop.Data;
using EmbeddedBackprop.Data.Digits;
using EmbeddedBackprop.Tools.Recipes;

namespace EmbeddedBackprop.Tools.DataSources;

/// <summary>digits: pictures that the program draws by the seed.</summary>
internal sealed class DigitsSource : ImageSource
{
    private const int ForTraining = 20_000;
    private const int ForTest = 4_000;

    public override string Usage => "digits";

    public override string About => "digits drawn by the program";

    protected override (ByteDataset Training, ByteDataset Test) Read(Recipe recipe, bool withTraining)
    {
        ulong seed = recipe.GetOrDefault(TrainOptions.Seed)!.Value;

        // Unused pictures are not drawn: a picture depends on the seed and its index alone.
        int wanted = !withTraining ? 0 : recipe.HoldsOut ? ForTraining : Math.Min(recipe.Get(TrainOptions.Limit) ?? ForTraining, ForTraining);
        return (DigitsGenerator.Create(wanted, seed), DigitsGenerator.Create(ForTest, seed, ForTraining));
    }

    protected override int Available(ByteDataset training) => ForTraining;
}
