using System.Globalization;
using System.Text;
using System.Text.Json;

namespace EmbeddedBackprop.Tests.Ebp;

/// <summary>Sequences on the command line: strokes, windows, rows of steps, masks.</summary>
[TestFixture]
[Parallelizable(ParallelScope.All)]
public sealed class SequenceTests
{
    [TestCase("", "gru 6; dense 2")]
    [TestCase("--padding end", "rnn 6; dense 2")]
    [TestCase("--resample 8", "gru 4 all; gru 4; dense 2")]
    [TestCase("--padding mask", "x = input 12x2; m = input 12; gru 6 x m; dense 2")]
    public void Strokes_are_trained_on_resumed_and_judged(string options, string net)
    {
        using EbpProcess ebp = new();
        ebp.File("s.json", Strokes(40));
        string[] train =
        [
            "train", "--data", "strokes:s.json", "--fold", "4/5", .. EbpProcess.Words(options), "--net", net, "--optimizer", "adam",
            "--lr", "0.02", "--seed", "2",
        ];
        JsonElement whole = ebp.RunJson([.. train, "--epochs", "30", "--out", "whole"]);
        Assert.That(whole.GetProperty("test_accuracy").GetDouble(), Is.GreaterThanOrEqualTo(0.7));
        Assert.That(whole.GetProperty("test_samples").GetInt32(), Is.EqualTo(8));
        Assert.That(whole.GetProperty("allocated_bytes_per_step").GetDouble(), Is.Zero);
        ebp.RunJson([.. train, "--epochs", "12", "--out", "part"]);
        JsonElement rest = ebp.RunJson("train", "--resume", "part", "--epochs", "30", "--out", "rest");
        Assert.That(rest.GetProperty("weights_hash").GetString(), Is.EqualTo(whole.GetProperty("weights_hash").GetString()));
        JsonElement judged = ebp.RunJson("eval", "whole");
        Assert.That(judged.GetProperty("accuracy").GetDouble(), Is.EqualTo(whole.GetProperty("test_accuracy").GetDouble()));
        Assert.That(ebp.RunJson("eval", "whole", "--data", "strokes:s.json").GetProperty("samples").GetInt32(), Is.EqualTo(40));
        Assert.That(ebp.Run("doctor", "whole").ExitCode, Is.Zero);
        Assert.That(ebp.Run("explain", "whole", "--sample", "2").ExitCode, Is.Zero);
        Assert.That(ebp.RunJson("gradcheck", "whole").GetProperty("passed").GetBoolean(), Is.True);
        JsonElement asked = ebp.RunJson("predict", "whole", "--index", "3").GetProperty("predictions")[0];
        Assert.That(asked.GetProperty("outputs").GetArrayLength(), Is.EqualTo(2));
    }

    [TestCase("--files {person}_*.json --group person --test-group bob --validation-group cleo", 30, 10,
        "split by person: to train on ann; to validate cleo; to test bob; no person is on two sides")]
    [TestCase("--files people.csv --group hand --test-group left", 30, 20, "split by hand: to train on right; to test left; no hand is on two sides")]
    [TestCase("--group file --fold 1/5", 40, 10,
        "split by file: to train on ann_1.json, ann_3.json, bob_1.json, cleo_1.json; to test ann_2.json; no file is on two sides")]
    [TestCase("--fold 1/5", 40, 10, null)]
    public void Strokes_of_a_group_are_on_one_side_of_every_split(string options, int training, int test, string? said)
    {
        using EbpProcess ebp = new();
        People(ebp);
        JsonElement result = ebp.RunJson(
            ["train", "--data", "strokes:people", .. EbpProcess.Words(options), "--net", "gru 3; dense 2", "--epochs", "1", "--out", "m"]);
        Assert.That(EbpProcess.Notes(result), Is.EqualTo(said is null ? [] : (string[])[said]));
        int held = options.Contains("validation", StringComparison.Ordinal) ? 10 : 0;
        Assert.That(result.GetProperty("training_samples").GetInt32(), Is.EqualTo(training));
        Assert.That(result.GetProperty("test_samples").GetInt32(), Is.EqualTo(test));
        Assert.That(training + held + test, Is.EqualTo(50), "nothing is lost");
        Assert.That(ebp.RunJson("eval", "m").GetProperty("accuracy").GetDouble(), Is.EqualTo(result.GetProperty("test_accuracy").GetDouble()));
    }

    [TestCase("strokes:people --group person", 2, "--group: names have no 'person' without --files; known: file")]
    [TestCase("strokes:people --files {person}_*.json --group hand", 2, "--group: --files has no 'hand'; it has person")]
    [TestCase("strokes:people --files {person}_*.json", 2, "--files: --group says what the groups are")]
    [TestCase("strokes:people --test-group ann", 2, "--test-group: --group says what the groups are")]
    [TestCase("strokes:people --files {person}-*.json --group person", 3, "'ann_1.json' does not follow --files {person}-*.json")]
    [TestCase("strokes:people/ann_1.json --files few.csv --group hand", 3, "'ann_1.json' is not among the files that --files lists")]
    [TestCase("mnist --group file", 2, "--group: it belongs to --data csv:FILE or strokes:PATH or wav:PATH or raw:PATH, the data are mnist")]
    public void Wrong_groups_are_told_in_a_line(string options, int code, string said)
    {
        using EbpProcess ebp = new();
        People(ebp);
        EbpProcess.Result result = ebp.Run(["train", "--data", .. EbpProcess.Words(options), "--net", "gru 3; dense 2", "--out", "m"]);
        Assert.That((result.ExitCode, result.Errors.Trim().Split('\n').Length), Is.EqualTo((code, 1)), result.Errors);
        Assert.That(result.Errors, Does.Contain(said));
    }

    /// <summary>Three files of ann's, one of bob's and one of cleo's, of ten strokes each, and tables of them.</summary>
    private static void People(EbpProcess ebp)
    {
        Directory.CreateDirectory(Path.Combine(ebp.Folder, "people"));
        string[] names = ["ann_1.json", "ann_2.json", "ann_3.json", "bob_1.json", "cleo_1.json"];
        foreach (string name in names)
        {
            ebp.File(Path.Combine("people", name), Strokes(10));
        }

        IEnumerable<string> hands = names.Select(name => $"{name},{(name is "ann_2.json" or "bob_1.json" ? "left" : "right")}\n");
        ebp.File("people.csv", "file,hand\n" + string.Concat(hands));
        ebp.File("few.csv", "file,hand\nbob_1.json,left\n");
    }

    [Test]
    public void Numbers_of_a_sequence_are_prepared_like_the_data()
    {
        using EbpProcess ebp = new();
        ebp.File("t.csv", Alternating(60));
        ebp.RunJson("train", "--data", "csv:t.csv", "--fold", "1/4", "--window", "2", "--net", "gru 3; dense 2", "--epochs", "1", "--out", "m");
        string[] lines = Alternating(60).Split('\n');
        string Values(int row) => lines[1 + row][..lines[1 + row].LastIndexOf(',')];
        JsonElement expected = ebp.RunJson("predict", "m", "--index", "1").GetProperty("predictions")[0].GetProperty("outputs");
        JsonElement typed = ebp.RunJson("predict", "m", "--values", $"{Values(4)},{Values(5)}").GetProperty("predictions")[0].GetProperty("outputs");
        Assert.That(typed.ToString(), Is.EqualTo(expected.ToString()));
        ebp.RunJson("export", "c", "m", "--out", "c");
        string whole = File.ReadAllText(Path.Combine(ebp.Folder, "c", "model.h"));
        Assert.That(whole, Does.Contain("#define MODEL_INPUTS 4\n").And.Contain("filled up with zeros before its first step"));
        ebp.RunJson("export", "c", "m", "--out", "c", "--carry");
        string carried = File.ReadAllText(Path.Combine(ebp.Folder, "c", "model.h"));
        Assert.That(carried, Does.Contain("#define MODEL_INPUTS 2\n").And.Contain("#define MODEL_WINDOW_STEPS 2\n").And.Not.Contain("filled up"));
        Assert.That(ebp.Run("explain", "m").Output, Does.Contain("gates at the last step (and their mean over the steps):").And.Contain("    z  "));
    }

    [Test]
    public void A_carried_state_changes_neither_a_resumed_training_nor_what_the_doctor_says()
    {
        using EbpProcess ebp = new();
        ebp.File("t.csv", Alternating(100));
        string[] train =
        [
            "train", "--data", "csv:t.csv", "--fold", "1/4", "--window", "3", "--net",
            "lstm 4 carry all; batchnorm; flatten; dense 2",
            "--batch",
            "8",
        ];
        string whole = ebp.RunJson([.. train, "--epochs", "4", "--out", "whole"]).GetProperty("weights_hash").GetString()!;
        ebp.RunJson([.. train, "--epochs", "1", "--out", "part"]);
        Assert.That(
            ebp.RunJson("train", "--resume", "part", "--epochs", "4", "--out", "rest").GetProperty("weights_hash").GetString(),
            Is.EqualTo(whole));
        foreach (string verb in (string[])["doctor", "explain", "eval", "gradcheck"])
        {
            Assert.That(ebp.Run(verb, "whole").ExitCode, Is.Zero, verb);
        }
    }

    [Test]
    public void Indices_are_not_standardised_and_nets_of_several_inputs_are_planned_without_data()
    {
        using EbpProcess ebp = new();
        StringBuilder table = new("a,b,c,label\n");
        for (int i = 0; i < 200; i++)
        {
            table.Append(CultureInfo.InvariantCulture, $"{i % 5},{i * 7 % 3},{Math.Sin(i):F3},{(i + (i * 7 % 3)) % 5 / 3}\n");
        }

        ebp.File("t.csv", table.ToString());
        const string Net = "i = input 2; x = input 1; e = embedding 5 4 i; f = flatten e; concat f x; dense 12 tanh; dense 2";
        JsonElement result = ebp.RunJson(
            "train",
            "--data",
            "csv:t.csv",
            "--net",
            Net,
            "--optimizer",
            "adam",
            "--lr",
            "0.05",
            "--epochs",
            "40",
            "--out",
            "m");
        Assert.That(result.GetProperty("test_accuracy").GetDouble(), Is.GreaterThan(0.95));
        Assert.That(ebp.RunJson("gradcheck", "m").GetProperty("passed").GetBoolean(), Is.True);
        Assert.That(ebp.RunJson("predict", "m", "--values", "4,2,0.5").GetProperty("predictions").GetArrayLength(), Is.EqualTo(1));
        const string Masked = "x = input 5x2; m = input 5; a = gru 3 all x m; mean-time a m; dense 2";
        Assert.That(ebp.RunJson("gradcheck", "--net", Masked).GetProperty("passed").GetBoolean(), Is.True);
        Assert.That(ebp.Run("plan", "--net", Masked).ExitCode, Is.Zero);
    }

    [TestCase(
        "--window 3",
        "x = input 3x2; t = transpose x; c = slice 0 1 t; i = reshape 3 c; e = embedding 5 4 i; v = slice 1 1 t; r = reshape 3x1 v; f = transpose e; g = transpose r; h = concat f g; s = transpose h; gru 8 s; dense 2"
    )]
    [TestCase("--steps 2", "flatten; i = slice 0 1; e = embedding 5 4 i; f = flatten e; dense 8 tanh; dense 2", "a,v,b,w,label")]
    public void Indices_of_windows_and_steps_are_not_standardised(string sequence, string net, string header = "a,v,label")
    {
        using EbpProcess ebp = new();
        StringBuilder table = new(header + "\n");
        for (int i = 0; i < 200; i++)
        {
            table.Append(
                CultureInfo.InvariantCulture,
                $"{i * 7 % 5},{Math.Sin(i):F3}{(header.Length > 10 ? $",{i % 3},0.5" : "")},{i * 7 % 5 / 3}\n");
        }

        ebp.File("t.csv", table.ToString());
        JsonElement result = ebp.RunJson([
            "train",
            "--data",
            "csv:t.csv",
            .. EbpProcess.Words(sequence),
            "--net",
            net,
            "--optimizer", "adam", "--lr", "0.05", "--epochs", "30", "--out", "m",
        ]);
        Assert.That(result.GetProperty("test_accuracy").GetDouble(), Is.GreaterThan(0.95));
        Assert.That(ebp.RunJson("gradcheck", "m").GetProperty("passed").GetBoolean(), Is.True);
    }

    [TestCase("gru 7; dense 2", "gru 7 x m; ...")]
    [TestCase("lstm 5 all; mean-time; dense 2", "lstm 5 all x m; ...")]
    [TestCase("flatten; dense 2", "gru 8 x m; ...")]
    public void A_mask_that_the_net_does_not_read_is_told_with_the_text_that_would(string net, string layer)
    {
        using EbpProcess ebp = new();
        ebp.File("s.json", Strokes(10));
        EbpProcess.Result result = ebp.Run("train", "--data", "strokes:s.json", "--padding", "mask", "--net", net);
        Assert.That((result.ExitCode, result.Output), Is.EqualTo((2, "")), result.Errors);
        Assert.That(result.Errors, Does.Contain($"--net \"x = input 12x2; m = input 12; {layer}\""));
    }

    [Test]
    public void A_fold_of_the_training_samples_validates()
    {
        using EbpProcess ebp = new();
        ebp.File("s.json", Strokes(40));
        string[] train = ["train", "--data", "strokes:s.json", "--fold", "4/5", "--net", "gru 4; dense 2", "--epochs", "3", "--out", "m"];
        JsonElement result = ebp.RunJson([.. train, "--validation-fold", "3/4", "--patience", "2"]);
        Assert.That(result.GetProperty("training_samples").GetInt32(), Is.EqualTo(24));
        Assert.That(result.GetProperty("test_samples").GetInt32(), Is.EqualTo(8));
        double share = result.GetProperty("epochs")[0].GetProperty("validation_accuracy").GetDouble() * 8;
        Assert.That(share, Is.EqualTo(Math.Round(share)).Within(1e-9), "8 samples validate");
        ebp.RunJson("train", "--resume", "m", "--epochs", "4", "--out", "n");
        Assert.That(ebp.Run([.. train, "--validation-fold", "3/4", "--validation", "4"]).Errors, Does.Contain("--validation-fold"));
        Assert.That(ebp.Run([.. train, "--validation-fold", "3/99"]).Errors, Does.Contain("--validation-fold: 99 parts of 32 samples"));
        Assert.That(ebp.Run([.. train, "--validation-fold", "4/4"]).ExitCode, Is.EqualTo(2));
        Assert.That(ebp.Run([.. train, "--resume", "m", "--validation-fold", "2/4"]).Errors, Does.Contain("--validation-fold"));
    }

    [Test]
    public void A_window_sees_the_rows_before_and_a_single_row_does_not()
    {
        using EbpProcess ebp = new();
        ebp.File("t.csv", Alternating(400));
        string[] train = ["train", "--data", "csv:t.csv", "--fold", "1/4", "--optimizer", "adam", "--lr", "0.02", "--epochs", "25", "--out", "m"];
        JsonElement window = ebp.RunJson([.. train, "--window", "3", "--net", "gru 8; dense 2"]);
        Assert.That(window.GetProperty("test_accuracy").GetDouble(), Is.GreaterThan(0.9));
        JsonElement single = ebp.RunJson([.. train, "--window", "1", "--net", "gru 8; dense 2"]);
        Assert.That(single.GetProperty("test_accuracy").GetDouble(), Is.LessThan(0.7));
    }

    [TestCase("--data strokes:s.json --window 3", "--window")]
    [TestCase("--data strokes:s.json --label 1", "--label")]
    [TestCase("--data digits --steps 3", "--steps")]
    [TestCase("--data digits --fold 1/5", "--fold")]
    [TestCase("--data strokes:s.json --fold 5/5", "--fold")]
    [TestCase("--data strokes:s.json --fold 1/5 --test-fraction 0.2", "--fold")]
    [TestCase("--data strokes:s.json --padding left", "--padding")]
    [TestCase("--data csv:t.csv --padding end", "--padding")]
    [TestCase("--data csv:t.csv --resample 4", "--resample")]
    [TestCase("--data csv:t.csv --image 2", "--image")]
    [TestCase("--data csv:t.csv --image 3x3", "3x3")]
    [TestCase("--data csv:t.csv --image 1x2 --window 2", "--image")]
    [TestCase("--data strokes:s.json --image 1x2", "--image")]
    [TestCase("--data csv:t.csv --steps 3", "--steps")]
    [TestCase("--data csv:t.csv --steps 1 --window 2", "--steps")]
    [TestCase("--data csv:t.csv --window 2 --target numbers", "--target")]
    public void What_does_not_fit_together_is_told(string options, string named)
    {
        using EbpProcess ebp = new();
        ebp.File("s.json", Strokes(10));
        ebp.File("t.csv", Alternating(10));
        EbpProcess.Result result = ebp.Run(["train", .. EbpProcess.Words(options)]);
        Assert.That((result.ExitCode, result.Output), Is.EqualTo((2, "")), result.Errors);
        Assert.That(result.Errors, Does.StartWith("ebp: ").And.Contains(named));
    }

    [Test]
    public void Rows_of_a_table_are_images_for_convolutions_and_augmentation()
    {
        using EbpProcess ebp = new();
        StringBuilder text = new();
        for (int i = 0; i < 120; i++)
        {
            // A vertical or horizontal bar, at one of four positions.
            for (int pixel = 0; pixel < 16; pixel++)
            {
                text.Append((i % 2 == 0 ? pixel % 4 : pixel / 4) == i / 2 % 4 ? 9 : (i + pixel) % 3).Append(',');
            }

            text.Append(i % 2).Append('\n');
        }

        ebp.File("t.csv", text.ToString());
        JsonElement result = ebp.RunJson(
            "train", "--data", "csv:t.csv", "--image", "4x4", "--net", "conv 4 3x3 relu; dense 2", "--augment", "shift=1", "--optimizer", "adam",
            "--lr", "0.02", "--epochs", "30", "--fold", "0/5", "--out",
            "m");
        Assert.That(result.GetProperty("test_accuracy").GetDouble(), Is.GreaterThan(0.9));
        Assert.That(ebp.RunJson("eval", "m").GetProperty("accuracy").GetDouble(), Is.EqualTo(result.GetProperty("test_accuracy").GetDouble()));
    }

    [Test]
    public void A_damaged_file_is_bad_input()
    {
        using EbpProcess ebp = new();
        ebp.File("s.json", Strokes(10)[..^3]);
        EbpProcess.Result result = ebp.Run("train", "--data", "strokes:s.json");
        Assert.That((result.ExitCode, result.Output), Is.EqualTo((3, "")), result.Errors);
        Assert.That(result.Errors, Does.Contain("s.json: byte "));
        Assert.That(ebp.Run("train", "--data", "strokes:none.json").ExitCode, Is.EqualTo(3));
    }

    /// <summary>Strokes that rise (class a) or fall (class b), 5 to 12 points long.</summary>
    private static string Strokes(int count)
    {
        StringBuilder text = new("{\"strokes\": [");
        for (int i = 0; i < count; i++)
        {
            int length = 5 + (i * 5 % 8);
            bool rises = (i / 2 % 2) == 0;
            text.Append(i == 0 ? "" : ",").Append("{\"strokePoints\": [");
            for (int p = 0; p < length; p++)
            {
                double x = 0.1 * p, y = (rises ? x : -x) + (0.05 * Math.Sin((i * 7) + (p * 3)));
                text.Append(p == 0 ? "" : ",").Append(CultureInfo.InvariantCulture, $"{{\"x\": {x:F3}, \"y\": {y:F3}}}");
            }

            text.Append("], \"label\": \"").Append(rises ? 'a' : 'b').Append("\"}");
        }

        return text.Append("]}").ToString();
    }

    /// <summary>The label is whether the value two rows before was above 0: the row itself does not know.</summary>
    private static string Alternating(int count)
    {
        StringBuilder text = new("value,other,label\n");
        double[] values = [.. Enumerable.Range(0, count).Select(i => Math.Sin(i * i * 0.7) * 2)];
        for (int i = 0; i < count; i++)
        {
            text.Append(CultureInfo.InvariantCulture, $"{values[i]:F3},{i % 3},{(i >= 2 && values[i - 2] > 0 ? 1 : 0)}\n");
        }

        return text.ToString();
    }
}
