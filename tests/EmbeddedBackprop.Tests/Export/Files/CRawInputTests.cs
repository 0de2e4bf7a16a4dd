using System.Runtime.InteropServices;
using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Export;
using EmbeddedBackprop.Export.Model;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Ops.Integer;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Export;

/// <summary>
/// NAME_prepare_int16: integers of a sensor become those of the network without a float, as near to those of floats as 32 bits allow.
/// </summary>
[TestFixture]
[Parallelizable(ParallelScope.Self)]
internal sealed class CRawInputTests
{
    private static readonly IntegerType Byte = new(8, 1f / 24f, -13), Word = new(16, 1f / 6000f, 0);

    // Means and factors of sensors: an accelerometer, a light sensor far from 0, a temperature that hardly changes, a constant, a level of few steps.
    private static readonly (float Mean, float Scale)[] Features =
        [(12.5f, 1f / 812.3f), (20123f, 1f / 4001f), (-311.25f, 1f / 3.7f), (100f, 0f), (2.5f, 0.9f), (-32768f, 1f / 32767f)];

    private CBuild build = null!;

    [SetUp]
    public void CreateFolder() => build = new CBuild();

    [TearDown]
    public void DeleteFolder() => build.Dispose();

    [Test]
    public void Every_measured_integer_becomes_the_nearest_one([Values(8, 16)] int bits)
    {
        IntegerType type = bits == 8 ? Byte : Word;
        foreach ((float mean, float scale) in Features)
        {
            CRawFactor factor = CRawFactor.Of(mean, scale, type)!.Value;
            int different = 0, previous = int.MinValue;
            for (int raw = short.MinValue; raw <= short.MaxValue; raw++)
            {
                double exact = type.ZeroPoint + ((raw - (double)mean) * scale / type.Scale);
                int q = factor.Integer((short)raw, type), nearest = (int)Math.Clamp(Math.Floor(exact + 0.5), type.Lowest, type.Highest);
                double apart = Math.Abs(exact - Math.Floor(exact) - 0.5);
                if (q != nearest)
                {
                    different++;
                    Assert.That(Math.Abs(q - nearest), Is.LessThanOrEqualTo(Math.Ceiling(factor.Error)), $"raw {raw} of {mean}, {scale}");
                    Assert.That(apart, Is.LessThanOrEqualTo(factor.Error + 1e-9), $"raw {raw} of {mean}, {scale}: only next to a half");
                }

                Assert.That(q, Is.GreaterThanOrEqualTo(previous), "a larger raw value gives no smaller integer");
                previous = q;
            }

            Assert.That(different, Is.LessThan(bits == 8 ? 65536 / 100 : 65536), $"{mean}, {scale}");
        }
    }

    [Test]
    public void The_integers_are_those_of_the_engines_floats_but_next_to_a_half()
    {
        foreach ((float mean, float scale) in Features)
        {
            CRawFactor factor = CRawFactor.Of(mean, scale, Byte)!.Value;
            int different = 0;
            for (int raw = short.MinValue; raw <= short.MaxValue; raw++)
            {
                float x = (raw - mean) * scale;
                int engine = (int)Quantize.Centred(x, 1f / Byte.Scale, Byte) + Byte.ZeroPoint, q = factor.Integer((short)raw, Byte);
                Assert.That(Math.Abs(q - engine), Is.LessThanOrEqualTo(1));
                different += q == engine ? 0 : 1;
            }

            Assert.That(different, Is.LessThan(300), $"{mean}, {scale}: less than half a percent");
        }
    }

    [Test]
    public void A_factor_that_leaves_32_bits_is_none()
    {
        Assert.That(CRawFactor.Of(0f, 70000f, new IntegerType(8, 1f, 0)), Is.Null);
        Assert.That(CRawFactor.Of(3e9f, 1f, new IntegerType(8, 1f, 0)), Is.Null);
        CRawFactor large = CRawFactor.Of(0f, 60000f, new IntegerType(8, 1f, 0))!.Value, one = CRawFactor.Of(0f, 1f, new IntegerType(8, 1f, 5))!.Value;
        Assert.That((large.Factor, large.Constant, large.Shift, large.Error), Is.EqualTo((60000, 1, 0, 0.5)));
        Assert.That((one.Factor, one.Constant, one.Shift, one.Error), Is.EqualTo((32768, (5 * 32768) + 16384, 15, 0.0)));
    }

    [Test]
    public void The_C_gives_the_same_for_every_measured_integer([Values(8, 16)] int bits, [Values(6, 12, 1)] int inputs, [Values] bool inArena)
    {
        using Network network = Export(bits, inputs, inArena);
        int turn = (bits / 8) + inputs + (inArena ? 1 : 0);
        foreach (string compiler in CBuild.InTurn(turn, "gcc -O2 -fsanitize=undefined -fno-sanitize-recover", "clang -O0"))
        {
            build.Compile(compiler, "program", "main.c", "net.c", "net_weights.c");
            Assert.That(build.Run("program"), Is.Zero);
            Assert.That(Results(), Is.EqualTo(Expected(bits, inputs)), compiler);
        }
    }

    [TestCase("cortex-m0", "-Os")]
    [TestCase("cortex-m3", "-Os")]
    public void Devices_give_the_same_without_a_float(string device, string options)
    {
        using Network network = Export(8, 6, inArena: false);
        CDevice.Of(device).RunChecked(build, options, "main.c", "net.c", "net_weights.c");
        Assert.That(Results(), Is.EqualTo(Expected(8, 6)));
        Assert.That(build.Read("net.c"), Does.Not.Contain("float"));
    }

    [TestCase("size_t i;", "size_t i; /* nothing else */", ExpectedResult = false)]
    [TestCase("* net_raw_factor[i]) + net_raw_constant[i])", "* (net_raw_factor[i] + 64)) + net_raw_constant[i])", ExpectedResult = true)]
    [TestCase("+ net_raw_constant[i]) >>", "+ net_raw_constant[0]) >>", ExpectedResult = true)]
    public bool Control_a_planted_fault_is_found(string text, string planted)
    {
        using Network network = Export(8, 6, inArena: false);
        string source = build.Read("net.c");
        Assert.That(source, Does.Contain(text));
        build.Write("net.c", source.Replace(text, planted, StringComparison.Ordinal));
        Tools.RunChecked(build.Folder, Tools.Require("gcc", "gcc"), "-O1", "main.c", "net.c", "net_weights.c", "-o", "program");
        _ = build.Run("program");
        return !Results().AsSpan().SequenceEqual(Expected(8, 6));
    }

    [Test]
    public void There_is_none_where_nothing_was_standardised_or_32_bits_do_not_suffice()
    {
        using Network network = Make(8, 6);
        CExporter.Write(network, build.Folder, new CExportOptions { Name = "net" });
        Assert.That(build.Read("net.h"), Does.Not.Contain("prepare_int16"));
        CExporter.Write(
            network, build.Folder, new CExportOptions { Name = "net", InputMeans = [0, 0, 0, 0, 0, 3e9f], InputScales = [1, 1, 1, 1, 1, 1] });
        Assert.That(build.Read("net.h"), Does.Not.Contain("void net_prepare_int16").And.Contain("no net_prepare_int16"));
    }

    /// <summary>A program that prepares every measured integer, for every input, and writes the results.</summary>
    private Network Export(int bits, int inputs, bool inArena)
    {
        Network network = Make(bits, inputs);
        (float[] means, float[] scales) = Preparation(inputs);
        CExporter.Write(
            network, build.Folder, new CExportOptions { Name = "net", InputMeans = means, InputScales = scales, InputInArena = inArena });
        string type = bits == 8 ? "int8_t" : "int16_t";
        build.Write("main.c", $$"""
            #include <stdio.h>
            #include "net.h"

            static int16_t measured[NET_INPUTS];
            static net_memory memory;
            {{(inArena ? "" : $"static {type} integers[NET_INPUTS];\n")}}
            int main(void)
            {
                FILE *out = fopen("out.bin", "wb");
                {{type}} *const input = {{(inArena ? "NET_INPUT(&memory)" : "integers")}};
                int32_t raw;
                size_t i;
                if (out == NULL) {
                    return 100;
                }
                for (raw = -32768; raw < 32768; raw += {{Stride}}) {
                    for (i = 0u; i < NET_INPUTS; i++) {
                        measured[i] = (int16_t)raw;
                    }
                    net_prepare_int16(measured, input);
                    for (i = 0u; i < NET_INPUTS; i++) {
                        const int16_t q = (int16_t)input[i];
                        (void)fwrite(&q, sizeof q, 1u, out);
                    }
                }
                (void)memory;
                return fclose(out) != 0 ? 101 : 0;
            }

            """);
        return network;
    }

    // Few enough for an emulator, and the last one is 32767.
    private const int Stride = 15;

    private short[] Results() => MemoryMarshal.Cast<byte, short>(File.ReadAllBytes(Path.Combine(build.Folder, "out.bin"))).ToArray();

    private static short[] Expected(int bits, int inputs)
    {
        IntegerType type = bits == 8 ? Byte : Word;
        (float[] means, float[] scales) = Preparation(inputs);
        List<short> expected = [];
        for (int raw = short.MinValue; raw <= short.MaxValue; raw += Stride)
        {
            for (int i = 0; i < inputs; i++)
            {
                expected.Add((short)CRawFactor.Of(means[i], scales[i], type)!.Value.Integer((short)raw, type));
            }
        }

        return [.. expected];
    }

    /// <summary>Features of their own for every input, features that repeat, or one for all.</summary>
    private static (float[] Means, float[] Scales) Preparation(int inputs) =>
        ([.. Enumerable.Range(0, inputs).Select(i => Features[i % 6].Mean)], [.. Enumerable.Range(0, inputs).Select(i => Features[i % 6].Scale)]);

    private static Network Make(int bits, int inputs)
    {
        IntegerType type = bits == 8 ? Byte : Word;
        Network network = CIntegerNets.Make(
            new Shape(inputs), bits,
            (g, x) => g.Apply(new IntegerDense(new Dense(3, new Activation<Identity>()), 16, null, null), x), null, seed: 1);
        StateRange range = network.InferencePlan.State.ToArray().First(range => range.Name == "quantize1.range");
        (network.State[range.Offset], network.State[range.Offset + 1]) = (type.Scale, type.ZeroPoint);
        return network;
    }
}
