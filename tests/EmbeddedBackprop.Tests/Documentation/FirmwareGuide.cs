using System.Globalization;
using System.Text.RegularExpressions;
using EmbeddedBackprop.Tests.Ebp;

namespace EmbeddedBackprop.Tests.Documentation;

/// <summary>docs/firmware.md as a script: the files that it lists, its commands in order, and the output that it shows for each.</summary>
/// <remarks>
/// A block after <c>&lt;!-- file: NAME --&gt;</c> is a file. A block <c>sh</c> defines shell functions. A block <c>console</c> has commands after
/// "$ " and their whole output; a line "..." is any number of lines. After <c>&lt;!-- about --&gt;</c> numbers may differ: those of another compiler.
/// </remarks>
internal sealed partial class FirmwareGuide
{
    private const double MostDifference = 0.3;

    private const string TimeLimitSeconds = "900";

    /// <param name="Line">The command, of one or more lines.</param>
    /// <param name="Shown">What the page shows of its output.</param>
    /// <param name="About">Whether numbers may differ.</param>
    internal sealed record Command(string Line, IReadOnlyList<string> Shown, bool About);

    public FirmwareGuide(string markdown)
    {
        List<(string, string)> files = [];
        List<Command> commands = [];
        List<string> loose = [];
        foreach (Match block in Block().Matches(markdown))
        {
            string text = block.Groups["text"].Value, file = block.Groups["file"].Value, language = block.Groups["language"].Value;
            if (file.Length > 0)
            {
                files.Add((file, text));
            }
            else if (language == "sh")
            {
                Definitions += text;
            }
            else if (language == "console")
            {
                commands.AddRange(CommandsOf(text, block.Groups["about"].Success));
            }
            else
            {
                loose.Add(text);
            }
        }

        (Files, Commands, Loose) = (files, commands, loose);
    }

    public IReadOnlyList<(string Name, string Text)> Files { get; }

    public IReadOnlyList<Command> Commands { get; }

    /// <summary>Shell functions that the commands use.</summary>
    public string Definitions { get; } = "";

    /// <summary>Blocks that are neither a file nor run.</summary>
    public IReadOnlyList<string> Loose { get; }

    /// <summary>Writes the files into a folder and runs commands there; returns every difference from what the page shows.</summary>
    public string[] Run(string folder, params IReadOnlyList<Command> commands)
    {
        foreach ((string name, string text) in Files)
        {
            File.WriteAllText(Path.Combine(folder, name), text);
        }

        string script = $"ebp() {{ {EbpProcess.ShellCommand} \"$@\"; }}\nexport LC_ALL=C\n{Definitions}"
            + string.Concat(commands.Select((command, i) => $"echo '@@ {i}'\n{command.Line} 2>&1\n"));
        string shell = Tools.Require("sh", "dash"), timeout = Tools.Require("timeout", "coreutils");
        Tools.Result result = Tools.Run(folder, timeout, TimeLimitSeconds, shell, "-c", script);
        string[] outputs = [.. Marker().Split(result.Output)[1..]];
        return
        [
            .. commands
                .Select((command, i) => (Command: command, Lines: i < outputs.Length ? LinesOf(outputs[i]) : ["(it was not run)"]))
                .Where(run => !Shows(run.Command.Shown, run.Lines, run.Command.About))
                .Select(run => $"$ {run.Command.Line}\nshown:\n{string.Join('\n', run.Command.Shown)}\nprinted:\n{string.Join('\n', run.Lines)}\n"),
            .. outputs.Length == commands.Count ? Array.Empty<string>() : [$"exit code {result.ExitCode}\n{result.Output}{result.Errors}"],
        ];
    }

    /// <summary>Whether lines that the page shows are what was printed.</summary>
    public static bool Shows(IReadOnlyList<string> shown, IReadOnlyList<string> printed, bool about = false)
    {
        if (shown.Count == 0)
        {
            return printed.Count == 0;
        }

        return shown[0] == "..."
            ? Enumerable.Range(0, printed.Count + 1).Any(skipped => Shows([.. shown.Skip(1)], [.. printed.Skip(skipped)], about))
            : printed.Count > 0 && IsLine(shown[0], printed[0], about) && Shows([.. shown.Skip(1)], [.. printed.Skip(1)], about);
    }

    private static bool IsLine(string shown, string printed, bool about) =>
        about
            ? Words(shown) == Words(printed) && NumbersOf(shown).Zip(NumbersOf(printed)).All(pair => IsNear(pair.First, pair.Second))
            : shown == printed;

    private static bool IsNear(double shown, double printed) => Math.Abs(shown - printed) <= MostDifference * Math.Max(shown, printed);

    /// <summary>A line without its numbers and with single spaces: columns are as wide as their numbers.</summary>
    private static string Words(string line) => Spaces().Replace(Number().Replace(line, "0"), " ");

    private static IEnumerable<double> NumbersOf(string line) =>
        Number().Matches(line).Select(match => double.Parse(match.Value, NumberStyles.Number, CultureInfo.InvariantCulture));

    private static IEnumerable<Command> CommandsOf(string block, bool about)
    {
        string[] lines = LinesOf(block);
        for (int i = 0; i < lines.Length;)
        {
            Assert.That(lines[i], Does.StartWith("$ "), "a block begins with a command");
            List<string> command = [lines[i++][2..]], shown = [];
            while (command[^1].EndsWith('\\'))
            {
                command.Add(lines[i++]);
            }

            for (; i < lines.Length && !lines[i].StartsWith("$ ", StringComparison.Ordinal); i++)
            {
                shown.Add(lines[i]);
            }

            yield return new Command(string.Join('\n', command), shown, about);
        }
    }

    private static string[] LinesOf(string text) => text.TrimEnd().Length == 0 ? [] : [.. text.TrimEnd().Split('\n').Select(line => line.TrimEnd())];

    [GeneratedRegex(@"(?:<!-- (?:file: (?<file>\S+)|(?<about>about)) -->\n)?```(?<language>\w*)\n(?<text>.*?)```", RegexOptions.Singleline)]
    private static partial Regex Block();

    [GeneratedRegex(@"^@@ \d+\n", RegexOptions.Multiline)]
    private static partial Regex Marker();

    [GeneratedRegex(@"\d[\d,]*(\.\d+)?")]
    private static partial Regex Number();

    [GeneratedRegex(@"\s+")]
    private static partial Regex Spaces();
}
