using System.Text.RegularExpressions;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Onnx;
using EmbeddedBackprop.Tests.Ebp;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Documentation;

/// <summary>The commands, the Python and the C# of docs/onnx.md do what the page says.</summary>
[Parallelizable(ParallelScope.Self)]
internal sealed class OnnxGuideTests
{
    private static readonly string Page = Pages.Read("docs/onnx.md");

    [Test]
    public void Three_commands_lead_from_PyTorch_to_C()
    {
        string python = Tools.RequirePython("torch, onnx", "python3-torch python3-onnx");
        using EbpProcess ebp = new();
        _ = ebp.File("export.py", Block(@"<!-- test: export.py -->\s*```python\n(.*?)```"));
        string[] commands = Block(@"three commands\s*```sh\n(.*?)```").Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.That(commands, Has.Length.EqualTo(3));
        Assert.That(commands[0], Is.EqualTo("python3 export.py"));
        _ = Tools.RunChecked(ebp.Folder, python, "export.py");
        EbpProcess.Result imported = ebp.Run(EbpProcess.Words(commands[1])[1..]), exported = ebp.Run(EbpProcess.Words(commands[2])[1..]);
        Assert.That((imported.ExitCode, exported.ExitCode), Is.EqualTo((0, 0)), imported.Errors + exported.Errors);

        // The version of PyTorch is the machine's.
        string shown = Block(@"```text\n(net\.onnx: pytorch.*?)```");
        Assert.That(Unversioned(imported.Output), Does.StartWith(Unversioned(shown)));
        Assert.That(Directory.GetFiles(Path.Combine(ebp.Folder, "c"), "*.c"), Is.Not.Empty);
        CheckCSharp(ebp.Folder);

        static string Unversioned(string text) => Regex.Replace(text.ReplaceLineEndings("\n"), @"pytorch [\d.]+", "pytorch");
    }

    [Test]
    public void The_csharp_is_that_of_this_file()
    {
        string source = File.ReadAllText(
            Path.Combine(Repository.Root, "tests", "EmbeddedBackprop.Tests", "Documentation", $"{nameof(OnnxGuideTests)}.cs"));
        string run = Regex.Match(source, @"// <import>\n(.*?)// </import>", RegexOptions.Singleline).Groups[1].Value;
        Assert.That(Words(run), Is.EqualTo(Words(Block(@"<!-- test: import -->\s*```csharp\n(.*?)```"))).And.Not.Empty);
    }

    [Test]
    public void Every_op_that_is_read_is_named()
    {
        Assert.That(OnnxImport.OpNames.Where(name => !Regex.IsMatch(Page, $@"\b{name}\b")), Is.Empty);
        Assert.That(OnnxImport.OpNames.Count(), Is.GreaterThan(40));
    }

    private static void CheckCSharp(string folder)
    {
        string onnx = Path.Combine(folder, "net.onnx"), model = Path.Combine(folder, "again.safetensors");

        // <import>
        OnnxFile file = OnnxFile.Read(onnx);
        using Network network = file.ToNetwork(new NetworkOptions { Batch = 32 });
        Console.WriteLine(file.Net);
        ModelFile.Save(model, network);

        // </import>
        Assert.That(file.Net, Is.EqualTo("image = input 1x28x28; conv 8 5x5 relu; maxpool 2; flatten; dense 10"));
        using Network read = ModelFile.Open(model).ToNetwork(), ofTool = ModelFile.Open(Path.Combine(folder, "net.safetensors")).ToNetwork();
        Assert.That(WeightsHash.Of(read), Is.EqualTo(WeightsHash.Of(ofTool)));
    }

    private static string Block(string pattern)
    {
        Match match = Regex.Match(Page, pattern, RegexOptions.Singleline);
        Assert.That(match.Success, Is.True, pattern);
        return match.Groups[1].Value;
    }

    private static string Words(string text) => string.Join(' ', text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
}
