using System.Text.Json;

namespace EmbeddedBackprop.Tests.Ebp;

/// <summary>The treatment of gradients and the rate during training, early stopping, and that a resumed training keeps all of it.</summary>
[TestFixture]
[Parallelizable(ParallelScope.All)]
public sealed class RefinementTests
{
    private static readonly string[] Small = ["train", "--data", "csv:t.csv", "--seed", "3", "--layers", "3,6,2"];

    [TestCase("--l1 0.01")]
    [TestCase("--clip-value 0.001")]
    [TestCase("--clip-norm 0.001")]
    [TestCase("--schedule step --schedule-every 2 --schedule-factor 0.5")]
    [TestCase("--schedule exponential --schedule-factor 0.7")]
    [TestCase("--schedule cosine --schedule-floor 0.01")]
    [TestCase("--schedule warm-up --warm-up-steps 9")]
    [TestCase("--schedule cosine --warm-up-steps 9")]
    [TestCase("--accumulate 3")]
    [TestCase("--max-norm 0.5")]
    [TestCase("--label-smoothing 0.2")]
    [TestCase("--class-weights 0.5,2")]
    [TestCase("--class-weights balanced")]
    [TestCase("--average ema --average-decay 0.9")]
    [TestCase("--average swa --average-from 1")]
    [TestCase("--schedule plateau --schedule-every 1 --schedule-factor 0.25 --validation 12")]
    [TestCase("--optimizer rprop")]
    [TestCase("--init orthogonal --init-gain 2")]
    public void Every_option_changes_the_weights_and_is_part_of_a_resumed_training(string options)
    {
        using EbpProcess ebp = new();
        ebp.File("t.csv", TrainTests.Table(60, 5));
        string plain = Hash(ebp.RunJson([.. Small, "--epochs", "4", "--out", "plain"]));
        string[] with = [.. Small, .. EbpProcess.Words(options)];
        string straight = Hash(ebp.RunJson([.. with, "--epochs", "4", "--out", "whole"]));
        Assert.That(straight, Is.Not.EqualTo(plain), "an option that changes nothing would pass every check below");

        // A cosine's rate depends on the number of epochs: only it is asked for the same.
        bool cosine = options.Contains("cosine", StringComparison.Ordinal);
        ebp.RunJson([.. with, "--epochs", cosine ? "4" : "2", "--out", "part"]);
        Assert.That(Hash(ebp.RunJson("train", "--resume", "part", "--epochs", "4", "--out", "rest")), Is.EqualTo(straight));
        Assert.That(Hash(ebp.RunJson([.. with, "--resume", "part", "--epochs", "4", "--out", "rest"])), Is.EqualTo(straight), "the same said again");

        EbpProcess.Result other = ebp.Run([.. Small, .. EbpProcess.Words(options), "--resume", "plain", "--epochs", "8"]);
        Assert.That((other.ExitCode, other.Output), Is.EqualTo((2, "")), other.Errors);
        Assert.That(other.Errors, Does.StartWith("ebp: --").And.Contains("only --epochs"));
    }

    [Test]
    public void Batches_that_must_stay_whole_are_not_accumulated()
    {
        using EbpProcess ebp = new();
        ebp.File("t.csv", TrainTests.Table(60, 3));
        string[] train =
        [
            "train",
            "--data",
            "csv:t.csv",
            "--net",
            "dense 4 relu; norm = batchnorm; dense 2",
            "--batch",
            "8",
            "--accumulate",
            "3",
            "--epochs",
            "1",
        ];
        EbpProcess.Result result = ebp.Run(train);
        Assert.That((result.ExitCode, result.Output), Is.EqualTo((2, "")), result.Errors);
        Assert.That(result.Errors, Does.Contain("--accumulate 3: norm depends on the whole batch").And.Contain("--batch 24"));
        Assert.That(ebp.Run([.. train, "--freeze", "norm"]).ExitCode, Is.Zero, "a frozen one takes its running statistics");
    }

    [Test]
    public void Augmentation_is_part_of_a_resumed_training_and_for_images_only()
    {
        using EbpProcess ebp = new();
        string[] train = ["train", "--limit", "300", "--layers", "784,8,10", "--seed", "2"];
        string plain = Hash(ebp.RunJson([.. train, "--epochs", "2", "--out", "plain"]));
        string[] with = [.. train, "--augment", "shift=1,rotate=8,elastic=0.5"];
        JsonElement whole = ebp.RunJson([.. with, "--epochs", "4", "--out", "whole"]);
        Assert.That(whole.GetProperty("allocated_bytes_per_step").GetDouble(), Is.Zero);
        JsonElement part = ebp.RunJson([.. with, "--epochs", "2", "--out", "part"]);
        Assert.That(Hash(part), Is.Not.EqualTo(plain));
        Assert.That(Hash(ebp.RunJson("train", "--resume", "part", "--epochs", "4", "--out", "rest")), Is.EqualTo(Hash(whole)));
        ebp.File("t.csv", TrainTests.Table(60, 5));
        EbpProcess.Result table = ebp.Run([.. Small, "--augment", "shift=1"]);
        Assert.That((table.ExitCode, table.Errors.Contains("--augment", StringComparison.Ordinal)), Is.EqualTo((2, true)), table.Errors);
        Assert.That(ebp.Run("train", "--augment", "zoom=2").ExitCode, Is.EqualTo(2));
    }

    [Test]
    public void Accumulated_batches_have_the_bits_of_one_large_batch()
    {
        using EbpProcess ebp = new();
        ebp.File("t.csv", TrainTests.Table(60, 5));
        string pieces = Hash(ebp.RunJson([.. Small, "--epochs", "3", "--batch", "4", "--accumulate", "3", "--out", "a"]));
        Assert.That(pieces, Is.EqualTo(Hash(ebp.RunJson([.. Small, "--epochs", "3", "--batch", "12", "--out", "b"]))));
        Assert.That(pieces, Is.Not.EqualTo(Hash(ebp.RunJson([.. Small, "--epochs", "3", "--batch", "4", "--out", "c"]))));
    }

    [Test]
    public void Early_stopping_ends_the_training_and_predicts_with_the_best_weights()
    {
        using EbpProcess ebp = new();
        ebp.File("t.csv", TrainTests.Table(60, 5));
        string[] patient = [.. Small, "--validation", "12", "--epochs", "500", "--patience", "3", "--out", "m"];
        JsonElement result = ebp.RunJson(patient);
        JsonElement[] epochs = [.. result.GetProperty("epochs").EnumerateArray()];
        int kept = result.GetProperty("kept_epoch").GetInt32();
        Assert.That(result.GetProperty("stopped_early").GetBoolean(), Is.True);
        Assert.That(epochs, Has.Length.EqualTo(kept + 3));
        double best = epochs.Max(epoch => epoch.GetProperty("validation_accuracy").GetDouble());
        Assert.That(epochs[kept - 1].GetProperty("validation_accuracy").GetDouble(), Is.EqualTo(best));
        Assert.That(epochs[..(kept - 1)], Has.All.Matches<JsonElement>(epoch => epoch.GetProperty("validation_accuracy").GetDouble() < best));

        // The kept epoch's weights are those of a training that ended there; the last ones are others.
        string hash = Hash(result);
        JsonElement there = ebp.RunJson([.. Small, "--validation", "12", "--epochs", $"{kept}", "--out", "there"]);
        JsonElement last = ebp.RunJson([.. Small, "--validation", "12", "--epochs", $"{epochs.Length}", "--out", "last"]);
        Assert.That(Hash(there), Is.EqualTo(hash));
        Assert.That(Hash(last), Is.Not.EqualTo(hash));
        Assert.That(result.GetProperty("test_accuracy").GetDouble(), Is.EqualTo(there.GetProperty("test_accuracy").GetDouble()));

        // eval, and whoever else opens the file, takes the best ones, too.
        Assert.That(Hash(ebp.RunJson("eval", "m")), Is.EqualTo(hash));
        JsonElement again = ebp.RunJson("train", "--resume", "m", "--epochs", "600", "--out", "again");
        Assert.That(
            (Hash(again), again.GetProperty("epochs").GetArrayLength()),
            Is.EqualTo((hash, epochs.Length)),
            "a training that stopped stays stopped");
    }

    [Test]
    public void Going_on_from_within_the_patience_stops_where_one_training_does()
    {
        using EbpProcess ebp = new();
        ebp.File("t.csv", TrainTests.Table(60, 5));
        string[] patient = [.. Small, "--validation", "12", "--patience", "6"];
        JsonElement whole = ebp.RunJson([.. patient, "--epochs", "500", "--out", "whole"]);
        int stop = whole.GetProperty("epochs").GetArrayLength();
        Assert.That(stop, Is.LessThan(500));
        ebp.RunJson([.. patient, "--epochs", $"{stop - 2}", "--out", "part"]);
        JsonElement rest = ebp.RunJson("train", "--resume", "part", "--epochs", "500", "--out", "rest");
        Assert.That(Hash(rest), Is.EqualTo(Hash(whole)));
        Assert.That(rest.GetProperty("epochs").GetArrayLength(), Is.EqualTo(stop));
        Assert.That(rest.GetProperty("stopped_early").GetBoolean(), Is.True);
        EbpProcess.Result other = ebp.Run("train", "--resume", "part", "--patience", "7");
        Assert.That((other.ExitCode, other.Output), Is.EqualTo((2, "")), other.Errors);
    }

    private static string Hash(JsonElement result) => result.GetProperty("weights_hash").GetString()!;
}
