using System.Globalization;
using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Export;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Tests.Ops;

namespace EmbeddedBackprop.Tests.Export;

/// <summary>Features of random frames have the same bits by loops, by vectors of every width, and in C on every compiler and processor.</summary>
[TestFixture]
[Parallelizable(ParallelScope.Self)]
internal sealed class CFeaturesTests
{
    private const int Length = 256;

    /// <summary>Log-mel, MFCC, bands, statistics, tones, a filtered and decimated row: 66 features of a frame.</summary>
    private const string Net = """
        x = input 256; p = preemphasis 0.97 x; w = window hann p; f = rfft w; e = power f; m = mel 20 rate8000 e; l = log m; c = dct 12 l; b = bands 0 300 1000 4000 rate8000 e; a = magnitude f; h = mel 8 rate8000 slaney a; s = statistics mean rms deviation skewness kurtosis zero-crossings crest peak x; g = goertzel 440 1000 3000 rate8000 x; q = biquad 0.2 0.4 0.2 -0.5 0.3 x; d = decimate 8 taps97 q; concat l c b h s g d
        """;

    private static readonly int Frames = Effort.Of(300, 10_000, 10_000);

    private CBuild build = null!;

    [SetUp]
    public void CreateFolder() => build = new CBuild();

    [TearDown]
    public void DeleteFolder() => build.Dispose();

    [Test]
    public void Loops_and_vectors_of_every_width_agree([Values] Arithmetic arithmetic)
    {
        uint expected = HashOf(arithmetic, Execution.Scalar);
        Widths.ForEach(width => Assert.That(HashOf(arithmetic, Execution.Vector), Is.EqualTo(expected), $"width {width}"));
        Assert.That(HashOf(arithmetic, Execution.Scalar, planted: true), Is.Not.EqualTo(expected), "the control: one sample by 1 / 32768");
    }

    [TestCase("host", "-O2", Arithmetic.Separate)]
    [TestCase("host", "-O3 -march=native", Arithmetic.Fused)]
    [TestCase("cortex-m3", "-Os", Arithmetic.Separate)]
    [TestCase("cortex-m4f", "-O2", Arithmetic.Fused)]
    [TestCase("cortex-m7", "-O2", Arithmetic.Fused, Category = "Slow")]
    [TestCase("cortex-m4f", "-Os -std=gnu17", Arithmetic.Separate, Category = "Slow")]
    [TestCase("rv32imafc", "-O2", Arithmetic.Fused, Category = "Slow")]
    public void The_C_agrees(string name, string options, Arithmetic arithmetic)
    {
        CDevice device = CDevice.Of(name);
        Export(arithmetic);
        string output = device.RunChecked(build, options, "main.c", "sound.c", "sound_weights.c");
        Assert.That(output.Trim(), Is.EqualTo(HashOf(arithmetic, Execution.Vector).ToString("X8", CultureInfo.InvariantCulture)), $"{Frames} frames");
    }

    [Test]
    public void The_C_agrees_if_clang_compiles_it([Values] Arithmetic arithmetic)
    {
        Export(arithmetic);
        CDevice.CopyFile(build, "device.h");
        CDevice.CopyFile(build, "device.c");
        build.Compile("clang -O2", "program", "main.c", "sound.c", "sound_weights.c", "device.c");
        string output = Tools.RunChecked(build.Folder, Path.Combine(build.Folder, "program"));
        Assert.That(output.Trim(), Is.EqualTo(HashOf(arithmetic, Execution.Vector).ToString("X8", CultureInfo.InvariantCulture)), $"{Frames} frames");
    }

    [Test]
    public void Log_mel_features_of_a_frame_take_less_than_6_KB_of_RAM()
    {
        FeatureNet net = new("window hann; rfft; power; mel 20 rate8000; log", new Shape(Length), Arithmetic.Fused);
        CCost cost = CCost.Of(net.Plan, [], new CExportOptions { Target = CTarget.CortexM4F });
        TestContext.Out.WriteLine(
            $"{cost.RamBytes} bytes of arena, {cost.EndBytes} of samples and features, {cost.StackBytes} of stack; tables {cost.TableBytes}, "
            + $"{cost.Instructions} instructions: {string.Join(", ", cost.Steps)}");
        Assert.That(cost.RamBytes + cost.EndBytes + cost.StackBytes, Is.LessThanOrEqualTo(6 * 1024));
        Assert.That(cost.Instructions, Is.InRange(15_000, 60_000));
    }

    [Test]
    public void A_net_learns_on_features_on_the_host_and_on_the_device()
    {
        CTrainingCase net = Learning(before: false) with { Arithmetic = CDevice.CortexM4F.Arithmetic };
        CTrainingParity parity = new(build, [net, net with { Batch = 3 }]);
        parity.Export();
        Assert.That(parity.FirstDifference("gcc -O2"), Is.Null);
        Assert.That(parity.FirstDifference(CDevice.CortexM4F, "-Os"), Is.Null);
    }

    [Test]
    public void A_gradient_through_features_is_refused_by_name() => Assert.That(
        () => new CTrainingParity(build, [Learning(before: true)]).Export(),
        Throws.TypeOf<NotSupportedException>().With.Message.Contains("the op 'log' has no C text for its backward pass"));

    private static CTrainingCase Learning(bool before) => new("features", graph =>
    {
        Node x = graph.Input(new Shape(64), "x");
        Node frame = graph.Apply(new Window(), before ? graph.Apply(new Dense(64, new Activation<Tanh>()), x) : x);
        Node mel = graph.Apply(new Log(), graph.Apply(new Mel(4, 8000), graph.Apply(new Power(), graph.Apply(new Spectrum(), frame))));
        Node output = graph.Apply(new Dense(3, new Activation<Identity>()), mel);
        return ([output], [graph.Apply(new SoftmaxCrossEntropy(), [output, graph.Input(new Shape(3), "onehot")])]);
    })
    {
        Updates = 5,
        LearningRate = 0.01f,
    };

    // On an M4F the transform alone is estimated 24 % too low: no calibration has seen it.
    [TestCase("cortex-m4f", 0.25)]
    [TestCase("cortex-m3", 0.15)]
    public void The_plans_estimate_is_near_what_the_emulator_counts(string device, double share)
    {
        string[] nets =
        [
            "input 256; window hann; rfft; power; mel 20 rate8000; log; dct 12; dense 4",
            "input 512; preemphasis 0.97; window hamming; rfft; magnitude; bands 0 500 1000 2000 4000 rate8000; dense 4",
            "input 256; biquad 0.2 0.4 0.2 -0.5 0.3; decimate 4; statistics mean rms deviation kurtosis crest; dense 4",
            "input 256; goertzel 440 1000 3000 rate8000; dense 4",
            "input 129; mel 20 rate8000; dense 4",
            "input 4x257; mel 32 rate16000 from60; flatten; dense 4",
            "input 129; bands 0 500 1000 2000 4000 rate8000; dense 4",
            "input 256; window hann; rfft; power; dense 4",
            "input 20; log; dense 4",
            "input 20; dct 12; dense 4",
            "input 256; preemphasis 0.97; dense 4",
            "input 256; biquad 0.2 0.4 0.2 -0.5 0.3; dense 4",
            "input 256; decimate 4; dense 4",
            "input 256; statistics mean rms deviation kurtosis crest; dense 4",
        ];
        CDeviceCount.Counted[] counted = CDeviceCount.Of(CDevice.Of(device), "-Os", nets);
        for (int i = 0; i < nets.Length; i++)
        {
            TestContext.Out.WriteLine($"{nets[i]}: counted {counted[i].Instructions}, estimated {counted[i].Estimate.Instructions}");
        }

        Assert.That(counted.Select(each => each.Estimate.Instructions / (double)each.Instructions), Is.All.InRange(1 - share, 1 + share));
    }

    private void Export(Arithmetic arithmetic)
    {
        FeatureNet net = new(Net, new Shape(Length), arithmetic);
        foreach ((string name, string text) in CExporter.Generate(net.Plan, [], new CExportOptions { Name = "sound", SampleScale = 1f / 32768 }))
        {
            build.Write(name, text);
        }

        build.Write("main.c", $$"""
            #include <string.h>
            #include "device.h"
            #include "sound.h"

            static int16_t samples[SOUND_INPUTS];
            static float input[SOUND_INPUTS], features[SOUND_OUTPUTS], arena[SOUND_ARENA_FLOATS];

            int main(void)
            {
                uint32_t random = 1u, hash = 2166136261u;
                int frame;
                size_t i;
                for (frame = 0; frame < {{Frames}}; frame++) {
                    for (i = 0u; i < SOUND_INPUTS; i++) {
                        random = (random * 1664525u) + 1013904223u;
                        samples[i] = (int16_t)(((int32_t)(random >> 16) - 32768) / (1 << (frame % 12)));
                    }
                    sound_prepare_samples(samples, input);
                    sound_predict(input, features, arena);
                    for (i = 0u; i < SOUND_OUTPUTS; i++) {
                        uint32_t word;
                        (void)memcpy(&word, &features[i], sizeof word);
                        hash = (hash ^ word) * 16777619u;
                    }
                }
                device_word(hash);
                device_text("\n");
                return 0;
            }

            """);
    }

    /// <summary>What main.c prints: noise of 16 bits, each frame less loud than the one before, for twelve frames.</summary>
    private static uint HashOf(Arithmetic arithmetic, Execution execution, bool planted = false)
    {
        FeatureNet net = new(Net, new Shape(Length), arithmetic);
        float[] samples = new float[Length];
        uint random = 1, hash = 2166136261;
        for (int frame = 0; frame < Frames; frame++)
        {
            foreach (ref float sample in samples.AsSpan())
            {
                random = (random * 1664525) + 1013904223;
                sample = (((int)(random >> 16) - 32768) / (1 << (frame % 12))) / 32768f;
            }

            samples[77] += planted && frame == Frames / 2 ? 1f / 32768 : 0;
            foreach (float feature in net.Run(samples, execution))
            {
                hash = (hash ^ BitConverter.SingleToUInt32Bits(feature)) * 16777619;
            }
        }

        return hash;
    }
}
