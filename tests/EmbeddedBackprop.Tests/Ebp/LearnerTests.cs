using System.Text.Json;

namespace EmbeddedBackprop.Tests.Ebp;

/// <summary>doctor, explain and the figures of eval, as a user meets them.</summary>
[TestFixture]
[Parallelizable(ParallelScope.All)]
public sealed class LearnerTests
{
    [Test]
    public void Doctor_names_the_digit_that_a_stuck_run_never_learns()
    {
        using EbpProcess ebp = new();
        ebp.RunJson(
            "train", "--layers", "784,30,10", "--activation", "sigmoid", "--loss", "quadratic", "--init", "normal", "--lr", "3", "--batch", "10",
            "--epochs", "10", "--limit", "5000", "--seed", "52", "--out", "m");
        JsonElement report = ebp.RunJson("doctor", "m");
        JsonElement finding = report.GetProperty("findings")[0];
        Assert.That((finding.GetProperty("kind").GetString(), finding.GetProperty("indices")[0].GetInt32()), Is.EqualTo(("DeadClass", 6)));
        Assert.That(report.GetProperty("layers").GetArrayLength(), Is.EqualTo(2));
        Assert.That(report.GetProperty("layers")[0].GetProperty("update_ratio").GetDouble(), Is.InRange(1e-6, 0.1));
        Assert.That(report.GetProperty("classes")[6].GetProperty("right").GetInt32(), Is.Zero);
        EbpProcess.Result text = ebp.Run("doctor", "m", "--samples", "100");
        Assert.That(text.ExitCode, Is.Zero, text.Errors);
        Assert.That(text.Output, Does.Contain("class 6 is never learned").And.Contains("dense1").And.Contains("flat"));
    }

    [Test]
    public void Explain_shows_a_sample_and_the_mini_batch()
    {
        using EbpProcess ebp = new();
        ebp.File("t.csv", TrainTests.Table(60, 5));
        ebp.RunJson("train", "--data", "csv:t.csv", "--layers", "3,6,2", "--epochs", "2", "--activation", "tanh", "--out", "m");
        EbpProcess.Result text = ebp.Run("explain", "m", "--sample", "1");
        Assert.That(text.ExitCode, Is.Zero, text.Errors);
        foreach (
            string part in (string[])
                ["BP1", "BP2", "BP3", "BP4", "dense1.weight", "dense2.bias", "raise", "lower", "mean over the mini-batch of samples 1 to 10"])
        {
            Assert.That(text.Output, Does.Contain(part));
        }

        JsonElement json = ebp.RunJson("explain", "m", "--sample", "1", "--batch", "3");
        JsonElement first = json.GetProperty("sample").GetProperty("layers")[0];
        Assert.That(
            (first.GetProperty("z").GetArrayLength(), first.GetProperty("parameters")[0].GetProperty("gradients").GetArrayLength()),
            Is.EqualTo((6, 18)));
        Assert.That(json.GetProperty("mini_batch").GetProperty("samples").GetArrayLength(), Is.EqualTo(3));
        Assert.That(ebp.Run("explain", "m", "--sample", "999").ExitCode, Is.EqualTo(2));
    }

    [Test]
    public void Eval_gives_figures_that_a_majority_cannot_lift()
    {
        using EbpProcess ebp = new();
        ebp.File("t.csv", TrainTests.Table(80, 5));
        ebp.RunJson("train", "--data", "csv:t.csv", "--layers", "3,6,2", "--epochs", "20", "--out", "m");
        JsonElement result = ebp.RunJson("eval", "m", "--data", "csv:t.csv");
        int[][] counts =
        [
            .. result.GetProperty("confusion").EnumerateArray().Select(row => row.EnumerateArray().Select(n => n.GetInt32()).ToArray()),
        ];
        double balanced = counts.Select((row, label) => (double)row[label] / row.Sum()).Average();
        Assert.That(result.GetProperty("balanced_accuracy").GetDouble(), Is.EqualTo(balanced).Within(1e-12));
        Assert.That(result.GetProperty("majority_share").GetDouble(), Is.EqualTo(counts.Max(row => row.Sum()) / 80.0).Within(1e-12));
        Assert.That(result.GetProperty("auc").GetDouble(), Is.InRange(0.5, 1));
        Assert.That(ebp.Run("eval", "m").Output, Does.Contain("balanced accuracy").And.Contains("macro F1").And.Contains("AUC"));

        // 2 right / (row + column), by the matrix that is printed.
        double[] f1 =
            [.. counts.Select((row, label) => 2.0 * row[label] / Math.Max(1, row.Sum() + counts.Sum(other => other[label])))];
        Assert.That(result.GetProperty("macro_f1").GetDouble(), Is.EqualTo(f1.Average()).Within(1e-12));
        Assert.That(result.GetProperty("classes").EnumerateArray().Select(c => c.GetProperty("f1").GetDouble()), Is.EqualTo(f1).Within(1e-12));
    }

    [Test]
    public void Eval_gives_alarms_for_a_class_within_a_share_of_false_ones()
    {
        using EbpProcess ebp = new();
        ebp.File("t.csv", TrainTests.Table(80, 5));
        ebp.RunJson("train", "--data", "csv:t.csv", "--layers", "3,6,2", "--epochs", "20", "--out", "m");
        string[] eval = ["eval", "m", "--data", "csv:t.csv"];
        string[] names = [.. ebp.RunJson(eval).GetProperty("classes").EnumerateArray().Select(c => c.GetProperty("name").GetString()!)];
        JsonElement second = ebp.RunJson([.. eval, "--false-alarms", "0.2"]).GetProperty("alarms"),
            first = ebp.RunJson([.. eval, "--false-alarms", "0.2", "--positive", names[0]]).GetProperty("alarms");
        Assert.That((first.GetProperty("class").GetString(), second.GetProperty("class").GetString()), Is.EqualTo((names[0], names[1])));
        foreach (JsonElement alarms in (JsonElement[])[first, second])
        {
            Assert.That(alarms.GetProperty("false_alarm_rate").GetDouble(), Is.LessThanOrEqualTo(0.2));
            Assert.That(alarms.GetProperty("recall").GetDouble(), Is.GreaterThan(0.2), "a net that has learned something");
        }

        Assert.That(ebp.Run(eval).Output, Does.Contain($"'{names[1]}' at 1.00 % false alarms: recall "));
        EbpProcess.Result unknown = ebp.Run([.. eval, "--positive", "nobody"]);
        Assert.That(unknown.ExitCode, Is.EqualTo(2));
        Assert.That(unknown.Errors, Is.EqualTo($"ebp: --positive: there is no class 'nobody' (known: {names[0]}, {names[1]})\n"));
        Assert.That(ebp.Run([.. eval, "--false-alarms", "1.5"]).ExitCode, Is.EqualTo(2));
    }
}
