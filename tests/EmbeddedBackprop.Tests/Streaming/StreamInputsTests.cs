using System.Globalization;
using EmbeddedBackprop.Data;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Quantization;
using EmbeddedBackprop.Streaming;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Streaming;

/// <summary>Two inputs at one rate, as two sensors or a sequence and its mask: decisions are those of the network over the samples of both.</summary>
[Parallelizable(ParallelScope.All)]
internal sealed class StreamInputsTests
{
    /// <summary>Nets without memory: decision d is the prediction of the windows that begin with step d hop.</summary>
    internal static readonly (string Net, int Hop)[] Windows =
    [
        ("a = input 2x20; b = input 3x20; p = conv1d 4 3 relu a; q = conv1d 4 3 tanh b; add p q; global-avgpool; dense 2", 1),
        ("a = input 20x2; b = input 1x20; c = transpose a; d = concat c b; conv1d 4 3 s2 relu d; flatten; dense 3", 4),
        ("a = input 1x20; b = input 2x20; p = conv1d 3 5 s2 a; q = flatten p; r = conv1d 4 2 b; s = global-maxpool r; concat q s; dense 3", 6),
        ("x = input 12x3; m = input 12; mean-time x m; dense 2", 3),
        ("x = input 12x3; m = input 12; max-time x m; dense 2", 5),
    ];

    // Nets that look back to the reset, and the same over all steps.
    private static readonly (string Net, string All, int Hop)[] Pasts =
    [
        ("x = input 12x2; m = input 12; gru 4 carry x m; dense 3", "x = input {0}x2; m = input {0}; gru 4 x m; dense 3", 1),
        ("x = input 12x2; m = input 12; lstm 4 carry x m; dense 3", "x = input {0}x2; m = input {0}; lstm 4 x m; dense 3", 3),
        ("a = input 12x2; b = input 1x12; c = transpose b; d = rnn 3 all carry a; e = rnn 3 all carry c; add d e; gru 4 carry; dense 2",
            "a = input {0}x2; b = input 1x{0}; c = transpose b; d = rnn 3 all a; e = rnn 3 all c; add d e; gru 4; dense 2", 5),
    ];

    public static IEnumerable<TestCaseData> WindowCases => Windows.Select(net => new TestCaseData(net.Net, net.Hop).SetArgDisplayNames(net.Net));

    public static IEnumerable<TestCaseData> PastCases =>
        Pasts.Select(net => new TestCaseData(net.Net, net.All, net.Hop).SetArgDisplayNames(net.Net, $"hop {net.Hop}"));

    [TestCaseSource(nameof(WindowCases))]
    public void Every_decision_is_the_prediction_of_its_windows(string net, int hop)
    {
        foreach (bool integers in new[] { false, true })
        {
            using Network floats = StreamingNetworkTests.Compile(net, Arithmetic.Fused);
            using QuantizedModel? quantized = integers ? Quantizer.Quantize(floats, Calibration(floats)) : null;
            Network network = quantized?.Network ?? floats;
            using StreamingNetwork stream = new(network, new StreamOptions { Hop = hop });
            float[][] samples = Values(network, stream, 5 * hop);
            int all = Steps(network) + (5 * hop);
            foreach (int piece in (int[])[1, 7, hop, int.MaxValue])
            {
                stream.Reset();
                int decision = 0, others = 0;
                foreach (float[] given in Decisions(stream, samples, piece))
                {
                    float[] window = Inputs(network, samples, decision * hop, Steps(network));
                    string which = $"integers {integers}, decision {decision}, pieces of {piece}";
                    Assert.That(Bits.FirstDifference(given, network.Predict(window)), Is.EqualTo(-1), which);
                    float[] other = Array.ConvertAll(samples[1], x => IsMasked(network) ? 1 - x : -x);
                    window = Inputs(network, [samples[0], other], decision * hop, Steps(network));
                    others += Bits.FirstDifference(given, network.Predict(window)) < 0 ? 0 : 1;
                    decision++;
                }

                Assert.That(decision, Is.EqualTo(1 + ((all - stream.Window) / hop)));
                Assert.That(others, Is.GreaterThan(0), "the control: other samples of the second input");
            }
        }
    }

    [TestCaseSource(nameof(PastCases))]
    public void A_net_that_looks_back_decides_as_over_all_samples(string net, string all, int hop)
    {
        using Network network = StreamingNetworkTests.Compile(net, Arithmetic.Fused);
        using StreamingNetwork stream = new(network, new StreamOptions { Hop = hop });
        float[][] samples = Values(network, stream, 5 * hop);
        int decision = 0;
        foreach (float[] given in Decisions(stream, samples, 3))
        {
            int steps = (int)stream.Window + (decision * hop);
            using Network whole = StreamingNetworkTests.Compile(string.Format(CultureInfo.InvariantCulture, all, steps), Arithmetic.Fused);
            NetworkValues.Copy(network, whole);
            Assert.That(Bits.FirstDifference(given, whole.Predict(Inputs(network, samples, 0, steps))), Is.EqualTo(-1), $"after {steps}");
            decision++;
        }

        Assert.That(decision, Is.GreaterThanOrEqualTo(5));
    }

    /// <summary>A mask is not rounded, also where the stream begins late.</summary>
    [TestCaseSource(nameof(PastCases))]
    public void A_quantised_net_that_looks_back_decides_as_over_all_samples(string net, string all, int hop)
    {
        using Network floats = StreamingNetworkTests.Compile(net, Arithmetic.Fused);
        using QuantizedModel quantized = Quantizer.Quantize(floats, Calibration(floats));
        using StreamingNetwork stream = new(quantized.Network, new StreamOptions { Hop = hop });
        float[][] samples = Values(floats, stream, 5 * hop);
        int decision = 0;
        foreach (float[] given in Decisions(stream, samples, 3))
        {
            int steps = (int)stream.Window + (decision * hop);
            using Network longer = StreamingNetworkTests.Compile(string.Format(CultureInfo.InvariantCulture, all, steps), Arithmetic.Fused);
            using Network whole = Quantizer.Build(longer, QuantizerOptions.Parse(quantized.Network.Output.Graph.QuantizedFrom!.Settings));
            NetworkValues.Copy(quantized.Network, whole);
            Assert.That(Bits.FirstDifference(given, whole.Predict(Inputs(floats, samples, 0, steps))), Is.EqualTo(-1), $"after {steps}");
            decision++;
        }

        Assert.That(decision, Is.GreaterThanOrEqualTo(5));
    }

    [Test]
    public void Samples_of_one_input_without_the_other_are_refused()
    {
        using Network two = StreamingNetworkTests.Compile(Windows[0].Net, Arithmetic.Fused);
        using StreamingNetwork stream = new(two);
        Assert.That(stream.SampleLengths, Is.EqualTo(new[] { 2, 3 }));
        Assert.That(() => Push(4, null), Throws.ArgumentException.With.Message.Contains("samples of 1 input: the network has 2"));
        Assert.That(() => Push(4, 9), Throws.ArgumentException.With.Message.Contains("2 steps of the first input and 3 of the second"));
        Assert.That(() => Push(4, 5), Throws.ArgumentException.With.Message.Contains("5 samples are no whole number of time steps"));
        Assert.That(Push(4, 6), Is.False);

        bool Push(int first, int? second)
        {
            ReadOnlySpan<float> a = new float[first], b = new float[second ?? 0];
            return second is null ? stream.Push(ref a) : stream.Push(ref a, ref b);
        }
    }

    [TestCase("a = input 1x20; b = input 1x16; c = flatten a; d = flatten b; concat c d", "b has 16 time steps, a has 20")]
    [TestCase("a = input 1x20; v = input 3; c = flatten a; concat c v; dense 2", "concat1 joins values with time and without")]
    [TestCase("a = input 20; b = input 20; c = input 20; add a b c; dense 2", "c is a third input")]
    public void Other_inputs_are_refused_by_name(string net, string message)
    {
        using Network network = StreamingNetworkTests.Compile(net, Arithmetic.Fused);
        Assert.That(() => new StreamingNetwork(network), Throws.TypeOf<NotSupportedException>().With.Message.Contains(message));
    }

    internal static FloatDataset Calibration(Network network)
    {
        Random random = new(6);
        bool masked = IsMasked(network);
        float[][] rows = [.. Enumerable.Range(0, 30).Select(_ => Enumerable.Range(0, network.InputLength).Select(Value).ToArray())];
        return FloatDataset.FromRows(rows, labels: new int[30]);

        float Value(int i) => !masked || i < network.Inputs[0].Shape.Length ? (float)((2 * random.NextDouble()) - 1)
            : random.Next(4) > 0 ? 1f
            : 0f;
    }

    /// <summary>Samples of both inputs: windows, and further steps.</summary>
    internal static float[][] Values(Network network, StreamingNetwork stream, int further)
    {
        bool masked = IsMasked(network);
        return [.. stream.SampleLengths.Select((length, i) =>
        {
            float[] values = Samples.Array((Steps(network) + further) * length, 3 + i);
            return masked && i == 1 ? [.. values.Select((_, t) => t % 4 == 2 ? 0f : 1f)] : values;
        })];
    }

    /// <summary>The decisions over samples that come in pieces of so many steps.</summary>
    internal static IReadOnlyList<float[]> Decisions(StreamingNetwork stream, float[][] samples, int piece)
    {
        (int a, int b) = (stream.SampleLengths[0], stream.SampleLengths[1]);
        List<float[]> decisions = [];
        int steps = samples[0].Length / a;
        for (int first = 0; first < steps;)
        {
            int count = (int)Math.Min(piece, (long)steps - first);
            ReadOnlySpan<float> left = samples[0].AsSpan(first * a, count * a), right = samples[1].AsSpan(first * b, count * b);
            while (stream.Push(ref left, ref right))
            {
                decisions.Add(stream.Decision.ToArray());
            }

            Assert.That(left.Length + right.Length, Is.Zero);
            first += count;
        }

        return decisions;
    }

    private static bool IsMasked(Network network) => network.Inputs[1].Name == "m";

    private static int Steps(Network network) => network.Inputs[0].Shape.Rank == 1 || network.Inputs[0].Shape[0] > 3
        ? network.Inputs[0].Shape[0]
        : network.Inputs[0].Shape[1];

    /// <summary>Both inputs of a window, each in its layout: [steps][features], or [channels][steps].</summary>
    private static float[] Inputs(Network network, float[][] samples, int first, int steps) =>
    [
        .. network.Inputs.ToArray().SelectMany((input, i) =>
        {
            int all = Steps(network), step = input.Shape.Length / all;
            float[] window = [.. samples[i].Skip(first * step).Take(steps * step)];
            return input.Shape.Rank == 2 && input.Shape[1] == all
                ? [.. Enumerable.Range(0, window.Length).Select(k => window[(k % steps * step) + (k / steps)])]
                : window;
        }),
    ];
}
