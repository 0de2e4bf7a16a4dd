using System.Runtime.InteropServices;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Ops.Integer;
using EmbeddedBackprop.Export;
using EmbeddedBackprop.Quantization;
using EmbeddedBackprop.Streaming;
using EmbeddedBackprop.Tests.Streaming;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Export;

/// <summary>NAME_push decides where the engine's stream does, with its bits, at any size of the pieces.</summary>
[TestFixture]
[Parallelizable(ParallelScope.Self)]
internal sealed class CStreamTests
{
    private CBuild build = null!;

    [SetUp]
    public void CreateFolder() => build = new CBuild();

    [TearDown]
    public void DeleteFolder() => build.Dispose();

    [TestCase("input 1x60; conv1d 4 5 relu; maxpool1d 2; conv1d 6 3 s2 tanh; flatten; dense 3", 12, "gcc -O2")]
    [TestCase("input 3x31; conv1d 8 3 d2 relu; batchnorm; conv1d 8 4 s3; activate relu; global-maxpool; dense 2", 0, "clang -O2")]
    [TestCase("input 1x24x7; conv 4 3x3 p0x1 relu; maxpool 2x1; conv 4 3x3 g4 p0x1; conv 6 1x1 relu; global-avgpool; dense 3", 2, "gcc -O3")]
    [TestCase("input 1x20; conv1d 4 3 relu; maxpool1d 2; conv1d 4 3 causal tanh; flatten; dense 3", 4, "gcc -O1")]
    [TestCase("input 1x20; conv1d 4 3 s2 relu; transpose; gru 5 carry; dense 3", 2, "clang -O1")]
    [TestCase("input 12; dense 3", 12, "gcc -O2")]
    [TestCase("input 1x60; preemphasis 0.97; biquad 0.2 -0.4 0.2 -0.5 0.3; frames 20 hop 8; rfft n32; power; slice 5 1; dense 3", 8, "gcc -O2")]
    [TestCase("input 1x80; decimate 4 taps5; biquad 0.2 -0.4 0.2 -0.5 0.3; preemphasis 0.5; flatten; dense 3", 12, "clang -O2")]
    [TestCase(
        "input 400; frames 64 hop 40; preemphasis 0.97; window hann; rfft; power; mel 12 rate8000; log; transpose; conv1d 8 3 relu; global-avgpool",
        40,
        "clang -O2")]
    public void Every_decision_has_the_bits_of_the_engine(string net, int hop, string compiler)
    {
        foreach (Arithmetic arithmetic in Widths.Arithmetics)
        {
            using Network network = Export(net, hop, arithmetic);
            Assert.That(FirstDifference(network, hop, compiler, Driver), Is.Null, arithmetic.ToString());
        }
    }

    // Integers from the first sample on, or after features in floats; causal and recurrent layers whose first hop begins before the samples.
    [TestCase("input 1x60; conv1d 4 5 relu; maxpool1d 2; conv1d 6 3 s2 tanh; flatten; dense 3", 12, 8, "gcc -O2")]
    [TestCase("input 1x60; conv1d 4 5 relu; maxpool1d 2; conv1d 6 3 s2 tanh; flatten; dense 3", 12, 16, "clang -O1")]
    [TestCase("input 1x24x7; conv 4 3x3 p0x1 relu; maxpool 2x1; conv 4 3x3 g4 p0x1; conv 6 1x1 relu; global-avgpool; dense 3", 2, 8, "gcc -O3")]
    [TestCase("input 1x20; conv1d 4 3 relu; maxpool1d 2; conv1d 4 3 causal tanh; flatten; dense 3", 4, 8, "gcc -O1")]
    [TestCase("input 1x20; conv1d 4 3 s2 relu; transpose; gru 5 carry; dense 3", 2, 8, "clang -O2")]
    [TestCase(
        "input 400; frames 64 hop 40; preemphasis 0.97; window hann; rfft; power; mel 12 rate8000; log; transpose; conv1d 8 3 relu; "
            + "conv1d 6 3 causal relu; global-avgpool; dense 4", 40, 8, "gcc -O2")]
    public void Every_decision_in_integers_is_the_engines(string net, int hop, int bits, string compiler)
    {
        using QuantizedModel quantized = ExportIntegers(net, hop, bits);
        Assert.That(FirstDifference(quantized.Network, hop, compiler, IntegerDriver()), Is.Null);

        // Control: rows that are kept begin with another value than 0, or are not kept.
        string good = build.Read("net.c"), planted = good.Contains("_keep_i", StringComparison.Ordinal)
            ? good.Replace("(void)memcpy(rows, y + length, kept * sizeof *y);", "", StringComparison.Ordinal)
            : good.Replace("*steps = 0u;", "", StringComparison.Ordinal);
        build.Write("net.c", planted);
        Assert.That(FirstDifference(quantized.Network, hop, compiler, IntegerDriver()), Is.Not.Null);
    }

    [TestCase("cortex-m4f")]
    [TestCase("cortex-m3")]
    [TestCase("rv32imafc")]
    public void The_self_test_follows_a_stream_of_integers(string name)
    {
        CDevice device = CDevice.Of(name);
        using QuantizedModel quantized = ExportIntegers("input 1x20; conv1d 4 3 relu; maxpool1d 2; conv1d 4 3 causal tanh; flatten; dense 3", 4, 8);
        string[] files = ["net.c", "net_weights.c", "net_selftest.c"];
        device.RunChecked(build, "-O2 -DNET_SELFTEST_MAIN", files);
        Assert.That(build.Read("net.c"), Does.Not.Contain("float "), "a program without floats");
        Assert.That(
            build.Read("net.h"),
            Does.Contain("uint32_t net_push(const int8_t **samples, size_t *count, int16_t *output, net_memory *memory, net_state *state);"));

        // Control: rows that are not kept.
        string good = build.Read("net.c");
        build.Write("net.c", good.Replace("(void)memcpy(rows, y + length, kept * sizeof *y);", "", StringComparison.Ordinal));
        device.Compile(build, "-O2 -DNET_SELFTEST_MAIN", "wrong", files);
        Assert.That(device.Run(build, "wrong").ExitCode, Is.EqualTo(8));
    }

    /// <summary>What a converter gives, 16 bits a sample, has the decisions of the floats that training made of it.</summary>
    [TestCase("input 1x60; conv1d 4 5 relu; maxpool1d 2; conv1d 6 3 s2 tanh; flatten; dense 3", 12)]
    [TestCase("input 3x31; conv1d 8 3 d2 relu; conv1d 8 4 s3; activate relu; global-maxpool; dense 2", 0)]
    public void Samples_of_16_bits_become_the_floats_of_training(string net, int hop)
    {
        const string Floats = "net_push(&samples, &count", Given = "values[100000]";
        using Network network = StreamingNetworkTests.Compile(net, Arithmetic.Fused);
        CExporter.Write(
            network, build.Folder, new CExportOptions { Name = "net", SampleScale = 1f / 32768, Stream = new StreamOptions { Hop = hop } });
        Assert.That(build.Read("net.h"), Does.Not.Contain("net_prepare_samples"), "that takes whole windows");
        string driver = Driver.Replace(Floats, "net_push_samples(&samples, &count", StringComparison.Ordinal)
            .Replace("const float *samples;", "const int16_t *samples;", StringComparison.Ordinal)
            .Replace(
                "static float " + Given, "static float raw[100000];\nstatic int16_t values[100000];\nstatic float unused", StringComparison.Ordinal)
            .Replace("fread(values,", "fread(raw,", StringComparison.Ordinal)
            .Replace(
                "net_reset(state);",
                "net_reset(state);\n    (void)unused;\n    for (i = 0; i < 100000; i++) values[i] = (int16_t)(raw[i] * 32768.0f);",
                StringComparison.Ordinal);
        string wrong = driver.Replace("* 32768.0f", "* 16384.0f", StringComparison.Ordinal);
        Assert.That(FirstDifference(network, hop, "gcc -O2", driver, Sampled), Is.Null);
        Assert.That(FirstDifference(network, hop, "gcc -O2", wrong, Sampled), Is.Not.Null, "the control: another factor");

        static float Sampled(float x) => MathF.Round(x * 32767) / 32768;
    }

    /// <summary>A step of time is prepared as training prepared it: its features have means and scales, whatever the layout of the window.</summary>
    [TestCase("input 20x3; transpose; conv1d 4 3 relu; transpose; mean-time; dense 2", true)]
    [TestCase("input 3x31; conv1d 8 3 d2 relu; global-maxpool; dense 2", false)]
    public void What_was_measured_is_prepared_step_by_step(string net, bool timeIsOutside)
    {
        const string Push = "while (net_push(";
        float[] means = [0.25f, -0.5f, 0.125f], factors = [2f, 0.5f, 1.5f];
        using Network network = StreamingNetworkTests.Compile(net, Arithmetic.Fused);
        int length = network.InputLength, steps = length / 3;
        CExporter.Write(network, build.Folder, new CExportOptions
        {
            Name = "net", Stream = new StreamOptions(), InputMeans = [.. All(means)], InputScales = [.. All(factors)],
        });
        const string Prepare = "for (i = 0; i < count; i++) net_prepare(values + done + (3 * i), values + done + (3 * i));\n            ";
        string driver = Driver.Replace(Push, Prepare + Push, StringComparison.Ordinal);
        Assert.That(FirstDifference(network, 0, "gcc -O2", driver, prepare: (x, i) => (x - means[i % 3]) * factors[i % 3]), Is.Null);
        Assert.That(FirstDifference(network, 0, "gcc -O2", driver), Is.Not.Null, "the control: samples that were not prepared");

        IEnumerable<float> All(float[] figures) => Enumerable.Range(0, length).Select(i => figures[timeIsOutside ? i % 3 : i / steps]);
    }

    [TestCase("net_reset(state);", "", TestName = "Control: a stream that begins with another state")]
    [TestCase("samples = values + done;", "samples = values;", TestName = "Control: samples that come twice")]
    public void Control_a_caller_who_errs_is_seen(string text, string planted)
    {
        using Network network = Export("input 1x20; conv1d 4 3 causal relu; flatten; dense 3", 0, Arithmetic.Fused);
        string wrong = Driver.Replace(text, planted, StringComparison.Ordinal);
        Assert.That(wrong, Is.Not.EqualTo(Driver));
        Assert.That(FirstDifference(network, 0, "gcc -O1", wrong), Is.Not.Null);
    }

    [TestCase("cortex-m4f")]
    [TestCase("cortex-m3")]
    [TestCase("rv32imafc")]
    public void The_self_test_follows_a_stream(string name)
    {
        CDevice device = CDevice.Of(name);
        using Network network = Export("input 1x20; conv1d 4 3 relu; maxpool1d 2; conv1d 4 3 causal tanh; flatten; dense 3", 4, device.Arithmetic);
        string[] files = ["net.c", "net_weights.c", "net_selftest.c"];
        device.RunChecked(build, "-O2 -DNET_SELFTEST_MAIN", files);

        // Control: rows that are not kept.
        string good = build.Read("net.c");
        build.Write("net.c", good.Replace("(void)memcpy(rows, y + length, kept * sizeof *y);", "", StringComparison.Ordinal));
        device.Compile(build, "-O2 -DNET_SELFTEST_MAIN", "wrong", files);
        Assert.That(device.Run(build, "wrong").ExitCode, Is.EqualTo(8));
    }

    // Log-mel features of a second at 8 kHz, three temporal convolutions, a mean over time; a decision every 20 ms.
    [TestCase("cortex-m4f", false)]
    [TestCase("cortex-m4f", true)]
    [TestCase("cortex-m3", true)]
    public void A_hop_takes_a_small_part_of_the_instructions_of_its_window(string name, bool integers)
    {
        const string Net = "input 8000; frames 256 hop 160; window hann; rfft; power; mel 20 rate8000; log; transpose; "
            + "conv1d 24 5 relu; conv1d 24 3 d2 relu; conv1d 24 3 d4 relu; global-avgpool; dense 10";
        CDevice device = CDevice.Of(name);
        using Network floats = StreamingNetworkTests.Compile(Net, device.Arithmetic);
        using QuantizedModel? quantized = integers ? Quantizer.Quantize(floats, StreamingNetworkTests.Calibration(floats)) : null;
        Network network = quantized?.Network ?? floats;
        CExportOptions window = new() { Name = "w", SelfTestSamples = 1 };
        CExportOptions stream = window with { Name = "s", Stream = new StreamOptions { Hop = 160 } };
        CExporter.Write(network, build.Folder, window);
        CExporter.Write(network, build.Folder, stream);
        build.Write("main.c", """
            #include "device.h"
            #include "w.h"
            #include "s.h"

            static float in[W_INPUTS], out[W_OUTPUTS];
            MEMORY

            static void print(uint32_t word)
            {
                device_word(word);
                device_text("\n");
            }

            int main(void)
            {
                const float *samples = in;
                size_t count = W_INPUTS;
                size_t i;
                uint32_t pushed = 0u;
                for (i = 0u; i < W_INPUTS; i++) {
                    in[i] = (float)((i * 37u) % 64u) / 32.0f - 1.0f;
                }
                device_start();
                w_predict(in, out, WINDOW);
                print(device_instructions());
                s_reset(STATE);
                while (count > 0u) {
                    size_t n = count < S_HOP ? count : S_HOP;
                    count -= n;
                    device_start();
                    (void)s_push(&samples, &n, out, HOP, STATE);
                    /* The piece that completes a hop takes the most. */
                    i = device_instructions();
                    pushed = (uint32_t)i > pushed ? (uint32_t)i : pushed;
                    count += n;
                }
                print(pushed);
                return 0;
            }

            """.Replace(
            "MEMORY",
            integers
                ? "static w_memory of_window;\nstatic s_memory of_hop;\nstatic s_state state;\n"
                    + "#define WINDOW &of_window\n#define HOP &of_hop\n#define STATE &state"
                : "static float arena[W_ARENA_FLOATS], state[S_STATE_FLOATS];\n#define WINDOW arena\n#define HOP arena\n#define STATE state",
            StringComparison.Ordinal));
        device.Compile(build, "-O2", "program", "main.c", "w.c", "w_weights.c", "s.c", "s_weights.c");
        string[] lines = device.Run(build, "program", counted: true).Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        long whole = Convert.ToInt64(lines[0], 16), hop = Convert.ToInt64(lines[1], 16);
        TestContext.Out.WriteLine(
            $"{name}, {(integers ? "integers after the features" : "floats")}: window {whole:N0} instructions, {Ram(window):N0} bytes of RAM; "
                + $"hop {hop:N0} instructions, {Ram(stream):N0} bytes of RAM");
        Assert.That((double)whole / hop, Is.GreaterThanOrEqualTo(15));
        Assert.That(Ram(stream) * 3, Is.LessThan(Ram(window)), "samples, arena and state");

        // The estimate that ebp plan prints.
        CCost cost = CCost.Of(network.InferencePlan, network.Parameters, stream with { Target = CTarget.Find(name) }, network.State);
        Assert.That((double)cost.Instructions / hop, Is.InRange(0.6, 1.6));

        long Ram(CExportOptions options)
        {
            string header = build.Read(options.Name + ".h"), m = options.Name.ToUpperInvariant();
            return Bytes("ARENA_BYTES") + (options.Stream is null ? 4 * Bytes("INPUTS") : Bytes("STATE_BYTES"));

            long Bytes(string macro) => long.Parse(
                System.Text.RegularExpressions.Regex.Match(header, $@"#define {m}_{macro} (\d+)").Groups[1].Value,
                System.Globalization.CultureInfo.InvariantCulture);
        }
    }

    [Test]
    public void The_header_says_when_there_are_decisions()
    {
        using Network network = Export("input 1x60; conv1d 4 5 relu; maxpool1d 2; conv1d 6 3 s2 tanh; flatten; dense 3", 12, Arithmetic.Fused);
        Assert.That(
            build.Read("net.h"),
            Does.Contain("#define NET_HOP 12\n").And.Contain("#define NET_FIRST 58\n").And.Contain("#define NET_STEP_FLOATS 1\n")
                .And.Contain("uint32_t net_push(const float **samples, size_t *count, float *output, float *arena, float *state);"));
    }

    [Test]
    public void What_is_no_stream_is_refused_and_nothing_is_written()
    {
        using Network padded = StreamingNetworkTests.Compile("input 1x20; conv1d 4 3 same; global-avgpool", Arithmetic.Fused);
        CExportOptions stream = new() { Name = "net", Stream = new StreamOptions() };
        Assert.That(
            () => CExporter.Write(padded, build.Folder, stream), Throws.TypeOf<NotSupportedException>().With.Message.Contains("pads the window"));
        using Network fine = StreamingNetworkTests.Compile("input 20; dense 2", Arithmetic.Fused);
        Assert.That(
            () => CExporter.Write(fine, build.Folder, stream with { InputInArena = true }),
            Throws.TypeOf<NotSupportedException>().With.Message.Contains("ask for one of them"));
        float[] scales = new float[20];
        scales.AsSpan().Fill(2f);
        scales[7] = 3f;
        Assert.That(
            () => CExporter.Write(fine, build.Folder, stream with { InputMeans = new float[20], InputScales = scales }),
            Throws.TypeOf<NotSupportedException>().With.Message.Contains("standardised, each step of the window by figures of its own"));
        Assert.That(Directory.GetFileSystemEntries(build.Folder), Is.Empty);
    }

    private Network Export(string net, int hop, Arithmetic arithmetic)
    {
        Network network = StreamingNetworkTests.Compile(net, arithmetic);
        CExporter.Write(network, build.Folder, new CExportOptions { Name = "net", Stream = new StreamOptions { Hop = hop } });
        return network;
    }

    private QuantizedModel ExportIntegers(string net, int hop, int bits)
    {
        using Network floats = StreamingNetworkTests.Compile(net, Arithmetic.Fused);
        QuantizedModel quantized = Quantizer.Quantize(
            floats, StreamingNetworkTests.Calibration(floats), new QuantizerOptions { ActivationBits = bits });
        CExporter.Write(quantized.Network, build.Folder, new CExportOptions { Name = "net", Stream = new StreamOptions { Hop = hop } });
        return quantized;
    }

    /// <summary>Samples that integers hold, where the net begins with such: C and engine then round nothing.</summary>
    private static float[] Exact(Network network, float[] samples)
    {
        Step[] steps = [.. network.InferencePlan.Steps.ToArray().Where(step => step.Op is Quantize && step.InputNodes[0] == network.Input)];
        if (steps.Length == 0)
        {
            return samples;
        }

        IntegerType type = steps[0].OutputType.Read<float>(network.State);
        return [.. samples.Select(x => Math.Clamp(MathF.Round(x / type.Scale), type.LowestCentred, type.HighestCentred) * type.Scale)];
    }

    /// <summary>The driver for integers: samples are rounded as the engine rounds them, results become floats again.</summary>
    private string IntegerDriver()
    {
        string header = build.Read("net.h"), push = header[header.IndexOf("net_push(const ", StringComparison.Ordinal)..];
        string type = push["net_push(const ".Length..push.IndexOf(" **", StringComparison.Ordinal)];
        string result = push[(push.IndexOf("count, ", StringComparison.Ordinal) + 7)..push.IndexOf(" *output", StringComparison.Ordinal)];
        string value = type == "float" ? "raw[i]"
            : $"({type})((int)(raw[i] / NET_INPUT_SCALE + 40000.5f) - 40000 + NET_INPUT_ZERO_POINT)";
        string number = result == "float" ? "output[i]" : "NET_OUTPUT_SCALE * (float)(output[i] - NET_OUTPUT_ZERO_POINT)";
        return Driver.Replace(
                "static float values[100000], output[NET_OUTPUTS], arena[NET_ARENA_FLOATS], state[NET_STATE_FLOATS];",
                $"static float raw[100000], results[NET_OUTPUTS];\n"
                    + $"static {type} values[100000];\nstatic {result} output[NET_OUTPUTS];\n"
                    + "static net_memory arena_memory, *arena = &arena_memory;\nstatic net_state states, *state = &states;",
                StringComparison.Ordinal)
            .Replace("#include <stdio.h>", "#include <stdio.h>\n#include <string.h>", StringComparison.Ordinal)
            .Replace("fread(values,", "fread(raw,", StringComparison.Ordinal)
            .Replace("const float *samples;", $"const {type} *samples;", StringComparison.Ordinal)
            .Replace("for (i = 0; i < NET_STATE_FLOATS; i++) state[i] = 0.25f; /* of another stream */",
                $"memset(state, 3, sizeof *state); /* of another stream */\n    for (i = 0; i < 100000; i++) values[i] = {value};",
                StringComparison.Ordinal)
            .Replace(
                "if (fwrite(output,", $"for (i = 0; i < NET_OUTPUTS; i++) results[i] = {number};\n            if (fwrite(results,",
                StringComparison.Ordinal)
            .Replace("NET_STEP_FLOATS", type == "float" ? "NET_STEP_FLOATS" : "NET_STEP_INTEGERS", StringComparison.Ordinal);
    }

    private string? FirstDifference(
        Network network, int hop, string compiler, string driver, Func<float, float>? sample = null, Func<float, int, float>? prepare = null)
    {
        using StreamingNetwork stream = new(network, new StreamOptions { Hop = hop });
        float[] samples = Exact(network, StreamingNetworkTests.Samples(network, stream, 6 * stream.Hop));
        samples = sample is null ? samples : [.. samples.Select(sample)];
        float[] prepared = prepare is null ? samples : [.. samples.Select(prepare)];
        IReadOnlyList<float[]> expected = StreamingNetworkTests.Decisions(stream, prepared, int.MaxValue);
        File.WriteAllBytes(Path.Combine(build.Folder, "in.bin"), MemoryMarshal.AsBytes<float>(samples).ToArray());
        build.Write("driver.c", driver);
        build.Compile(compiler, "program", "driver.c", "net.c", "net_weights.c", "net_selftest.c");
        foreach (int piece in (int[])[1, 7, stream.Hop, samples.Length])
        {
            Tools.Result result = Tools.Run(build.Folder, Path.Combine(build.Folder, "program"), $"{piece}");
            float[] given = MemoryMarshal.Cast<byte, float>(File.ReadAllBytes(Path.Combine(build.Folder, "out.bin"))).ToArray();
            if (result.ExitCode != 0)
            {
                return $"code {result.ExitCode}, pieces of {piece}";
            }

            float[] all = [.. expected.SelectMany(decision => decision)];
            int bad = Bits.FirstDifference(given, all);
            if (bad >= 0)
            {
                return $"pieces of {piece}: value {bad} of {all.Length} (the C has {given.Length})";
            }
        }

        return null;
    }

    // Whether net_predict has a state of its own, or only net_push: the self-test is called accordingly.
    private const string Driver = """
        #include <stdio.h>
        #include <stdlib.h>
        #include "net.h"

        static float values[100000], output[NET_OUTPUTS], arena[NET_ARENA_FLOATS], state[NET_STATE_FLOATS];

        int main(int argc, char **argv)
        {
            FILE *in = fopen("in.bin", "rb");
            FILE *out = fopen("out.bin", "wb");
            size_t steps, done, i;
            const size_t piece = (size_t)atol(argv[argc - 1]);
            if (in == NULL || out == NULL) return 100;
            steps = fread(values, sizeof(float), 100000, in) / NET_STEP_FLOATS;
            for (i = 0; i < NET_STATE_FLOATS; i++) state[i] = 0.25f; /* of another stream */
            net_reset(state);
            for (done = 0; done < steps * NET_STEP_FLOATS;) {
                size_t count = (steps - (done / NET_STEP_FLOATS)) < piece ? steps - (done / NET_STEP_FLOATS) : piece;
                const size_t next = done + (count * NET_STEP_FLOATS);
                const float *samples;
                samples = values + done;
                while (net_push(&samples, &count, output, arena, state) == 1u) {
                    if (fwrite(output, sizeof(float), NET_OUTPUTS, out) != NET_OUTPUTS) return 102;
                }
                if (count != 0) return 103;
                done = next;
            }
            return fclose(out) != 0 || fclose(in) != 0 ? 104 : 0;
        }

        """;
}
