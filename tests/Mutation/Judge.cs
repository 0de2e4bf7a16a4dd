using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using NUnit.Framework.Api;
using NUnit.Framework.Interfaces;
using NUnit.Framework.Internal;

namespace EmbeddedBackprop.Mutation;

/// <summary>
/// Runs the fixtures that reach a mutant, the fastest first, until a test fails: in a process of its own, which a mutant may end or keep busy
/// without an end. What is found is written line by line, so that the next process goes on.
/// </summary>
internal sealed class Judge
{
    // Random files by the ten thousand, files cut at every byte, whole data sets. One compiler judges C: gcc -O2 for this machine.
    private const string Slow =
        "[Mm]utants|truncation|Control|small_digits|Occupancy|Iris|clang|sanitize|-O[013s]|analyzer|cortex|avr|rv32";

    private readonly Assembly tests = Assembly.LoadFrom(Path.Combine(AppContext.BaseDirectory, "EmbeddedBackprop.Tests.dll"));
    private readonly FieldInfo active;
    private readonly FieldInfo reached;
    private readonly JudgeFiles files;
    private Stopwatch? watch;
    private double limit;

    public Judge(JudgeFiles files)
    {
        Type mutants = Assembly.Load("EmbeddedBackprop").GetType(MutatedLibrary.Switch)!;
        (active, reached) = (mutants.GetField(MutatedLibrary.Active)!, mutants.GetField(MutatedLibrary.Reached)!);
        this.files = files;
    }

    /// <summary>Judges until <paramref name="most"/> mutants that a fixture reaches have a verdict.</summary>
    public void Run(Area area, int most)
    {
        Fixture[] fixtures = Measured(area);
        Dictionary<int, string> verdicts = files.Verdicts();
        new Thread(EndWhenHung) { IsBackground = true }.Start();
        int left = most - verdicts.Count;
        foreach (Mutant mutant in files.Mutants().Where(mutant => !verdicts.ContainsKey(mutant.Id)))
        {
            if (left-- <= 0)
            {
                break;
            }

            files.Current = mutant.Id;
            files.Add(mutant.Id, Verdict(mutant.Id, fixtures));
        }
    }

    private string Verdict(int id, Fixture[] fixtures)
    {
        bool isReached = false;
        foreach (Fixture fixture in fixtures.Where(fixture => fixture.Reaches.Contains(id)))
        {
            isReached = true;
            limit = 15 + (5 * fixture.Seconds);
            watch = Stopwatch.StartNew();
            active.SetValue(null, id);
            string failure = FirstFailure(fixture.Name);
            active.SetValue(null, -1);
            watch = null;
            if (failure.Length > 0)
            {
                return $"killed by {failure}";
            }
        }

        return isReached ? "survived" : files.Once().Contains(id) ? "once" : "not reached";
    }

    // A fixture's second run tells its time and what it reaches again: what only the first one reached, such as the value of a static property, no
    // mutant can change in a process that has run.
    private Fixture[] Measured(Area area)
    {
        foreach (string name in area.Fixtures.Except(files.Fixtures().Select(fixture => fixture.Name)))
        {
            HashSet<int> first = Reached(name, out string failure, out _);
            if (failure.Length > 0)
            {
                Console.WriteLine($"{name} is left out, it fails without a mutant: {failure}");
                files.Add(new Fixture(name, 0, []), []);
                continue;
            }

            HashSet<int> second = Reached(name, out _, out double seconds);
            Console.WriteLine($"{name}: {seconds:F1} s, {second.Count} mutants");
            files.Add(new Fixture(name, seconds, second), first.Except(second));
        }

        return [.. files.Fixtures().OrderBy(fixture => fixture.Seconds)];
    }

    private HashSet<int> Reached(string fixture, out string failure, out double seconds)
    {
        byte[] hits = new byte[files.Mutants().Max(mutant => mutant.Id) + 1];
        reached.SetValue(null, hits);
        Stopwatch time = Stopwatch.StartNew();
        failure = FirstFailure(fixture);
        seconds = time.Elapsed.TotalSeconds;
        reached.SetValue(null, null);
        return [.. hits.Index().Where(hit => hit.Item != 0).Select(hit => hit.Index)];
    }

    // Empty when all tests pass.
    private string FirstFailure(string fixture)
    {
        NUnitTestAssemblyRunner runner = new(new DefaultTestAssemblyBuilder());
        Dictionary<string, object> settings = new()
        {
            ["LOAD"] = new List<string> { $"EmbeddedBackprop.Tests.{fixture}" },
            ["StopOnError"] = true,
            ["NumberOfTestWorkers"] = 0,
        };
        _ = runner.Load(tests, settings);
        ITestResult result = runner.Run(
            TestListener.NULL,
            TestFilter.FromXml($"<filter><not><or><cat>Slow</cat><cat>Exhaustive</cat><name re='1'>{Slow}</name></or></not></filter>"));
        return result.FailCount > 0 ? FirstFailure(result) : result.PassCount > 0 ? "" : "no quick test";
    }

    private static string FirstFailure(ITestResult result) => result.HasChildren
        ? result.Children.Where(child => child.FailCount > 0).Select(FirstFailure).FirstOrDefault("")
        : result.FullName.Split('(')[0];

    private void EndWhenHung()
    {
        while (true)
        {
            Thread.Sleep(500);
            if (watch is Stopwatch running && running.Elapsed.TotalSeconds > limit)
            {
                files.Add(files.Current, "killed by its time");
                Process.GetCurrentProcess().Kill();
            }
        }
    }

    /// <summary>A fixture, how long it takes, and the mutants that it reaches.</summary>
    internal sealed record Fixture(string Name, double Seconds, HashSet<int> Reaches)
    {
        public static Fixture Parse(string line)
        {
            string[] fields = line.Split('\t');
            return new(fields[0], double.Parse(fields[1], CultureInfo.InvariantCulture), JudgeFiles.Numbers(fields[2]).ToHashSet());
        }

        public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Name}\t{Seconds:F3}\t{string.Join(' ', Reaches)}");
    }
}
