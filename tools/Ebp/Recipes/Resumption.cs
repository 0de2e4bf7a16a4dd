namespace EmbeddedBackprop.Tools.Recipes;

/// <summary>What may be said beside --resume: nothing that changes bits.</summary>
internal static class Resumption
{
    /// <summary>The recipe of the file, with the epochs of the command line; anything else that differs is refused.</summary>
    /// <exception cref="ToolException">An option differs, or the file cannot be gone on with.</exception>
    public static Recipe Merge(Recipe given, SavedModel model, string path)
    {
        Recipe stored = model.Recipe;
        if (stored.Data is null || stored.Layers is null || model.File.State is null)
        {
            throw ToolException.Usage($"--resume: {path} holds a network without its training");
        }

        bool table = stored.Data.StartsWith("csv:", StringComparison.Ordinal);
        Dictionary<string, string> before = stored.ToDictionary();
        foreach ((string name, string value) in given.ToDictionary())
        {
            // Files may have been moved: whether they hold the same samples is judged by the samples.
            bool place = name is "data-dir" or "test" || (name == "data" && table && value.StartsWith("csv:", StringComparison.Ordinal));
            if (name != "epochs" && !place && before.GetValueOrDefault(name) != value)
            {
                string had = before.TryGetValue(name, out string? old) ? $"with {old}" : "without it";
                throw ToolException.Usage($"--{name}: {path} was trained {had}, got {value}; beside --resume only --epochs, --threads and --out may differ");
            }
        }

        int done = model.File.State.Epoch;
        bool within = model.File.State.NextSample > 0;
        if (given.Epochs < done || (given.Epochs == done && within))
        {
            throw ToolException.Usage($"--epochs: the total is less than the {done} epochs{(within ? " and a part of one" : "")} that {path} has behind it");
        }

        return stored with
        {
            Data = given.Data ?? stored.Data,
            DataDir = given.DataDir ?? stored.DataDir,
            Test = given.Test ?? stored.Test,
            Epochs = given.Epochs ?? stored.Epochs,
        };
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
