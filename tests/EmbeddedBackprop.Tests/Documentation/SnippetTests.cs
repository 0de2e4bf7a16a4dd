using System.Text.RegularExpressions;
using EmbeddedBackprop.Tests.Ebp;

namespace EmbeddedBackprop.Tests.Documentation;

/// <summary>Blocks of code that lean on their page: each is compiled as pasted, beside what the page takes for granted, and run.</summary>
[Parallelizable(ParallelScope.All)]
internal sealed class SnippetTests
{
    // The data and the network that the pages speak of.
    private const string Rows = """
        float[][] rows = [.. Enumerable.Range(0, 60).Select(i => new[] { i % 3, i % 5, i % 2, 1f, i % 4, i % 7 })];
        """;

    private const string Layers = """
        FloatDataset training = FloatDataset.FromRows(rows, labels: [.. Enumerable.Range(0, 60).Select(i => i % 3)]);
        Network network = new Sequential(6).Dense<Relu>(8).Dense(3, new Softmax())
            .Compile(new SoftmaxCrossEntropy(), new NetworkOptions { Seed = 1 });
        new Trainer(network, training, new TrainerOptions { Epochs = 5 }).Run();
        float[] sample = rows[0];
        """;

    private const string Nodes = """
        Graph graph = new();
        Node input = graph.Input(new Shape(64)), target = graph.Input(new Shape(10), "target");
        Node output = graph.Apply(new Dense(10, new Activation<Identity>()), graph.Apply(new Dense(32, new Activation<Tanh>()), input));
        Node loss = graph.Apply(new SoftmaxCrossEntropy(), output, target);
        """;

    private const string Targets = """
        FloatDataset data = FloatDataset.FromRows(rows[..3], targets: [[1, 0, 0, 1], [0, 1, 0, 1], [0, 0, 1, 1]]);
        """;

    private const string Images = """
        FloatDataset data = FloatDataset.Regression([.. rows[..6].SelectMany(row => row)], 12, [1, 0, 0, 1, 1, 1], 2);
        Execution execution = Execution.Scalar;
        """;

    // Debian has no package of the module that a page names; this does what it does, by the definition of the format.
    private const string SafetensorsModule = """
        import json
        import numpy


        def load_file(path):
            with open(path, "rb") as file:
                header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
                data = file.read()
            header.pop("__metadata__", None)
            arrays = {}
            for name, tensor in header.items():
                begin, end = tensor["data_offsets"]
                assert tensor["dtype"] == "F32"
                arrays[name] = numpy.frombuffer(data[begin:end], "<f4").reshape(tensor["shape"])
            return arrays
        """;

    [TestCase("docs/integers.md", "Quantize", "dense1", "Console.WriteLine(scores.Length);")]
    [TestCase("docs/memory.md", "Budget", "dense1", "")]
    [TestCase("docs/onnx.md", "Write", "onnx", "Console.WriteLine(Directory.GetFiles(\".\", \"*.onnx\")[0]);")]
    [TestCase("docs/threads.md", "Predictors", "3", "Console.WriteLine(prediction.Length);")]
    [TestCase("docs/own-op.md", "UseGate Gate", "True", "")]
    [TestCase("docs/own-op.md", "UseScale ChannelScale", "2", "Console.WriteLine(trainer.Network.Output.Shape.Length);")]
    public void A_block_runs_beside_what_its_page_takes_for_granted(string page, string blocks, string printed, string after)
    {
        string before = blocks switch
        {
            "Budget" => Nodes,
            "UseGate Gate" => Rows + Targets,
            "UseScale ChannelScale" => Rows + Images,
            _ => Rows + Layers,
        };
        string[] names = blocks.Split(' ');
        string types = string.Concat(names[1..].Select(name => Block(page, name)));
        string program = $"{before}\n{Block(page, names[0])}\n{after}\n{types}";
        DirectoryInfo folder = Directory.CreateTempSubdirectory("ebp-snippet-");
        try
        {
            Assert.That(SampleProgram.Compile(folder.FullName, "snippet", library: false, PackageUsings.Code, program), Is.Empty, program);
            Assert.That(SampleProgram.Run(folder.FullName, "snippet"), Does.Contain(printed));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [TestCase("Trainings", 3)]
    [TestCase("Recordings", 1)]
    public void The_trainings_of_the_page_on_data_run_on_their_data(string block, int lines)
    {
        using EbpProcess ebp = new();
        foreach (string file in (string[])
            [
                "wand-digits", "pendigits/pendigits.tra", "pendigits/pendigits.tes", "occupancy/datatraining.txt", "occupancy/datatest.txt",
                "spoken-digits/recordings.zip",
            ])
        {
            File.CreateSymbolicLink(Path.Combine(ebp.Folder, Path.GetFileName(file)), RealData.Path(file.Split('/')));
        }

        // One epoch each: whether the command is right, not how well it learns.
        string[] commands = [.. Block("docs/data.md", block).Split('\n', StringSplitOptions.RemoveEmptyEntries)];
        Assert.That(commands, Has.Length.EqualTo(lines));
        foreach (string command in commands)
        {
            string line = command.Replace(" --epochs 15", "", StringComparison.Ordinal) + " --epochs 1 --out out.safetensors";
            string script = $"ebp() {{ {EbpProcess.ShellCommand} \"$@\"; }}\n{line}";
            Assert.That(Tools.RunChecked(ebp.Folder, Tools.Require("sh", "dash"), "-c", script), Does.Contain("test accuracy"));
        }
    }

    [Test]
    public void The_page_on_data_is_right_about_anomalies()
    {
        using EbpProcess ebp = new();
        foreach (string file in (string[])["datatraining.txt", "datatest.txt", "datatest2.txt"])
        {
            File.CreateSymbolicLink(Path.Combine(ebp.Folder, file), RealData.Path("occupancy", file));
        }

        string script = $"ebp() {{ {EbpProcess.ShellCommand} \"$@\"; }}\n{Block("docs/data.md", "Anomalies")}";
        string printed = Tools.RunChecked(ebp.Folder, Tools.Require("sh", "dash"), "-c", script);
        string other = ebp.Run("eval", "ebp-out/model.safetensors", "--test", "datatest2.txt").Output, page = Pages.Read("docs/data.md");
        foreach ((string output, string pattern) in ((string, string)[])
            [
                (printed, "AUC ([0-9.]+)"), (other, "AUC ([0-9.]+)"), (printed, "recall ([0-9.]+ %)"), (printed, "false alarms ([0-9.]+ %)"),
                (other, "false alarms ([0-9.]+ %)"),
            ])
        {
            string figure = System.Text.RegularExpressions.Regex.Match(output, pattern).Groups[1].Value;
            Assert.That(figure, Is.Not.Empty, output);
            Assert.That(page, Does.Contain(figure), pattern);
        }
    }

    [Test]
    public void The_page_on_threads_trains_on_two()
    {
        using EbpProcess ebp = new();
        string[] words = Block("docs/threads.md", "TrainingAhead").Trim().Split(' ');
        Assert.That(words[0], Is.EqualTo("ebp"));
        EbpProcess.Result result = ebp.Run([.. words[1..], "--epochs", "1", "--out", "out.safetensors"]);
        Assert.That(result.ExitCode, Is.Zero, result.Errors);
        Assert.That(result.Output, Does.Contain("on 2 threads, 0 bytes allocated per step"));
    }

    [Test]
    public void The_page_on_model_files_is_right_about_PyTorch()
    {
        string python = Tools.RequirePython("torch", "python3-torch");
        using EbpProcess ebp = new();
        string program = "import torch\nmodule = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.Tanh(), torch.nn.Linear(3, 2))\n"
            + Block("docs/model-file.md", "StateDict");
        string save = string.Join('\n', program.Split('\n').Where(line => !line.Contains("load_state_dict", StringComparison.Ordinal)));
        Tools.RunChecked(ebp.Folder, python, "-c", save);
        Check(ebp.Run("import", "weights", "net.npz", "--net", "input 4; dense 3 tanh; dense 2", "--out", "m.safetensors"));
        Check(ebp.Run("export", "weights", "m.safetensors", "--out", "w.npz", "--modules", "dense1=0 dense2=2"));
        Tools.RunChecked(ebp.Folder, python, "-c", program + "\nassert float(module[0].weight.abs().sum()) > 0");
    }

    [Test]
    public void The_page_on_model_files_is_right_about_safetensors()
    {
        string python = Tools.RequirePython("numpy", "python3-numpy");
        using EbpProcess ebp = new();
        Check(ebp.Run("new", "--net", "input 784; dense 30; dense 10", "--loss", "quadratic", "--out", "model.safetensors"));
        string folder = Path.Combine(ebp.Folder, "stand-in", "safetensors");
        _ = Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, "__init__.py"), "");
        File.WriteAllText(Path.Combine(folder, "numpy.py"), SafetensorsModule);

        // At the end of the path: where the package itself is installed, it reads the file.
        string program = "import sys\nsys.path.append('stand-in')\n" + Block("docs/model-file.md", "Safetensors");
        Assert.That(Tools.RunChecked(ebp.Folder, python, "-c", program), Does.Contain("(30, 784)"));
    }

    private static void Check(EbpProcess.Result result) => Assert.That(result.ExitCode, Is.Zero, result.Errors);

    private static string Block(string page, string name)
    {
        string block = Regex.Match(Pages.Read(page), $@"<!-- test: {name} -->\s*```[a-z]*\n(.*?)```", RegexOptions.Singleline).Groups[1].Value;
        Assert.That(block, Is.Not.Empty, $"{page} has no block '{name}'");
        return block;
    }
}
