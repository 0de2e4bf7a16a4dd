using System.Globalization;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.IO;

/// <summary>
/// State dicts of PyTorch: modules that PyTorch made give its outputs here, and networks of ours give theirs in PyTorch, within 1e-5.
/// </summary>
[Parallelizable(ParallelScope.Self)]
internal sealed class StateDictTests
{
    /// <summary>Our net of each of PyTorch's modules in <see cref="Modules"/>, and the modules of its layers in the file that we write.</summary>
    private static readonly (string Name, string Net, string Layers)[] Nets =
    [
        ("mlp", "input 12; dense 16 relu; dense 8 tanh; dense 4", "dense1=0 dense2=2 dense3=4"),
        ("deep", "input 6" + string.Concat(Enumerable.Repeat("; dense 6 tanh", 12)),
            string.Join(' ', Enumerable.Range(0, 12).Select(i => $"dense{i + 1}={2 * i}"))),
        ("cnn", "input 1x12x12; conv 6 3x3 p1; batchnorm; activate relu; maxpool 2; conv 12 3x3 g3 relu; flatten; dense 5",
            "conv1=features.0 batchnorm1=features.1 conv2=features.4 dense1=classifier"),
        ("signal", "input 3x20; conv1d 8 5 d2 relu; flatten; dense 3", "conv1d1=0 dense1=3"),
        ("transposed", "input 4x5x6; conv-transpose 3 3x3 s2 tanh; batchnorm", "conv-transpose1=0 batchnorm1=2"),
        ("rnn", "input 6x5; rnn 7; dense 3", "rnn1=r dense1=last"),
        ("lstm", "input 6x5; lstm 7; dense 3", "lstm1=r dense1=last"),
        ("gru", "input 6x5; gru 7; dense 3", "gru1=r dense1=last"),
        ("both-lstm", "input 6x5; lstm 7 bidirectional; dense 3", "lstm1=r dense1=last"),
        ("both-gru", "input 6x5; gru 7 bidirectional; dense 3", "gru1=r dense1=last"),
        ("stack", "input 6x5; lstm 7 all; lstm 7; dense 3", "lstm1=r lstm2=r:1 dense1=last"),
        ("words", "input 9; embedding 20 6; gru 8; dense 2", "embedding1=table gru1=r dense1=last"),
        ("norm", "input 10; dense 8; layernorm; activate gelu; dense 3", "dense1=0 layernorm1=1 dense2=3"),
    ];

    private const string Modules = """
        import json, struct, sys, numpy, torch
        from torch import nn
        torch.manual_seed(3)
        class Last(nn.Module):
            def __init__(self, kind, features, hidden, outputs, table=None, **more):
                super().__init__()
                if table: self.table = nn.Embedding(*table)
                self.r = kind(features, hidden, batch_first=True, **more)
                self.last = nn.Linear(hidden * (2 if more.get('bidirectional') else 1), outputs)
            def forward(self, x):
                if hasattr(self, 'table'): x = self.table(x.long())
                y, h = self.r(x)
                h = h[0] if isinstance(h, tuple) else h
                return self.last(torch.cat([h[-2], h[-1]], 1) if self.r.bidirectional else h[-1])
        class Cnn(nn.Module):
            def __init__(self):
                super().__init__()
                self.features = nn.Sequential(nn.Conv2d(1, 6, 3, padding=1, bias=free), nn.BatchNorm2d(6), nn.ReLU(), nn.MaxPool2d(2),
                    nn.Conv2d(6, 12, 3, groups=3), nn.ReLU())
                self.classifier = nn.Linear(192, 5)
            def forward(self, x): return self.classifier(torch.flatten(self.features(x), 1))
        nets = {
            'mlp': (nn.Sequential(nn.Linear(12, 16), nn.ReLU(), nn.Linear(16, 8), nn.Tanh(), nn.Linear(8, 4)), (12,)),
            'deep': (nn.Sequential(*[m for i in range(12) for m in (nn.Linear(6, 6), nn.Tanh())]), (6,)),
            'cnn': (Cnn(), (1, 12, 12)),
            'signal': (nn.Sequential(nn.Conv1d(3, 8, 5, dilation=2), nn.ReLU(), nn.Flatten(), nn.Linear(96, 3)), (3, 20)),
            'transposed': (nn.Sequential(nn.ConvTranspose2d(4, 3, 3, stride=2), nn.Tanh(), nn.BatchNorm2d(3)), (4, 5, 6)),
            'rnn': (Last(nn.RNN, 5, 7, 3), (6, 5)),
            'lstm': (Last(nn.LSTM, 5, 7, 3), (6, 5)),
            'gru': (Last(nn.GRU, 5, 7, 3), (6, 5)),
            'both-lstm': (Last(nn.LSTM, 5, 7, 3, bidirectional=True), (6, 5)),
            'both-gru': (Last(nn.GRU, 5, 7, 3, bidirectional=True), (6, 5)),
            'stack': (Last(nn.LSTM, 5, 7, 3, num_layers=2), (6, 5)),
            'words': (Last(nn.GRU, 6, 8, 2, table=(20, 6)), (9,)),
            'norm': (nn.Sequential(nn.Linear(10, 8), nn.LayerNorm(8), nn.GELU(), nn.Linear(8, 3)), (10,)),
        }
        def inputs(name, shape):
            return torch.randint(0, 20, (5, *shape)).float() if name == 'words' else torch.randn(5, *shape)

        """;

    /// <summary>Saves all modules: as .npz in the order of definition, and as .safetensors sorted by name, as the package does.</summary>
    private const string Save = """
        def save(name, state):
            numpy.savez(name + '.npz', **{k: v.numpy() for k, v in state.items()})
            head, data = {}, b''
            for k in sorted(state, key=lambda k: (-state[k].element_size(), k)):
                raw = state[k].numpy().tobytes()
                kind = {torch.float32: 'F32', torch.int64: 'I64', torch.float16: 'F16'}[state[k].dtype]
                head[k] = {'dtype': kind, 'shape': list(state[k].shape), 'data_offsets': [len(data), len(data) + len(raw)]}
                data += raw
            head = json.dumps(head).encode()
            open(name + '.safetensors', 'wb').write(struct.pack('<Q', len(head)) + head + data)
        for name, (net, shape) in nets.items():
            for p in net.parameters(): p.data.add_(0.05 * torch.randn(p.shape))
            for m in net.modules():
                if hasattr(m, 'running_mean'): m.running_mean.normal_(); m.running_var.uniform_(0.5, 2)
            net.eval()
            x = inputs(name, shape)
            with torch.no_grad(): y = net(x)
            numpy.save(name + '.in.npy', x.numpy()); numpy.save(name + '.out.npy', y.numpy())
            save(name, net.state_dict())
            if name in ('lstm', 'gru'):
                # The gates of another library's order: i, f, o, g; z, r, n.
                order = [0, 1, 3, 2] if name == 'lstm' else [1, 0, 2]
                wrong = {k: torch.cat([v.chunk(len(order))[g] for g in order]) if k.startswith('r.') else v for k, v in net.state_dict().items()}
                save(name + '-wrong', wrong)
                save(name + '-half', {k: v.half() for k, v in net.state_dict().items()})
        """;

    /// <summary>Loads all files of ours strictly, and prints the largest difference of each module's outputs from ours.</summary>
    private const string Load = """
        def read(file):
            if file.endswith('.npz'): return {k: torch.from_numpy(v) for k, v in numpy.load(file).items()}
            raw = open(file, 'rb').read()
            n = struct.unpack('<Q', raw[:8])[0]
            head = json.loads(raw[8:8 + n]); head.pop('__metadata__')
            kinds = {'F32': numpy.float32, 'I64': numpy.int64}
            return {k: torch.from_numpy(numpy.frombuffer(raw[8 + n + t['data_offsets'][0]:8 + n + t['data_offsets'][1]], kinds[t['dtype']])
                .reshape(t['shape']).copy()) for k, t in head.items()}
        for name, (net, shape) in nets.items():
            x, y = torch.from_numpy(numpy.load(name + '.in.npy')), torch.from_numpy(numpy.load(name + '.ours.npy'))
            for ending in ('.npz', '.safetensors'):
                net.load_state_dict(read(name + '.ours' + ending), strict=True)
                net.eval()
                with torch.no_grad(): print(name, float((net(x) - y).abs().max()))
        """;

    private string folder = "";
    private string python = "";

    public static IEnumerable<TestCaseData> Files =>
        Nets.SelectMany(net => new[] { ".npz", ".safetensors" }.Select(ending => new TestCaseData(net.Name, ending)));

    [OneTimeSetUp]
    public void SaveModules()
    {
        python = Tools.RequirePython("torch", "python3-torch");
        folder = Directory.CreateTempSubdirectory("ebp-torch-").FullName;
        Tools.RunChecked(folder, python, "-c", Modules.Replace("bias=free", "bias=False", StringComparison.Ordinal) + Save);
    }

    [OneTimeTearDown]
    public void Delete()
    {
        if (folder.Length > 0)
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [TestCaseSource(nameof(Files))]
    public void A_module_of_PyTorch_gives_its_outputs(string name, string ending)
    {
        Network network = Build(name);
        StateDictReport report = StateDict.Load(At(name + ending), network);
        double difference = Difference(name, network);
        TestContext.Out.WriteLine($"{name}{ending}: largest difference {difference:E1}");
        Assert.That(difference, Is.LessThan(1e-5));
        Assert.That(report.Tensors, Has.Count.EqualTo(network.InferencePlan.Parameters.Length + network.InferencePlan.State.Length));
        Assert.That(report.Ignored, Is.Empty);
        Assert.That(report.SameShapes, name switch
        {
            "deep" => Has.Count.EqualTo(12),
            _ => Is.Empty,
        });

        // Named one by one, the same.
        Network named = Build(name);
        StateDict.Load(At(name + ending), named, Map(name));
        Assert.That(WeightsHash.Of(named), Is.EqualTo(WeightsHash.Of(network)));
    }

    [TestCase("lstm")]
    [TestCase("gru")]
    public void Control_another_order_of_gates_is_found(string name)
    {
        Network network = Build(name);
        StateDict.Load(At(name + "-wrong.npz"), network);
        Assert.That(Difference(name, network), Is.GreaterThan(1e-3));
    }

    [TestCase(".npz")]
    [TestCase(".safetensors")]
    public void Weights_of_16_bits_are_widened(string ending)
    {
        Network network = Build("gru");
        StateDict.Load(At("gru-half" + ending), network);
        Assert.That(Difference("gru", network), Is.LessThan(1e-2).And.GreaterThan(1e-7));
    }

    [Test]
    public void PyTorch_loads_our_files_strictly_and_gives_our_outputs()
    {
        foreach ((string name, string _, string _) in Nets)
        {
            // Weights of our own; the state is PyTorch's, so that it is not that of an untrained network.
            Network network = Build(name);
            StateDict.Load(At(name + ".npz"), network);
            Span<float> parameters = network.Parameters;
            for (int i = 0; i < parameters.Length; i++)
            {
                parameters[i] += 0.01f * ((i % 7) - 3);
            }

            foreach (string ending in (ReadOnlySpan<string>)[".npz", ".safetensors"])
            {
                StateDictReport report = StateDict.Save(At(name + ".ours" + ending), network, Map(name));
                Assert.That(report.Tensors.Select(entry => entry.StateDictName), Is.All.Not.Null);
            }

            Outputs(name, network, out float[] outputs, out int[] shape);
            NpyArray.Save(At(name + ".ours.npy"), shape, outputs);
        }

        string[] lines = Tools.RunChecked(folder, python, "-c", Modules.Replace("bias=free", "bias=True", StringComparison.Ordinal) + Load)
            .Split('\n', StringSplitOptions.RemoveEmptyEntries);
        TestContext.Out.WriteLine(string.Join('\n', lines));
        Assert.That(lines, Has.Length.EqualTo(2 * Nets.Length));
        Assert.That(lines.Select(line => double.Parse(line.Split(' ')[1], CultureInfo.InvariantCulture)), Is.All.LessThan(1e-5));
    }

    [Test]
    public void The_report_names_both_sides()
    {
        StateDictReport report = StateDict.Load(At("cnn.npz"), Build("cnn"));
        Assert.That(report.Tensors.Select(entry => $"{entry.Tensor} {entry.StateDictName ?? "-"} {string.Join('x', entry.Shape)}"), Is.EqualTo(new[]
        {
            "conv1.weight features.0.weight 6x1x3x3", "conv1.bias - 6",
            "batchnorm1.weight features.1.weight 6", "batchnorm1.bias features.1.bias 6",
            "batchnorm1.running_mean features.1.running_mean 6", "batchnorm1.running_var features.1.running_var 6",
            "conv2.weight features.4.weight 12x2x3x3", "conv2.bias features.4.bias 12",
            "dense1.weight classifier.weight 5x192", "dense1.bias classifier.bias 5",
        }));
    }

    [Test]
    public void A_part_of_a_file_is_taken_where_every_layer_is_named()
    {
        Network network = NetCompiler.Compile("input 12; dense 16 relu", null, new NetworkOptions { Batch = 1 });
        StateDictReport report = StateDict.Load(At("mlp.npz"), network, new Dictionary<string, string> { ["dense1"] = "0" });
        Assert.That(report.Ignored, Is.EqualTo(new[] { "2", "4" }));
    }

    [TestCase("mlp", "input 12; dense 16 relu; dense 4", "", "2 layers (dense1, dense2) cannot be matched with 3 modules ('0', '2', '4')")]
    [TestCase("mlp", "input 12; dense 16 relu; dense 9; dense 4", "", "does not fit module '2': '2.weight' has the shape [8, 16], expected [9, 16]")]
    [TestCase("mlp", "input 12; dense 16; dense 8; dense 4", "dense1=7", "there is no module '7' for layer 'dense1'")]
    [TestCase("lstm", "input 6x5; gru 7; dense 3", "", "has the shape [28, 5], expected [21, 5]")]
    [TestCase("both-gru", "input 6x5; gru 7; dense 3", "", "further tensor")]
    [TestCase("cnn", "input 1x12x12; conv 6 3x3 p1; conv 6 3x3; conv 12 3x3 g3 relu; flatten; dense 5", "", "does not fit module")]
    public void What_does_not_fit_is_refused_with_both_names_and_the_network_unchanged(string name, string net, string map, string message)
    {
        foreach (string ending in (ReadOnlySpan<string>)[".npz", ".safetensors"])
        {
            Network network = NetCompiler.Compile(net, null, new NetworkOptions { Batch = 1, Seed = 1 });
            string before = WeightsHash.Of(network);
            Assert.That(
                () => StateDict.Load(At(name + ending), network, Pairs(map)),
                Throws.TypeOf<DataFormatException>().With.Message.Contains(message));
            Assert.That(WeightsHash.Of(network), Is.EqualTo(before));
        }
    }

    [Test]
    public void A_wrong_call_is_refused()
    {
        Network network = Build("mlp");
        Assert.That(() => StateDict.Load(At("mlp.npz"), network, Pairs("x=0")), Throws.ArgumentException.With.Message.Contains("no layer 'x'"));
        Assert.That(() => StateDict.Save(At("a.pt"), network), Throws.ArgumentException.With.Message.Contains(".npz or .safetensors"));
        Assert.That(
            () => StateDict.Save(At("a.npz"), network, Pairs("dense1=a dense2=a")), Throws.ArgumentException.With.Message.Contains("added before"));
    }

    private string At(string file) => Path.Combine(folder, file);

    private static Network Build(string name) =>
        NetCompiler.Compile(Array.Find(Nets, net => net.Name == name).Net, null, new NetworkOptions { Batch = 1, Seed = 1 });

    private static Dictionary<string, string> Map(string name) => Pairs(Array.Find(Nets, net => net.Name == name).Layers);

    private static Dictionary<string, string> Pairs(string text) =>
        text.Split(' ', StringSplitOptions.RemoveEmptyEntries).ToDictionary(pair => pair.Split('=')[0], pair => pair.Split('=')[1]);

    /// <summary>The largest difference from PyTorch's outputs, relative where they are above 1.</summary>
    private double Difference(string name, Network network)
    {
        Outputs(name, network, out float[] outputs, out _);
        float[] expected = Values(At(name + ".out.npy"), out _);
        Assert.That(outputs, Has.Length.EqualTo(expected.Length));
        return outputs.Zip(expected, (a, b) => Math.Abs(a - b) / Math.Max(1.0, Math.Abs(b))).Max();
    }

    private void Outputs(string name, Network network, out float[] outputs, out int[] shape)
    {
        float[] inputs = Values(At(name + ".in.npy"), out int samples);
        int length = inputs.Length / samples, size = network.Output.Shape.Length;
        outputs = new float[samples * size];
        for (int i = 0; i < samples; i++)
        {
            network.Predict(inputs.AsSpan(i * length, length))[..size].CopyTo(outputs.AsSpan(i * size));
        }

        shape = [samples, .. Enumerable.Range(0, network.Output.Shape.Rank).Select(axis => network.Output.Shape[axis])];
    }

    private static float[] Values(string path, out int rows)
    {
        NpyArray array = NpyArray.Read(path);
        rows = array.Shape[0];
        float[] values = new float[array.Length];
        array.CopyTo(values);
        return values;
    }
}
