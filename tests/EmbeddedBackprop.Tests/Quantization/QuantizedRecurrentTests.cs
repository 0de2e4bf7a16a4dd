using EmbeddedBackprop.Data;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Ops.Integer;
using EmbeddedBackprop.Quantization;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Quantization;

/// <summary>Recurrent layers of a quantised network: their scales, the range of a cell, and what they lose.</summary>
internal sealed class QuantizedRecurrentTests
{
    [TestCase("input 7x4; gru 6; dense 3", 8)]
    [TestCase("input 7x4; gru 6 all; gru 5 bidirectional; dense 3 softmax", 8)]
    [TestCase("input 7x4; lstm 6 all bidirectional; mean-time; dense 3", 8)]
    [TestCase("input 7x4; lstm 6 all; rnn 5; dense 3", 16)]
    [TestCase("input 7x4; rnn 6 all relu; max-time; dense 3", 8)]
    [TestCase("input 7x4; gru 5 all; softmax; mean-time; dense 3", 8, 1)]
    public void A_recurrent_net_becomes_integers(string text, int bits, int floats = 0)
    {
        Network network = QuantizationNets.Compile(text, 1);
        FloatDataset calibration = QuantizationNets.Data(network, 100, 1), data = QuantizationNets.Data(network, 20, 2);
        using QuantizedModel model = Quantizer.Quantize(network, calibration, new QuantizerOptions { ActivationBits = bits });
        Assert.That(model.Network.Output.Graph.Ops.OfType<IntegerRecurrent>(), Is.Not.Empty);
        Assert.That(model.Report.FloatOps, Has.Count.EqualTo(floats), "a table of e^x has no entries for 16 bits");
        double ratio = Ratio(network, model.Network, data);
        TestContext.Out.WriteLine($"{ratio:f1} dB");
        Assert.That(ratio, Is.GreaterThan(bits == 8 ? 25 : 30), "dB");
        using Network scalar = NetCompiler.Compile(text, null, network.Options with { Execution = Execution.Scalar });
        network.Parameters.CopyTo(scalar.Parameters);
        using QuantizedModel other = Quantizer.Quantize(scalar, calibration, new QuantizerOptions { ActivationBits = bits });
        Bits.AssertEqual(other.Network.State, model.Network.State, "scales");
        Bits.AssertEqual(QuantizationNets.Predict(other.Network, data), QuantizationNets.Predict(model.Network, data), "predictions");
    }

    // With the forget gate and the input gate open, the cell counts steps.
    [TestCase(1, 1)]
    [TestCase(3, 2)]
    [TestCase(9, 4)]
    public void The_range_of_a_cell_follows_its_values(int steps, int bits)
    {
        Network network = QuantizationNets.Compile($"input {steps}x2; lstm 2 all; dense 2", 1);
        foreach (string tensor in new[] { "weight_ih", "weight_hh", "bias_hh" })
        {
            LayerTensors.Parameter(network, "lstm1." + tensor, out _).Clear();
        }

        LayerTensors.Parameter(network, "lstm1.bias_ih", out _)[..8].Fill(20f);
        using QuantizedModel model = Quantizer.Quantize(network, QuantizationNets.Data(network, 10, 1));
        float scale = LayerTensors.State(model.Network, "lstm1.cell_range")[0];
        Assert.That(IntegerRecurrent.CellBits(scale), Is.EqualTo(bits));
        Assert.That(Ratio(network, model.Network, QuantizationNets.Data(network, 10, 2)), Is.GreaterThan(30), "dB");

        // A range that ends at 1 cuts the cells of the later steps.
        LayerTensors.State(model.Network, "lstm1.cell_range")[0] = IntegerRecurrent.HiddenScale;
        if (bits > 1)
        {
            Assert.That(Ratio(network, model.Network, QuantizationNets.Data(network, 10, 2)), Is.LessThan(30), "dB");
        }
    }

    private static double Ratio(Network network, Network quantized, FloatDataset data)
    {
        float[] expected = QuantizationNets.Predict(network, data), actual = QuantizationNets.Predict(quantized, data);
        double signal = expected.Sum(x => (double)x * x), noise = expected.Zip(actual, (x, y) => Math.Pow((double)x - y, 2)).Sum();
        return 10 * Math.Log10(signal / noise);
    }
}
