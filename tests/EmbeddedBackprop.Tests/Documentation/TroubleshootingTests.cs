using System.Globalization;
using System.Text.RegularExpressions;
using EmbeddedBackprop.Tests.Ebp;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Documentation;

/// <summary>docs/troubleshooting.md has every exit code and every diagnosis of the code, with the words that the code says.</summary>
[Parallelizable(ParallelScope.All)]
internal sealed partial class TroubleshootingTests
{
    private static readonly string Page = Pages.Read("docs/troubleshooting.md");

    private static string[] Codes =>
        [
            .. ExitCode()
                .Matches(File.ReadAllText(Path.Combine(Repository.Root, "tools", "Ebp", "ExitCode.cs")))
                .Select(match => match.Groups[1].Value),
        ];

    [Test]
    public void Every_exit_code_is_on_the_page()
    {
        Assert.That(Codes, Has.Length.GreaterThanOrEqualTo(6));
        Assert.That(CodesOf(Page), Is.EqualTo(Codes));
        Assert.That(CodesOf(Page.Replace("\n| 4 |", "\n| 5 |", StringComparison.Ordinal)), Is.Not.EqualTo(Codes), "the control");
    }

    [Test]
    public void Every_diagnosis_is_on_the_page_in_the_order_of_the_tool()
    {
        Assert.That(Headings(Page).Select(heading => heading.Kind), Is.EqualTo(Enum.GetNames<FindingKind>()));
        Assert.That(
            Headings(Page.Replace("### `Plateau`", "### `Plain`", StringComparison.Ordinal)).Select(heading => heading.Kind),
            Is.Not.EqualTo(Enum.GetNames<FindingKind>()),
            "the control");
    }

    [Test]
    public void A_heading_quotes_the_message_of_its_diagnosis([Values] FindingKind kind)
    {
        string quoted = Headings(Page).Single(heading => heading.Kind == kind.ToString()).Message, said = Message(kind);
        Assert.That(Quotes(quoted, said), Is.True, said);
        Assert.That(Quotes(quoted + " not", said), Is.False, "the control");
    }

    [Test]
    public void Every_message_is_said_with_its_exit_code()
    {
        using EbpProcess ebp = new();
        ebp.RunJson("train", "--epochs", "1", "--limit", "500", "--out", "m.st");
        ebp.File("cut.safetensors", File.ReadAllBytes(Path.Combine(ebp.Folder, "m.st"))[..5000]);
        ebp.File("bad.csv", "a,b,label\n1,2,x\n3,4,y\n5,oops,x\n");
        ebp.File("file", "");
        Directory.CreateDirectory(Path.Combine(ebp.Folder, "out"));
        ebp.File("out/model.c", "int main(void) { return 0; }\n");
        ebp.File("iris.csv", "a,b,c\n");
        string[][] commands =
        [
            ["train", "--layers", "784,100,100,100,10", "--init", "normal", "--epochs", "3", "--limit", "500", "--lr", "10"],
            ["train", "--layers", "784,30,9"],
            ["train", "--net", "dense 10 sigmod"],
            ["train", "--resume", "m.st", "--lr", "3"],
            ["train", "--ram", "1K"],
            ["train", "--data", "csv:bad.csv"],
            ["train", "--data", "mnist"],
            ["eval", "cut.safetensors"],
            ["train", "--out", "file/m.safetensors"],
            ["export", "c", "m.st", "--out", "out"],
            ["train", "--out", "iris.csv"],
            ["export", "c", "m.st", "--out", "c", "--target", "avr"],
            ["gradcheck", "--net", "input 6x2; rnn 4 truncate2; dense 2"],
        ];
        (string Message, int Code)[] messages =
        [
            .. Bold().Matches(Page).Select(match => (match.Groups[1].Value, int.Parse(match.Groups[2].Value, CultureInfo.InvariantCulture))),
        ];
        Assert.That(messages, Has.Length.EqualTo(commands.Length));
        foreach (((string message, int code), string[] command) in messages.Zip(commands))
        {
            EbpProcess.Result result = ebp.Run(command);
            Assert.That(Quotes(message, result.Errors), Is.True, $"{string.Join(' ', command)}\n{result.Errors}");
            Assert.That(result.ExitCode, Is.EqualTo(code), message);
            Assert.That(Quotes(message + " (never said)", result.Errors), Is.False, "the control");
        }
    }

    [TestCaseSource(nameof(Trials))]
    public void A_command_to_try_has_its_diagnosis(string kind, string command)
    {
        using EbpProcess ebp = new();
        ebp.RunJson([.. EbpProcess.Words(command), "--out", "m"]);
        string[] found = Kinds(ebp);
        Assert.That(found, Does.Contain(kind));
    }

    [Test]
    public void A_healthy_training_has_no_diagnosis()
    {
        using EbpProcess ebp = new();
        ebp.RunJson("train", "--out", "m");
        Assert.That(Kinds(ebp), Is.Empty);
        Assert.That(Trials.Count(), Is.GreaterThanOrEqualTo(6));
    }

    /// <summary>The lines "Try it" of the page, each with the kind of its section.</summary>
    private static IEnumerable<TestCaseData> Trials =>
        Page.Split("\n### ")[1..]
            .SelectMany(section =>
                Trial().Matches(section).Select(match => new TestCaseData(section[1..section.IndexOf('`', 1)], match.Groups[1].Value)));

    private static string[] Kinds(EbpProcess ebp) =>
        [
            .. ebp.RunJson("doctor", "m")
                .GetProperty("findings")
                .EnumerateArray()
                .Select(finding => finding.GetProperty("kind").GetString()!)
                .Distinct(),
        ];

    /// <summary>The tool's advice for a report in which everything is wrong.</summary>
    private static string Message(FindingKind kind)
    {
        LayerDiagnosis healthy = new("dense9", "sigmoid", 4, 0.1, [], 0.2, false, false, false, 0.1, 1, 10, 0.001);
        LayerDiagnosis[] layers =
        [
            healthy with { Name = "dense1", GradientNorm = 1e-9 },
            healthy with { Name = "dense2", FlatShare = 0.9, DeadUnits = [1, 2], UpdateRatio = 0.5, LowInputShare = 0.99 },
            healthy with { Name = "dense3", UpdateRatio = 1e-9, GradientNorm = 1e4 },
            healthy with { Name = "dense4", WeightNorm = double.NaN },
            healthy,
        ];
        DiagnosticsReport report = new(1, 0.5, true, layers, [new ClassDiagnosis(6, 400, 0, 0, 0.001, 0.001)], []);
        return DiagnosticsAdvice.Find(report).First(finding => finding.Kind == kind).Text;
    }

    private static string[] CodesOf(string page) => [.. ExitCodeRow().Matches(page).Select(match => match.Groups[1].Value)];

    private static (string Kind, string Message)[] Headings(string page) =>
        [.. Heading().Matches(page).Select(match => (match.Groups[1].Value, match.Groups[2].Value))];

    /// <summary>Whether a message has the words of a quotation in their order; "..." in it is anything.</summary>
    private static bool Quotes(string quotation, string message)
    {
        string pattern = string.Join(".*", quotation.Split("...").Select(Regex.Escape));
        return Regex.IsMatch(message, pattern, RegexOptions.Singleline | RegexOptions.CultureInvariant, TimeSpan.FromSeconds(5));
    }

    [GeneratedRegex(@"const int \w+ = (\d+);")]
    private static partial Regex ExitCode();

    [GeneratedRegex(@"^\| (\d+) \|", RegexOptions.Multiline)]
    private static partial Regex ExitCodeRow();

    [GeneratedRegex(@"^\*\*`(ebp: .+?)`\*\* \((?:exit code )?(\d)\)", RegexOptions.Multiline)]
    private static partial Regex Bold();

    [GeneratedRegex(@"^\* Try it: `ebp (train [^`]+)`", RegexOptions.Multiline)]
    private static partial Regex Trial();

    [GeneratedRegex("^### `(\\w+)`: \"(.+)\"$", RegexOptions.Multiline)]
    private static partial Regex Heading();
}
