using System.Globalization;
using System.Runtime.InteropServices;
using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Data;
using EmbeddedBackprop.Export;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Quantization;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Export;

/// <summary>A network over T time steps that is fed one a call: after t calls the C has the bits of the engine's network over t steps.</summary>
[TestFixture]
[Parallelizable(ParallelScope.Self)]
internal sealed class CCarryTests
{
    private const int Steps = 5;
    private const int Calls = 3 * Steps;

    private CBuild build = null!;

    [SetUp]
    public void CreateFolder() => build = new CBuild();

    [TearDown]
    public void DeleteFolder() => build.Dispose();

    // T is the number of steps, L the index of the last one.
    [TestCase("x = input Tx3; gru 5; dense 2 softmax", "gcc -O2")]
    [TestCase("x = input Tx3; lstm 6 all; layernorm; gru 4; dense 2", "clang -O2")]
    [TestCase("x = input Tx3; m = input T; lstm 4 x m; dense 3 sigmoid", "gcc -O1")]
    [TestCase("x = input T; embedding 4 3; rnn 4 all; softmax; rnn 3 relu; batchnorm; dense 2", "gcc -O3")]
    [TestCase("x = input Tx2; a = gru 4 all x; b = rnn 4 all x; c = add tanh a b; d = multiply c a; rnn 3 d; softmax", "gcc -O2")]
    [TestCase("x = input Tx2; gru 4 all; slice L 1; flatten; dense 2", "gcc -O2")]
    [TestCase("x = input Tx2; lstm 4 all; scale 0.5", "clang -O1")]
    [TestCase("x = input Tx2; v = input 3; a = gru 4 x; b = concat a v; dense 2", "gcc -O2")]
    [TestCase("x = input Tx2; gru 4 carry; dense 2", "gcc -O2")]
    [TestCase("x = input Tx2; transpose; conv1d 3 3 causal relu; transpose; gru 4 all; scale 2; lstm 3; dense 2", "clang -O2")]
    public void Every_call_has_the_bits_of_the_engine_over_all_steps_so_far(string net, string compiler)
    {
        foreach (Arithmetic arithmetic in Widths.Arithmetics)
        {
            CExportOptions options = new() { Name = "net", Carry = true };
            Network network = Net(net, Steps, arithmetic);
            CExporter.Write(network, build.Folder, options);
            Assert.That(FirstDifference(net, compiler, network, options, arithmetic), Is.Null);
        }
    }

    [Test]
    public void Stored_weights_are_carried_too()
    {
        const string Text = "x = input Tx3; gru 5 all; lstm 4; dense 2";
        CExportOptions options = new() { Name = "net", Carry = true, Storage = CStorage.Int8 };
        Network network = Net(Text, Steps, Arithmetic.Fused);
        CExporter.Write(network, build.Folder, options);
        CExporter.StoredParameters(network.InferencePlan, network.Parameters, options).CopyTo(network.Parameters);
        Assert.That(FirstDifference(Text, "gcc -O2", network, options, Arithmetic.Fused), Is.Null);
    }

    /// <summary>A quantised net carries integers, and computes what the quantised net over all steps so far computes.</summary>
    [TestCase("x = input Tx3; gru 5; dense 2", "gcc -O2")]
    [TestCase("x = input Tx3; lstm 6 all; scale 0.5; gru 4; dense 2", "clang -O1")]
    [TestCase("x = input T; embedding 4 3; rnn 4; dense 2", "gcc -O1")]
    public void A_quantised_net_carries_integers(string net, string compiler)
    {
        bool indices = net.Contains("embedding", StringComparison.Ordinal);
        using Network floats = Net(net, Steps, Arithmetic.Fused);
        int length = floats.InputLength / Steps;
        float[][] rows = [.. Enumerable.Range(0, 20).Select(i => Values(Steps * length, i))];
        using QuantizedModel quantized = Quantizer.Quantize(floats, FloatDataset.FromRows(rows, labels: new int[20]));
        CExporter.Write(quantized.Network, build.Folder, new CExportOptions { Name = "net", Carry = true });
        Assert.That(build.Read("net.h"), Does.Contain("#define NET_STATE_INTEGERS").And.Contain("#define NET_WINDOW_STEPS 5\n"));
        float[] sequence = Values(Calls * length, 77);
        Assert.That(FirstDifference(), Is.EqualTo(-1));
        string good = build.Read("net.c");
        int body = good.IndexOf('{', good.IndexOf("void net_run(", StringComparison.Ordinal)) + 1;
        build.Write("net.c", good[..body] + "\n    state[0] = 9;" + good[body..]);
        Assert.That(FirstDifference(), Is.Not.EqualTo(-1), "the control: a state that another writes");

        float[] Values(int count, int seed) => !indices ? Samples.Array(count, seed)
            : [.. Samples.Array(count, seed).Select(x => MathF.Min(3, MathF.Floor(MathF.Abs(x) * 4)))];

        int FirstDifference()
        {
            build.Write("driver.c", CIntegerNets.FloatDriver);
            build.Compile(compiler, "program", "driver.c", "net.c", "net_weights.c", "net_float.c");
            float[] results = build.RunOn(sequence);
            int outputs = results.Length / Calls;
            for (int t = 1; t <= Calls; t++)
            {
                using Network longer = Net(net, t, Arithmetic.Fused);
                using Network engine = Quantizer.Build(longer, QuantizerOptions.Parse(quantized.Network.Output.Graph.QuantizedFrom!.Settings));
                NetworkValues.Copy(quantized.Network, engine);
                if (Bits.FirstDifference(results.AsSpan((t - 1) * outputs, outputs), engine.Predict(sequence.AsSpan(0, t * length))) >= 0)
                {
                    return t;
                }
            }

            return -1;
        }
    }

    [TestCase("net_predict(", "net_reset(state);\n        net_predict(", TestName = "Control: a state that is lost")]
    [TestCase("net_reset(state);", "", TestName = "Control: a sequence that begins with another state")]
    public void Control_a_caller_who_forgets_is_seen(string text, string planted)
    {
        const string Text = "x = input Tx3; gru 5; dense 2";
        CExportOptions options = new() { Name = "net", Carry = true };
        Network network = Net(Text, Steps, Arithmetic.Fused);
        CExporter.Write(network, build.Folder, options);
        Assert.That(
            FirstDifference(Text, "gcc -O1", network, options, Arithmetic.Fused, driver => driver.Replace(text, planted, StringComparison.Ordinal)),
            Is.Not.Null);
    }

    [TestCase("cortex-m4f")]
    [TestCase("cortex-m3")]
    public void The_self_test_follows_a_sequence(string name)
    {
        CDevice device = CDevice.Of(name);
        Network network = Net("x = input Tx3; gru 5; dense 2", Steps, device.Arithmetic);
        CExporter.Write(network, build.Folder, new CExportOptions { Name = "net", Carry = true });
        string[] files = ["net.c", "net_weights.c", "net_selftest.c"];
        device.RunChecked(build, "-O2 -DNET_SELFTEST_MAIN", files);

        // Control: a state that no call reads.
        string good = build.Read("net.c"), head = good[good.IndexOf("void net_predict(", StringComparison.Ordinal)..];
        int body = good.Length - head.Length + head.IndexOf('{', StringComparison.Ordinal) + 1;
        build.Write("net.c", good[..body] + "\n    net_reset(state);" + good[body..]);
        device.Compile(build, "-O2 -DNET_SELFTEST_MAIN", "wrong", files);
        Assert.That(device.Run(build, "wrong").ExitCode, Is.EqualTo(8));
    }

    [Test]
    public void The_preparation_is_that_of_one_step()
    {
        Network network = Net("x = input Tx3; gru 5; dense 2", Steps, Arithmetic.Fused);
        float[] means = [1f, 2f, 3f], scales = [0.5f, 0.25f, 4f];
        CExportOptions options = new()
        {
            Name = "net", Carry = true, InputMeans = [.. Enumerable.Repeat(means, Steps).SelectMany(mean => mean)],
            InputScales = [.. Enumerable.Repeat(scales, Steps).SelectMany(scale => scale)],
        };
        CExporter.Write(network, build.Folder, options);
        Assert.That(
            build.Read("net.h"),
            Does.Contain("#define NET_INPUTS 3\n").And.Contain("net_input_mean[3]").And.Contain("#define NET_WINDOW_STEPS 5\n")
                .And.Contain("#define NET_STATE_FLOATS 5\n").And.Contain(WeightsHash.Of(network)));
        float[] uneven = [.. options.InputMeans];
        uneven[^1] = 9f;
        Assert.That(
            () => CExporter.Write(network, build.Folder, options with { InputMeans = uneven }),
            Throws.TypeOf<NotSupportedException>().With.Message.Contains("prepared differently"));
    }

    [TestCase("x = input Tx3; flatten; dense 2", "no recurrent layer")]
    [TestCase("x = input Tx3; gru 5 bidirectional; dense 2", "gru1 reads the sequence from its end")]
    [TestCase("x = input Tx3; gru 5 all; mean-time; dense 2", "mean-time1 (mean-time) looks at several")]
    [TestCase("x = input Tx3; gru 5 all; max-time; dense 2", "max-time1 (max-time)")]
    [TestCase("x = input 3xT; conv1d 4 3 same; transpose; gru 5; dense 2", "conv1d1 (conv1d) pads the window in time")]
    [TestCase("x = input 3xT; conv1d 4 3; transpose; gru 5; dense 2", "conv1d1 (conv1d) looks at several")]
    [TestCase("x = input Tx3; gru 5 all; dense 2", "dense1 (dense)")]
    [TestCase("x = input Tx3; gru 5 all; slice 0 1; flatten; dense 2", "slice1 (slice)")]
    [TestCase("x = input Tx3; layernorm; gru 4 all; batchnorm; rnn 2; dense 2", "batchnorm1 (batchnorm)")]
    [TestCase("x = input Tx3; a = gru 3 all; again a; dense 2", "is applied twice")]
    [TestCase(
        "x = input Tx3; y = input 4x3; z = input 7x2; a = gru 3 x; b = gru 3 y; c = gru 3 z; add a b c; dense 2", "y has 4 time steps, x has 5:")]
    public void What_looks_at_several_steps_is_refused_by_name(string net, string message)
    {
        Network network = Net(net, Steps, Arithmetic.Fused);
        Assert.That(
            () => CExporter.Write(network, build.Folder, new CExportOptions { Carry = true }),
            Throws.TypeOf<NotSupportedException>().With.Message.Contains(message));
        Assert.That(Directory.GetFileSystemEntries(build.Folder), Is.Empty);
    }

    [Test]
    public void A_training_is_refused()
    {
        Network network = new Sequential(new Shape(4, 2)).Gru(3).Dense<Identity>(1).Compile<MeanSquared>(new NetworkOptions());
        Assert.That(
            () => CExporter.Generate(
                network.InferencePlan, network.Parameters, new CExportOptions { Carry = true, Training = CTrainingOptions.Of(network, 0.1f) }),
            Throws.TypeOf<NotSupportedException>().With.Message.Contains("training step"));
    }

    private static Network Net(string text, int steps, Arithmetic arithmetic)
    {
        string sized = text.Replace("T", steps.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal)
            .Replace(" L ", $" {steps - 1} ", StringComparison.Ordinal);
        return NetCompiler.Compile(sized, null, new NetworkOptions { Arithmetic = arithmetic, Seed = 6 });
    }

    /// <summary>Runs the C over a sequence longer than the window, and the engine over every beginning of it.</summary>
    private string? FirstDifference(
        string text, string compiler, Network network, CExportOptions options, Arithmetic arithmetic, Func<string, string>? change = null)
    {
        bool indices = text.Contains("embedding", StringComparison.Ordinal);
        Node[] inputs = [.. network.Inputs];
        bool[] overTime = [.. inputs.Select(input => input.Shape[0] == Steps)];
        // Values of every input at every step.
        float[][][] values = [.. inputs.Select((input, k) =>
        {
            int length = overTime[k] ? input.Shape.Length / Steps : input.Shape.Length;
            float[] fixedValues = Samples.Array(length, 40 + k);
            return (float[][])[.. Enumerable.Range(0, Calls).Select(t => !overTime[k] ? fixedValues
                : indices ? [t * 7 % 4]
                : input.Name == "m" ? [t % 4 == 2 ? 0f : 1f]
                : Samples.Array(length, (100 * k) + t))];
        })];
        File.WriteAllBytes(
            Path.Combine(build.Folder, "in.bin"),
            MemoryMarshal.AsBytes<float>([.. Enumerable.Range(0, Calls).SelectMany(t => values.SelectMany(input => input[t]))]).ToArray());
        string driver = Driver(build.Read("net.h"));
        build.Write("driver.c", change?.Invoke(driver) ?? driver);
        build.Compile(compiler, "program", "driver.c", "net.c", "net_weights.c", "net_selftest.c");
        int code = build.Run("program");
        float[] results = MemoryMarshal.Cast<byte, float>(File.ReadAllBytes(Path.Combine(build.Folder, "out.bin"))).ToArray();
        int outputs = results.Length / Calls;
        for (int t = 1; t <= Calls; t++)
        {
            using Network engine = Net(text, t, arithmetic);
            network.Parameters.CopyTo(engine.Parameters);
            float[] sequence = [.. inputs.SelectMany((_, k) => overTime[k] ? values[k].Take(t).SelectMany(step => step) : values[k][0])];
            ReadOnlySpan<float> expected = engine.Predict(sequence);
            int bad = Bits.FirstDifference(results.AsSpan((t - 1) * outputs, outputs), expected[^outputs..]);
            if (bad >= 0)
            {
                return $"call {t}, output {bad}: {Bits.Show(results[((t - 1) * outputs) + bad])}, expected {Bits.Show(expected[^outputs..][bad])}";
            }
        }

        return code == 0 ? null : $"self-test: {code}";
    }

    private static string Driver(string header)
    {
        string[] parameters = [.. header.Split("net_predict(")[^1].Split(')')[0].Split(", ").Select(parameter => parameter.Split('*')[1])];
        string Size(string pointer) => pointer switch
        {
            "arena" => "NET_ARENA_FLOATS",
            "state" => "NET_STATE_FLOATS",
            "input" => "NET_INPUTS",
            "output" => "NET_OUTPUTS",
            _ => "NET_INPUTS_" + pointer[3..].ToUpperInvariant(),
        };
        IEnumerable<string> reads = parameters.Where(name => name.StartsWith("in", StringComparison.Ordinal))
            .Select(name => $"        if (fread({name}, sizeof(float), {Size(name)}, in) != {Size(name)}) return 101;\n");
        return $$"""
            #include <stdio.h>
            #include "net.h"

            static float {{string.Join(", ", parameters.Select(name => $"{name}[{Size(name)}]"))}};

            int main(void)
            {
                FILE *in = fopen("in.bin", "rb");
                FILE *out = fopen("out.bin", "wb");
                int call;
                if (in == NULL || out == NULL) return 100;
                for (call = 0; call < NET_STATE_FLOATS; call++) state[call] = 0.25f; /* of another sequence */
                net_reset(state);
                for (call = 0; call < {{Calls}}; call++) {
            {{string.Concat(reads)}}        net_predict({{string.Join(", ", parameters)}});
                    if (fwrite(output, sizeof(float), NET_OUTPUTS, out) != NET_OUTPUTS) return 102;
                }
                if (fclose(out) != 0 || fclose(in) != 0) return 103;
                return (int)net_selftest(output, arena, state);
            }

            """;
    }
}
