using System.Text.RegularExpressions;

namespace EmbeddedBackprop.Tests.Documentation;

/// <summary>The rules of every page: narrow tables, links that lead somewhere, and names of source files that exist.</summary>
internal sealed partial class PagesTests
{
    private const int WidestCell = 120;

    // Files of the repository below these folders, without what the compiler writes.
    private static readonly string[] Sources =
    [
        .. ((string[])["src", "tools", "tests", "bench", "examples"])
            .SelectMany(folder => Directory.EnumerateFiles(Path.Combine(Repository.Root, folder), "*", SearchOption.AllDirectories))
            .Select(file => Path.GetRelativePath(Repository.Root, file).Replace('\\', '/'))
            .Where(file => !Built().IsMatch(file)),
    ];

    private static IEnumerable<string> All => Pages.All;

    // ARCHITECTURE.md is a page for one reader, in which some tables are longer.
    private static IEnumerable<string> Tables => Pages.All.Where(page => page != "ARCHITECTURE.md");

    [TestCaseSource(nameof(Tables))]
    public void No_cell_of_a_table_is_wider_than_120_characters(string page) => Assert.That(TooWide(Pages.Read(page)), Is.Empty);

    [Test]
    public void A_wide_cell_would_be_seen()
    {
        string fits = new('x', WidestCell), wide = fits + "x";
        Assert.That(TooWide($"| a | b |\n| --- | --- |\n| {fits} | `a\\|b` |\n"), Is.Empty);
        Assert.That(TooWide($"| a | b |\n| --- | --- |\n| 1 | {wide} |\n"), Is.EqualTo([wide]));
        Assert.That(Tables.Sum(page => Pages.Cells(Pages.Read(page)).Count()), Is.GreaterThan(1000));
    }

    [TestCaseSource(nameof(All))]
    public void Every_link_leads_to_a_file(string page) => Assert.That(Broken(page, Pages.Read(page)), Is.Empty);

    [Test]
    public void A_broken_link_would_be_seen()
    {
        Assert.That(Broken("docs/x.md", "[a](../README.md) [b](nets.md#names) [c](https://example.org/none)"), Is.Empty);
        Assert.That(Broken("docs/x.md", "[a](README.md) [b](../nets.md)"), Is.EqualTo(["../nets.md"]));
        Assert.That(All.Sum(page => Pages.Links(Pages.Read(page)).Count()), Is.GreaterThan(50));
    }

    [Test]
    public void The_packages_readme_has_no_link_into_the_repository()
    {
        string readme = Pages.Read("package/README.md");
        Assert.That(Pages.Links(readme), Is.Empty, "a package's page has no files beside it");
        Assert.That(Pages.Links(readme + "[guide](docs/aot.md)"), Is.EqualTo(["docs/aot.md"]), "the control");
    }

    [TestCaseSource(nameof(All))]
    public void Every_source_file_that_is_named_exists(string page) => Assert.That(Unknown(Pages.Read(page)), Is.Empty);

    [Test]
    public void A_wrong_path_would_be_seen()
    {
        Assert.That(
            Unknown("`Ops/Dense.cs`, `Ops/`, `IO/KillTests`, `Ops/{Dense,Dropout}.cs`, `Losses/*.cs` and tests/.../IO/KillTests.cs"),
            Is.Empty);
        Assert.That(
            Unknown("`Graphs/Dense.cs`, `Opps/`, `IO/KilledTests`, `Ops/{Dense,Dropin}.cs` and DenseDense.cs"),
            Is.EquivalentTo(["Graphs/Dense.cs", "Opps/", "IO/KilledTests", "Ops/{Dense,Dropin}.cs", "DenseDense.cs"]));
        Assert.That(All.Sum(page => Pages.SourcePaths(Pages.Read(page)).Count()), Is.GreaterThan(100));
    }

    [Test]
    public void The_map_of_docs_leads_to_every_page()
    {
        string map = Pages.Read("docs/README.md");
        Assert.That(Missing(map), Is.Empty);
        Assert.That(Missing(map.Replace("(nets.md)", "", StringComparison.Ordinal)), Is.EqualTo(["docs/nets.md"]), "the control");
    }

    private static IEnumerable<string> Missing(string map) =>
        Pages
            .All.Where(page => page.StartsWith("docs/", StringComparison.Ordinal) && page != "docs/README.md")
            .Except(Pages.Links(map).Select(target => "docs/" + target));

    private static IEnumerable<string> TooWide(string markdown) => Pages.Cells(markdown).Where(cell => cell.Length > WidestCell);

    private static IEnumerable<string> Broken(string page, string markdown)
    {
        string folder = Path.GetDirectoryName(Path.Combine(Repository.Root, page))!;
        return Pages.Links(markdown).Where(target => !File.Exists(Path.Combine(folder, target)) && !Directory.Exists(Path.Combine(folder, target)));
    }

    private static IEnumerable<string> Unknown(string markdown) =>
        Pages.SourcePaths(markdown).Where(path => Alternatives(path).Any(alternative => !Exists(alternative)));

    private static bool Exists(string path)
    {
        // "tests/.../Ops/X.cs" leaves folders out; "Ops/" and "tools/Ebp" are folders; "IO/KillTests" is a class and its file; X and CPU are any
        // name.
        string pattern = Regex.Escape(path).Replace(@"\.\.\.", ".*", StringComparison.Ordinal).Replace(@"\*", "[^/]*", StringComparison.Ordinal);
        pattern = AnyName().Replace(pattern, "[^/]*");
        Regex file = new($"(^|/){pattern}{(path.EndsWith('/') ? "" : @"(/|(\.cs)?$)")}");
        return Sources.Any(file.IsMatch);
    }

    /// <summary>a{b,c}d is abd and acd.</summary>
    private static IEnumerable<string> Alternatives(string path)
    {
        Match braces = Braces().Match(path);
        return braces.Success ? braces.Groups[2].Value.Split(',').Select(word => braces.Groups[1].Value + word + braces.Groups[3].Value) : [path];
    }

    [GeneratedRegex(@"(?<=^|/)(X|CPU)(?=/|\\\.|$)")]
    private static partial Regex AnyName();

    [GeneratedRegex("/(bin|obj)/")]
    private static partial Regex Built();

    [GeneratedRegex(@"^([^{]*)\{([^}]*)\}(.*)$")]
    private static partial Regex Braces();
}
