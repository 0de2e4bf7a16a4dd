using System.Globalization;
using System.Text.Json;

namespace EmbeddedBackprop.Tests.Ebp;

[TestFixture]
[Parallelizable(ParallelScope.All)]
public sealed class PlanAndCheckTests
{
    [Test]
    public void Plan_counts_what_a_device_needs()
    {
        using EbpProcess ebp = new();
        JsonElement plan = ebp.RunJson("plan", "--layers", "784,30,10");
        Assert.That(plan.GetProperty("parameters").GetInt64(), Is.EqualTo(23_860));
        Assert.That(plan.GetProperty("multiply_adds").GetInt64(), Is.EqualTo((784 * 30) + (30 * 10)));
        Assert.That(plan.GetProperty("inference").GetProperty("flash_bytes").GetInt64(), Is.EqualTo(4 * 23_860));
        Assert.That(plan.GetProperty("inference").GetProperty("ram_bytes").GetInt64(), Is.GreaterThanOrEqualTo(4 * (784 + 30)));
        Assert.That(plan.GetProperty("training").GetProperty("ram_bytes").GetInt64(), Is.GreaterThanOrEqualTo(4 * ((2 * 23_860) + 784)));
        Assert.That(plan.GetProperty("layers").GetArrayLength(), Is.GreaterThanOrEqualTo(2));
        string table = ebp.Run("plan", "--layers", "784,30,10").Output;
        Assert.That(table, Does.Contain("inference plan").And.Contains("training plan").And.Contains("23,860"));
    }

    [Test]
    public void Plan_prints_the_memory_of_the_export()
    {
        const string Net = "x = input 100; a = dense 30 relu x; b = dense 20 relu x; concat a b; dense 60 relu; dense 10 softmax";
        using EbpProcess ebp = new();
        Assert.That(
            ebp.Run("plan", "--net", Net).Output,
            Does.Contain("On a device, exported as C:").And.Contains("in place of a, b")
                .And.Contains(" 880 bytes (arena 440, input 400, output 40; 640 with --input-in-arena)"));
    }

    [Test]
    public void Plan_shows_a_hop_beside_its_window()
    {
        string[] plan =
            ["plan", "--net", "input 1x400; conv1d 24 5 relu; conv1d 24 3 s2 relu; global-avgpool; dense 3", "--target", "cortex-m4f"];
        using EbpProcess ebp = new();
        JsonElement[] rows = [.. ebp.RunJson([.. plan, "--stream", "20"]).GetProperty("device").EnumerateArray()];
        Assert.That(rows[1].GetProperty("options").GetString(), Does.StartWith("--stream 20: a hop"));
        Assert.That(Of(rows[1], "instructions") * 3, Is.LessThan(Of(rows[0], "instructions")));
        Assert.That(Of(rows[1], "ram_bytes"), Is.LessThan(Of(rows[0], "ram_bytes")));
        Assert.That(ebp.Run(plan).Output, Does.Not.Contain("a hop"));
        Assert.That(ebp.Run([.. plan, "--stream", "3"]).Output, Does.Contain("a hop of 3 steps: the strides of the net ask for a multiple of 2"));
        Assert.That(ebp.Run("plan", "--layers", "4,2", "--stream", "3").Errors, Does.Contain("--stream: --target says on which device"));

        static long Of(JsonElement row, string name) => row.GetProperty(name).GetInt64();
    }

    [Test]
    public void A_training_is_planned_and_run_within_a_memory_budget()
    {
        using EbpProcess ebp = new();
        string[] net = ["--layers", "64,40,40,40,40,10", "--optimizer", "adam", "--batch", "32"];
        long free = ebp.RunJson(["plan", .. net]).GetProperty("training").GetProperty("lean_ram_bytes").GetInt64();
        JsonElement within = ebp.RunJson(["plan", .. net, "--ram", "140K"]).GetProperty("training");
        Assert.That(free, Is.GreaterThan(140 * 1024));
        Assert.That(within.GetProperty("lean_ram_bytes").GetInt64(), Is.LessThanOrEqualTo(140 * 1024));
        Assert.That(within.GetProperty("micro_batch").GetInt32(), Is.LessThan(32));
        Assert.That(ebp.Run(["plan", .. net, "--ram", "140K"]).Output, Does.Contain("of a budget of 143,360").And.Contain("micro-batches of"));
        EbpProcess.Result refused = ebp.Run(["plan", .. net, "--ram", "70K"]);
        Assert.That((refused.ExitCode, refused.Errors), Is.EqualTo((2, refused.Errors)));
        Assert.That(
            refused.Errors,
            Does.Contain("too few").And.Contain("what would help: plain gradient descent (").And.Not.Contain("a batch of 1 ("));
        Assert.That(ebp.Run(["plan", .. net, "--ram", "much"]).Errors, Does.Contain("as in 65536, 64K or 2M"));

        ebp.File("t.csv", TrainTests.Table(100, 3));
        string[] train = ["train", "--data", "csv:t.csv", "--layers", "3,12,12,12,12,2", "--epochs", "2", "--batch", "20", "--out", "m.safetensors"];
        string all = ebp.RunJson(train).GetProperty("weights_hash").GetString()!;
        Assert.That(ebp.RunJson([.. train, "--ram", "6K"]).GetProperty("weights_hash").GetString(), Is.EqualTo(all));
    }

    [Test]
    public void A_model_file_is_planned_within_a_budget_and_running_statistics_lie_in_flash()
    {
        using EbpProcess ebp = new();
        ebp.File("t.csv", TrainTests.Table(60, 3));
        const string Net = "dense 20 relu; batchnorm; dense 20 relu; dense 20 relu; dense 2";
        ebp.RunJson("train", "--data", "csv:t.csv", "--net", Net, "--epochs", "1", "--batch", "16", "--optimizer", "adam", "--out", "m");
        const int Parameters = (3 * 20) + 20 + 40 + (2 * 420) + 42;
        JsonElement plan = ebp.RunJson("plan", "m");
        Assert.That(plan.GetProperty("inference").GetProperty("flash_bytes").GetInt64(), Is.EqualTo(4 * (Parameters + 40)));
        Assert.That(ebp.Run("plan", "m").Output, Does.Contain("and running statistics (160)"));
        long whole = ebp.RunJson("plan", "m", "--batch", "16").GetProperty("training").GetProperty("ram_bytes").GetInt64();
        JsonElement within = ebp.RunJson("plan", "m", "--ram", $"{whole - 1000}").GetProperty("training");
        Assert.That(within.GetProperty("lean_ram_bytes").GetInt64(), Is.LessThanOrEqualTo(whole - 1000));
        Assert.That(within.GetProperty("multiply_adds_again").GetInt64(), Is.GreaterThan(0));
        Assert.That(
            ebp.Run("plan", "m", "--ram", "1K").Errors,
            Does.Contain("only a smaller net would do: with a batch of 1 and plain gradient descent it needs"));
    }

    [TestCase("")]
    [TestCase("--layers 6,5,1 --activation tanh")]
    [TestCase("--layers 7,6,5,4 --activation gelu --loss huber --output-activation identity")]
    [TestCase("--layers 4,3,3 --activation softmax --output-activation softmax --loss quadratic")]
    public void Gradients_are_right(string options)
    {
        using EbpProcess ebp = new();
        JsonElement check = ebp.RunJson(["gradcheck", .. EbpProcess.Words(options)]);
        Assert.That(check.GetProperty("passed").GetBoolean(), Is.True);
        foreach (JsonElement tensor in check.GetProperty("tensors").EnumerateArray())
        {
            Assert.That(tensor.GetProperty("difference_error").GetDouble(), Is.LessThan(1e-7));
        }
    }

    [Test]
    public void Gradients_that_cannot_be_checked_exit_1()
    {
        // Every output sits on ReLU's kink: no difference quotient is worth anything.
        using EbpProcess ebp = new();
        EbpProcess.Result result = ebp.Run(EbpProcess.Words("gradcheck --layers 4,3 --init zeros --output-activation relu --loss quadratic --json"));
        Assert.That(result.ExitCode, Is.EqualTo(1), result.Errors);
        Assert.That(EbpProcess.LastLine(result.Output).GetProperty("passed").GetBoolean(), Is.False);
    }

    [Test]
    public void Compare_sets_a_neuron_beside_a_network()
    {
        using EbpProcess ebp = new();
        ebp.File("t.csv", TrainTests.Table(200, 3));
        JsonElement result = ebp.RunJson("compare", "--data", "csv:t.csv", "--epochs", "20");
        foreach (string name in (string[])["neuron", "network"])
        {
            JsonElement one = result.GetProperty(name);
            Assert.That(one.GetProperty("test_accuracy").GetDouble(), Is.GreaterThan(0.9), name);
            foreach (string member in (string[])["loss", "parameters", "ram_bytes", "flash_bytes", "multiply_adds", "train_seconds"])
            {
                Assert.That(one.GetProperty(member).GetDouble(), Is.GreaterThan(0), $"{name}.{member}");
            }
        }

        Assert.That(result.GetProperty("neuron").GetProperty("parameters").GetInt64(), Is.EqualTo(4));
        Assert.That(ebp.Run("compare", "--data", "csv:t.csv", "--epochs", "2").Output, Does.Contain("test accuracy").And.Contains("multiply-adds"));
    }

    [Test]
    public void A_device_is_told_what_the_exported_c_takes_and_what_fits()
    {
        using EbpProcess ebp = new();
        JsonElement plain = ebp.RunJson("plan", "--layers", "784,30,10", "--target", "cortex-m4f");
        JsonElement[] ways = [.. plain.GetProperty("device").EnumerateArray()];
        Assert.That(
            ways.Select(way => way.GetProperty("options").GetString()),
            Is.EqualTo(new[] { "as it is", "--storage float16", "--storage int8", "--train" }));
        JsonElement prediction = ways[0], training = ways[3];
        Assert.That(ways[2].GetProperty("table_bytes").GetInt64(), Is.LessThan(95440 / 3));
        Assert.That(ways[2].GetProperty("instructions").GetInt64(), Is.GreaterThan(prediction.GetProperty("instructions").GetInt64()));
        Assert.That(training.GetProperty("training_instructions").GetInt64(), Is.InRange(200_000, 350_000));
        Assert.That(prediction.GetProperty("table_bytes").GetInt64(), Is.EqualTo(95440));
        Assert.That(prediction.GetProperty("ram_bytes").GetInt64(), Is.EqualTo(120));
        Assert.That(prediction.GetProperty("instructions").GetInt64(), Is.InRange(50000, 70000));
        Assert.That(training.GetProperty("ram_bytes").GetInt64(), Is.InRange(95440 + 200, 95440 + 1024));

        EbpProcess.Result fits = ebp.Run("plan", "--layers", "784,30,10", "--target", "cortex-m4f", "--fit", "32K/8K");
        Assert.That(fits.ExitCode, Is.Zero, fits.Errors);
        Assert.That(
            fits.Output,
            Does.Contain("--storage int8: fits").And.Contain("as it is: too large by").And.Contain("--train --freeze dense1 --storage int8: fits"));
        Assert.That(ebp.Run("plan", "--layers", "784,30,10", "--target", "cortex-m4f", "--fit", "8K/1K").ExitCode, Is.EqualTo(1));
    }

    [Test]
    public void The_tables_of_standardised_inputs_are_counted_as_they_are_exported()
    {
        using EbpProcess ebp = new();
        ebp.File("t.csv", TrainTests.Table(60, 3));
        Check("", "dense 5 relu; dense 2");
        Check("--fold 1/4 --window 6", "lstm 3; dense 2");

        void Check(string options, string net)
        {
            const int Means = 3;
            ebp.RunJson(
                ["train", "--data", "csv:t.csv", .. EbpProcess.Words(options), "--net", net, "--epochs", "1", "--batch", "8", "--out", "m"]);
            ebp.RunJson("export", "c", "m", "--out", "c");
            string header = File.ReadAllText(Path.Combine(ebp.Folder, "c", "model.h"));
            long exported = long.Parse(header.Split("#define MODEL_FLASH_BYTES ")[1].Split('\n')[0], CultureInfo.InvariantCulture);
            long parameters = ebp.RunJson("plan", "m").GetProperty("parameters").GetInt64();
            Assert.That(exported, Is.EqualTo(4 * (parameters + (2 * Means))), net);
            JsonElement device = ebp.RunJson("plan", "m", "--target", "cortex-m4f").GetProperty("device");
            Assert.That(device[0].GetProperty("table_bytes").GetInt64(), Is.EqualTo(exported), net);
        }
    }

    [TestCase("64K")]
    [TestCase("64KB")]
    [TestCase("64kb")]
    [TestCase("64KiB")]
    [TestCase("65536B")]
    public void Sizes_may_be_written_as_people_write_them(string size)
    {
        using EbpProcess ebp = new();
        Assert.That(
            ebp.Run("plan", "--layers", "64,40,10", "--ram", size).Output,
            Does.Contain("of a budget of 65,536"));
        Assert.That(ebp.Run("plan", "--layers", "64,40,10", "--ram", "1G").ExitCode, Is.Zero);
        Assert.That(ebp.Run("plan", "--layers", "64,40,10", "--ram", "64BK").Errors, Does.Contain("got '64BK'"));
    }

    [Test]
    public void A_board_brings_its_sizes_and_another_optimiser_is_tried()
    {
        using EbpProcess ebp = new();
        string[] net = ["--layers", "10,8,2", "--arithmetic", "separate"];
        EbpProcess.Result uno = ebp.Run(["plan", .. net, "--target", "Uno", "--fit"]);
        Assert.That(uno.ExitCode, Is.Zero, uno.Errors);
        Assert.That(uno.Output, Does.Contain("cycles").And.Contain("ATmega328P").And.Contain("as it is: fits"));
        Assert.That(ebp.Run(["plan", .. net, "--target", "m3", "--fit"]).Errors, Does.Contain("as in 256K/64K"));
        Assert.That(ebp.Run(["plan", .. net, "--target", "esp32"]).Output, Does.Contain("not counted"));
        // Adam keeps two floats more for each weight, and a gradient.
        string adam = ebp.Run(["plan", "--layers", "100,40,10", "--optimizer", "adam", "--target", "cortex-m4f", "--fit", "64K/20K"]).Output;
        Assert.That(adam, Does.Match(@"   --train: too large by").And.Match(@"   --train --optimizer sgd: fits"));
    }

    [TestCase("--target z80", 2, "cortex-m4f")]
    [TestCase("--fit 64K/8K", 2, "--target")]
    [TestCase("--target cortex-m4f --fit 64K", 2, "256K/64K")]
    [TestCase("--target avr", 3, "separate")]
    public void A_wrong_wish_for_a_device_is_explained(string options, int code, string word)
    {
        using EbpProcess ebp = new();
        EbpProcess.Result result = ebp.Run(["plan", "--layers", "4,3,2", .. EbpProcess.Words(options)]);
        Assert.That(result.ExitCode, Is.EqualTo(code), result.Errors);
        Assert.That(result.Errors, Does.Contain(word));
    }
}
