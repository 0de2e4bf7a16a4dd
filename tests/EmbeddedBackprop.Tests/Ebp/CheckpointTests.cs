using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using EmbeddedBackprop.IO;

namespace EmbeddedBackprop.Tests.Ebp;

/// <summary>train --checkpoints: files on the way, and going on from them after a kill.</summary>
[TestFixture]
[Parallelizable(ParallelScope.All)]
public sealed class CheckpointTests
{
    private static readonly string[] Tiny = ["train", "--limit", "300", "--layers", "784,8,10", "--activation", "sigmoid"];

    [Test]
    public void Every_second_epoch_is_kept_and_is_gone_on_with()
    {
        using EbpProcess ebp = new();
        string[] training = [.. Tiny, "--validation", "60", "--patience", "9", "--epochs", "7"];
        JsonElement plain = ebp.RunJson([.. training, "--out", "plain.st"]);
        JsonElement whole = ebp.RunJson(
            [.. training, "--out", "whole.st", "--checkpoints", "c", "--checkpoint-every", "2", "--checkpoint-keep", "2"]);
        Assert.That(Hash(whole), Is.EqualTo(Hash(plain)), "checkpoints change nothing");
        Assert.That(whole.GetProperty("allocated_bytes_per_step").GetDouble(), Is.LessThan(1), "what they allocate is not the steps'");

        string[] files = [.. Directory.GetFiles(Path.Combine(ebp.Folder, "c")).Order(StringComparer.Ordinal)];
        Assert.That(files.Select(file => ModelFile.Open(file).State!.Epoch), Is.EqualTo(new[] { 4, 6 }));
        foreach (string from in (string[])["c", files[0]])
        {
            JsonElement resumed = ebp.RunJson("train", "--resume", from, "--out", "resumed.st");
            Assert.That(Hash(resumed), Is.EqualTo(Hash(whole)), from);
            Assert.That(resumed.GetProperty("epochs").GetArrayLength(), Is.EqualTo(7), "the history is the file's and what came after it");
        }

        File.WriteAllText(files[1], "damaged");
        Assert.That(ebp.Run("train", "--resume", "c", "--out", "d.st").ExitCode, Is.EqualTo(3));
    }

    /// <summary>No signal that a program could answer: the process is gone, and the newest checkpoint has the bits.</summary>
    [TestCase("1")]
    [TestCase("1s")]
    public void A_killed_training_goes_on_from_its_newest_checkpoint(string every)
    {
        using EbpProcess ebp = new();
        string folder = Path.Combine(ebp.Folder, "c");
        using (Process process = ebp.Start([.. Tiny, "--epochs", "1000000", "--out", "a.st", "--checkpoints", "c", "--checkpoint-every", every]))
        {
            Task<string> errors = process.StandardError.ReadToEndAsync(), output = process.StandardOutput.ReadToEndAsync();
            Stopwatch watch = Stopwatch.StartNew();
            while ((!Directory.Exists(folder) || Directory.GetFiles(folder, "*.safetensors").Length < 2) && !process.HasExited
                && watch.Elapsed < ChildProcess.Longest)
            {
                Thread.Sleep(10);
            }

            process.Kill();
            ChildProcess.WaitForExit(process);
            Assert.That(errors.Result, Does.Contain("epoch"), output.Result);
        }

        Assert.That(File.Exists(Path.Combine(ebp.Folder, "a.st")), Is.False, "it was killed before its end");
        string total = (ModelFile.Open(CheckpointFolder.Latest(folder)!).State!.Epoch + 2).ToString(CultureInfo.InvariantCulture);
        JsonElement resumed = ebp.RunJson("train", "--resume", "c", "--epochs", total, "--out", "a.st");
        Assert.That(Hash(resumed), Is.EqualTo(Hash(ebp.RunJson([.. Tiny, "--epochs", total, "--out", "b.st"]))));
    }

    [TestCase(2, "--checkpoint-every", "--checkpoints c --checkpoint-every 0")]
    [TestCase(2, "--checkpoint-every", "--checkpoints c --checkpoint-every 5d")]
    [TestCase(2, "--checkpoint-every", "--checkpoints c --checkpoint-every m")]
    [TestCase(2, "--checkpoint-keep", "--checkpoints c --checkpoint-keep 0")]
    [TestCase(2, "it goes with --checkpoints DIR", "--checkpoint-every 5")]
    [TestCase(2, "it goes with --checkpoints DIR", "--checkpoint-keep 5")]
    [TestCase(3, "the folder holds no checkpoint", "--resume .")]
    [TestCase(4, "t.csv' is a file, not a folder", "--checkpoints t.csv/c")]
    public void Wrong_use_is_told(int code, string message, string options)
    {
        using EbpProcess ebp = new();
        ebp.File("t.csv", TrainTests.Table(40, 1));
        EbpProcess.Result result = ebp.Run([.. Tiny, "--epochs", "1", "--out", "a.st", .. EbpProcess.Words(options)]);
        Assert.That(result.ExitCode, Is.EqualTo(code), result.Errors);
        Assert.That(result.Errors, Does.Contain(message));
        Assert.That(File.Exists(Path.Combine(ebp.Folder, "a.st")), Is.False);
    }

    private static string? Hash(JsonElement result) => result.GetProperty("weights_hash").GetString();
}
