using EmbeddedBackprop.Data;
using EmbeddedBackprop.Tools.Recipes;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tools.DataSources;

/// <summary>strokes:PATH: labelled gestures, sequences that are filled up to the steps of the longest.</summary>
internal sealed class StrokesSource : DataSource
{
    public override string Usage => "strokes:PATH";

    public override string About => "labelled gestures (a JSON file or a folder of them)";

    public override IReadOnlyList<RecipeOption> Reads =>
        [
            TrainOptions.Files,
            TrainOptions.Group,
            TrainOptions.TestGroup,
            TrainOptions.Test,
            TrainOptions.TestFraction,
            TrainOptions.Fold,
            TrainOptions.Steps,
            TrainOptions.Resample,
        ];

    public override bool IsSequence(Recipe recipe) => true;

    public override void Check(Recipe recipe)
    {
        foreach (RecipeOption option in (RecipeOption[])[TrainOptions.Files, TrainOptions.TestGroup, TrainOptions.ValidationGroup])
        {
            if (recipe.Says(option) && !recipe.Says(TrainOptions.Group))
            {
                throw ToolException.Usage($"--{option.Name}: --group says what the groups are");
            }
        }
    }

    public override TaskData Load(Recipe recipe) => Sequences(recipe).Load();

    public override IBatchSource LoadForModel(Recipe recipe, bool whole, Preparation preparation) =>
        Sequences(recipe).LoadForModel(whole, preparation);

    /// <summary>The model is asked about other strokes later: they are filled up to the same length.</summary>
    public override Recipe Recorded(Recipe recipe, TaskData data) => recipe.With(TrainOptions.Steps, data.Steps);

    private static SequenceLoader Sequences(Recipe recipe) => new(recipe, fillsUp: true, (path, classes) =>
    {
        if (!File.Exists(path) && !Directory.Exists(path))
        {
            throw ToolException.BadInput($"{path}: there is no such file or folder");
        }

        SequenceDataset sequences = StrokeReader.Read(path, classes, out IReadOnlyList<string> files);
        SampleGroups? groups = null;
        if (recipe.Get(TrainOptions.Group) is { } kind)
        {
            RecordingNames names = new(recipe, withLabels: false);
            groups = new SampleGroups(kind, [.. files.Select(file => names.GroupOf(file, path))]);
        }

        return new ReadSequences(recipe.Get(TrainOptions.Resample) is { } points ? sequences.Resampled(points) : sequences, groups, []);
    });
}
