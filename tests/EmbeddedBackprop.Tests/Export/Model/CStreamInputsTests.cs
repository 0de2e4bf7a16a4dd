using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using EmbeddedBackprop.Export;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Ops.Integer;
using EmbeddedBackprop.Quantization;
using EmbeddedBackprop.Streaming;
using EmbeddedBackprop.Tests.Streaming;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Export;

/// <summary>NAME_push of two inputs, and of branches that look back differently, has the engine's decisions at any size of the pieces.</summary>
[TestFixture]
[Parallelizable(ParallelScope.Self)]
internal sealed class CStreamInputsTests
{
    private const string Sensors =
        "a = input 2x20; b = input 3x20; p = conv1d 4 3 relu a; q = conv1d 4 3 tanh b; add p q; global-avgpool; dense 2";

    private CBuild build = null!;

    [SetUp]
    public void CreateFolder() => build = new CBuild();

    [TearDown]
    public void DeleteFolder() => build.Dispose();

    [TestCase(Sensors, 1, false, "gcc -O2")]
    [TestCase(Sensors, 3, true, "clang -O2")]
    [TestCase("a = input 20x2; b = input 1x20; c = transpose a; d = concat c b; conv1d 4 3 s2 relu d; flatten; dense 3", 4, false, "clang -O1")]
    [TestCase("a = input 20x2; b = input 1x20; c = transpose a; d = concat c b; conv1d 4 3 s2 relu d; flatten; dense 3", 4, true, "gcc -O3")]
    [TestCase("x = input 12x3; m = input 12; mean-time x m; dense 2", 3, false, "gcc -O1")]
    [TestCase("x = input 12x3; m = input 12; mean-time x m; dense 2", 3, true, "gcc -O2")]
    [TestCase("x = input 12x3; m = input 12; gru 4 carry x m; dense 3", 5, false, "clang -O2")]
    [TestCase("x = input 12x3; m = input 12; gru 4 carry x m; dense 3", 5, true, "gcc -O2")]
    public void Every_decision_of_two_inputs_is_the_engines(string net, int hop, bool integers, string compiler)
    {
        foreach (Arithmetic arithmetic in integers ? [Arithmetic.Fused] : Widths.Arithmetics)
        {
            using Network floats = StreamingNetworkTests.Compile(net, arithmetic);
            using QuantizedModel? quantized = integers ? Quantizer.Quantize(floats, StreamInputsTests.Calibration(floats)) : null;
            Network network = quantized?.Network ?? floats;
            CExporter.Write(network, build.Folder, new CExportOptions { Name = "net", Stream = new StreamOptions { Hop = hop } });
            string driver = Driver(network);
            Assert.That(FirstDifference(network, hop, compiler, driver), Is.Null, arithmetic.ToString());

            // Control: the second input's samples come again.
            string planted = driver.Replace("second = values_b + (done * STEP_B);", "second = values_b;", StringComparison.Ordinal);
            Assert.That(planted, Is.Not.EqualTo(driver));
            Assert.That(FirstDifference(network, hop, compiler, planted), Is.Not.Null);
        }
    }

    /// <summary>Layers that leave out rows, beside others: the first rows that come are left out, and nothing is waited for.</summary>
    [TestCase("x = input 1x9; a = conv1d 2 2 x; b = conv1d 2 1 s2 x; p = flatten a; q = flatten b; c = concat p q; dense 3", false, "gcc -O2")]
    [TestCase("x = input 1x9; a = conv1d 2 2 x; b = conv1d 2 1 s2 x; p = flatten a; q = flatten b; c = concat p q; dense 3", true, "clang -O2")]
    [TestCase("x = input 1x11; a = conv1d 2 1 s2 x; b = conv1d 2 2 relu a; c = conv1d 2 2 s2 x; add b c; global-maxpool", false, "clang -O1")]
    [TestCase("x = input 1x11; a = conv1d 2 1 s2 x; b = conv1d 2 2 relu a; c = conv1d 2 2 s2 x; add b c; global-maxpool; dense 2", true, "gcc -O1")]
    public void Branches_decide_as_their_window(string net, bool integers, string compiler)
    {
        using Network floats = StreamingNetworkTests.Compile(net, Arithmetic.Fused);
        using QuantizedModel? quantized = integers ? Quantizer.Quantize(floats, StreamingNetworkTests.Calibration(floats)) : null;
        Network network = quantized?.Network ?? floats;
        CExporter.Write(network, build.Folder, new CExportOptions { Name = "net", Stream = new StreamOptions() });
        string driver = Driver(network);
        Assert.That(FirstDifference(network, 2, compiler, driver), Is.Null);

        // Control: rows before those that are read.
        string good = build.Read("net.c"), planted = good.Replace(": x[j];", ": x[j - skipped];", StringComparison.Ordinal);
        Assert.That(planted, Is.Not.EqualTo(good));
        build.Write("net.c", planted);
        Assert.That(FirstDifference(network, 2, compiler, driver), Is.Not.Null);
    }

    [TestCase("cortex-m4f", false)]
    [TestCase("cortex-m4f", true)]
    [TestCase("cortex-m3", true)]
    public void The_decisions_of_two_inputs_are_those_of_a_device(string name, bool integers)
    {
        const int Pushed = 40;
        CDevice device = CDevice.Of(name);
        using Network floats = StreamingNetworkTests.Compile(Sensors, device.Arithmetic);
        using QuantizedModel? quantized = integers ? Quantizer.Quantize(floats, StreamInputsTests.Calibration(floats)) : null;
        Network network = quantized?.Network ?? floats;
        using StreamingNetwork stream = new(network, new StreamOptions { Hop = 3 });
        CExporter.Write(network, build.Folder, new CExportOptions { Name = "net", Stream = new StreamOptions { Hop = 3 } });
        float[][] samples = StreamInputsTests.Values(network, stream, Pushed - 20);
        float[][] given = [.. samples.Select((values, i) => Exact(network, i, values))];
        uint[] expected =
        [
            .. StreamInputsTests.Decisions(stream, given, int.MaxValue).SelectMany(decision => decision).Select(BitConverter.SingleToUInt32Bits),
        ];
        build.Write("main.c", Definitions(network) + $$"""
            #include "device.h"

            static const TYPE_A values_a[{{samples[0].Length}}] = { {{Table(network, 0, given[0])}} };
            static const TYPE_B values_b[{{samples[1].Length}}] = { {{Table(network, 1, given[1])}} };

            int main(void)
            {
                const TYPE_A *first = values_a;
                const TYPE_B *second = values_b;
                size_t left = {{Pushed}};
                size_t i;
                net_reset(STATE);
                while (left > 0u) {
                    size_t count = left < 7u ? left : 7u;
                    left -= count;
                    while (net_push(&first, &second, &count, output, ARENA, STATE) == 1u) {
                        for (i = 0u; i < NET_OUTPUTS; i++) {
                            union { float f; uint32_t u; } word;
                            word.f = RESULT(output[i]);
                            device_word(word.u);
                            device_text("\n");
                        }
                    }
                }
                return 0;
            }

            """);
        Assert.That(Words(), Is.EqualTo(expected));
        string good = build.Read("net.c");
        string planted = Regex.Replace(good, @"\*(in_b\w*) = \*\1 \+ 3u;", "");
        Assert.That(planted, Is.Not.EqualTo(good));
        build.Write("net.c", planted);
        Assert.That(Words(), Is.Not.EqualTo(expected), "the control: samples of the second input that come again");

        uint[] Words()
        {
            device.Compile(build, "-O2", "program", "main.c", "net.c", "net_weights.c");
            string[] lines = device.Run(build, "program").Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
            return Array.ConvertAll(lines, line => Convert.ToUInt32(line, 16));
        }
    }

    [Test]
    public void The_header_names_both_inputs()
    {
        using Network network = StreamingNetworkTests.Compile(Sensors, Arithmetic.Fused);
        CExporter.Write(
            network, build.Folder, new CExportOptions { Name = "net", SampleScale = 1f / 32768, Stream = new StreamOptions { Hop = 3 } });
        Assert.That(
            build.Read("net.h"),
            Does.Contain("#define NET_STEP_FLOATS_A 2\n").And.Contain("#define NET_STEP_FLOATS_B 3\n").And.Not.Contain("net_push_samples")
                .And.Contain("uint32_t net_push(const float **in_a, const float **in_b, size_t *count, float *output, float *arena, float *state);"));
        Assert.That(build.Read("net.md"), Does.Contain("net_push(&in_a, &in_b, &count, output, arena, state)"));
    }

    /// <summary>Samples that integers hold, where the input becomes such at once: C and engine then round nothing.</summary>
    private static float[] Exact(Network network, int input, float[] samples) => TypeOf(network, input) is not { } type ? samples
        : [.. samples.Select(x => Math.Clamp(MathF.Round(x / type.Scale), type.LowestCentred, type.HighestCentred) * type.Scale)];

    private static IntegerType? TypeOf(Network network, int input)
    {
        Step[] steps = [.. network.InferencePlan.Steps.ToArray().Where(
            step => step.Op is Quantize && step.InputNodes[0] == network.Inputs[input])];
        return steps.Length == 0 ? null : steps[0].OutputType.Read<float>(network.State);
    }

    private static string Table(Network network, int input, float[] samples) => string.Join(", ", samples.Select(x =>
        TypeOf(network, input) is { } type ? $"{MathF.Round(x / type.Scale) + type.ZeroPoint}" : Literal(x)));

    private static string Literal(float x) => x.ToString("E9", System.Globalization.CultureInfo.InvariantCulture) + "f";

    /// <summary>The types of the arguments, from the header.</summary>
    private string Definitions(Network network)
    {
        string header = build.Read("net.h"), push = header[header.IndexOf("net_push(", StringComparison.Ordinal)..];
        string[] parameters = push["net_push(".Length..push.IndexOf(')', StringComparison.Ordinal)].Split(", ");
        bool isStructure = parameters[^1].StartsWith("net_state ", StringComparison.Ordinal);
        int inputs = network.Inputs.Count;
        string result = parameters[inputs + 1].Split(' ')[0];
        return "#include <string.h>\n#include \"net.h\"\n" + string.Concat(Enumerable.Range(0, inputs).Select(i =>
        {
            string type = parameters[i].Split(' ')[1], letter = i == 0 ? "A" : "B";
            string step = "NET_STEP_" + (type == "float" ? "FLOATS" : "INTEGERS");
            string suffix = inputs == 1 ? "" : parameters[i].Split("**in")[1].ToUpperInvariant();
            string value = type != "float" && TypeOf(network, i) is { } integer
                ? $"(({type})((int)((x) / {Literal(integer.Scale)} + 40000.5f) - 40000 + {integer.ZeroPoint}))"
                : $"(({type})(x))";
            return $"#define TYPE_{letter} {type}\n#define STEP_{letter} {step}{suffix}\n#define VALUE_{letter}(x) {value}\n";
        }))
        + $"static {result} output[NET_OUTPUTS];\n"
        + (result == "float" ? "#define RESULT(y) (y)\n" : "#define RESULT(y) (NET_OUTPUT_SCALE * (float)((y) - NET_OUTPUT_ZERO_POINT))\n")
        + (isStructure ? "static net_memory memory;\nstatic net_state state;\n#define ARENA &memory\n#define STATE &state\n"
            : "static float arena[NET_ARENA_FLOATS], state[NET_STATE_FLOATS];\n#define ARENA arena\n#define STATE state\n");
    }

    private string Driver(Network network)
    {
        bool two = network.Inputs.Count == 2;
        return Definitions(network) + $$"""
            #include <stdio.h>
            #include <stdlib.h>

            static float raw[100000];
            static TYPE_A values_a[50000];
            {{(two ? "static TYPE_B values_b[50000];" : "")}}

            int main(int argc, char **argv)
            {
                FILE *in = fopen("in.bin", "rb");
                FILE *out = fopen("out.bin", "wb");
                const size_t piece = (size_t)atol(argv[argc - 1]);
                size_t steps, done, i;
                if (in == NULL || out == NULL) return 100;
                steps = fread(raw, sizeof(float), 100000, in) / (STEP_A{{(two ? " + STEP_B" : "")}});
                for (i = 0; i < steps * STEP_A; i++) values_a[i] = VALUE_A(raw[i]);
                {{(two ? "for (i = 0; i < steps * STEP_B; i++) values_b[i] = VALUE_B(raw[(steps * STEP_A) + i]);" : "")}}
                memset(STATE, 3, sizeof state); /* of another stream */
                net_reset(STATE);
                for (done = 0; done < steps;) {
                    size_t count = (steps - done) < piece ? steps - done : piece;
                    const size_t next = done + count;
                    const TYPE_A *first = values_a + (done * STEP_A);
                    {{(two ? "const TYPE_B *second = values_b; second = values_b + (done * STEP_B);" : "")}}
                    while (net_push(&first, {{(two ? "&second, " : "")}}&count, output, ARENA, STATE) == 1u) {
                        for (i = 0; i < NET_OUTPUTS; i++) {
                            const float y = RESULT(output[i]);
                            if (fwrite(&y, sizeof y, 1, out) != 1) return 102;
                        }
                    }
                    if (count != 0) return 103;
                    done = next;
                }
                return fclose(out) != 0 || fclose(in) != 0 ? 104 : 0;
            }

            """;
    }

    private string? FirstDifference(Network network, int hop, string compiler, string driver)
    {
        using StreamingNetwork stream = new(network, new StreamOptions { Hop = hop });
        bool two = network.Inputs.Count == 2;
        float[][] samples = two ? StreamInputsTests.Values(network, stream, 6 * hop) : [StreamingNetworkTests.Samples(network, stream, 6 * hop)];
        samples = [.. samples.Select((values, i) => Exact(network, i, values))];
        IReadOnlyList<float[]> expected = two
            ? StreamInputsTests.Decisions(stream, samples, int.MaxValue)
            : StreamingNetworkTests.Decisions(stream, samples[0], int.MaxValue);
        File.WriteAllBytes(
            Path.Combine(build.Folder, "in.bin"), MemoryMarshal.AsBytes<float>([.. samples.SelectMany(values => values)]).ToArray());
        build.Write("driver.c", driver);
        build.Compile(compiler, "program", "driver.c", "net.c", "net_weights.c");
        foreach (int piece in (int[])[1, 7, hop, samples[0].Length])
        {
            Tools.Result result = Tools.Run(build.Folder, Path.Combine(build.Folder, "program"), $"{piece}");
            float[] given = MemoryMarshal.Cast<byte, float>(File.ReadAllBytes(Path.Combine(build.Folder, "out.bin"))).ToArray();
            float[] all = [.. expected.SelectMany(decision => decision)];
            int bad = Bits.FirstDifference(given, all);
            if (result.ExitCode != 0 || bad >= 0)
            {
                return $"code {result.ExitCode}, pieces of {piece}: value {bad} of {all.Length} (the C has {given.Length})";
            }
        }

        return null;
    }
}
