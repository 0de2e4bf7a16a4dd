using System.Globalization;

namespace EmbeddedBackprop.Mutation;

/// <summary>What the judging processes of an area know, in a folder: its mutants in the order of judging, its fixtures, and the verdicts.</summary>
internal sealed class JudgeFiles(string folder)
{
    private Mutant[]? mutants;
    private HashSet<int>? once;

    /// <summary>The mutant that is judged now: the one to blame when the process ends.</summary>
    public int Current
    {
        get => int.Parse(File.ReadAllText(InFolder("current")), CultureInfo.InvariantCulture);
        set => File.WriteAllText(InFolder("current"), value.ToString(CultureInfo.InvariantCulture));
    }

    /// <summary>When the program that waits for the judge ends it: a mutant may run without an end.</summary>
    public DateTime Deadline
    {
        get => Lines("deadline") is [string ticks, ..] ? new(long.Parse(ticks, CultureInfo.InvariantCulture), DateTimeKind.Utc) : DateTime.MaxValue;
        set
        {
            // Moved to its name when it is whole: another process reads it.
            File.WriteAllText(InFolder("next"), value.Ticks.ToString(CultureInfo.InvariantCulture));
            File.Move(InFolder("next"), InFolder("deadline"), overwrite: true);
        }
    }

    public static IEnumerable<int> Numbers(string line) =>
        line.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(number => int.Parse(number, CultureInfo.InvariantCulture));

    public IReadOnlyList<Mutant> Mutants() => mutants ??= [.. Lines("mutants").Select(Mutant.Parse)];

    /// <summary>The fixtures whose tests are measured.</summary>
    public IEnumerable<string> Fixtures() => Lines("fixtures");

    public IEnumerable<Judge.JudgingTest> Tests() => Lines("tests").Select(Judge.JudgingTest.Parse);

    /// <summary>Mutants that a test reaches in its first run alone.</summary>
    public HashSet<int> Once() => once ??= [.. Lines("once").SelectMany(Numbers)];

    public Dictionary<int, string> Verdicts() => Lines("verdicts")
        .Select(line => line.Split('\t'))
        .DistinctBy(fields => fields[0])
        .ToDictionary(fields => int.Parse(fields[0], CultureInfo.InvariantCulture), fields => fields[1]);

    public void Add(int id, string verdict) => Append("verdicts", $"{id.ToString(CultureInfo.InvariantCulture)}\t{verdict}");

    public void Add(string fixture, IEnumerable<Judge.JudgingTest> tests, IEnumerable<int> reachedOnce)
    {
        once = null;
        Append("once", string.Join(' ', reachedOnce));
        File.AppendAllLines(InFolder("tests"), tests.Select(test => test.ToString()));
        Append("fixtures", fixture);
    }

    /// <summary>Takes these mutants. Verdicts of other ones are forgotten.</summary>
    public void Start(IEnumerable<Mutant> drawn)
    {
        string[] lines = [.. drawn.Select(mutant => mutant.ToString())];
        if (!Lines("mutants").SequenceEqual(lines))
        {
            ForgetVerdicts(verdict => true);
            File.WriteAllLines(InFolder("mutants"), lines);
        }

        // Tests may be other ones by now.
        File.Delete(InFolder("fixtures"));
        File.Delete(InFolder("tests"));
        File.Delete(InFolder("once"));
    }

    public void ForgetVerdicts(Func<string, bool> isForgotten)
    {
        string[] kept = [.. Lines("verdicts").Where(line => !isForgotten(line.Split('\t')[1]))];
        File.WriteAllLines(InFolder("verdicts"), kept);
    }

    private string[] Lines(string name) => File.Exists(InFolder(name)) ? File.ReadAllLines(InFolder(name)) : [];

    private void Append(string name, string line) => File.AppendAllText(InFolder(name), line + "\n");

    private string InFolder(string name) => Path.Combine(folder, name + ".tsv");
}
