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
            TrainOptions.Normal,
            TrainOptions.Ignore,
            TrainOptions.Test,
            TrainOptions.TestFraction,
            TrainOptions.Fold,
            TrainOptions.Image,
            TrainOptions.Window,
            TrainOptions.Hop,
            TrainOptions.Short,
            TrainOptions.Time,
            TrainOptions.Gaps,
            TrainOptions.Group,
            TrainOptions.TestGroup,
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

        foreach (RecipeOption option in (RecipeOption[])[TrainOptions.Hop, TrainOptions.Short, TrainOptions.Time])
        {
            if (recipe.Says(option) && !recipe.Says(TrainOptions.Window))
            {
                throw ToolException.Usage($"--{option.Name}: --window says how many rows a window has");
            }
        }

        if (recipe.Get(TrainOptions.Hop) > recipe.Get(TrainOptions.Window))
        {
            (int? hop, int? window) = (recipe.Get(TrainOptions.Hop), recipe.Get(TrainOptions.Window));
            throw ToolException.Usage($"--hop: {hop} rows are more than a window's {window}: those between two windows would be in none");
        }

        if (recipe.Says(TrainOptions.Gaps) && !recipe.Says(TrainOptions.Time))
        {
            throw ToolException.Usage("--gaps: --time names the column of times");
        }

        foreach (RecipeOption option in (RecipeOption[])[TrainOptions.TestGroup, TrainOptions.ValidationGroup])
        {
            if (recipe.Says(option) && !recipe.Says(TrainOptions.Group))
            {
                throw ToolException.Usage($"--{option.Name}: --group names the column of groups");
            }
        }

        foreach (RecipeOption option in (RecipeOption[])[TrainOptions.Target, TrainOptions.Augment])
        {
            if (recipe.Says(option) && recipe.Says(TrainOptions.Normal))
            {
                throw ToolException.Usage($"--{option.Name}: with --normal the target of a row is the row itself");
            }
        }

        if (recipe.Get(TrainOptions.Padding) == "mask" && recipe.Says(TrainOptions.Normal))
        {
            throw ToolException.Usage("--padding mask: with --normal the target of a sample is the sample, which has no mask");
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

        CsvSeries series = Series(recipe, recipe.Get(TrainOptions.Data)!.Path, null);
        FloatDataset table = Shaped(recipe, Labelled(recipe, series));
        SampleGroups? groups = Groups(recipe, series, SampleSplit.All(table.Count));
        CsvSeries? testSeries = null;
        int[] training;
        FloatDataset? testTable = null;
        int[] test = [];
        if (recipe.Get(TrainOptions.Test) is { } testFile)
        {
            // The test file's label has the kind of the training file's.
            testSeries = Series(recipe.With(TrainOptions.Target, table.ClassCount == 0 ? "numbers" : "classes"), testFile, table.ClassNames);
            testTable = Shaped(recipe, Labelled(recipe, testSeries));
            if (testTable.InputLength != table.InputLength)
            {
                throw ToolException.BadInput($"{testFile}: rows have {testTable.InputLength} inputs, those of the training file {table.InputLength}");
            }

            training = SampleSplit.All(table.Count);
        }
        else
        {
            DataSplit split = SampleSplit.Split(recipe, table.Count, groups);
            training = split.Training;
            test = split.Test;
        }

        (int[] used, int[] held) = NormalSamples.Of(recipe, table, SampleSplit.Of(recipe, training, groups));
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
            DataFingerprint.Of(table))
        {
            Notes = groups is null ? [] :
            [
                groups.Describe(
                    groups.NamesOf(used), groups.NamesOf(held),
                    testSeries is null ? groups.NamesOf(test) : Groups(recipe, testSeries, SampleSplit.All(testSeries.Table.Count))!.Names),
            ],
        };
    }

    public override IBatchSource LoadForModel(Recipe recipe, bool whole, Preparation preparation)
    {
        if (IsSequence(recipe))
        {
            return Sequences(recipe).LoadForModel(whole, preparation);
        }

        string target = preparation.Classes == 0 ? "numbers" : "classes";
        CsvSeries series = Series(
            recipe.With(TrainOptions.Target, target),
            recipe.Get(TrainOptions.Test) ?? recipe.Get(TrainOptions.Data)!.Path,
            preparation.ClassNames);
        FloatDataset prepared = Prepare(Shaped(recipe, Labelled(recipe, series)), preparation.Standardizer);
        return whole || recipe.Says(TrainOptions.Test)
            ? prepared
            : DatasetView.Subset(
                prepared, SampleSplit.Split(recipe, prepared.Count, Groups(recipe, series, SampleSplit.All(prepared.Count))).Test);
    }

    private static SequenceLoader Sequences(Recipe recipe) => new(recipe, fillsUp: false, (path, classes) =>
    {
        CsvSeries series = Series(recipe.With(TrainOptions.Target, "classes"), path, classes);
        FloatDataset table = Labelled(recipe, series);
        if (recipe.Get(TrainOptions.Window) is { } window)
        {
            SequenceDataset windows = SequenceDataset.Windows(
                table, window, series.Starts, recipe.Get(TrainOptions.Hop) ?? 1, recipe.Get(TrainOptions.Short) == "drop", out int[] rows);
            return new ReadSequences(windows, Groups(recipe, series, rows), Notes(recipe, series, windows, window));
        }

        int steps = recipe.Get(TrainOptions.Steps)!.Value;
        return table.InputLength % steps == 0
            ? new ReadSequences(SequenceDataset.FromRows(table, steps), Groups(recipe, series, SampleSplit.All(table.Count)), [])
            : throw ToolException.Usage($"--steps: rows of {table.InputLength} inputs are no sequences of {steps} steps");
    });

    /// <summary>The groups of some rows; null where none are asked for.</summary>
    private static SampleGroups? Groups(Recipe recipe, CsvSeries series, int[] rows) => recipe.Get(TrainOptions.Group) is { } column
        ? new SampleGroups(column, Array.ConvertAll(rows, row => series.GroupOf(row)!))
        : null;

    /// <summary>What is not as it is without --time, --hop and --short.</summary>
    private static IReadOnlyList<string> Notes(Recipe recipe, CsvSeries series, SequenceDataset windows, int window)
    {
        if (!recipe.Says(TrainOptions.Time) && !recipe.Says(TrainOptions.Hop) && !recipe.Says(TrainOptions.Short) && !recipe.Says(TrainOptions.Group))
        {
            return [];
        }

        int shorter = SampleSplit.All(windows.Count).Count(i => windows.Length(i) < window);
        string step = recipe.Says(TrainOptions.Time) ? Text($", a step of {series.Step:G6}{(series.IsInSeconds ? " s" : "")}") : "";
        string stretches = series.Starts.Count == 1 ? "no gap" : Text($"{series.Starts.Count:N0} stretches that no window crosses");
        string filled = shorter == 0 ? "" : Text($"; {shorter:N0} are shorter and filled up with zeros");
        return
        [
            Text($"{series.Table.Count:N0} rows{step}; {stretches}"),
            Text($"{windows.Count:N0} windows of {window:N0} rows, one every {recipe.Get(TrainOptions.Hop) ?? 1:N0}{filled}"),
        ];
    }

    private static string Text(FormattableString text) => text.ToString(System.Globalization.CultureInfo.InvariantCulture);

    private static FloatDataset Labelled(Recipe recipe, CsvSeries series) => NormalSamples.Labelled(recipe, series.Table);

    private static FloatDataset Shaped(Recipe recipe, FloatDataset table) =>
        recipe.Get(TrainOptions.Image) is { } image ? table.WithShape(OptionText.ImageShape(image)) : table;

    private static CsvSeries Series(Recipe recipe, string path, IReadOnlyList<string>? classes)
    {
        if (Directory.Exists(path) || !File.Exists(path))
        {
            throw ToolException.BadInput(Directory.Exists(path) ? $"{path}: it is a folder, not a CSV file" : $"{path}: there is no such file");
        }

        // Labels that no training saw are anomalies as well.
        bool anomalies = recipe.Says(TrainOptions.Normal);
        return CsvReader.ReadSeries(
            path,
            new CsvOptions
            {
                Label = recipe.Get(TrainOptions.Label),
                Ignore = recipe.Get(TrainOptions.Ignore) ?? [],
                Classes = anomalies ? null : classes,
                Time = recipe.Get(TrainOptions.Time),
                SplitAtGaps = recipe.Get(TrainOptions.Gaps) == "split",
                Group = recipe.Get(TrainOptions.Group),
                Target = anomalies ? CsvTarget.Classes : recipe.Get(TrainOptions.Target) switch
                {
                    "classes" => CsvTarget.Classes,
                    "numbers" => CsvTarget.Numbers,
                    _ => CsvTarget.Automatic,
                },
            });
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
