using System.Text.Json;
using EmbeddedBackprop.IO;

namespace EmbeddedBackprop.Tests.Ebp;

/// <summary>ebp quantize, and the verbs that take or refuse its file.</summary>
[TestFixture]
[Parallelizable(ParallelScope.All)]
public sealed class QuantizeTests
{
    private static readonly string[] Small =
        ["train", "--limit", "3000", "--layers", "784,24,10", "--activation", "sigmoid", "--validation", "500", "--epochs", "12", "--out", "a.st"];

    [Test]
    public void A_quantised_model_is_what_was_judged()
    {
        using EbpProcess ebp = new();
        ebp.RunJson(Small);
        JsonElement made = Quantize(ebp, 0, "a.st", "--out", "q.st", "--judge", "test", "--max-loss", "5");
        JsonElement judged = ebp.RunJson("eval", "q.st"), before = ebp.RunJson("eval", "a.st");
        Assert.That(Number(made, "accuracy"), Is.EqualTo(Number(judged, "accuracy")));
        Assert.That(Number(made, "loss"), Is.EqualTo(Number(judged, "loss")));
        Assert.That(Number(made, "float_accuracy"), Is.EqualTo(Number(before, "accuracy")));
        Assert.That(Number(made, "lost_points"), Is.EqualTo(100 * (Number(before, "accuracy") - Number(judged, "accuracy"))).Within(1e-9));
        Assert.That(Text(made, "weights_hash"), Is.EqualTo(Text(judged, "weights_hash")).And.Not.EqualTo(Text(before, "weights_hash")));
        Assert.That(Text(judged, "quantization"), Is.EqualTo("activations=int8 output=int16"));
        Assert.That(Number(made, "accuracy"), Is.GreaterThan(0.6), "the net has learned something");
        Assert.That(Number(made, "different_share"), Is.GreaterThan(0).And.LessThan(0.03));
        Assert.That(Number(made, "bytes"), Is.LessThan(0.27 * Number(made, "float_bytes")));
        Assert.That(made.GetProperty("layers").EnumerateArray().Select(layer => Text(layer, "name")), Is.EqualTo(new[] { "dense1", "dense2" }));
        Assert.That(made.GetProperty("layers")[0].GetProperty("signal_to_noise_db").GetDouble(), Is.GreaterThan(30));

        // The same model and data: the same file, and the same samples judge by default as the training held out.
        JsonElement again = Quantize(ebp, null, "a.st", "--out", "again.st");
        Assert.That((Text(again, "judged_by"), again.GetProperty("samples").GetInt32()), Is.EqualTo(("validation", 500)));
        Assert.That(ebp.Bytes("again.st"), Is.EqualTo(ebp.Bytes("q.st")));
        Assert.That(ebp.Bytes("q.st"), Has.Length.LessThan(0.35 * ebp.Bytes("a.st").Length));
    }

    [Test]
    public void Options_say_what_becomes_of_each_layer()
    {
        using EbpProcess ebp = new();
        ebp.RunJson(Small);
        string[] lenient = ["--max-loss", "100"];
        JsonElement wide = Quantize(ebp, 0, ["a.st", "--out", "w.st", "--activations", "int16", .. lenient]);
        JsonElement narrow = Quantize(
            ebp, 0, ["a.st", "--out", "n.st", "--output-type", "int8", "--range-method", "minmax", "--samples", "64", .. lenient]);
        JsonElement mixed = Quantize(ebp, 0, ["a.st", "--out", "m.st", "--int16", "dense1", "--range-method", "99.99", .. lenient]);
        JsonElement half = Quantize(ebp, 0, ["a.st", "--out", "f.st", "--float", "dense1", .. lenient]);
        JsonElement named = Quantize(ebp, 0, ["a.st", "--out", "i.st", "--integer", "dense1", .. lenient]);
        Assert.That(Text(named, "quantization"), Is.EqualTo("activations=int8 output=int16 integer=dense1"));
        Assert.That(ebp.Run("quantize", "a.st", "--out", "x.st", "--integer", "dense9").Errors, Does.Contain("dense9"));
        Assert.That(Bits(wide), Is.EqualTo(new[] { 16, 16 }));
        Assert.That(Bits(narrow), Is.EqualTo(new[] { 8, 8 }));
        Assert.That(Bits(mixed), Is.EqualTo(new[] { 16, 16 }));
        Assert.That(Bits(half), Is.EqualTo(new[] { 16 }));
        Assert.That(narrow.GetProperty("calibration_samples").GetInt32(), Is.EqualTo(64));
        Assert.That(half.GetProperty("float_ops").EnumerateArray().Select(op => op.GetString()), Does.Contain("dense1"));
        Assert.That(
            Number(wide.GetProperty("layers")[0], "signal_to_noise_db"),
            Is.GreaterThan(Number(narrow.GetProperty("layers")[0], "signal_to_noise_db")));
        JsonElement plan = ebp.RunJson("plan", "m.st");
        Assert.That(
            plan.GetProperty("values").EnumerateArray().Select(value => $"{Text(value, "name")} {Text(value, "type")} {value.GetProperty("bytes")}"),
            Is.EqualTo(new[]
            {
                "input float32 3136", "input.quantize int8 784", "dense1 int16 48", "dense2 int16 20", "dense2.dequantize float32 40",
                "activate1 float32 40",
            }));
        Assert.That(plan.GetProperty("value_bytes").GetInt32(), Is.EqualTo(68));
        Assert.That(ebp.Run("quantize", "a.st", "--out", "x.st", "--float", "dense1", "--integers-only").ExitCode, Is.EqualTo(3));
        Assert.That(File.Exists(Path.Combine(ebp.Folder, "x.st")), Is.False);
    }

    [Test]
    public void Exit_code_1_says_that_too_much_was_lost()
    {
        using EbpProcess ebp = new();
        ebp.RunJson([.. Small[..^4], "--epochs", "1", "--out", "a.st"]);

        // Ranges of one sample clamp the others.
        EbpProcess.Result lost = ebp.Run("quantize", "a.st", "--out", "q.st", "--samples", "1", "--judge", "test", "--max-loss", "0");
        Assert.That(lost.ExitCode, Is.EqualTo(1), lost.Output);
        Assert.That(lost.Errors, Does.StartWith("ebp: the model lost ").And.Contains("more than --max-loss 0"));
        Assert.That(ebp.Run("quantize", "a.st", "--out", "q.st", "--samples", "1", "--judge", "test", "--max-loss", "100").ExitCode, Is.Zero);
    }

    [Test]
    public void Verbs_take_a_quantised_model_or_say_why_not()
    {
        using EbpProcess ebp = new();
        ebp.RunJson(Small);
        Quantize(ebp, null, "a.st", "--out", "q.st");
        Assert.That(ebp.RunJson("predict", "q.st", "--index", "3").GetProperty("predictions").GetArrayLength(), Is.EqualTo(1));
        JsonElement doctor = ebp.RunJson("doctor", "q.st");
        Assert.That(Text(doctor, "worst_layer"), Is.EqualTo("dense1").Or.EqualTo("dense2"));
        Assert.That(doctor.GetProperty("findings")[0].GetString(), Does.Contain("loses most"));
        Assert.That(ebp.Run("doctor", "q.st").Output, Does.Contain("largest sum").And.Contain("loses most"));
        string plan = ebp.Run("plan", "q.st").Output;
        Assert.That(plan, Does.Contain("int8").And.Contain("table bytes").And.Contain("cortex-m0").And.Contain("avr"));
        JsonElement[] chips = [.. ebp.RunJson("plan", "q.st").GetProperty("targets").EnumerateArray()];
        long tables = (long)Number(chips[0], "table_bytes");
        Assert.That(
            ebp.RunJson("plan", "q.st").GetProperty("types").EnumerateArray().Sum(type => (long)Number(type, "table_bytes")), Is.EqualTo(tables));
        JsonElement m3 = chips.Single(chip => Text(chip, "name") == "cortex-m3"), m4 = chips.Single(chip => Text(chip, "name") == "cortex-m4f");
        Assert.That(m4.TryGetProperty("float_instructions", out JsonElement floats), Is.True);
        Assert.That(m3.TryGetProperty("float_instructions", out _), Is.False, "there no net of floats is quicker");
        Assert.That(
            plan.Contains("Floats take ", StringComparison.Ordinal), Is.EqualTo(floats.GetInt64() < m4.GetProperty("instructions").GetInt64()));

        // What the plan says is what the export says.
        ebp.Run("export", "c", "q.st", "--out", "c");
        string header = File.ReadAllText(Path.Combine(ebp.Folder, "c", "model.h"));
        Assert.That(
            header, Does.Contain($"#define MODEL_FLASH_BYTES {tables}\n").And.Contain($"#define MODEL_RAM_BYTES {Number(m3, "ram_bytes")}\n"));
        string onDevice = ebp.Run("plan", "q.st", "--target", "cortex-m4f").Output;
        Assert.That(onDevice, Does.Contain("as it is").And.Contain("the float model").And.Not.Contain("--storage"));
        JsonElement compared = ebp.RunJson("compare", "a.st");
        Assert.That(Number(compared.GetProperty("int8"), "accuracy"), Is.GreaterThan(0.6));
        Assert.That(
            Number(compared.GetProperty("16x8"), "signal_to_noise_db"), Is.GreaterThan(Number(compared.GetProperty("int8"), "signal_to_noise_db")));
        Assert.That(ebp.Run("compare", "a.st").Output, Does.Contain("16x8").And.Contain("predictions that differ"));
        foreach (string line in (string[])
            [
                "gradcheck q.st", "explain q.st", "train --from q.st", "train --resume q.st", "quantize q.st --out r.st", "compare q.st",
                "import c q.st a.st --out r.st", "export slot q.st --out r.bin", "plan q.st --ram 64K",
            ])
        {
            EbpProcess.Result result = ebp.Run(EbpProcess.Words(line));
            Assert.That(result.ExitCode, Is.EqualTo(2), $"{line}: {result.Errors}");
            Assert.That(result.Errors, Does.Contain("quantised"), line);
        }
    }

    [TestCase("quantize a.st", 2, "--out")]
    [TestCase("quantize a.st --out r.st --float dense9", 2, "--float: no layer is called 'dense9'; there are dense1")]
    [TestCase("quantize a.st --out r.st --int16 input", 2, "--int16: no layer is called 'input'")]
    [TestCase("quantize a.st --out r.st --activations int4", 2, "--activations: unknown name 'int4' (known: int8, int16)")]
    [TestCase("quantize a.st --out r.st --range-method 99", 2, "--range-method: unknown name '99'")]
    [TestCase("quantize a.st --out r.st --samples 0", 2, "--samples: expected a whole number from 1")]
    [TestCase("quantize a.st --out r.st --max-loss -1", 2, "--max-loss: expected a number")]
    [TestCase("quantize a.st --out r.st --judge validation", 2, "--judge validation: a.st was trained without held-out samples")]
    [TestCase("quantize a.st --out t.csv", 4, "is no model file")]
    [TestCase("quantize a.st --out r.st --data csv:constant.csv", 3, "a.st: input: the calibration data are constant (every value is 0)")]
    [TestCase("quantize a.st --out r.st --data csv:nan.csv", 3, "nan.csv")]
    public void Wrong_use_is_told(string line, int code, string message)
    {
        using EbpProcess ebp = new();
        ebp.File("t.csv", TrainTests.Table(60, 4));
        string[] table = TrainTests.Table(60, 4).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        ebp.RunJson("train", "--data", "csv:t.csv", "--epochs", "3", "--out", "a.st");
        ModelFile model = ModelFile.Open(Path.Combine(ebp.Folder, "a.st"));
        string[] means = model.Extra["inputs.means"].Split(' ');

        // Standardised by the model's means, every input is 0.
        string row = string.Join(',', means);
        ebp.File("constant.csv", $"{table[0]}\n" + string.Concat(Enumerable.Repeat($"{row},up\n{row},down\n", 5)));
        ebp.File("nan.csv", $"{table[0]}\n1,2,nan,up\n1,2,3,down\n");
        EbpProcess.Result result = ebp.Run(EbpProcess.Words(line));
        Assert.That((result.ExitCode, result.Errors), Is.EqualTo((code, result.Errors)));
        Assert.That(result.Errors, Does.Contain(message));
        Assert.That(File.Exists(Path.Combine(ebp.Folder, "r.st")), Is.False);
    }

    /// <summary>Runs it with --json; null takes exit code 0 or 1.</summary>
    private static JsonElement Quantize(EbpProcess ebp, int? code, params string[] arguments)
    {
        EbpProcess.Result result = ebp.Run(["quantize", .. arguments, "--json"]);
        Assert.That(result.ExitCode, code is null ? Is.LessThan(2) : Is.EqualTo(code), result.Errors);
        return EbpProcess.LastLine(result.Output);
    }

    private static int[] Bits(JsonElement result) =>
        [.. result.GetProperty("layers").EnumerateArray().Select(layer => layer.GetProperty("bits").GetInt32())];

    private static double Number(JsonElement element, string name) => element.GetProperty(name).GetDouble();

    private static string Text(JsonElement element, string name) => element.GetProperty(name).GetString()!;
}
