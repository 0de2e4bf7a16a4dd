using System.Globalization;
using EmbeddedBackprop.Data;
using EmbeddedBackprop.Tools.Output;
using EmbeddedBackprop.Tools.Recipes;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tools.DataSources;

/// <summary>Recordings, cut into windows, that are split by whole groups: by speakers, machines, or at least by files.</summary>
internal abstract class RecordingSource : DataSource
{
    public override IReadOnlyList<RecipeOption> Reads =>
        [
            TrainOptions.Files,
            TrainOptions.Label,
            TrainOptions.Group,
            TrainOptions.TestGroup,
            TrainOptions.Test,
            TrainOptions.TestFraction,
            TrainOptions.Fold,
            TrainOptions.Window,
            TrainOptions.Hop,
            TrainOptions.Short,
            TrainOptions.Rate,
            TrainOptions.Channel,
        ];

    public override IReadOnlyList<string> InputNames => ["samples from -1 to 1: an integer of 16 bits divided by 32768"];

    public override float? SampleScale(Recipe recipe) => 1f / 32768;

    public override bool MayMove => true;

    /// <summary>The recordings of a path that are wanted by their names.</summary>
    protected abstract IReadOnlyList<Recording> Read(Recipe recipe, string path, Func<string, bool> wanted);

    public override void Check(Recipe recipe)
    {
        int window = recipe.Get(TrainOptions.Window) ?? 0, hop = recipe.Get(TrainOptions.Hop) ?? 0;
        if (hop > 0 && window == 0)
        {
            throw ToolException.Usage("--hop: --window gives the samples of a window");
        }

        if (hop > window)
        {
            throw ToolException.Usage($"--hop: {hop} samples are more than a window's {window}: those between two windows would be in none");
        }
    }

    public override TaskData Load(Recipe recipe)
    {
        string path = recipe.Get(TrainOptions.Data)!.Path;
        List<LabelledRecording> all = Labelled(recipe, path);
        string[] classes = [.. NaturalOrder.Distinct(all.Select(item => item.Label))];
        int rate = all[0].Recording.Rate;
        List<LabelledRecording>? others = recipe.Get(TrainOptions.Test) is { } test ? Labelled(recipe.With(TrainOptions.Rate, rate), test) : null;
        int window = recipe.Get(TrainOptions.Window) ?? Longest([.. all, .. others ?? []]);
        SignalWindows windows = Cut(recipe, path, all, classes, window);
        SampleGroups groups = Groups(recipe, all, windows);
        SignalWindows? testWindows = others is null ? null : Cut(recipe, recipe.Get(TrainOptions.Test)!, others, classes, window);
        DataSplit? split = testWindows is null ? SampleSplit.Split(recipe, windows.Samples.Count, groups) : null;
        (int[] used, int[] held) = SampleSplit.Of(recipe, split?.Training ?? SampleSplit.All(windows.Samples.Count), groups);
        IReadOnlyList<string> tested = testWindows is null ? groups.NamesOf(split!.Test) : Groups(recipe, others!, testWindows).Names;
        IBatchSource training = DatasetView.Subset(windows.Samples, used),
            testing = testWindows?.Samples ?? (IBatchSource)DatasetView.Subset(windows.Samples, split!.Test);
        return new TaskData(
            training,
            held.Length == 0 ? null : DatasetView.Subset(windows.Samples, held),
            testing,
            new Preparation(null, null, classes, classes.Length),
            DataFingerprint.Of(windows.Samples))
        {
            Window = window,
            Rate = rate,
            Notes =
            [
                .. Notes(all, windows, recipe, window),
                .. Missing("train on", training, classes),
                .. Missing("test", testing, classes),
                groups.Describe(groups.NamesOf(used), groups.NamesOf(held), tested),
            ],
        };
    }

    public override IBatchSource LoadForModel(Recipe recipe, bool whole, Preparation preparation)
    {
        string path = recipe.Get(TrainOptions.Test) ?? recipe.Get(TrainOptions.Data)!.Path;
        List<LabelledRecording> all = Labelled(recipe, path);
        SignalWindows windows = Cut(recipe, path, all, preparation.ClassNames ?? [], recipe.Get(TrainOptions.Window) ?? Longest(all));
        return whole || recipe.Says(TrainOptions.Test)
            ? windows.Samples
            : DatasetView.Subset(windows.Samples, SampleSplit.Split(recipe, windows.Samples.Count, Groups(recipe, all, windows)).Test);
    }

    /// <summary>Windows of recordings without labels, in the order of their names.</summary>
    /// <param name="recipe">The model's, with its window.</param>
    /// <param name="path">The file, the folder or the archive.</param>
    public List<RecordingWindow> Unlabelled(Recipe recipe, string path)
    {
        IReadOnlyList<Recording> recordings = Read(recipe, path, _ => true);
        SignalWindows windows = SignalWindows.Cut(recordings, new int[recordings.Count], 1, Options(recipe, recipe.Get(TrainOptions.Window)!.Value));
        List<RecordingWindow> all = [];
        int inside = 0;
        for (int i = 0; i < windows.Samples.Count; i++)
        {
            int own = windows.RecordingOf[i];
            inside = i > 0 && windows.RecordingOf[i - 1] == own ? inside + 1 : 0;
            float[] samples = new float[windows.Samples.InputLength];
            windows.Samples.Gather([i], samples, samples.Length, default, 0);
            double second = (double)inside * (recipe.Get(TrainOptions.Hop) ?? 0) / recordings[own].Rate;
            all.Add(new RecordingWindow(recordings[own].Name, second, samples));
        }

        return all;
    }

    /// <summary>The model is asked about other recordings later: of the same rate, cut in the same way.</summary>
    public override Recipe Recorded(Recipe recipe, TaskData data) => recipe
        .With(TrainOptions.Window, data.Window)
        .With(TrainOptions.Rate, data.Rate);

    private List<LabelledRecording> Labelled(Recipe recipe, string path)
    {
        if (!File.Exists(path) && !Directory.Exists(path))
        {
            throw ToolException.BadInput($"{path}: there is no such file or folder");
        }

        RecordingNames names = new(recipe);
        List<LabelledRecording> all = names.Label(Read(recipe, path, names.IsWanted), path);
        return all.TrueForAll(item => item.Recording.IsSilent)
            ? throw ToolException.BadInput($"{path}: every recording is silent (all samples of '{all[0].Recording.Name}' are the same)")
            : all;
    }

    private static int Longest(List<LabelledRecording> all) => all.Max(item => item.Recording.Samples.Length);

    private static SignalWindows Cut(Recipe recipe, string path, List<LabelledRecording> all, IReadOnlyList<string> classes, int window)
    {
        List<string> names = [.. classes];
        int[] labels = new int[all.Count];
        for (int i = 0; i < labels.Length; i++)
        {
            labels[i] = names.IndexOf(all[i].Label);
            if (labels[i] < 0)
            {
                throw ToolException.BadInput(
                    $"{path}: '{all[i].Recording.Name}': label '{all[i].Label}' is not among the {names.Count} classes: {string.Join(", ", names)}");
            }
        }

        return SignalWindows.Cut(all.ConvertAll(item => item.Recording), labels, names.Count, Options(recipe, window), names);
    }

    private static SignalWindowOptions Options(Recipe recipe, int window) => new()
    {
        Length = window,
        Hop = recipe.Get(TrainOptions.Hop) ?? 0,
        DropShort = recipe.Get(TrainOptions.Short) == "drop",
    };

    private static SampleGroups Groups(Recipe recipe, List<LabelledRecording> all, SignalWindows windows)
    {
        string[] of = new string[windows.Samples.Count];
        for (int i = 0; i < of.Length; i++)
        {
            of[i] = all[windows.RecordingOf[i]].Group;
        }

        return new SampleGroups(recipe.Get(TrainOptions.Group) ?? RecordingNames.File, of);
    }

    private static IEnumerable<string> Notes(List<LabelledRecording> all, SignalWindows windows, Recipe recipe, int window)
    {
        long samples = all.Sum(item => (long)item.Recording.Samples.Length);
        int rate = all[0].Recording.Rate, hop = recipe.Get(TrainOptions.Hop) ?? 0;
        yield return Text($"{all.Count:N0} recordings at {rate:N0} Hz, {Seconds(samples, rate)}");
        string cut = hop == 0
            ? Text($"one window of {window:N0} samples ({Seconds(window, rate)}) a recording")
            : Text($"{windows.Samples.Count:N0} windows of {window:N0} samples ({Seconds(window, rate)}), one every {hop:N0}");
        string filled = windows.FilledUp == 0 ? "" : Text($"; {windows.FilledUp:N0} recordings are shorter and filled up with zeros at their end");
        string dropped = windows.Dropped == 0 ? "" : Text($"; {windows.Dropped:N0} recordings are shorter and left out");
        string hint = hop == 0 && windows.Unused > samples / 2 ? Text($" (--hop {window} takes them)") : "";
        string unused = windows.Unused == 0 ? "" : Text($"; {100.0 * windows.Unused / samples:F1} % of all samples are in no window{hint}");
        yield return cut + filled + dropped + unused;
        if (Named(all, item => item.IsSilent) is { } silent)
        {
            yield return $"silent: {silent}";
        }

        if (Named(all, item => item.Clipped > 0) is { } clipped)
        {
            yield return $"at the limits of their integers: {clipped}";
        }
    }

    /// <summary>Classes that a part of the samples does not have.</summary>
    private static IEnumerable<string> Missing(string what, IBatchSource samples, string[] classes)
    {
        bool[] occurs = new bool[classes.Length];
        for (int i = 0; i < samples.Count; i++)
        {
            occurs[samples.Label(i)] = true;
        }

        string[] missing = [.. classes.Where((_, i) => !occurs[i])];
        return missing.Length == 0 ? [] : [$"classes without a sample to {what}: {string.Join(", ", missing)}"];
    }

    private static string? Named(List<LabelledRecording> all, Func<Recording, bool> isMeant)
    {
        string[] names = [.. all.Where(item => isMeant(item.Recording)).Select(item => item.Recording.Name).Distinct()];
        return names.Length == 0 ? null : SampleGroups.Shown(names, "recordings");
    }

    private static string Seconds(long samples, int rate)
    {
        double seconds = (double)samples / rate;
        return seconds >= 120 ? Text($"{seconds / 60:F1} min") : seconds >= 1 ? Text($"{seconds:0.##} s") : Text($"{1000 * seconds:0.##} ms");
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
