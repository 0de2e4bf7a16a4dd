using System.Globalization;
using EmbeddedBackprop.Data;
using EmbeddedBackprop.Graphs;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Quantization;
using EmbeddedBackprop.Streaming;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Streaming;

/// <summary>A stream's decisions are bit for bit those of the network over the samples, at any size of the pieces.</summary>
[Parallelizable(ParallelScope.All)]
internal sealed class StreamingNetworkTests
{
    // Nets without memory or padding: decision d is the prediction of the window that begins with step d hop.
    private static readonly (string Net, int Hop)[] Windows =
    [
        ("input 40; dense 5 tanh; dense 3", 8),
        ("input 1x60; conv1d 4 5 relu; maxpool1d 2; conv1d 6 3 s2 tanh; global-avgpool; dense 3 softmax", 4),
        ("input 1x60; conv1d 4 5 relu; maxpool1d 2; conv1d 6 3 s2 tanh; flatten; dense 3", 12),
        ("input 3x31; conv1d 8 3 d2 relu; batchnorm; conv1d 8 4 s3; activate relu; global-maxpool; dense 2", 0),
        ("input 20x4; layernorm; transpose; conv1d 5 3 relu; transpose; mean-time; dense 2", 1),
        ("input 1x24x7; conv 4 3x3 p0x1 relu; maxpool 2x1; conv 4 3x3 g4 p0x1; conv 6 1x1 relu; global-avgpool; dense 3", 2),
        ("input 16x4; reshape 1x16x4; conv 3 3x2 relu; avgpool 2x1 s1; flatten; dense 2", 5),
        ("a = input 2x18; b = conv1d 4 3 relu a; c = conv1d 4 3 tanh a; add b c; slice 1 2; transpose; max-time", 0),
        ("input 12; embedding 7 3; max-time; dense 2", 3),
        ("input 1x33; avgpool1d 3 s5; conv1d 3 2; flatten; dense 2", 10),
        ("input 400; frames 64 hop 40; preemphasis 0.97; window hann; rfft; power; mel 12 rate8000; log; transpose; conv1d 8 3 relu; "
            + "global-avgpool", 40),
        ("input 1x400; decimate 4; frames 20 hop 6; statistics rms peak; transpose; conv1d 4 2 s2 tanh; flatten; dense 2", 48),
        ("input 300; frames 100 hop 120; window hamming; rfft n128; magnitude; bands 0 300 1000 4000 rate8000; log floor0.1; dct 3; mean-time", 0),
    ];

    // Nets that look back to the reset: the reference is the same net over all samples, of which the window's layer reads the newest rows.
    private static readonly (string Net, string All, int Hop)[] Pasts =
    [
        ("input 1x20; conv1d 4 3 causal relu; conv1d 4 3 causal d2 tanh; global-avgpool; dense 3",
            "input 1x{0}; conv1d 4 3 causal relu; conv1d 4 3 causal d2 tanh; transpose; slice {1} 20; transpose; global-avgpool; dense 3", 1),
        ("input 1x20; conv1d 4 3 causal relu; conv1d 4 3 causal d2 tanh; global-avgpool; dense 3",
            "input 1x{0}; conv1d 4 3 causal relu; conv1d 4 3 causal d2 tanh; transpose; slice {1} 20; transpose; global-avgpool; dense 3", 7),
        // 18 rows of the first layer, 9 after the pooling.
        ("input 1x20; conv1d 4 3 relu; maxpool1d 2; conv1d 4 3 causal tanh; flatten; dense 3",
            "input 1x{0}; conv1d 4 3 relu; maxpool1d 2; conv1d 4 3 causal tanh; transpose; slice {2} 9; transpose; flatten; dense 3", 4),
        ("input 12x2; gru 5 all carry; lstm 4 carry; dense 3", "input {0}x2; gru 5 all; lstm 4; dense 3", 3),
        ("input 1x60; preemphasis 0.97; biquad 0.2 -0.4 0.2 -0.5 0.3; frames 20 hop 8; rfft n32; power; log; slice 5 1; flatten; dense 3",
            "input 1x{0}; preemphasis 0.97; biquad 0.2 -0.4 0.2 -0.5 0.3; frames 20 hop 8; rfft n32; power; log; slice {3} 1; flatten; dense 3", 8),
        ("input 1x80; decimate 4 taps5; biquad 0.2 -0.4 0.2 -0.5 0.3; preemphasis 0.5; flatten; dense 3",
            "input 1x{0}; decimate 4 taps5; biquad 0.2 -0.4 0.2 -0.5 0.3; preemphasis 0.5; transpose; slice {4} 19; transpose; flatten; dense 3", 12),
        ("input 1x60; frames 20 hop 8; statistics crest rms; gru 5 carry; dense 3",
            "input 1x{0}; frames 20 hop 8; statistics crest rms; gru 5; dense 3", 8),
        ("input 1x80; frames 8 hop 8; statistics crest rms; transpose; conv1d 3 3 causal; transpose; mean-time",
            "input 1x{0}; frames 8 hop 8; statistics crest rms; transpose; conv1d 3 3 causal; transpose; slice {5} 10; mean-time", 16),
        ("input 1x20; conv1d 4 3 s2 relu; transpose; gru 5 carry; dense 3", "input 1x{0}; conv1d 4 3 s2 relu; transpose; gru 5; dense 3", 2),
    ];

    public static IEnumerable<TestCaseData> WindowCases =>
        from net in Windows
        from arithmetic in new[] { Arithmetic.Fused, Arithmetic.Separate }
        select new TestCaseData(net.Net, net.Hop, arithmetic).SetArgDisplayNames(net.Net, arithmetic.ToString());

    public static IEnumerable<TestCaseData> PastCases =>
        Pasts.Select(net => new TestCaseData(net.Net, net.All, net.Hop).SetArgDisplayNames(net.Net, $"hop {net.Hop}"));

    [TestCaseSource(nameof(WindowCases))]
    public void Every_decision_is_the_prediction_of_its_window(string net, int hop, Arithmetic arithmetic)
    {
        using Network network = Compile(net, arithmetic);
        using StreamingNetwork stream = new(network, new StreamOptions { Hop = hop });
        float[] samples = Samples(network, stream, 5 * stream.Hop);
        int steps = (int)stream.Window, decisions = 0;
        foreach (int piece in (int[])[1, 7, stream.Hop, int.MaxValue])
        {
            stream.Reset();
            decisions = 0;
            foreach (float[] decision in Decisions(stream, samples, piece))
            {
                float[] window = WindowOf(network, samples, decisions * stream.Hop, stream.SampleLength);
                Assert.That(Bits.FirstDifference(decision, network.Predict(window)), Is.EqualTo(-1), $"decision {decisions}, pieces of {piece}");
                decisions++;
            }

            Assert.That(decisions, Is.EqualTo(1 + (((samples.Length / stream.SampleLength) - steps) / stream.Hop)));
        }

        Assert.That(decisions, Is.GreaterThanOrEqualTo(5));
    }

    [TestCaseSource(nameof(PastCases))]
    public void A_net_that_looks_back_decides_as_over_all_samples(string net, string all, int hop)
    {
        using Network network = Compile(net, Arithmetic.Fused);
        using StreamingNetwork stream = new(network, new StreamOptions { Hop = hop });
        float[] samples = Samples(network, stream, 5 * stream.Hop);
        int decision = 0;
        foreach (float[] given in Decisions(stream, samples, 3))
        {
            int steps = (int)stream.Window + (decision * stream.Hop);
            using Network whole = Compile(Sized(all, steps, network), Arithmetic.Fused);
            NetworkValues.Copy(network, whole);
            float[] turned = Turned(network, samples, 0, steps, stream.SampleLength);
            Assert.That(Bits.FirstDifference(given, whole.Predict(turned)), Is.EqualTo(-1), $"after {steps}");
            decision++;
        }

        Assert.That(decision, Is.GreaterThanOrEqualTo(5));
    }

    [Test]
    public void A_stream_allocates_nothing_and_computes_less_than_the_window()
    {
        using Network network = Compile(Windows[1].Net, Arithmetic.Fused);
        using StreamingNetwork stream = new(network);
        float[] samples = Samples(network, stream, 400);
        _ = Decisions(stream, samples, 5);
        stream.Reset();
        long before = GC.GetAllocatedBytesForCurrentThread();
        ReadOnlySpan<float> left = samples;
        int decisions = 0;
        while (stream.Push(ref left))
        {
            decisions++;
        }

        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.Zero);
        Assert.That(decisions, Is.GreaterThan(50));
        Assert.That(stream.Decisions, Is.EqualTo(decisions));
        Assert.That(MultiplyAdds(stream.Plan) * 5, Is.LessThan(MultiplyAdds(network.InferencePlan)));
    }

    [TestCase("input 1x20; conv1d 4 3 same; global-avgpool", 0,
        "conv1d1 pads the window in time (a convolution that is valid or causal can be fed step by step)")]
    [TestCase("input 1x20; maxpool1d 3 p1; global-avgpool", 0, "maxpool1d1 pads the window in time")]
    [TestCase("input 12x2; gru 5", 0, "gru1 begins each window with an empty state (a layer with carry can be fed step by step)")]
    [TestCase("input 12x2; gru 5 bidirectional", 0, "gru1 reads the sequence from its end, too")]
    [TestCase("input 12x2; layernorm all; mean-time", 0, "layernorm1 works over all steps of time")]
    [TestCase("input 1x20; conv1d 4 3 s2; maxpool1d 2; flatten; dense 2", 6, "a hop of 6 steps: the strides of the net ask for a multiple of 4")]
    [TestCase("input 20; dense 2", 21, "a hop of 21 steps brings 21 new rows to dense1, whose window has 20")]
    [TestCase("input 20; dense 2", -1, "a hop of -1 steps")]
    [TestCase("input 2x20; conv1d 4 3 same; global-avgpool", 0, "conv1d1 pads the window in time")]
    [TestCase("x = input 12x3; a = gru 3 all carry; again a; dense 2", 0, "is applied twice")]
    [TestCase("x = input 1x20; a = biquad 0.2 -0.4 0.2 -0.5 0.3; again a; flatten; dense 2", 0, "is applied twice")]
    [TestCase("a = input 1x8; b = conv1d 4 3 s2 a; c = conv1d 4 2 s3 a; add b c; global-avgpool", 0, "whose rows are of other times")]
    [TestCase("a = input 2x18; b = conv1d 4 3 a; c = conv1d 4 5 p1 a; add b c; global-avgpool", 0, "pads the window in time")]
    public void What_cannot_be_fed_is_refused_with_its_name(string net, int hop, string message)
    {
        using Network network = Compile(net, Arithmetic.Fused);
        Assert.That(
            () => new StreamingNetwork(network, new StreamOptions { Hop = hop }),
            Throws.InstanceOf<Exception>().With.Message.Contains(message).And.TypeOf(
                message.StartsWith("a hop", StringComparison.Ordinal) ? typeof(ArgumentException) : typeof(NotSupportedException)));
    }

    /// <summary>A hop of a quantised net rounds as the whole window does: a layer's kept rows are the integers that it has made.</summary>
    [TestCaseSource(nameof(WindowCases))]
    public void A_quantised_net_decides_as_over_the_window(string net, int hop, Arithmetic arithmetic)
    {
        using Network floats = Compile(net, arithmetic);
        using QuantizedModel quantized = Quantizer.Quantize(floats, Calibration(floats));
        using StreamingNetwork stream = new(quantized.Network, new StreamOptions { Hop = hop });
        float[] samples = Samples(floats, stream, 5 * stream.Hop);
        int decisions = 0, others = 0;
        foreach (float[] decision in Decisions(stream, samples, 3))
        {
            float[] window = WindowOf(floats, samples, decisions * stream.Hop, stream.SampleLength);
            Assert.That(Bits.FirstDifference(decision, quantized.Network.Predict(window)), Is.EqualTo(-1), $"decision {decisions}");
            others += Bits.FirstDifference(decision, floats.Predict(window)) < 0 ? 0 : 1;
            decisions++;
        }

        Assert.That(decisions, Is.GreaterThanOrEqualTo(5));
        Assert.That(others, Is.GreaterThan(0), "the control: integers differ from floats");
    }

    // Over all samples a layer moves the newest rows of the decimated signal, and they become integers under another name: no reference.
    public static IEnumerable<TestCaseData> QuantisedPastCases =>
        PastCases.Where(data => !((string)data.Arguments[0]!).Contains("decimate", StringComparison.Ordinal));

    [TestCaseSource(nameof(QuantisedPastCases))]
    public void A_quantised_net_that_looks_back_decides_as_over_all_samples(string net, string all, int hop)
    {
        using Network floats = Compile(net, Arithmetic.Fused);
        using QuantizedModel quantized = Quantizer.Quantize(floats, Calibration(floats));
        using StreamingNetwork stream = new(quantized.Network, new StreamOptions { Hop = hop });
        float[] samples = Samples(floats, stream, 5 * stream.Hop);
        int decision = 0;
        foreach (float[] given in Decisions(stream, samples, 3))
        {
            int steps = (int)stream.Window + (decision * stream.Hop);
            using Network longer = Compile(Sized(all, steps, floats), Arithmetic.Fused);
            using Network whole = Quantizer.Build(longer, QuantizerOptions.Parse(quantized.Network.Output.Graph.QuantizedFrom!.Settings));
            NetworkValues.Copy(quantized.Network, whole);
            float[] turned = Turned(floats, samples, 0, steps, stream.SampleLength);
            Assert.That(Bits.FirstDifference(given, whole.Predict(turned)), Is.EqualTo(-1), $"after {steps}");
            decision++;
        }

        Assert.That(decision, Is.GreaterThanOrEqualTo(5));
    }

    [Test]
    public void Misuse_is_told()
    {
        using Network network = Compile("input 3x31; conv1d 8 3 relu; global-maxpool", Arithmetic.Fused);
        using StreamingNetwork stream = new(network);
        Assert.That(() => stream.Decision.Length, Throws.InvalidOperationException);
        Assert.That(
            () =>
            {
                ReadOnlySpan<float> part = new float[4];
                return stream.Push(ref part);
            },
            Throws.ArgumentException.With.Message.Contains("4 samples are no whole number of time steps, each of which has 3"));
    }

    // {0}: all steps; {1}: the first one of the last window; {2}: the same after a layer of three taps and a pooling by two, of nine;
    // {3}: the last frame of 20 with hop 8; {4}: the first of 19 of a decimation by 4; {5}: the first of ten frames of 8.
    private static string Sized(string net, int steps, Network network) => string.Format(
        CultureInfo.InvariantCulture, net, steps, steps - network.Input.Shape[network.Input.Shape.Rank - 1], ((steps - 2) / 2) - 9,
        (steps - 20) / 8, 1 + ((steps - 5) / 4) - 19, (steps / 8) - 10);

    private static long MultiplyAdds(Plan plan)
    {
        long sum = 0;
        foreach (ref readonly Step step in plan.Steps)
        {
            sum += step.Op.MultiplyAdds;
        }

        return sum;
    }

    /// <summary>A network with biases and running values that are neither 0 nor 1.</summary>
    internal static Network Compile(string net, Arithmetic arithmetic)
    {
        Graph graph = NetText.Build(net, Registry.Activation);
        Network network = new(
            [.. graph.Nodes.Where(node => node.Op is null)],
            [graph.Nodes[^1]],
            [],
            new NetworkOptions { Batch = 1, Seed = 3, Arithmetic = arithmetic, Threads = 1 });
        foreach (string name in network.WeightNames)
        {
            float[] values = network.GetWeights(name);
            network.SetWeights(name, [.. values.Select((value, i) => value + (0.01f * ((i % 7) + 1)))]);
        }

        return network;
    }

    /// <summary>Windows from which a quantiser takes its ranges.</summary>
    internal static FloatDataset Calibration(Network network)
    {
        bool indices = network.InferencePlan.Graph.Nodes.Any(node => node.Op is Embedding);
        Random random = new(6);
        float[][] rows = [.. Enumerable.Range(0, 30).Select(_ => Enumerable.Range(0, network.InputLength)
            .Select(_ => indices ? random.Next(7) : (float)((2 * random.NextDouble()) - 1)).ToArray())];
        return FloatDataset.FromRows(rows, labels: new int[30]);
    }

    /// <summary>Steps of time, [steps][samples of a step]: the first window and further ones.</summary>
    internal static float[] Samples(Network network, StreamingNetwork stream, int further)
    {
        float[] samples = new float[((int)stream.Window + further) * stream.SampleLength];
        bool indices = network.InferencePlan.Graph.Nodes.Any(node => node.Op is Embedding);
        Random random = new(5);
        for (int i = 0; i < samples.Length; i++)
        {
            samples[i] = indices ? random.Next(7) : (float)((2 * random.NextDouble()) - 1);
        }

        return samples;
    }

    /// <summary>The decisions over samples that come in pieces of so many steps.</summary>
    internal static IReadOnlyList<float[]> Decisions(StreamingNetwork stream, float[] samples, int piece)
    {
        int step = stream.SampleLength;
        List<float[]> decisions = [];
        for (int first = 0; first < samples.Length;)
        {
            int length = (int)Math.Min((long)piece * step, samples.Length - first);
            ReadOnlySpan<float> left = samples.AsSpan(first, length);
            while (stream.Push(ref left))
            {
                decisions.Add(stream.Decision.ToArray());
            }

            first += length;
        }

        return decisions;
    }

    private static float[] WindowOf(Network network, float[] samples, int first, int step) =>
        Turned(network, samples, first, network.InputLength / step, step);

    // [steps][step] as the input has it: [channels][steps] where time is the last axis but not the first, [1][height][width] as it is.
    private static float[] Turned(Network network, float[] samples, int first, int steps, int step)
    {
        // The last steps of a window may be read by nothing: a stream decides without them.
        float[] window = [.. samples.Skip(first * step).Concat(Enumerable.Repeat(9f, steps * step)).Take(steps * step)];
        bool turn = network.Input.Shape is { Rank: 2 } shape && shape[0] == step;
        if (!turn)
        {
            return window;
        }

        float[] turned = new float[window.Length];
        for (int t = 0; t < steps; t++)
        {
            for (int c = 0; c < step; c++)
            {
                turned[(c * steps) + t] = window[(t * step) + c];
            }
        }

        return turned;
    }
}
