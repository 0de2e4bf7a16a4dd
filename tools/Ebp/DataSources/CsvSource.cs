using EmbeddedBackprop.Data;
using EmbeddedBackprop.Tools.Recipes;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tools.DataSources;

/// <summary>csv:FILE: a table whose rows are samples, images, sequences of several steps, or steps in order of time.</summary>
internal sealed class CsvSource : DataSource
{
    public override string Usage => "csv:FILE";

    public override string About => "a table";

    public override IReadOnlyList<RecipeOption> Reads =>
        [
            TrainOptions.Label,
            TrainOptions.Target,
            TrainOptions.Ignore,
            TrainOptions.Test,
            TrainOptions.TestFraction,
            TrainOptions.Fold,
            TrainOptions.Image,
            TrainOptions.Window,
            TrainOptions.Steps,
        ];

    public override bool MayMove => true;

    public override bool IsSequence(Recipe recipe) => recipe.Says(TrainOptions.Window) || recipe.Says(TrainOptions.Steps);

    /// <summary>The pixels of an image are the numbers of the table.</summary>
    public override float? ByteScale(Recipe recipe) => recipe.Says(TrainOptions.Image) ? 1f : null;

    public override void Check(Recipe recipe)
    {
        if (recipe.Says(TrainOptions.Image) && IsSequence(recipe))
        {
            throw ToolException.Usage("--image: a row is an image or steps of a sequence, not both");
        }

        if (recipe.Says(TrainOptions.Window) && recipe.Says(TrainOptions.Steps))
        {
            throw ToolException.Usage("--steps: with --window a row is one step");
        }

        if (IsSequence(recipe) && recipe.Get(TrainOptions.Target) == "numbers")
        {
            throw ToolException.Usage("--target numbers: sequences have classes");
        }
    }

    /// <summary>A table is standardised by its training part alone.</summary>
    public override TaskData Load(Recipe recipe)
    {
        if (IsSequence(recipe))
        {
            return Sequences(recipe).Load();
        }

        FloatDataset table = Read(recipe, recipe.Get(TrainOptions.Data)!.Path, null);
        int[] training;
        FloatDataset? testTable = null;
        int[] test = [];
        if (recipe.Get(TrainOptions.Test) is { } testFile)
        {
            // The test file's label has the kind of the training file's.
            testTable = Read(recipe.With(TrainOptions.Target, table.ClassCount == 0 ? "numbers" : "classes"), testFile, table.ClassNames);
            if (testTable.InputLength != table.InputLength)
            {
                throw ToolException.BadInput($"{testFile}: rows have {testTable.InputLength} inputs, those of the training file {table.InputLength}");
            }

            training = SampleSplit.All(table.Count);
        }
        else
        {
            DataSplit split = SampleSplit.Split(recipe, table.Count);
            training = split.Training;
            test = split.Test;
        }

        (int[] used, int[] held) = SampleSplit.Of(recipe, training);
        DatasetView fitted = DatasetView.Subset(table, used);
        Standardizer standardizer = recipe.Says(TrainOptions.Image)
            ? Standardizer.FitTogether(fitted)
            : IndexColumns.LeaveAlone(Standardizer.Fit(fitted), recipe.Get(TrainOptions.Net), fitted.InputShape);
        FloatDataset prepared = standardizer.Apply(table);
        return new TaskData(
            DatasetView.Subset(prepared, used),
            held.Length == 0 ? null : DatasetView.Subset(prepared, held),
            testTable is null ? DatasetView.Subset(prepared, test) : Prepare(testTable, standardizer),
            new Preparation(standardizer, table.InputNames, table.ClassNames, table.ClassCount),
            DataFingerprint.Of(table));
    }

    public override IBatchSource LoadForModel(Recipe recipe, bool whole, Preparation preparation)
    {
        if (IsSequence(recipe))
        {
            return Sequences(recipe).LoadForModel(whole, preparation);
        }

        string target = preparation.Classes == 0 ? "numbers" : "classes";
        FloatDataset table = Read(
            recipe.With(TrainOptions.Target, target),
            recipe.Get(TrainOptions.Test) ?? recipe.Get(TrainOptions.Data)!.Path,
            preparation.ClassNames);
        FloatDataset prepared = Prepare(table, preparation.Standardizer);
        return whole || recipe.Says(TrainOptions.Test) ? prepared : DatasetView.Subset(prepared, SampleSplit.Split(recipe, table.Count).Test);
    }

    private static SequenceLoader Sequences(Recipe recipe) => new(recipe, fillsUp: false, (path, classes) =>
    {
        FloatDataset table = Read(recipe.With(TrainOptions.Target, "classes"), path, classes);
        if (recipe.Get(TrainOptions.Window) is { } window)
        {
            return SequenceDataset.Windows(table, window);
        }

        int steps = recipe.Get(TrainOptions.Steps)!.Value;
        return table.InputLength % steps == 0
            ? SequenceDataset.FromRows(table, steps)
            : throw ToolException.Usage($"--steps: rows of {table.InputLength} inputs are no sequences of {steps} steps");
    });

    private static FloatDataset Read(Recipe recipe, string path, IReadOnlyList<string>? classes)
    {
        if (Directory.Exists(path) || !File.Exists(path))
        {
            throw ToolException.BadInput(Directory.Exists(path) ? $"{path}: it is a folder, not a CSV file" : $"{path}: there is no such file");
        }

        FloatDataset table = CsvReader.Read(
            path,
            new CsvOptions
            {
                Label = recipe.Get(TrainOptions.Label),
                Ignore = recipe.Get(TrainOptions.Ignore) ?? [],
                Classes = classes,
                Target = recipe.Get(TrainOptions.Target) switch
                {
                    "classes" => CsvTarget.Classes,
                    "numbers" => CsvTarget.Numbers,
                    _ => CsvTarget.Automatic,
                },
            });
        return recipe.Get(TrainOptions.Image) is { } image ? table.WithShape(OptionText.ImageShape(image)) : table;
    }

    private static FloatDataset Prepare(FloatDataset table, Standardizer? standardizer)
    {
        if (standardizer is null)
        {
            return table;
        }

        return standardizer.Means.Length == table.InputLength
            ? standardizer.Apply(table)
            : throw ToolException.Usage($"--data: rows have {table.InputLength} inputs, the model {standardizer.Means.Length}");
    }
}
