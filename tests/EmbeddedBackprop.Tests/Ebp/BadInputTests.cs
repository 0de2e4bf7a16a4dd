using EmbeddedBackprop.Tests.Data;

namespace EmbeddedBackprop.Tests.Ebp;

/// <summary>Bad input gives one clear line that names the thing, the right exit code, and leaves no file behind.</summary>
[TestFixture]
[Parallelizable(ParallelScope.All)]
public sealed class BadInputTests
{
    private const int Usage = 2, BadInput = 3, CannotWrite = 4;

    [TestCase("", "command")]
    [TestCase("fly", "'fly'")]
    [TestCase("train --frobnicate", "--frobnicate")]
    [TestCase("train --lr -0.1", "--lr")]
    [TestCase("train --lr nan", "--lr")]
    [TestCase("train --l2 -1", "--l2")]
    [TestCase("train --momentum 1.5", "--momentum")]
    [TestCase("train --momentum 0.9 --optimizer adam", "--momentum")]
    [TestCase("train --batch 0", "--batch")]
    [TestCase("train --epochs 0", "--epochs")]
    [TestCase("train --patience 3", "--validation")]
    [TestCase("train --patience 3 --validation 0", "--validation")]
    [TestCase("train --patience -1 --validation 10", "--patience")]
    [TestCase("train --schedule linear", "cosine")]
    [TestCase("train --schedule cosine --schedule-factor 0.5", "step, exponential or plateau")]
    [TestCase("train --schedule-every 3", "step")]
    [TestCase("train --schedule step --schedule-floor 0.1", "cosine")]
    [TestCase("train --schedule step --schedule-factor 0", "--schedule-factor")]
    [TestCase("train --warm-up-steps 0", "--warm-up-steps")]
    [TestCase("train --clip-norm -1", "--clip-norm")]
    [TestCase("train --clip-value inf", "--clip-value")]
    [TestCase("train --l1 x", "--l1")]
    [TestCase("train --accumulate 0", "--accumulate")]
    [TestCase("train --accumulate 1000000000", "--accumulate")]
    [TestCase("train --seed -1", "--seed")]
    [TestCase("train --limit 0", "--limit")]
    [TestCase("train --limit 10000000", "--limit")]
    [TestCase("train --validation 10000000", "--validation")]
    [TestCase("train --layers 784", "--layers")]
    [TestCase("train --layers 784,0,10", "--layers")]
    [TestCase("train --layers 784,10 --net flatten", "--net says what the layers are")]
    [TestCase("plan --net again", "again: expected 1 to 2 words, got 0")]
    [TestCase("train --layers 783,30,10", "783")]
    [TestCase("train --layers 784,30,9", "9")]
    [TestCase("train --layers 784,2000000000,10", "dense1")]
    [TestCase("train --activation rely", "leaky-relu")]
    [TestCase("train --loss crossentropy", "binary-cross-entropy")]
    [TestCase("train --optimizer adams", "adamw")]
    [TestCase("train --init xavier", "glorot")]
    [TestCase("train --arithmetic exact", "separate")]
    [TestCase("train --loss cross-entropy --output-activation sigmoid", "binary-cross-entropy")]
    [TestCase("train --loss binary-cross-entropy --output-activation softmax", "sigmoid")]
    [TestCase("train --data cifar", "csv:FILE")]
    [TestCase("train --label x", "--label")]
    [TestCase("train --target numbers", "--target")]
    [TestCase("train --data csv:t --target words", "numbers")]
    [TestCase("train --data-dir .", "--data-dir")]
    [TestCase("train --threads 0", "--threads")]
    [TestCase("train --threads 257", "--threads")]
    [TestCase("train --threads many", "--threads")]
    [TestCase("train --seed x --json", "--seed")]
    [TestCase("plan", "--layers")]
    [TestCase("gradcheck --layers 3,x", "--layers")]
    public void Wrong_usage_exits_2(string commandLine, string named)
    {
        using EbpProcess ebp = new();
        Check(ebp, Usage, named, EbpProcess.Words(commandLine));
    }

    [Test]
    public void Data_that_do_not_fit_the_usage_exit_2()
    {
        using EbpProcess ebp = new();
        ebp.File("t.csv", "a,b,c\n1,2,x\n2,3,y\n3,4,x\n4,5,y\n5,6,z\n");
        Check(ebp, Usage, "'d'", "train", "--data", "csv:t.csv", "--label", "d");
        Check(ebp, Usage, "--test-fraction", "train", "--data", "csv:t.csv", "--test", "t.csv", "--test-fraction", "0.5");
        Check(ebp, Usage, "3 classes", "train", "--data", "csv:t.csv", "--layers", "2,1");
    }

    [Test]
    public void A_missing_file_exits_3()
    {
        using EbpProcess ebp = new();
        Check(ebp, BadInput, "train-images-idx3-ubyte", "train", "--data", "mnist");
        Check(ebp, BadInput, "nowhere", "train", "--data", "mnist", "--data-dir", "nowhere");
        Check(ebp, BadInput, "missing.csv", "train", "--data", "csv:missing.csv");
    }

    [Test]
    public void Damaged_idx_files_exit_3()
    {
        using EbpProcess ebp = new();
        byte[] images = IdxReaderTests.File(new byte[36], false, 4, 3, 3), labels = IdxReaderTests.File([0, 1, 2, 3], false, 4);
        ebp.File("train-images-idx3-ubyte", images[..^1]);
        ebp.File("train-labels-idx1-ubyte", labels);
        ebp.File("t10k-images-idx3-ubyte", images);
        ebp.File("t10k-labels-idx1-ubyte", labels);
        Check(ebp, BadInput, "train-images-idx3-ubyte", "train", "--data", "mnist", "--data-dir", ".");
        ebp.File("train-images-idx3-ubyte", images);
        ebp.File("train-labels-idx1-ubyte", IdxReaderTests.File([0, 1, 2, 11], false, 4));
        Check(ebp, BadInput, "label 11", "train", "--data", "mnist", "--data-dir", ".");
    }

    [TestCase("a,b,c\n1,2,x\nNaN,3,y\n", "line 3")]
    [TestCase("a,b,c\n1,2,x\n1,y\n", "line 3")]
    [TestCase("a,b,c\n1,2,x\n1,,y\n", "empty")]
    [TestCase("", "empty")]
    [TestCase("1,2,x\n2,3,x\n3,3,x\n", "all labels are the same")]
    public void Damaged_tables_exit_3(string text, string named)
    {
        using EbpProcess ebp = new();
        ebp.File("t.csv", text);
        Check(ebp, BadInput, named, "train", "--data", "csv:t.csv");
    }

    [Test]
    public void An_output_that_cannot_be_written_exits_4_before_training()
    {
        using EbpProcess ebp = new();
        ebp.File("file", "");
        Check(ebp, CannotWrite, "file", "train", "--out", Path.Combine("file", "model.safetensors"));
        Check(ebp, CannotWrite, "folder", "train", "--out", ".");
        ebp.File("ebp-out", "");
        Check(ebp, CannotWrite, "ebp-out", "train");
    }

    [TestCase("model.h")]
    [TestCase("model.c")]
    [TestCase("model_weights.c")]
    [TestCase("model_selftest.c")]
    [TestCase("model.md")]
    public void A_foreign_file_among_the_C_of_a_training_exits_4_before_training(string name)
    {
        using EbpProcess ebp = new();
        Directory.CreateDirectory(Path.Combine(ebp.Folder, "ebp-out"));
        string mine = ebp.File(Path.Combine("ebp-out", name), "mine");
        string[] train = ["train", "--limit", "20", "--layers", "784,2,10", "--epochs", "1"];
        EbpProcess.Result refused = ebp.Run(train);
        Assert.That((refused.ExitCode, refused.Output), Is.EqualTo((CannotWrite, "")), "before the first line of a training");
        Assert.That(refused.Errors, Does.StartWith("ebp: ").And.Contains(name));
        Assert.That(Directory.GetFileSystemEntries(Path.GetDirectoryName(mine)!), Is.EqualTo(new[] { mine }), "no model either");
        Assert.That(ebp.Run([.. train, "--force"]).ExitCode, Is.Zero);
        Assert.That(ebp.Run(train).ExitCode, Is.Zero, "an export replaces an export");
    }

    [Test]
    public void A_file_of_another_kind_is_replaced_by_force_only()
    {
        using EbpProcess ebp = new();
        string[] train = ["train", "--limit", "50", "--layers", "784,3,10", "--epochs", "1"];
        string table = ebp.File("iris.csv", "a,b,c\n1,2,x\n");
        Check(ebp, CannotWrite, "iris.csv", [.. train, "--out", "iris.csv"]);
        Assert.That(File.ReadAllText(table), Is.EqualTo("a,b,c\n1,2,x\n"));
        Assert.That(ebp.Run([.. train, "--out", "m.st"]).ExitCode, Is.Zero);
        Assert.That(ebp.Run([.. train, "--out", "m.st"]).ExitCode, Is.Zero, "a model replaces a model");
        ebp.File("cut.st", File.ReadAllBytes(Path.Combine(ebp.Folder, "m.st"))[..^50]);
        Assert.That(ebp.Run([.. train, "--out", "cut.st"]).ExitCode, Is.Zero, "also one that is damaged");

        string mine = ebp.File("model.c", "int main(void) { return 0; }\n");
        Check(ebp, CannotWrite, "model.c", "export", "c", "m.st", "--out", ".");
        Check(ebp, CannotWrite, "iris.csv", "import", "c", "m.st", "model.c", "--out", "iris.csv");
        Check(ebp, CannotWrite, "iris.csv", "new", "--layers", "5,3", "--out", "iris.csv");
        Check(ebp, CannotWrite, "m.st", "export", "slot", "m.st", "--out", "m.st");
        Assert.That(ebp.Run("export", "slot", "m.st", "--out", "copy.bin").ExitCode, Is.Zero);
        Assert.That(ebp.Run("export", "slot", "m.st", "--out", "copy.bin").ExitCode, Is.Zero, "a copy replaces a copy");
        string binary = ebp.File("apart_weights.bin", "mine");
        string[] apart = ["export", "c", "m.st", "--out", ".", "--name", "apart", "--weights"];
        Check(ebp, CannotWrite, "apart_weights.bin", [.. apart, "bin"]);
        Assert.That(File.ReadAllText(binary), Is.EqualTo("mine"));
        Assert.That(ebp.Run([.. apart, "bin", "--force"]).ExitCode, Is.Zero);
        Assert.That(ebp.Run([.. apart, "bin"]).ExitCode, Is.Zero, "a binary replaces a binary");
        Check(ebp, Usage, "--weights", [.. apart, "hex"]);
        Assert.That(File.ReadAllText(mine), Is.EqualTo("int main(void) { return 0; }\n"));
        Assert.That(ebp.Run("export", "c", "m.st", "--out", ".", "--force").ExitCode, Is.Zero);
        Assert.That(ebp.Run("export", "c", "m.st", "--out", ".").ExitCode, Is.Zero, "an export replaces an export");
        Assert.That(ebp.Run([.. train, "--out", "iris.csv", "--force"]).ExitCode, Is.Zero);
    }

    private static void Check(EbpProcess ebp, int exitCode, string named, params string[] arguments)
    {
        string[] before = Files(ebp.Folder);
        EbpProcess.Result result = ebp.Run(arguments);
        Assert.That(result.ExitCode, Is.EqualTo(exitCode), result.Errors);
        Assert.That(result.Errors, Does.StartWith("ebp: ").And.Contains(named));
        Assert.That(result.Errors.TrimEnd().Split('\n'), Has.Length.EqualTo(1), result.Errors);
        Assert.That(result.Errors, Does.Not.Contain("Exception"));
        Assert.That(result.Output, Is.Empty);
        Assert.That(Files(ebp.Folder), Is.EqualTo(before), "nothing is left behind");
    }

    private static string[] Files(string folder) =>
        [.. Directory.GetFileSystemEntries(folder, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal)];
}
