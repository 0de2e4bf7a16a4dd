using System.Text.RegularExpressions;
using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Export;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Ops.Integer;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Export;

/// <summary>The exported C of networks on integers gives the engine's integers, on this machine and on others; planted faults are found.</summary>
[TestFixture]
[Parallelizable(ParallelScope.Self)]
internal sealed class CIntegerTests
{
    private const string Sanitized = "gcc -O1 -fsanitize=address,undefined -fno-sanitize-recover";

    private CBuild build = null!;

    [SetUp]
    public void CreateFolder() => build = new CBuild();

    [TearDown]
    public void DeleteFolder() => build.Dispose();

    [TestCase("gcc -O3", Category = "Slow")]
    [TestCase("clang -O3 -DEBP_SHORT_PRODUCTS")]
    [TestCase(Sanitized)]
    [TestCase("gcc -O0", Category = "Slow")]
    [TestCase("clang -O2", Category = "Slow")]
    [TestCase("gcc -std=gnu17 -O3 -mfma", Category = "Slow")]
    [TestCase("clang -O2 -mfma", Category = "Slow")]
    public void Integers_are_those_of_the_engine(string compiler)
    {
        build.Compile(compiler, "program", CIntegerNets.ExportAll(build, new CExportOptions { Favor = CFavor.Size }));
        Assert.That(build.Run("program"), Is.Zero, "the number of the first net that differs, from 1");
    }

    [Test]
    public void The_files_of_a_network_are_a_program([ValueSource(typeof(CIntegerNets), nameof(CIntegerNets.Names))] string name)
    {
        using Network network = CIntegerNets.Make(name);
        string[] files = CIntegerNets.Export(build, network, name, new CExportOptions { Favor = CFavor.Size });
        build.Compile($"gcc -O0 -D{name.ToUpperInvariant()}_SELFTEST_MAIN", "program", files);
        Assert.That(build.Run("program"), Is.Zero);
    }

    [Test]
    public void Floats_in_and_out_have_the_bits_of_the_engine([ValueSource(typeof(CIntegerNets), nameof(CIntegerNets.Names))] string name)
    {
        using Network network = CIntegerNets.Make(name);
        _ = CIntegerNets.Export(build, network, "net");
        int inputs = network.Inputs.ToArray().Sum(input => input.Shape.Length), outputs = network.Output.Shape.Length;
        float[] samples = Samples.Array(7 * inputs, 3);
        samples[0] = float.NaN;
        (samples[1], samples[^1]) = (1e30f, float.NegativeInfinity);
        if (name == "tokens")
        {
            samples = [.. Samples.Array(7 * inputs, 3).Select(x => MathF.Floor(MathF.Abs(x) * CIntegerNets.Tokens * 0.999f))];
        }

        build.Write("driver.c", CIntegerNets.FloatDriver);
        foreach (string compiler in CBuild.InTurn(CIntegerNets.Names.ToList().IndexOf(name), "gcc -O2", "clang -O0"))
        {
            build.Compile(compiler, "program", "driver.c", "net.c", "net_weights.c", "net_float.c");
            float[] results = build.RunOn(samples);
            network.ResetState();
            for (int i = 0; i < 7; i++)
            {
                ReadOnlySpan<float> expected = network.Predict(samples.AsSpan(i * inputs, inputs));
                Bits.AssertEqual(results.AsSpan(i * outputs, outputs), expected, $"{compiler}, sample {i}");
            }
        }
    }

    [Test]
    public void An_input_in_the_arena_gives_the_same([ValueSource(typeof(CIntegerNets), nameof(CIntegerNets.Names))] string name)
    {
        using Network network = CIntegerNets.Make(name, seed: 3);
        string[] files = CIntegerNets.Export(build, network, name, new CExportOptions { InputInArena = true });
        build.Compile($"gcc -O1 -D{name.ToUpperInvariant()}_SELFTEST_MAIN", "program", [.. files, name + "_float.c"]);
        Assert.That(build.Run("program"), Is.Zero);
    }

    [TestCase("rv32imac", "-Os")]
    [TestCase("cortex-m4f", "-O2")]
    [TestCase("avr", "-Os")]
    [TestCase("cortex-m3", "-Os", Category = "Slow")]
    [TestCase("cortex-m0", "-O2", Category = "Slow")]
    [TestCase("cortex-m33", "-O3", Category = "Slow")]
    [TestCase("cortex-m7", "-Os", Category = "Slow")]
    [TestCase("cortex-m0", "-O0", Category = "Slow")]
    [TestCase("avr", "-O2", Category = "Slow")]
    public void Integers_are_the_same_on_devices(string device, string options)
    {
        CDevice on = CDevice.Of(device);
        CExportOptions five = new() { SelfTestSamples = 5, Target = CTarget.Find(device) };
        if (on != CDevice.Avr)
        {
            on.RunChecked(build, options, CIntegerNets.ExportAll(build, five, seed: 2));
            return;
        }

        // Its RAM holds one network at a time.
        foreach (string name in CIntegerNets.Names)
        {
            using Network network = CIntegerNets.Make(name, seed: 2);
            on.RunChecked(build, $"{options} -D{name.ToUpperInvariant()}_SELFTEST_MAIN", CIntegerNets.Export(build, network, name, five));
        }
    }

    [TestCase("cortex-m0", "-Os")]
    [TestCase("cortex-m4f", "-O2")]
    [TestCase("cortex-m3", "-Os", Category = "Slow")]
    [TestCase("rv32imac", "-Os", Category = "Slow")]
    public void Files_of_integers_have_no_float_and_call_division_alone(string device, string options)
    {
        CDevice on = CDevice.Of(device);
        _ = CIntegerNets.ExportAll(build, new CExportOptions());
        on.CompileObject(build, options, build.Together([.. CIntegerNets.Names.Select(name => name + ".c")]), "net.o");
        Assert.That(CalledFrom("net.o", on).Where(symbol => !CIntegerNets.Names.Any(name => IsAllowed(symbol, name))), Is.Empty);
        Assert.That(FloatInstructions("net.o", on), Is.Empty);
    }

    [Test]
    public void Control_a_float_in_the_file_is_found()
    {
        using Network network = CIntegerNets.Make("dense");
        _ = CIntegerNets.Export(build, network, "net");
        CDevice.CortexM3.CompileObject(build, "-Os", "net_float.c", "net.o");
        Assert.That(CalledFrom("net.o", CDevice.CortexM3).Where(symbol => !IsAllowed(symbol, "net")), Is.Not.Empty);
        CDevice.CortexM4F.CompileObject(build, "-Os", "net_float.c", "net.o");
        Assert.That(FloatInstructions("net.o", CDevice.CortexM4F), Is.Not.Empty);
    }

    // A half rounded down; the zero point of the output forgotten; that of a padded input; a clamp one too wide.
    [TestCase("+ p->zero) >> 1", "+ p->zero - 1) >> 1")]
    [TestCase("+ p->zero) >> 1", "+ 1) >> 1")]
    [TestCase("(at < c->width)) ? x[(image_row * c->width) + at] : zero", "(at < c->width)) ? x[(image_row * c->width) + at] : (int8_t)(zero & 0)")]
    [TestCase("raised > p->highest ? p->highest : raised", "raised > p->highest + 1 ? p->highest + 1 : raised")]
    public void Control_a_planted_fault_is_found(string text, string planted)
    {
        using Network network = CIntegerNets.Make("pooled");
        string[] files = CIntegerNets.Export(build, network, "net");
        string source = build.Read("net.c");
        Assert.That(source, Does.Contain(text));
        build.Write("net.c", source.Replace(text, planted, StringComparison.Ordinal));
        Assert.That(SelfTest(files), Is.EqualTo(8), "results differ");
    }

    // Roundings left out, between the entries of the table, in a state and in a cell; a sign; a state that is not kept.
    [TestCase("gru", "+ 64) >> 7", "+ 63) >> 7")]
    [TestCase("gru", "(h[j] - n)) + 16384)", "(h[j] - n)) + 0)")]
    [TestCase("lstm", "+ (step << 14)", "+ 0")]
    [TestCase("lstm", "* step) + 8) >> 4", "* step) + 7) >> 4")]
    [TestCase("rnn", "v < 0 ? -below : below", "below")]
    [TestCase("carried", "for (s = 0u;", "(void)memset(h, 0, units * sizeof *h);\n    for (s = 0u;")]
    public void Control_a_fault_planted_in_a_recurrent_layer_is_found(string name, string text, string planted)
    {
        using Network network = CIntegerNets.Make(name);
        string[] files = CIntegerNets.Export(build, network, "net", new CExportOptions { SelfTestSamples = 40 });
        string source = build.Read("net.c");
        Assert.That(source, Does.Contain(text));
        Assert.That(SelfTest(files), Is.Zero);
        build.Write("net.c", source.Replace(text, planted, StringComparison.Ordinal));
        Assert.That(SelfTest(files), Is.EqualTo(8), "results differ");
    }

    [Test]
    public void Control_another_entry_of_the_table_of_a_sigmoid_gives_other_results()
    {
        using Network network = CIntegerNets.Make("gru");
        string[] files = CIntegerNets.Export(build, network, "net", new CExportOptions { SelfTestSamples = 40 });
        string weights = build.Read("net_weights.c");
        Assert.That(weights, Does.Contain(" 17407, "), "sigmoid(2 / 16)");
        build.Write("net_weights.c", weights.Replace(" 17407, ", " 17408, ", StringComparison.Ordinal));
        Assert.That(SelfTest(files), Is.EqualTo(9), "tables and results differ");
    }

    [Test]
    public void Control_one_changed_entry_of_a_table_is_found([Values("weight", "bias", "multiplier", "shift", "table")] string table)
    {
        using Network network = CIntegerNets.Make("dense");
        string[] files = CIntegerNets.Export(build, network, "net");
        string weights = build.Read("net_weights.c"), name = $"net_dense1_{table}";
        Match first = Regex.Match(weights, name + @"\[\d+\] = \{\s+(-?\d+)");
        int entry = int.Parse(first.Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture);
        string changed = (entry > 0 ? entry - 1 : entry + 1).ToString(System.Globalization.CultureInfo.InvariantCulture);
        build.Write("net_weights.c", weights[..first.Groups[1].Index] + changed + weights[(first.Groups[1].Index + first.Groups[1].Length)..]);
        Assert.That(SelfTest(files) & 1, Is.EqualTo(1), "the tables were changed");
    }

    [Test]
    public void Bytes_become_the_integers_of_their_floats([Values(1f / 255f, 1f / 300f)] float byteScale)
    {
        using Network network = CIntegerNets.Make("pooled");
        StateRange range = network.InferencePlan.State.ToArray().First(range => range.Name == "quantize1.range");
        (network.State[range.Offset], network.State[range.Offset + 1]) = (1f / 255f, -128f);
        _ = CIntegerNets.Export(build, network, "net", new CExportOptions { ByteScale = byteScale });
        bool isTable = build.Read("net.c").Contains("net_of_byte", StringComparison.Ordinal);
        Assert.That(isTable, Is.EqualTo(byteScale != 1f / 255f), "where a byte less 128 is the integer, there is no table");
        build.Write("main.c", $$"""
            #include "net_float.h"

            static uint8_t bytes[NET_INPUTS];
            static float floats[NET_INPUTS], output[NET_OUTPUTS];
            static int16_t integers[NET_OUTPUTS];
            static net_float_memory memory;

            int main(void)
            {
                size_t i;
                for (i = 0u; i < NET_INPUTS; i++) {
                    bytes[i] = (uint8_t)((i * 7u) % 256u);
                    floats[i] = (float)bytes[i] * {{byteScale:R}}f;
                }
                net_predict(floats, output, &memory);
                net_predict_bytes(bytes, integers, &memory.memory);
                for (i = 0u; i < NET_OUTPUTS; i++) {
                    if (integers[i] != memory.output[i]) {
                        return 1;
                    }
                }
                return 0;
            }

            """);
        build.Compile("gcc -O1", "program", "main.c", "net.c", "net_weights.c", "net_float.c");
        Assert.That(build.Run("program"), Is.Zero);
    }

    [Test]
    public void The_class_is_the_first_largest_result()
    {
        using Network network = CIntegerNets.Make("dense");
        _ = CIntegerNets.Export(build, network, "net", new CExportOptions { Labels = [.. Enumerable.Range(0, 10).Select(i => $"class {i}")] });
        build.Write("main.c", """
            #include "net.h"

            int main(void)
            {
                static const int16_t results[NET_OUTPUTS] = { -5, 3, -32768, 9, 9, 1, 0, 8, 9, 2 };
                return (int)net_class(results);
            }

            """);
        build.Compile("gcc -O1", "program", "main.c", "net.c", "net_weights.c");
        Assert.That(build.Run("program"), Is.EqualTo(3));
    }

    [Test]
    public void What_has_no_meaning_for_integers_is_refused()
    {
        using Network network = CIntegerNets.Make("dense");
        CExportOptions options = new() { Storage = CStorage.Int8 };
        Assert.That(
            () => CExporter.Generate(network.InferencePlan, network.Parameters, options, network.State),
            Throws.TypeOf<NotSupportedException>().With.Message.StartsWith("the storage of weights: a quantised network has its own integers"));
        Assert.That(
            () => CExporter.Generate(network.InferencePlan, network.Parameters, new CExportOptions { BinaryWeights = true }, network.State),
            Throws.TypeOf<NotSupportedException>().With.Message.StartsWith("weights as a binary"));
    }

    private int SelfTest(string[] files)
    {
        build.Compile("gcc -O1 -DNET_SELFTEST_MAIN", "program", files);
        return build.Run("program");
    }

    private string[] CalledFrom(string file, CDevice device) =>
        [
            .. Tools.RunChecked(build.Folder, device.Compiler[0].Replace("gcc", "nm", StringComparison.Ordinal), "-u", file)
                .Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(' ')[^1]),
        ];

    private static bool IsAllowed(string symbol, string name) =>
        symbol.StartsWith(name + "_", StringComparison.Ordinal)
        || symbol is "memcpy" or "memset" or "__aeabi_uidiv" or "__aeabi_idiv" or "__aeabi_uidivmod" or "__aeabi_idivmod"
        || symbol.StartsWith("__gnu_thumb1_case", StringComparison.Ordinal);

    /// <summary>The instructions of a floating-point unit: of Arm begin with v, those of RISC-V with f (a fence is none).</summary>
    private IEnumerable<string> FloatInstructions(string file, CDevice device) =>
        Regex.Matches(
                Tools.RunChecked(build.Folder, device.Compiler[0].Replace("gcc", "objdump", StringComparison.Ordinal), "-d", file),
                @"^\s+[0-9a-f]+:\s+[0-9a-f ]+\t(v\w+|f\w+)", RegexOptions.Multiline)
            .Select(match => match.Groups[1].Value).Where(word => word is not ("fence" or "fence.i"));
}
