using System.Text.Json;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Onnx;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Ebp;

/// <summary>ebp export onnx.</summary>
[TestFixture]
[Parallelizable(ParallelScope.All)]
public sealed class OnnxTests
{
    [Test]
    public void A_model_is_written_beside_its_file_with_its_classes()
    {
        using EbpProcess ebp = new();
        ebp.RunJson("train", "--limit", "300", "--epochs", "1", "--out", "m.st");
        JsonElement result = ebp.RunJson("export", "onnx", "m.st");
        byte[] bytes = File.ReadAllBytes(Path.Combine(ebp.Folder, "m.onnx"));
        using Network network = ModelFile.Open(Path.Combine(ebp.Folder, "m.st")).ToNetwork();
        Assert.That(result.GetProperty("bytes").GetInt32(), Is.EqualTo(bytes.Length));
        Assert.That(result.GetProperty("weights_hash").GetString(), Is.EqualTo(WeightsHash.Of(network)));
        Assert.That(OnnxReader.Read(bytes, "m.onnx").Graph.Outputs.Select(output => output.Name), Is.EqualTo(new[] { network.Output.Name }));
        Assert.That(System.Text.Encoding.Latin1.GetString(bytes), Does.Contain("classes").And.Contain(NetText.Format(network)));

        // The same file is replaced by the same bytes, and a quantised model has a file as well.
        Assert.That(ebp.Run("export", "onnx", "m.st", "--out", "m.onnx").ExitCode, Is.Zero);
        Assert.That(File.ReadAllBytes(Path.Combine(ebp.Folder, "m.onnx")), Is.EqualTo(bytes));
        ebp.RunJson("quantize", "m.st", "--out", "q.st", "--max-loss", "100");
        ebp.RunJson("export", "onnx", "q.st", "--out", "new/q.onnx");
        byte[] quantised = File.ReadAllBytes(Path.Combine(ebp.Folder, "new", "q.onnx"));
        Assert.That(OnnxReader.Read(quantised, "q.onnx").Graph.Nodes.Select(node => node.OpType), Does.Contain("QuantizeLinear"));
    }

    [Test]
    public void Other_files_are_kept_and_what_has_no_form_is_named()
    {
        using EbpProcess ebp = new();
        ebp.RunJson("new", "--net", "x = input 6x3; gru 3 carry; dense 2", "--out", "m.st");
        EbpProcess.Result refused = ebp.Run("export", "onnx", "m.st");
        Assert.That(refused.ExitCode, Is.EqualTo(2));
        Assert.That(refused.Errors, Does.Contain("gru1: a state that is carried").And.Not.Contain("unexpected"));
        Assert.That(File.Exists(Path.Combine(ebp.Folder, "m.onnx")), Is.False);

        ebp.RunJson("new", "--net", "input 3; dense 2", "--out", "d.st");
        File.WriteAllText(Path.Combine(ebp.Folder, "notes.onnx"), "mine");
        EbpProcess.Result kept = ebp.Run("export", "onnx", "d.st", "--out", "notes.onnx");
        Assert.That(kept.ExitCode, Is.EqualTo(4));
        Assert.That(File.ReadAllText(Path.Combine(ebp.Folder, "notes.onnx")), Is.EqualTo("mine"));
        Assert.That(ebp.Run("export", "onnx", "d.st", "--out", "notes.onnx", "--force").ExitCode, Is.Zero);
    }
}
