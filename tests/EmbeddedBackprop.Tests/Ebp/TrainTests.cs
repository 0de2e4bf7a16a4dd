using System.Globalization;
using System.Text;
using System.Text.Json;

namespace EmbeddedBackprop.Tests.Ebp;

[TestFixture]
[Parallelizable(ParallelScope.All)]
public sealed class TrainTests
{
    private static readonly string[] Tiny = ["train", "--limit", "500", "--epochs", "2", "--layers", "784,12,10"];

    [Test]
    public void Help_names_every_verb_and_every_option()
    {
        using EbpProcess ebp = new();
        EbpProcess.Result all = ebp.Run("--help");
        Assert.That(all.ExitCode, Is.Zero);
        foreach (string verb in (string[])["train", "eval", "predict", "plan", "gradcheck", "compare", "export", "import"])
        {
            Assert.That(all.Output, Does.Contain(verb));
        }

        EbpProcess.Result train = ebp.Run("train", "--help");
        Assert.That(train.ExitCode, Is.Zero);
        foreach (
            string option in (string[])
                [
                    "data", "data-dir", "label", "target", "test", "test-fraction", "net", "layers", "activation", "output-activation", "loss",
                    "optimizer", "lr", "momentum", "l2", "weight-decay", "l1", "clip-value", "clip-norm", "schedule", "schedule-every",
                    "schedule-factor", "schedule-floor", "warm-up-steps", "accumulate", "patience", "init", "batch", "epochs", "seed", "limit",
                    "validation", "arithmetic", "out", "resume", "json",
                ])
        {
            Assert.That(train.Output, Does.Contain("--" + option + " ").Or.Contains("--" + option + "\n"));
        }
    }

    [Test]
    public void The_last_line_is_one_object_with_the_promised_members()
    {
        using EbpProcess ebp = new();
        JsonElement result = ebp.RunJson(Tiny);
        JsonElement epochs = result.GetProperty("epochs");
        Assert.That(epochs.GetArrayLength(), Is.EqualTo(2));
        foreach (JsonElement epoch in epochs.EnumerateArray())
        {
            Assert.That(epoch.GetProperty("loss").GetDouble(), Is.GreaterThan(0));
            Assert.That(epoch.GetProperty("train_accuracy").GetDouble(), Is.InRange(0, 1));
            Assert.That(epoch.GetProperty("test_accuracy").GetDouble(), Is.InRange(0, 1));
            Assert.That(epoch.GetProperty("seconds").GetDouble(), Is.GreaterThan(0));
        }

        Assert.That(result.GetProperty("test_accuracy").GetDouble(), Is.EqualTo(epochs[1].GetProperty("test_accuracy").GetDouble()));
        Assert.That(result.GetProperty("best_test_accuracy").GetDouble(), Is.GreaterThanOrEqualTo(result.GetProperty("test_accuracy").GetDouble()));
        Assert.That(result.GetProperty("train_seconds").GetDouble(), Is.GreaterThan(0));
        Assert.That(result.GetProperty("samples_per_second").GetDouble(), Is.GreaterThan(0));
        Assert.That(result.GetProperty("allocated_bytes_per_step").GetDouble(), Is.Zero);
        Assert.That(result.GetProperty("parameters").GetInt64(), Is.EqualTo((784 * 12) + 12 + (12 * 10) + 10));
        Assert.That(result.GetProperty("weights_hash").GetString(), Does.Match("^[0-9a-f]{64}$"));
        Assert.That(result.GetProperty("arithmetic").GetString(), Is.EqualTo("fused"));
        Assert.That(result.GetProperty("vector_width").GetInt32(), Is.AnyOf(4, 8, 16));
    }

    [Test]
    public void A_text_and_layers_that_say_the_same_give_the_same_weights()
    {
        using EbpProcess ebp = new();
        string[] head = ["train", "--limit", "500", "--epochs", "2"];
        string? layers = Hash(ebp.RunJson([.. head, "--layers", "784,12,10"]));
        Assert.That(Hash(ebp.RunJson([.. head, "--net", "dense 12 relu; dense 10"])), Is.EqualTo(layers));
        Assert.That(Hash(ebp.RunJson([.. head, "--net", "x = input 784; h = dense 12 relu x; dense 10 softmax h"])), Is.EqualTo(layers));
        Assert.That(Hash(ebp.RunJson([.. head, "--net", "dense 12 tanh; dense 10"])), Is.Not.EqualTo(layers));
    }

    [Test]
    public void A_seed_gives_one_hash_and_another_seed_another()
    {
        using EbpProcess ebp = new();
        string? first = Hash(ebp.RunJson([.. Tiny, "--seed", "7"]));
        Assert.That(Hash(ebp.RunJson([.. Tiny, "--seed", "7"])), Is.EqualTo(first));
        Assert.That(Hash(ebp.RunJson([.. Tiny, "--seed", "8"])), Is.Not.EqualTo(first));
        Assert.That(Hash(ebp.RunJson([.. Tiny, "--seed", "7", "--arithmetic", "separate"])), Is.Not.EqualTo(first));
    }

    [Test]
    public void Any_number_of_threads_gives_one_hash()
    {
        using EbpProcess ebp = new();
        string[] arguments = ["train", "--limit", "300", "--epochs", "2", "--layers", "784,100,10", "--batch", "64"];
        JsonElement automatic = ebp.RunJson(arguments);
        Assert.That(automatic.GetProperty("threads").GetInt32(), Is.InRange(1, Environment.ProcessorCount));
        foreach (int threads in (int[])[1, 2, 3])
        {
            JsonElement result = ebp.RunJson([.. arguments, "--threads", $"{threads}"]);
            Assert.That(result.GetProperty("threads").GetInt32(), Is.EqualTo(threads));
            Assert.That(Hash(result), Is.EqualTo(Hash(automatic)));
            Assert.That(result.GetProperty("allocated_bytes_per_step").GetDouble(), Is.Zero);
        }

        Assert.That(ebp.RunJson([.. Tiny, "--threads", "auto"]).GetProperty("threads").GetInt32(), Is.EqualTo(1), "a small net");
    }

    [Test]
    public void A_training_goes_on_with_another_number_of_threads()
    {
        using EbpProcess ebp = new();
        string[] arguments = ["train", "--limit", "300", "--layers", "784,100,10", "--batch", "64", "--out", "m.safetensors"];
        JsonElement whole = ebp.RunJson([.. arguments, "--epochs", "2", "--threads", "1"]);
        ebp.RunJson([.. arguments, "--epochs", "1", "--threads", "2"]);
        JsonElement resumed = ebp.RunJson("train", "--resume", "m.safetensors", "--epochs", "2", "--threads", "3", "--out", "n.safetensors");
        Assert.That(resumed.GetProperty("threads").GetInt32(), Is.EqualTo(3));
        Assert.That(Hash(resumed), Is.EqualTo(Hash(whole)));
    }

    [TestCase("--layers 3,1", "sigmoid", "binary-cross-entropy")]
    [TestCase("", "softmax", "cross-entropy")]
    [TestCase("--loss quadratic", "sigmoid", "quadratic")]
    [TestCase("--output-activation sigmoid", "sigmoid", "binary-cross-entropy")]
    public void A_table_of_two_classes_is_learned(string options, string output, string loss)
    {
        using EbpProcess ebp = new();
        ebp.File("t.csv", Table(200, 1));
        ebp.File("test.csv", Table(50, 2));
        JsonElement result = ebp.RunJson(["train", "--data", "csv:t.csv", "--test", "test.csv", "--epochs", "40", .. EbpProcess.Words(options)]);
        Assert.That(result.GetProperty("test_accuracy").GetDouble(), Is.GreaterThan(0.9));
        Assert.That(result.GetProperty("options").GetProperty("output-activation").GetString(), Is.EqualTo(output));
        Assert.That(result.GetProperty("options").GetProperty("loss").GetString(), Is.EqualTo(loss));
    }

    [Test]
    public void A_number_is_predicted_where_the_label_is_one()
    {
        StringBuilder text = new("x,y,z\n");
        for (int i = 0; i < 100; i++)
        {
            text.Append(CultureInfo.InvariantCulture, $"{i % 10},{i / 10},{(0.5 * (i % 10)) - (0.25 * (i / 10)) + 0.125}\n");
        }

        using EbpProcess ebp = new();
        ebp.File("t.csv", text.ToString());
        JsonElement result = ebp.RunJson("train", "--data", "csv:t.csv", "--validation", "10", "--epochs", "200");
        Assert.That(result.GetProperty("test_loss").GetDouble(), Is.LessThan(0.1));
        Assert.That(result.GetProperty("test_accuracy").ValueKind, Is.EqualTo(JsonValueKind.Null));
        Assert.That(result.GetProperty("training_samples").GetInt32(), Is.EqualTo(70));
    }

    [Test]
    public void Whole_numbers_are_predicted_where_that_is_asked_for()
    {
        StringBuilder text = new("x,y,z\n");
        for (int i = 0; i < 60; i++)
        {
            text.Append(CultureInfo.InvariantCulture, $"{i % 10},{i / 10},{(3 * (i % 10)) - (i / 10)}\n");
        }

        using EbpProcess ebp = new();
        ebp.File("t.csv", text.ToString());
        JsonElement classes = ebp.RunJson("train", "--data", "csv:t.csv", "--epochs", "1", "--out", "c");
        Assert.That(classes.GetProperty("test_accuracy").ValueKind, Is.EqualTo(JsonValueKind.Number));
        JsonElement numbers = ebp.RunJson("train", "--data", "csv:t.csv", "--target", "numbers", "--test", "t.csv", "--epochs", "600", "--out", "n");
        Assert.That(numbers.GetProperty("test_accuracy").ValueKind, Is.EqualTo(JsonValueKind.Null));
        Assert.That(numbers.GetProperty("test_loss").GetDouble(), Is.LessThan(2));
        Assert.That(ebp.RunJson("eval", "n").GetProperty("loss").GetDouble(), Is.EqualTo(numbers.GetProperty("test_loss").GetDouble()));
    }

    [TestCase("--optimizer sgd")]
    [TestCase("--optimizer adam --clip-norm 1")]
    public void Training_that_diverges_is_told_and_writes_nothing(string options)
    {
        using EbpProcess ebp = new();
        EbpProcess.Result result = ebp.Run(["train", "--limit", "300", "--epochs", "9", "--lr", "1e30", "--json", .. EbpProcess.Words(options)]);
        Assert.That((result.ExitCode, result.Output), Is.EqualTo((1, "")));
        Assert.That(result.Errors.TrimEnd().Split('\n')[^1], Does.StartWith("ebp: ").And.Contains("diverged"));
        Assert.That(Directory.GetFileSystemEntries(ebp.Folder), Is.Empty);
    }

    [Test]
    public void Iris_is_learned()
    {
        string file = RealData.Path("iris", "iris.data");
        using EbpProcess ebp = new();
        Assert.That(ebp.RunJson("train", "--data", "csv:" + file).GetProperty("test_accuracy").GetDouble(), Is.GreaterThanOrEqualTo(0.9));
    }

    [Test]
    public void Nielsens_net_learns_the_real_digits()
    {
        string folder = RealData.Path("mnist");
        using EbpProcess ebp = new();
        JsonElement result = ebp.RunJson(
        [
            "train", "--data", "mnist", "--data-dir", folder,
            .. EbpProcess.Words("--layers 784,30,10 --activation sigmoid --loss quadratic --init normal --lr 3 --batch 10 --epochs 2 --limit 50000"),
        ]);
        Assert.That(result.GetProperty("options").GetProperty("output-activation").GetString(), Is.EqualTo("sigmoid"));
        Assert.That(result.GetProperty("training_samples").GetInt32(), Is.EqualTo(50_000));
        Assert.That(result.GetProperty("test_samples").GetInt32(), Is.EqualTo(10_000));
        Assert.That(result.GetProperty("test_accuracy").GetDouble(), Is.GreaterThan(0.8));
        Assert.That(result.GetProperty("allocated_bytes_per_step").GetDouble(), Is.Zero);
    }

    private static string? Hash(JsonElement result) => result.GetProperty("weights_hash").GetString();

    /// <summary>Two clouds of points, named up and down.</summary>
    internal static string Table(int rows, int seed)
    {
        Random random = new(seed);
        StringBuilder text = new("a,b,c,side\n");
        for (int i = 0; i < rows; i++)
        {
            bool up = i % 2 == 0;
            double shift = up ? 2 : -2;
            text.Append(
                CultureInfo.InvariantCulture,
                $"{100 + (10 * (random.NextDouble() + shift)):F4},{random.NextDouble() - shift:F4},{random.NextDouble():F4},{(up ? "up" : "down")}\n"
            );
        }

        return text.ToString();
    }

    [Test]
    public void Fine_tuning_begins_with_another_models_weights_and_leaves_frozen_layers_alone()
    {
        using EbpProcess ebp = new();
        ebp.RunJson("train", "--limit", "200", "--epochs", "1", "--layers", "784,12,10", "--out", "a.st");
        EbpProcess.Result tuned = ebp.Run(
            "train", "--limit", "200", "--epochs", "1", "--layers", "784,12,10", "--from", "a.st", "--freeze", "dense1", "--seed", "7", "--out",
            "b.st");
        Assert.That(tuned.ExitCode, Is.Zero, tuned.Errors);
        Assert.That(tuned.Output, Does.Contain("begins with all weights of a.st").And.Contain("frozen"));
        Assert.That(Tensor("b.st", "dense1.weight"), Is.EqualTo(Tensor("a.st", "dense1.weight")));
        Assert.That(Tensor("b.st", "dense2.weight"), Is.Not.EqualTo(Tensor("a.st", "dense2.weight")));

        EbpProcess.Result wrong = ebp.Run("train", "--limit", "200", "--epochs", "1", "--freeze", "dense7");
        Assert.That(wrong.ExitCode, Is.EqualTo(2), wrong.Errors);
        Assert.That(wrong.Errors, Does.Contain("'dense7'").And.Contain("dense1"));

        float[] Tensor(string file, string name)
        {
            EmbeddedBackprop.IO.SafetensorsTensor tensor = EmbeddedBackprop.IO.SafetensorsFile.Read(Path.Combine(ebp.Folder, file)).GetTensor(name);
            float[] values = new float[tensor.Length];
            tensor.CopyTo(values);
            return values;
        }
    }
}
