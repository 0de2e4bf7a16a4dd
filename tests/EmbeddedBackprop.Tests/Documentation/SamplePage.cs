using System.Text.RegularExpressions;

namespace EmbeddedBackprop.Tests.Documentation;

/// <summary>
/// The C# of a page. A comment before a block says what it is: "file: NAME" (a file that samples read),
/// "prints" (the output of the sample before), "resource: FILE NAME" (a file within the next sample). Every other block of C# is a program.
/// </summary>
internal sealed partial class SamplePage
{
    public SamplePage(string text)
    {
        List<Sample> samples = [];
        Dictionary<string, string> files = new(StringComparer.Ordinal);
        string title = "";
        string[] resource = [];
        foreach (Match match in Part().Matches(text))
        {
            if (match.Groups["title"].Success)
            {
                title = match.Groups["title"].Value;
                continue;
            }

            string mark = match.Groups["mark"].Value, language = match.Groups["language"].Value, code = match.Groups["code"].Value;
            if (mark.StartsWith("file: ", StringComparison.Ordinal))
            {
                files.Add(mark["file: ".Length..], code);
            }
            else if (mark.StartsWith("resource: ", StringComparison.Ordinal))
            {
                resource = mark["resource: ".Length..].Split(' ');
            }
            else if (mark == "prints")
            {
                samples[^1] = samples[^1] with { Prints = code };
            }
            else if (language == "csharp")
            {
                samples.Add(new Sample(title, code, null, resource));
                resource = [];
            }
        }

        Samples = samples;
        Files = files;
    }

    /// <summary>The programs, in the order of the page.</summary>
    public IReadOnlyList<Sample> Samples { get; }

    /// <summary>What samples read, by the file's name.</summary>
    public IReadOnlyDictionary<string, string> Files { get; }

    /// <summary>
    /// A program: the heading above it, its code, what it prints (null if the page does not say), and the file and name of its resource, if any.
    /// </summary>
    internal sealed record Sample(string Title, string Code, string? Prints, string[] Resource)
    {
        public override string ToString() => Title;
    }

    [GeneratedRegex(
        @"^\#+[ ](?<title>[^\n]*)$ | (?:^<!--[ ](?<mark>[^\n]*?)[ ]-->\s*\n)?^```(?<language>[a-z]*)\n(?<code>.*?)^```$",
        RegexOptions.Multiline | RegexOptions.Singleline | RegexOptions.IgnorePatternWhitespace)]
    private static partial Regex Part();
}
