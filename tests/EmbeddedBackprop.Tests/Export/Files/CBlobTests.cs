using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Export;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Export;

/// <summary>
/// Tables as a binary of their own: the bits of the engine, wherever it is placed; damage and other nets are found, other trainings are read.
/// </summary>
[TestFixture]
[Parallelizable(ParallelScope.Self)]
internal sealed class CBlobTests
{
    private const string Net = "input 1x10x10; conv 3 3x3; batchnorm; activate relu; maxpool 2; dense 5 softmax";

    private CBuild build = null!;

    [SetUp]
    public void CreateFolder() => build = new CBuild();

    [TearDown]
    public void DeleteFolder() => build.Dispose();

    [TestCase("gcc -O2", CStorage.Float32)]
    [TestCase("clang -O1", CStorage.Float16)]
    [TestCase("gcc -O0", CStorage.Int8)]
    public void The_program_has_the_bits_of_the_engine(string compiler, CStorage storage)
    {
        Network network = Network();
        CExportOptions options = Options(storage) with
        {
            InputMeans = [.. Enumerable.Repeat(0.5f, 100)], InputScales = [.. Enumerable.Repeat(2f, 100)],
        };
        CExporter.Write(network, build.Folder, options with { BinaryWeights = false });
        string steps = build.Read("net.c");
        string[] files = [.. CExporter.Write(network, build.Folder, options).Select(Path.GetFileName)!];
        Assert.That(files, Does.Contain("net_weights.bin"));
        Assert.That(build.Read("net_weights.c"), Does.Not.Contain("0x1."), "no table is C");
        Assert.That(
            build.Read("net.c").Replace("return net_weights.model_hash;", $"return \"{WeightsHash.Of(network)}\";", StringComparison.Ordinal),
            Is.EqualTo(steps));
        Assert.That(File.ReadAllBytes(Path.Combine(build.Folder, "net_weights.bin")), Is.EqualTo(CExporter.Weights(network, options)));
        build.Compile(compiler + " -DNET_SELFTEST_MAIN", "selftest", "net.c", "net_weights.c", "net_selftest.c");
        Assert.That(build.Run("selftest"), Is.Zero);
    }

    [Test]
    public void A_training_reads_its_first_weights_from_the_binary()
    {
        Network network = new Sequential(7).Dense<Tanh>(5).Dense<Identity>(3).Compile<MeanSquared>(new NetworkOptions { Seed = 1 });
        CTrainingOptions training = CTrainingOptions.Of(network, 0.1f) with { Frozen = ["dense1"] };
        CExporter.Write(network, build.Folder, Options(CStorage.Int8) with { Training = training });
        build.Compile("gcc -O1 -DNET_SELFTEST_MAIN", "selftest", "net.c", "net_weights.c", "net_selftest.c", "net_storage.c");
        Assert.That(build.Run("selftest"), Is.Zero);
    }

    [TestCase(CStorage.Float32)]
    [TestCase(CStorage.Int8)]
    public void Every_changed_byte_and_every_other_net_is_found_and_another_training_is_read(CStorage storage)
    {
        Network network = Network(), retrained = Network(seed: 8), other = Network(net: Net.Replace("relu", "tanh", StringComparison.Ordinal));
        CExporter.Write(network, build.Folder, Options(storage));
        byte[] own = CExporter.Weights(network, Options(storage));
        WriteLoader(own.Length);
        build.Compile("gcc -O2", "program", "main.c", "blob.c", "net.c", "net_selftest.c");
        Assert.That(RunOn(own), Is.EqualTo("0 0 0 own\n"), "what check_tables and the self-test say, changed bits that are missed, whose weights");

        byte[] damaged = [.. own];
        damaged[200] ^= 0x40;
        Assert.That(RunOn(damaged), Does.StartWith("1 "), "a control of the loader");
        Assert.That(RunOn(CExporter.Weights(retrained, Options(storage))), Is.EqualTo("0 8 0 another\n"), "the golden results are the export's");
        byte[] foreign = CExporter.Weights(other, Options(storage));
        Assert.That(foreign, Has.Length.EqualTo(own.Length));
        Assert.That(RunOn(foreign), Does.StartWith("1 "), "the same tables, another activation");
        Assert.That(RunOn(new byte[own.Length]), Does.StartWith("1 "), "empty flash");

        // The retrained network's own predictions.
        CExporter.Write(retrained, Path.Combine(build.Folder, "new"), Options(storage));
        build.Compile("gcc -O2 -DNET_SELFTEST_MAIN -Inew", "again", "blob.c", "net.c", Path.Combine("new", "net_selftest.c"));
        Assert.That(build.Run("again"), Is.Not.Zero, "nothing is loaded");
        build.Compile("gcc -O2 -Inew", "again", "main.c", "blob.c", "net.c", Path.Combine("new", "net_selftest.c"));
        Assert.That(RunOn(CExporter.Weights(retrained, Options(storage)), "again"), Does.StartWith("0 0 "));
    }

    [TestCase("cortex-m4f", CStorage.Float32)]
    [TestCase("avr", CStorage.Int8)]
    [TestCase("rv32imafc", CStorage.Float16, Category = "Slow")]
    public void The_assembler_places_it_on_a_device(string name, CStorage storage)
    {
        CDevice device = CDevice.Of(name);
        CExporter.Write(Network(device.Arithmetic), build.Folder, Options(storage));
        device.RunChecked(build, "-O2 -DNET_SELFTEST_MAIN", "net.c", "net_weights.c", "net_selftest.c");
    }

    [TestCase(CStorage.Float32, false)]
    [TestCase(CStorage.Float16, false)]
    [TestCase(CStorage.Int8, true)]
    public void The_page_s_objcopy_makes_an_object_of_it(CStorage storage, bool damaged)
    {
        CExporter.Write(Network(), build.Folder, Options(storage));
        if (damaged)
        {
            byte[] blob = File.ReadAllBytes(Path.Combine(build.Folder, "net_weights.bin"));
            blob[^9] ^= 1;
            File.WriteAllBytes(Path.Combine(build.Folder, "net_weights.bin"), blob);
        }

        string page = File.ReadAllText(Path.Combine(Repository.Root, "docs", "c-export.md")).Replace("NAME", "net", StringComparison.Ordinal);
        const string Command = "arm-none-eabi-objcopy", Object = "net_weights.o\n";
        string line = page[page.IndexOf(Command, StringComparison.Ordinal)..];
        string[] words = line[..(line.IndexOf(Object, StringComparison.Ordinal) + Object.Length)]
            .Split([' ', '\n', '\\'], StringSplitOptions.RemoveEmptyEntries);
        Tools.RunChecked(build.Folder, Tools.Require(Command, "binutils-arm-none-eabi"), words.AsSpan(1));
        CDevice.CortexM4F.Compile(build, "-O2 -DNET_SELFTEST_MAIN", "program", "net.c", "net_weights.o", "net_selftest.c");
        int causes = CDevice.CortexM4F.Run(build, "program").ExitCode;
        Assert.That(damaged ? causes & 1 : causes, Is.EqualTo(damaged ? 1 : 0));
    }

    [Test]
    public void At_an_address_of_its_own_it_is_replaced_without_the_program()
    {
        Network network = Network(), retrained = Network(seed: 8);
        CExportOptions options = Options(CStorage.Float32);
        CExporter.Write(network, build.Folder, options);
        CDevice.CortexM4F.Compile(build, "-O2 -DNET_SELFTEST_MAIN -Wl,--defsym=net_weights=0x00300000", "program", "net.c", "net_selftest.c");
        byte[] own = CExporter.Weights(network, options), damaged = [.. own];
        damaged[^6] ^= 0x80;
        Assert.That(RunAt(own), Is.Zero);
        Assert.That(RunAt(damaged) & 1, Is.EqualTo(1));
        Assert.That(RunAt(CExporter.Weights(retrained, options)), Is.EqualTo(8), "whole, but of another training than the golden results");
    }

    [Test]
    public void The_header_lists_offsets_and_bytes()
    {
        CExporter.Write(new Sequential(3).Dense<Sigmoid>(2).Compile(new NetworkOptions { Seed = 1 }), build.Folder, Options(CStorage.Int8));
        byte[] blob = File.ReadAllBytes(Path.Combine(build.Folder, "net_weights.bin"));
        string header = build.Read("net.h");
        Assert.That(header, Does.Contain("int8_t dense1_weight[6]; /* 104: dense1.weight [3 inputs][2 outputs], bytes"));
        Assert.That(header, Does.Contain("uint8_t zeros1[2];"));
        Assert.That(header, Does.Contain("float dense1_bias[2]; /* 120: dense1.bias [2 outputs], 8 bytes */"));
        Assert.That(header, Does.Contain($"#define NET_WEIGHTS_BYTES {blob.Length}\n").And.Contain($"#define NET_FLASH_BYTES {blob.Length}\n"));
        build.Write("offsets.c", """
            #include "net.h"
            int main(void)
            {
                return offsetof(net_blob, dense1_weight) == 104u && offsetof(net_blob, dense1_bias) == 120u
                    && sizeof(net_blob) == (size_t)NET_WEIGHTS_BYTES ? 0 : 1;
            }

            """);
        build.Compile("gcc -O1", "offsets", "offsets.c");
        Assert.That(build.Run("offsets"), Is.Zero);
        Tools.Result big = Tools.Run(
            build.Folder, Tools.Require("gcc", "gcc"), "-c", "-U__BYTE_ORDER__", "-D__BYTE_ORDER__=__ORDER_BIG_ENDIAN__", "net.c");
        Assert.That(big.Errors, Does.Contain("net_weights.bin is little-endian"));
    }

    [Test]
    public void A_foreign_binary_is_kept_and_an_own_one_is_replaced_or_removed()
    {
        const string Mine = "calibration of ten years";
        CExportOptions options = Options(CStorage.Float32);
        string path = Path.Combine(build.Folder, "net_weights.bin");
        build.Write("net_weights.bin", Mine);
        Assert.That(() => CExporter.Write(Network(), build.Folder, options), Throws.InstanceOf<IOException>().With.Message.Contains(path));
        Assert.That(Directory.GetFileSystemEntries(build.Folder), Has.Length.EqualTo(1));
        CExporter.Write(Network(), build.Folder, options with { BinaryWeights = false });
        Assert.That(build.Read("net_weights.bin"), Is.EqualTo(Mine), "not a file of an export");

        CExporter.Write(Network(), build.Folder, options with { ReplaceForeignFiles = true });
        CExporter.Write(Network(seed: 8), build.Folder, options);
        Assert.That(File.ReadAllBytes(path), Is.EqualTo(CExporter.Weights(Network(seed: 8), options)));
        CExporter.Write(Network(), build.Folder, options with { BinaryWeights = false });
        Assert.That(File.Exists(path), Is.False, "no file reads it any more");
    }

    [Test]
    public void A_board_whose_compiler_has_no_such_array_refuses()
    {
        Network network = new Sequential(100).Dense<Sigmoid>(60).Dense<Sigmoid>(60).Compile(new NetworkOptions { Arithmetic = Arithmetic.Separate });
        CExportOptions options = Options(CStorage.Float32) with { Target = CTarget.Avr };
        Assert.That(
            () => CExporter.Write(network, build.Folder, options),
            Throws.InstanceOf<NotSupportedException>().With.Message.Contains("net_weights.bin"));
        Assert.That(() => CExporter.Write(network, build.Folder, options with { BinaryWeights = false }), Throws.Nothing);
    }

    private static CExportOptions Options(CStorage storage) => new() { Name = "net", Storage = storage, BinaryWeights = true };

    private static Network Network(Arithmetic arithmetic = Arithmetic.Fused, ulong seed = 3, string net = Net) =>
        NetCompiler.Compile(net, new SoftmaxCrossEntropy(), new NetworkOptions { Arithmetic = arithmetic, Seed = seed });

    /// <summary>A program that reads the binary from a file into memory, and says what the checks say of it and of every change of a byte.</summary>
    private void WriteLoader(int bytes)
    {
        build.Write("blob.c", $$"""
            #include <stdio.h>

            union { double alignment; unsigned char bytes[{{bytes}}]; } net_weights;

            int load(void);
            int load(void)
            {
                FILE *file = fopen("loaded.bin", "rb");
                size_t count = 0;
                if (file != NULL) {
                    count = fread(net_weights.bytes, 1, sizeof net_weights.bytes, file);
                    (void)fclose(file);
                }
                return count == {{bytes}}u;
            }

            void change(size_t i, unsigned char bits);
            void change(size_t i, unsigned char bits)
            {
                net_weights.bytes[i] = (unsigned char)(net_weights.bytes[i] ^ bits);
            }

            """);
        build.Write("main.c", """
            #include <stdio.h>
            #include <string.h>
            #include "net.h"

            int load(void);
            void change(size_t i, unsigned char bits);

            int main(void)
            {
                static float output[NET_OUTPUTS], arena[NET_ARENA_FLOATS];
                unsigned int tables, all, missed = 0u;
                size_t i;
                int bit;
                if (!load()) {
                    return 1;
                }
                tables = net_check_tables();
                all = net_selftest(output, arena);
                for (i = 0u; tables == 0u && i < NET_WEIGHTS_BYTES; i++) {
                    for (bit = 0; bit < 8; bit++) {
                        change(i, (unsigned char)(1 << bit));
                        missed += net_check_tables() == NET_SELFTEST_TABLES ? 0u : 1u;
                        change(i, (unsigned char)(1 << bit));
                    }
                }
                printf("%u %u %u %s\n", tables, all, missed, strcmp(net_model_hash(), NET_MODEL_HASH) == 0 ? "own" : "another");
                return 0;
            }

            """);
    }

    private string RunOn(byte[] blob, string program = "program")
    {
        File.WriteAllBytes(Path.Combine(build.Folder, "loaded.bin"), blob);
        return Tools.RunChecked(build.Folder, Path.Combine(build.Folder, program));
    }

    private int RunAt(byte[] blob)
    {
        File.WriteAllBytes(Path.Combine(build.Folder, "placed.bin"), blob);
        CDevice device = CDevice.CortexM4F;
        CDevice placed = device with
        {
            Emulator = [.. device.Emulator[..^1], "-device", "loader,file=placed.bin,addr=0x00300000,force-raw=on", device.Emulator[^1]],
        };
        return placed.Run(build, "program").ExitCode;
    }
}
