using EmbeddedBackprop.Data;
using EmbeddedBackprop.Tools.DataSources;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tools.Recipes;

/// <summary>The samples that a finished model is asked about.</summary>
internal static class ModelData
{
    // These give the location and the choice of samples; the other options of the data describe a sample. Targets are those of the model.
    private static readonly RecipeOption[] OfAPlace =
    [
        TrainOptions.Data,
        TrainOptions.DataDir,
        TrainOptions.Test,
        TrainOptions.TestFraction,
        TrainOptions.Fold,
        TrainOptions.TestGroup,
        TrainOptions.Target,
    ];

    /// <summary>
    /// The data named on the command line, or the test part of those that the model was trained on; prepared as training prepared them.
    /// </summary>
    public static IBatchSource Load(SavedModel model, Recipe given)
    {
        Recipe trained = model.Recipe;
        string? target = given.Get(TrainOptions.Target), own = model.Preparation.Classes > 0 ? "classes" : "numbers";
        if (trained.Says(TrainOptions.Data) && target is not null && target != own)
        {
            throw ToolException.Usage($"--target {target}: the model predicts {own}");
        }

        bool named = given.Says(TrainOptions.Data);
        if (!named && !trained.Says(TrainOptions.Data))
        {
            throw ToolException.Usage("--data: the model file does not say what it was trained on");
        }

        bool partsGiven = given.Says(TrainOptions.Test) || given.Says(TrainOptions.TestFraction) || given.Says(TrainOptions.Fold)
            || given.Says(TrainOptions.TestGroup);
        IBatchSource data = DataLoader.LoadForModel(Asked(given, trained), whole: named && !partsGiven, model.Preparation);
        int inputs = model.Network.Inputs.Sum(node => node.Shape.Length), outputs = model.Network.Output.Shape.Length;
        if (data.InputLength != inputs)
        {
            throw ToolException.Usage($"--data: a sample has {data.InputLength} inputs, the model {inputs}");
        }

        if (data.TargetLength == outputs)
        {
            return data;
        }

        return outputs == 1 && data.ClassCount == 2
            ? new BinaryTarget(data)
            : throw ToolException.Usage($"--data: a sample has {data.TargetLength} targets, the model {outputs} outputs");
    }

    /// <summary>The recipe of the data asked for: missing options are those of training, as far as they concern these data.</summary>
    private static Recipe Asked(Recipe given, Recipe trained)
    {
        bool named = given.Says(TrainOptions.Data);
        Recipe asked = new Recipe().With(trained, TrainOptions.Seed);
        if (!named)
        {
            asked = asked.With(trained, TrainOptions.Data, TrainOptions.DataDir);
        }

        // The shape of a sample belongs to the model, whatever file the samples come from.
        if (!named || given.Get(TrainOptions.Data)!.Source == trained.Get(TrainOptions.Data)?.Source)
        {
            asked = asked.With(trained, [.. TrainOptions.Of(OptionGroup.Data).Except(OfAPlace)]);
        }

        // Each of them names the test samples in its own way: one that is given replaces those of the training.
        RecipeOption[] parts = [TrainOptions.Test, TrainOptions.TestFraction, TrainOptions.Fold, TrainOptions.TestGroup];
        if (!named && !parts.Any(given.Says))
        {
            asked = asked.With(trained, parts);
        }

        return asked.With(given, [.. TrainOptions.Of(OptionGroup.Data).Except([TrainOptions.Target]), TrainOptions.Seed]);
    }
}
