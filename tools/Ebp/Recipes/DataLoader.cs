using EmbeddedBackprop.Data;
using EmbeddedBackprop.Data.Digits;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tools.Recipes;

/// <summary>Reads or draws the samples that a recipe names.</summary>
internal static class DataLoader
{
    private const int DigitsForTraining = 20_000;
    private const int DigitsForTest = 4_000;
    private const float DefaultTestFraction = 0.2f;

    /// <summary>Training, validation and test samples; a table is standardised by its training part alone.</summary>
    public static TaskData Load(Recipe recipe)
    {
        CheckTableOptions(recipe);
        if (SequenceLoader.Applies(recipe))
        {
            return SequenceLoader.Load(recipe);
        }

        if (recipe.Data!.StartsWith("csv:", StringComparison.Ordinal))
        {
            return LoadTable(recipe);
        }

        (ByteDataset training, ByteDataset test) = LoadImages(recipe, withTraining: true);
        (int[] used, int[] held) = TrainingParts.Of(recipe, TrainingParts.All(recipe.Data == "digits" ? DigitsForTraining : training.Count));
        return new TaskData(
            View(training, used), held.Length == 0 ? null : View(training, held), test,
            new Preparation(null, null, null, training.ClassCount), DataFingerprint.Of(training));
    }

    /// <summary>The samples that a finished model is judged by: the test part, or for a table named without one, all its rows.</summary>
    public static IBatchSource LoadForModel(Recipe recipe, bool wholeTable, Preparation preparation)
    {
        CheckTableOptions(recipe);
        if (SequenceLoader.Applies(recipe))
        {
            return SequenceLoader.LoadForModel(recipe, wholeTable, preparation);
        }

        if (!recipe.Data!.StartsWith("csv:", StringComparison.Ordinal))
        {
            return LoadImages(recipe, withTraining: false).Test;
        }

        string target = preparation.Classes == 0 ? "numbers" : "classes";
        FloatDataset table = ReadTable(recipe with { Target = target }, recipe.Test ?? recipe.Data[4..], preparation.ClassNames);
        FloatDataset prepared = Prepare(table, preparation.Standardizer);
        return wholeTable || recipe.Test is not null ? prepared : DatasetView.Subset(prepared, Split(recipe, table.Count).Test);
    }

    private static (ByteDataset Training, ByteDataset Test) LoadImages(Recipe recipe, bool withTraining)
    {
        if (recipe.Data == "digits")
        {
            ulong seed = recipe.Seed ?? RecipeDefaults.Seed;

            // What nobody will look at is not drawn: a picture depends on the seed and its number alone.
            int wanted = !withTraining ? 0 : recipe.HoldsOut ? DigitsForTraining : Math.Min(recipe.Limit ?? DigitsForTraining, DigitsForTraining);
            return (DigitsGenerator.Create(wanted, seed), DigitsGenerator.Create(DigitsForTest, seed, DigitsForTraining));
        }

        string folder = recipe.DataDir ?? "mnist";
        try
        {
            ByteDataset test = MnistFiles.LoadTest(folder);
            return (withTraining ? MnistFiles.LoadTraining(folder) : test, test);
        }
        catch (FileNotFoundException exception) when (recipe.DataDir is null)
        {
            throw ToolException.BadInput($"--data-dir names the folder of the MNIST files. {exception.Message}", exception);
        }
    }

    private static TaskData LoadTable(Recipe recipe)
    {
        FloatDataset table = ReadTable(recipe, recipe.Data![4..], null);
        int[] training;
        FloatDataset? testTable = null;
        int[] test = [];
        if (recipe.Test is not null)
        {
            // What the training file's label is, the test file's is, too.
            testTable = ReadTable(recipe with { Target = table.ClassCount == 0 ? "numbers" : "classes" }, recipe.Test, table.ClassNames);
            if (testTable.InputLength != table.InputLength)
            {
                throw ToolException.BadInput($"{recipe.Test}: rows have {testTable.InputLength} inputs, those of the training file {table.InputLength}");
            }

            training = TrainingParts.All(table.Count);
        }
        else
        {
            DataSplit split = Split(recipe, table.Count);
            training = split.Training;
            test = split.Test;
        }

        (int[] used, int[] held) = TrainingParts.Of(recipe, training);
        DatasetView fitted = DatasetView.Subset(table, used);
        Standardizer standardizer = recipe.Image is null ? IndexColumns.LeaveAlone(Standardizer.Fit(fitted), recipe.Net, fitted.InputShape) : Standardizer.FitTogether(fitted);
        FloatDataset prepared = standardizer.Apply(table);
        return new TaskData(
            DatasetView.Subset(prepared, used),
            held.Length == 0 ? null : DatasetView.Subset(prepared, held),
            testTable is null ? DatasetView.Subset(prepared, test) : Prepare(testTable, standardizer),
            new Preparation(standardizer, table.InputNames, table.ClassNames, table.ClassCount),
            DataFingerprint.Of(table));
    }

    public static FloatDataset ReadTable(Recipe recipe, string path, IReadOnlyList<string>? classes)
    {
        if (Directory.Exists(path) || !File.Exists(path))
        {
            throw ToolException.BadInput(Directory.Exists(path) ? $"{path}: it is a folder, not a CSV file" : $"{path}: there is no such file");
        }

        FloatDataset table = CsvReader.Read(path, new CsvOptions { Label = recipe.Label, Ignore = recipe.IgnoredColumns, Classes = classes, Target = Target(recipe) });
        return recipe.Image is { } image ? table.WithShape(OptionText.ImageShape(image)) : table;
    }

    private static CsvTarget Target(Recipe recipe) =>
        recipe.Target switch { "classes" => CsvTarget.Classes, "numbers" => CsvTarget.Numbers, _ => CsvTarget.Automatic };

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

    /// <summary>What trains and what tests, where no file says so.</summary>
    public static DataSplit Split(Recipe recipe, int count)
    {
        if (recipe.Fold is { } text)
        {
            return TrainingParts.Fold("fold", text, count);
        }

        if (count < 2)
        {
            throw ToolException.BadInput($"{recipe.Data![4..]}: one row cannot be split into training and test; name a file with --test");
        }

        return DataSplit.Random(count, recipe.TestFraction ?? DefaultTestFraction, recipe.Seed ?? RecipeDefaults.Seed);
    }

    private static IBatchSource View(ByteDataset data, int[] samples)
    {
        bool together = samples[^1] - samples[0] == samples.Length - 1;
        return !together ? DatasetView.Subset(data, samples)
            : samples.Length == data.Count ? data
            : DatasetView.Slice(data, samples[0], samples.Length);
    }

    private static void CheckTableOptions(Recipe recipe)
    {
        bool table = recipe.Data!.StartsWith("csv:", StringComparison.Ordinal), strokes = SequenceLoader.IsStrokes(recipe);
        string? stray = table ? null
            : recipe.Label is not null ? "label"
            : recipe.Target is not null ? "target"
            : recipe.Ignore is not null ? "ignore"
            : recipe.Window is not null ? "window"
            : recipe.Image is not null ? "image"
            : strokes ? null
            : recipe.Test is not null ? "test"
            : recipe.TestFraction is not null ? "test-fraction"
            : recipe.Fold is not null ? "fold"
            : recipe.Steps is not null ? "steps"
            : null;
        if (stray is not null)
        {
            throw ToolException.Usage($"--{stray}: it belongs to --data csv:FILE{(stray is "test" or "test-fraction" or "fold" or "steps" ? " or strokes:PATH" : "")}, the data are {recipe.Data}");
        }

        if (recipe.Resample is not null && !strokes)
        {
            throw ToolException.Usage($"--resample: it belongs to --data strokes:PATH, the data are {recipe.Data}");
        }

        if (recipe.Padding is not null && !SequenceLoader.Applies(recipe))
        {
            throw ToolException.Usage("--padding: it belongs to sequences (--data strokes:PATH, --window, --steps)");
        }

        if (recipe.Image is not null && SequenceLoader.Applies(recipe))
        {
            throw ToolException.Usage("--image: a row is an image or steps of a sequence, not both");
        }

        if (recipe.Window is not null && recipe.Steps is not null)
        {
            throw ToolException.Usage("--steps: with --window a row is one step");
        }

        if (SequenceLoader.Applies(recipe) && recipe.Target == "numbers")
        {
            throw ToolException.Usage("--target numbers: sequences have classes");
        }

        if (recipe.Fold is not null && (recipe.Test is not null || recipe.TestFraction is not null))
        {
            throw ToolException.Usage("--fold: --test or --test-fraction names the test samples already");
        }

        if (recipe.DataDir is not null && recipe.Data != "mnist")
        {
            throw ToolException.Usage($"--data-dir: it belongs to --data mnist, the data are {recipe.Data}");
        }

        if (recipe.Test is not null && recipe.TestFraction is not null)
        {
            throw ToolException.Usage("--test-fraction: --test names the test samples already");
        }
    }
}
