using System.Text.RegularExpressions;

namespace EmbeddedBackprop.Tests.Architecture;

/// <summary>
/// ARCHITECTURE.md's table of files to touch is counted: the tracked files that name one thing of a kind are the files that its like will touch. A
/// changelog and generated results are not written by hand and do not count; nor does this file.
/// </summary>
internal sealed class PlacesToTouchTests
{
    private static readonly string[] NotCounted =
    [
        "CHANGELOG.md",
        "bench/results/",
        "tests/EmbeddedBackprop.Tests/Architecture/PlacesToTouchTests.cs",
    ];

    /// <param name="name">An activation, an optimiser, an op, as an example of its kind.</param>
    /// <param name="inSources">The most files below src and tools.</param>
    /// <param name="everywhere">The most files with tests, benchmarks and docs.</param>
    [TestCase("HardSwish", 4, 6)]
    [TestCase("Adagrad", 2, 4)]
    [TestCase("GlobalMaxPool", 7, 13)]
    public void A_thing_of_its_kind_is_named_in_few_files(string name, int inSources, int everywhere)
    {
        string[] files = FilesThatName(name), sources = InSources(files);
        TestContext.Out.WriteLine($"{name}: {sources.Length} files in src and tools, {files.Length} in all\n{string.Join('\n', files)}");
        Assert.That(sources, Has.Length.AtLeast(1), "the control: what is counted is there");
        Assert.That(sources, Has.Length.AtMost(inSources), string.Join('\n', sources));
        Assert.That(files, Has.Length.AtMost(everywhere), string.Join('\n', files));
    }

    /// <summary>A source of ebp's data: its file, its row, and the help of the options that are its own.</summary>
    [TestCase("DigitsSource", "\"digits")]
    [TestCase("MnistSource", "\"mnist")]
    [TestCase("CsvSource", "csv:")]
    [TestCase("StrokesSource", "strokes:")]
    [TestCase("WavSource", "wav:")]
    [TestCase("RawSource", "raw:")]
    public void A_data_source_is_named_in_three_files(string type, string prefix)
    {
        string[] files = [.. InSources([.. FilesThatName(type).Union(FilesThatName(prefix))])];
        TestContext.Out.WriteLine($"{type}: {files.Length} files\n{string.Join('\n', files)}");
        Assert.That(files, Has.Length.InRange(2, 3), string.Join('\n', files));
    }

    /// <summary>The name of an option of ebp: one row says how it is called, read, written and explained.</summary>
    [TestCase("label-smoothing")]
    [TestCase("schedule-floor")]
    [TestCase("warm-up-steps")]
    [TestCase("average-decay")]
    [TestCase("validation-fold")]
    [TestCase("max-norm")]
    [TestCase("init-gain")]
    public void An_option_is_one_row(string name)
    {
        string[] lines =
        [
            .. TrackedFiles()
                .Where(file => file.StartsWith("tools/Ebp/", StringComparison.Ordinal) && file.EndsWith(".cs", StringComparison.Ordinal))
                .SelectMany(file =>
                    File.ReadLines(Path.Combine(Repository.Root, file))
                        .Where(line => line.Contains($"\"{name}\"", StringComparison.Ordinal))
                        .Select(line => $"{file}: {line}")),
        ];
        Assert.That(lines, Has.Length.EqualTo(1), string.Join('\n', lines));
    }

    /// <summary>Other words, and parts of a longer name, do not count.</summary>
    [Test]
    public void The_count_sees_identifiers()
    {
        Assert.That(
            Names("new HardSwish()", "HardSwish") && Names("Row<HardSwish>(),", "HardSwish") && Names("or \"strokes:\"", "strokes:"),
            Is.True);
        Assert.That(Names("HardSwishLike", "HardSwish") || Names("hard-swish", "HardSwish") || Names("CHardSwish", "HardSwish"), Is.False);

        // The control: a thing that many files name is above every threshold, one that none names is below.
        Assert.That(FilesThatName("Dense"), Has.Length.AtLeast(10));
        Assert.That(InSources(FilesThatName("Dense")), Has.Length.AtLeast(5));
        Assert.That(FilesThatName("NoSuchThing" + "AnyWhere"), Is.Empty);
    }

    private static string[] InSources(string[] files) =>
        [.. files.Where(file => file.StartsWith("src/", StringComparison.Ordinal) || file.StartsWith("tools/", StringComparison.Ordinal))];

    private static bool Names(string text, string name) =>
        Regex.IsMatch(text, $@"(?<!\w){Regex.Escape(name)}{(char.IsLetterOrDigit(name[^1]) ? @"(?!\w)" : "")}", RegexOptions.CultureInvariant);

    private static string[] FilesThatName(string name) => [.. TrackedFiles()
        .Where(file => !NotCounted.Any(start => file.StartsWith(start, StringComparison.Ordinal)))
        .Where(file => Path.GetExtension(file) is ".cs" or ".md" or ".txt" or ".csproj" or ".props" or ".yml" or ".json" or ".py" or ".sh")
        .Where(file => File.Exists(Path.Combine(Repository.Root, file)) && Names(File.ReadAllText(Path.Combine(Repository.Root, file)), name))];

    private static string[] TrackedFiles()
    {
        string git = Tools.Require("git", "git");
        Tools.Result listed = Tools.Run(Repository.Root, git, "ls-files");
        if (listed.ExitCode != 0)
        {
            Assert.Ignore($"git ls-files: {listed.Errors.Trim()}");
        }

        return listed.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }
}
