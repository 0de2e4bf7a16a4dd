using System.Globalization;
using System.Runtime.InteropServices;
using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Export;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Ops.Integer;
using EmbeddedBackprop.Optimizers;
using EmbeddedBackprop.Quantization;
using EmbeddedBackprop.Tests.Quantization;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Export;

/// <summary>
/// A frozen body in integers and a head in floats that learns on the device: losses, weights and predictions have the bits of the engine's training
/// of the whole network with a frozen body.
/// </summary>
[TestFixture]
[Parallelizable(ParallelScope.Self)]
internal sealed class CPartsTests
{
    private const int Steps = 12;
    private const float Rate = 0.05f;

    private CBuild build = null!;

    [SetUp]
    public void CreateFolder() => build = new CBuild();

    [TearDown]
    public void DeleteFolder() => build.Dispose();

    [Test]
    public void The_head_learns_with_the_bits_of_the_engine(
        [Values("conv", "dense")] string name, [Values] Arithmetic arithmetic, [Values] bool momentum)
    {
        float[] expected = Export(name, arithmetic, momentum);
        int turn = (name == "conv" ? 0 : 1) + (2 * (int)arithmetic) + (momentum ? 4 : 0);
        foreach (string compiler in CBuild.InTurn(
            turn, "gcc -O2", "clang -O1", "gcc -O1 -fsanitize=address,undefined -fno-sanitize-recover"))
        {
            build.Compile(compiler, "program", Files);
            Assert.That(build.Run("program"), Is.Zero, "the self-tests");
            Bits.AssertEqual(Results(), expected, compiler);
        }
    }

    [TestCase("cortex-m3", "-Os")]
    [TestCase("cortex-m4f", "-O2")]
    public void It_learns_the_same_on_devices(string device, string options)
    {
        CDevice on = CDevice.Of(device);
        float[] expected = Export("conv", on.Arithmetic, momentum: true);
        on.RunChecked(build, options, Files);
        Bits.AssertEqual(Results(), expected, device);
    }

    [TestCase("net_body_float.c", "(int32_t)x[i] - zero;", "(int32_t)x[i] - (zero + 1);")]
    [TestCase("net_body.c", "+ p->zero) >> 1", "+ p->zero - 1) >> 1")]
    public void Control_a_planted_fault_in_the_body_is_found(string file, string text, string planted)
    {
        float[] expected = Export("conv", Arithmetic.Fused, momentum: false);
        string source = build.Read(file);
        Assert.That(source, Does.Contain(text));
        build.Write(file, source.Replace(text, planted, StringComparison.Ordinal));
        build.Compile("gcc -O1", "program", Files);
        _ = build.Run("program");
        Assert.That(Bits.FirstDifference(Results(), expected), Is.Not.Negative);
    }

    [Test]
    public void The_body_stays_out_of_the_memory_of_the_training()
    {
        using Network network = Make("conv", Arithmetic.Fused, new Sgd());
        IReadOnlyList<(Network Network, CExportOptions Options)> parts = CExporter.Parts(network, Options(network));
        Assert.That(parts.Select(part => part.Options.Name), Is.EqualTo(new[] { "net_body", "net" }));
        Assert.That(parts[0].Options.Training, Is.Null);
        Assert.That(parts[0].Network.InferencePlan.Steps.ToArray().Select(step => step.Name), Has.None.StartsWith("dense"));
        Assert.That(parts[1].Network.InferencePlan.Steps.ToArray().Select(step => step.Name), Is.EqualTo(new[] { "dense1", "dense2" }));
        Assert.That(parts[1].Network.Input.Shape.Length, Is.EqualTo(parts[0].Network.Output.Shape.Length));
        Assert.That(CExporter.Parts(network, Options(network) with { Training = null }), Has.Count.EqualTo(1));
    }

    [Test]
    public void What_the_device_stored_comes_back_into_the_whole_network()
    {
        using Network network = Make("conv", Arithmetic.Fused, new Sgd()), other = Make("conv", Arithmetic.Fused, new Sgd(), seed: 99);
        byte[] copy = CExporter.Slot(network, Options(network));
        float[] body = Named(other, "conv1.weight");
        // The fingerprint covers the head alone, and the head's weights are in the copy.
        _ = CImporter.Read(other, Options(other), copy);
        Bits.AssertEqual(Named(other, "dense1.weight"), Named(network, "dense1.weight"), "the head's weights");
        Bits.AssertEqual(Named(other, "conv1.weight"), body, "those of the body");
    }

    [Test]
    public void What_cannot_learn_is_refused_by_name()
    {
        using Network network = Make("conv", Arithmetic.Fused, new Sgd());
        CExportOptions options = Options(network);
        Refused(network, options with { Training = options.Training! with { Frozen = [] } }, "conv1 computes on integers and does not learn");
        using Network integers = Make("integers", Arithmetic.Fused, new Sgd());
        Refused(integers, Options(integers), "dense1 computes on integers, and no layer after it in floats");
        using Network again = Make("again", Arithmetic.Fused, new Sgd());
        Refused(again, Options(again), "quantize2 computes on integers after a layer in floats");
        foreach (string name in (string[])["dropout", "dropout in the body"])
        {
            using Network random = Make(name, Arithmetic.Fused, new Sgd());
            Refused(random, Options(random), "dropout1: a network with layers on integers and a dropout");
        }
    }

    // What docs/c-export.md says of a training step.
    [TestCase("cortex-m3", 20.0, 10.0)]
    [TestCase("cortex-m4f", 0.5, 0.8)]
    public void A_body_in_integers_makes_training_cheap_where_floats_are_dear(string device, double bodyAtLeast, double stepAtLeast)
    {
        CDevice on = CDevice.Of(device);
        using Network floats = NetCompiler.Compile(
            "input 1x28x28; conv 8 3x3 relu; maxpool 2; conv 16 3x3 relu; maxpool 2; dense 10 softmax", new SoftmaxCrossEntropy(),
            new NetworkOptions { Arithmetic = on.Arithmetic, Seed = 1, Layout = Layout.Compact });
        QuantizerOptions options = new() { Float = ["dense1"] };
        using QuantizedModel quantized = Quantizer.Quantize(floats, QuantizationNets.Data(floats, 20, 1), options);
        using Network mixed = ModelFile.Parse(ModelFile.ToArray(quantized.Network), "mixed").ToNetwork();
        string[] body = ["conv1", "conv2"];
        CTrainingOptions Training(Network network) => CTrainingOptions.Of(network, Rate) with { Frozen = body, SelfTestSteps = 0 };
        CExporter.Write(floats, build.Folder, new CExportOptions { Name = "whole", Training = Training(floats), SelfTestSamples = 1 });
        CExporter.Write(mixed, build.Folder, new CExportOptions { Name = "net", Training = Training(mixed), SelfTestSamples = 1 });
        build.Write("main.c", """
            #include "device.h"
            #include "net.h"
            #include "net_body_float.h"
            #include "whole.h"

            static float input[WHOLE_INPUTS], features[NET_INPUTS], target[10], output[10], memory[WHOLE_TRAIN_FLOATS];
            static int8_t integers[NET_BODY_INPUTS], results[NET_BODY_OUTPUTS];
            static net_body_memory body;
            static net_model model;
            static whole_model whole;

            static void count(void)
            {
                device_word(device_instructions());
                device_text("\n");
                device_start();
            }

            int main(void)
            {
                size_t i;
                target[3] = 1.0f;
                for (i = 0u; i < WHOLE_INPUTS; i++) {
                    input[i] = (float)((i * 37u) % 64u) / 64.0f;
                }
                net_body_quantize(input, integers);
                net_start(&model, memory);
                device_start();
                net_body_run(integers, results, &body);
                net_body_dequantize(results, features);
                count();
                (void)net_train_step(&model, features, target);
                count();
                net_predict(&model, features, output);
                count();
                whole_start(&whole, memory);
                device_start();
                (void)whole_train_step(&whole, input, target);
                count();
                whole_predict(&whole, input, output);
                count();
                return 0;
            }

            """);
        string[] files = ["net.c", "net_weights.c", "net_body.c", "net_body_weights.c", "net_body_float.c", "whole.c", "whole_weights.c"];
        on.Compile(build, "-Os", "program", ["main.c", .. files]);
        string[] lines = on.Run(build, "program", counted: true).Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        long[] counts = [.. lines.Select(line => Convert.ToInt64(line, 16))];
        (long integerBody, long head, long headAlone, long step, long prediction) = (counts[0], counts[1], counts[2], counts[3], counts[4]);
        double bodies = (prediction - headAlone) / (double)integerBody, steps = step / (double)(integerBody + head);
        TestContext.Out.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{device} -Os: body {integerBody:N0} instructions, in floats {prediction - headAlone:N0} ({bodies:F1} times); "
            + $"training step {integerBody + head:N0}, in floats {step:N0} ({steps:F1} times)"));
        Assert.That(bodies, Is.GreaterThan(bodyAtLeast));
        Assert.That(steps, Is.GreaterThan(stepAtLeast));
    }

    private static string[] Files =>
        ["main.c", "net.c", "net_weights.c", "net_selftest.c", "net_body.c", "net_body_weights.c", "net_body_selftest.c", "net_body_float.c"];

    private void Refused(Network network, CExportOptions options, string words)
    {
        Assert.That(() => CExporter.Write(network, build.Folder, options), Throws.TypeOf<NotSupportedException>().With.Message.StartsWith(words));
        Assert.That(Directory.GetFiles(build.Folder), Is.Empty);
    }

    /// <summary>Writes the C, a program that trains, and its samples; returns the engine's losses, weights and prediction.</summary>
    private float[] Export(string name, Arithmetic arithmetic, bool momentum)
    {
        using Network network = Make(name, arithmetic, momentum ? new Momentum() : new Sgd());
        CExporter.Write(network, build.Folder, Options(network));
        int inputs = network.Input.Shape.Length, targets = network.Target!.Shape.Length;
        List<float> samples = [], expected = [];
        for (int step = 0; step < Steps; step++)
        {
            float[] x = Samples.Array(inputs, 100 + step), target = new float[targets];
            target[step % targets] = 1f;
            samples.AddRange([.. x, .. target]);
            x.CopyTo(network.TrainingInput(network.Input, 1));
            target.CopyTo(network.TrainingInput(network.Target, 1));
            expected.Add(network.ComputeGradients(1, out _, 1, 0));
            Assert.That(network.Update(Rate), Is.True);
        }

        Assert.That(expected.Distinct().Count(), Is.EqualTo(Steps), "every step has a loss of its own");
        foreach (Op layer in network.Output.Graph.Ops.Where(op => op is Dense))
        {
            expected.AddRange([.. Named(network, layer.Name + ".weight"), .. Named(network, layer.Name + ".bias")]);
        }

        expected.AddRange(network.Predict([.. samples.Take(inputs)]).ToArray());
        File.WriteAllBytes(Path.Combine(build.Folder, "in.bin"), MemoryMarshal.AsBytes(CollectionsMarshal.AsSpan(samples)).ToArray());
        build.Write("main.c", $$"""
            #include <stdio.h>
            #include "net.h"
            #include "net_body_float.h"

            static float input[NET_BODY_INPUTS], first[NET_BODY_INPUTS], features[NET_INPUTS], target[NET_TARGETS], output[NET_OUTPUTS];
            static float memory[NET_TRAIN_FLOATS], test[NET_SELFTEST_FLOATS];
            static net_body_float_memory body;
            static net_model model;

            int main(void)
            {
                FILE *in = fopen("in.bin", "rb");
                FILE *out = fopen("out.bin", "wb");
                int step;
                size_t i;
                if (in == NULL || out == NULL) {
                    return 100;
                }
                net_start(&model, memory);
                for (step = 0; step < {{Steps}}; step++) {
                    float loss;
                    if (fread(input, sizeof *input, NET_BODY_INPUTS, in) != NET_BODY_INPUTS || fread(target, sizeof *target, NET_TARGETS, in) != NET_TARGETS) {
                        return 101;
                    }
                    for (i = 0u; step == 0 && i < NET_BODY_INPUTS; i++) {
                        first[i] = input[i];
                    }
                    net_body_quantize(input, body.input);
                    net_body_run(body.input, body.output, &body.memory);
                    net_body_dequantize(body.output, features);
                    loss = net_train_step(&model, features, target);
                    (void)fwrite(&loss, sizeof loss, 1u, out);
                }
                (void)fwrite(memory, sizeof *memory, NET_TRAIN_PARAMETERS, out);
                net_body_predict(first, features, &body);
                net_predict(&model, features, output);
                (void)fwrite(output, sizeof *output, NET_OUTPUTS, out);
                if (fclose(out) != 0 || fclose(in) != 0) {
                    return 102;
                }
                return (int)(net_body_selftest(body.output, &body.memory) | net_selftest(test));
            }

            """);
        return [.. expected];
    }

    private float[] Results() => MemoryMarshal.Cast<byte, float>(File.ReadAllBytes(Path.Combine(build.Folder, "out.bin"))).ToArray();

    private static CExportOptions Options(Network network) => new()
    {
        Name = "net", ReplaceForeignFiles = true, Training = CTrainingOptions.Of(network, Rate) with { SelfTestSteps = 3 },
    };

    private static float[] Named(Network network, string name)
    {
        ParameterRange range = network.InferencePlan.Parameters.ToArray().Single(range => range.Name == name);
        return [.. network.Parameters.Slice(range.Offset, range.Count)];
    }

    /// <summary>A network with its loss, whose layers on integers are frozen.</summary>
    private static Network Make(string name, Arithmetic arithmetic, Optimizer optimizer, int seed = 3)
    {
        Graph graph = new();
        Node input = graph.Input(name == "dense" ? new Shape(19) : new Shape(2, 9, 8)), x = graph.Apply(new Quantize(8), input);
        Node body = name == "dense"
            ? graph.Apply(Dense(7, 16, null), graph.Apply(Dense(11, 8, new Activation<Sigmoid>()), x))
            : graph.Apply(new Flatten(), graph.Apply(new MaxPool2D(2), graph.Apply(Conv(3), x)));
        body = name == "dropout in the body" ? graph.Apply(new Dropout(0.5f), body) : body;
        Node head = graph.Apply(new Dequantize(), name == "integers" ? graph.Apply(Dense(4, 16, null), body) : body);
        head = name switch
        {
            "integers" => head,
            "dropout" => graph.Apply(new Dropout(0.5f), graph.Apply(new Dense(4, new Activation<Tanh>()), head)),
            "again" => graph.Apply(new Dequantize(), graph.Apply(new Quantize(8), graph.Apply(new Dense(4, new Activation<Tanh>()), head))),
            _ => graph.Apply(new Dense(4, new Activation<Identity>()), graph.Apply(new Dense(6, new Activation<Tanh>()), head)),
        };
        Node target = graph.Input(head.Shape, "target"), loss = graph.Apply(new SoftmaxCrossEntropy(), head, target);
        Network network = new([input], [head], [loss], new NetworkOptions
        {
            Batch = 1, Seed = 5, Arithmetic = arithmetic, Layout = Layout.Compact, Optimizer = optimizer, FuseUpdate = false,
            Frozen = name == "integers" ? [] : [.. graph.Ops.Where(op => op is IntegerLayer).Select(op => op.Name)],
        });
        CIntegerNets.Draw(network, seed);
        return network;
    }

    private static IntegerConvolution Conv(int filters)
    {
        Conv2D layer = new(filters, 3, 3, new Activation<Identity>(), new ConvOptions { Padding = ConvPadding.Same });
        return new IntegerConvolution(layer, 8, new Activation<Relu>(), null);
    }

    private static IntegerDense Dense(int outputs, int bits, Activation? activation) =>
        new(new Dense(outputs, new Activation<Identity>()), bits, activation, null);
}
