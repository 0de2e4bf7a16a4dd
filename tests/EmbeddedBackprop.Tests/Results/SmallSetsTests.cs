using System.Text.Json;
using EmbeddedBackprop.Tests.Ebp;

namespace EmbeddedBackprop.Tests.Results;

/// <summary>
/// One run of each small real task of docs/results.md, by the command line of that page. Thresholds lie a little below the measured values.
/// </summary>
[Category("Slow")]
[Parallelizable(ParallelScope.Self)]
internal sealed class SmallSetsTests
{
    [TestCase("gru 24 bidirectional all; mean-time; dropout 0.3; dense 10", 40, "0.01")]
    [TestCase("gru 32; dropout 0.3; dense 10", 40, "0.01", 0.97)]
    [TestCase(
        "transpose; conv1d 16 5 relu; maxpool1d 2; conv1d 24 5 relu; maxpool1d 2; conv1d 24 3 relu; flatten; dropout 0.3; dense 10",
        30,
        "0.005")]
    public void Gestures_are_told_apart(string net, int epochs, string rate, double least = 0.98)
    {
        JsonElement result = Train(
            "--data", "strokes:" + RealData.Path("wand-digits"), "--resample", "64", "--fold", "4/5", "--net", net, "--epochs", $"{epochs}",
            "--optimizer", "adam", "--lr", rate, "--batch", "16", "--schedule", "cosine");
        Assert.Multiple(() =>
        {
            Assert.That(result.GetProperty("test_samples").GetInt32(), Is.EqualTo(200));
            Assert.That(result.GetProperty("parameters").GetInt32(), Is.LessThan(10_000));
            Assert.That(result.GetProperty("test_accuracy").GetDouble(), Is.GreaterThanOrEqualTo(least));
        });
    }

    [Test]
    public void Small_digits_are_read()
    {
        JsonElement result = Train(
            "--data",
            "csv:" + RealData.Path("optdigits", "optdigits.tra"),
            "--test",
            RealData.Path("optdigits", "optdigits.tes"),
            "--image",
            "8x8",
            "--net",
            "conv 16 3x3 same; batchnorm; activate relu; conv 20 3x3; batchnorm; activate relu; maxpool 2; dropout 0.2; dense 10",
            "--epochs", "80", "--optimizer", "adam", "--lr", "0.003", "--batch", "32", "--schedule", "cosine", "--augment",
            "rotate=8,scale=0.1,elastic=0.3,spacing=4");
        Assert.Multiple(() =>
        {
            Assert.That(result.GetProperty("parameters").GetInt32(), Is.LessThan(5_000));
            Assert.That(result.GetProperty("test_accuracy").GetDouble(), Is.GreaterThanOrEqualTo(0.98));
        });
    }

    [Test]
    public void Rooms_are_told_occupied_without_light()
    {
        JsonElement result = Train(
            "--data",
            "csv:" + RealData.Path("occupancy", "datatraining.txt"),
            "--test",
            RealData.Path("occupancy", "datatest.txt"),
            "--ignore", "date,Light", "--net", "dense 8 relu; dense 2", "--epochs", "5", "--optimizer", "adam", "--lr", "0.003", "--batch",
            "32");
        Assert.That(result.GetProperty("test_accuracy").GetDouble(), Is.GreaterThanOrEqualTo(0.82));
    }

    [Test]
    public void Digits_of_a_speaker_that_was_not_heard_are_told_apart()
    {
        string net = File.ReadAllText(Path.Combine(Repository.Root, "examples", "spoken-digits", "net.txt")).ReplaceLineEndings("");
        JsonElement result = Train(
            "--data", "wav:" + RealData.Path("spoken-digits", "recordings.zip"), "--files", "{label}_{speaker}_{index}.wav", "--group", "speaker",
            "--test-group", "theo", "--window", "8000", "--net", net + "; dense 10", "--epochs", "20", "--optimizer", "adamw", "--lr", "0.01",
            "--weight-decay", "0.0001", "--batch", "64", "--schedule", "cosine", "--label-smoothing", "0.1", "--augment",
            "speed=0.12,shift=800,gain=20,mask=800");
        Assert.Multiple(() =>
        {
            Assert.That(result.GetProperty("test_samples").GetInt32(), Is.EqualTo(500));
            Assert.That(result.GetProperty("parameters").GetInt32(), Is.LessThanOrEqualTo(20_000));
            Assert.That(result.GetProperty("test_accuracy").GetDouble(), Is.GreaterThanOrEqualTo(0.8));
        });
    }

    private static JsonElement Train(params string[] options)
    {
        using EbpProcess ebp = new();
        JsonElement result = ebp.RunJson(["train", .. options, "--threads", "1", "--seed", "1", "--out", "m"]);
        TestContext.Out.WriteLine(
            $"test accuracy {result.GetProperty("test_accuracy").GetDouble():P2}, {result.GetProperty("train_seconds").GetDouble():F1} s");
        return result;
    }
}
