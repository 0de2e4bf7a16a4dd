using EmbeddedBackprop.Activations;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Onnx;
using EmbeddedBackprop.Onnx.Writing;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Tests.Export;
using EmbeddedBackprop.Tests.Graphs;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Onnx;

/// <summary>Exported files pass the checker of ONNX and give the engine's results in ONNX Runtime.</summary>
[Parallelizable(ParallelScope.Self)]
internal sealed class OnnxExporterTests
{
    private const double Tolerance = 1e-5;

    private static readonly Type[] Ops =
        [.. typeof(Op).Assembly.GetTypes().Where(type => type.IsSubclassOf(typeof(Op)) && !type.IsAbstract && !type.IsSubclassOf(typeof(Loss)))];

    private static readonly string[] Functions =
    [
        "identity", "sigmoid", "tanh", "lecun-tanh", "relu", "leaky-relu", "relu6", "elu", "selu", "gelu", "softplus", "softsign", "silu", "mish",
        "hard-sigmoid", "hard-swish", "softmax",
    ];

    [TestCaseSource(nameof(Ops))]
    public void An_op_has_a_row(Type op) =>
        Assert.That(OnnxOpList.OpTypes, Does.Contain(op), "add a row to OnnxOpList, if only to say why the op has no form");

    [Test]
    public void An_op_that_nobody_decided_about_is_found()
    {
        Assert.That(Ops, Has.Length.GreaterThan(40));
        Assert.That(OnnxOpList.OpTypes, Does.Not.Contain(typeof(SumOp)));
    }

    [TestCase(1)]
    [TestCase(2)]
    [TestCase(3)]
    public void Every_op_gives_the_results_of_the_engine(int seed) => RequireEqual([Zoo(seed)]);

    [Test]
    public void Every_activation_gives_the_results_of_the_engine() =>
        RequireEqual([.. Functions.Select(name => Net($"input 3x4; activate {name}")), .. Functions.Select(name => Net($"input 5; dense 7 {name}"))]);

    [Test]
    public void A_function_of_a_program_s_own_gives_the_results_of_the_engine() =>
        RequireEqual([Own<Everything>(), Own<Nothing>()]);

    [Test]
    public void A_function_that_is_one_number_is_refused() =>
        Assert.That(() => Own<One>(), Throws.TypeOf<NotSupportedException>().With.Message.Contains("its formula has a constant alone"));

    [TestCase(0u, 60)]
    [TestCase(1000u, 300, Category = "Slow")]
    public void Random_networks_give_the_results_of_the_engine(uint first, int count) => RequireEqual([.. RandomNets(first).Take(count)]);

    [Test]
    public void Recurrent_layers_give_the_results_of_the_engine() => RequireEqual(
    [
        .. new[] { "rnn 4", "rnn 4 relu", "gru 5", "lstm 3" }.SelectMany(layer => new[] { "", " all", " bidirectional", " all bidirectional" }
            .Select(options => Net($"input 6x3; {layer}{options}"))),
        Net("input 6x3; lstm 4 all bidirectional; gru 3 all; rnn 5 relu; dense 2 softmax"),
    ]);

    /// <summary>A recurrent layer's gates or filters in another order, or a transposed weight: the results differ.</summary>
    [TestCase("input 6x3; lstm 3 all", "lstm1.W")]
    [TestCase("input 6x3; gru 3", "gru1.R")]
    [TestCase("input 6x3; gru 3 bidirectional", "gru1.B")]
    [TestCase("input 4; dense 4 tanh", "dense1.weight")]
    [TestCase("input 2x6x6; conv 2 3x3; flatten", "conv1.weight")]
    public void Control_a_wrong_order_is_found(string net, string tensor)
    {
        OnnxCase right = Net(net), wrong = Net(net);
        OnnxModel model = OnnxReader.Read(wrong.Model, "net");
        int index = Array.FindIndex(model.Graph.Initializers, entry => entry.Name == tensor);
        OnnxTensor found = model.Graph.Initializers[index];
        byte[] raw = found.Raw!.Value.ToArray();
        int half = raw.Length / 2;
        byte[] planted = found.Dims is [4, 4]
            ? [.. Enumerable.Range(0, raw.Length).Select(i => raw[(((i / 4 % 4 * 4) + (i / 16)) * 4) + (i % 4)])]
            : [.. raw[half..], .. raw[..half]];
        model.Graph.Initializers[index] = new OnnxTensor { Name = tensor, Type = found.Type, Dims = found.Dims, Raw = planted };
        wrong.Model = OnnxWriter.ToArray(model);
        float[][][] results = OnnxRuntime.Run([right, wrong]);
        Assert.That(OnnxRuntime.Error(right, results[0]), Is.LessThan(Tolerance));
        Assert.That(OnnxRuntime.Error(wrong, results[1]), Is.GreaterThan(100 * Tolerance));
    }

    [Test]
    public void Names_shapes_and_the_hash_are_in_the_file()
    {
        using Network network = NetCompiler.Compile(
            "pixels = input 1x6x6; conv 2 3x3 relu; hidden = dense 4 tanh; scores = dense 3 softmax", null, new NetworkOptions { Seed = 1 });
        byte[] bytes = OnnxExporter.ToArray(network);
        Assert.That(OnnxExporter.ToArray(network), Is.EqualTo(bytes), "the same bytes each time");
        OnnxGraph graph = OnnxReader.Read(bytes, "net").Graph;
        Assert.That(graph.Inputs.Select(Text), Is.EqualTo(new[] { "pixels batch 1 6 6" }));
        Assert.That(graph.Outputs.Select(Text), Is.EqualTo(new[] { "scores batch 3" }));
        Assert.That(graph.Nodes.Select(node => node.Name), Is.SupersetOf(new[] { "conv1", "hidden", "scores" }));
        Assert.That(
            graph.Initializers.Select(tensor => tensor.Name),
            Is.SupersetOf(network.InferencePlan.Parameters.ToArray().Select(range => range.Name)));
        string text = System.Text.Encoding.Latin1.GetString(bytes);
        Assert.That(text, Does.Contain(WeightsHash.Of(network)).And.Contain(NetText.Format(network)).And.Contain("EmbeddedBackprop"));

        static string Text(OnnxValue value) => $"{value.Name} {string.Join(' ', value.Dims!.Select(dim => dim.Name ?? $"{dim.Value}"))}";
    }

    [TestCase("x = input 6x3; m = input 6; gru 3 x m", "gru1: a mask may leave out any steps")]
    [TestCase("input 6x3; lstm 3 carry", "lstm1: a state that is carried from call to call has no form in ONNX")]
    public void What_cannot_be_said_is_refused_by_name(string net, string message)
    {
        using Network network = NetCompiler.Compile(net, null, new NetworkOptions { Seed = 1 });
        NotSupportedException error = Assert.Throws<NotSupportedException>(() => OnnxExporter.ToArray(network))!;
        Assert.That(error.Message, Does.StartWith(message));
    }

    [Test]
    public void An_op_of_a_program_s_own_is_refused_by_name()
    {
        Graph graph = new();
        Node x = graph.Input(new Shape(3)), y = graph.Apply(new SumOp(), x, x);
        using Network network = new([x], [y], [], new NetworkOptions { Seed = 1 });
        NotSupportedException error = Assert.Throws<NotSupportedException>(() => OnnxExporter.ToArray(network))!;
        Assert.That(error.Message, Does.StartWith($"{y.Name}: the op '{y.Op!.Kind}' has no form in ONNX"));
    }

    /// <summary>Every file is checked and run; the largest error is printed.</summary>
    private static void RequireEqual(OnnxCase[] cases)
    {
        OnnxRuntime.Check(cases);
        float[][][] results = OnnxRuntime.Run(cases);
        double[] errors = [.. cases.Select((c, i) => OnnxRuntime.Error(c, results[i]))];
        int worst = Array.IndexOf(errors, errors.Max());
        TestContext.Out.WriteLine(
            $"{cases.Length} networks, {cases[0].Samples} samples each: largest error {errors[worst]:E2} ({cases[worst].Name})");
        Assert.That(errors[worst], Is.LessThanOrEqualTo(Tolerance), cases[worst].Name);
    }

    /// <summary>Every op of the engine in one graph, but for what ONNX cannot say.</summary>
    private static OnnxCase Zoo(int seed)
    {
        CZoo zoo = new(seed);
        Node[] outputs = [.. zoo.Outputs.Where(node => !Ancestors(node).Any(IsRefused))];
        HashSet<Type> written = [.. outputs.SelectMany(Ancestors).Where(node => node.Op is not null).Select(node => node.Op!.GetType())];
        Assert.That(written, Has.Count.GreaterThan(25));
        Plan plan = Plan.ForInference(zoo.Graph, new PlanOptions { Batch = 1 }, outputs);
        Dictionary<int, float[]> samples = [];
        return new OnnxCase(
            $"zoo {seed}", plan, zoo.Parameters, zoo.State, 1000,
            (input, i) =>
            {
                int from = zoo.Inputs.TakeWhile(node => node != input).Sum(node => node.Shape.Length);
                if (!samples.TryGetValue(i, out float[]? sample))
                {
                    sample = samples[i] = zoo.Sample(i, Numbers.Plain);
                }

                return sample[from..(from + input.Shape.Length)];
            });

        static bool IsRefused(Node node) =>
            node.Op is Frames or SignalOp or Keep or Begun || (node.Op is Recurrent op && (op.Options.CarryState || node.Inputs.Length > 1));
    }

    private static IEnumerable<Node> Ancestors(Node node) => [node, .. node.Inputs.SelectMany(Ancestors)];

    private static IEnumerable<OnnxCase> RandomNets(uint first)
    {
        for (uint seed = first; ; seed++)
        {
            RandomNetwork net = new(seed);
            Node[] nodes = [.. Ancestors(net.Prediction)];
            if (nodes.Any(node => node.Op is { } op && (!OnnxOpList.OpTypes.Contains(op.GetType()) || (op is Recurrent && node.Inputs.Length > 1))))
            {
                continue; // an op of the tests' own, or a mask
            }

            Plan plan = Plan.ForInference(net.Graph, net.Options(Layout.Padded) with { Batch = 1, InputGradients = false }, net.Prediction);
            float[] state = new float[plan.StateLength];
            plan.InitializeState<float>(state);
            yield return new OnnxCase(
                net.ToString(), plan, net.Parameters(plan), state, 1000, (input, i) => Samples.Array(input.Shape.Length, ((int)seed * 1000) + i));
        }
    }

    private static OnnxCase Own<TFunction>() where TFunction : struct, IActivationFunction
    {
        Graph graph = new();
        Node x = graph.Input(new Shape(6)),
            y = graph.Apply(new Activate(new Activation<TFunction>()), graph.Apply(new Dense(8, new Activation<TFunction>()), x));
        using Network network = new([x], [y], [], new NetworkOptions { Seed = 1 });
        Samples.Fill(network.Parameters, 3);
        return OnnxCase.Of(TFunction.Name, network, 1000, (input, i) => [.. Samples.Array(input.Shape.Length, i).Select(x => 4f * x)]);
    }

    private static OnnxCase Net(string text)
    {
        using Network network = NetCompiler.Compile(text, null, new NetworkOptions { Seed = 1 });
        Samples.Fill(network.Parameters, 3);
        return OnnxCase.Of(text, network, 1000, (input, i) => [.. Samples.Array(input.Shape.Length, i).Select(x => 4f * x)]);
    }

    /// <summary>Every function and operation that a formula may have.</summary>
    private readonly struct Everything : IActivationFunction
    {
        public static string Name => "everything";

        public static bool DerivativeReadsInput => true;

        public static T Value<T>(T z) where T : struct, ILanes<T>
        {
            T size = T.Named(T.Abs(z), "size");
            T q = T.Named(T.MultiplyAdd(z, T.SquareRoot(size + T.Constant(0.25)), -size) / (T.One + size), "q");
            T right = T.Sin(q) - T.Cos(q), left = T.Erf(q) + T.Exp(-size);
            return (T.IfGreater(z, T.Zero, right, left) + T.IfNaN(z, T.Zero, T.Log(T.One + size) + T.Log1P(size))) + (T.Tanh(q) * T.Sigmoid(q));
        }

        public static T Derivative<T>(T z, T a) where T : struct, ILanes<T> => z;
    }

    private readonly struct Nothing : IActivationFunction
    {
        public static string Name => "nothing";

        public static bool DerivativeReadsInput => false;

        public static T Value<T>(T z) where T : struct, ILanes<T> => T.Named(z, "z");

        public static T Derivative<T>(T z, T a) where T : struct, ILanes<T> => T.One;
    }

    private readonly struct One : IActivationFunction
    {
        public static string Name => "one";

        public static bool DerivativeReadsInput => false;

        public static T Value<T>(T z) where T : struct, ILanes<T> => T.One;

        public static T Derivative<T>(T z, T a) where T : struct, ILanes<T> => T.Zero;
    }
}
