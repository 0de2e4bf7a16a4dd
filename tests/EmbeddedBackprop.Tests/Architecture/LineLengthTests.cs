using System.Globalization;
using System.Text.RegularExpressions;

namespace EmbeddedBackprop.Tests.Architecture;

/// <summary>No line is longer than <c>max_line_length</c> of .editorconfig. (Braces are the compiler's to check: rule IDE0011.)</summary>
internal sealed partial class LineLengthTests
{
    private const string Quotes = "\"\"\"";

    [Test]
    public void No_line_is_longer_than_the_limit()
    {
        int limit = Limit(File.ReadAllText(Path.Combine(Repository.Root, ".editorconfig")));
        List<string> tooLong = [];
        foreach (string file in Files())
        {
            tooLong.AddRange(LongLines(File.ReadAllText(file), limit).Select(line => $"{Path.GetRelativePath(Repository.Root, file)}:{line}"));
        }

        Assert.That(tooLong, Is.Empty, $"wrap these lines at {limit} characters");
    }

    [Test]
    public void Every_project_is_read()
    {
        string[] folders =
        [
            .. Files().Select(file => Path.GetRelativePath(Repository.Root, file).Split(Path.DirectorySeparatorChar)[0]).Distinct().Order(),
        ];
        Assert.That(folders, Is.EqualTo(new[] { "bench", "src", "tests", "tools" }));
    }

    [Test]
    public void A_long_line_is_found_and_C_in_a_raw_string_is_not()
    {
        Assert.That(LongLines("short\nlonger than ten\nshort", 10), Is.EqualTo(new[] { 2 }));
        Assert.That(LongLines($"x = {Quotes}\n  C that is longer than ten\n  {Quotes};\nlonger than ten", 10), Is.EqualTo(new[] { 4 }));
        Assert.That(LongLines("x = \"longer\";\n    + \"longer than ten\";\n    $\"longer than ten\",", 10), Is.EqualTo(new[] { 1 }));
        Assert.That(Limit("[*.cs]\nmax_line_length = 10\n"), Is.EqualTo(10));
    }

    private static int Limit(string editorConfig) => int.Parse(LimitSetting().Match(editorConfig).Groups[1].Value, CultureInfo.InvariantCulture);

    /// <summary>
    /// The numbers, from 1, of lines beyond the limit. A line of a raw string is data (exported C, a test's input), and so is a line that holds a
    /// string alone.
    /// </summary>
    private static IEnumerable<int> LongLines(string content, int limit)
    {
        bool raw = false;
        int number = 0;
        foreach (string line in content.Split('\n'))
        {
            number++;
            if (!raw && line.TrimEnd('\r').Length > limit && !StringAlone().IsMatch(line))
            {
                yield return number;
            }

            raw ^= line.Split(Quotes).Length % 2 == 0;
        }
    }

    private static IEnumerable<string> Files() =>
        new[] { "bench", "src", "tests", "tools" }
            .SelectMany(folder => Directory.GetFiles(Path.Combine(Repository.Root, folder), "*.cs", SearchOption.AllDirectories))
            .Where(file => !GeneratedFolder().IsMatch(file));

    [GeneratedRegex("^\\s*([+?:] )?\\$*\"")]
    private static partial Regex StringAlone();

    [GeneratedRegex(@"[/\\](bin|obj)[/\\]")]
    private static partial Regex GeneratedFolder();

    [GeneratedRegex(@"^max_line_length = (\d+)\s*$", RegexOptions.Multiline)]
    private static partial Regex LimitSetting();
}
