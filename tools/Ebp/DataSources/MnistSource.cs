using EmbeddedBackprop.Data;
using EmbeddedBackprop.Tools.Recipes;

namespace EmbeddedBackprop.Tools.DataSources;

/// <summary>mnist: the four IDX files of a folder.</summary>
internal sealed class MnistSource : ImageSource
{
    private const string DefaultFolder = "mnist";

    public override string Usage => "mnist";

    public override string About => "the MNIST files";

    public override IReadOnlyList<RecipeOption> Reads => [TrainOptions.DataDir];

    protected override (ByteDataset Training, ByteDataset Test) Read(Recipe recipe, bool withTraining)
    {
        string folder = recipe.Get(TrainOptions.DataDir) ?? DefaultFolder;
        try
        {
            ByteDataset test = MnistFiles.LoadTest(folder);
            return (withTraining ? MnistFiles.LoadTraining(folder) : test, test);
        }
        catch (FileNotFoundException exception) when (!recipe.Says(TrainOptions.DataDir))
        {
            throw ToolException.BadInput($"--data-dir names the folder of the MNIST files. {exception.Message}", exception);
        }
    }
}
