using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Documentation;

/// <summary>Every sample of docs/csharp.md compiles as pasted, runs, and prints what the page shows.</summary>
[Parallelizable(ParallelScope.Self)]
internal sealed class CSharpGuideTests
{
    private static readonly SamplePage Page = new(Pages.Read("docs/csharp.md"));
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("ebp-csharp-");

    public static IEnumerable<TestCaseData> Samples => Page.Samples.Select((sample, i) => new TestCaseData(i).SetArgDisplayNames(sample.Title));

    [OneTimeSetUp]
    public void WriteFiles()
    {
        foreach ((string name, string contents) in Page.Files)
        {
            File.WriteAllText(Path.Combine(folder.FullName, name), contents);
        }
    }

    [OneTimeTearDown]
    public void Delete() => folder.Delete(recursive: true);

    // In the order of the page: a sample may read what an earlier one has written.
    [TestCaseSource(nameof(Samples))]
    public void A_sample_prints_what_the_page_shows(int number)
    {
        SamplePage.Sample sample = Page.Samples[number];
        string name = $"sample{number}";
        Assert.That(SampleProgram.Compile(folder.FullName, name, library: false, sample.Resource, PackageUsings.Code, sample.Code), Is.Empty);
        string printed = SampleProgram.Run(folder.FullName, name);
        Assert.That(Lines(printed), Is.EqualTo(Lines(sample.Prints ?? "")), printed);
        Assert.That(Lines(printed), Is.Not.Empty, "a sample prints something");
    }

    [Test]
    public void Control_a_sample_without_its_usings_or_with_a_wrong_name_is_found()
    {
        string code = Page.Samples[0].Code;
        Assert.That(SampleProgram.Compile(folder.FullName, "without", library: false, code), Is.Not.Empty);
        string wrong = code.Replace("Predict(", "Forecast(", StringComparison.Ordinal);
        Assert.That(SampleProgram.Compile(folder.FullName, "wrong", library: false, PackageUsings.Code, wrong), Has.Length.EqualTo(1));
        Assert.That(Page.Samples, Has.Count.GreaterThanOrEqualTo(15));
    }

    // The package's own list: every public namespace but that of the scalar twins, whose types are called as those of Kernels.
    [Test]
    public void The_packages_usings_are_the_public_namespaces()
    {
        string[] named = [.. typeof(Network).Assembly.GetExportedTypes().Select(type => type.Namespace!).Distinct()];
        Assert.That(PackageUsings.Namespaces, Is.EquivalentTo(named.Where(name => name != "EmbeddedBackprop.Kernels.Scalar")));
        Assert.That(PackageUsings.Namespaces, Is.Ordered.Using((IComparer<string>)StringComparer.OrdinalIgnoreCase));
    }

    private static string[] Lines(string text) => text.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
}
