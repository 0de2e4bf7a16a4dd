using EmbeddedBackprop.Tests.Onnx;

namespace EmbeddedBackprop.Tests.Ebp;

/// <summary>ebp import onnx: an ONNX file as a model that predicts, trains further and becomes C.</summary>
[Parallelizable(ParallelScope.Self)]
internal sealed class ImportOnnxTests
{
    // Two numbers a row, as in the file of data below.
    private static byte[] Rows() => new OnnxNet().Input("x", -1, 2).Weight("hidden.weight", 8, 2).Weight("hidden.bias", 8).Weight("out.weight", 2, 8)
        .Weight("out.bias", 2).Node("h = Gemm x hidden.weight hidden.bias", EmbeddedBackprop.Onnx.OnnxAttribute.Of("transB", 1)).Node("r = Tanh h")
        .Node("y = Gemm r out.weight out.bias", EmbeddedBackprop.Onnx.OnnxAttribute.Of("transB", 1)).Output("y").ToArray();

    [Test]
    public void A_file_becomes_a_model_that_trains_further_and_becomes_C()
    {
        using EbpProcess ebp = new();
        _ = ebp.File("net.onnx", Rows());
        IEnumerable<string> rows = Enumerable.Range(0, 60).Select(i => $"{i % 7},{i * 3 % 5},{(i % 7 > i * 3 % 5 ? "up" : "down")}\n");
        _ = ebp.File("data.csv", "a,b,class\n" + string.Concat(rows));
        EbpProcess.Result imported = ebp.Run("import", "onnx", "net.onnx", "--out", "m.st");
        Assert.That((imported.ExitCode, imported.Errors), Is.EqualTo((0, "")));
        string[] lines = imported.Output.ReplaceLineEndings("\n").Split('\n');
        Assert.That(lines[0], Is.EqualTo("net.onnx: tests, opset 17, 3 nodes"));
        Assert.That(lines[1], Is.EqualTo("net: x = input 2; hidden = dense 8 tanh; out = dense 2"));
        Assert.That(lines[2], Does.StartWith("weights ").And.EndsWith(", 42 parameters"));
        Assert.That(lines[3], Is.EqualTo("written: m.st"));

        EbpProcess.Result trained = ebp.Run("train", "--from", "m.st", "--data", "csv:data.csv", "--epochs", "3", "--out", "t.st");
        Assert.That(trained.ExitCode, Is.Zero, trained.Errors);
        Assert.That(trained.Output, Does.Contain("begins with all weights of m.st"));
        EbpProcess.Result exported = ebp.Run("export", "c", "t.st", "--out", "c");
        Assert.That(exported.ExitCode, Is.Zero, exported.Errors);
        Assert.That(ebp.Run("export", "c", "m.st", "--out", "c2").ExitCode, Is.Zero);
    }

    [Test]
    public void With_a_loss_the_model_can_be_trained_on_a_device()
    {
        using EbpProcess ebp = new();
        _ = ebp.File("net.onnx", Rows());
        EbpProcess.Result imported = ebp.Run("import", "onnx", "net.onnx", "--out", "m.st", "--loss", "mse", "--json");
        Assert.That(imported.ExitCode, Is.Zero, imported.Errors);
        Assert.That(imported.Output, Does.Contain("\"opset\":17").And.Contain("\"parameters\":42"));
        EbpProcess.Result checkedGradients = ebp.Run("export", "c", "m.st", "--train", "--lr", "0.1", "--out", "c");
        Assert.That(checkedGradients.ExitCode, Is.Zero, checkedGradients.Errors);
    }

    [TestCase("no.onnx", 3, "no.onnx: there is no such file")]
    [TestCase("net.onnx --loss nonsense", 2, "--loss: ")]
    [TestCase("bad.onnx", 3, "bad.onnx: byte ")]
    public void Wrong_use_is_told(string arguments, int code, string message)
    {
        using EbpProcess ebp = new();
        _ = ebp.File("net.onnx", Rows());
        _ = ebp.File("bad.onnx", Rows()[..100]);
        EbpProcess.Result result = ebp.Run(["import", "onnx", .. EbpProcess.Words(arguments), "--out", "m.st"]);
        Assert.That((result.ExitCode, result.Errors), Is.EqualTo((code, result.Errors)));
        Assert.That(result.Errors, Does.Contain(message));
        Assert.That(File.Exists(Path.Combine(ebp.Folder, "m.st")), Is.False);
    }
}
