namespace EmbeddedBackprop.Tools.Recipes;

/// <summary>The options allowed with --resume: none that changes bits.</summary>
internal static class Resumption
{
    // Files may have been moved: whether they hold the same samples is judged by the samples.
    private static readonly RecipeOption[] MayDiffer = [TrainOptions.Data, TrainOptions.DataDir, TrainOptions.Test, TrainOptions.Epochs];

    /// <summary>The recipe of the file, with the epochs of the command line; anything else that differs is refused.</summary>
    /// <exception cref="ToolException">An option differs, or the file cannot be gone on with.</exception>
    public static Recipe Merge(Recipe given, SavedModel model, string path)
    {
        Recipe stored = model.Recipe;
        if (stored.Get(TrainOptions.Data) is not { } data || !stored.Says(TrainOptions.Layers) || model.File.State is null)
        {
            throw ToolException.Usage($"--resume: {path} holds a network without its training");
        }

        bool moved = data.Source.MayMove && given.Get(TrainOptions.Data)?.Source == data.Source;
        foreach (RecipeOption option in TrainOptions.All)
        {
            bool free = option == TrainOptions.Data ? moved : MayDiffer.Contains(option);
            if (!free && given.Text(option) is { } value && stored.Text(option) is var old && old != value)
            {
                string had = old is null ? "without it" : $"with {old}";
                throw ToolException.Usage(
                    $"--{option.Name}: {path} was trained {had}, got {value}; beside --resume only --epochs, --threads and --out may differ");
            }
        }

        int done = model.File.State.Epoch;
        bool within = model.File.State.NextSample > 0;
        if (given.Get(TrainOptions.Epochs) < done || (given.Get(TrainOptions.Epochs) == done && within))
        {
            throw ToolException.Usage(
                $"--epochs: the total is less than the {done} epochs{(within ? " and a part of one" : "")} that {path} has behind it");
        }

        return stored.With(given, MayDiffer);
    }

    /// <summary>Refuses other samples than those of the file.</summary>
    public static void CheckSamples(SavedModel model, TaskData data, string path)
    {
        if (data.Fingerprint != model.Fingerprint)
        {
            throw ToolException.Usage($"--data: these are not the samples that {path} was trained on");
        }
    }
}
