using EmbeddedBackprop.Export;
using EmbeddedBackprop.Tests.Export;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Golden;

/// <summary>The exported C against integers that a program apart from the engine computed.</summary>
[Parallelizable(ParallelScope.Self)]
internal sealed class IntegerCGoldenTests
{
    private CBuild build = null!;

    [SetUp]
    public void CreateFolder() => build = new CBuild();

    [TearDown]
    public void DeleteFolder() => build.Dispose();

    [Test]
    public void Dense_layers() => Check("dense", IntegerLayerGoldenTests.Run);

    [Test]
    [Category("Slow")]
    public void Convolutions() => Check("convolution", IntegerLayerGoldenTests.Run);

    [Test]
    [Category("Slow")]
    public void Transposed_convolutions() => Check("transposed", IntegerLayerGoldenTests.Run);

    [Test]
    [Category("Slow")]
    public void Pools() => Check("pool", IntegerOpGoldenTests.PoolRun);

    [Test]
    public void Softmax() => Check("softmax", IntegerOpGoldenTests.SoftmaxRun);

    [Test]
    public void Maxima_and_means_over_time() => Check("overtime", IntegerOpGoldenTests.OverTime);

    [Test]
    public void Recurrent_layers()
    {
        IntegerDifferences differences = new();
        foreach (IntegerCase c in IntegerRecurrentGoldenTests.Layers)
        {
            differences.Add(c.Where, Compute(IntegerRecurrentGoldenTests.Run(c, allSteps: true)), c.Ints("h"));
        }

        differences.AssertNone("recurrent layers in C");
    }

    [Test]
    public void Control_a_forgotten_zero_point_is_found()
    {
        IntegerCase c = IntegerCase.Of("dense")[0];
        IntegerGoldenRun run = IntegerLayerGoldenTests.Run(c);
        (IntegerType type, Shape shape, int[] integers) = run.Inputs[0];
        Assert.That(Compute(run), Is.EqualTo(c.Ints("y")));
        Assert.That(Compute(run with { Inputs = [(type with { ZeroPoint = 0 }, shape, integers)] }), Is.Not.EqualTo(c.Ints("y")));
    }

    private void Check(string family, Func<IntegerCase, IntegerGoldenRun> make)
    {
        IntegerDifferences differences = new();
        foreach (IntegerCase c in IntegerCase.Of(family))
        {
            differences.Add(c.Where, Compute(make(c)), c.Ints("y"));
        }

        differences.AssertNone($"{family} in C");
    }

    // The integers of the C of one golden case.
    private int[] Compute(IntegerGoldenRun run)
    {
        using Network network = run.MakeNetwork(Arithmetic.Fused, Layout.Compact, Execution.Vector);
        CExporter.Write(network, build.Folder, new CExportOptions { Name = "net", ReplaceForeignFiles = true });
        build.Write("driver.c", CIntegerNets.FloatDriver);
        string[] files = ["driver.c", "net.c", "net_weights.c"];
        if (run.Mask is null)
        {
            files = [.. files, "net_float.c"];
        }
        else
        {
            // An input that is cut into values and a mask is of floats, and net_predict is in net.c.
            build.Write("net_float.h", "#include \"net.h\"\ntypedef net_memory net_float_memory;\n");
        }

        build.Compile("gcc -O1", "program", files);
        return run.Integers(build.RunOn(run.Samples()));
    }
}
