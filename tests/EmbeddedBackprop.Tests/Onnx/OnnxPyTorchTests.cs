using System.Runtime.InteropServices;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Onnx;
using EmbeddedBackprop.Optimizers;
using EmbeddedBackprop.Tests.Export;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Onnx;

/// <summary>Nets that PyTorch exports (pytorch_nets.py) give PyTorch's outputs; what cannot be read is refused with its node.</summary>
[Parallelizable(ParallelScope.Self)]
internal sealed class OnnxPyTorchTests
{
    private static readonly string[] Nets =
    [
        "mlp",
        "mlp_tanh_softmax",
        "mlp_no_bias_dropout",
        "mlp_batchnorm",
        "mlp_layernorm",
        "activations",
        "one_neuron",
        "lenet",
        "cnn_odd",
        "cnn_view",
        "cnn_flatten",
        "cnn_mean",
        "cnn_groups",
        "residual",
        "separable",
        "branches",
        "autoencoder",
        "average_pads",
        "conv1d",
        "causal",
        "rnn",
        "lstm",
        "lstm_deep_bidirectional",
        "lstm_every_step",
        "lstm_hidden",
        "gru",
        "gru_bidirectional_states",
        "gru_steps_first",
        "words",
        "conv_lstm",
        "gate",
        "two_outputs", "lstm_steps_and_states", "gru_steps_and_state", "rnn_relu_middle_step", "transposed_signal",
    ];

    private static string folder = "";

    [OneTimeSetUp]
    public static void Export()
    {
        string python = Tools.RequirePython("torch, onnx", "python3-torch python3-onnx");
        folder = Directory.CreateTempSubdirectory("ebp-onnx").FullName;
        string script = Path.Combine(Repository.Root, "tests", "EmbeddedBackprop.Tests", "Onnx", "pytorch_nets.py");
        _ = Tools.RunChecked(folder, python, script, folder);
    }

    [OneTimeTearDown]
    public static void Delete()
    {
        if (folder.Length > 0)
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Test]
    public void The_outputs_are_those_of_PyTorch()
    {
        double worst = 0;
        string where = "";
        List<string> wrong = [];
        foreach (string name in Nets)
        {
            try
            {
                OnnxFile file = OnnxFile.Read(PathOf(name));
                double error = WorstError(file, name, out int rows);
                TestContext.Out.WriteLine($"{error:E1}  {rows} rows  {name}: {file.Net}");
                (worst, where) = error > worst ? (error, name) : (worst, where);
                if (!(error <= 1e-5))
                {
                    wrong.Add($"{name}: {error:E1}");
                }
            }
            catch (DataFormatException refused)
            {
                wrong.Add(refused.Message);
            }
        }

        TestContext.Out.WriteLine($"{Nets.Length} nets of PyTorch, worst relative error {worst:E1} ({where})");
        Assert.That(wrong, Is.Empty);
    }

    [TestCase(
        "group_norm",
        "node '/1/InstanceNormalization' InstanceNormalization (output '/1/InstanceNormalization_output_0'): "
        + "there is no such op here: docs/onnx.md has the list")]
    [TestCase("log_softmax", "node '/1/LogSoftmax' LogSoftmax (output 'y'): there is no such op here: docs/onnx.md has the list")]
    [TestCase("conv3d", "'x': 4 sizes of a sample: at most 3")]
    [TestCase("upsample", "node '/1/Resize' Resize (output 'y'): there is no such op here: docs/onnx.md has the list")]
    [TestCase("leaky_0.2", "node '/1/LeakyRelu' LeakyRelu (output 'y'): alpha is 0.01 here, and no other")]
    [TestCase("ceil_mode", "node '/1/MaxPool' MaxPool (output 'y'): ceil_mode, where windows of 2 with stride 2 reach over the end of 7 elements")]
    [TestCase(
        "attention",
        "node '/MatMul' MatMul (output '/MatMul_output_0'): a product of two values that the net computes "
        + "(attention): one of them must be stored weights")]
    [TestCase(
        "broadcast",
        "node '/Mul' Mul (output 'y'): values of [2, 4, 4] and [2, 1, 1] elements a sample: sizes must be equal, "
        + "nothing is repeated")]
    [TestCase(
        "first_state",
        "node '/rnn/GRU' GRU (output '/rnn/GRU_output_0'): its first state '/Unsqueeze_output_0' is not zero: a "
        + "sequence begins with zeros here")]
    [TestCase(
        "cell_state",
        "node '/rnn/LSTM' LSTM (output '/rnn/LSTM_output_0'): its cell state '/rnn/LSTM_output_2' is read: a "
        + "layer gives its hidden state only")]
    [TestCase(
        "shuffle",
        "node '/Transpose' Transpose (output '/Transpose_output_0'): perm [0, 2, 1, 3] of a sample of [2, 3, 16]: "
        + "only two groups of axes change places here")]
    [TestCase("open_steps", "'x': size 1 (steps) is not fixed: export the net with a fixed one, only the batch may be open")]
    public void What_there_is_not_is_refused_with_its_node(string name, string message)
    {
        OnnxFile file = OnnxFile.Read(PathOf(name));
        DataFormatException refused = Assert.Throws<DataFormatException>(() => _ = file.Net)!;
        TestContext.Out.WriteLine($"{name}: {refused.Problem}");
        Assert.That(refused.Problem, Is.EqualTo(message));
    }

    [TestCase("cnn_odd")]
    [TestCase("separable")]
    [TestCase("words")]
    [TestCase("gru_bidirectional_states")]
    public void A_net_of_PyTorch_is_C_with_the_bits_of_the_engine(string name)
    {
        using CBuild build = new();
        using Network network = OnnxFile.Read(PathOf(name)).ToNetwork();
        build.Export(network);
        float[] x = Floats(name, ".x");
        build.CheckBits(network, "gcc -O2", x);
    }

    [Test]
    public void A_net_of_PyTorch_is_trained_further()
    {
        OnnxFile file = OnnxFile.Read(PathOf("residual"));
        NetworkOptions options = new() { Batch = 2, Optimizer = new Adam(), Seed = 1 };
        using Network network = file.ToNetwork(options, new SoftmaxCrossEntropy()), untouched = file.ToNetwork(options);
        float[] before = Predict(network, Floats("residual", ".x"), 2);
        Assert.That(before, Is.EqualTo(Predict(untouched, Floats("residual", ".x"), 2)), "the loss changes no prediction");
        float first = 0, last = 0;
        for (int step = 0; step < 30; step++)
        {
            CopyRows(Floats("residual", ".x"), network.TrainingInput(2), network.Input.Shape.Length, network.InputStride);
            network.TrainingTarget(2).Clear();
            network.TrainingTarget(2)[3] = network.TrainingTarget(2)[network.TargetStride + 7] = 1f;
            Assert.That(network.TrainStep(2, 0.01f, out last, out _), Is.True);
            first = step == 0 ? last : first;
        }

        TestContext.Out.WriteLine($"loss of two samples: {first:F4} at first, {last:F4} after 30 steps");
        Assert.That(last, Is.LessThan(0.1f * first));

        // The model file of the training holds the same net.
        using Network read = ModelFile.Parse(ModelFile.ToArray(network), "model").ToNetwork();
        Assert.That(WeightsHash.Of(read), Is.EqualTo(WeightsHash.Of(network)));
    }

    private static string PathOf(string name) => Path.Combine(folder, name + ".onnx");

    private static float[] Floats(string name, string extension) =>
        MemoryMarshal.Cast<byte, float>(File.ReadAllBytes(Path.Combine(folder, name + extension))).ToArray();

    /// <summary>The largest difference, relative to the largest of the net's outputs.</summary>
    private static double WorstError(OnnxFile file, string name, out int rows)
    {
        float[] x = Floats(name, ".x"), y = Floats(name, ".y");
        using Network network = file.ToNetwork(new NetworkOptions { Batch = 5 });
        int inputs = network.Inputs[0].Shape.Length;
        rows = x.Length / inputs;
        float[] got = Predict(network, x, rows);
        Assert.That(got, Has.Length.EqualTo(y.Length), name);
        double worst = 0, largest = y.Max(MathF.Abs);
        int width = network.Output.Shape.Length;
        double spread = Enumerable.Range(0, width).Max(i => Math.Abs(y[i] - (double)y[width + i]));
        Assert.That(spread, Is.GreaterThan(1e-3 * largest), $"{name}: the control, outputs depend on the input");
        for (int i = 0; i < y.Length; i++)
        {
            double error = Math.Abs(got[i] - (double)y[i]) / largest;
            worst = error <= worst || double.IsNaN(worst) ? worst : error;
        }

        return worst;
    }

    /// <summary>The outputs one after the other, each a row a sample.</summary>
    private static float[] Predict(Network network, float[] x, int rows)
    {
        CopyRows(x, network.PredictionInput(rows), network.Input.Shape.Length, network.InputStride);
        _ = network.Predict(rows);
        List<float> got = [];
        foreach (Node output in network.Outputs)
        {
            ReadOnlySpan<float> values = network.Prediction(output, rows);
            for (int row = 0; row < rows; row++)
            {
                got.AddRange(values.Slice(row * network.InferencePlan.Stride(output), output.Shape.Length));
            }
        }

        return [.. got];
    }

    private static void CopyRows(float[] x, Span<float> into, int length, int stride)
    {
        for (int row = 0; row * length < x.Length; row++)
        {
            x.AsSpan(row * length, length).CopyTo(into[(row * stride)..]);
        }
    }
}
