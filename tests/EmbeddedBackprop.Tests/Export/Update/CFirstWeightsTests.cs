using EmbeddedBackprop.Export;
using EmbeddedBackprop.Export.Text;
using EmbeddedBackprop.Initializers;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Export;

/// <summary>A device that draws its first weights has those of the engine's initialiser, and no table of them.</summary>
[TestFixture]
[Parallelizable(ParallelScope.Self)]
internal sealed class CFirstWeightsTests
{
    private const ulong Seed = 0x123456789ABCDEF;

    private const string Net =
        "input 1x9x9; conv 4 3x3 valid; batchnorm; activate relu; dense 5 tanh; layernorm; dense 3 softmax";

    private const string Main = """
        #include "device.h"
        #include "net.h"

        int main(void)
        {
            static float memory[NET_SELFTEST_FLOATS];
            net_model model;
            if (net_selftest(memory) != 0u) return 1;
            net_start(&model, memory);
            device_word(net_checksum(&model));
            return 0;
        }

        """;

    private static readonly string[] Files = ["main.c", "net.c", "net_weights.c", "net_selftest.c"];

    private CBuild build = null!;

    [SetUp]
    public void CreateFolder() => build = new CBuild();

    [TearDown]
    public void DeleteFolder() => build.Dispose();

    [TestCase("normal", "gcc -O2")]
    [TestCase("scaled-normal", "gcc -O2", Category = "Slow")]
    [TestCase("lecun", "clang -O2")]
    [TestCase("glorot", "gcc -O0", Category = "Slow")]
    [TestCase("he", "gcc -O3")]
    [TestCase("zeros", "gcc -O2")]
    public void Weights_are_drawn_with_the_bits_of_the_engine(string name, string compiler)
    {
        Export(name, Arithmetic.Fused);
        Assert.That(build.Read("net_weights.c"), Does.Not.Contain("dense1.weight").And.Not.Contain("conv1.bias"));
        CDevice.CopyFile(build, "device.h");
        CDevice.CopyFile(build, "device.c");
        build.Compile(compiler, "program", [.. Files, "device.c"]);
        Tools.Result result = Tools.Run(build.Folder, Path.Combine(build.Folder, "program"));
        Assert.That(result.ExitCode, Is.Zero);
        Assert.That(result.Output.Trim().ToUpperInvariant(), Does.Contain(Checksum(name, Seed).ToString("X8")));
        // The control: the weights of another seed have another sum.
        Assert.That(Checksum(name, Seed + 1), name == "zeros" ? Is.EqualTo(Checksum(name, Seed)) : Is.Not.EqualTo(Checksum(name, Seed)));
    }

    [TestCase("cortex-m4f", "he")]
    [TestCase("cortex-m3", "scaled-normal", Category = "Slow")]
    [TestCase("rv32imafc", "glorot", Category = "Slow")]
    public void A_device_draws_the_same_weights(string device, string name)
    {
        CDevice processor = CDevice.Of(device);
        Export(name, processor.Arithmetic);
        string here = CDevice.Host.RunChecked(build, "-O2 -ffp-contract=off", Files);
        Assert.That(processor.RunChecked(build, "-Os", Files), Is.EqualTo(here));
    }

    [TestCase("e / 4u, words", "e / 2u, words")]
    [TestCase("0xC00000u", "0x400000u")]
    [TestCase("2309737967u", "2309737966u")]
    public void Control_another_draw_is_seen(string text, string planted)
    {
        Export("normal", Arithmetic.Fused);
        Assert.That(build.Read("net.c"), Does.Contain(text));
        build.Write("net.c", build.Read("net.c").Replace(text, planted, StringComparison.Ordinal));
        CDevice.CopyFile(build, "device.h");
        CDevice.CopyFile(build, "device.c");
        build.Compile("gcc -O1", "program", [.. Files, "device.c"]);
        Assert.That(build.Run("program"), Is.EqualTo(1));
    }

    [Test]
    public void An_initialiser_without_single_draws_is_refused() => Assert.That(
        () => Export("orthogonal", Arithmetic.Fused), Throws.InstanceOf<NotSupportedException>().With.Message.Contains("'orthogonal' has no C"));

    [Test]
    public void Frozen_layers_keep_their_tables()
    {
        Export("he", Arithmetic.Fused, "conv1", "batchnorm1");
        Assert.That(build.Read("net_weights.c"), Does.Contain("conv1.weight").And.Not.Contain("dense1.weight"));
        Assert.That(build.Read("net.c"), Does.Not.Contain("/* conv1.weight */"));
        CDevice.Host.RunChecked(build, "-O1 -ffp-contract=off", Files);
    }

    private static Network Make(string initializer, ulong seed, Arithmetic arithmetic) => NetCompiler.Compile(
        Net,
        new SoftmaxCrossEntropy(),
        new NetworkOptions { Batch = 2, Arithmetic = arithmetic, Initializer = Registry.Initializer(initializer), Seed = seed });

    /// <summary>NAME_checksum of a network that the engine begins with.</summary>
    private static uint Checksum(string initializer, ulong seed)
    {
        Network network = Make(initializer, seed, Arithmetic.Fused);
        uint crc = uint.MaxValue;
        foreach (ParameterRange range in network.InferencePlan.Parameters)
        {
            for (int i = 0; i < range.Count; i++)
            {
                float weight = network.Parameters[range.Offset + (i / range.Columns * range.Stride) + (i % range.Columns)];
                crc = CChecksum.Continue(crc, BitConverter.SingleToUInt32Bits(weight));
            }
        }

        return ~crc;
    }

    private void Export(string initializer, Arithmetic arithmetic, params string[] frozen)
    {
        // The network has learnt something else, which the device is to forget.
        Network network = Make("glorot", 7, arithmetic);
        CTrainingOptions training = CTrainingOptions.Of(network, 0.05f) with
        {
            Batch = 2, Initializer = Registry.Initializer(initializer), InitializerSeed = Seed, Frozen = frozen, SelfTestSteps = 1,
        };
        CExporter.Write(network, build.Folder, new CExportOptions { Name = "net", Training = training });
        build.Write("main.c", Main);
    }
}
