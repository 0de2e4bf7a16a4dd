using System.Globalization;
using EmbeddedBackprop.Data;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Optimizers;
using EmbeddedBackprop.Quantization;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Quantization;

/// <summary>A network whose batch normalisations are part of the layers before them: which ones, the difference, text and files.</summary>
internal sealed class BatchNormFoldingTests
{
    private const double Unit = 1.0 / (1 << 24);

    [TestCase("input 5; dense 7; batchnorm; activate relu; dense 3", "input 5; dense 7; activate relu; dense 3")]
    [TestCase("input 2x6x5; conv 4 3x3 same; batchnorm; maxpool 2; dense 3", "input 2x6x5; conv 4 3x3 same; maxpool 2; dense 3")]
    [TestCase("input 4x6x5; conv 4 3x2 s2 g4; batchnorm epsilon0.5; conv 6 1x1 g2; batchnorm", "input 4x6x5; conv 4 3x2 s2 g4; conv 6 1x1 g2")]
    [TestCase("input 3x9; conv1d 4 3 causal d2; batchnorm; activate relu", "input 3x9; conv1d 4 3 causal d2; activate relu")]
    [TestCase("input 6x3x3; conv-transpose 4 3x3 s2 p1 g2; batchnorm; dense 2", "input 6x3x3; conv-transpose 4 3x3 s2 p1 g2; dense 2")]
    [TestCase("input 5; dense 7; batchnorm; batchnorm; dense 3", "input 5; dense 7; dense 3")]
    [TestCase("input 5; dense 7 relu; batchnorm; dense 3", null, TestName = "A_layer_with_an_activation_keeps_the_norm_behind_it")]
    [TestCase("input 5; batchnorm; dense 3", null, TestName = "A_norm_of_the_input_stays")]
    [TestCase("input 5; dense 5; batchnorm; add dense1; dense 3", null, TestName = "A_layer_that_is_read_twice_keeps_the_norm")]
    [TestCase("input 5; dense 5; batchnorm; again dense1; dense 3", null, TestName = "A_layer_that_is_used_twice_keeps_the_norm")]
    [TestCase("input 5; a = dense 5; batchnorm; b = dense 5 a; again batchnorm1 b; add batchnorm1; dense 2", null,
        TestName = "A_norm_that_is_used_twice_stays")]
    public void Norms_that_can_be_folded_are_and_others_stay(string text, string? expected)
    {
        Network network = QuantizationNets.Compile(text, 1);
        Network folded = BatchNormFolding.Fold(network);
        string result = NetText.Format(folded);
        Assert.That(result, Is.EqualTo(NetText.Format(QuantizationNets.Compile(expected ?? text, 1))));
        FloatDataset data = QuantizationNets.Data(network, 20, 3);
        Assert.That(Difference(network, folded, data), Is.LessThan(1));

        // The text is a net of its own, and files hold it.
        Network loaded = NetCompiler.Compile(result, null, new NetworkOptions());
        ModelFile.Parse(ModelFile.ToArray(folded), "folded").LoadWeights(loaded);
        Bits.AssertEqual(QuantizationNets.Predict(loaded, data), QuantizationNets.Predict(folded, data), "from a file");
    }

    [Test]
    public void Random_nets_differ_by_rounding_only()
    {
        for (int seed = 0; seed < 60; seed++)
        {
            Network network = QuantizationNets.Compile(RandomText(seed), seed, arithmetic: seed % 2 == 0 ? Arithmetic.Fused : Arithmetic.Separate);
            Network folded = BatchNormFolding.Fold(network);
            Assert.That(NetText.Format(folded), Does.Not.Contain("batchnorm"), RandomText(seed));
            Assert.That(Difference(network, folded, QuantizationNets.Data(network, 10, seed)), Is.LessThan(1), RandomText(seed));
        }
    }

    [Test]
    public void A_wrong_factor_exceeds_the_bound()
    {
        Network network = QuantizationNets.Compile("input 2x6x5; conv 4 3x3 same; batchnorm; activate relu; dense 3", 1);
        Network folded = BatchNormFolding.Fold(network);
        LayerTensors.Parameter(folded, "conv1.bias", out _)[2] *= 1.002f;
        Assert.That(Difference(network, folded, QuantizationNets.Data(network, 10, 3)), Is.GreaterThan(1));
    }

    [Test]
    public void A_norm_whose_factor_is_not_finite_stays()
    {
        Network network = QuantizationNets.Compile("input 5; dense 7; batchnorm; dense 3", 1);
        LayerTensors.State(network, "batchnorm1.running_var")[3] = -1f;
        Assert.That(NetText.Format(BatchNormFolding.Fold(network)), Does.Contain("batchnorm"));
    }

    [Test]
    public void A_network_that_trains_keeps_its_loss_its_frozen_layers_and_the_moments_of_its_layers()
    {
        using EvaluatedNet net = new();
        Network folded = BatchNormFolding.Fold(net.Network);
        Assert.Multiple(() =>
        {
            Assert.That(folded.Options.Frozen, Is.EqualTo(new[] { "dense1" }));
            Assert.That(folded.Loss, Is.TypeOf<SoftmaxCrossEntropy>());
            Assert.That(NetText.Format(folded), Is.EqualTo("input 6; dense 8; activate relu; dense 3 softmax"));
            Assert.That(folded.StepNumber, Is.EqualTo(net.Network.StepNumber));
            Assert.That(Moments(folded, "dense2.weight"), Is.EqualTo(Moments(net.Network, "dense2.weight")));
            Assert.That(Moments(folded, "dense2.weight"), Has.Some.Not.Zero);
        });
    }

    private static float[] Moments(Network network, string name)
    {
        LayerTensors.Parameter(network, name, out ParameterRange range);
        return network.OptimizerState.Slice(range.Offset, range.Length).ToArray();
    }

    /// <summary>
    /// Both nets round each layer of n terms at most n + 10 times, relative to the sum of magnitudes: that of the layer with its norm, computed
    /// with the magnitudes of all weights, means and inputs, which bounds what later layers make of it, too.
    /// </summary>
    /// <returns>The largest difference of an output, as a share of its bound.</returns>
    private static double Difference(Network network, Network folded, FloatDataset data)
    {
        float[] expected = QuantizationNets.Predict(network, data), actual = QuantizationNets.Predict(folded, data);
        double terms = 0;
        foreach (ref readonly ParameterRange range in network.InferencePlan.Parameters)
        {
            terms += range.Kind == ParameterKind.Weight ? range.FanIn + 10 : 0;
        }

        double worst = 0;
        double[] magnitudes = Magnitudes(network, data);
        for (int i = 0; i < expected.Length; i++)
        {
            worst = Math.Max(worst, Math.Abs((double)actual[i] - expected[i]) / (2 * terms * Unit * magnitudes[i]));
        }

        return worst;
    }

    private static double[] Magnitudes(Network network, FloatDataset data)
    {
        Plan plan = Plan.ForInference(network.Output.Graph, new PlanOptions { Batch = data.Count }, network.Output);
        double[] parameters = [.. network.Parameters.ToArray().Select(x => Math.Abs((double)x))], workspace = new double[plan.WorkspaceLength];
        double[] state = [.. network.State.ToArray().Select(x => (double)x)];
        foreach (ref readonly StateRange range in plan.State)
        {
            foreach (ref double value in state.AsSpan(range.Offset, range.Count))
            {
                value = range.Name.EndsWith("_mean", StringComparison.Ordinal) ? -Math.Abs(value) : value;
            }
        }

        float[] inputs = new float[data.Count * data.InputLength];
        data.Gather([.. Enumerable.Range(0, data.Count)], inputs, data.InputLength, [], 0);
        Span<double> slot = plan.ValueSpan<double>(workspace, network.Input, data.Count);
        for (int i = 0; i < inputs.Length; i++)
        {
            slot[(i / data.InputLength * plan.Stride(network.Input)) + (i % data.InputLength)] = Math.Abs((double)inputs[i]);
        }

        plan.Forward(new PlanMemory<double>(parameters, [], workspace, state), RunInfo.Single(data.Count));
        ReadOnlySpan<double> outputs = plan.ValueSpan<double>(workspace, network.Output, data.Count);
        List<double> result = [];
        for (int i = 0; i < data.Count; i++)
        {
            result.AddRange(outputs.Slice(i * plan.Stride(network.Output), network.Output.Shape.Length));
        }

        return [.. result];
    }

    private static string RandomText(int seed)
    {
        RandomSequence random = new CounterRandom((ulong)seed, RandomPurpose.Check).Sequence(5);
        string[] kinds =
        [
            "conv 4 3x3 same", "conv 6 2x3 g2 p1", "conv 4 3x3 g4 s2 p1", "conv 8 1x1 g2", "conv-transpose 4 3x3 s2 p1 g2", "conv-transpose 6 2x2",
        ];
        string text = "input 4x5x4";
        int channels = 4;
        for (int i = 1 + random.NextBelow(3); i > 0; i--)
        {
            string kind = kinds[random.NextBelow(kinds.Length)];
            if (kind.Contains("g4", StringComparison.Ordinal) && channels != 4)
            {
                continue;
            }

            channels = int.Parse(kind.Split(' ')[1], CultureInfo.InvariantCulture);
            text += $"; {kind}; batchnorm" + (random.NextBelow(2) == 0 ? "; activate relu" : "");
        }

        return text + "; dense 9; batchnorm" + (random.NextBelow(2) == 0 ? "; activate relu; dense 3" : "");
    }

    /// <summary>A small net after a few steps with momentum.</summary>
    private sealed class EvaluatedNet : IDisposable
    {
        public EvaluatedNet()
        {
            Network = NetCompiler.Compile(
                "input 6; dense 8; batchnorm; activate relu; dense 3 softmax", new SoftmaxCrossEntropy(),
                new NetworkOptions { Batch = 8, Optimizer = new Momentum(), Frozen = ["dense1", "batchnorm1"] });
            for (int step = 0; step < 5; step++)
            {
                Samples.Fill(Network.TrainingInput(8), step);
                Network.TrainingTarget(8).Clear();
                for (int i = 0; i < 8; i++)
                {
                    Network.TrainingTarget(8)[(i * Network.TargetStride) + (i % 3)] = 1f;
                }

                Network.TrainStep(8, 0.1f);
            }
        }

        public Network Network { get; }

        public void Dispose() => Network.Dispose();
    }
}
