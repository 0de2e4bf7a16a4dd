using System.Text.RegularExpressions;
using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Data;
using EmbeddedBackprop.Export;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Tests.Export;
using EmbeddedBackprop.Tests.Ops;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Documentation;

/// <summary>The C# and the C of docs/own-op.md are those of these tests.</summary>
internal sealed partial class OwnOpTests
{
    [Test]
    public void A_function_of_two_nodes_has_its_gradient_and_its_C()
    {
        FloatDataset data = FloatDataset.Regression(Samples.Array(18, 1), 6, Samples.Array(12, 2), 4);

        // <UseGate>
        Activation linear = new Activation<Identity>();
        Graph graph = new();
        Node x = graph.Input(new Shape(6)), target = graph.Input(new Shape(4), "target");
        Node value = graph.Apply(new Dense(4, linear), x), gate = graph.Apply(new Dense(4, linear), x);
        Node a = graph.Apply(new Pairwise<Gate>(), value, gate);
        Network network = new(x, a, graph.Apply(new Loss<Quadratic>(), a, target), new NetworkOptions { Batch = 3, Seed = 1 });

        GradientCheckReport report = GradientCheck.Run(network, data);
        Console.WriteLine(report.Passed);

        // </UseGate>
        Assert.That(report.Passed, Is.True, report.ToString());
        using CBuild build = new();
        CExporter.Write(network, build.Folder, new CExportOptions { Name = "net" });
        Assert.That(Words(build.Read("net.c")), Does.Contain(Words(Block(Page, @"```c\n(.*?)```"))));
    }

    [Test]
    public void A_function_of_two_nodes_gives_the_same_bits_in_every_reading()
    {
        Run(new Shape(5), _ => new Pairwise<Gate>()).CheckEverything();
        // Both inputs are one node: the second gradient is added to the first.
        new GraphRun(3, 5, (graph, x) => graph.Apply(new Pairwise<Gate>(), Layer(graph, x), x)).CheckEverything();
        new GraphRun(3, 5, (graph, x) =>
        {
            Node z = Layer(graph, x);
            return graph.Apply(new Pairwise<Gate>(), z, z);
        }).CheckEverything();
    }

    [Test]
    public void Control_a_wrong_derivative_is_found()
    {
        GraphRun run = Run(new Shape(5), _ => new Pairwise<WrongGate>());
        Assert.That(run.CheckGradient(Arithmetic.Fused).Passed, Is.False);
        Assert.That(Run(new Shape(5), _ => new Pairwise<Gate>()).CheckGradient(Arithmetic.Fused).Passed, Is.True);
    }

    [Test]
    public void An_op_of_ones_own_learns_with_the_same_bits_in_every_reading()
    {
        new GraphRun(3, new Shape(4, 7), (graph, x) => graph.Apply(new ChannelScale(), x)).CheckEverything();
        new GraphRun(3, new Shape(4, 7), (graph, x) => graph.Apply(new Add(), x, graph.Apply(new ChannelScale(), x))).CheckEverything();

        FloatDataset data = FloatDataset.Regression(Samples.Array(3 * 12, 1), 12, Samples.Array(3 * 2, 2), 2);
        string[] hashes = [.. ((Execution[])[Execution.Vector, Execution.Scalar]).Select(execution =>
        {
            // <UseScale>
            Graph graph = new();
            Node x = graph.Input(new Shape(3, 4)), target = graph.Input(new Shape(2), "target");
            Node y = graph.Apply(new Dense(2, new Activation<Tanh>()), graph.Apply(new ChannelScale(), x));
            Network network = new(
                x, y, graph.Apply(new Loss<Quadratic>(), y, target), new NetworkOptions { Batch = 3, Seed = 1, Execution = execution });
            Trainer trainer = new(network, data, new TrainerOptions { Epochs = 5, LearningRate = 0.1f });
            while (!trainer.Finished)
            {
                trainer.TrainEpoch();
            }

            // </UseScale>
            Assert.That(GradientCheck.Run(network, data).Passed, Is.True);
            using CBuild build = new();
            Assert.That(() => build.Export(network), Throws.TypeOf<NotSupportedException>().With.Message.Contains("channel-scale"));
            Assert.That(Directory.GetFiles(build.Folder), Is.Empty);
            return WeightsHash.Of(network);
        })];
        Assert.That(hashes[1], Is.EqualTo(hashes[0]));
    }

    [Test]
    public void An_op_of_ones_own_comes_back_from_a_file()
    {
        Graph built = new();
        Node x = built.Input(new Shape(3, 4));
        Node gated = built.Apply(new Pairwise<Gate>(), built.Apply(new ChannelScale(), x), x);
        Network network = new(x, built.Apply(new Dense(2, new Activation<Tanh>()), gated), null, new NetworkOptions { Seed = 1 });
        using IO.TemporaryFile file = new();
        string path = file.Path;
        float[] sample = Samples.Array(12, 3);

        // <RegisterOwn>
        Registry.RegisterPairwise<Gate>();
        Registry.RegisterOp("channel-scale", _ => new ChannelScale());
        foreach (string unknown in Registry.Missing(network))
        {
            Console.WriteLine($"no reader will know the {unknown}");
        }

        ModelFile.Save(path, network);
        Network again = ModelFile.Open(path).ToNetwork();

        // </RegisterOwn>
        Assert.That(Registry.Missing(network), Is.Empty);
        Bits.AssertEqual(again.Predict(sample), network.Predict(sample), "prediction");
    }

    [TestCase("Gate")]
    [TestCase("UseGate")]
    [TestCase("ChannelScale")]
    [TestCase("UseScale")]
    [TestCase("RegisterOwn")]
    public void The_page_shows_the_code_that_is_tested(string name)
    {
        string shown = Block(Page, $@"<!-- test: {name} -->\s*```csharp\n(.*?)```");
        string tested = Block(File.ReadAllText(Path.Combine(Folder, "OwnOpTests.cs")), $@"// <{name}>\n(.*?)// </{name}>");
        Assert.That(Words(shown), Is.EqualTo(Words(tested.Replace("internal ", "public ", StringComparison.Ordinal))));
        Assert.That(Words(shown), Is.Not.Empty);
    }

    private static string Folder => Path.Combine(Repository.Root, "tests", "EmbeddedBackprop.Tests", "Documentation");

    private static string Page => File.ReadAllText(Path.Combine(Repository.Root, "docs", "own-op.md"));

    private static GraphRun Run(Shape shape, Func<Graph, Op> op) =>
        new(3, shape, (graph, x) => graph.Apply(op(graph), Layer(graph, x), Layer(graph, x)));

    private static Node Layer(Graph graph, Node x) => graph.Apply(new Dense(x.Shape.Length, new Activation<Identity>()), x);

    private static string Block(string text, string pattern) => Regex.Match(text, pattern, RegexOptions.Singleline).Groups[1].Value;

    private static string Words(string text) => Whitespace().Replace(text, " ").Trim();

    // <Gate>
    internal readonly struct Gate : IPairwiseFunction
    {
        public static string Name => "gate";
        public static string Equation => "a = x sigmoid(y)";
        public static T Value<T>(T x, T y) where T : struct, ILanes<T> => x * T.Sigmoid(y);
        public static T DerivativeX<T>(T x, T y) where T : struct, ILanes<T> => T.Sigmoid(y);
        public static T DerivativeY<T>(T x, T y) where T : struct, ILanes<T>
        {
            T s = T.Sigmoid(y);
            return x * (s * (T.One - s));
        }
    }

    // </Gate>
    private readonly struct WrongGate : IPairwiseFunction
    {
        public static string Name => "gate";

        public static T Value<T>(T x, T y) where T : struct, ILanes<T> => x * T.Sigmoid(y);

        public static T DerivativeX<T>(T x, T y) where T : struct, ILanes<T> => T.Sigmoid(y);

        public static T DerivativeY<T>(T x, T y) where T : struct, ILanes<T> => T.Sigmoid(y);
    }

    // <ChannelScale>
    internal sealed class ChannelScale : KernelOp, IPasses<ChannelScale>
    {
        private Shape input;

        public override string Kind => "channel-scale";

        // The planner may give the output's memory away early.
        public override BackwardReads BackwardReads => BackwardReads.Inputs;

        protected override Passes Passes => Passes.Of<ChannelScale>();

        public override Shape InferShape(string name, ReadOnlySpan<Node> inputs)
        {
            if (inputs.Length != 1 || inputs[0].Shape.Rank < 2)
            {
                throw new ArgumentException($"{name}: expected one input with channels");
            }

            return input = inputs[0].Shape;
        }

        // Scales begin with 1.
        public override void DescribeParameters(ParameterLayout layout) => layout.AddTensor(Name + ".weight", ParameterKind.Scale, input[0]);

        // y = w x, channel by channel
        static void IPasses<ChannelScale>.Forward<T, K>(ChannelScale op, in OpContext<T> c)
        {
            for (int sample = 0; sample < c.Batch; sample++)
            {
                for (int channel = 0; channel < op.input[0]; channel++)
                {
                    K.Scale(c.Parameter(0)[channel], op.Channel(c.InputRows(0), sample, channel), op.Channel(c.OutputRows, sample, channel));
                }
            }
        }

        // dL/dw = the sum of dL/dy x; dL/dx = w dL/dy. Where "Continue" is true, somebody wrote before, and the sum continues from there.
        static void IPasses<ChannelScale>.Backward<T, K>(ChannelScale op, in OpContext<T> c)
        {
            Span<T> w = c.Parameter(0), dw = c.ParameterGradient(0);
            if (!c.ContinueParameterGradients)
            {
                dw.Clear();
            }

            for (int sample = 0; sample < c.Batch; sample++)
            {
                for (int channel = 0; channel < op.input[0]; channel++)
                {
                    Span<T> x = op.Channel(c.InputRows(0), sample, channel), dy = op.Channel(c.OutputGradientRows, sample, channel);
                    dw[channel] += K.Dot(c.Arithmetic, dy, x);
                    if (!c.WantsInputGradient(0))
                    {
                        continue;
                    }

                    Span<T> dx = op.Channel(c.InputGradientRows(0), sample, channel);
                    if (c.ContinueInputGradient(0))
                    {
                        K.MultiplyAdd(c.Arithmetic, w[channel], dy, dx);
                    }
                    else
                    {
                        K.Scale(w[channel], dy, dx);
                    }
                }
            }
        }

        private Span<T> Channel<T>(Matrix<T> values, int sample, int channel) where T : unmanaged
        {
            int positions = input.Length / input[0];
            return values.Row(sample).Slice(channel * positions, positions);
        }
    }

    // </ChannelScale>
    [GeneratedRegex(@"\s+")]
    private static partial Regex Whitespace();
}
