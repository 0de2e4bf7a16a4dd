using System.Globalization;
using System.Text;
using EmbeddedBackprop.Data;
using EmbeddedBackprop.Export;
using EmbeddedBackprop.Export.Cost;
using EmbeddedBackprop.Export.Model;
using EmbeddedBackprop.Initializers;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Quantization;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Export;

/// <summary>The estimates for networks of integers, compared with the emulator's counts and with what the export says.</summary>
[Parallelizable(ParallelScope.Self)]
internal sealed class CIntegerCostTests
{
    /// <summary>Whole nets, none of which is part of the calibration ("experiment calibrate --integers" of the benchmark program).</summary>
    private static readonly string[] Suite =
    [
        "input 784; dense 30 sigmoid; dense 10 sigmoid",
        "input 64; dense 32 tanh; dense 16 tanh; dense 4 softmax",
        "input 1x28x28; conv 4 3x3 s2 relu; conv 8 3x3 s2 relu; dense 10 softmax",
        "input 1x28x28; conv 8 3x3 p1 relu; maxpool 2; conv 16 3x3 p1 relu; maxpool 2; dense 10 softmax",
        "input 1x28x28; conv 8 5x5 relu; maxpool 2; conv 16 5x5 relu; maxpool 2; dense 10 softmax",
        "input 1x28x28; conv 8 3x3 s2 relu; conv 8 3x3 p1 g8 relu; conv 16 1x1 relu; global-avgpool; dense 10 softmax",
        "input 64x2; transpose; conv1d 16 5 relu; maxpool1d 2; conv1d 24 5 relu; maxpool1d 2; flatten; dense 10 softmax",
        "input 32x9; gru 16; dense 4 softmax",
        "input 60; dense 30; layernorm; activate relu; dense 4 softmax",
    ];

    /// <summary>Nets that the 8 KB of an AVR hold, with their constants.</summary>
    private static readonly string[] Small =
    [
        "input 16; dense 12 tanh; dense 8 tanh; dense 3 softmax", "input 20; dense 24 relu; dense 4 softmax",
        "input 1x10x10; conv 4 3x3 relu; maxpool 2; dense 3 softmax",
    ];

    [TestCase("cortex-m4f", 8)]
    [TestCase("cortex-m3", 8)]
    [TestCase("cortex-m4f", 16, Category = "Slow")]
    [TestCase("cortex-m3", 16, Category = "Slow")]
    [TestCase("cortex-m0", 8, Category = "Slow")]
    [TestCase("cortex-m33", 8, Category = "Slow")]
    [TestCase("rv32imac", 8, Category = "Slow")]
    public void Instructions_of_whole_nets_are_within_15_per_cent_of_what_the_emulator_counts(string device, int bits) =>
        Check(CDevice.Of(device), bits, Suite);

    [Test]
    [Category("Slow")]
    public void Cycles_of_an_avr_are_within_15_per_cent_of_what_the_simulator_counts() =>
        Assert.Multiple(() =>
        {
            foreach (string net in Small)
            {
                Check(CDevice.Avr, 8, [net]);
            }
        });

    [TestCase(CUnit.LoadByte)]
    [TestCase(CUnit.ByteProduct)]
    public void Control_a_wrong_entry_of_the_table_is_beyond_15_per_cent(CUnit unit)
    {
        const double Wrong = 2;
        CTarget target = CTarget.CortexM3;
        CInstructionTable table = CInstructionTable.OfIntegers(target)!;
        double[] weights = [.. table.Weights];
        weights[(int)unit] *= Wrong;
        weights[(int)unit] += 1; // an instruction that the table thinks free costs one
        Dictionary<string, double[]>[] work = CInstructions.UnitsOfPrediction(Model(Suite[3], 8, target), target);
        double right = work.Sum(step => table.Instructions(step)), wrong = work.Sum(step => (table with { Weights = weights }).Instructions(step));
        Assert.That(wrong / right, Is.GreaterThan(1.15));
    }

    /// <summary>The C asks what the processor has: two products an instruction, a long product, or neither.</summary>
    [TestCase("cortex-m4f", true, true)]
    [TestCase("cortex-m33", true, true)]
    [TestCase("cortex-m3", false, true)]
    [TestCase("rv32imac", false, true)]
    [TestCase("cortex-m0plus", false, false)]
    [TestCase("avr", false, false)]
    public void The_text_for_the_processor_is_counted(string name, bool dual, bool isLong)
    {
        CTarget target = CTarget.Find(name)!;
        double[] all = new double[CWalk.Units];
        foreach (double[] units in CInstructions.UnitsOfPrediction(Model(Suite[0], 8, target), target).SelectMany(step => step.Values))
        {
            for (int i = 0; i < all.Length; i++)
            {
                all[i] += units[i];
            }
        }

        Assert.That(all[(int)CUnit.Instruction] > 0, Is.EqualTo(dual), "instructions by name");
        Assert.That(all[(int)CUnit.LongProduct] > 0, Is.EqualTo(isLong), "long products");
        // 784 inputs are 196 turns; 30 outputs, and then 10 of 30 inputs: what is left of four inputs is summed one by one.
        Assert.That(all[(int)CUnit.ByteProduct], Is.EqualTo(dual ? 2 * 10 : (784 * 30) + (30 * 10)), "products of bytes");
        Assert.That(all[(int)CUnit.MultiplyAdd] + all[(int)CUnit.Add], Is.Zero, "floats");
    }

    [TestCaseSource(nameof(Exports))]
    public void What_is_said_before_the_export_is_what_the_export_says(string net, int bits)
    {
        using Network network = Make(net, bits, Arithmetic.Fused);
        CExportOptions wish = new() { Name = "net", Target = CTarget.CortexM4F };
        string header = CExporter.Generate(network.InferencePlan, network.Parameters, wish, network.State).Single(file => file.Name == "net.h").Text;
        CCost cost = CCost.Of(network.InferencePlan, network.Parameters, wish, network.State);
        Assert.That(cost.TableBytes, Is.EqualTo(Macro(header, "FLASH_BYTES")));
        Assert.That(cost.RamBytes, Is.EqualTo(Macro(header, "RAM_BYTES")));
        Assert.That(cost.ScratchBytes, Is.LessThanOrEqualTo(cost.RamBytes));
        Assert.That(cost.MultiplyAdds, Is.EqualTo(Macro(header, "MULTIPLY_ADDS")));
        Assert.That(cost.Instructions, Is.GreaterThan(cost.MultiplyAdds));
        Assert.That(cost.Types.Sum(type => type.Steps), Is.EqualTo(cost.Steps.Count));
        Assert.That(cost.Types.Sum(type => type.MultiplyAdds), Is.EqualTo(cost.MultiplyAdds));
        Assert.That(cost.Types.Sum(type => type.Instructions), Is.EqualTo(cost.Instructions));
        Assert.That(cost.Types.Sum(type => type.TableBytes), Is.EqualTo(cost.TableBytes));
        string[] types = net.Contains("layernorm", StringComparison.Ordinal) ? ["int8", "int16", "float"] : ["int8", "int16"];
        Assert.That(cost.Types.Select(type => type.Type), Is.EqualTo(bits == 16 ? types[1..] : types));
    }

    private static IEnumerable<object[]> Exports() => Suite.Select((net, i) => new object[] { net, i == 7 || i % 3 == 1 ? 16 : 8 });

    [TestCase("cortex-m4f")]
    [TestCase("cortex-m0", Category = "Slow")]
    [TestCase("rv32imac", Category = "Slow")]
    public void Code_is_near_what_the_compiler_makes(string name)
    {
        const double Share = 0.35;
        CDevice device = CDevice.Of(name);
        foreach (string net in Suite)
        {
            using CBuild build = new();
            CModel model = Export(build, net, 8, device, "net");
            device.CompileObject(build, "-Os", "net.c", "net.o");
            string sizes = Tools.RunChecked(build.Folder, device.Compiler[0].Replace("gcc", "size", StringComparison.Ordinal), "net.o");
            int code = int.Parse(sizes.Split('\n')[1].Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries)[0], CultureInfo.InvariantCulture);
            long estimate = CCost.Of(model, CTarget.Find(name)!).CodeBytes;
            TestContext.Out.WriteLine($"{name} | {net} | {code} | {estimate}");
            Assert.That(estimate, Is.InRange((1 - Share) * code, ((1 + Share) * code) + 600), net);
        }
    }

    private static void Check(CDevice device, int bits, string[] nets)
    {
        const double Share = 0.15;
        const int Few = 200; // AVR counts steps of 256 cycles
        using CBuild build = new();
        StringBuilder includes = new(), calls = new();
        List<string> files = ["main.c"];
        CModel[] models = new CModel[nets.Length];
        for (int i = 0; i < nets.Length; i++)
        {
            string name = "n" + i.ToString(CultureInfo.InvariantCulture);
            models[i] = Export(build, nets[i], bits, device, name);
            files.AddRange([name + ".c", name + "_weights.c"]);
            includes.Append(CultureInfo.InvariantCulture, $"#include \"{name}.h\"\n");
            calls.Append(
                $"    device_start();\n    {name}_{models[i].RunName}((const void *)in, (void *)out, ({name}_memory *)(void *)memory);\n"
                + "    device_word(device_instructions());\n    device_text(\"\\n\");\n");
        }

        build.Write("main.c", $$"""
            #include "device.h"
            {{includes}}
            static int32_t in[{{models.Max(model => model.Inputs[0].Length)}}], out[64], memory[{{models.Max(model => Math.Max(1, model.ArenaLength))}}];

            int main(void)
            {
                size_t i;
                for (i = 0u; i < sizeof in; i++) {
                    ((uint8_t *)in)[i] = (uint8_t)(i * 37u);
                }
            {{calls}}
                return 0;
            }

            """);
        device.Compile(build, "-Os", "program", [.. files]);
        string[] lines = device.Run(build, "program", counted: device != CDevice.Avr).Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Multiple(() =>
        {
            for (int i = 0; i < nets.Length; i++)
            {
                long counted = Convert.ToInt64(lines[i], 16), estimate = CCost.Of(models[i], CTarget.Find(device.Name)!).Instructions;
                double error = (estimate - counted) / (double)counted;
                TestContext.Out.WriteLine(
                    FormattableString.Invariant($"{device.Name} | {nets[i]} | {counted} | {estimate} | {error:+0.0%;-0.0%;0.0%}"));
                Assert.That(estimate, Is.InRange(((1 - Share) * counted) - Few, ((1 + Share) * counted) + Few), nets[i]);
            }
        });
    }

    private static CModel Export(CBuild build, string net, int bits, CDevice device, string name)
    {
        using Network network = Make(net, bits, device.Arithmetic);
        CExportOptions options = new() { Name = name, Target = CTarget.Find(device.Name), SelfTestSamples = 1 };
        CExporter.Write(network, build.Folder, options);
        return new CModel(network.InferencePlan, network.Parameters, network.State, options);
    }

    private static CModel Model(string net, int bits, CTarget target)
    {
        using Network network = Make(net, bits, Arithmetic.Separate);
        return new CModel(network.InferencePlan, network.Parameters, network.State, new CExportOptions { Name = "net", Target = target });
    }

    /// <summary>A network that is quantised with drawn samples.</summary>
    private static Network Make(string net, int bits, Arithmetic arithmetic)
    {
        const int Count = 16;
        using Network network = NetCompiler.Compile(
            "x = " + net, null, new NetworkOptions { Seed = 1, Initializer = new Glorot(), Arithmetic = arithmetic });
        int length = network.Input.Shape.Length;
        float[] values = [.. Enumerable.Range(0, Count * length).Select(i => ((i * 7919L % 509) / 254f) - 1f)];
        FloatDataset samples = FloatDataset.Regression(values, length, new float[Count], 1);
        return Quantizer.Quantize(network, samples, new QuantizerOptions { ActivationBits = bits }).Network;
    }

    private static long Macro(string header, string name) =>
        long.Parse(header.Split($"#define NET_{name} ")[1].Split('\n')[0], CultureInfo.InvariantCulture);
}
