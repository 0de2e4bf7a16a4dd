using System.Text.RegularExpressions;

namespace EmbeddedBackprop.Tests.Architecture;

/// <summary>
/// Rooms depend strictly downwards, kernels know no graph, and only Data, IO, Onnx and Export touch files (ARCHITECTURE.md, invariants).
/// </summary>
[Parallelizable(ParallelScope.Self)]
internal sealed partial class DependencyTests
{
    // Lowest first: a room uses itself and the rooms above it in this list, never one below it. So there is no circle.
    private static readonly string[] Rooms =
    [
        "", // Errors.cs: the checks of values that every floor makes
        "Kernels", "Kernels/Lanes", "Kernels/Gates", "Kernels/Threads", "Kernels/Random", "Kernels/Signals", "Kernels/Scalar", "Kernels/Elements",
        "Kernels/Products", "Kernels/Convolution", "Kernels/Pooling", "Kernels/Norms", "Kernels/Spectra", "Kernels/Sets", "Kernels/Integers",
        "Activations", "Graphs", "Losses", "Initializers", "Optimizers",
        "Ops",
        "Training", "Quantization",
        "IO", "Data", "Onnx", "Streaming",
        "Export/Text", "Export/Options", "Export/Ops", "Export/Losses", "Export/Update", "Export/Model", "Export/Files", "Export/Cost", "Export",
    ];

    [Test]
    public void No_room_uses_one_above_it()
    {
        Assert.That(Offences(SourceDependencies.OfLibrary), Is.Empty);
    }

    [Test]
    public void Every_file_is_in_a_room()
    {
        string[] files = [.. SourceDependencies.OfLibrary.Uses.SelectMany(use => new[] { use.File, use.Used }).Distinct()];
        Assert.That(files, Has.Length.GreaterThan(300));
        Assert.That(files.Where(file => RoomOf(file) < 0), Is.Empty, "add the room to this test and to ARCHITECTURE.md");
    }

    [TestCase("namespace EmbeddedBackprop.Losses; class Loss { int x = Training.Accuracy.Of(); }", TestName = "A_relative_name_is_seen")]
    [TestCase(
        "using static EmbeddedBackprop.Training.Accuracy; namespace EmbeddedBackprop.Losses; class Loss { int x = Of(); }",
        TestName = "A_static_using_is_seen")]
    [TestCase(
        "using A = EmbeddedBackprop.Training.Accuracy; namespace EmbeddedBackprop.Losses; class Loss { int x = A.Of(); }",
        TestName = "An_alias_is_seen")]
    [TestCase(
        "namespace EmbeddedBackprop { using Training; namespace Losses { class Loss { int x = Accuracy.Of(); } } }",
        TestName = "A_relative_using_is_seen")]
    public void A_use_of_a_higher_room_is_an_offence(string loss)
    {
        SourceDependencies planted = SourceDependencies.Of(
        [
            ("Losses/Loss.cs", loss),
            ("Training/Accuracy.cs", "namespace EmbeddedBackprop.Training; static class Accuracy { public static int Of() => 1; }"),
        ]);
        Assert.That(Offences(planted), Is.EqualTo(new[] { "Losses/Loss.cs uses Training/Accuracy.cs" }));
    }

    [Test]
    public void A_use_of_a_lower_room_is_none()
    {
        SourceDependencies planted = SourceDependencies.Of(
        [
            ("Losses/Loss.cs", "namespace EmbeddedBackprop.Losses; class Loss { public const int Parts = 16; }"),
            ("Training/Accuracy.cs", "namespace EmbeddedBackprop.Training; class Accuracy { int parts = Losses.Loss.Parts; }"),
        ]);
        Assert.That(planted.Uses, Has.Count.EqualTo(1));
        Assert.That(Offences(planted), Is.Empty);
    }

    [Test]
    public void Only_data_io_onnx_and_export_touch_files()
    {
        string[] offenders = [.. SourceDependencies.LibraryFiles()
            .Where(source => source.Path.Split('/')[0] is not ("Data" or "IO" or "Onnx" or "Export") && FileAccess().IsMatch(source.Content))
            .Select(source => source.Path)];
        Assert.That(offenders, Is.Empty);
        Assert.That(FileAccess().IsMatch("x = File.ReadAllBytes(path)"), Is.True);
    }

    [Test]
    public void The_library_depends_on_tensors_and_nothing_else()
    {
        string project = File.ReadAllText(Path.Combine(Repository.Root, "src", "EmbeddedBackprop", "EmbeddedBackprop.csproj"));
        string[] packages = [.. PackageName().Matches(project).Select(match => match.Groups[1].Value)];
        Assert.That(packages, Is.EqualTo(new[] { "System.Numerics.Tensors" }));
    }

    private static string[] Offences(SourceDependencies dependencies) =>
        [.. dependencies.Uses.Where(use => RoomOf(use.Used) > RoomOf(use.File)).Select(use => $"{use.File} uses {use.Used}").Order()];

    /// <summary>The place of a file's room in the list: that of the longest folder name that the list knows; -1 if it knows none.</summary>
    private static int RoomOf(string file)
    {
        for (string? folder = Path.GetDirectoryName(file); folder is not null; folder = Path.GetDirectoryName(folder))
        {
            int room = Array.IndexOf(Rooms, folder.Replace('\\', '/'));
            if (room >= 0 && (folder.Length > 0 || !file.Contains('/', StringComparison.Ordinal)))
            {
                return room;
            }
        }

        return -1;
    }

    [GeneratedRegex(@"\b(File|Directory|FileStream|FileInfo)\.?(Read|Write|Open|Create|Exists|Delete|Move)\w*\(|new FileStream")]
    private static partial Regex FileAccess();

    [GeneratedRegex("PackageReference Include=\"([^\"]+)\"")]
    private static partial Regex PackageName();
}
