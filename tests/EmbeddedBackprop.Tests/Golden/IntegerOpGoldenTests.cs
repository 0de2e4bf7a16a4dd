using EmbeddedBackprop.Activations;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Tests.Golden;

/// <summary>The integer forms of ops without weights against integers that a program apart from the engine computed.</summary>
internal sealed class IntegerOpGoldenTests
{
    [Test]
    public void Maximum_pools() => Check("pool", c => c.Text("kind") == "max", PoolRun);

    [Test]
    public void Mean_pools() => Check("pool", c => c.Text("kind") == "mean", PoolRun);

    [Test]
    public void Maxima_and_means_over_time() => Check("overtime", _ => true, OverTime);

    [Test]
    public void Sums_and_differences() => Check("sum", _ => true, Sum);

    [Test]
    public void Products() => Check("product", _ => true, Product);

    [Test]
    public void Functions_by_table() => Check("table", _ => true, c =>
    {
        _ = c.Ints("table");
        IntegerType x = c.Type("x_type");
        return new()
        {
            Inputs = [(x, new Shape(1), c.Ints("x"))],
            Output = c.Type("y_type"),
            Build = Apply(new Activate(Registry.Activation(c.Text("function"))), c.Type("y_type").Bits, null),
        };
    });

    [Test]
    public void Softmax() => Check("softmax", _ => true, SoftmaxRun);

    [Test]
    public void Batch_norms_by_themselves() => Check("batchnorm", _ => true, Norm);

    [Test]
    public void Control_a_forgotten_zero_point_is_found()
    {
        int count = 0;
        count += Forget("pool", c => c.Text("kind") == "mean", PoolRun);
        count += Forget("overtime", c => c.Text("kind") == "mean", OverTime);
        count += Forget("sum", _ => true, Sum);
        count += Forget("product", _ => true, Product);
        count += Forget("batchnorm", _ => true, Norm);
        Assert.That(count, Is.GreaterThan(20));
    }

    [Test]
    public void Control_one_more_or_less_in_the_count_of_a_mean_is_found()
    {
        foreach (IntegerCase c in IntegerCase.Of("pool").Where(c => c.Text("kind") == "mean" && c.Name.StartsWith("3x3", StringComparison.Ordinal)))
        {
            IntegerDifferences differences = new();
            AveragePool2D other = new(3, 2, 1) { CountIncludePad = !c.Flag("count_padding") };
            Run(c, other).Check(c.Where, c.Ints("y"), differences);
            Assert.That(differences.Any, Is.True, c.Where);
        }
    }

    // The number of cases whose first input has a zero point; each must find that it is taken for 0.
    private static int Forget(string family, Func<IntegerCase, bool> take, Func<IntegerCase, IntegerGoldenRun> make)
    {
        int count = 0;
        foreach (IntegerCase c in IntegerCase.Of(family).Where(take))
        {
            IntegerGoldenRun run = make(c);
            (IntegerType type, Shape shape, int[] integers) = run.Inputs[0];
            if (type.ZeroPoint != 0)
            {
                IntegerDifferences differences = new();
                run = run with { Inputs = [(type with { ZeroPoint = 0 }, shape, integers), .. run.Inputs[1..]] };
                run.Check(c.Where, c.Ints("y"), differences);
                Assert.That(differences.Any, Is.True, c.Where);
                count++;
            }
        }

        return count;
    }

    /// <summary>The network of a case of softmax.</summary>
    public static IntegerGoldenRun SoftmaxRun(IntegerCase c)
    {
        _ = c.Ints("table");
        return Run(c, new SoftmaxOverLastAxis());
    }

    /// <summary>The network of a case of maxima and means over time.</summary>
    public static IntegerGoldenRun OverTime(IntegerCase c)
    {
        int[] mask = c.Ints("mask");
        IntegerGoldenRun run = Run(c, c.Text("kind") == "max" ? new MaxOverTime() : new MeanOverTime());
        return mask.Contains(0) ? run with { Mask = (c.SampleShape("mask"), mask) } : run;
    }

    private static IntegerGoldenRun Sum(IntegerCase c)
    {
        int[] signs = c.Ints("signs");
        _ = (c.Ints("factor"), c.Int("shift"), c.Int("low"), c.Int("high"));
        return Combined(c, signs.Contains(-1) ? new Subtract() : new Add(), Activation(c));
    }

    private static IntegerGoldenRun Product(IntegerCase c)
    {
        _ = (c.Ints("multiplier"), c.Ints("shift"));
        return Combined(c, new Multiply(), null);
    }

    private static IntegerGoldenRun Norm(IntegerCase c) => Run(c, new BatchNorm { Epsilon = c.Float("epsilon") }, Activation(c)) with
    {
        Parameters = new() { ["weight"] = c.Floats("gamma"), ["bias"] = c.Floats("beta") },
        State = new() { ["running_mean"] = c.Floats("mean"), ["running_var"] = c.Floats("variance") },
    };

    /// <summary>The network of a case of pools.</summary>
    public static IntegerGoldenRun PoolRun(IntegerCase c) => Run(c, Pool(c));

    private static void Check(string family, Func<IntegerCase, bool> take, Func<IntegerCase, IntegerGoldenRun> run)
    {
        IntegerDifferences differences = new();
        foreach (IntegerCase c in IntegerCase.Of(family).Where(take))
        {
            run(c).Check(c.Where, c.Ints("y"), differences);
            c.AssertAllRead();
        }

        differences.AssertNone(family);
    }

    private static Activation? Activation(IntegerCase c) => c.Text("activation") is "identity" ? null : Registry.Activation(c.Text("activation"));

    private static IntegerGoldenRun Run(IntegerCase c, Op op, Activation? activation = null) => new()
    {
        Inputs = [(c.Type("x_type"), c.SampleShape("x"), c.Ints("x"))],
        Output = c.Type("y_type"),
        Build = Apply(op, c.Type("y_type").Bits, activation),
    };

    // Each element is a sample of one element.
    private static IntegerGoldenRun Combined(IntegerCase c, Op op, Activation? activation)
    {
        IntegerType[] types = c.Types("x_types");
        int[] x = c.Ints("x");
        int count = x.Length / types.Length;
        return new()
        {
            Inputs = [.. types.Select((type, i) => (type, new Shape(1), x.AsSpan(i * count, count).ToArray()))],
            Output = c.Type("y_type"),
            Build = Apply(op, c.Type("y_type").Bits, activation),
        };
    }

    private static Func<Graph, Node[], Node> Apply(Op op, int bits, Activation? activation) => (graph, inputs) =>
    {
        // The float op knows its sizes when it is asked.
        Op floats = op.Unbound();
        Graph other = new();
        _ = other.Apply(floats, [.. inputs.Select((node, i) => other.Input(node.Shape, $"x{i}"))]);
        Op? integers = floats.Quantized(new QuantizeContext([.. inputs.Select(node => node.Integers).OfType<IntegerValue>()], bits, activation));
        Assert.That(integers, Is.Not.Null, $"{op.Kind} has an integer form");
        return graph.Apply(integers!, inputs);
    };

    private static Op Pool(IntegerCase c)
    {
        bool max = c.Text("kind") == "max";
        if (!max)
        {
            _ = (c.Ints("count"), c.Ints("multiplier"), c.Ints("shift"));
        }

        if (!c.Has("window"))
        {
            // A maximum of all is a maximum over a window of all.
            Shape all = c.SampleShape("x");
            return max ? new MaxPool2D((all[1], all[2])) : new GlobalAveragePool();
        }

        int[] window = c.Ints("window"), stride = c.Ints("stride"), padding = c.Ints("padding");
        bool whole = c.Flag("count_padding");
        return (max, window.Length) switch
        {
            (true, 1) => new MaxPool1D(window[0], stride[0], padding[0]),
            (true, _) => new MaxPool2D((window[0], window[1]), (stride[0], stride[1]), (padding[0], padding[1])),
            (false, 1) => new AveragePool1D(window[0], stride[0], padding[0]) { CountIncludePad = whole },
            _ => new AveragePool2D((window[0], window[1]), (stride[0], stride[1]), (padding[0], padding[1])) { CountIncludePad = whole },
        };
    }
}
