using System.Globalization;
using System.Text.RegularExpressions;
using EmbeddedBackprop.Tests.Export;

namespace EmbeddedBackprop.Tests.Examples;

/// <summary>examples/spoken-digits/run.sh on generated tones: from recordings to decisions of programs in the emulator.</summary>
[Parallelizable(ParallelScope.Self)]
internal sealed partial class SpokenDigitsTests
{
    private static readonly string Script = Path.Combine(Repository.Root, "examples", "spoken-digits", "run.sh");
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("ebp-spoken-");
    private string output = "";

    [OneTimeSetUp]
    public void Run()
    {
        CDevice.CortexM4F.RequireTools();
        _ = Tools.Require("bash", "bash");
        _ = Tools.Require("dotnet", "dotnet-sdk-10.0");
        output = Tools.RunChecked(folder.FullName, "env", "-u", "EBP_DATA", "bash", Script, folder.FullName);
        TestContext.Out.WriteLine(output);
    }

    [OneTimeTearDown]
    public void Delete() => folder.Delete(recursive: true);

    [Test]
    public void Without_recordings_it_says_in_a_line_what_to_put_where()
    {
        string line = output.Split('\n')[0];
        Assert.That(line, Does.Contain("Free Spoken Digit Dataset").And.Contain("CC BY-SA 4.0").And.Contain("$EBP_DATA/spoken-digits"));
        Assert.That(output, Does.Contain("288 recordings of tones"));
    }

    [Test]
    public void Words_of_a_speaker_that_was_not_trained_on_are_told_apart()
    {
        Assert.That(
            output, Does.Contain("split by speaker: to train on ann, cleo, eve, finn; to validate bob; to test dan; no speaker is on two sides"));
        Assert.That(Number("test accuracy ([0-9.]+) %"), Is.GreaterThanOrEqualTo(90), "chance is 25 %");
        Assert.That(Number("in float, ([0-9.]+) % in integers"), Is.GreaterThanOrEqualTo(80));
    }

    [Test]
    public void Every_program_hears_the_word_that_ebp_predicts()
    {
        Assert.That(output, Does.Contain("rise_dan_0.wav 0 s: rise"));
        string[] programs =
        [
            "m4f-float-stream", "m4f-float-window", "m4f-integers-stream", "m4f-integers-window", "m3-float-stream", "m0plus-float-stream",
            "m0plus-integers-stream", "m0plus-integers-window",
        ];
        foreach (string program in programs)
        {
            string printed = Section(program);
            Assert.That(Word().Matches(printed).Select(match => match.Groups[1].Value).Distinct(), Is.EqualTo(["rise"]), program);
            Assert.That(Decisions(printed), Is.EqualTo(program.EndsWith("stream", StringComparison.Ordinal) ? 3 : 1), program);
        }

        // The control: another word is heard as another one.
        Assert.That(Word().Matches("    7936 samples: fall, 90 %").Single().Groups[1].Value, Is.EqualTo("fall"));
    }

    [Test]
    public void A_hop_costs_a_tenth_of_its_window()
    {
        double hop = Number("instructions of a hop: ([0-9]+)", Section("m4f-float-stream"));
        double window = Number("instructions of a window: ([0-9]+)", Section("m4f-float-window"));
        Assert.That(window / hop, Is.GreaterThan(9));
        double few = Number("RAM: ([0-9]+)", Section("m4f-float-stream")), many = Number("RAM: ([0-9]+)", Section("m4f-float-window"));
        Assert.That(many / few, Is.GreaterThan(5));
    }

    private static int Decisions(string printed) => Word().Count(printed);

    private string Section(string program)
    {
        int begin = output.IndexOf(program + ":\n", StringComparison.Ordinal);
        Assert.That(begin, Is.Not.Negative, program);
        int end = output.IndexOf(" bytes\n", output.IndexOf("flash of the net", begin, StringComparison.Ordinal), StringComparison.Ordinal);
        return output[begin..end];
    }

    private double Number(string pattern, string? text = null) =>
        double.Parse(Regex.Match(text ?? output, pattern).Groups[1].Value, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"(?:samples: |^    )(\w+), \d+ %", RegexOptions.Multiline)]
    private static partial Regex Word();
}
