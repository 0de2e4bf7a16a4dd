using EmbeddedBackprop.Data;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tools.Recipes;

/// <summary>The samples that a finished model is asked about.</summary>
internal static class ModelData
{
    /// <summary>The data named on the command line, or the test part of those that the model was trained on; prepared as training prepared them.</summary>
    public static IBatchSource Load(SavedModel model, Recipe given)
    {
        Recipe trained = model.Recipe;
        bool named = given.Data is not null;
        if (!named && trained.Data is null)
        {
            throw ToolException.Usage("--data: the model file does not say what it was trained on");
        }

        bool table = (given.Data ?? trained.Data!).StartsWith("csv:", StringComparison.Ordinal);
        bool tableBefore = trained.Data?.StartsWith("csv:", StringComparison.Ordinal) ?? false;
        bool partsGiven = given.Test is not null || given.TestFraction is not null || given.Fold is not null;

        // What a sample is belongs to the model, whatever file the samples come from.
        bool sequences = KindOf(given.Data ?? trained.Data!) == KindOf(trained.Data ?? given.Data!);
        Recipe asked = new()
        {
            Data = given.Data ?? trained.Data,
            DataDir = given.DataDir ?? (named ? null : trained.DataDir),
            Label = given.Label ?? (table && tableBefore ? trained.Label : null),
            Ignore = given.Ignore ?? (table && tableBefore ? trained.Ignore : null),
            Test = given.Test ?? (named || given.TestFraction is not null ? null : trained.Test),
            TestFraction = given.TestFraction ?? (named || given.Test is not null || given.Fold is not null ? null : trained.TestFraction),
            Fold = given.Fold ?? (named || given.Test is not null || given.TestFraction is not null ? null : trained.Fold),
            Window = given.Window ?? (sequences ? trained.Window : null),
            Image = given.Image ?? (sequences ? trained.Image : null),
            Steps = given.Steps ?? (sequences ? trained.Steps : null),
            Resample = given.Resample ?? (sequences ? trained.Resample : null),
            Padding = given.Padding ?? (sequences ? trained.Padding : null),
            Seed = given.Seed ?? trained.Seed,
        };
        IBatchSource data = DataLoader.LoadForModel(asked, wholeTable: named && !partsGiven, model.Preparation);
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

    private static string KindOf(string data) => data[..Math.Max(data.IndexOf(':', StringComparison.Ordinal), 0)];
}
