using EmbeddedBackprop.Tests.Export;

namespace EmbeddedBackprop.Tests.Documentation;

/// <summary>docs/firmware.md works as it says: its commands, run in order on its files, print what it shows.</summary>
[Parallelizable(ParallelScope.Self)]
internal sealed class FirmwareTests
{
    private static readonly string Page = Pages.Read("docs/firmware.md");
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("ebp-firmware-");
    private string[] differences = [];

    [OneTimeSetUp]
    public void Run()
    {
        CDevice.CortexM4F.RequireTools();
        FirmwareGuide guide = new(Page);
        differences = guide.Run(folder.FullName, guide.Commands);
    }

    [OneTimeTearDown]
    public void Delete() => folder.Delete(recursive: true);

    [Test]
    public void Every_command_prints_what_the_guide_shows() => Assert.That(differences, Is.Empty, string.Join('\n', differences));

    [Test]
    public void Every_listing_is_a_file_or_is_run()
    {
        FirmwareGuide guide = new(Page);
        Assert.That(guide.Loose, Is.Empty);
        FirmwareGuide without = new(Page.Replace("<!-- file: main.c -->\n", "", StringComparison.Ordinal));
        Assert.That(without.Loose, Has.Count.EqualTo(1), "the control");
        foreach ((string name, string text) in guide.Files)
        {
            string others = guide.Definitions + string.Concat(guide.Commands.Select(command => command.Line))
                + string.Concat(guide.Files.Where(file => file.Name != name).Select(file => file.Text));
            Assert.That(others, Does.Contain(name), "nothing uses this file");
        }
    }

    // What a reader may get wrong, and what a changed listing would do.
    [TestCase("CPACR |= 0xFu << 20;", "CPACR &= ~(0xFu << 20);", "main.elf", "fault, CFSR 524288")]
    [TestCase("board_text(digits_model_hash());", "__asm__ volatile(\"vmsr fpscr, %0\" :: \"r\"(1u << 24));", "main.elf", "self-test 4")]
    [TestCase("\"..#########...\"", "\"..#.......#...\"", "main.elf", "it is a ")]
    [TestCase("t->scores, t->arena", "t->scores, low.arena", "tasks.elf", "different results ")]
    [TestCase("target[4] = 1.0f;", "target[3] = 1.0f;", "learn.elf", "it reads 3")]
    [TestCase("received[20] ^= 1u;", "", "update.elf", "load 0\nchecksum 3022368921\nload 0")]
    [TestCase("motor_prepare(&level, &level);", "", "stream.elf", "idle ")]
    public void A_changed_listing_is_seen(string what, string by, string program, string printed)
    {
        Assert.That(Page, Does.Contain(what));
        FirmwareGuide changed = new(Page.Replace(what, by, StringComparison.Ordinal));
        string[] seen = changed.Run(
            folder.FullName,
            [.. changed.Commands.Where(command => command.Line.EndsWith(program, StringComparison.Ordinal))]);
        Assert.That(seen, Has.Length.EqualTo(1), string.Join('\n', seen));
        Assert.That(seen[0][seen[0].IndexOf("printed:", StringComparison.Ordinal)..], Does.Contain(printed));
    }

    [Test]
    public void Other_output_is_seen()
    {
        string[] printed = ["a", "text 4100 bytes", "b", "c"];
        Assert.That(FirmwareGuide.Shows(printed, printed), Is.True);
        Assert.That(FirmwareGuide.Shows(["...", "b", "..."], printed), Is.True);
        Assert.That(FirmwareGuide.Shows(["a", "...", "c"], printed), Is.True);
        Assert.That(FirmwareGuide.Shows(["a", "text  4,000 bytes", "..."], printed, about: true), Is.True);
        Assert.That(FirmwareGuide.Shows(["b", "..."], printed), Is.False);
        Assert.That(FirmwareGuide.Shows(["...", "b"], printed), Is.False);
        Assert.That(FirmwareGuide.Shows(["a", "text 4000 bytes", "..."], printed), Is.False);
        Assert.That(FirmwareGuide.Shows(["a", "text 2000 bytes", "..."], printed, about: true), Is.False);
        Assert.That(FirmwareGuide.Shows([], printed), Is.False);
    }
}
