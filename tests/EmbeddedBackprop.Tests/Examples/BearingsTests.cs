using System.Globalization;
using System.Text.RegularExpressions;
using EmbeddedBackprop.Tests.Export;

namespace EmbeddedBackprop.Tests.Examples;

/// <summary>examples/bearings/run.sh on simulated bearings: from recordings to decisions of programs in the emulator.</summary>
[Parallelizable(ParallelScope.Self)]
internal sealed class BearingsTests
{
    private static readonly string Example = Path.Combine(Repository.Root, "examples", "bearings");
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("ebp-bearings-");
    private string output = "";

    [OneTimeSetUp]
    public void Run()
    {
        CDevice.CortexM4F.RequireTools();
        CDevice.CortexM3.RequireTools();
        _ = Tools.Require("bash", "bash");
        _ = Tools.Require("dotnet", "dotnet-sdk-10.0");
        output = Tools.RunChecked(folder.FullName, "env", "-u", "EBP_DATA", "bash", Path.Combine(Example, "run.sh"), folder.FullName);
        TestContext.Out.WriteLine(output);
    }

    [OneTimeTearDown]
    public void Delete() => folder.Delete(recursive: true);

    [Test]
    public void Without_recordings_it_says_in_a_line_what_to_put_where() =>
        Assert.That(
            output.Split('\n')[0],
            Does.Contain("Case Western Reserve University Bearing Data Center").And.Contain("no licence stated").And.Contain("$EBP_DATA/cwru"));

    [Test]
    public void Every_recording_of_the_table_is_simulated()
    {
        string[] listed = [.. File.ReadLines(Path.Combine(Example, "recordings.csv")).Skip(1).Select(line => line.Split(',')[0]).Distinct().Order()];
        string[] written = [.. Directory.GetFiles(Path.Combine(folder.FullName, "simulated")).Select(file => Path.GetFileName(file)).Order()];
        Assert.That(written, Is.EqualTo(listed));
        Assert.That(written, Has.Length.EqualTo(37));
    }

    [Test]
    public void Faults_of_a_width_that_was_not_trained_on_are_told_apart()
    {
        Assert.That(output, Does.Contain("split by width: to train on 14, 7, early; to test 21, late; no width is on two sides"));
        Assert.That(Number("test accuracy ([0-9.]+) %"), Is.GreaterThanOrEqualTo(80), "the largest class alone has 31 %");
        Assert.That(Number("in float, ([0-9.]+) % in integers"), Is.GreaterThanOrEqualTo(80));
    }

    [TestCase("m4f", 2.0e6, 3.2e6)]
    [TestCase("m3", 30e6, 55e6)]
    [TestCase("m0plus", 60e6, 120e6)]
    public void Every_program_decides(string processor, double least, double most)
    {
        foreach (string form in (string[])["window", "stream", "integers"])
        {
            string line = output.Split('\n').Single(candidate => candidate.StartsWith($"{processor}-{form} ", StringComparison.Ordinal));
            Assert.That(line, Does.Contain("outer race: outer, inner race: inner"), line);
            Assert.That(Number("flash ([0-9]+)", line), Is.InRange(20_000, 60_000), line);
            bool isStream = form == "stream";
            Assert.That(Number("instructions ([0-9]+)", line), isStream ? Is.LessThan(least / 2) : Is.InRange(least, most), line);
            Assert.That(Number("RAM ([0-9]+)", line), isStream ? Is.LessThan(40_000) : Is.InRange(60_000, 110_000), line);
        }
    }

    private double Number(string pattern, string? text = null) =>
        double.Parse(Regex.Match(text ?? output, pattern).Groups[1].Value, CultureInfo.InvariantCulture);
}
