using EmbeddedBackprop.IO;
using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Tests.Ops;

/// <summary>Ops on signals: bits at every width and layout, gradients, and what they compute.</summary>
[TestFixture]
internal sealed class SignalTests
{
    [TestCase("frames 16 hop 5")]
    [TestCase("frames 7 hop 9")]
    [TestCase("preemphasis 0.9")]
    [TestCase("frames 10 hop 10; preemphasis 0.97")]
    [TestCase("frames 16 hop 8; window hann")]
    [TestCase("frames 15 hop 8; window hamming symmetric")]
    [TestCase("frames 16 hop 8; rfft")]
    [TestCase("frames 11 hop 8; rfft n32")]
    [TestCase("rfft; power")]
    [TestCase("rfft; magnitude")]
    [TestCase("frames 16 hop 8; rfft; power; mel 4 rate8000")]
    [TestCase("frames 32 hop 8; rfft; magnitude; mel 5 rate8000 slaney from300 to3800")]
    [TestCase("frames 32 hop 8; rfft; power; mel 5 rate8000; log; dct 3")]
    [TestCase("frames 32 hop 8; window hann; rfft; power; log floor0.01")]
    [TestCase("rfft; power; bands 0 1000 4000 rate8000")]
    [TestCase("frames 20 hop 11; goertzel 440 1000.5 3500 rate8000")]
    [TestCase("biquad 0.2 0.4 0.2 -0.5 0.3")]
    [TestCase("frames 20 hop 11; biquad 1 -2 1 -1.2 0.5")]
    [TestCase("decimate 2")]
    [TestCase("frames 20 hop 11; decimate 3 taps8")]
    [TestCase("frames 20 hop 11; statistics mean rms deviation")]
    [TestCase("frames 20 hop 11; statistics skewness kurtosis")]
    [TestCase("frames 20 hop 11; statistics peak crest zero-crossings")]
    [TestCase("frames 32 hop 8; rfft; power; mel 4 rate8000; log; transpose; batchnorm")]
    public void Have_one_result_and_the_gradient_of_it(string text) =>
        new GraphRun(3, new Shape(53), (graph, x) =>
        {
            // A layer before them, so that gradients go through.
            Node value = graph.Apply(new Dense(53, Registry.Activation("tanh")), x);
            foreach (Node node in NetText.Build(text, Registry.Activation, new Shape(53)).Nodes)
            {
                value = node.Op is null ? value : graph.Apply(node.Op.Unbound(), value);
            }

            return value;
        }).CheckEverything();

    [TestCase("input 100; frames 128 hop 8", "frames1: a frame of 128 samples is longer than the signal of 100 (from input)")]
    [TestCase("input 2x100; frames 32 hop 8", "frames1: expected one signal, [samples] or [1, samples], got 2x100 (from input)")]
    [TestCase("input 100; rfft n64", "rfft1: a row of 100 samples (from input) does not fit into a transform of 64")]
    [TestCase("input 9000; rfft", "rfft1: a row of 9000 samples (from input) does not fit into a transform of 8192")]
    [TestCase("input 33; power", "power1: expected rows of real parts and as many imaginary parts, as rfft gives them, got rows of 33 (from input)")]
    [TestCase("input 5; dct 6", "dct1: 6 coefficients of rows of 5 (from input): there are at most as many as elements")]
    [TestCase(
        "input 33; mel 40 rate8000",
        "mel1: band 1, 0 to 68 Hz, holds no frequency of a spectrum with 125 Hz a step: take fewer bands or longer frames")]
    [TestCase(
        "input 33; bands 130 200 4000 rate8000",
        "bands1: band 1, 130 to 200 Hz, holds no frequency of a spectrum with 125 Hz a step: take fewer bands or longer frames")]
    [TestCase("input 33; bands 0 5000 rate8000", "bands: expected two edges or more, ascending, from 0 Hz to half the rate")]
    [TestCase("input 33; biquad 1 0 0 -2 0.5", "a1 must be below 1 + a2 in magnitude")]
    [TestCase("input 16; decimate 4", "decimate1: a frame of 33 samples is longer than the signal of 16 (from input)")]
    [TestCase("input 33; statistics mean mean", "statistics: expected one or more of them, each once")]
    [TestCase("input 33; mel 5", "mel: expected rateHZ")]
    [TestCase("input 33; window kaiser", "expected a window, got 'kaiser'")]
    [TestCase("input 33; frames 16 8", "expected the word hop, got '8'")]
    public void What_does_not_fit_is_refused_by_name(string net, string message) =>
        Assert.That(() => NetText.Build(net, Registry.Activation), Throws.InstanceOf<Exception>().With.Message.Contains(message));
}
