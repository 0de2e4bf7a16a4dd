using System.Globalization;
using System.Text;
using System.Text.Json;
using EmbeddedBackprop.Data;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Ebp;

/// <summary>ebp train --normal and ebp eval: a net that reproduces normal rows tells others from them.</summary>
[TestFixture]
[Parallelizable(ParallelScope.All)]
public sealed class AnomalyTests
{
    private const int Usage = 2, BadInput = 3;

    private static readonly string[] Train =
    [
        "train", "--data", "csv:train.csv", "--test", "test.csv", "--normal", "ok", "--net", "dense 6 tanh; dense 2; dense 6 tanh; dense 5",
        "--optimizer", "adam", "--lr", "0.01", "--epochs", "60",
    ];

    [Test]
    public void Rows_unlike_the_normal_ones_have_the_highest_scores()
    {
        using EbpProcess ebp = new();
        ebp.File("train.csv", Table(1, ("ok", 400)));
        ebp.File("test.csv", Table(2, ("ok", 200), ("stuck", 20), ("drift", 30)));
        JsonElement trained = ebp.RunJson([.. Train, "--validation", "100", "--out", "a"]);
        JsonElement found = ebp.RunJson("eval", "a", "--false-alarms", "0.05").GetProperty("anomalies");
        Assert.That(trained.GetProperty("training_samples").GetInt32(), Is.EqualTo(300));
        Assert.That((found.GetProperty("normal").GetInt32(), found.GetProperty("others").GetInt32()), Is.EqualTo((200, 50)));
        Assert.That(Number(found, "auc"), Is.GreaterThan(0.9));
        Assert.That(Number(found, "recall"), Is.GreaterThan(0.5));
        Assert.That(Number(found, "false_alarm_rate"), Is.LessThan(0.15));

        // The same by the library: scores of the held-out rows give the threshold, those of the test file the figures.
        ModelFile file = ModelFile.Open(Path.Combine(ebp.Folder, "a"));
        using Network network = file.ToNetwork();
        Standardizer standardizer = Standardizer.From(file)!;
        float[] held = Scores("train.csv")[300..], scores = Scores("test.csv");
        bool[] isFault = [.. Enumerable.Range(0, 250).Select(i => i >= 200)];
        Assert.That(Number(found, "auc"), Is.EqualTo(RocCurve.Area(scores, isFault)).Within(1e-12));
        float threshold = held.OrderDescending().ElementAt(4);
        Assert.That((float)Number(found, "threshold"), Is.EqualTo(threshold), "the fifth of a hundred");
        Assert.That(Number(found, "recall"), Is.EqualTo(scores[200..].Count(score => score >= threshold) / 50.0).Within(1e-12));

        // The control: rows whose label lies are no anomalies.
        ebp.File("test.csv", Table(2, ("ok", 200), ("bad", 100)));
        Assert.That(Number(ebp.RunJson("eval", "a").GetProperty("anomalies"), "auc"), Is.InRange(0.3, 0.7));

        float[] Scores(string name)
        {
            FloatDataset table = standardizer.Apply(CsvReader.Read(Path.Combine(ebp.Folder, name)));
            return [.. Enumerable.Range(0, table.Count).Select(i =>
            {
                float[] output = network.Predict(table.Row(i)).ToArray();
                return (float)(output.Zip(table.Row(i).ToArray(), (y, x) => ((double)y - x) * ((double)y - x)).Sum() / 5);
            })];
        }
    }

    [Test]
    public void Rows_of_other_labels_do_not_train()
    {
        using EbpProcess ebp = new();
        ebp.File("train.csv", Table(1, ("ok", 100)));
        ebp.File("test.csv", Table(2, ("ok", 20), ("drift", 5)));
        JsonElement alone = ebp.RunJson([.. Train, "--out", "a"]);
        ebp.File("train.csv", Table(1, ("ok", 100), ("drift", 40)));
        JsonElement beside = ebp.RunJson([.. Train, "--out", "b"]);
        Assert.That(Text(beside, "weights_hash"), Is.EqualTo(Text(alone, "weights_hash")));
        ebp.File("train.csv", Table(1, ("ok", 100)).Replace(",ok", ",fine", StringComparison.Ordinal));
        Assert.That(
            Text(ebp.RunJson([.. Train.Select(word => word == "ok" ? "fine" : word), "--out", "c"]), "weights_hash"),
            Is.EqualTo(Text(alone, "weights_hash")), "a name is a name");
        ebp.File("train.csv", Table(3, ("ok", 100)));
        Assert.That(Text(ebp.RunJson([.. Train, "--out", "d"]), "weights_hash"), Is.Not.EqualTo(Text(alone, "weights_hash")));
    }

    [Test]
    public void Windows_of_rows_are_reproduced_and_the_model_is_quantised()
    {
        using EbpProcess ebp = new();
        ebp.File("train.csv", Table(1, ("ok", 200)));
        ebp.File("test.csv", Table(2, ("ok", 60), ("drift", 40)));
        string[] window = ["--window", "4", "--short", "drop", "--net", "flatten; dense 4; dense 20"];
        _ = ebp.RunJson(["train", "--data", "csv:train.csv", "--test", "test.csv", "--normal", "ok", .. window, "--epochs", "20", "--out", "w"]);
        JsonElement floats = ebp.RunJson("eval", "w").GetProperty("anomalies");
        Assert.That(Number(floats, "auc"), Is.GreaterThan(0.8));
        Assert.That(Text(floats, "threshold_from"), Is.EqualTo("training"));
        Assert.That(ebp.Run("quantize", "w", "--out", "q").ExitCode, Is.Zero);
        Assert.That(Number(ebp.RunJson("eval", "q").GetProperty("anomalies"), "auc"), Is.EqualTo(Number(floats, "auc")).Within(0.05));
        EbpProcess.Result said = ebp.Run("eval", "w");
        Assert.That(said.Output, Does.Contain("57 normal, 40 others").And.Contain("normal samples (training)").And.Contain("recall "));
    }

    [TestCase("--normal none", BadInput, "no sample to train on has the label 'none' of --normal")]
    [TestCase("--normal ok --target classes", Usage, "--target: with --normal")]
    [TestCase("--normal ok --augment shift=1", Usage, "--augment: with --normal")]
    [TestCase("--normal ok --window 3 --padding mask", Usage, "--padding mask: with --normal")]
    [TestCase("--normal ok --net", Usage, "the last layer has 4 outputs, the data have 5", "dense 4")]
    public void Wrong_use_is_told_in_a_line(string options, int code, string said, params string[] more)
    {
        using EbpProcess ebp = new();
        ebp.File("train.csv", Table(1, ("ok", 20), ("drift", 2)));
        EbpProcess.Result result = ebp.Run(
            ["train", "--data", "csv:train.csv", .. EbpProcess.Words(options), .. more, "--epochs", "1", "--out", "m"]);
        Assert.That((result.ExitCode, result.Errors.Trim().Split('\n').Length), Is.EqualTo((code, 1)), result.Errors);
        Assert.That(result.Errors, Does.Contain(said));
        Assert.That(File.Exists(Path.Combine(ebp.Folder, "m")), Is.False);
    }

    [Test]
    public void Without_the_rows_that_were_trained_on_there_is_no_threshold()
    {
        using EbpProcess ebp = new();
        ebp.File("train.csv", Table(1, ("ok", 40)));
        ebp.File("test.csv", Table(2, ("ok", 10), ("drift", 5)));
        _ = ebp.RunJson([.. Train, "--out", "a"]);
        Assert.That(ebp.Run("eval", "a", "--positive", "ok").ExitCode, Is.EqualTo(Usage));
        ebp.File("train.csv", Table(3, ("ok", 40)));
        EbpProcess.Result other = ebp.Run("eval", "a");
        Assert.That((other.ExitCode, other.Errors), Is.EqualTo((Usage, "ebp: --data: these are not the samples that a was trained on\n")));
    }

    /// <summary>Five sensors that follow two causes; a stuck one shows what it showed elsewhere, a drifting one is off by two deviations.</summary>
    private static string Table(int seed, params (string Label, int Count)[] parts)
    {
        StringBuilder text = new("a,b,c,d,e,label\n");
        float[] causes = Samples.Array(3 * parts.Sum(part => part.Count), seed);
        int at = 0;
        foreach ((string label, int count) in parts)
        {
            for (int i = 0; i < count; i++, at += 3)
            {
                float x = causes[at], y = causes[at + 1], noise = 0.02f * causes[at + 2];
                float[] row = [x, y, x + y + noise, x - y, (0.5f * x) - noise];
                row[2] += label == "stuck" ? 1.5f * (y > 0 ? -1 : 1) : 0;
                row[3] += label == "drift" ? 1.5f : 0;
                text.AppendJoin(',', row.Select(value => value.ToString("R", CultureInfo.InvariantCulture))).Append($",{label}\n");
            }
        }

        return text.ToString();
    }

    private static double Number(JsonElement element, string name) => element.GetProperty(name).GetDouble();

    private static string Text(JsonElement element, string name) => element.GetProperty(name).GetString()!;
}
