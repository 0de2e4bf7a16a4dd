using EmbeddedBackprop.Tests.Export;

namespace EmbeddedBackprop.Tests.Documentation;

/// <summary>The example of docs/integers.md on a Cortex-M0 works as it says: its commands, run in order on its files, print what it shows.</summary>
[Parallelizable(ParallelScope.Self)]
internal sealed class IntegersGuideTests
{
    private const string Heading = "## A picture on a Cortex-M0, step by step\n";

    private static readonly string Section = SectionOf(Pages.Read("docs/integers.md"));
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("ebp-integers-");
    private string[] differences = [];

    [OneTimeSetUp]
    public void Run()
    {
        CDevice.CortexM0.RequireTools();
        FirmwareGuide guide = new(Section);
        differences = guide.Run(folder.FullName, guide.Commands);
    }

    [OneTimeTearDown]
    public void Delete() => folder.Delete(recursive: true);

    [Test]
    public void Every_command_prints_what_the_page_shows() => Assert.That(differences, Is.Empty, string.Join('\n', differences));

    [Test]
    public void Every_listing_is_a_file_or_is_run()
    {
        FirmwareGuide guide = new(Section);
        Assert.That(guide.Loose, Is.Empty);
        Assert.That(guide.Files.Select(file => file.Name), Is.EqualTo(new[] { "main.c" }));
        Assert.That(guide.Commands, Has.Count.EqualTo(9));
    }

    [TestCase("== '#' ? 255u : 0u", "== '#' ? 0u : 255u", "head -n 3", "it is a ")]
    [TestCase("digits_model_hash()", "digits_engine_version()", "head -n 3", "self-test 0")]
    public void A_changed_listing_is_seen(string what, string by, string command, string printed)
    {
        Assert.That(Section, Does.Contain(what));
        FirmwareGuide changed = new(Section.Replace(what, by, StringComparison.Ordinal));
        string[] seen = changed.Run(
            folder.FullName,
            [
                .. changed.Commands.Where(line =>
                    line.Line.StartsWith("link ", StringComparison.Ordinal) || line.Line.EndsWith(command, StringComparison.Ordinal)),
            ]);
        Assert.That(seen, Has.Length.EqualTo(1), string.Join('\n', seen));
        Assert.That(seen[0][seen[0].IndexOf("printed:", StringComparison.Ordinal)..], Does.Contain(printed));
    }

    private static string SectionOf(string page)
    {
        int start = page.IndexOf(Heading, StringComparison.Ordinal);
        return page[start..page.IndexOf("\n## ", start + 1, StringComparison.Ordinal)];
    }
}
