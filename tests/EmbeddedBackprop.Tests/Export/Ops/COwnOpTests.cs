using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Tests.Documentation;

namespace EmbeddedBackprop.Tests.Export;

/// <summary>A function of two nodes of a user's own is exported to C, for predictions and for training, with the engine's bits.</summary>
[TestFixture]
[Parallelizable(ParallelScope.Self)]
internal sealed class COwnOpTests
{
    private CBuild build = null!;

    [SetUp]
    public void CreateFolder() => build = new CBuild();

    [TearDown]
    public void DeleteFolder() => build.Dispose();

    [TestCase("gcc -O0")]
    [TestCase("clang -O2")]
    [TestCase("gcc -O1 -fsanitize=address,undefined -fno-sanitize-recover=all", Category = "Slow")]
    public void On_this_machine(string compiler) => Assert.That(FirstDifference(compiler, text => text), Is.Null);

    [TestCase("cortex-m4f", "-Os")]
    public void On_a_device(string name, string options)
    {
        CDevice device = CDevice.Of(name);
        CTrainingParity parity = new(build, [.. Cases(device.Arithmetic)]);
        parity.Export();
        Assert.That(parity.FirstDifference(device, options), Is.Null);
    }

    [TestCase("a[i] = x[i] * ", "a[i] = x[i] + ")]
    [TestCase("d[i] = da[i] * ", "d[i] = da[i] + ")]
    [TestCase("d[i] = EBP_M(", "d[i] = EBP_M(2.0f * ")]
    public void Control_another_formula_gives_other_bits(string text, string planted)
    {
        bool found = false;
        string? difference = FirstDifference("gcc -O0", source =>
        {
            found |= source.Contains(text, StringComparison.Ordinal);
            return source.Replace(text, planted, StringComparison.Ordinal);
        });
        Assert.That(found, Is.True, "the text is in the source");
        Assert.That(difference, Is.Not.Null);
    }

    [Test]
    public void Two_functions_of_one_name_are_two_routines()
    {
        CTrainingParity parity = new(build, [new CTrainingCase("one name", graph =>
        {
            Node z = Layer(graph, graph.Input(new Shape(6), "x"));
            Node gated = graph.Apply(new Pairwise<OwnOpTests.Gate>(), z, Layer(graph, z));
            return End(graph, graph.Apply(new Pairwise<OtherGate>(), gated, z));
        })
        { Updates = 5 }]);
        parity.Export();
        Assert.That(build.Read("t0.c"), Does.Contain("t0_pair_gate(").And.Contain("t0_pair_gate_2("));
        Assert.That(parity.FirstDifference("gcc -O0"), Is.Null);
    }

    private string? FirstDifference(string compiler, Func<string, string> change)
    {
        CTrainingParity parity = new(build, [.. Cases(Arithmetic.Fused), .. Cases(Arithmetic.Separate)]);
        parity.Export(change);
        return parity.FirstDifference(compiler);
    }

    private static IEnumerable<CTrainingCase> Cases(Arithmetic arithmetic)
    {
        foreach (int batch in (int[])[1, 3])
        {
            yield return new CTrainingCase("two layers", graph =>
            {
                Node x = graph.Input(new Shape(6), "x");
                return End(graph, graph.Apply(new Pairwise<OwnOpTests.Gate>(), Layer(graph, x), Layer(graph, x)));
            }) { Arithmetic = arithmetic, Batch = batch, Updates = 10 };
            yield return new CTrainingCase("one layer, read twice and once more", graph =>
            {
                Node z = Layer(graph, graph.Input(new Shape(6), "x"));
                return End(graph, graph.Apply(new Pairwise<OwnOpTests.Gate>(), graph.Apply(new Pairwise<OwnOpTests.Gate>(), z, z), z));
            }) { Arithmetic = arithmetic, Batch = batch, Updates = 10 };
        }
    }

    private static Node Layer(Graph graph, Node x) => graph.Apply(new Dense(5, new Activation<Identity>()), x);

    private static (Node[] Outputs, Node[] Losses) End(Graph graph, Node a)
    {
        Node y = graph.Apply(new Dense(2, new Activation<Tanh>()), a);
        return ([y], [graph.Apply(new Loss<Quadratic>(), y, graph.Input(new Shape(2), "target"))]);
    }

    private readonly struct OtherGate : IPairwiseFunction
    {
        public static string Name => "gate";

        public static T Value<T>(T x, T y) where T : struct, ILanes<T> => x * T.Tanh(y);

        public static T DerivativeX<T>(T x, T y) where T : struct, ILanes<T> => T.Tanh(y);

        public static T DerivativeY<T>(T x, T y) where T : struct, ILanes<T>
        {
            T t = T.Tanh(y);
            return x * (T.One - (t * t));
        }
    }
}
