using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Export;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Optimizers;
using EmbeddedBackprop.Training;
using EmbeddedBackprop.Training.Schedules;

namespace EmbeddedBackprop.Tests.Export;

/// <summary>
/// The weights learnt on a device survive power cuts, flipped bits and other networks' copies, and training continues with the same bits.
/// </summary>
[TestFixture]
[Parallelizable(ParallelScope.Self)]
internal sealed class CSaveTests
{
    private CBuild build = null!;

    [SetUp]
    public void CreateFolder() => build = new CBuild();

    [TearDown]
    public void DeleteFolder() => build.Dispose();

    [TestCase("gcc -O1")]
    [TestCase("clang -O1 -fsanitize=address,undefined -fno-sanitize-recover=all", Category = "Slow")]
    [TestCase("gcc -O2 -fanalyzer", Category = "Slow")]
    public void A_power_cut_at_any_byte_leaves_the_copy_before_or_the_new_one(string compiler)
    {
        Export("net");
        Assert.That(Run(compiler, CSavePrograms.PowerCuts, text => text), Is.Zero);
    }

    [TestCase("(newest == 0u)", "(newest == 1u)", CSavePrograms.PowerCuts, TestName = "Control: a save over the newest copy")]
    [TestCase("(word != crc)", "(word == crc + 1u)", CSavePrograms.PowerCuts, TestName = "Control: a sum that is not looked at, and a power cut")]
    [TestCase("(word != crc)", "(word == crc + 1u)", CSavePrograms.FlippedBits, TestName = "Control: a sum that is not looked at, and flipped bits")]
    [TestCase("counts[0] = model->step;", "counts[0] = 0u;", CSavePrograms.GoingOn, TestName = "Control: a step that is not kept")]
    [TestCase("(second - first)", "(first - second)", CSavePrograms.GoingOn, TestName = "Control: the older copy is loaded")]
    public void Control_a_planted_mistake_is_seen(string text, string planted, string program)
    {
        Export("net");
        int code = Run("gcc -O1", program, source =>
        {
            Assert.That(source, Does.Contain(text));
            return source.Replace(text, planted, StringComparison.Ordinal);
        });
        Assert.That(code, Is.Not.Zero);
    }

    [Test]
    public void Every_flipped_bit_is_refused()
    {
        Export("net");
        Assert.That(Run("gcc -O2", CSavePrograms.FlippedBits, text => text), Is.Zero);
    }

    [TestCase(1)]
    [TestCase(3)]
    public void Training_goes_on_with_the_same_bits(int accumulate)
    {
        Export("net", accumulate: accumulate);
        Assert.That(Run("gcc -O1", CSavePrograms.GoingOn, text => text), Is.Zero);
    }

    [Test]
    public void A_copy_of_another_network_is_refused()
    {
        // The same sizes, and so the same number of bytes.
        Export("net");
        Export("other", activation: new Activation<Tanh>());
        Assert.That(Run("gcc -O1", CSavePrograms.OtherNet, text => text, "other.c", "other_weights.c", "other_storage.c"), Is.Zero);
    }

    [Test]
    public void Other_weights_another_rate_and_another_loss_are_the_same_network()
    {
        uint Fingerprint(
            ulong seed = 1,
            Activation? activation = null,
            Optimizer? optimizer = null,
            float rate = 0.05f,
            Arithmetic arithmetic = Arithmetic.Fused
        ) => FingerprintOf(Make(seed, activation, optimizer, arithmetic), rate);
        uint own = Fingerprint();
        Assert.That(Fingerprint(seed: 2), Is.EqualTo(own));
        Assert.That(Fingerprint(rate: 0.5f), Is.EqualTo(own));
        Assert.That(Fingerprint(activation: new Activation<Tanh>()), Is.Not.EqualTo(own));
        Assert.That(Fingerprint(optimizer: new Momentum()), Is.Not.EqualTo(own));
        Assert.That(Fingerprint(arithmetic: Arithmetic.Separate), Is.Not.EqualTo(own));
    }

    [Test]
    public void The_host_reads_what_the_device_has_learnt()
    {
        Export("net");
        Assert.That(Run("gcc -O1", CSavePrograms.OnFile, text => text), Is.Zero);
        byte[] storage = File.ReadAllBytes(Path.Combine(build.Folder, "cells.bin"));
        Network network = Make(1, null, null, Arithmetic.Fused);
        CStoredCopy copy = CImporter.Read(network, Options(network, "net"), storage);
        Assert.That(copy, Is.EqualTo(new CStoredCopy(0, 3, 9, 0.05f, 1)));
        Assert.That(network.StepNumber, Is.EqualTo(9));

        // Twelve more updates here and there end in the same bits.
        float[] samples = System
            .Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(File.ReadAllBytes(Path.Combine(build.Folder, "samples.bin")))
            .ToArray();
        float[] expected = System
            .Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(File.ReadAllBytes(Path.Combine(build.Folder, "trained.bin")))
            .ToArray();
        for (int at = 0; at < samples.Length; at += 14)
        {
            for (int sample = 0; sample < 2; sample++)
            {
                samples.AsSpan(at + (sample * 5), 5).CopyTo(network.TrainingInput(2)[(sample * network.InputStride)..]);
                samples.AsSpan(at + 10 + (sample * 2), 2).CopyTo(network.TrainingTarget(2)[(sample * network.TargetStride)..]);
            }

            network.TrainStep(2, 0.05f);
        }

        List<float> trained = [];
        foreach (ParameterRange range in network.InferencePlan.Parameters)
        {
            for (int row = 0; row < range.Rows; row++)
            {
                trained.AddRange(network.Parameters.Slice(range.Offset + (row * range.Stride), range.Columns));
            }
        }

        Support.Bits.AssertEqual(trained.ToArray(), expected, "weights");

        // The newest one is damaged, then all are; a copy by itself will do.
        storage[100] ^= 1;
        Assert.That(CImporter.Read(network, Options(network, "net"), storage).Sequence, Is.EqualTo(2));
        Assert.That(CImporter.Read(network, Options(network, "net"), storage.AsSpan(storage.Length / 2)).Sequence, Is.EqualTo(2));
        storage[^1] ^= 1;
        Assert.That(
            () => CImporter.Read(network, Options(network, "net"), storage, "flash.bin"),
            Throws.InstanceOf<EmbeddedBackprop.IO.DataFormatException>().With.Message.Contains("flash.bin").And.Message.Contains("damaged"));
        storage[^1] ^= 1;
        Network other = Make(1, new Activation<Tanh>(), null, Arithmetic.Fused);
        Assert.That(
            () => CImporter.Read(other, Options(other, "net"), storage),
            Throws.InstanceOf<EmbeddedBackprop.IO.DataFormatException>().With.Message.Contains("another network"));
        Assert.That(
            () => CImporter.Read(network, Options(network, "net"), storage, slotBytes: 64),
            Throws.ArgumentException.With.Message.Contains("64 bytes"));
        Assert.That(() => CImporter.Read(network, new CExportOptions(), storage), Throws.ArgumentException);
        Assert.That(
            () => CImporter.Read(network, Options(network, "net"), []),
            Throws.InstanceOf<EmbeddedBackprop.IO.DataFormatException>().With.Message.Contains("not there"));
    }

    [TestCase("cortex-m3")]
    [TestCase("cortex-m4f", Category = "Slow")]
    [TestCase("cortex-m7", Category = "Slow")]
    [TestCase("rv32imafc", Category = "Slow")]
    [TestCase("avr", Category = "Slow")]
    public void A_device_trains_by_a_schedule_saves_and_goes_on_as_the_host_does(string name)
    {
        CDevice device = CDevice.All.Single(known => known.Name == name);
        Network network = Make(1, null, null, device.Arithmetic);
        CExportOptions options = Options(network, "net");
        CExporter.Write(
            network,
            build.Folder,
            options with
            {
                Training = options.Training! with
                {
                    Schedule = new WarmUp
                    {
                        Steps = 20,
                        Then = new Exponential { Factor = 0.5f },
                    },
                    StepsPerEpoch = 7,
                    Epochs = 10,
                },
            });
        build.Write("main.c", CSavePrograms.OnDevice);
        string[] files = ["main.c", "net.c", "net_weights.c", "net_storage.c", "net_selftest.c"];
        string host = CDevice.Host.RunChecked(build, "-O2 -ffp-contract=off", files);
        Assert.That(device.RunChecked(build, "-Os", files), Is.EqualTo(host));
    }

    [TestCase(1u)]
    [TestCase(57u)]
    public void An_image_of_the_host_is_loaded_like_a_copy_and_read_back(uint sequence)
    {
        // The firmware was made with other weights.
        Export("net");
        Network better = Make(2, null, null, Arithmetic.Fused);
        byte[] image = CExporter.Slot(better, Options(better, "net"), sequence);
        File.WriteAllBytes(Path.Combine(build.Folder, "slot.bin"), image);
        uint crc = uint.MaxValue;
        Plan compact = Plan.ForInference(better.InferencePlan.Graph, new PlanOptions { Layout = Layout.Compact }, better.Output);
        foreach (ParameterRange range in compact.Parameters)
        {
            ParameterRange own = better.InferencePlan.Parameters.ToArray().Single(known => known.Name == range.Name);
            for (int i = 0; i < range.Count; i++)
            {
                float weight = better.Parameters[own.Offset + (i / own.Columns * own.Stride) + (i % own.Columns)];
                crc = EmbeddedBackprop.Export.Text.CChecksum.Continue(crc, BitConverter.SingleToUInt32Bits(weight));
            }
        }

        string weights = $"-DSEQUENCE={sequence} -DWEIGHTS=0x{~crc:X8}u";
        Assert.That(Run("gcc -O1 " + weights, CSavePrograms.OverTheAir, text => text), Is.Zero);

        Network read = Make(3, null, null, Arithmetic.Fused);
        CStoredCopy copy = CImporter.Read(read, Options(read, "net"), image);
        Assert.That(copy with { OtherSlot = null }, Is.EqualTo(new CStoredCopy(0, sequence, 0, 0.05f, 2)));
        Support.Bits.AssertEqual(read.Parameters, better.Parameters, "weights");
        Support.Bits.AssertEqual(read.State, better.State, "running means");

        // The control: one bit of it is another image, and another network takes none.
        image[200] ^= 1;
        File.WriteAllBytes(Path.Combine(build.Folder, "slot.bin"), image);
        Assert.That(Run("gcc -O1 " + weights, CSavePrograms.OverTheAir, text => text), Is.EqualTo(3));
        Network other = Make(2, new Activation<Tanh>(), null, Arithmetic.Fused);
        File.WriteAllBytes(Path.Combine(build.Folder, "slot.bin"), CExporter.Slot(other, Options(other, "net"), sequence));
        Assert.That(Run("gcc -O1 " + weights, CSavePrograms.OverTheAir, text => text), Is.EqualTo(3));
        Assert.That(() => CExporter.Slot(better, new CExportOptions()), Throws.ArgumentException);
    }

    [TestCase("cortex-m4f")]
    [TestCase("avr", Category = "Slow")]
    public void A_device_loads_an_image_of_the_host(string name)
    {
        CDevice device = CDevice.Of(name);
        Network network = Make(1, null, null, device.Arithmetic), better = Make(2, null, null, device.Arithmetic);
        CExporter.Write(network, build.Folder, Options(network, "net"));
        byte[] image = CExporter.Slot(better, Options(better, "net"));
        build.Write("image.h", $"static const unsigned char image[] = {{ {string.Join(", ", image)} }};\n");
        build.Write("main.c", CSavePrograms.OnDevice.Replace(
            "    net_start(&model, memory);\n    train(60);",
            "    net_start(&model, memory);\n    (void)memcpy(cells, image, sizeof image);\n    if (net_load(&model, &storage) != NET_STORAGE_OK) return 9;\n    train(60);",
            StringComparison.Ordinal)
            .Replace("#include \"net.h\"", "#include \"net.h\"\n#include \"image.h\"", StringComparison.Ordinal));
        Assert.That(build.Read("main.c"), Does.Contain("return 9"));
        string[] files = ["main.c", "net.c", "net_weights.c", "net_storage.c", "net_selftest.c"];
        string loaded = device.RunChecked(build, "-Os", files);
        Assert.That(loaded, Is.EqualTo(CDevice.Host.RunChecked(build, "-O2 -ffp-contract=off", files)));

        // The control: without the image the weights end elsewhere.
        build.Write("main.c", CSavePrograms.OnDevice);
        Assert.That(CDevice.Host.RunChecked(build, "-O2 -ffp-contract=off", files), Is.Not.EqualTo(loaded));
    }

    [TestCase("word", 0)]
    [TestCase("word + 1u", 1)]
    public void A_unit_of_the_processor_may_compute_the_check_sums(string word, int wrong)
    {
        Network network = Make(1, null, null, Arithmetic.Fused);
        CExporter.Write(network, build.Folder, Options(network, "net"));
        build.Write("unit.h", "#include <stdint.h>\nuint32_t unit_crc(uint32_t crc, uint32_t word);\n");
        build.Write("main.c", CSavePrograms.OnFile.Replace("int main(void)", $$"""
            #include "unit.h"

            static unsigned long calls;

            uint32_t unit_crc(uint32_t crc, uint32_t word)
            {
                int bit;
                calls++;
                crc ^= {{word}};
                for (bit = 0; bit < 32; bit++) crc = (crc & 1u) != 0u ? (crc >> 1) ^ 0xEDB88320u : crc >> 1;
                return crc;
            }

            static int others(void);

            int main(void)
            {
                static float room[NET_SELFTEST_FLOATS];
                if (others() != 0) return 1;
                if (calls < NET_COPY_BYTES / 4) return 2;
                return (net_selftest(room) != 0u) == ({{wrong}} != 0) ? 0 : 3;
            }

            static int others(void)
            """, StringComparison.Ordinal));
        build.Compile(
            "gcc -O1 -Wno-conversion -Wno-unused-function -DNET_CRC32=unit_crc -include unit.h", "program",
            "main.c", "net.c", "net_weights.c", "net_storage.c", "net_selftest.c");
        Assert.That(build.Run("program"), Is.Zero);
        Network read = Make(3, null, null, Arithmetic.Fused);
        byte[] cells = File.ReadAllBytes(Path.Combine(build.Folder, "cells.bin"));
        if (wrong == 0)
        {
            Assert.That(CImporter.Read(read, Options(read, "net"), cells).Sequence, Is.EqualTo(3));
        }
        else
        {
            Assert.That(() => CImporter.Read(read, Options(read, "net"), cells), Throws.InstanceOf<EmbeddedBackprop.IO.DataFormatException>());
        }
    }

    [Test]
    public void What_is_only_read_is_constant()
    {
        Export("net");
        Assert.That(build.Read("net.h"), Does.Contain("int net_save(const net_model *model, const net_storage *storage);"));
        string source = build.Read("net.c");
        Assert.That(source, Does.Contain("static void net_update(const net_model *model)"));
        Assert.That(
            source.Split("void net_predict(")[1].Split("\n}")[0], Does.Contain("const float *const parameters = model->memory;"));
        Assert.That(source.Split("static float net_forward(")[1].Split("\n}")[0], Does.Contain("const float *const parameters = model->memory;"));
    }

    [TestCase("gcc -O0")]
    [TestCase("clang -O2", Category = "Slow")]
    public void It_needs_no_library_and_writes_no_global(string compiler)
    {
        Export("net");
        build.CheckSymbols(compiler, "net");
    }

    /// <summary>
    /// A net with everything that is kept: an optimiser's state, running means (where gradients are not accumulated), and draws by step.
    /// </summary>
    private static Network Make(ulong seed, Activation? activation, Optimizer? optimizer, Arithmetic arithmetic, bool norm = true)
    {
        Graph graph = new();
        Node input = graph.Input(new Shape(5), "input");
        Node hidden = graph.Apply(new Dense(6, activation ?? new Activation<Sigmoid>()), input, "hidden");
        hidden = norm ? graph.Apply(new BatchNorm(), hidden, "norm") : hidden;
        hidden = graph.Apply(new Dropout(0.2f), hidden, "drop");
        Node output = graph.Apply(new Dense(2, new Activation<Identity>()), hidden, "output");
        Node loss = graph.Apply(new Loss<Quadratic>(), output, graph.Input(new Shape(2), "target"), "loss");
        return new Network(
            input,
            output,
            loss,
            new NetworkOptions
            {
                Batch = 2,
                Seed = seed,
                Arithmetic = arithmetic,
                Optimizer = optimizer ?? new Adam(),
            });
    }

    private static CExportOptions Options(Network network, string name, int accumulate = 1, float rate = 0.05f) =>
        new() { Name = name, Training = CTrainingOptions.Of(network, rate) with { Batch = 2, Accumulate = accumulate, SelfTestSteps = 1 } };

    private static uint FingerprintOf(Network network, float rate) =>
        Convert.ToUInt32(CExporter.Generate(network.InferencePlan, network.Parameters, Options(network, "net", rate: rate), network.State)
            .Single(file => file.Name == "net_storage.c").Text.Split("head[5] = { 0x53504245u, 1u, 0x")[1][..8], 16);

    private void Export(string name, Activation? activation = null, int accumulate = 1)
    {
        Network network = Make(1, activation, null, Arithmetic.Fused, norm: accumulate == 1);
        CExporter.Write(network, build.Folder, Options(network, name, accumulate));
    }

    private int Run(string compiler, string main, Func<string, string> change, params string[] files)
    {
        build.Write("main.c", main);
        build.Write("net_storage.c", change(build.Read("net_storage.c")));
        build.Compile(compiler + " -Wno-conversion", "program", ["main.c", "net.c", "net_weights.c", "net_storage.c", .. files]);
        return build.Run("program");
    }
}
