using System.Text.Json;
using System.Text.RegularExpressions;
using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Export;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Tests.Golden;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Export;

/// <summary>The exported C has the engine's bits on microcontrollers, in emulators: every self-test counts 0.</summary>
[TestFixture]
[Parallelizable(ParallelScope.Self)]
internal sealed class CDeviceTests
{
    private CBuild build = null!;

    [SetUp]
    public void CreateFolder() => build = new CBuild();

    [TearDown]
    public void DeleteFolder() => build.Dispose();

    [TestCase("cortex-m3")]
    [TestCase("cortex-m4f")]
    [TestCase("cortex-m7")]
    [TestCase("rv32imafc")]
    [TestCase("avr")]
    [TestCase("host")]
    public void What_a_program_writes_and_returns_arrives(string name)
    {
        CDevice device = CDevice.Of(name);
        build.Write(
            "main.c",
            "#include \"device.h\"\nint main(void)\n{\n    device_text(\"one\\n\");\n    device_word(0xDEADBEEFu);\n    device_text(\"\\n\");\n    return 7;\n}\n"
        );
        device.Compile(build, "-O1", "program", "main.c");
        Tools.Result result = device.Run(build, "program");
        Assert.That(result.Output, Is.EqualTo("one\nDEADBEEF\n"), result.Errors);
        Assert.That(result.ExitCode, Is.EqualTo(7));
    }

    [TestCase("cortex-m3", "-Os", 11, Category = "Slow")]
    [TestCase("cortex-m4f", "-O2 -std=gnu17", 12)]
    [TestCase("cortex-m7", "-O3 -std=gnu17", 13, Category = "Slow")]
    [TestCase("cortex-m4f", "-O0", 14, Category = "Slow")]
    [TestCase("cortex-m3", "-O0", 15, Category = "Slow")]
    [TestCase("rv32imafc", "-O2 -std=gnu17", 16, Category = "Slow")]
    [TestCase("cortex-m7", "-Os -DEBP_PORTABLE", 17, Category = "Slow")]
    public void Every_op_gives_the_bits_of_the_engine(string name, string options, int seed)
    {
        CDevice device = CDevice.Of(name);
        CZoo zoo = new(seed);
        foreach ((string file, string text) in zoo.Export(Options(device.Arithmetic) with { Name = "zoo", SelfTestSamples = 5 }))
        {
            build.Write(file, text);
        }

        device.RunChecked(build, options + " -DZOO_SELFTEST_MAIN", "zoo.c", "zoo_weights.c", "zoo_selftest.c");
    }

    [Test]
    public void Control_the_default_dialect_contracts_where_the_file_does_not_forbid_it()
    {
        foreach ((string file, string text) in new CZoo(12).Export(Options(Arithmetic.Separate) with { Name = "zoo", SelfTestSamples = 5 }))
        {
            build.Write(file, text.Replace(CMathTests.ContractionOff, "", StringComparison.Ordinal));
        }

        string[] files = ["zoo.c", "zoo_weights.c", "zoo_selftest.c"];
        CDevice.CortexM4F.RunChecked(build, "-O2 -std=c99 -DZOO_SELFTEST_MAIN", files);
        CDevice.CortexM4F.Compile(build, "-O2 -std=gnu17 -DZOO_SELFTEST_MAIN", "program", files);
        Assert.That(CDevice.CortexM4F.Run(build, "program").ExitCode, Is.Not.Zero);
    }

    [TestCase("cortex-m3", "-O1")]
    [TestCase("cortex-m4f", "-Os -std=gnu17")]
    [TestCase("cortex-m7", "-O2", Category = "Slow")]
    [TestCase("rv32imafc", "-Os", Category = "Slow")]
    public void Every_activation_and_the_golden_nets_give_the_bits_of_the_engine(string name, string options)
    {
        CDevice device = CDevice.Of(name);
        CBundle bundle = new(build);
        foreach (string activation in Registry.ActivationNames)
        {
            Graph graph = new();
            Node input = graph.Input(new Shape(53));
            bundle.Add(
                Plan.ForInference(graph, new PlanOptions(), graph.Apply(new EmbeddedBackprop.Ops.Activate(Registry.Activation(activation)), input)),
                [],
                [],
                Options(device.Arithmetic));
        }

        foreach (string file in GoldenFolder.Files(GoldenFolder.Networks))
        {
            AddGoldenNet(bundle, file, device.Arithmetic);
        }

        bundle.WriteMain();
        device.RunChecked(build, options, build.Together(bundle.Files));
    }

    [TestCase("cortex-m3", "-Os", 2000u, 20)]
    [TestCase("cortex-m3", "-O2", 3000u, 60, Category = "Slow")]
    [TestCase("cortex-m4f", "-Os -std=gnu17", 4000u, 80, Category = "Slow")]
    [TestCase("cortex-m7", "-O2", 5000u, 60, Category = "Slow")]
    public void Random_graphs_give_the_bits_of_the_engine(string name, string options, uint first, int wanted)
    {
        CDevice device = CDevice.Of(name);
        CBundle bundle = new(build);
        bundle.AddRandomGraphs(first, wanted, Options(device.Arithmetic), device == CDevice.CortexM3 ? 30_000 : long.MaxValue);
        bundle.WriteMain();
        device.RunChecked(build, options, build.Together(bundle.Files));
    }

    [TestCase("cortex-m4f", "-O2", 100u, 30, false)]
    [TestCase("cortex-m4f", "-Os", 200u, 60, true, Category = "Slow")]
    [TestCase("cortex-m3", "-Os", 300u, 30, false, Category = "Slow")]
    [TestCase("rv32imafc", "-O2", 400u, 60, true, Category = "Slow")]
    public void Graphs_that_move_elements_in_place_give_the_bits_of_the_engine(
        string name, string options, uint first, int wanted, bool inputInArena)
    {
        CDevice device = CDevice.Of(name);
        CBundle bundle = new(build);
        bundle.AddRandomMoves(first, wanted, Options(device.Arithmetic) with { InputInArena = inputInArena });
        bundle.WriteMain();
        device.RunChecked(build, options, build.Together(bundle.Files));
    }

    [Test]
    public void Fused_arithmetic_in_software_gives_the_same_bits()
    {
        Export(Net(Arithmetic.Fused, 20, 9, 1), null);
        CDevice.CortexM3.RunChecked(build, "-O1 -DNET_SELFTEST_MAIN", "net.c", "net_weights.c", "net_selftest.c");
    }

    /// <summary>
    /// No such compiler is at hand. gcc takes the macros that their manuals list, and IAR's header from a file that stands in for it.
    /// </summary>
    [TestCase("-D__ICCARM__ -U__ARM_FEATURE_FMA -D__ARMVFPV4__=4 -D__ARMVFP__=__ARMVFPV4__", 1)]
    [TestCase("-D__ICCARM__ -D__ARM_FEATURE_FMA", 1)]
    [TestCase("-D__ICCARM__ -U__ARM_FEATURE_FMA", 0)]
    [TestCase("-D__CC_ARM -D__FP_IEEE -D__TARGET_FPU_VFP -D__TARGET_ARCH_7E_M -D__sqrtf=__builtin_sqrtf", 1)]
    [TestCase("-D__CC_ARM -D__FP_IEEE -D__TARGET_FPU_VFP -D__TARGET_ARCH_7_M -D__sqrtf=__builtin_sqrtf", 0)]
    public void IAR_and_armcc_have_their_instructions_and_say_where_there_is_none(string macros, int instruction)
    {
        build.Write("intrinsics.h", """
            #define __VFMA_F32(a, x, y) __builtin_fmaf((x), (y), (a))
            #define __VSQRT_F32(x) __builtin_sqrtf(x)

            """);
        NetworkOptions fused = new() { Arithmetic = Arithmetic.Fused, Seed = 4 };
        Export(NetCompiler.Compile("x = input 5x3; layernorm; gru 4; dense 2 tanh", null, fused), null);
        foreach (string file in (string[])["net.c", "net_selftest.c"])
        {
            // armcc's embedded assembler, as gcc writes it.
            build.Write(file, Regex.Replace(build.Read(file), @"static __asm (uint32_t \w+_fused_bits\([^)]*\))\n\{\n([^}]*)\}", Naked));
        }

        build.Write("main.c", $$"""
            #include "net.h"

            static float output[NET_OUTPUTS], arena[NET_ARENA_FLOATS];

            int main(void)
            {
                return net_selftest(output, arena) == 0u && net_emulates_fma == {{1 - instruction}} ? 0 : 1;
            }

            """);
        string[] files = ["main.c", "net.c", "net_weights.c", "net_selftest.c"];
        string options = "-O2 -I. -Wno-unknown-pragmas -Wno-unused-parameter " + macros;
        CDevice.CortexM4F.RunChecked(build, options, files);
        Assert.That(
            () => CDevice.CortexM4F.Compile(build, options + " -DEBP_REQUIRE_FMA", "program", files),
            instruction == 1 ? Throws.Nothing : Throws.Exception);
        static string Naked(Match match) => $$"""
            __attribute__((naked)) static {{match.Groups[1]}}
            {
                __asm__("{{match.Groups[2].Value.Replace("\n", "\\n", StringComparison.Ordinal)}}");
            }
            """;
    }

    [TestCase("rv32imafc")]
    [TestCase("avr")]
    public void Nets_run_on_other_processors(string name)
    {
        CDevice device = CDevice.Of(name);
        foreach (
            string net in new[]
            {
                "x = input 1x6x6; conv 2 3x3 s2 relu; maxpool 2 s1; dense 6 sigmoid; dense 3 softmax",
                "x = input 5x3; gru 4; dense 2 tanh",
            })
        {
            Export(NetCompiler.Compile(net, null, new NetworkOptions { Arithmetic = device.Arithmetic, Seed = 4 }), CTarget.Find(name));
            device.RunChecked(build, "-Os -DNET_SELFTEST_MAIN", "net.c", "net_weights.c", "net_selftest.c");
        }
    }

    [TestCase("cortex-m3")]
    [TestCase("cortex-m4f")]
    [TestCase("rv32imafc")]
    [TestCase("avr")]
    public void Control_one_wrong_bit_is_counted_on_the_device(string name)
    {
        CDevice device = CDevice.Of(name);
        CBundle bundle = new(build);
        for (int i = 0; i < 2; i++)
        {
            Network network = Net(device.Arithmetic, 5, 3, 2);
            bundle.Add(network.InferencePlan, network.Parameters, [], null, i == 0 ? null : text =>
            {
                int digit = text.IndexOf("u\n};", StringComparison.Ordinal) - 1; // the last bit of the last result
                char[] changed = text.ToCharArray();
                const string Digits = "0123456789ABCDEF";
                changed[digit] = Digits[Digits.IndexOf(changed[digit]) ^ 1];
                return new string(changed);
            });
        }

        bundle.WriteMain();
        device.Compile(build, "-O1", "program", build.Together(bundle.Files));
        Assert.That(device.Run(build, "program").ExitCode, Is.EqualTo(2), "the second net has the wrong bit");
    }

    private static void AddGoldenNet(CBundle bundle, string file, Arithmetic arithmetic)
    {
        using JsonDocument document = GoldenFolder.Read(file);
        GoldenNetwork golden = GoldenNetwork.Read(GoldenJson.Field(document.RootElement, file, "spec"), file);
        Sequential layers = new(golden.Sizes[0]);
        for (int i = 0; i < golden.Activations.Length; i++)
        {
            layers.Dense(golden.Sizes[i + 1], Registry.Activation(golden.Activations[i]));
        }

        Network network = layers.Compile(new NetworkOptions());
        GoldenNetwork.Load(GoldenJson.Tensors(document.RootElement, file, "params"), network.InferencePlan.Parameters, network.Parameters, file);
        bundle.Add(network.InferencePlan, network.Parameters, [], Options(arithmetic));
    }

    private static CExportOptions Options(Arithmetic arithmetic) => new() { Arithmetic = arithmetic };

    private void Export(Network network, CTarget? target) =>
        CExporter.Write(network, build.Folder, new CExportOptions { Name = "net", Target = target });

    private static Network Net(Arithmetic arithmetic, params int[] sizes)
    {
        Sequential layers = new(sizes[0]);
        foreach (int size in sizes.AsSpan(1))
        {
            layers.Dense<Sigmoid>(size);
        }

        return layers.Compile(new NetworkOptions { Arithmetic = arithmetic, Layout = Layout.Compact, Seed = 5 });
    }
}
