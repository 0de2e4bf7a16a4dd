using System.Text.Json;

namespace EmbeddedBackprop.Tests.Ebp;

/// <summary>ebp train --quantize: epochs in floats, then on integers, and a model of integers at the end.</summary>
[TestFixture]
[Parallelizable(ParallelScope.All)]
public sealed class QuantizedTrainTests
{
    private static readonly string[] Small =
        ["train", "--data", "csv:t.csv", "--seed", "3", "--net", "dense 6; batchnorm; activate relu; dense 2 softmax"];

    [Test]
    public void The_model_computes_on_integers_as_its_training_did()
    {
        using EbpProcess ebp = new();
        ebp.File("t.csv", TrainTests.Table(60, 5));
        JsonElement trained = ebp.RunJson([.. Small, "--epochs", "4", "--quantize", "int8", "--out", "q"]);
        Assert.That(trained.GetProperty("options").GetProperty("quantize-after").GetString(), Is.EqualTo("2"));
        Assert.That(trained.GetProperty("epochs").GetArrayLength(), Is.EqualTo(4));
        JsonElement judged = ebp.RunJson("eval", "q");
        Assert.That(judged.GetProperty("quantization").GetString(), Is.EqualTo("activations=int8 output=int16"));
        JsonElement last = trained.GetProperty("epochs")[3];
        Assert.That(judged.GetProperty("loss").GetDouble(), Is.EqualTo(last.GetProperty("test_loss").GetDouble()), "judged in training and after it");
        JsonElement floats = ebp.RunJson([.. Small, "--epochs", "4", "--out", "f"]);
        Assert.That(last.GetProperty("test_loss").GetDouble(), Is.Not.EqualTo(floats.GetProperty("epochs")[3].GetProperty("test_loss").GetDouble()));
    }

    [Test]
    public void A_training_resumed_before_it_computes_on_integers_has_the_same_bits()
    {
        using EbpProcess ebp = new();
        ebp.File("t.csv", TrainTests.Table(60, 5));
        string[] with = [.. Small, "--quantize", "int16", "--quantize-after", "3"];
        string straight = Hash(ebp.RunJson([.. with, "--epochs", "5", "--out", "whole"]));
        ebp.RunJson([.. with, "--epochs", "2", "--out", "part"]);
        Assert.That(Hash(ebp.RunJson("train", "--resume", "part", "--epochs", "5", "--out", "rest")), Is.EqualTo(straight));
        Assert.That(Hash(ebp.RunJson("train", "--resume", "rest", "--epochs", "6", "--out", "more")), Is.Not.EqualTo(straight));
    }

    [Test]
    public void A_training_resumed_while_it_computes_on_integers_has_the_same_bits_on_other_threads()
    {
        using EbpProcess ebp = new();
        ebp.File("t.csv", TrainTests.Table(60, 5));

        // Six steps: there is no last tenth in which ranges stay.
        string[] with = [.. Small, "--batch", "32", "--quantize", "int8", "--quantize-after", "2"];
        string straight = Hash(ebp.RunJson([.. with, "--epochs", "5", "--out", "whole"]));
        ebp.RunJson([.. with, "--epochs", "3", "--out", "part"]);
        JsonElement resumed = ebp.RunJson("train", "--resume", "part", "--epochs", "5", "--threads", "3", "--out", "rest");
        Assert.That(resumed.GetProperty("threads").GetInt32(), Is.EqualTo(3));
        Assert.That(Hash(resumed), Is.EqualTo(straight));
    }

    [Test]
    public void A_sequence_model_is_trained_on_integers()
    {
        using EbpProcess ebp = new();
        ebp.File("t.csv", TrainTests.Table(60, 6));
        JsonElement trained = ebp.RunJson(
            "train", "--data", "csv:t.csv", "--net", "reshape 3x1; gru 5; dense 2 softmax", "--epochs", "3", "--quantize", "int8", "--out", "q");
        double seen = trained.GetProperty("epochs")[2].GetProperty("test_loss").GetDouble();
        Assert.That(ebp.RunJson("eval", "q").GetProperty("loss").GetDouble(), Is.EqualTo(seen));
    }

    [Test]
    public void A_trained_model_is_trained_on_in_integers()
    {
        using EbpProcess ebp = new();
        ebp.File("t.csv", TrainTests.Table(60, 5));
        ebp.RunJson([.. Small, "--epochs", "3", "--out", "f"]);
        JsonElement trained = ebp.RunJson([.. Small, "--epochs", "1", "--from", "f", "--quantize", "int8", "--out", "q"]);
        Assert.That(trained.GetProperty("options").GetProperty("quantize-after").GetString(), Is.EqualTo("0"));
        Assert.That(ebp.RunJson("eval", "q").GetProperty("quantization").GetString(), Is.EqualTo("activations=int8 output=int16"));
    }

    [TestCase("--quantize-after 2", "ebp: --quantize-after: it belongs to --quantize")]
    [TestCase("--quantize int8 --average ema", "ebp: --quantize: the last weights predict, so there is no --average beside it")]
    [TestCase("--quantize int8 --ram 64K", "ebp: --ram: a training on integers has no bound on its memory")]
    [TestCase("--quantize int4", "ebp: --quantize: ")]
    public void Contradictions_are_refused(string options, string message)
    {
        using EbpProcess ebp = new();
        ebp.File("t.csv", TrainTests.Table(60, 5));
        EbpProcess.Result result = ebp.Run([.. Small, .. EbpProcess.Words(options)]);
        Assert.That((result.ExitCode, result.Output), Is.EqualTo((2, "")), result.Errors);
        Assert.That(result.Errors, Does.StartWith(message));
    }

    private static string Hash(JsonElement result) => result.GetProperty("weights_hash").GetString()!;
}
