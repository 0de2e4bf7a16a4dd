using System.Text.RegularExpressions;

namespace EmbeddedBackprop.Tests.Documentation;

/// <summary>The pages that people write and read; the ledgers of bench/results are not among them.</summary>
internal static partial class Pages
{
    /// <summary>README, the pages of docs and of the examples, and their neighbours, by their path from the root.</summary>
    public static IEnumerable<string> All =>
        [
            "README.md",
            "ARCHITECTURE.md",
            "CONTRIBUTING.md",
            "SECURITY.md",
            "bench/peers/README.md",
            "package/README.md",
            .. Directory
                .GetFiles(Path.Combine(Repository.Root, "docs"), "*.md")
                .Select(file => "docs/" + Path.GetFileName(file))
                .Order(StringComparer.Ordinal),
            .. Directory
                .GetDirectories(Path.Combine(Repository.Root, "examples"))
                .Select(folder => $"examples/{Path.GetFileName(folder)}/README.md")
                .Order(StringComparer.Ordinal),
        ];

    public static string Read(string page) => File.ReadAllText(Path.Combine(Repository.Root, page));

    /// <summary>The cells of all tables; a pipe within a cell is written with a backslash.</summary>
    public static IEnumerable<string> Cells(string markdown) =>
        markdown.Split('\n').Where(line => line.StartsWith('|')).SelectMany(line => Pipe().Split(line)[1..^1]).Select(cell => cell.Trim());

    /// <summary>The files that links lead to, without those on the web and within the page.</summary>
    public static IEnumerable<string> Links(string markdown) =>
        Link().Matches(markdown).Select(match => match.Groups[1].Value).Where(target => !target.Contains("://", StringComparison.Ordinal));

    /// <summary>
    /// The source files and folders that a page names: Ops/Dense.cs, Kernels/Scalar/, IO/KillTests. Braces and stars are as in a shell.
    /// </summary>
    public static IEnumerable<string> SourcePaths(string markdown) =>
        SourcePath()
            .Matches(markdown)
            .Select(match => match.Groups[1].Value)
            .Concat(SourceFile().Matches(markdown).Select(match => match.Value))
            .Distinct();

    [GeneratedRegex(@"(?<!\\)\|")]
    private static partial Regex Pipe();

    [GeneratedRegex(@"\]\(([^)#\s]+)(?:#[^)]*)?\)")]
    private static partial Regex Link();

    // Between backticks, from a folder with a capital letter: of the library, of a tool or of the tests.
    [GeneratedRegex(@"`((?:(?:src|tools|tests|bench)/[^`\s]*|[A-Z][A-Za-z]*/[\w./{},*]*|[A-Z]\w+Tests))`")]
    private static partial Regex SourcePath();

    [GeneratedRegex(@"(?<![\w./{},*])[\w./{},*-]+\.cs\b")]
    private static partial Regex SourceFile();
}
