using System.Globalization;
using System.Text;
using System.Text.Json;

namespace EmbeddedBackprop.Tests.Ebp;

/// <summary>Tables with times and groups on the command line: gaps, windows that cross none, splits by machine.</summary>
[TestFixture]
[Parallelizable(ParallelScope.All)]
public sealed class SeriesTests
{
    private const int Usage = 2, BadInput = 3;

    [Test]
    public void Windows_of_machines_with_gaps_are_trained_on_and_judged()
    {
        using EbpProcess ebp = new();
        ebp.File("t.csv", Table(gap: true));
        string[] train =
        [
            "train", "--data", "csv:t.csv", "--time", "when", "--gaps", "split", "--group", "machine", "--test-group", "m2",
            "--validation-group", "m1", "--window", "4", "--hop", "2", "--short", "drop", "--net", "gru 4; dense 2", "--epochs", "2",
        ];
        JsonElement result = ebp.RunJson([.. train, "--out", "a"]);
        Assert.That(EbpProcess.Notes(result), Is.EqualTo(new[]
        {
            "90 rows, a step of 60 s; 4 stretches that no window crosses",
            "41 windows of 4 rows, one every 2",
            "split by machine: to train on m0; to validate m1; to test m2; no machine is on two sides",
        }));
        Assert.That(result.GetProperty("training_samples").GetInt32(), Is.EqualTo(13));
        Assert.That(ebp.RunJson("eval", "a").GetProperty("accuracy").GetDouble(), Is.EqualTo(result.GetProperty("test_accuracy").GetDouble()));
        JsonElement filled = ebp.RunJson([.. train.Where(word => word is not ("--short" or "drop")), "--out", "b"]);
        Assert.That(EbpProcess.Notes(filled)[1], Is.EqualTo("44 windows of 4 rows, one every 2; 3 are shorter and filled up with zeros"));
        string[] refused = [.. train.Where(word => word is not ("--gaps" or "split"))];
        Check(ebp, BadInput, "a gap: '2020-01-01 00:51:00' comes 1320 s after the row before it, usual are 60 s", [.. refused, "--out", "c"]);
        ebp.File("t.csv", Table(gap: false));
        Assert.That(
            EbpProcess.Notes(ebp.RunJson([.. refused, "--out", "d"]))[0], Is.EqualTo("90 rows, a step of 60 s; 3 stretches that no window crosses"));
    }

    [TestCase("--test-group m1", "to train on m0, m2; to test m1; no machine is on two sides")]
    [TestCase("--fold 1/3 --validation 1", "to train on m0; to validate m2; to test m1; no machine is on two sides")]
    [TestCase("--test other.csv", "to train on m0, m1, m2; to test m0, m1, m2; on two sides: m0, m1, m2")]
    public void Rows_are_split_by_machine(string options, string said)
    {
        using EbpProcess ebp = new();
        ebp.File("t.csv", Table(gap: true));
        ebp.File("other.csv", Table(gap: false));
        string[] end = ["--ignore", "when", "--group", "machine", "--epochs", "1", "--out", "m"];
        JsonElement result = ebp.RunJson(["train", "--data", "csv:t.csv", .. EbpProcess.Words(options), .. end]);
        Assert.That(EbpProcess.Notes(result), Is.EqualTo(new[] { "split by machine: " + said }));
        Assert.That(ebp.RunJson("eval", "m").GetProperty("accuracy").GetDouble(), Is.EqualTo(result.GetProperty("test_accuracy").GetDouble()));
        Assert.That(
            EbpProcess.Notes(ebp.RunJson("train", "--data", "csv:t.csv", "--ignore", "when,machine", "--epochs", "1", "--out", "m")), Is.Empty);
    }

    [TestCase("--time when", "--time: --window")]
    [TestCase("--hop 2", "--hop: --window")]
    [TestCase("--short drop", "--short: --window")]
    [TestCase("--window 4 --hop 5", "--hop: 5 rows are more than a window's 4")]
    [TestCase("--window 4 --gaps split", "--gaps: --time")]
    [TestCase("--test-group m1", "--test-group: --group")]
    [TestCase("--validation-group m1", "--validation-group: --group")]
    [TestCase("--window 4 --time never", "There is no column 'never'")]
    [TestCase("--window 4 --rate 8000", "--rate: it belongs to --data wav:PATH or raw:PATH")]
    public void Options_that_do_not_fit_are_told(string options, string named)
    {
        using EbpProcess ebp = new();
        ebp.File("t.csv", Table(gap: true));
        string[] end = ["--ignore", "machine", "--epochs", "1", "--out", "m"];
        Check(ebp, Usage, named, ["train", "--data", "csv:t.csv", .. EbpProcess.Words(options), .. end]);
    }

    /// <summary>Thirty rows of each of three machines, a minute apart; the first one is off for 21 minutes.</summary>
    private static string Table(bool gap)
    {
        StringBuilder table = new("when,machine,x,state\n");
        for (int machine = 0; machine < 3; machine++)
        {
            DateTime time = new(2020, 1, 1, 0, 0, 0);
            for (int i = 0; i < 30; i++)
            {
                time = time.AddMinutes(gap && machine == 0 && i == 29 ? 22 : 1);
                table.Append(CultureInfo.InvariantCulture, $"{time:yyyy-MM-dd HH:mm:ss},m{machine},{Math.Sin(i):F3},{i / 3 % 2}\n");
            }
        }

        return table.ToString();
    }

    private static void Check(EbpProcess ebp, int exitCode, string named, string[] arguments)
    {
        string[] before = Directory.GetFileSystemEntries(ebp.Folder);
        EbpProcess.Result result = ebp.Run(arguments);
        Assert.That(Directory.GetFileSystemEntries(ebp.Folder), Is.EquivalentTo(before), "nothing is half-written");
        Assert.That(result.ExitCode, Is.EqualTo(exitCode), result.Errors);
        Assert.That(result.Errors, Does.Match(@"^ebp: [^\n]+\n$").And.Contains(named));
    }
}
