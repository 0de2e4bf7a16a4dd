using EmbeddedBackprop.Data;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Tools.Recipes;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tools.DataSources;

/// <summary>Sequences as they were read, the groups that stay together if there are any, and what was done with them.</summary>
internal sealed record ReadSequences(SequenceDataset Data, SampleGroups? Groups, IReadOnlyList<string> Notes);

/// <summary>
/// Reads samples that are sequences, and prepares them: strokes, rows of a table that hold several steps, windows over a table in order of time.
/// </summary>
/// <param name="recipe">Names the data.</param>
/// <param name="fillsUp">Whether sequences are filled up to --steps, or to the steps of the longest; else they have their steps already.</param>
/// <param name="read">Reads the sequences of a path, whose labels are among the given classes if there are any.</param>
internal sealed class SequenceLoader(Recipe recipe, bool fillsUp, Func<string, IReadOnlyList<string>?, ReadSequences> read)
{
    /// <summary>Training, validation and test sequences; every feature is standardised by the training part alone.</summary>
    public TaskData Load()
    {
        string? testPath = recipe.Get(TrainOptions.Test);
        (SequenceDataset all, SampleGroups? groups, IReadOnlyList<string> notes) = read(recipe.Get(TrainOptions.Data)!.Path, null);
        ReadSequences? testRead = testPath is null ? null : read(testPath, all.ClassNames);
        SequenceDataset? testSequences = testRead?.Data;
        if (testSequences is not null && testSequences.Features != all.Features)
        {
            throw ToolException.BadInput($"{testPath}: a step has {testSequences.Features} features, those of the training file {all.Features}");
        }

        DataSplit? split = testSequences is null ? SampleSplit.Split(recipe, all.Count, groups) : null;
        int[] training = split?.Training ?? SampleSplit.All(all.Count);
        (int[] used, int[] held) = NormalSamples.Of(recipe, all, SampleSplit.Of(recipe, training, groups));

        // As many steps as the longest of all has: how long sequences are is no secret of the test part.
        int steps = fillsUp ? recipe.Get(TrainOptions.Steps) ?? Math.Max(all.Longest, testSequences?.Longest ?? 0) : all.Steps;
        CheckMask(steps, all.Features);
        Standardizer standardizer = IndexColumns.LeaveAlone(
            Standardizer.Fit(all, used),
            recipe.Get(TrainOptions.Net),
            new Shape(steps, all.Features));
        SequenceDataset prepared = Prepare(all, standardizer, steps);
        return new TaskData(
            DatasetView.Subset(prepared, used),
            held.Length == 0 ? null : DatasetView.Subset(prepared, held),
            testSequences is null ? DatasetView.Subset(prepared, split!.Test) : Prepare(testSequences, standardizer, steps),
            new Preparation(standardizer, all.FeatureNames, all.ClassNames, all.ClassCount),
            DataFingerprint.Of(all))
        {
            Steps = steps,
            Notes = groups is null ? notes :
            [
                .. notes,
                groups.Describe(
                    groups.NamesOf(used), groups.NamesOf(held), testRead is null ? groups.NamesOf(split!.Test) : testRead.Groups!.Names),
            ],
        };
    }

    /// <summary>The sequences that a finished model is judged by.</summary>
    public IBatchSource LoadForModel(bool whole, Preparation preparation)
    {
        (SequenceDataset all, SampleGroups? groups, _) =
            read(recipe.Get(TrainOptions.Test) ?? recipe.Get(TrainOptions.Data)!.Path, preparation.ClassNames);
        if (preparation.Standardizer is not { } standardizer || standardizer.Means.Length != all.Features)
        {
            throw ToolException.Usage($"--data: a step has {all.Features} features, the model reads {preparation.Standardizer?.Means.Length ?? 0}");
        }

        SequenceDataset prepared = Prepare(all, standardizer, recipe.Get(TrainOptions.Steps) ?? all.Steps);
        return whole || recipe.Says(TrainOptions.Test) ? prepared : DatasetView.Subset(prepared, SampleSplit.Split(recipe, all.Count, groups).Test);
    }

    /// <summary>The error of a mask that the net has no input for; it shows a net that has one.</summary>
    private void CheckMask(int steps, int features)
    {
        if (recipe.Get(TrainOptions.Padding) != "mask" || recipe.Get(TrainOptions.Net) is not { } net)
        {
            return;
        }

        Graph graph = NetRecipe.BuildGraph(net, new Shape(steps, features));
        if (graph.Nodes.Count(node => node.Op is null) > 1)
        {
            return;
        }

        Op? reader = graph.Ops.FirstOrDefault(op => op is Recurrent or OverTime);
        string layer = reader is null ? "gru 8" : $"{reader.Kind} {reader.Settings}".TrimEnd();
        throw ToolException.Usage(
            $"--padding mask: the net reads the sequence alone and needs a second input for the mask: --net \"x = input {steps}x{features}; m = input {steps}; {layer} x m; ...\""
        );
    }

    private SequenceDataset Prepare(SequenceDataset sequences, Standardizer standardizer, int steps)
    {
        (SequencePadding padding, bool mask) = recipe.Get(TrainOptions.Padding) switch
        {
            "end" => (SequencePadding.End, false),
            "mask" => (SequencePadding.End, true),
            _ => (SequencePadding.Start, false),
        };

        SequenceDataset fitted = fillsUp ? sequences.WithSteps(steps) : sequences;
        return standardizer.Apply(fitted).WithPadding(padding, mask);
    }
}
