using EmbeddedBackprop.Data;
using EmbeddedBackprop.Quantization;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Quantization;

/// <summary>Minimum, maximum and histogram of every node over samples.</summary>
[Parallelizable(ParallelScope.Self)]
internal sealed class CalibrationTests
{
    private const string Net =
        "input 2x7x6; conv 5 3x3 same relu; maxpool 2; gru = reshape 3x15; gru 6 all gru; batchnorm; dense 4 tanh; dense 3 softmax";

    [Test]
    public void Every_node_has_its_values_counted()
    {
        Network network = ActivationSplit.Of(QuantizationNets.Compile(Net, 1));
        FloatDataset data = QuantizationNets.Data(network, 37, 3);
        Calibration calibration = Calibration.Run(network, data, Calibration.Draw(37, 256, 0));
        Assert.That(calibration.Nodes, Is.EqualTo(network.Output.Graph.Nodes));
        foreach (Node node in calibration.Nodes)
        {
            float[] values = Values(node, network, data);
            ValueHistogram histogram = calibration[node];
            Assert.That(histogram.Minimum, Is.EqualTo(values.Min()), node.Name);
            Assert.That(histogram.Maximum, Is.EqualTo(values.Max()), node.Name);
            Assert.That(histogram.Total, Is.EqualTo(values.Length), node.Name);
            Assert.That(histogram.Zeros, Is.EqualTo(values.Count(x => x == 0)), node.Name);
            double low = Math.Min(0.0, values.Min()), width = (Math.Max(0.0, values.Max()) - low) / 2048;
            for (int bin = 0; bin < 2048; bin++)
            {
                // A value at the edge of two bins may be counted in either.
                double begin = low + (bin * width), end = begin + width, edge = 1e-9 * width;
                int least = values.Count(x => x != 0 && x > begin + edge && x < end - edge);
                int most = values.Count(x => x != 0 && x >= begin - edge && x <= end + edge);
                Assert.That(histogram.Counts[bin], Is.InRange(least, most), $"{node.Name}, bin {bin}");
            }
        }
    }

    [TestCase(2)]
    [TestCase(4)]
    public void Any_number_of_threads_counts_the_same(int threads)
    {
        Network one = QuantizationNets.Compile(Net, 1), many = QuantizationNets.Compile(Net, 1, threads: threads);
        FloatDataset data = QuantizationNets.Data(one, 50, 3);
        int[] samples = Calibration.Draw(50, 40, 7);
        Calibration expected = Calibration.Run(one, data, samples), actual = Calibration.Run(many, data, samples);
        for (int i = 0; i < expected.Nodes.Count; i++)
        {
            ValueHistogram x = expected[expected.Nodes[i]], y = actual[actual.Nodes[i]];
            Assert.That((y.Minimum, y.Maximum, y.Zeros), Is.EqualTo((x.Minimum, x.Maximum, x.Zeros)));
            Assert.That(y.Counts.SequenceEqual(x.Counts), Is.True);
        }

        many.Dispose();
    }

    [Test]
    public void Samples_are_drawn_by_the_seed_and_all_where_there_are_few()
    {
        int[] drawn = Calibration.Draw(1000, 256, 1);
        Assert.That(drawn, Has.Length.EqualTo(256).And.Unique);
        Assert.That(drawn, Has.Some.GreaterThan(900));
        Assert.That(Calibration.Draw(1000, 256, 1), Is.EqualTo(drawn));
        Assert.That(Calibration.Draw(1000, 256, 2), Is.Not.EqualTo(drawn));
        Assert.That(Calibration.Draw(5, 256, 1), Is.EqualTo(new[] { 0, 1, 2, 3, 4 }));
    }

    [TestCase(float.NaN)]
    [TestCase(float.PositiveInfinity)]
    public void A_value_that_is_not_finite_is_refused_by_its_node_and_sample(float value)
    {
        Network network = QuantizationNets.Compile("pixels = input 3; dense 2", 1);
        float[] inputs = Samples.Array(60, 1);
        inputs[53] = value;
        FloatDataset data = FloatDataset.Regression(inputs, 3, new float[20], 1);
        Assert.That(
            () => Calibration.Run(network, data, Calibration.Draw(20, 256, 0)),
            Throws.ArgumentException.With.Message.Contains("pixels: sample 17 of the calibration data"));
    }

    private static float[] Values(Node node, Network network, FloatDataset data)
    {
        if (node.Op is null)
        {
            return Samples.Array(data.Count * data.InputLength, 3);
        }

        Network part = new(network.Input, node, null, network.Options);
        LayerTensorsCopy(network, part);
        return QuantizationNets.Predict(part, data);
    }

    private static void LayerTensorsCopy(Network from, Network to)
    {
        from.Parameters.CopyTo(to.Parameters);
        from.State.CopyTo(to.State);
    }
}
