using System.Text.Json;

namespace EmbeddedBackprop.Tests.Golden;

/// <summary>The folder of golden cases: the tests' own copy, or the one that EBP_REFERENCE names.</summary>
internal static class GoldenFolder
{
    public const string Activations = "activations";
    public const string Networks = "mlp";
    public const string Optimizers = "optimizers";

    public const string LeNet = "lenet_small";

    public const string Signals = "signal";

    public static readonly string[] Convolutions = ["conv2d", "conv1d", "conv_transpose2d"];

    public static readonly string[] Layers =
        ["maxpool2d", "maxpool2d_overlap", "avgpool2d", "avgpool2d_pad", "global_avgpool2d", "batchnorm1d", "batchnorm2d", "layernorm"];

    public static readonly string[] Graphs = ["dag", "two_heads"];

    public static readonly string[] Recurrent = ["rnn_tanh", "gru", "lstm"];

    private static readonly string[] Families =
        [Activations, Networks, Optimizers, LeNet, Signals, .. Convolutions, .. Layers, .. Graphs, .. Recurrent];

    public static string Path { get; } =
        Environment.GetEnvironmentVariable("EBP_REFERENCE") is { Length: > 0 } named ? named
            : System.IO.Path.Combine(TestContext.CurrentContext.TestDirectory, "Golden", "cases");

    /// <summary>The files of one family; a folder without any fails, so that nothing passes by being absent.</summary>
    public static string[] Files(string family)
    {
        string[] files = [.. All().Where(file => FamilyOf(file) == family)];
        Assert.That(files, Is.Not.Empty, $"{Path}: no case of the family {family}");
        return files;
    }

    /// <summary>Families that the engine cannot compute yet, and how many files each has.</summary>
    public static SortedDictionary<string, int> OtherFamilies()
    {
        SortedDictionary<string, int> counts = [];
        foreach (string family in All().Select(FamilyOf).Where(family => !Families.Contains(family)))
        {
            counts[family] = counts.GetValueOrDefault(family) + 1;
        }

        return counts;
    }

    public static JsonDocument Read(string file) => JsonDocument.Parse(File.ReadAllBytes(file));

    private static IEnumerable<string> All() => Directory.GetFiles(Path, "*.json").Order(StringComparer.Ordinal);

    // By a file's contents, not by its name.
    private static string FamilyOf(string file)
    {
        using JsonDocument document = Read(file);
        JsonElement root = document.RootElement;
        if (root.TryGetProperty("z", out _) && root.TryGetProperty("value", out _))
        {
            return Activations;
        }

        if (root.TryGetProperty("optimizer", out _))
        {
            return Optimizers;
        }

        return root.TryGetProperty("spec", out JsonElement spec) && spec.TryGetProperty("type", out JsonElement type) ? type.GetString()! : "unknown";
    }
}
