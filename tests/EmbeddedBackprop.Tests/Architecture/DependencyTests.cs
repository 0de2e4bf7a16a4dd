using System.Text.RegularExpressions;

namespace EmbeddedBackprop.Tests.Architecture;

/// <summary>Folders depend strictly downwards, kernels know no graph, and only Data, IO and Export touch files (ARCHITECTURE.md, invariants).</summary>
internal sealed partial class DependencyTests
{
    // Lowest first; folders of one row may use each other.
    private static readonly string[][] Layers =
    [
        ["Kernels"],
        ["Activations", "Graphs", "Losses", "Initializers", "Optimizers"],
        ["Ops"],
        ["Training"],
        ["Data", "IO", "Export"],
    ];

    [Test]
    public void No_folder_uses_one_above_it()
    {
        List<string> offences = [];
        foreach ((string file, string folder, string text) in SourceFiles())
        {
            foreach (Match match in NamespaceName().Matches(text))
            {
                string used = match.Groups[1].Value;
                if (LayerOf(used) > LayerOf(folder))
                {
                    offences.Add($"{file} uses {used}");
                }
            }
        }

        Assert.That(offences, Is.Empty);
    }

    [Test]
    public void Only_data_io_and_export_touch_files()
    {
        string[] offenders = [.. SourceFiles()
            .Where(source => source.Folder is not ("Data" or "IO" or "Export") && FileAccess().IsMatch(source.Text))
            .Select(source => source.File)];
        Assert.That(offenders, Is.Empty);
    }

    [Test]
    public void The_library_depends_on_tensors_and_nothing_else()
    {
        string project = File.ReadAllText(Path.Combine(Repository.Root, "src", "EmbeddedBackprop", "EmbeddedBackprop.csproj"));
        string[] packages = [.. PackageName().Matches(project).Select(match => match.Groups[1].Value)];
        Assert.That(packages, Is.EqualTo(new[] { "System.Numerics.Tensors" }));
    }

    [Test]
    public void The_checks_see_what_they_look_for()
    {
        Assert.That(SourceFiles().Count(), Is.GreaterThan(50));
        Assert.That(LayerOf("Training"), Is.GreaterThan(LayerOf("Kernels")));
        Assert.That(NamespaceName().Match("using EmbeddedBackprop.Training;").Groups[1].Value, Is.EqualTo("Training"));
        Assert.That(FileAccess().IsMatch("x = File.ReadAllBytes(path)"), Is.True);
    }

    private static int LayerOf(string folder)
    {
        int layer = Array.FindIndex(Layers, row => row.Contains(folder));
        Assert.That(layer, Is.GreaterThanOrEqualTo(0), $"{folder} has no layer: add it to this test and to ARCHITECTURE.md");
        return layer;
    }

    private static IEnumerable<(string File, string Folder, string Text)> SourceFiles()
    {
        string source = Path.Combine(Repository.Root, "src", "EmbeddedBackprop");
        foreach (string folder in Directory.GetDirectories(source).Where(path => Path.GetFileName(path) is not ("bin" or "obj")))
        {
            foreach (string file in Directory.GetFiles(folder, "*.cs", SearchOption.AllDirectories))
            {
                yield return (Path.GetRelativePath(source, file), Path.GetFileName(folder), File.ReadAllText(file));
            }
        }
    }

    [GeneratedRegex(@"(?:using(?: static)? EmbeddedBackprop\.|[^.\w]EmbeddedBackprop\.)(\w+)")]
    private static partial Regex NamespaceName();

    [GeneratedRegex(@"\b(File|Directory|FileStream|FileInfo)\.?(Read|Write|Open|Create|Exists|Delete|Move)\w*\(|new FileStream")]
    private static partial Regex FileAccess();

    [GeneratedRegex("PackageReference Include=\"([^\"]+)\"")]
    private static partial Regex PackageName();
}
