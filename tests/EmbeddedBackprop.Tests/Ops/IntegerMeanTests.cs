using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Ops.Integer;

namespace EmbeddedBackprop.Tests.Ops;

/// <summary>Means, normalisations, softmax and embeddings on integers.</summary>
internal sealed class IntegerMeanTests
{
    [TestCase(2, 0, 0, false)]
    [TestCase(3, 2, 1, false)]
    [TestCase(3, 2, 1, true)]
    [TestCase(4, 3, 3, false)]
    [TestCase(5, 1, 2, false)]
    public void Average_pools(int window, int stride, int padding, bool whole)
    {
        AveragePool2D pool = new(window, stride, padding) { CountIncludePad = whole };
        foreach ((int from, int to) in new[] { (8, 8), (16, 8), (8, 16), (16, 16) })
        {
            IntegerRun run = Run(new Shape(3, 7, 9), from, x => IntegerElementTests.Quantized(pool, to, x));
            run.CheckEverything();
            Assert.That(run.StepsFrom((graph, x) => graph.Apply(pool.Unbound(), x)), Is.LessThan(0.51f), $"{from} to {to}");
            if (padding > 0)
            {
                AveragePool2D other = new(window, stride, padding) { CountIncludePad = !whole };
                Assert.That(run.StepsFrom((graph, x) => graph.Apply(other, x)), Is.GreaterThan(1.5f), "another count at the edges is far");
            }
        }
    }

    [Test]
    public void Average_pools_of_signals([Values(8, 16)] int from)
    {
        IntegerRun run = Run(new Shape(3, 17), from, x => IntegerElementTests.Quantized(new AveragePool1D(3, 1, 1), from, x));
        run.CheckEverything();
        Assert.That(run.StepsFrom((graph, x) => graph.Apply(new AveragePool1D(3, 1, 1), x)), Is.LessThan(0.51f));
    }

    [Test]
    public void Global_means([Values(1, 35, 700)] int positions, [Values(8, 16)] int from, [Values(8, 16)] int to)
    {
        IntegerRun run = new(3, new Shape(5, positions), (graph, x) => graph.Apply(IntegerElementTests.Quantized(new GlobalAveragePool(), to, x), x))
        {
            InputBits = from, OutputScale = positions > 100 ? 1f / 400f : 1f / 40f,
        };
        run.CheckEverything();
        Assert.That(run.StepsFrom((graph, x) => graph.Apply(new GlobalAveragePool(), x)), Is.LessThan(0.55f));
        if (positions > 1)
        {
            Node Half(Graph graph, Node x) => graph.Apply(new Scale(0.5f), graph.Apply(new GlobalAveragePool(), x));

            Assert.That(run.StepsFrom(Half), Is.GreaterThan(1.5f), "half of it is far");
        }
    }

    // The largest values everywhere: the sum of 700 of 16 bits is beyond 2^24.
    [Test]
    public void A_mean_whose_sum_a_float_does_not_hold()
    {
        IntegerRun run = new(2, new Shape(1, 700), (graph, x) => graph.Apply(IntegerElementTests.Quantized(new GlobalAveragePool(), 16, x), x))
        {
            InputBits = 16, OutputScale = 1f / 110f, Value = _ => 2f,
        };
        run.CheckEverything();
        Assert.That(run.Compute(Arithmetic.Fused, Layout.Padded, Execution.Vector), Is.All.EqualTo(32767f * (1f / 110f / 200f)));
    }

    [Test]
    public void Means_over_time([Values] bool masked, [Values(8, 16)] int from, [Values(8, 16)] int to)
    {
        Node Mean(Graph graph, Node x, Op op) => masked ? graph.Apply(op, x, IntegerRun.Mask(graph)) : graph.Apply(op, x);

        IntegerRun run = new(4, new Shape(7, 5), (graph, x) => Mean(graph, x, IntegerElementTests.Quantized(new MeanOverTime(), to, x)))
        {
            InputBits = from, MaskSteps = masked ? 7 : 0,
        };
        run.CheckEverything();
        Assert.That(run.StepsFrom((graph, x) => Mean(graph, x, new MeanOverTime())), Is.LessThan(0.51f));
        Assert.That(run.StepsFrom((graph, x) => Mean(graph, x, new MaxOverTime())), Is.GreaterThan(2f), "the maximum is far");
        IntegerRun maximum = new(4, new Shape(7, 5), (graph, x) => Mean(graph, x, new MaxOverTime()))
        {
            InputBits = from, MaskSteps = masked ? 7 : 0,
        };
        maximum.CheckEverything();
        Assert.That(maximum.StepsFrom((graph, x) => Mean(graph, x, new MaxOverTime())), Is.Zero, "a mask stays floats beside integers");
    }

    [Test]
    public void A_mask_holds_no_integers()
    {
        Graph graph = new();
        Node x = graph.Apply(new Quantize(8), graph.Input(new Shape(7, 5))), mask = graph.Apply(new Quantize(8), graph.Input(new Shape(7), "mask"));
        Assert.That(() => graph.Apply(IntegerElementTests.Quantized(new MeanOverTime(), 8, x), x, mask), Throws.ArgumentException);
        Assert.That(() => graph.Apply(new MaxOverTime(), x, mask), Throws.ArgumentException);
    }

    [Test]
    public void Activations_of_a_mean([Values(8, 16)] int to)
    {
        foreach (Activation activation in new Activation[] { new Activation<Relu>(), new Activation<Gelu>() })
        {
            Run(new Shape(3, 6, 6), 8, x => IntegerElementTests.Quantized(new AveragePool2D(2), to, activation, x)).CheckEverything();
            Run(new Shape(3, 6, 6), 8, x => IntegerElementTests.Quantized(new GlobalAveragePool(), to, activation, x)).CheckEverything();
            Run(new Shape(3, 6), 8, x => IntegerElementTests.Quantized(new MeanOverTime(), to, activation, x)).CheckEverything();
            Run(new Shape(3, 6), 8, x => IntegerElementTests.Quantized(new BatchNorm(), to, activation, x)).CheckEverything();
        }
    }

    [TestCase(17, 1, 1)]
    [TestCase(6, 5, 3)]
    public void Batch_norms_that_were_not_folded(int channels, int height, int width)
    {
        foreach ((int from, int to) in new[] { (8, 8), (16, 8), (8, 16), (16, 16) })
        {
            Shape shape = height == 1 ? new(channels) : new(channels, height, width);
            IntegerRun run = Run(shape, from, x => IntegerElementTests.Quantized(new BatchNorm(), to, x));
            run.CheckEverything();
            Assert.That(run.StepsFrom((graph, x) => graph.Apply(new BatchNorm(), x)), Is.LessThan(to == 8 ? 0.51f : 1f), $"{from} to {to}");
            BatchNorm other = new() { Epsilon = 0.1f };
            Assert.That(run.StepsFrom((graph, x) => graph.Apply(other, x)), Is.GreaterThan(1.2f), "another epsilon is far");
        }
    }

    [Test]
    public void A_channel_that_is_all_bias_keeps_it()
    {
        IntegerBatchNorm norm = new(new BatchNorm(), 8, null, null);
        IntegerType x = new(8, 0.02f, 3);
        (int weight, int bias, EmbeddedBackprop.Kernels.Integers.Multiplier factor) = norm.Channel(1e-30f, 1f, 0f, 1f, x, 0.01);
        Assert.That((weight, bias), Is.EqualTo((0, 1 << 30)));
        Assert.That(EmbeddedBackprop.Kernels.Scalar.Rounding.R(bias, factor.M, factor.Shift), Is.EqualTo(100));
        Assert.That(norm.Channel(-2f, 0f, 0f, 1f, x, 0.01).Weight, Is.EqualTo(-127), "the sign is the weight's");
    }

    [TestCase(7)]
    [TestCase(1)]
    [TestCase(300)]
    public void Softmax_of_the_last_axis(int columns)
    {
        SoftmaxOverLastAxis softmax = new();
        Graph floats = new();
        _ = floats.Apply(softmax, floats.Input(new Shape(3, columns)));
        IntegerRun run = Run(new Shape(3, columns), 8, x => IntegerElementTests.Quantized(softmax, 8, x));
        if (columns == 7)
        {
            run.CheckEverything();
            Assert.That(run.StepsFrom((graph, x) => graph.Apply(new Activate(new Activation<Sigmoid>()), x)), Is.GreaterThan(2f), "others are far");
        }

        Assert.That(run.StepsFrom((graph, x) => graph.Apply(new SoftmaxOverLastAxis(), x)), Is.LessThan(columns == 1 ? 1.01f : 0.51f));
    }

    [Test]
    public void Softmax_of_16_bits_stays_floats() =>
        Assert.That(
            new SoftmaxOverLastAxis().Quantized(new QuantizeContext([new IntegerValue(16, new Add())], 8)), Is.Null);

    [Test]
    public void Embeddings([Values(8, 16)] int to)
    {
        IntegerRun run = new(3, new Shape(9), (graph, x) => graph.Apply(IntegerElementTests.Quantized(new Embedding(11, 5), to, x), x))
        {
            ReadsFloats = true, Value = value => MathF.Floor((value + 1f) * 5.4f),
        };
        run.CheckEverything();
        Assert.That(run.StepsFrom((graph, x) => graph.Apply(new Embedding(11, 5), x)), Is.LessThan(0.51f));
        IntegerRun outside = new(3, new Shape(9), (graph, x) => graph.Apply(IntegerElementTests.Quantized(new Embedding(3, 5), to, x), x))
        {
            ReadsFloats = true, Value = value => MathF.Floor((value + 1f) * 5.4f),
        };
        Assert.That(
            () => outside.Compute(Arithmetic.Fused, Layout.Padded, Execution.Vector),
            Throws.ArgumentException.With.Message.Contains("an index must be a whole number from 0 to 2"));
    }

    private static IntegerRun Run(Shape shape, int from, Func<Node, Op> make) =>
        new(3, shape, (graph, x) => graph.Apply(make(x), x)) { InputBits = from };
}
