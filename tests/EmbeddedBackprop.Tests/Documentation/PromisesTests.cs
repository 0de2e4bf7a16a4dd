using System.Globalization;
using System.Text.RegularExpressions;
using EmbeddedBackprop.Data;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Documentation;

/// <summary>The page of promises names tests that exist, and limits that hold.</summary>
internal sealed partial class PromisesTests
{
    private static readonly string Page = Pages.Read("docs/promises.md");

    [TestCase("an IDX file", IdxReader.DefaultLimit)]
    [TestCase("axes of an IDX file", IdxReader.MaximumDimensions)]
    [TestCase("columns of a CSV file", CsvReader.MaximumColumns)]
    [TestCase("classes of a CSV file", CsvLabels.Limit)]
    [TestCase("a file of strokes", StrokeReader.Limit)]
    [TestCase("the header of a safetensors file", SafetensorsFormat.MaximumHeaderBytes)]
    [TestCase("axes of a tensor", SafetensorsFormat.MaximumRank)]
    [TestCase("entries of metadata", SafetensorsFormat.MaximumMetadataEntries)]
    [TestCase("statements of a net", NetParser.MaximumStatements)]
    [TestCase("threads", NetworkOptions.MaximumThreads)]
    public void A_limit_is_the_codes(string what, long limit) => Assert.That(LimitOf(what), Is.EqualTo(limit));

    [Test]
    public void The_limits_of_options_are_those_of_the_code()
    {
        Assert.That(LimitOf("a CSV file"), Is.EqualTo(new CsvOptions().Limit));
        Assert.That(LimitOf("the samples of a WAV file"), Is.EqualTo(new WavOptions().Limit));
        byte[] file = IO.ModelNets.Saved();
        Assert.That(ModelFile.Parse(file, "m").MemoryLimit, Is.EqualTo(LimitOf("the network of a model file") + (8L * file.Length)));
    }

    [Test]
    public void Every_test_that_is_named_exists()
    {
        string[] named = [.. TestName().Matches(Page).Select(match => match.Groups[1].Value).Distinct()];
        Assert.That(named, Has.Length.GreaterThan(15));
        string tests = Path.Combine(Repository.Root, "tests", "EmbeddedBackprop.Tests");
        foreach (string name in named)
        {
            string[] files = name.Contains('*', StringComparison.Ordinal)
                ? Directory.GetFiles(Path.Combine(tests, Path.GetDirectoryName(name)!), "*Tests.cs")
                : [Path.Combine(tests, name + ".cs")];
            Assert.That(files, Is.Not.Empty.And.All.Exist, name);
        }
    }

    private static long LimitOf(string what)
    {
        Match row = Regex.Match(Page, $@"^\| {Regex.Escape(what)}[^|]*\| ([\d,]+)", RegexOptions.Multiline);
        Assert.That(row.Success, $"{what} is not in the table of limits");
        return long.Parse(row.Groups[1].Value, NumberStyles.AllowThousands, CultureInfo.InvariantCulture);
    }

    [GeneratedRegex(@"`((?:[A-Z]\w+/)+(?:\w+Tests|\*Tests))`")]
    private static partial Regex TestName();
}
