using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Tests.Golden;

/// <summary>The integer forms of ops without weights against integers that a program apart from the engine computed.</summary>
internal sealed class IntegerOpGoldenTests
{
    [Test]
    public void Maximum_pools() => Check("pool", c => c.Text("kind") == "max", c => Run(c, Pool(c)));

    [Test]
    public void Maxima_over_time() => Check("overtime", c => c.Name == "max, all steps", c =>
    {
        _ = (c.Ints("mask"), c.Text("kind"));
        return Run(c, new MaxOverTime());
    });

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

    private static IntegerGoldenRun Run(IntegerCase c, Op op) => new()
    {
        Inputs = [(c.Type("x_type"), c.SampleShape("x"), c.Ints("x"))],
        Output = c.Type("y_type"),
        Build = Apply(op, c.Type("y_type").Bits),
    };

    private static Func<Graph, Node[], Node> Apply(Op op, int bits) => (graph, inputs) =>
    {
        Op? integers = op.Quantized(new QuantizeContext([.. inputs.Select(node => node.Integers!)], bits));
        Assert.That(integers, Is.Not.Null, $"{op.Kind} has an integer form");
        return graph.Apply(integers!, inputs);
    };

    private static Op Pool(IntegerCase c)
    {
        if (!c.Has("window"))
        {
            return new GlobalMaxPool();
        }

        int[] window = c.Ints("window"), stride = c.Ints("stride"), padding = c.Ints("padding");
        Assert.That(c.Flag("count_padding"), Is.False, c.Where);
        return window.Length == 1
            ? new MaxPool1D(window[0], stride[0], padding[0])
            : new MaxPool2D((window[0], window[1]), (stride[0], stride[1]), (padding[0], padding[1]));
    }
}
