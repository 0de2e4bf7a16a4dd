using System.Text.Json;
using EmbeddedBackprop.Tests.Ebp;

namespace EmbeddedBackprop.Tests.Results;

/// <summary>One run of each split of docs/results.md, "Bearing faults". Thresholds lie below the smallest of five seeds there.</summary>
[Category("Slow")]
[Parallelizable(ParallelScope.Self)]
internal sealed class BearingTests
{
    private static readonly string Example = Path.Combine(Repository.Root, "examples", "bearings");

    [Test]
    public void The_split_by_load_is_easy() =>
        Assert.That(
            Train(
                "kind", "load", "3", "net-load.txt", 10, "--window", "1024", "--hop", "512", "--lr", "0.003", "--weight-decay", "0.1", "--schedule",
                "cosine"),
            Is.GreaterThanOrEqualTo(0.998));

    [Test]
    public void Faults_of_another_width_are_recognised() =>
        Assert.That(
            Train(
                "fault", "width", "21", "net.txt", 4, "--window", "7765", "--hop", "1024", "--lr", "0.01", "--weight-decay", "0.3", "--freeze",
                "layernorm1"),
            Is.GreaterThanOrEqualTo(0.65), "the nearest neighbour has 42.5 %");

    private static double Train(string label, string group, string test, string net, int classes, params string[] options)
    {
        using EbpProcess ebp = new();
        JsonElement result = ebp.RunJson([
            "train", "--data", "wav:" + RealData.Path("cwru"), "--files", Path.Combine(Example, "recordings.csv"), "--label", label, "--group", group,
            "--test-group", test + ",late", "--net", $"{File.ReadAllText(Path.Combine(Example, net)).ReplaceLineEndings(" ").TrimEnd()}; dense {classes}",
            "--optimizer", "adamw", "--batch", "64", "--epochs", "15", "--threads", "1", "--seed", "1", "--out", "m", .. options,
        ]);
        double accuracy = result.GetProperty("test_accuracy").GetDouble();
        TestContext.Out.WriteLine($"test accuracy {accuracy:P2}, {result.GetProperty("train_seconds").GetDouble():F1} s");
        return accuracy;
    }
}
