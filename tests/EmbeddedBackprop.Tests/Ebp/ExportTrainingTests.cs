using System.Text.Json;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Ebp;

/// <summary>ebp export c --train with another update than the training's, ebp new and ebp export slot.</summary>
[TestFixture]
[Parallelizable(ParallelScope.Self)]
public sealed class ExportTrainingTests
{
    private readonly EbpProcess ebp = new();

    [OneTimeSetUp]
    public void Make()
    {
        ebp.RunJson("new", "--layers", "6,5,3", "--seed", "4", "--out", "sgd.st");
        ebp.RunJson("new", "--net", "input 6; dense 5; batchnorm; activate relu; dense 3 softmax", "--optimizer", "adamw", "--out", "norm.st");
    }

    [OneTimeTearDown]
    public void Delete() => ebp.Dispose();

    [TestCase("", "0.1f", 0, 0)]
    [TestCase("--optimizer adam", "0.001f", 2, 2)]
    [TestCase("--optimizer adam --lr 0.25", "0.25f", 2, 2)]
    [TestCase("--momentum 0.5", "0.02f", 1, 0)]
    [TestCase("--optimizer sgd --l2 0.5 --clip-norm 2", "0.1f", 0, 0)]
    public void Options_take_over_from_the_training(string options, string rate, int arrays, int scalars)
    {
        string header = Export("sgd.st", options, out _);
        File.WriteAllText(
            Path.Combine(ebp.Folder, "t", "rate.c"),
            $"#include \"t.h\"\nint main(void) {{ const float rate = {rate}; return T_LEARNING_RATE == rate ? 0 : 1; }}\n");
        Tools.RunChecked(Path.Combine(ebp.Folder, "t"), Tools.Require("gcc", "gcc"), "rate.c", "-o", "rate");
        Tools.RunChecked(Path.Combine(ebp.Folder, "t"), Path.Combine(ebp.Folder, "t", "rate"));
        Assert.That(header, Does.Contain($"#define T_TRAIN_OPTIMIZER {(53 * arrays) + scalars}\n"));
    }

    [Test]
    public void Momentum_is_that_of_the_command_line()
    {
        Export("sgd.st", "--momentum 0.5", out string errors);
        Assert.That(errors, Does.Contain("suits momentum"));
        string half = File.ReadAllText(Path.Combine(ebp.Folder, "t", "t.c"));
        Export("sgd.st", "--optimizer momentum", out _);
        Assert.That(half, Is.Not.EqualTo(File.ReadAllText(Path.Combine(ebp.Folder, "t", "t.c"))));
        Assert.That(Refusal("norm.st", "--momentum 0.5"), Does.Contain("--momentum: it belongs to --optimizer momentum or nesterov, got adamw"));
        Assert.That(Refusal("sgd.st", "--optimizer adamm"), Does.Contain("unknown name 'adamm'"));
        Assert.That(Refusal("sgd.st", "--lr -1"), Does.Contain("--lr"));
    }

    [Test]
    public void A_rate_of_0_gets_a_word()
    {
        Assert.That(Export("sgd.st", "--lr 0", out string errors), Does.Match("#define T_LEARNING_RATE \\S+ /\\* nothing is learnt until"));
        Assert.That(errors, Does.Contain("the learning rate is 0 (--lr)"));
        ebp.RunJson("new", "--layers", "6,5,3", "--lr", "0", "--out", "still.st");
        Export("still.st", "", out errors);
        Assert.That(errors, Does.Contain("the learning rate is 0 (as the model was trained)"));
        Export("still.st", "--lr 0.5", out errors);
        Assert.That(errors, Is.Empty);
    }

    [TestCase("--batch 45000000", "1,080,000,000 bytes, and the export trains within 268,435,456")]
    [TestCase("--batch 30000000", "720,000,000 bytes, and the export trains within 268,435,456")]
    [TestCase("--batch 5000000", "the memory of training takes")]
    [TestCase("--batch 2147483647 --accumulate 2147483647", "more than an update can have (2,147,483,647)")]
    [TestCase("--accumulate 2147483647", "more than 16,384 calls")]
    [TestCase("--accumulate 5000", "the self-test's 4 updates of 5,000 calls")]
    public void Sizes_beyond_all_devices_are_refused_at_once(string options, string limit)
    {
        // At once: had any of these plans been made, the process would have run for hours, and into the limit of ChildProcess.
        Assert.That(Refusal("sgd.st", options), Does.Contain(limit));
    }

    [TestCase("--accumulate 4096")]
    [TestCase("--batch 1000")]
    public void Sizes_within_the_limits_are_exported(string options) => Export("sgd.st", options, out _);

    [Test]
    public void Batch_norms_are_frozen_where_a_call_has_one_sample()
    {
        Assert.That(Export("norm.st", "", out string errors), Does.Contain("#define T_TRAIN_PARAMETERS 53\n"));
        Assert.That(errors, Does.Contain("frozen, as one sample has no mean").And.Contain("batchnorm1").And.Contain("--batch N"));
        Export("norm.st", "--norms frozen", out errors);
        Assert.That(errors, Is.Empty);
        Export("norm.st", "--accumulate 4", out _);
        Assert.That(Refusal("norm.st", "--norms measured"), Does.Contain("batchnorm1: of one number a channel"));
        Assert.That(Export("norm.st", "--batch 2", out errors), Does.Contain("#define T_TRAIN_PARAMETERS 63\n"));
        Assert.That(errors, Is.Empty);
        Assert.That(ebp.Run("plan", "norm.st", "--target", "cortex-m4f").Output, Does.Match("\\ntrain +[0-9]").And.Not.Contain("of one number"));
        Assert.That(Refusal("norm.st", "--norms loose"), Does.Contain("frozen, measured"));
        Run("t");
    }

    [Test]
    public void First_weights_may_be_drawn_on_the_device()
    {
        Export("sgd.st", "--init glorot", out string errors);
        Assert.That(errors, Is.Empty);
        string files = Path.Combine(ebp.Folder, "t");
        Assert.That(File.ReadAllText(Path.Combine(files, "t_weights.c")), Does.Not.Contain("dense1.weight"));
        Run("t");
        // ebp new chose he for relu, and seed 4 was said: drawn here and there, the weights are the same.
        ebp.RunJson("export", "slot", "sgd.st", "--out", "drawn.bin", "--init", "he", "--seed", "4");
        ebp.RunJson("export", "slot", "sgd.st", "--out", "read.bin");
        Assert.That(
            File.ReadAllBytes(Path.Combine(ebp.Folder, "drawn.bin")), Is.EqualTo(File.ReadAllBytes(Path.Combine(ebp.Folder, "read.bin"))));
        ebp.RunJson("export", "slot", "sgd.st", "--out", "other.bin", "--init", "he", "--seed", "5");
        Assert.That(
            File.ReadAllBytes(Path.Combine(ebp.Folder, "other.bin")), Is.Not.EqualTo(File.ReadAllBytes(Path.Combine(ebp.Folder, "read.bin"))));
        Assert.That(Refusal("sgd.st", "--init orthogonal"), Does.Contain("no C"));
        Assert.That(Refusal("sgd.st", "--seed 3"), Does.Contain("--seed: it belongs to --init"));
    }

    [Test]
    public void New_writes_the_network_that_a_training_begins_with()
    {
        JsonElement made = ebp.RunJson("new", "--layers", "784,8,10", "--seed", "9", "--out", "made.st");
        ModelFile file = ModelFile.Open(Path.Combine(ebp.Folder, "made.st"));
        Network network = file.ToNetwork();
        Assert.That(made.GetProperty("parameters").GetInt32(), Is.EqualTo(network.ParameterCount));
        Assert.That(made.GetProperty("weights_hash").GetString(), Is.EqualTo(WeightsHash.Of(network)));
        float[] first = network.Parameters.ToArray();
        network.Initialize(9);
        Support.Bits.AssertEqual(network.Parameters, first, "first weights");
        // The control: another seed.
        Assert.That(ebp.RunJson("new", "--layers", "784,8,10", "--seed", "8", "--out", "made.st").GetProperty("weights_hash").GetString(),
            Is.Not.EqualTo(WeightsHash.Of(network)));
        Assert.That(ebp.Run("new", "--out", "made.st").ExitCode, Is.EqualTo(2));
        Assert.That(ebp.Run("new", "--layers", "3,2", "--out", "sgd.st/made.st").ExitCode, Is.EqualTo(4));

        // It is a model: it trains as it was made, and its C learns.
        JsonElement here = ebp.RunJson("train", "--layers", "784,8,10", "--seed", "8", "--limit", "300", "--epochs", "1", "--out", "a.st");
        JsonElement from = ebp.RunJson(
            "train", "--from", "made.st", "--layers", "784,8,10", "--seed", "8", "--limit", "300", "--epochs", "1", "--out", "b.st");
        Assert.That(from.GetProperty("weights_hash").GetString(), Is.EqualTo(here.GetProperty("weights_hash").GetString()));
        Assert.That(ebp.Run("export", "c", "made.st", "--out", "p").ExitCode, Is.Zero);
        Assert.That(ebp.Run("plan", "made.st").ExitCode, Is.Zero);
        Export("sgd.st", "", out _);
        Run("t");
    }

    [Test]
    public void A_slot_comes_back_as_the_model()
    {
        Export("sgd.st", "--optimizer adam", out _);
        JsonElement slot = ebp.RunJson("export", "slot", "sgd.st", "--out", "slot.bin", "--optimizer", "adam", "--sequence", "7");
        Assert.That(slot.GetProperty("bytes").GetInt64(), Is.EqualTo(new FileInfo(Path.Combine(ebp.Folder, "slot.bin")).Length));
        JsonElement back = ebp.RunJson("import", "c", "sgd.st", "slot.bin", "--out", "back.st", "--optimizer", "adam");
        Assert.That(back.GetProperty("sequence").GetInt32(), Is.EqualTo(7));
        Assert.That(
            WeightsHash.Of(ModelFile.Open(Path.Combine(ebp.Folder, "back.st")).ToNetwork()),
            Is.EqualTo(WeightsHash.Of(ModelFile.Open(Path.Combine(ebp.Folder, "sgd.st")).ToNetwork())));
        Assert.That(ebp.Run("import", "c", "sgd.st", "slot.bin", "--out", "back.st").ExitCode, Is.EqualTo(3), "another optimiser");
        Assert.That(ebp.Run("export", "slot", "sgd.st", "--out", "slot.bin", "--sequence", "4294967296").ExitCode, Is.EqualTo(2));
        Assert.That(ebp.Run("export", "slot", "sgd.st", "--out", "sgd.st/slot.bin").ExitCode, Is.EqualTo(4));
    }

    /// <summary>Exports a model that trains; returns its header.</summary>
    private string Export(string model, string options, out string errors)
    {
        EbpProcess.Result result = ebp.Run(["export", "c", model, "--out", "t", "--name", "t", "--train", .. EbpProcess.Words(options)]);
        Assert.That(result.ExitCode, Is.Zero, result.Errors);
        errors = result.Errors;
        return File.ReadAllText(Path.Combine(ebp.Folder, "t", "t.h"));
    }

    private string Refusal(string model, string options)
    {
        EbpProcess.Result result = ebp.Run(["export", "c", model, "--out", "refused", "--train", .. EbpProcess.Words(options)]);
        Assert.That(result.ExitCode, Is.EqualTo(2), result.Errors);
        Assert.That(Directory.Exists(Path.Combine(ebp.Folder, "refused")), Is.False);
        return result.Errors;
    }

    /// <summary>The self-test of an export has to succeed.</summary>
    private void Run(string folder)
    {
        string files = Path.Combine(ebp.Folder, folder);
        Tools.RunChecked(
            files, Tools.Require("gcc", "gcc"),
            "-std=c99", "-ffp-contract=off", "-O1", "-DT_SELFTEST_MAIN", "t.c", "t_weights.c", "t_selftest.c", "-o", "run");
        Tools.RunChecked(files, Path.Combine(files, "run"));
    }
}
