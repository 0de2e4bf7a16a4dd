using EmbeddedBackprop.Data;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tools.Recipes;

/// <summary>Samples that are sequences: strokes, rows of a table that hold several steps, windows over a table in order of time.</summary>
internal static class SequenceLoader
{
    private const string StrokesPrefix = "strokes:";

    /// <summary>Whether the recipe's samples are sequences.</summary>
    public static bool Applies(Recipe recipe) => IsStrokes(recipe) || recipe.Window is not null || recipe.Steps is not null;

    public static bool IsStrokes(Recipe recipe) => recipe.Data!.StartsWith(StrokesPrefix, StringComparison.Ordinal);

    /// <summary>Training, validation and test sequences; every feature is standardised by the training part alone.</summary>
    public static TaskData Load(Recipe recipe)
    {
        SequenceDataset all = Read(recipe, PathOf(recipe.Data!), null);
        SequenceDataset? testSequences = recipe.Test is null ? null : Read(recipe, recipe.Test, all.ClassNames);
        if (testSequences is not null && testSequences.Features != all.Features)
        {
            throw ToolException.BadInput($"{recipe.Test}: a step has {testSequences.Features} features, those of the training file {all.Features}");
        }

        DataSplit? split = testSequences is null ? DataLoader.Split(recipe, all.Count) : null;
        int[] training = split?.Training ?? TrainingParts.All(all.Count);
        (int[] used, int[] held) = TrainingParts.Of(recipe, training);

        // As many steps as the longest of all has: how long sequences are is no secret of the test part.
        int steps = IsStrokes(recipe) ? recipe.Steps ?? Math.Max(all.Longest, testSequences?.Longest ?? 0) : all.Steps;
        CheckMask(recipe, steps, all.Features);
        Standardizer standardizer = IndexColumns.LeaveAlone(Standardizer.Fit(all, used), recipe.Net, new Shape(steps, all.Features));
        SequenceDataset prepared = Prepare(all, recipe, standardizer, steps);
        return new TaskData(
            DatasetView.Subset(prepared, used),
            held.Length == 0 ? null : DatasetView.Subset(prepared, held),
            testSequences is null ? DatasetView.Subset(prepared, split!.Test) : Prepare(testSequences, recipe, standardizer, steps),
            new Preparation(standardizer, all.FeatureNames, all.ClassNames, all.ClassCount),
            DataFingerprint.Of(all))
        {
            Steps = steps,
        };
    }

    /// <summary>The sequences that a finished model is judged by.</summary>
    public static IBatchSource LoadForModel(Recipe recipe, bool whole, Preparation preparation)
    {
        SequenceDataset all = Read(recipe, recipe.Test ?? PathOf(recipe.Data!), preparation.ClassNames);
        if (preparation.Standardizer is not { } standardizer || standardizer.Means.Length != all.Features)
        {
            throw ToolException.Usage($"--data: a step has {all.Features} features, the model reads {preparation.Standardizer?.Means.Length ?? 0}");
        }

        SequenceDataset prepared = Prepare(all, recipe, standardizer, recipe.Steps ?? all.Steps);
        return whole || recipe.Test is not null ? prepared : DatasetView.Subset(prepared, DataLoader.Split(recipe, all.Count).Test);
    }

    /// <summary>A mask that the net has no input for is told with the text that would have one.</summary>
    private static void CheckMask(Recipe recipe, int steps, int features)
    {
        if (recipe.Padding != "mask" || recipe.Net is null)
        {
            return;
        }

        Graph graph = NetRecipe.BuildGraph(recipe.Net, new Shape(steps, features));
        if (graph.Nodes.Count(node => node.Op is null) > 1)
        {
            return;
        }

        Op? reader = graph.Ops.FirstOrDefault(op => op is Recurrent or OverTime);
        string layer = reader is null ? "gru 8" : $"{reader.Kind} {reader.Settings}".TrimEnd();
        throw ToolException.Usage(
            $"--padding mask: the net reads the sequence alone and needs a second input for the mask: --net \"x = input {steps}x{features}; m = input {steps}; {layer} x m; ...\"");
    }

    private static SequenceDataset Prepare(SequenceDataset sequences, Recipe recipe, Standardizer standardizer, int steps)
    {
        (SequencePadding padding, bool mask) = recipe.Padding switch
        {
            "end" => (SequencePadding.End, false),
            "mask" => (SequencePadding.End, true),
            _ => (SequencePadding.Start, false),
        };

        // A row of a table has its steps already; strokes are filled up to those of the longest.
        SequenceDataset fitted = IsStrokes(recipe) ? sequences.WithSteps(steps) : sequences;
        return standardizer.Apply(fitted).WithPadding(padding, mask);
    }

    private static SequenceDataset Read(Recipe recipe, string path, IReadOnlyList<string>? classes)
    {
        SequenceDataset sequences;
        if (IsStrokes(recipe))
        {
            if (!File.Exists(path) && !Directory.Exists(path))
            {
                throw ToolException.BadInput($"{path}: there is no such file or folder");
            }

            sequences = StrokeReader.Read(path, classes);
            return recipe.Resample is { } points ? sequences.Resampled(points) : sequences;
        }

        FloatDataset table = DataLoader.ReadTable(recipe with { Target = "classes" }, path, classes);
        return recipe.Window is { } window ? SequenceDataset.Windows(table, window)
            : table.InputLength % recipe.Steps!.Value == 0 ? SequenceDataset.FromRows(table, recipe.Steps.Value)
            : throw ToolException.Usage($"--steps: rows of {table.InputLength} inputs are no sequences of {recipe.Steps} steps");
    }

    private static string PathOf(string data) => data[(data.IndexOf(':', StringComparison.Ordinal) + 1)..];
}
