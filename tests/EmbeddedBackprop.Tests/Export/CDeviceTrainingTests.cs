using EmbeddedBackprop.Export;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Training;
using NUnit.Framework;

namespace EmbeddedBackprop.Tests.Export;

/// <summary>The exported training step has the engine's bits on microcontrollers, in emulators.</summary>
[TestFixture]
internal sealed class CDeviceTrainingTests
{
    private const int Steps = 100;
    private const float Rate = 0.25f;

    private CBuild build = null!;

    [SetUp]
    public void CreateFolder() => build = new CBuild();

    [TearDown]
    public void DeleteFolder() => build.Dispose();

    [TestCase(Arithmetic.Separate, "host", "cortex-m3", "cortex-m4f", "cortex-m7", "rv32imafc", "avr")]
    [TestCase(Arithmetic.Fused, "host", "cortex-m4f", "cortex-m7", "rv32imafc")]
    public void A_hundred_steps_end_in_the_same_weights_on_the_host_and_on_every_device(Arithmetic arithmetic, params string[] devices)
    {
        Network engine = Engine(arithmetic);
        Export(engine);
        string expected = EngineChecksum(engine);
        TestContext.Out.WriteLine($"engine {expected}");
        foreach (string name in devices)
        {
            string written = CDevice.Of(name).RunChecked(build, "-Os", "main.c", "net.c", "net_weights.c", "net_selftest.c").Trim();
            TestContext.Out.WriteLine($"{name} {written}");
            Assert.That(written, Is.EqualTo(expected), name);
        }
    }

    [Test]
    public void Control_another_learning_rate_ends_in_other_weights()
    {
        Network engine = Engine(Arithmetic.Separate);
        Export(engine);
        build.Write("main.c", build.Read("main.c").Replace("net_start(&model, memory);", "net_start(&model, memory);\n    model.learning_rate = 0.2500001f;", StringComparison.Ordinal));
        string written = CDevice.CortexM4F.RunChecked(build, "-Os", "main.c", "net.c", "net_weights.c", "net_selftest.c").Trim();
        Assert.That(written, Has.Length.EqualTo(8).And.Not.EqualTo(EngineChecksum(engine)));
    }

    [TestCase("cortex-m3", "-Os")]
    [TestCase("cortex-m4f", "-O2", Category = "Slow")]
    [TestCase("cortex-m7", "-O3", Category = "Slow")]
    [TestCase("rv32imafc", "-O2", Category = "Slow")]
    public void Every_activation_learns_with_the_bits_of_the_engine(string name, string options) => Check(name, options, [.. CTrainingTests.ActivationCases()]);

    [TestCase("cortex-m4f", "-Os")]
    [TestCase("cortex-m3", "-O2", Category = "Slow")]
    [TestCase("cortex-m7", "-O2", Category = "Slow")]
    [TestCase("rv32imafc", "-Os", Category = "Slow")]
    public void Every_loss_has_the_bits_of_the_engine(string name, string options) => Check(name, options, [.. CTrainingTests.LossCases()]);

    private void Check(string name, string options, CTrainingCase[] cases)
    {
        CTrainingParity parity = new(build, cases);
        parity.Export();
        Assert.That(parity.FirstDifference(CDevice.Of(name), options), Is.Null);
    }

    private static Network Engine(Arithmetic arithmetic) => NetCompiler.Compile(
        "x = input 12; dense 9 tanh; dense 4 softmax", new SoftmaxCrossEntropy(), new NetworkOptions { Arithmetic = arithmetic, Layout = Layout.Compact, Seed = 3, FuseUpdate = false });

    private void Export(Network engine)
    {
        CTrainingOptions training = CTrainingOptions.Of(engine, Rate);
        CExporter.Write(engine.InferencePlan, engine.Parameters, build.Folder, new CExportOptions { Name = "net", Training = training }, engine.State);
        build.Write("main.c", $$"""
            #include "device.h"
            #include "net.h"

            static float memory[NET_SELFTEST_FLOATS], input[NET_INPUTS], target[NET_TARGETS];

            int main(void)
            {
                net_model model;
                uint32_t state = 1u;
                uint32_t step;
                size_t i;
                if (net_selftest(memory) != 0u) {
                    return 1;
                }
                net_start(&model, memory);
                for (step = 0u; step < {{Steps}}u; step++) {
                    for (i = 0u; i < NET_INPUTS; i++) {
                        state = (uint32_t)((state * (uint32_t)1664525u) + (uint32_t)1013904223u);
                        input[i] = ((float)(state >> 8) * 0x1p-23f) - 1.0f;
                    }
                    for (i = 0u; i < NET_TARGETS; i++) {
                        target[i] = i == step % NET_TARGETS ? 1.0f : 0.0f;
                    }
                    (void)net_train_step(&model, input, target);
                }
                device_word(net_checksum(&model));
                device_text("\n");
                return 0;
            }

            """);
    }

    /// <summary>The same steps in the engine, and the same sum of its weights.</summary>
    private static string EngineChecksum(Network engine)
    {
        uint state = 1;
        for (int step = 0; step < Steps; step++)
        {
            Span<float> x = engine.TrainingInput(engine.Input, 1), y = engine.TrainingTarget(1);
            for (int i = 0; i < engine.Input.Shape.Length; i++)
            {
                state = unchecked((state * 1664525u) + 1013904223u);
                x[i] = ((state >> 8) * (1f / (1 << 23))) - 1f;
            }

            for (int i = 0; i < y.Length; i++)
            {
                y[i] = i == step % y.Length ? 1f : 0f;
            }

            engine.ComputeGradients(1, out _, 1, 0);
            Assert.That(engine.Update(Rate), Is.True);
        }

        uint sum = uint.MaxValue;
        foreach (ParameterRange range in engine.TrainingPlan!.TrainedParameters)
        {
            for (int row = 0; row < range.Rows; row++)
            {
                foreach (float value in engine.Parameters.Slice(range.Offset + (row * range.Stride), range.Columns))
                {
                    sum = Crc32(sum, BitConverter.SingleToUInt32Bits(value));
                }
            }
        }

        return (~sum).ToString("X8", System.Globalization.CultureInfo.InvariantCulture);
    }

    private static uint Crc32(uint sum, uint word)
    {
        for (int i = 0; i < 4; i++)
        {
            sum ^= (word >> (8 * i)) & 0xFF;
            for (int bit = 0; bit < 8; bit++)
            {
                sum = (sum >> 1) ^ ((sum & 1) != 0 ? 0xEDB88320u : 0);
            }
        }

        return sum;
    }
}
