using System.Text.RegularExpressions;

namespace EmbeddedBackprop.Tests.Documentation;

/// <summary>Every block of C#, Python or commands on the pages is run by a test, or is in a list here with the reason.</summary>
internal sealed partial class BlocksTests
{
    /// <summary>Pages, or parts of them, whose blocks a test runs all together.</summary>
    private static readonly Dictionary<string, string> WholePages = new(StringComparer.Ordinal)
    {
        ["docs/csharp.md"] = "CSharpGuideTests",
        ["docs/firmware.md"] = "FirmwareTests",
        ["docs/integers.md"] = "IntegersGuideTests",
        ["package/README.md"] = "../Packages/PackageTests",
    };

    /// <summary>Blocks by their page and the beginning of their first line: the test, or why there is none.</summary>
    private static readonly (string Page, string Begin, string Reason)[] Others =
    [
        ("README.md", "git clone", "ReadmeCommandTests runs the tool; the suite is its own test"),
        ("README.md", "epoch  20/20", "ReadmeCommandTests: what the first command prints"),
        ("ARCHITECTURE.md", "", "pictures"),
        ("CONTRIBUTING.md", "loops=$(setsid", "hours, on a machine of one's own"),
        ("CONTRIBUTING.md", "dotnet pack", "PackageTests"),
        ("docs/aot.md", "dotnet publish -r linux-x64 -o app ", "AotTests publish these builds of the probe, and start them"),
        ("docs/benchmarks.md", "dotnet run -c Release --project bench/", "hours; BenchmarkProgramTests run what is short"),
        ("docs/model-file.md", "net       = statement", "a grammar; NetTextTests"),
        ("docs/onnx.md", "python3 export.py", "OnnxGuideTests"),
        ("examples/spoken-digits/README.md", "bash examples/", "../Examples/SpokenDigitsTests runs it, on tones"),
        ("docs/ulp.md", "dotnet test", "the test that writes the page"),
        ("examples/bearings/README.md", "", "../Examples/BearingsTests run the script on simulated bearings"),
    ];

    [Test]
    public void Every_block_is_run_or_has_a_reason()
    {
        string[] pages = [.. Pages.All];
        Assert.That(pages.SelectMany(page => Loose(page, Pages.Read(page))), Is.Empty);
        Assert.That(pages.Sum(page => Blocks(Pages.Read(page)).Count()), Is.GreaterThan(40));
    }

    [Test]
    public void Every_test_and_every_block_that_is_named_here_exists()
    {
        string folder = Path.Combine(Repository.Root, "tests", "EmbeddedBackprop.Tests", "Documentation");
        Assert.That(WholePages.Values.Where(test => !File.Exists(Path.Combine(folder, test + ".cs"))), Is.Empty);
        Assert.That(
            Others.Where(other => !Blocks(Pages.Read(other.Page)).Any(block => block.Code.StartsWith(other.Begin, StringComparison.Ordinal))),
            Is.Empty);
        string sources = string.Concat(
            Directory.GetFiles(folder, "*.cs").Where(file => Path.GetFileName(file) != "BlocksTests.cs").Select(File.ReadAllText));
        Assert.That(
            Pages.All.SelectMany(page => Blocks(Pages.Read(page)))
                .Where(block => block.Mark.StartsWith("test: ", StringComparison.Ordinal))
                .Select(block => block.Mark["test: ".Length..])
                .Where(name => !Regex.IsMatch(sources, $@"["" ]{name}["" ]|\bvoid {name}\(|test: {name} ")),
            Is.Empty);
    }

    [TestCase("docs/data.md", "```csharp\nint x = 1;\n```\n", 1)]
    [TestCase("docs/data.md", "```\nebp train\n```\n", 1)]
    [TestCase("docs/data.md", "<!-- test: Trainings -->\n```\nebp train\n```\n", 0)]
    [TestCase("docs/data.md", "```xml\n<a/>\n```\n", 0)]
    [TestCase("docs/csharp.md", "```csharp\nint x = 1;\n```\n", 0)]
    public void Control_a_block_that_no_test_runs_is_found(string page, string text, int loose) =>
        Assert.That(Loose(page, text).Count(), Is.EqualTo(loose));

    /// <summary>Blocks of a page that no test runs and no reason excuses.</summary>
    private static IEnumerable<string> Loose(string page, string text) =>
        WholePages.ContainsKey(page)
            ? []
            : Blocks(text)
                .Where(block => block.Language is "" or "csharp" or "python" or "sh" or "console")
                .Where(block => !block.Mark.StartsWith("test: ", StringComparison.Ordinal))
                .Where(block => !Others.Any(other => other.Page == page && block.Code.StartsWith(other.Begin, StringComparison.Ordinal)))
                .Select(block => $"{page}: {block.Code.Split('\n')[0]}");

    private static IEnumerable<(string Mark, string Language, string Code)> Blocks(string text) =>
        Block().Matches(text).Select(match => (match.Groups["mark"].Value, match.Groups["language"].Value, match.Groups["code"].Value));

    [GeneratedRegex(
        @"(?:^<!-- (?<mark>[^\n]*?) -->\s*\n)?^```(?<language>[a-z]*)\n(?<code>.*?)^```$", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Block();
}
