using System.Globalization;
using System.Reflection;
using System.Security;
using NUnit.Framework.Api;
using NUnit.Framework.Interfaces;
using NUnit.Framework.Internal;

namespace EmbeddedBackprop.Mutation;

/// <summary>
/// Runs the tests that reach a mutant, the fastest fixture first, until one fails: in a process of its own, which a mutant may end or keep busy
/// without an end. What is found is written line by line, so that the next process goes on.
/// </summary>
internal sealed class Judge
{
    // Random files by the ten thousand, files cut at every byte, whole data sets. Of the compilers of C, gcc judges, with its sanitizers, too.
    private const string Slow =
        "[Mm]utants|truncation|Control|small_digits|Occupancy|Iris|clang|analyzer|cortex|avr|rv32|-Os|-march=native";

    private readonly Assembly tests = Assembly.LoadFrom(Path.Combine(AppContext.BaseDirectory, "EmbeddedBackprop.Tests.dll"));
    private readonly FieldInfo active;
    private readonly FieldInfo reached;
    private readonly JudgeFiles files;

    public Judge(JudgeFiles files)
    {
        Type mutants = Assembly.Load("EmbeddedBackprop").GetType(MutatedLibrary.Switch)!;
        (active, reached) = (mutants.GetField(MutatedLibrary.Active)!, mutants.GetField(MutatedLibrary.Reached)!);
        this.files = files;
    }

    /// <summary>Judges until <paramref name="most"/> mutants that a test reaches have a verdict.</summary>
    public void Run(Area area, int most)
    {
        JudgingTest[] judging = Measured(area);
        Dictionary<int, string> verdicts = files.Verdicts();
        int left = most - verdicts.Count;
        foreach (Mutant mutant in files.Mutants().Where(mutant => !verdicts.ContainsKey(mutant.Id)))
        {
            if (left-- <= 0)
            {
                break;
            }

            files.Current = mutant.Id;
            files.Add(mutant.Id, Verdict(mutant.Id, judging));
        }
    }

    private string Verdict(int id, JudgingTest[] judging)
    {
        var fixtures = judging.Where(test => test.Reaches.Contains(id))
            .GroupBy(test => test.Fixture)
            .Select(fixture => (Name: fixture.Key, Tests: fixture.Select(test => test.Name).ToArray(), Seconds: fixture.Sum(test => test.Seconds)))
            .OrderBy(fixture => fixture.Seconds)
            .ToArray();
        foreach ((string fixture, string[] reaching, double seconds) in fixtures)
        {
            files.Deadline = DateTime.UtcNow.AddSeconds(15 + (5 * seconds));
            active.SetValue(null, id);
            ITestResult result = Result(fixture, TestListener.NULL, stopOnError: true, reaching);
            active.SetValue(null, -1);
            files.Deadline = DateTime.MaxValue;
            if (result.FailCount > 0)
            {
                return $"killed by {FirstFailure(result)}";
            }
        }

        return fixtures.Length > 0 ? "survived" : files.Once().Contains(id) ? "once" : "not reached";
    }

    // The second run tells what a test reaches again: what only the first one reached, such as the value of a static property, no mutant can change
    // in a process that has run.
    private JudgingTest[] Measured(Area area)
    {
        foreach (string fixture in area.Fixtures.Except(files.Fixtures()))
        {
            Listener first = Reached(fixture), second = Reached(fixture);
            JudgingTest[] measured =
            [
                .. second.Finished.Where(test => test.Value.Passed).Select(test => new JudgingTest(
                    fixture, test.Key, Math.Max(test.Value.Seconds, first.Finished[test.Key].Seconds), [.. test.Value.Reaches, .. second.Shared])),
            ];
            string left = string.Join(", ", second.Finished.Where(test => !test.Value.Passed).Select(test => test.Key));
            int count = measured.SelectMany(test => test.Reaches).Distinct().Count();
            string seconds = string.Create(CultureInfo.InvariantCulture, $"{first.Seconds:F1} s, {second.Seconds:F1} s again");
            Console.WriteLine($"{fixture}: {measured.Length} tests, {seconds}, {count} mutants");
            Console.Write(left.Length > 0 ? $"  left out, since they fail without a mutant or are ignored: {left}\n" : "");
            files.Add(fixture, measured, first.All.Except(second.All));
        }

        return [.. files.Tests()];
    }

    private Listener Reached(string fixture)
    {
        Listener listener = new(new byte[files.Mutants().Max(mutant => mutant.Id) + 1]);
        reached.SetValue(null, listener.Hits);
        _ = Result(fixture, listener, stopOnError: false, []);
        reached.SetValue(null, null);
        return listener;
    }

    private ITestResult Result(string fixture, ITestListener listener, bool stopOnError, string[] wanted)
    {
        NUnitTestAssemblyRunner runner = new(new DefaultTestAssemblyBuilder());
        Dictionary<string, object> settings = new()
        {
            ["LOAD"] = new List<string> { $"EmbeddedBackprop.Tests.{fixture}" },
            ["StopOnError"] = stopOnError,
            ["NumberOfTestWorkers"] = 0,
            // Otherwise a test has ended before its beginning is heard.
            ["SynchronousEvents"] = true,
        };
        _ = runner.Load(tests, settings);
        string names = string.Concat(wanted.Select(name => $"<test>{SecurityElement.Escape(name)}</test>"));
        string which = names.Length > 0 ? $"<or>{names}</or>" : "";
        string quick = $"<not><or><cat>Slow</cat><cat>Exhaustive</cat><name re='1'>{Slow}</name></or></not>";
        return runner.Run(listener, TestFilter.FromXml($"<filter>{quick}{which}</filter>"));
    }

    private static string FirstFailure(ITestResult result) => result.HasChildren
        ? result.Children.Where(child => child.FailCount > 0).Select(FirstFailure).FirstOrDefault("")
        : result.FullName.Split('(')[0];

    /// <summary>Hears which test has finished, and which mutants it reached. One thread runs them all.</summary>
    private sealed class Listener(byte[] hits) : ITestListener
    {
        public byte[] Hits { get; } = hits;

        public Dictionary<string, (bool Passed, double Seconds, HashSet<int> Reaches)> Finished { get; } = [];

        /// <summary>The mutants that are reached before a test begins: where its cases are listed, where a fixture is set up.</summary>
        public HashSet<int> Shared { get; } = [];

        public double Seconds => Finished.Sum(test => test.Value.Seconds);

        public IEnumerable<int> All => Finished.SelectMany(test => test.Value.Reaches).Concat(Shared).Distinct();

        public void TestStarted(ITest test)
        {
            if (!test.IsSuite)
            {
                Shared.UnionWith(Taken());
            }
        }

        public void TestFinished(ITestResult result)
        {
            if (!result.Test.IsSuite)
            {
                Finished[result.FullName] = (result.ResultState.Status == TestStatus.Passed, result.Duration, [.. Taken()]);
            }
        }

        public void TestOutput(TestOutput output)
        {
        }

        public void SendMessage(TestMessage message)
        {
        }

        private int[] Taken()
        {
            int[] taken = [.. Hits.Index().Where(hit => hit.Item != 0).Select(hit => hit.Index)];
            Array.Clear(Hits);
            return taken;
        }
    }

    /// <summary>A test, how long it takes, and the mutants that it reaches.</summary>
    internal sealed record JudgingTest(string Fixture, string Name, double Seconds, HashSet<int> Reaches)
    {
        public static JudgingTest Parse(string line)
        {
            string[] fields = line.Split('\t');
            return new(
                fields[0], Uri.UnescapeDataString(fields[1]), double.Parse(fields[2], CultureInfo.InvariantCulture),
                JudgeFiles.Numbers(fields[3]).ToHashSet());
        }

        public override string ToString() =>
            string.Create(CultureInfo.InvariantCulture, $"{Fixture}\t{Uri.EscapeDataString(Name)}\t{Seconds:F3}\t{string.Join(' ', Reaches)}");
    }
}
