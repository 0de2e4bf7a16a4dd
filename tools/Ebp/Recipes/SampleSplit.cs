using EmbeddedBackprop.Data;

namespace EmbeddedBackprop.Tools.Recipes;

/// <summary>Which samples are tested on, which of the others train, and which are held out to judge every epoch by.</summary>
internal static class SampleSplit
{
    private const float DefaultTestFraction = 0.2f;

    /// <summary>The training and the test part, where no file gives them.</summary>
    /// <param name="recipe">The given options.</param>
    /// <param name="count">How many samples there are.</param>
    /// <param name="groups">The groups that stay together; null where each sample is on its own.</param>
    public static DataSplit Split(Recipe recipe, int count, SampleGroups? groups = null)
    {
        float fraction = recipe.Get(TrainOptions.TestFraction) ?? DefaultTestFraction;
        if (groups is not null)
        {
            return groups.Split(recipe, fraction);
        }

        if (recipe.Get(TrainOptions.Fold) is { } text)
        {
            return Fold(TrainOptions.Fold, text, count);
        }

        if (count < 2)
        {
            throw ToolException.BadInput(
                $"{recipe.Get(TrainOptions.Data)!.Path}: one row cannot be split into training and test; name a file with --test");
        }

        return DataSplit.Random(count, fraction, recipe.GetOrDefault(TrainOptions.Seed)!.Value);
    }

    /// <summary>
    /// The last --validation samples validate, or those of --validation-fold or --validation-group; the first of the others train, --limit of them.
    /// </summary>
    /// <param name="recipe">The given options.</param>
    /// <param name="available">The samples that are not tested on.</param>
    /// <param name="groups">The groups that stay together; null where each sample is on its own.</param>
    /// <exception cref="ToolException">More samples were asked for than there are.</exception>
    public static (int[] Training, int[] Validation) Of(Recipe recipe, int[] available, SampleGroups? groups = null)
    {
        if (recipe.Says(TrainOptions.ValidationGroup) && groups is null)
        {
            throw ToolException.Usage("--validation-group: --group says what the groups are");
        }

        int last = recipe.Get(TrainOptions.Validation) ?? 0;
        if (last > 0 && (recipe.Says(TrainOptions.ValidationFold) || recipe.Says(TrainOptions.ValidationGroup)))
        {
            string other = recipe.Says(TrainOptions.ValidationFold) ? "fold" : "group";
            throw ToolException.Usage($"--validation-{other}: --validation names the held-out samples already");
        }

        if (recipe.Says(TrainOptions.ValidationFold) && recipe.Says(TrainOptions.ValidationGroup))
        {
            throw ToolException.Usage("--validation-group: --validation-fold names the held-out samples already");
        }

        if (last >= available.Length)
        {
            throw ToolException.Usage($"--validation: {last} samples cannot be held out of {available.Length} training samples");
        }

        int[] training = available[..^last], validation = available[^last..];
        DataSplit? held =
            recipe.Get(TrainOptions.ValidationGroup) is { } named ? groups!.Named(TrainOptions.ValidationGroup, named, available)
            : recipe.Get(TrainOptions.ValidationFold) is { } fold
                ? groups?.Fold(TrainOptions.ValidationFold, fold, available) ?? Fold(TrainOptions.ValidationFold, fold, available.Length)
            : last > 0 ? groups?.Last(TrainOptions.Validation, last, available)
            : null;
        if (held is { } split)
        {
            training = Array.ConvertAll(split.Training, position => available[position]);
            validation = Array.ConvertAll(split.Test, position => available[position]);
        }

        int count = recipe.Get(TrainOptions.Limit) ?? training.Length;
        if (count > training.Length)
        {
            throw ToolException.Usage(
                validation.Length == 0
                    ? $"--limit: {count} samples were asked for, there are {available.Length}"
                    : $"--limit: {count} training samples and {validation.Length} for --validation were asked for, there are {available.Length}");
        }

        return (training[..count], validation);
    }

    /// <summary>All samples of a data set.</summary>
    public static int[] All(int count)
    {
        int[] all = new int[count];
        for (int i = 0; i < count; i++)
        {
            all[i] = i;
        }

        return all;
    }

    /// <summary>The part and the number of parts of a text as 4/5.</summary>
    public static (int Fold, int Folds) Parts(string text)
    {
        int slash = text.IndexOf('/', StringComparison.Ordinal);
        return (
            int.Parse(text.AsSpan(0, slash), System.Globalization.CultureInfo.InvariantCulture),
            int.Parse(text.AsSpan(slash + 1), System.Globalization.CultureInfo.InvariantCulture));
    }

    /// <summary>The samples that a text as 4/5 names.</summary>
    private static DataSplit Fold(RecipeOption option, string text, int count)
    {
        (int fold, int folds) = Parts(text);
        return folds <= count ? DataSplit.Fold(count, fold, folds) : throw ToolException.Usage($"--{option.Name}: {folds} parts of {count} samples");
    }
}
