using System.Diagnostics;
using System.Text.Json;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Ebp;

/// <summary>The files of train, and their use by the other verbs.</summary>
[TestFixture]
[Parallelizable(ParallelScope.All)]
public sealed class ModelTests
{
    private static readonly string[] Tiny = ["train", "--limit", "300", "--layers", "784,8,10", "--activation", "sigmoid"];

    [Test]
    public void Without_out_the_model_and_its_C_files_are_written()
    {
        using EbpProcess ebp = new();
        EbpProcess.Result result = ebp.Run([.. Tiny, "--epochs", "1"]);
        Assert.That(result.ExitCode, Is.Zero, result.Errors);
        Assert.That(result.Output, Does.Contain("training plan").And.Contains("test accuracy"));
        Assert.That(result.Errors, Does.Contain("epoch").And.Contains("loss").And.Contains("samples/s").And.Contains("left"));
        Assert.That(result.Errors, Does.Not.Contain("\u001b"), "plain lines where there is no terminal");
        foreach (string name in (string[])["model.safetensors", "model.h", "model.c", "model_weights.c", "model_selftest.c"])
        {
            Assert.That(new FileInfo(Path.Combine(ebp.Folder, "ebp-out", name)), Has.Property("Length").GreaterThan(0L), name);
        }

        Assert.That(Directory.GetFileSystemEntries(ebp.Folder), Has.Length.EqualTo(1));
    }

    [TestCase("sgd")]
    [TestCase("adamw")]
    public void Resuming_gives_the_bits_of_never_having_stopped(string optimizer)
    {
        using EbpProcess ebp = new();
        string[] training = [.. Tiny, "--optimizer", optimizer, "--seed", "5"];
        JsonElement whole = ebp.RunJson([.. training, "--epochs", "3", "--out", "whole.st"]);
        JsonElement half = ebp.RunJson([.. training, "--epochs", "1", "--out", "half.st"]);
        JsonElement resumed = ebp.RunJson("train", "--resume", "half.st", "--epochs", "3", "--out", "resumed.st");
        Assert.That(Hash(resumed), Is.EqualTo(Hash(whole)).And.Not.EqualTo(Hash(half)));
        Assert.That(resumed.GetProperty("epochs").GetArrayLength(), Is.EqualTo(3));
        Assert.That(
            resumed.GetProperty("epochs")[2].GetProperty("loss").GetDouble(),
            Is.EqualTo(whole.GetProperty("epochs")[2].GetProperty("loss").GetDouble()));
    }

    [Test]
    public void Nothing_that_changes_bits_may_differ_when_resuming()
    {
        using EbpProcess ebp = new();
        ebp.RunJson([.. Tiny, "--epochs", "2", "--out", "a.st"]);
        foreach (
            string options in (string[])
                [
                    "--lr 5", "--batch 7", "--seed 9", "--layers 784,9,10", "--limit 301", "--arithmetic separate", "--validation 5", "--data mnist",
                    "--epochs 1",
                ])
        {
            EbpProcess.Result result = ebp.Run(["train", "--resume", "a.st", .. EbpProcess.Words(options)]);
            Assert.That(result.ExitCode, Is.EqualTo(2), result.Errors);
            Assert.That(result.Errors, Does.StartWith("ebp: " + EbpProcess.Words(options)[0]));
        }
    }

    [Test]
    public void Other_samples_are_found_out_when_resuming()
    {
        using EbpProcess ebp = new();
        ebp.File("a.csv", TrainTests.Table(40, 1));
        ebp.RunJson("train", "--data", "csv:a.csv", "--epochs", "1", "--out", "a.st");
        File.Copy(Path.Combine(ebp.Folder, "a.csv"), Path.Combine(ebp.Folder, "moved.csv"));
        ebp.RunJson("train", "--resume", "a.st", "--data", "csv:moved.csv", "--epochs", "2", "--out", "b.st");
        ebp.File("moved.csv", TrainTests.Table(40, 2));
        EbpProcess.Result result = ebp.Run("train", "--resume", "a.st", "--data", "csv:moved.csv", "--epochs", "2");
        Assert.That((result.ExitCode, result.Errors.StartsWith("ebp: --data", StringComparison.Ordinal)), Is.EqualTo((2, true)), result.Errors);
    }

    [Test]
    public void Ctrl_C_writes_a_checkpoint_that_can_be_gone_on_with()
    {
        if (OperatingSystem.IsWindows())
        {
            Assert.Ignore("a console signal cannot be sent to another process here");
        }

        using EbpProcess ebp = new();
        using Process process = ebp.StartInterruptible([.. Tiny, "--epochs", "1000000", "--out", "a.st", "--json"]);
        while (process.StandardError.ReadLine() is { } line && !line.Contains("epoch", StringComparison.Ordinal))
        {
        }

        Task<string> errors = process.StandardError.ReadToEndAsync();
        using (Process kill = Process.Start("kill", ["-INT", process.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)])!)
        {
            ChildProcess.WaitForExit(kill);
        }

        Task<string> output = process.StandardOutput.ReadToEndAsync();
        ChildProcess.WaitForExit(process);
        Assert.That(process.ExitCode, Is.EqualTo(130), errors.Result);
        JsonElement interrupted = EbpProcess.LastLine(output.Result);
        int epochs = interrupted.GetProperty("epochs").GetArrayLength();
        Assert.That(interrupted.GetProperty("interrupted").GetBoolean(), Is.True);
        // The file's training is longer than its whole epochs, if it was stopped within one.
        bool within = ModelFile.Open(Path.Combine(ebp.Folder, "a.st")).State!.NextSample > 0;
        string done = epochs.ToString(System.Globalization.CultureInfo.InvariantCulture);
        Assert.That(ebp.Run("train", "--resume", "a.st", "--epochs", done, "--out", "c.st").ExitCode, Is.EqualTo(within || epochs == 0 ? 2 : 0));
        string total = (epochs + 2).ToString(System.Globalization.CultureInfo.InvariantCulture);
        JsonElement resumed = ebp.RunJson("train", "--resume", "a.st", "--epochs", total, "--out", "a.st");
        Assert.That(Hash(resumed), Is.EqualTo(Hash(ebp.RunJson([.. Tiny, "--epochs", total, "--out", "b.st"]))));
    }

    [Test]
    public void Questions_that_do_not_fit_the_model_are_refused()
    {
        using EbpProcess ebp = new();
        ebp.File("t.csv", TrainTests.Table(50, 4));
        _ = ebp.RunJson("train", "--data", "csv:t.csv", "--epochs", "1", "--out", "t.st", "--layers", "3,4,2");
        Refused(2, "--target numbers: the model predicts classes", "eval", "t.st", "--target", "numbers");
        Refused(2, "--name", "export", "c", "t.st", "--out", "c", "--name", "");
        Assert.That(ebp.Run("eval", "t.st", "--target", "classes").ExitCode, Is.Zero);

        using Network predicts = NetCompiler.Compile("input 3; dense 2", null, new NetworkOptions());
        ModelFile.Save(Path.Combine(ebp.Folder, "p.st"), predicts);
        Refused(3, "no loss", "gradcheck", "p.st");
        if (File.Exists("/dev/zero"))
        {
            Refused(3, "the file is empty, or a device", "import", "c", "t.st", "/dev/zero", "--out", "new.st");
        }

        void Refused(int code, string message, params string[] command)
        {
            EbpProcess.Result result = ebp.Run(command);
            Assert.That((result.ExitCode, result.Errors.Contains(message, StringComparison.Ordinal)), Is.EqualTo((code, true)), result.Errors);
        }
    }

    [Test]
    public void Eval_finds_what_train_found_and_predict_names_the_class()
    {
        using EbpProcess ebp = new();
        ebp.File("t.csv", TrainTests.Table(200, 4));
        JsonElement trained = ebp.RunJson("train", "--data", "csv:t.csv", "--epochs", "30", "--out", "t.st", "--layers", "3,4,1");
        JsonElement judged = ebp.RunJson("eval", "t.st");
        Assert.That(judged.GetProperty("accuracy").GetDouble(), Is.EqualTo(trained.GetProperty("test_accuracy").GetDouble()));
        Assert.That(judged.GetProperty("loss").GetDouble(), Is.EqualTo(trained.GetProperty("test_loss").GetDouble()));
        Assert.That(judged.GetProperty("weights_hash").GetString(), Is.EqualTo(Hash(trained)));
        JsonElement all = ebp.RunJson("eval", "t.st", "--data", "csv:t.csv");
        Assert.That(all.GetProperty("samples").GetInt32(), Is.EqualTo(200));
        Assert.That(all.GetProperty("accuracy").GetDouble(), Is.GreaterThan(0.9));

        JsonElement prediction = ebp.RunJson("predict", "t.st", "--values", "120,-2,0.5").GetProperty("predictions")[0];
        Assert.That(prediction.GetProperty("name").GetString(), Is.EqualTo("up"));
        Assert.That(prediction.GetProperty("outputs").GetArrayLength(), Is.EqualTo(1));
        EbpProcess.Result rows = ebp.RunWithInput("a,b,c\n120,-2,0.5\n80 2.5 0.5\n", "predict", "t.st", "-");
        Assert.That(rows.ExitCode, Is.Zero, rows.Errors);
        Assert.That(rows.Output.TrimEnd().Split('\n')[0], Does.StartWith("up"));
        Assert.That(rows.Output.TrimEnd().Split('\n')[1], Does.StartWith("down"));
        Assert.That(
            ebp.RunJson("predict", "t.st", "--data", "csv:t.csv", "--index", "1").GetProperty("predictions")[0].GetProperty("label").GetInt32(),
            Is.EqualTo(1));
        Assert.That(ebp.RunWithInput("1,2\n", "predict", "t.st").ExitCode, Is.EqualTo(3));
        Assert.That(ebp.RunWithInput("1,2,nan\n", "predict", "t.st").ExitCode, Is.EqualTo(3));
        Assert.That(ebp.Run("predict", "t.st", "--index", "100000").ExitCode, Is.EqualTo(2));
    }

    [Test]
    public void Plan_gradcheck_and_export_take_a_model()
    {
        using EbpProcess ebp = new();
        JsonElement trained = ebp.RunJson([.. Tiny, "--epochs", "1", "--out", "a.st"]);
        long parameters = trained.GetProperty("parameters").GetInt64();
        Assert.That(ebp.RunJson("plan", "a.st").GetProperty("parameters").GetInt64(), Is.EqualTo(parameters));
        Assert.That(ebp.RunJson("gradcheck", "a.st", "--elements", "5").GetProperty("passed").GetBoolean(), Is.True);
        JsonElement exported = ebp.RunJson("export", "c", "a.st", "--out", "c-files");
        string sizes = File.ReadAllText(Path.Combine(ebp.Folder, "c-files", "model.h"));
        Assert.That(sizes, Does.Contain($"#define MODEL_FLASH_BYTES {exported.GetProperty("table_bytes").GetInt64()}\n"));
        Assert.That(sizes, Does.Contain($"#define MODEL_RAM_BYTES {exported.GetProperty("ram_bytes").GetInt64()}\n"));
        Assert.That(
            ebp.Run("export", "c", "a.st", "--out", "c-files").Output.TrimEnd().Split('\n')[^1],
            Is.EqualTo(FormattableString.Invariant(
                $"tables: {exported.GetProperty("table_bytes").GetInt64():N0} bytes of flash; working memory: {exported.GetProperty("ram_bytes").GetInt64():N0} bytes of RAM")));
        Assert.That(exported.GetProperty("files").GetArrayLength(), Is.GreaterThanOrEqualTo(4));
        Assert.That(File.Exists(Path.Combine(ebp.Folder, "c-files", "model_selftest.c")), Is.True);
        string hash = trained.GetProperty("weights_hash").GetString()!, header = File.ReadAllText(Path.Combine(ebp.Folder, "c-files", "model.h"));
        Assert.That(exported.GetProperty("weights_hash").GetString(), Is.EqualTo(hash));
        Assert.That(
            header,
            Does.Contain($"#define MODEL_MODEL_HASH \"{hash}\"\n").And.Contain("#define MODEL_CLASSES 10\n").And.Contain("model_prepare_bytes("));
        Assert.That(ebp.Run("export", "c", "a.st", "--out", "carried", "--carry").Errors, Does.Contain("no recurrent layer"));
        Assert.That(ebp.Run("export", "c", "a.st", "--out", "streamed", "--stream", "100").ExitCode, Is.Zero);
        Assert.That(
            File.ReadAllText(Path.Combine(ebp.Folder, "streamed", "model.h")),
            Does.Contain("#define MODEL_HOP 100\n").And.Contain("#define MODEL_FIRST 784\n").And.Contain("uint32_t model_push("));
        Assert.That(ebp.Run("export", "c", "a.st", "--out", "far", "--stream", "785").Errors, Does.Contain("whose window has 784"));
        Assert.That(ebp.Run("export", "c", "a.st", "--out", "far", "--stream", "0").ExitCode, Is.EqualTo(2));
        Assert.That(Directory.Exists(Path.Combine(ebp.Folder, "far")), Is.False);
        Assert.That(ebp.Run("export", "c", "a.st", "--out", "a.st").ExitCode, Is.EqualTo(4));
        Assert.That(ebp.Run("export", "c", "a.st").ExitCode, Is.EqualTo(2));
        Assert.That(ebp.Run("export", "c", "a.st", "--out", "c-arena", "--input-in-arena").ExitCode, Is.Zero);
        Assert.That(File.ReadAllText(Path.Combine(ebp.Folder, "c-arena", "model.h")), Does.Contain("#define MODEL_INPUT(arena) "));
    }

    [Test]
    public void Export_adds_the_training_step()
    {
        using EbpProcess ebp = new();
        ebp.RunJson([.. Tiny, "--epochs", "1", "--out", "a.st"]);
        Assert.That(
            ebp.RunJson(
                    "export", "c", "a.st", "--out", "t", "--name", "t", "--train", "--batch", "2", "--lr", "0.25", "--freeze", "dense1",
                    "--steps-per-epoch",
                    "50")
                .GetProperty("train")
                .GetBoolean(),
            Is.True);
        Assert.That(
            File.ReadAllText(Path.Combine(ebp.Folder, "t", "t.h")),
            Does.Contain("#define T_BATCH 2").And.Contain("#define T_LEARNING_RATE 0.25f"));
        Assert.That(ebp.Run("export", "c", "a.st", "--out", "t", "--batch", "2").ExitCode, Is.EqualTo(2));
        Assert.That(ebp.Run("export", "c", "a.st", "--out", "t", "--train", "--accumulate", "0").ExitCode, Is.EqualTo(2));
        Assert.That(ebp.Run("export", "c", "a.st", "--out", "t", "--train", "--freeze", "dense9").ExitCode, Is.EqualTo(2));
    }

    [Test]
    public void Import_brings_back_what_exported_C_has_learnt()
    {
        using EbpProcess ebp = new();
        ebp.RunJson([.. Tiny, "--epochs", "2", "--schedule", "cosine", "--out", "a.st"]);
        string[] train = ["--lr", "0.25", "--freeze", "dense1"];
        EbpProcess.Result constant = ebp.Run(["export", "c", "a.st", "--out", "t", "--name", "t", "--train", .. train]);
        Assert.That(constant.ExitCode, Is.Zero, constant.Errors);
        Assert.That(constant.Errors, Does.Contain("'cosine' counts epochs"));
        File.WriteAllText(Path.Combine(ebp.Folder, "t", "main.c"), """
            #include <stdio.h>
            #include "t.h"

            static int get(void *file, uint32_t offset, void *bytes, size_t n)
            {
                return fseek((FILE *)file, (long)offset, SEEK_SET) != 0 || fread(bytes, 1, n, (FILE *)file) != n;
            }

            static int put(void *file, uint32_t offset, const void *bytes, size_t n)
            {
                return fseek((FILE *)file, (long)offset, SEEK_SET) != 0 || fwrite(bytes, 1, n, (FILE *)file) != n;
            }

            int main(void)
            {
                static float memory[T_TRAIN_FLOATS], x[T_BATCH * T_INPUTS], y[T_BATCH * T_TARGETS];
                t_storage storage = { get, put, NULL };
                t_model model;
                x[0] = y[0] = 1.0f;
                storage.user = fopen("copy.bin", "w+b");
                t_start(&model, memory);
                (void)t_train_step(&model, x, y);
                return storage.user == NULL || t_save(&model, &storage) != T_STORED || fclose((FILE *)storage.user) != 0;
            }

            """);
        Tools.RunChecked(ebp.Folder, Tools.Require("gcc", "gcc"), "t/main.c", "t/t.c", "t/t_weights.c", "t/t_storage.c", "-std=c99", "-o", "device");
        Tools.RunChecked(ebp.Folder, Path.Combine(ebp.Folder, "device"));
        Assert.That(ebp.RunJson(["import", "c", "a.st", "copy.bin", "--out", "b.st", .. train]).GetProperty("step").GetInt32(), Is.EqualTo(1));
        Network before = ModelFile.Open(Path.Combine(ebp.Folder, "a.st")).ToNetwork(best: true),
            after = ModelFile.Open(Path.Combine(ebp.Folder, "b.st")).ToNetwork(best: true);
        foreach (ParameterRange range in before.InferencePlan.Parameters)
        {
            Assert.That(
                after.Parameters.Slice(range.Offset, range.Length).SequenceEqual(before.Parameters.Slice(range.Offset, range.Length)),
                Is.EqualTo(range.Name.StartsWith("dense1", StringComparison.Ordinal)),
                range.Name);
        }

        // The model that came back is a model: it is judged, and exported again.
        Assert.That(ebp.Run("eval", "b.st").ExitCode, Is.Zero);
        Assert.That(ebp.Run("export", "c", "b.st", "--out", "u", "--train").ExitCode, Is.Zero);
        Assert.That(ebp.Run(["export", "c", "a.st", "--out", "u", "--train", "--steps-per-epoch", "10"]).ExitCode, Is.Zero);
        Assert.That(
            File.ReadAllText(Path.Combine(ebp.Folder, "u", "model.h")),
            Does.Contain("#define MODEL_STEPS_PER_EPOCH 10").And.Contain("#define MODEL_EPOCHS 2"));
        Assert.That(ebp.Run("import", "c", "a.st", "copy.bin", "--out", "b.st").ExitCode, Is.EqualTo(3), "dense1 was not frozen");
        Assert.That(ebp.Run(["import", "c", "a.st", "a.st", "--out", "b.st", .. train]).ExitCode, Is.EqualTo(3));
        Assert.That(ebp.Run(["import", "c", "a.st", "none.bin", "--out", "b.st", .. train]).ExitCode, Is.EqualTo(3));
        Assert.That(ebp.Run(["import", "c", "a.st", "copy.bin", "--out", "a.st/b.st", .. train]).ExitCode, Is.EqualTo(4));
        Assert.That(ebp.Run(["import", "c", "a.st", "copy.bin", "--out", "b.st", "--slot-bytes", "0", .. train]).ExitCode, Is.EqualTo(2));
    }

    [Test]
    public void Export_stores_weights_as_asked_and_says_what_it_costs()
    {
        using EbpProcess ebp = new();
        ebp.RunJson([.. Tiny, "--epochs", "3", "--out", "a.st"]);
        string Header() => File.ReadAllText(Path.Combine(ebp.Folder, "c", "m.h"));
        JsonElement exported = ebp.RunJson(
            "export", "c", "a.st", "--out", "c", "--name", "m", "--storage", "int8", "--storage-of", "dense2=float16",
            "--evaluate");
        Assert.That(Header(), Does.Contain("const int8_t m_dense1_weight[").And.Contain("const uint16_t m_dense2_weight["));
        Assert.That(exported.GetProperty("stored_loss").GetDouble(), Is.EqualTo(exported.GetProperty("loss").GetDouble()).Within(2).Percent
            .And.Not.EqualTo(exported.GetProperty("loss").GetDouble()));
        Assert.That(exported.GetProperty("loss").GetDouble(), Is.EqualTo(ebp.RunJson("eval", "a.st").GetProperty("loss").GetDouble()));
        Assert.That(ebp.Run("export", "c", "a.st", "--out", "c", "--storage", "int4").ExitCode, Is.EqualTo(2));
        Assert.That(ebp.Run("export", "c", "a.st", "--out", "c", "--storage-of", "dense2").ExitCode, Is.EqualTo(2));
        Assert.That(ebp.Run("export", "c", "a.st", "--out", "c", "--storage-of", "dense9=int8").ExitCode, Is.EqualTo(2));
    }

    [Test]
    public void Export_judges_on_the_data_that_are_named()
    {
        using EbpProcess ebp = new();
        Directory.CreateDirectory(Path.Combine(ebp.Folder, "data"));
        string rows = string.Concat(Enumerable.Range(0, 60).Select(i => $"{i % 7},{i * 3 % 11},{(i % 7 > 3 ? "yes" : "no")}\n"));
        string table = ebp.File(Path.Combine("data", "t.csv"), "a,b,c\n" + rows);
        string moved = Path.Combine(ebp.Folder, "moved.csv");
        ebp.RunJson("train", "--data", "csv:data/t.csv", "--epochs", "2", "--out", "a.st");
        string[] export = ["export", "c", "a.st", "--out", "c", "--storage", "int8"];
        double there = ebp.RunJson([.. export, "--evaluate"]).GetProperty("loss").GetDouble();
        File.Move(table, moved);
        Assert.That(ebp.Run([.. export, "--evaluate"]).ExitCode, Is.EqualTo(3));
        Assert.That(
            ebp.RunJson([.. export, "--evaluate", "--data", "csv:moved.csv"]).GetProperty("loss").GetDouble(),
            Is.EqualTo(ebp.RunJson("eval", "a.st", "--data", "csv:moved.csv").GetProperty("loss").GetDouble()));
        Assert.That(
            ebp.RunJson([.. export, "--evaluate", "--data", "csv:moved.csv", "--test-fraction", "0.2"]).GetProperty("loss").GetDouble(),
            Is.EqualTo(there),
            "the test part again");
        EbpProcess.Result stray = ebp.Run([.. export, "--data", "csv:moved.csv"]);
        Assert.That((stray.ExitCode, stray.Errors.Contains("--evaluate", StringComparison.Ordinal)), Is.EqualTo((2, true)), stray.Errors);
    }

    [Test]
    public void A_missing_or_damaged_model_exits_3()
    {
        using EbpProcess ebp = new();
        ebp.RunJson([.. Tiny, "--epochs", "1", "--out", "a.st"]);
        byte[] bytes = File.ReadAllBytes(Path.Combine(ebp.Folder, "a.st"));
        bytes[^1] ^= 1;
        ebp.File("flipped.st", bytes);
        ebp.File("cut.st", bytes[..^8]);
        foreach (string file in (string[])["missing.st", "flipped.st", "cut.st"])
        {
            EbpProcess.Result result = ebp.Run("export", "c", file, "--out", "x");
            Assert.That((result.ExitCode, result.Errors.StartsWith("ebp: " + file, StringComparison.Ordinal)), Is.EqualTo((3, true)), result.Errors);
        }

        Assert.That(Directory.Exists(Path.Combine(ebp.Folder, "x")), Is.False);
        Assert.That(ebp.Run("eval", "cut.st").ExitCode, Is.EqualTo(3));
        Assert.That(ebp.Run("train", "--resume", "cut.st").ExitCode, Is.EqualTo(3));
    }

    private static string? Hash(JsonElement result) => result.GetProperty("weights_hash").GetString();
}
