using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Export;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Ops.Integer;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Export;

/// <summary>Routines of which a net needs two forms at once, and sizes that end in the middle of what a routine computes at once.</summary>
[TestFixture]
[Parallelizable(ParallelScope.Self)]
internal sealed class CVariantsTests
{
    private CBuild build = null!;

    [SetUp]
    public void CreateFolder() => build = new CBuild();

    [TearDown]
    public void DeleteFolder() => build.Dispose();

    [Test]
    public void Gradients_that_begin_and_gradients_that_are_added_have_routines_of_their_own()
    {
        CTrainingParity parity = new(build, [Norms(), NormTwice(), Rows()]);
        parity.Export();
        Assert.That(parity.FirstDifference("gcc -O0"), Is.Null);
    }

    [TestCase("t0_batch_norm_backward_add(", "t0_batch_norm_backward(")]
    [TestCase("t1_batch_norm_backward_again(", "t1_batch_norm_backward(")]
    public void Control_one_routine_for_both_gives_other_bits(string called, string planted)
    {
        int found = 0;
        CTrainingParity parity = new(build, [Norms(), NormTwice()]);
        parity.Export(source =>
        {
            // The first is the routine itself, the second its call.
            int call = source.LastIndexOf(called, StringComparison.Ordinal);
            found += call < 0 ? 0 : 1;
            return call < 0 ? source : string.Concat(source.AsSpan(0, call), planted, source.AsSpan(call + called.Length));
        });
        Assert.That(found, Is.EqualTo(1));
        Assert.That(parity.FirstDifference("gcc -O0 -Wno-unused-function"), Is.Not.Null);
    }

    /// <summary>Both norms have 8 bits; the second one's factors are so large, but for one, that they are shifted to the left.</summary>
    [Test]
    public void Wide_and_narrow_factors_of_channels_have_routines_of_their_own()
    {
        using Network network = CIntegerNets.Make(
            new Shape(3, 4, 4), 8, (g, x) => g.Apply(Norm(), g.Apply(Norm(), x)), new Activation<Sigmoid>(), seed: 2);
        StateRange last = network.InferencePlan.State.ToArray().Last(range => range.Name.EndsWith(".range", StringComparison.Ordinal));
        Assert.That(last.Name, Does.StartWith("batchnorm2"));
        network.State[last.Offset] = 1f / 40000f;
        ParameterRange gamma = network.InferencePlan.Parameters.ToArray().Single(range => range.Name == "batchnorm2.weight");
        gamma.CopyFrom<float>([1f, 1e-4f, -1f], network.Parameters);
        string[] files = CIntegerNets.Export(build, network, "net");
        string source = build.Read("net.c");
        Assert.That(source, Does.Contain(" net_channel_factors_i8_i8(&").And.Contain(" net_channel_factors_i8_i8_wide(&"));
        build.Compile("gcc -O0 -DNET_SELFTEST_MAIN", "selftest", files);
        Assert.That(build.Run("selftest"), Is.Zero);
        build.Write("net.c", source.Replace(" net_channel_factors_i8_i8_wide(&", " net_channel_factors_i8_i8(&", StringComparison.Ordinal));
        build.Compile("gcc -O0 -Wno-unused-function -DNET_SELFTEST_MAIN", "selftest", files);
        Assert.That(build.Run("selftest"), Is.Not.Zero, "control: the narrow routine for both");
    }

    [Test]
    public void An_embedding_of_16_bits_has_its_integers()
    {
        using Network network = CIntegerNets.Make(
            new Shape(7), 0, (g, x) => g.Apply(new IntegerEmbedding(new Embedding(CIntegerNets.Tokens, 6), 16, null), x), null, seed: 3);
        string[] files = CIntegerNets.Export(build, network, "net");
        Assert.That(build.Read("net.h"), Does.Contain("int16_t net_embedding1_rows["));
        build.Compile("gcc -O0 -DNET_SELFTEST_MAIN", "selftest", files);
        Assert.That(build.Run("selftest"), Is.Zero);
    }

    /// <summary>
    /// Kernels that leave the image on one side alone, rows and sums that are no multiple of a tile: nothing beyond an array is read or written.
    /// </summary>
    [TestCase("input 2x8x7; conv 4 3x2 same s2 relu; flatten; dense 3", CStorage.Float32)]
    [TestCase("input 3x9x8; conv 5 2x3 same s1x2 relu; flatten; dense 13", CStorage.Float32)]
    [TestCase("input 16x6x5; conv 4 4x4 relu; flatten; dense 2", CStorage.Float32)]
    [TestCase("input 16x6x5; conv 4 4x4 relu; flatten; dense 2", CStorage.Int8, Category = "Slow")]
    [TestCase("input 3x5x14; conv 4 3x9; flatten; dense 2", CStorage.Float32)]
    [TestCase("input 3x5x19; conv 3 2x9 d1x2 tanh; flatten; dense 2", CStorage.Float32)]
    [TestCase("input 2x6x1; conv 4 3x3 same; flatten; dense 2", CStorage.Float32)]
    [TestCase("input 2x10; conv1d 3 3 same s2; flatten; dense 13 tanh; dense 29", CStorage.Int8)]
    public void Sizes_beside_a_tile_stay_within_their_arrays(string net, CStorage storage)
    {
        using Network network = NetCompiler.Compile(net, null, new NetworkOptions { Seed = 5 });
        CExportOptions options = new() { Name = "net", Storage = storage };
        CExporter.Write(network, build.Folder, options);
        CExporter.StoredParameters(network.InferencePlan, network.Parameters, options).CopyTo(network.Parameters);
        build.CheckBits(network, "gcc -O1 -fsanitize=address,undefined -fno-sanitize-recover=all", Samples.Array(network.Input.Shape.Length * 5, 3));
    }

    [TestCase("outputs - (outputs % ", "outputs - (0u % ")]
    public void Control_a_sum_beyond_the_outputs_is_found(string text, string planted)
    {
        using Network network = NetCompiler.Compile("input 7; dense 13", null, new NetworkOptions { Seed = 5 });
        CExporter.Write(network, build.Folder, new CExportOptions { Name = "net" });
        Assert.That(build.Read("net.c"), Does.Contain(text));
        build.Write("net.c", build.Read("net.c").Replace(text, planted, StringComparison.Ordinal));
        Assert.That(
            () => build.CheckBits(network, "gcc -O1 -fsanitize=address,undefined -fno-sanitize-recover=all", Samples.Array(7 * 5, 3)),
            Throws.TypeOf<AssertionException>());
    }

    /// <summary>Two norms read one layer: its gradient begins in the one and is added in the other.</summary>
    private static CTrainingCase Norms() => new("two norms of one value", graph =>
    {
        Node x = graph.Input(new Shape(5)), h = graph.Apply(new Dense(6, new Activation<Tanh>()), x);
        Node a = graph.Apply(new BatchNorm(), h), b = graph.Apply(new BatchNorm(), h);
        Node y = graph.Apply(new Dense(3, new Activation<Identity>()), graph.Apply(new Multiply(), a, b));
        return ([y], [graph.Apply(new Loss<Quadratic>(), [y, graph.Input(new Shape(3), "target")])]);
    }) { Batch = 3, Updates = 10, LearningRate = 0.01f };

    /// <summary>One norm is applied twice: the gradient of its weights begins in the one place and is added in the other.</summary>
    private static CTrainingCase NormTwice() => new("a norm that is used twice", graph =>
    {
        BatchNorm norm = new();
        Node x = graph.Input(new Shape(5)), a = graph.Apply(norm, graph.Apply(new Dense(6, new Activation<Tanh>()), x));
        Node b = graph.Apply(norm, graph.Apply(new Dense(6, new Activation<Sigmoid>()), a));
        Node y = graph.Apply(new Dense(3, new Activation<Identity>()), b);
        return ([y], [graph.Apply(new Loss<Quadratic>(), [y, graph.Input(new Shape(3), "target")])]);
    }) { Batch = 3, Updates = 10, LearningRate = 0.01f };

    /// <summary>A softmax of rows whose input is given: nobody asks for its gradient.</summary>
    private static CTrainingCase Rows() => new("softmax of given rows", graph =>
    {
        Node x = graph.Input(new Shape(4, 3)), a = graph.Apply(new SoftmaxOverLastAxis(), x);
        Node y = graph.Apply(new Dense(3, new Activation<Identity>()), a);
        return ([y], [graph.Apply(new Loss<Quadratic>(), [y, graph.Input(new Shape(3), "target")])]);
    }) { Batch = 2, Updates = 10, LearningRate = 0.01f };

    private static IntegerBatchNorm Norm() => new(new BatchNorm(), 8, null, null);
}
