using EmbeddedBackprop.Data;
using EmbeddedBackprop.Tools.Recipes;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tools.DataSources;

/// <summary>Reads or draws the samples that a recipe names, after a look at its options.</summary>
internal static class DataLoader
{
    /// <summary>Training, validation and test samples.</summary>
    /// <exception cref="ToolException">An option does not belong to the data, or contradicts another one.</exception>
    public static TaskData Load(Recipe recipe)
    {
        TaskData data = Checked(recipe).Load(recipe);
        return recipe.Says(TrainOptions.Normal) ? data.Reproduced() : data;
    }

    /// <inheritdoc cref="DataSource.LoadForModel"/>
    /// <exception cref="ToolException">An option does not belong to the data, or contradicts another one.</exception>
    public static IBatchSource LoadForModel(Recipe recipe, bool whole, Preparation preparation)
    {
        IBatchSource data = Checked(recipe).LoadForModel(recipe, whole, preparation);
        return recipe.Says(TrainOptions.Normal) ? new ReproducedInputs(data) : data;
    }

    private static DataSource Checked(Recipe recipe)
    {
        DataName data = recipe.Get(TrainOptions.Data)!;
        foreach (RecipeOption option in TrainOptions.Of(OptionGroup.Data))
        {
            if (recipe.Says(option) && option != TrainOptions.Data && option != TrainOptions.Padding && !data.Source.Reads.Contains(option))
            {
                string owners = string.Join(" or ", DataSource.All.Where(source => source.Reads.Contains(option)).Select(source => source.Usage));
                throw ToolException.Usage($"--{option.Name}: it belongs to --data {owners}, the data are {data}");
            }
        }

        if (recipe.Says(TrainOptions.Padding) && !data.Source.IsSequence(recipe))
        {
            string owners = string.Join(
                ", ",
                DataSource.All.Where(source => source.IsSequence(new Recipe())).Select(source => $"--data {source.Usage}"));
            throw ToolException.Usage($"--padding: it belongs to sequences ({owners}, --window, --steps)");
        }

        data.Source.Check(recipe);
        if (recipe.Says(TrainOptions.Fold) && (recipe.Says(TrainOptions.Test) || recipe.Says(TrainOptions.TestFraction)))
        {
            throw ToolException.Usage("--fold: --test or --test-fraction names the test samples already");
        }

        if (recipe.Says(TrainOptions.Test) && recipe.Says(TrainOptions.TestFraction))
        {
            throw ToolException.Usage("--test-fraction: --test names the test samples already");
        }

        if (recipe.Says(TrainOptions.TestGroup)
            && (recipe.Says(TrainOptions.Test) || recipe.Says(TrainOptions.TestFraction) || recipe.Says(TrainOptions.Fold)))
        {
            string other = recipe.Says(TrainOptions.Test) ? "test" : recipe.Says(TrainOptions.Fold) ? "fold" : "test-fraction";
            throw ToolException.Usage($"--test-group: --{other} names the test samples already");
        }

        return data.Source;
    }
}
