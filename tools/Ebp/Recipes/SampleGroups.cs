using System.Globalization;
using EmbeddedBackprop.Data;

namespace EmbeddedBackprop.Tools.Recipes;

/// <summary>Samples that come of one source, such as a speaker or a machine, and stay on one side of every split.</summary>
internal sealed class SampleGroups
{
    /// <summary>More names than this are counted, not listed.</summary>
    private const int Listed = 12;

    private readonly string kind;
    private readonly int[] groupOf;
    private readonly List<string> names;

    /// <param name="kind">What the groups are, as in speaker.</param>
    /// <param name="groups">The group of each sample.</param>
    public SampleGroups(string kind, IReadOnlyList<string> groups)
    {
        this.kind = kind;
        names = NaturalOrder.Distinct(groups);
        Dictionary<string, int> numbers = new(StringComparer.Ordinal);
        for (int i = 0; i < names.Count; i++)
        {
            numbers.Add(names[i], i);
        }

        groupOf = new int[groups.Count];
        for (int i = 0; i < groupOf.Length; i++)
        {
            groupOf[i] = numbers[groups[i]];
        }
    }

    /// <summary>The names of all groups: whole numbers ascending, others as ordinal text.</summary>
    public IReadOnlyList<string> Names => names;

    /// <summary>Names as a sentence lists them, or how many there are.</summary>
    public static string Shown(IReadOnlyList<string> names, string kind) => names.Count == 0 ? "none"
        : names.Count <= Listed ? string.Join(", ", names)
        : string.Create(CultureInfo.InvariantCulture, $"{names.Count:N0} {kind}");

    /// <summary>The groups of some samples.</summary>
    public IReadOnlyList<string> NamesOf(int[] samples)
    {
        bool[] occurs = new bool[names.Count];
        foreach (int sample in samples)
        {
            occurs[groupOf[sample]] = true;
        }

        return [.. names.Where((_, i) => occurs[i])];
    }

    /// <summary>Holds out the groups of --test-group, the part of --fold, or a share of samples in whole groups.</summary>
    public DataSplit Split(Recipe recipe, float fraction)
    {
        int[] all = SampleSplit.All(groupOf.Length);
        if (recipe.Get(TrainOptions.TestGroup) is { } tested)
        {
            return Named(TrainOptions.TestGroup, tested, all);
        }

        if (recipe.Get(TrainOptions.Fold) is { } fold)
        {
            return Fold(TrainOptions.Fold, fold, all);
        }

        return names.Count > 1
            ? DataSplit.RandomGroups(groupOf, fraction, recipe.GetOrDefault(TrainOptions.Seed)!.Value)
            : throw ToolException.BadInput(
                $"{recipe.Get(TrainOptions.Data)!.Path}: one {kind} ({names[0]}) cannot be split into training and test; --test names other data");
    }

    /// <summary>Holds out the named groups of some samples.</summary>
    /// <exception cref="ToolException">There is no such group, or no other.</exception>
    public DataSplit Named(RecipeOption option, string[] wanted, int[] available)
    {
        IReadOnlyList<string> known = NamesOf(available);
        foreach (string name in wanted)
        {
            if (!known.Contains(name, StringComparer.Ordinal))
            {
                throw ToolException.Usage($"--{option.Name}: there is no {kind} '{name}' (known: {Known(known)})");
            }
        }

        return known.All(name => wanted.Contains(name, StringComparer.Ordinal))
            ? throw ToolException.Usage($"--{option.Name}: no {kind} is left to train on")
            : Of(available, group => wanted.Contains(names[group], StringComparer.Ordinal));
    }

    /// <summary>Holds out a part of the groups of some samples, as in 4/5.</summary>
    public DataSplit Fold(RecipeOption option, string text, int[] available)
    {
        (int fold, int folds) = SampleSplit.Parts(text);
        IReadOnlyList<string> known = NamesOf(available);
        if (folds > known.Count)
        {
            throw ToolException.Usage(string.Create(
                CultureInfo.InvariantCulture, $"--{option.Name}: {folds} parts of {known.Count} groups by {kind}: {Known(known)}"));
        }

        HashSet<string> wanted = new(known.Where((_, i) => i % folds == fold), StringComparer.Ordinal);
        return Of(available, group => wanted.Contains(names[group]));
    }

    /// <summary>Holds out the last groups of some samples, as many as it takes to have so many samples.</summary>
    public DataSplit Last(RecipeOption option, int count, int[] available)
    {
        int[] sizes = new int[names.Count];
        foreach (int sample in available)
        {
            sizes[groupOf[sample]]++;
        }

        int first = names.Count, held = 0;
        while (first > 0 && held < count)
        {
            held += sizes[--first];
        }

        return held >= available.Length
            ? throw ToolException.Usage(string.Create(
                CultureInfo.InvariantCulture,
                $"--{option.Name}: {count} samples cannot be held out of {available.Length} training samples in whole groups by {kind}"))
            : Of(available, group => group >= first);
    }

    /// <summary>Which groups are where, after a look at whether one is on two sides.</summary>
    public string Describe(IReadOnlyList<string> training, IReadOnlyList<string> validation, IReadOnlyList<string> test)
    {
        HashSet<string> seen = new(training, StringComparer.Ordinal);
        List<string> twice = [.. validation.Where(name => !seen.Add(name)), .. test.Where(name => !seen.Add(name))];
        string validating = validation.Count == 0 ? "" : $"; to validate {Shown(validation, Plural)}";
        string end = twice.Count == 0 ? $"no {kind} is on two sides" : $"on two sides: {Shown(twice, Plural)}";
        return $"split by {kind}: to train on {Shown(training, Plural)}{validating}; to test {Shown(test, Plural)}; {end}";
    }

    private string Plural => kind + "s";

    private static string Known(IReadOnlyList<string> known) =>
        known.Count <= Listed ? string.Join(", ", known) : string.Join(", ", known.Take(Listed)) + ", ...";

    private DataSplit Of(int[] available, Func<int, bool> isTested) =>
        DataSplit.OfGroups(Array.ConvertAll(available, sample => groupOf[sample]), isTested);
}
