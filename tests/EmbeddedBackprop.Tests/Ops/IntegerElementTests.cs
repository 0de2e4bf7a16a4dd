using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Ops.Integer;

namespace EmbeddedBackprop.Tests.Ops;

/// <summary>Ops on integers, element by element: activations by themselves, sums, differences, products, scales.</summary>
internal sealed class IntegerElementTests
{
    private static readonly Activation[] Activations =
    [
        new Activation<Relu>(), new Activation<Relu6>(), new Activation<Sigmoid>(), new Activation<Gelu>(), new Activation<LeakyRelu>(),
    ];

    [Test]
    public void Activations_by_themselves([ValueSource(nameof(Activations))] Activation activation, [Values(8, 16)] int from, [Values(8, 16)] int to)
    {
        IntegerRun run = new(3, new Shape(37), (graph, x) => graph.Apply(Quantized(new Activate(activation), to, x), x)) { InputBits = from };
        run.CheckEverything();

        // Half a step, and what a straight line between two entries of a table is off by.
        Assert.That(run.StepsFrom((graph, x) => graph.Apply(new Activate(activation), x)), Is.LessThan(from == 16 ? 1.6f : 0.51f));
        Assert.That(run.StepsFrom((graph, x) => graph.Apply(new Activate(new Activation<Elu>()), x)), Is.GreaterThan(2f), "another function is far");
    }

    [Test]
    public void An_activation_that_does_nothing_keeps_the_integers() =>
        new IntegerRun(3, new Shape(9), (graph, x) =>
        {
            Node y = graph.Apply(Quantized(new Activate(new Activation<Identity>()), 8, x), x);
            Assert.That(y.Integers, Is.SameAs(x.Integers));
            return y;
        }).CheckEverything();

    [TestCase(8, 8, 8)]
    [TestCase(8, 8, 16)]
    [TestCase(16, 8, 8)]
    [TestCase(8, 16, 16)]
    [TestCase(16, 16, 16)]
    public void Sums(int from, int other, int to)
    {
        IntegerRun run = new(3, new Shape(37), (graph, x) => Sum(graph, x, other, inputs => Quantized(new Add(), to, inputs))) { InputBits = from };
        run.CheckEverything();
        Assert.That(run.StepsFrom((graph, x) => FloatSum(graph, x, new Add())), Is.LessThan(to == 8 ? 1f : 130f));
        Assert.That(run.StepsFrom((graph, x) => graph.Apply(new Add(), x, x)), Is.GreaterThan(2f), "another sum is far");
    }

    [Test]
    public void Activations_of_a_sum([ValueSource(nameof(Activations))] Activation activation, [Values(8, 16)] int to) =>
        new IntegerRun(3, new Shape(37), (graph, x) => Sum(graph, x, 8, inputs => Quantized(new Add(), to, activation, inputs))).CheckEverything();

    [Test]
    public void Sums_of_one_node_twice_and_of_five([Values(8, 16)] int to)
    {
        IntegerRun twice = new(3, new Shape(37), (graph, x) => graph.Apply(Quantized(new Add(), to, x, x), x, x));
        twice.CheckEverything();
        Assert.That(twice.StepsFrom((graph, x) => graph.Apply(new Add(), x, x)), Is.LessThan(0.51f));
        IntegerRun five = new(3, new Shape(37), (graph, x) => graph.Apply(Quantized(new Add(), to, x, x, x, x, x), [x, x, x, x, x]))
        {
            OutputScale = 1f / 15f,
        };
        five.CheckEverything();
        Assert.That(five.StepsFrom((graph, x) => graph.Apply(new Add(), [x, x, x, x, x])), Is.LessThan(to == 8 ? 0.51f : 1.1f));
    }

    [TestCase(8, 8)]
    [TestCase(16, 16)]
    public void Differences(int from, int to)
    {
        IntegerRun run = new(3, new Shape(37), (graph, x) => Sum(graph, x, from, inputs => Quantized(new Subtract(), to, inputs)))
        {
            InputBits = from,
        };
        run.CheckEverything();
        Assert.That(run.StepsFrom((graph, x) => FloatSum(graph, x, new Subtract())), Is.LessThan(to == 8 ? 1f : 2f));
        Assert.That(run.StepsFrom((graph, x) => FloatSum(graph, x, new Add())), Is.GreaterThan(2f), "the sum is far from the difference");
    }

    [Test]
    public void A_sum_beyond_32_bits_is_refused()
    {
        IntegerSum sum = new("add", false, 8, null, null) { Name = "add1" };
        IntegerType[] types = [new(8, 1f, 0), new(8, 1f, 0)];
        int[] factors = new int[2];
        Assert.That(sum.Factors(types, 1, factors), Is.EqualTo(20), "a million times 128, twice, is below 2^30");
        Assert.That(factors, Is.EqualTo(new[] { 1 << 20, 1 << 20 }));
        Assert.That(sum.Factors([new(8, 1f, 127), new(16, 1f, 0)], 1.0, factors), Is.EqualTo(14), "255 and 32768 times 2^14 are below 2^30");
        Assert.That(() => sum.Factors(types, 1e-7, factors), Throws.ArgumentException.With.Message.StartsWith("add1: the scale of an input"));
    }

    [TestCase(8, 8, 8)]
    [TestCase(8, 16, 8)]
    [TestCase(16, 16, 16)]
    public void Products(int from, int other, int to)
    {
        IntegerRun run = new(3, new Shape(37), (graph, x) => Sum(graph, x, other, inputs => Quantized(new Multiply(), to, inputs)))
        {
            InputBits = from,
        };
        run.CheckEverything();
        Assert.That(run.StepsFrom((graph, x) => FloatSum(graph, x, new Multiply())), Is.LessThan(to == 8 ? 1.2f : 2f));
        Assert.That(run.StepsFrom((graph, x) => graph.Apply(new Multiply(), x, x)), Is.GreaterThan(2f), "another product is far");
        new IntegerRun(
            3, new Shape(37), (graph, x) => Sum(graph, x, other, inputs => Quantized(new Multiply(), to, new Activation<Silu>(), inputs)))
        {
            InputBits = from,
        }.CheckEverything();
    }

    [Test]
    public void Scales([Values(0.37f, -1.4f, 0f)] float factor, [Values] bool trained, [Values(8, 16)] int from, [Values(8, 16)] int to)
    {
        IntegerRun run = new(3, new Shape(37), (graph, x) => graph.Apply(Quantized(new Scale(factor, trained), to, x), x)) { InputBits = from };
        float steps = run.StepsFrom((graph, x) => graph.Apply(new Scale(factor, trained), x));
        Assert.That(steps, Is.LessThan(0.51f));
        if (factor != 0)
        {
            run.CheckEverything();
            Assert.That(run.StepsFrom((graph, x) => graph.Apply(new Scale(-factor, trained), x)), Is.GreaterThan(2f), "the other sign is far");
        }
    }

    [Test]
    public void A_positive_constant_moves_the_integers_of_its_input()
    {
        IntegerScale scale = new(new Scale(0.3f), 8, null, null) { Name = "scale1" };
        IntegerType type = new(8, 0.0173f, 21), expected = type with { Scale = 0.3f * 0.0173f };
        Assert.That(scale.FixedType([type]), Is.EqualTo(expected));
        (int m, int shift) = IntegerScale.Factor(0.3f, type, expected.Scale);
        for (int q = -149; q <= 106; q++)
        {
            Assert.That(EmbeddedBackprop.Kernels.Scalar.Rounding.R(q, m, shift), Is.EqualTo(q));
        }

        Assert.That(new IntegerScale(new Scale(-0.3f), 8, null, null).FixedType([type]), Is.Null, "a negative one turns the range");
        Assert.That(new IntegerScale(new Scale(0.3f, trained: true), 8, null, null).FixedType([type]), Is.Null, "a trained one is not constant");
    }

    [Test]
    public void Integers_get_another_scale_so_that_they_join_others([Values(8, 16)] int from) =>
        new IntegerRun(3, new Shape(37), (graph, x) =>
        {
            Node y = graph.Apply(Quantized(new Activate(new Activation<Gelu>()), 8, x), x);
            Node again = graph.Apply(new IntegerScale(new Scale(1f), 8, null, y.Integers), x);
            Assert.That(again.Integers, Is.SameAs(y.Integers));
            return graph.Apply(new Concat(), y, again);
        }) { InputBits = from }.CheckEverything();

    internal static Op Quantized(Op op, int bits, params Node[] inputs) => Quantized(op, bits, null, inputs);

    internal static Op Quantized(Op op, int bits, Activation? activation, params Node[] inputs) =>
        op.Quantized(new QuantizeContext([.. inputs.Where(input => input.Integers is not null).Select(input => input.Integers!)], bits, activation))!;

    /// <summary>An op of x and of a function of x that has another scale.</summary>
    private static Node Sum(Graph graph, Node x, int bits, Func<Node[], Op> make)
    {
        Node other = graph.Apply(Quantized(new Activate(new Activation<Tanh>()), bits, x), x);
        return graph.Apply(make([other, x]), other, x);
    }

    private static Node FloatSum(Graph graph, Node x, Op op) => graph.Apply(op, graph.Apply(new Activate(new Activation<Tanh>()), x), x);
}
