using System.IO.Compression;
using System.Text.Json;
using EmbeddedBackprop.Tests.Data;

namespace EmbeddedBackprop.Tests.Ebp;

/// <summary>Recordings on the command line: labels and groups by folder, pattern and table; windows; splits by group; bad input.</summary>
[TestFixture]
[Parallelizable(ParallelScope.All)]
public sealed class RecordingTests
{
    private const int Usage = 2, BadInput = 3;

    [Test]
    public void A_folder_for_each_class_is_trained_on_resumed_and_judged()
    {
        using EbpProcess ebp = new();
        WriteClasses(ebp, "sounds");
        const string Net = "reshape 1x64; conv1d 4 9 relu; global-maxpool; dense 2";
        string[] train = ["train", "--data", "wav:sounds", "--window", "64", "--hop", "32", "--net", Net, "--seed", "3"];
        JsonElement whole = ebp.RunJson([.. train, "--epochs", "30", "--optimizer", "adam", "--lr", "0.02", "--out", "whole"]);
        Assert.That(whole.GetProperty("test_accuracy").GetDouble(), Is.GreaterThanOrEqualTo(0.9));
        Assert.That(whole.GetProperty("allocated_bytes_per_step").GetDouble(), Is.Zero);
        string[] notes = EbpProcess.Notes(whole);
        Assert.That(notes[0], Is.EqualTo("20 recordings at 800 Hz, 5 s"));
        Assert.That(notes[1], Does.StartWith("100 windows of 64 samples (80 ms), one every 32; 4.0 % of all samples are in no window"));
        Assert.That(notes[^1], Does.StartWith("split by file: to train on 16 files; to test ").And.EndsWith("no file is on two sides"));
        Assert.That(whole.GetProperty("options").GetProperty("rate").GetString(), Is.EqualTo("800"), "a model knows its rate");
        ebp.RunJson([.. train, "--epochs", "12", "--optimizer", "adam", "--lr", "0.02", "--out", "part"]);
        JsonElement rest = ebp.RunJson("train", "--resume", "part", "--epochs", "30", "--out", "rest");
        Assert.That(rest.GetProperty("weights_hash").GetString(), Is.EqualTo(whole.GetProperty("weights_hash").GetString()));
        Assert.That(
            ebp.RunJson("eval", "whole").GetProperty("accuracy").GetDouble(), Is.EqualTo(whole.GetProperty("test_accuracy").GetDouble()));
        Assert.That(ebp.RunJson("eval", "whole", "--data", "wav:sounds").GetProperty("samples").GetInt32(), Is.EqualTo(100));
        Assert.That(ebp.Run("doctor", "whole").ExitCode, Is.Zero);
        JsonElement asked = ebp.RunJson("predict", "whole", "--index", "3").GetProperty("predictions")[0];
        Assert.That(asked.GetProperty("name").GetString(), Does.StartWith("t"));
    }

    [Test]
    public void Names_and_tables_give_the_same_labels_and_groups()
    {
        using EbpProcess ebp = new();
        Directory.CreateDirectory(Path.Combine(ebp.Folder, "all"));
        List<string> table = ["name,spoken,who"];
        foreach ((string who, int voice) in ((string, int)[])[("ann", 0), ("bob", 50), ("eve", 90)])
        {
            for (int i = 0; i < 8; i++)
            {
                string name = $"{i % 2}_{who}_{i}.wav";
                ebp.File(Path.Combine("all", name), WavBytes.Of(8000, WavBytes.Tone(50 + i, 8000, 400 + voice + (300 * (i % 2)), i)));
                table.Add($"{name},{i % 2},{who}");
            }
        }

        ebp.File("t.csv", string.Join('\n', table) + "\n");
        ZipFile.CreateFromDirectory(Path.Combine(ebp.Folder, "all"), Path.Combine(ebp.Folder, "all.zip"));
        string[] end = ["--test-group", "eve", "--validation-group", "bob", "--window", "52", "--epochs", "2", "--net", "dense 2", "--out"];
        JsonElement named = ebp.RunJson(["train", "--data", "wav:all", "--files", "{label}_{who}_*.wav", "--group", "who", .. end, "a"]);
        JsonElement listed = ebp.RunJson(
            ["train", "--data", "wav:all", "--files", "t.csv", "--label", "spoken", "--group", "who", .. end, "b"]);
        JsonElement packed = ebp.RunJson(["train", "--data", "wav:all.zip", "--files", "{label}_{who}_*.wav", "--group", "who", .. end, "c"]);
        Assert.That(Hash(listed), Is.EqualTo(Hash(named)));
        Assert.That(Hash(packed), Is.EqualTo(Hash(named)));
        Assert.That(EbpProcess.Notes(named)[^1], Is.EqualTo("split by who: to train on ann; to validate bob; to test eve; no who is on two sides"));
        Assert.That(EbpProcess.Notes(named)[1], Does.Contain("6 recordings are shorter and filled up with zeros at their end"));
        Assert.That(named.GetProperty("training_samples").GetInt32(), Is.EqualTo(8));
        Assert.That(ebp.RunJson("eval", "a").GetProperty("samples").GetInt32(), Is.EqualTo(8));
        Assert.That(ebp.RunJson("eval", "a", "--test-group", "ann,bob").GetProperty("samples").GetInt32(), Is.EqualTo(16));
        JsonElement other = ebp.RunJson(
            ["train", "--data", "wav:all", "--files", "{label}_{who}_*.wav", "--group", "who", "--test-group", "ann", .. end[2..], "d"]);
        Assert.That(Hash(other), Is.Not.EqualTo(Hash(named)), "the control: another speaker tests");
        JsonElement dropped = ebp.RunJson(["train", "--data", "wav:all", "--files", "{label}_{who}_*.wav", "--short", "drop", .. end[4..], "e"]);
        Assert.That(EbpProcess.Notes(dropped)[1], Does.Contain("6 recordings are shorter and left out"));
    }

    [TestCase("--fold 1/3 --validation-fold 0/2", "to train on eve; to validate ann; to test bob")]
    [TestCase("--fold 0/3 --validation 1", "to train on bob; to validate eve; to test ann")]
    [TestCase("--test-fraction 0.4", "no speaker is on two sides")]
    [TestCase("--test other", "to train on ann, bob, eve; to test ann; on two sides: ann")]
    public void Splits_are_by_whole_groups(string options, string said)
    {
        using EbpProcess ebp = new();
        Directory.CreateDirectory(Path.Combine(ebp.Folder, "all"));
        Directory.CreateDirectory(Path.Combine(ebp.Folder, "other"));
        foreach (string who in (string[])["ann", "bob", "eve"])
        {
            for (int i = 0; i < 4; i++)
            {
                ebp.File(Path.Combine("all", $"{who}-{i % 2}-{i}.wav"), WavBytes.Of(8000, 1, 2, (short)i));
            }
        }

        ebp.File(Path.Combine("other", "ann-1-9.wav"), WavBytes.Of(8000, 1, 2, 3));
        JsonElement result = ebp.RunJson([
            "train", "--data", "wav:all", "--files", "{speaker}-{label}-*.wav", "--group", "speaker", .. EbpProcess.Words(options), "--epochs", "1",
            "--net", "dense 2", "--out", "m",
        ]);
        Assert.That(EbpProcess.Notes(result)[^1], Does.Contain(said));
    }

    [Test]
    public void Parts_of_one_recording_are_on_two_sides_by_a_table()
    {
        using EbpProcess ebp = new();
        Directory.CreateDirectory(Path.Combine(ebp.Folder, "all"));
        ebp.File(Path.Combine("all", "a.wav"), WavBytes.Of(800, WavBytes.Tone(400, 800, 50, 1)));
        ebp.File(Path.Combine("all", "b.wav"), WavBytes.Of(800, WavBytes.Tone(400, 800, 90, 1)));
        ebp.File(Path.Combine("all", "not-listed.wav"), "no WAV file at all");
        ebp.File("t.csv", "file,label,from,to,part\na.wav,x,0,240,early\na.wav,x,240,,late\nb.wav,y,,240,early\nb.wav,y,240,400,late\n");
        string[] train =
            [
                "train", "--data", "wav:all", "--files", "t.csv", "--group", "part", "--test-group", "late", "--window", "80", "--hop", "80",
                "--net", "dense 2",
            ];
        JsonElement result = ebp.RunJson([.. train, "--epochs", "1", "--out", "m"]);
        Assert.That(Counts(result), Is.EqualTo((6, 4)));
        ebp.File("t.csv", "file,label,from,to,part\na.wav,x,0,401,early\na.wav,x,240,,late\n");
        Check(ebp, BadInput, "'a.wav': samples 0 to 401 were asked for, it has 400", train);
        ebp.File("t.csv", "file,label,from,to,part\na.wav,x,0,x,early\n");
        Check(ebp, BadInput, "'x' is no number of a sample", train);
        ebp.File("t.csv", "file,label,from,to,part\na.wav,,0,9,early\n");
        Check(ebp, BadInput, "its 'label' in the table is empty", train);
        ebp.File("t.csv", "file,label,from,to,part\na.wav,x,0,9,early\nc.wav,x,,,late\n");
        Check(ebp, BadInput, "there is no 'c.wav', which --files lists", train);
    }

    [Test]
    public void Files_without_a_header_train_as_those_with_one_and_augmentation_changes_training_alone()
    {
        using EbpProcess ebp = new();
        WriteClasses(ebp, "sounds");
        foreach (string file in Directory.GetFiles(Path.Combine(ebp.Folder, "sounds"), "*.wav", SearchOption.AllDirectories))
        {
            string raw = Path.ChangeExtension(file.Replace("sounds", "bare", StringComparison.Ordinal), ".raw");
            Directory.CreateDirectory(Path.GetDirectoryName(raw)!);
            File.WriteAllBytes(raw, File.ReadAllBytes(file)[44..]);
        }

        string[] end = ["--test-fraction", "0.3", "--window", "64", "--net", "dense 2", "--epochs", "2", "--seed", "5"];
        const string Names = "{label}/{take}.*", Changes = "shift=8,gain=6,noise=20,band=0.2,mask=4";
        string[] group = ["--files", Names, "--group", "take"];
        JsonElement wav = ebp.RunJson(["train", "--data", "wav:sounds", .. group, .. end, "--out", "a"]);
        JsonElement bare = ebp.RunJson(["train", "--data", "raw:bare", "--rate", "800", .. group, .. end, "--out", "b"]);
        Assert.That(Hash(bare), Is.EqualTo(Hash(wav)));
        JsonElement changed = ebp.RunJson(["train", "--data", "wav:sounds", .. group, .. end, "--augment", Changes, "--out", "c"]);
        Assert.That(Hash(changed), Is.Not.EqualTo(Hash(wav)));
        Assert.That(changed.GetProperty("options").GetProperty("augment").GetString(), Is.EqualTo(Changes));
        Assert.That(
            ebp.RunJson("eval", "c").GetProperty("loss").GetDouble(), Is.EqualTo(changed.GetProperty("test_loss").GetDouble()).Within(1e-9));
        Check(ebp, Usage, "--rate", ["train", "--data", "raw:bare", .. end]);
        Check(ebp, Usage, "--channel", ["train", "--data", "raw:bare", "--rate", "800", "--channel", "0", .. end]);
        Check(ebp, Usage, "got 'rotate=3'", ["train", "--data", "wav:sounds", "--augment", "rotate=3", .. end]);
        Check(ebp, Usage, "got 'gain=3'", ["train", "--augment", "gain=3"]);
    }

    [TestCase("--window 64 --hop 65", Usage, "--hop: 65 samples are more than a window's 64")]
    [TestCase("--hop 5", Usage, "--window")]
    [TestCase("--rate 8000", BadInput, "the rate is 800 Hz, expected 8000 Hz")]
    [TestCase("--channel 1", BadInput, "there is no channel 1, only 0")]
    [TestCase("--files {label}_{who}.wav", BadInput, "does not follow --files {label}_{who}.wav")]
    [TestCase("--files {who}/{take}.wav", Usage, "--label: --files has no 'label'; it has who, take")]
    [TestCase("--files {label}{who}.wav", Usage, "text between")]
    [TestCase("--files {label}/*.wav --group who", Usage, "--group: --files has no 'who'; it has label")]
    [TestCase("--group who", Usage, "--group: names have no 'who' without --files")]
    [TestCase("--files missing.csv", BadInput, "missing.csv: there is no such file")]
    [TestCase("--files {label}/*.wav --group label --test-group x", Usage, "there is no label 'x' (known: tall, tiny)")]
    [TestCase("--files {label}/*.wav --group label --test-group tall,tiny", Usage, "no label is left to train on")]
    [TestCase("--test-group tall --fold 1/2", Usage, "--fold names the test samples already")]
    [TestCase("--fold 1/50", Usage, "50 parts of 20 groups by file")]
    [TestCase("--validation 100", Usage, "cannot be held out")]
    [TestCase("--validation-fold 0/2 --validation-group x", Usage, "--validation-fold names the held-out samples already")]
    [TestCase("--window 3000 --short drop", Usage, "No recording is as long as a window of 3000 samples; the longest has 200")]
    [TestCase("--padding end", Usage, "--padding")]
    public void Options_that_do_not_fit_are_told(string options, int exitCode, string named)
    {
        using EbpProcess ebp = new();
        WriteClasses(ebp, "sounds");
        string[] end = ["--net", "dense 2", "--epochs", "1", "--out", "m"];
        Check(ebp, exitCode, named, ["train", "--data", "wav:sounds", .. EbpProcess.Words(options), .. end]);
    }

    [Test]
    public void Bad_recordings_exit_3_with_one_line()
    {
        using EbpProcess ebp = new();
        WriteClasses(ebp, "sounds");
        byte[] good = WavBytes.Of(800, WavBytes.Tone(200, 800, 50, 1));
        string extra = Path.Combine("sounds", "tall", "x.wav");
        foreach ((byte[] file, string named) in ((byte[], string)[])
            [
                ([], "the file is empty"), (good[..^3], "truncated"), (WavBytes.Of(800), "there are no samples"),
                (WavBytes.File(1, 2, 800, 16, new byte[40]), "the file has 2 channels"),
                (WavBytes.Of(16000, 1, 2), "the rate is 16000 Hz, expected 800 Hz"),
                (WavBytes.File(1, 1, 800, 16, new byte[41]), "no whole samples"),
            ])
        {
            ebp.File(extra, file);
            Check(ebp, BadInput, "x.wav: byte ", ["train", "--data", "wav:sounds", "--epochs", "1", "--out", "m"]);
            Check(ebp, BadInput, named, ["train", "--data", "wav:sounds", "--epochs", "1", "--out", "m"]);
        }

        // 24 bits, silence and samples at the limits are read, the latter two told.
        ebp.File(extra, WavBytes.File(1, 1, 800, 24, new byte[600]));
        ebp.File(Path.Combine("sounds", "tall", "y.wav"), WavBytes.Of(800, 32767, -5, -32768));
        JsonElement read = ebp.RunJson("train", "--data", "wav:sounds", "--epochs", "1", "--window", "16", "--out", "m");
        Assert.That(EbpProcess.Notes(read), Does.Contain("silent: tall/x.wav").And.Contains("at the limits of their integers: tall/y.wav"));
        Check(ebp, BadInput, "nowhere", ["train", "--data", "wav:nowhere"]);
        Directory.CreateDirectory(Path.Combine(ebp.Folder, "quiet", "a"));
        Check(ebp, BadInput, "holds no .wav file", ["train", "--data", "wav:quiet"]);
        ebp.File(Path.Combine("quiet", "a", "x.wav"), WavBytes.Of(800, 7, 7, 7));
        Check(ebp, BadInput, "every recording is silent", ["train", "--data", "wav:quiet"]);
        ebp.File(Path.Combine("quiet", "y.wav"), good);
        Check(ebp, BadInput, "'y.wav' lies in no folder of a class", ["train", "--data", "wav:quiet"]);
    }

    [Test]
    public void A_model_refuses_recordings_of_another_rate_and_labels_it_does_not_know()
    {
        using EbpProcess ebp = new();
        WriteClasses(ebp, "sounds");
        ebp.RunJson("train", "--data", "wav:sounds", "--window", "32", "--net", "dense 2", "--epochs", "1", "--out", "m");
        foreach (string name in (string[])["fast/tall", "other/huge"])
        {
            Directory.CreateDirectory(Path.Combine(ebp.Folder, name));
        }

        ebp.File(Path.Combine("fast", "tall", "a.wav"), WavBytes.Of(1600, WavBytes.Tone(100, 800, 50, 1)));
        ebp.File(Path.Combine("other", "huge", "a.wav"), WavBytes.Of(800, WavBytes.Tone(100, 800, 50, 1)));
        Check(ebp, BadInput, "the rate is 1600 Hz, expected 800 Hz", ["eval", "m", "--data", "wav:fast"]);
        Check(ebp, BadInput, "label 'huge' is not among the 2 classes: tall, tiny", ["eval", "m", "--data", "wav:other"]);
    }

    [Test]
    public void A_model_is_asked_about_recordings_without_labels()
    {
        using EbpProcess ebp = new();
        WriteClasses(ebp, "sounds");
        ebp.RunJson("train", "--data", "wav:sounds", "--window", "50", "--hop", "50", "--net", "dense 2", "--epochs", "3", "--out", "m");
        JsonElement[] known = [.. Predictions(ebp.RunJson("predict", "m", "--data", "wav:sounds", "--index", "1"))];
        string file = Path.Combine("sounds", "tall", "0.wav");
        JsonElement[] asked = [.. Predictions(ebp.RunJson("predict", "m", file))];
        Assert.That(asked, Has.Length.EqualTo(4));
        Assert.That(asked[1].GetProperty("outputs").ToString(), Is.EqualTo(known[0].GetProperty("outputs").ToString()), "the second window");
        Assert.That((asked[1].GetProperty("recording").GetString(), asked[1].GetProperty("second").GetDouble()), Is.EqualTo(("0.wav", 50 / 800.0)));
        Assert.That(Predictions(ebp.RunJson("predict", "m", file, "--hop", "25")).Count(), Is.EqualTo(7));
        Assert.That(Predictions(ebp.RunJson("predict", "m", "sounds")).Count(), Is.EqualTo(80));
        Assert.That(ebp.Run("predict", "m", file).Output, Does.StartWith("0.wav 0 s: t").And.Contains("\n0.wav 0.063 s: t"));
        Assert.That(ebp.Run("predict", "m", file, "--out", "p.csv").ExitCode, Is.Zero);
        string[] table = File.ReadAllLines(Path.Combine(ebp.Folder, "p.csv"));
        Assert.That(table[0], Is.EqualTo("sample,predicted,score tall,score tiny,recording,second"));
        Assert.That(table[2], Does.EndWith(",0.wav,0.0625"));
        ebp.File("fast.wav", WavBytes.Of(1600, 1, 2, 3));
        Check(ebp, BadInput, "the rate is 1600 Hz, expected 800 Hz", ["predict", "m", "fast.wav"]);
        Check(ebp, BadInput, "nowhere.wav", ["predict", "m", "nowhere.wav"]);
        Check(ebp, Usage, "--rate: recordings are cut as in training", ["predict", "m", file, "--rate", "8000"]);

        static IEnumerable<JsonElement> Predictions(JsonElement result) => result.GetProperty("predictions").EnumerateArray();
    }

    [Test]
    public void The_real_sets_are_split_as_their_description_says()
    {
        string digits = RealData.Path("spoken-digits", "recordings.zip"), bearings = RealData.Path("cwru");
        using EbpProcess ebp = new();
        string[] end = ["--net", "slice 0 16; dense 10", "--epochs", "1", "--out", "m"];
        JsonElement official = ebp.RunJson(
            [
                "train", "--data", "wav:" + digits, "--files", "{label}_{speaker}_{take}.wav", "--group", "take", "--test-group", "0,1,2,3,4",
                "--window", "8000", .. end,
            ]);
        Assert.That(Counts(official), Is.EqualTo((2700, 300)));
        JsonElement speakers = ebp.RunJson(
            [
                "train", "--data", "wav:" + digits, "--files", "{label}_{speaker}_{take}.wav", "--group", "speaker", "--test-group", "theo",
                "--validation-group", "george", "--window", "8000", .. end,
            ]);
        Assert.That(Counts(speakers), Is.EqualTo((2000, 500)));

        // Split A: loads 0, 1, 2 against 3, the one normal recording by time.
        List<string> table = ["file,label,load,from,to", "normal_0.wav,normal,0,0,36591", "normal_0.wav,normal,3,36591,"];
        table.AddRange(
            Directory.GetFiles(bearings, "*.wav").Select(file => Path.GetFileNameWithoutExtension(file)!).Where(name => name != "normal_0").Order()
                .Select(name => $"{name}.wav,{name.Split('_')[0]},{name.Split('_')[1]},,"));
        ebp.File("loads.csv", string.Join('\n', table) + "\n");
        JsonElement loads = ebp.RunJson(
            [
                "train", "--data", "wav:" + bearings, "--files", "loads.csv", "--group", "load", "--test-group", "3", "--window", "1024",
                "--hop", "1024", .. end,
            ]);
        TestContext.Out.WriteLine(string.Join('\n', EbpProcess.Notes(loads)));

        // One window of the normal recording lies across the cut.
        Assert.That(Counts(loads), Is.EqualTo((3235, 1093)));
    }

    private static void Check(EbpProcess ebp, int exitCode, string named, string[] arguments)
    {
        string[] before = Directory.GetFileSystemEntries(ebp.Folder);
        EbpProcess.Result result = ebp.Run(arguments);
        Assert.That(Directory.GetFileSystemEntries(ebp.Folder), Is.EquivalentTo(before), "nothing is half-written");
        Assert.That(result.ExitCode, Is.EqualTo(exitCode), result.Errors);
        Assert.That(result.Errors, Does.Match(@"^ebp: [^\n]+\n$").And.Contains(named));
    }

    /// <summary>Ten recordings of each of two tones.</summary>
    private static void WriteClasses(EbpProcess ebp, string folder)
    {
        foreach ((string name, int frequency) in ((string, int)[])[("tall", 190), ("tiny", 60)])
        {
            Directory.CreateDirectory(Path.Combine(ebp.Folder, folder, name));
            for (int i = 0; i < 10; i++)
            {
                ebp.File(Path.Combine(folder, name, $"{i}.wav"), WavBytes.Of(800, WavBytes.Tone(200, 800, frequency, i)));
            }
        }
    }

    private static (int Training, int Test) Counts(JsonElement result) =>
        (result.GetProperty("training_samples").GetInt32(), result.GetProperty("test_samples").GetInt32());

    private static string Hash(JsonElement result) => result.GetProperty("weights_hash").GetString()!;
}
