using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Data;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Ops.Integer;
using EmbeddedBackprop.Quantization;
using EmbeddedBackprop.Tests.Graphs;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Quantization;

/// <summary>From a float network to one of integers: its graph, its scales, its predictions, and what is refused.</summary>
internal sealed class QuantizerTests
{
    private const string Net =
        "input 2x8x6; conv 5 3x3 same; batchnorm; activate relu; maxpool 2; conv 6 3x2 gelu; flatten; dense 9 sigmoid; dense 4 softmax";

    [Test]
    public void An_input_that_no_prediction_reads_stays_an_input()
    {
        Graph graph = new();
        Node read = graph.Input(new Shape(4), "read"), other = graph.Input(new Shape(2), "other");
        using Network network = new([read, other], [graph.Apply(new Dense(3, new Activation<Tanh>()), read)], [], new NetworkOptions { Seed = 1 });
        using QuantizedModel model = Quantizer.Quantize(network, FloatDataset.Regression(Samples.Array(20 * 6, 1), 6, new float[20], 1));
        Assert.That(model.Network.Inputs.Select(input => input.Name), Is.EqualTo(["read", "other"]));
    }

    // Settings of a forced layer; the text of the integer graph.
    [TestCase(
        "input 4; dense 5 relu; dense 3 softmax", "",
        "input 4; input.quantize = quantize; dense 5 relu; dense 3; dense2.dequantize = dequantize; dense2.activation = activate softmax")]
    [TestCase(
        "input 4; dense 5; activate gelu; dense 3", "float=dense2",
        "input 4; input.quantize = quantize; dense 5 gelu; dense1.dequantize = dequantize; dense 3")]
    [TestCase(
        "input 4; dense 5 tanh; dense 6 relu; dense 3 tanh", "float=dense2",
        "input 4; input.quantize = quantize; dense 5 tanh; dense1.dequantize = dequantize; dense 6; "
        + "dense2.activation = activate relu; dense2.activation.quantize = quantize; dense 3 tanh; dense3.dequantize = dequantize",
        TestName = "A_float_layer_between_integer_layers")]
    [TestCase(
        "input 6; layernorm; dense 5 relu; layernorm; dense 3", "",
        "input 6; layernorm; layernorm1.quantize = quantize; dense 5 relu; dense1.dequantize = dequantize; layernorm; "
        + "layernorm2.quantize = quantize; dense 3; dense2.dequantize = dequantize",
        TestName = "Ops_without_integer_form_stay_float")]
    [TestCase(
        "input 64; frames 32 hop 16; rfft; power; log; transpose; conv1d 2 3 relu; flatten; dense 2", "",
        "input 64; frames 32 hop 16; rfft; power; log; transpose; transpose1.quantize = quantize; conv1d 2 3 relu; flatten; dense 2; "
        + "dense1.dequantize = dequantize",
        TestName = "Features_of_signals_stay_float")]
    [TestCase(
        "x = input 96; multiply x x; decimate 2; frames 16 hop 8; rfft; power; mean-time; reshape 3x3; log; flatten; dense 4 relu; dense 2", "",
        "x = input 96; multiply x x; decimate 2; frames 16 hop 8; rfft; power; mean-time; reshape 3x3; log; flatten; flatten1.quantize = quantize; "
        + "dense 4 relu; dense 2; dense2.dequantize = dequantize",
        TestName = "What_lies_between_features_stays_float")]
    [TestCase(
        "input 8; dense 12 relu; rfft n16; magnitude; dense 2", "integer=dense1",
        "input 8; input.quantize = quantize; dense 12 relu; dense1.dequantize = dequantize; rfft n16; magnitude; magnitude1.quantize = quantize; "
        + "dense 2; dense2.dequantize = dequantize",
        TestName = "What_lies_before_features_and_is_named_computes_on_integers")]
    [TestCase(
        "input 12; reshape 3x2x2; flatten; dense 3", "",
        "input 12; input.quantize = quantize; reshape 3x2x2; flatten; dense 3; dense1.dequantize = dequantize",
        TestName = "An_input_is_quantised_before_it_is_moved")]
    [TestCase(
        "input 12; reshape 3x4; layernorm", "", "input 12; reshape 3x4; layernorm", TestName = "What_no_integer_op_reads_is_moved_as_floats")]
    [TestCase(
        "input 4; a = dense 3 relu; b = dense 3 tanh input; concat a b; dense 2", "",
        "input 4; input.quantize = quantize; a = dense 3 relu; b = dense 3 tanh input.quantize; concat a b; dense 2; "
        + "dense1.dequantize = dequantize",
        TestName = "Branches_of_a_concatenation")]
    [TestCase(
        "x = input 5x3; mask = input 5; max-time x mask; dense 2", "",
        "x = input 5x3; mask = input 5; x.quantize = quantize x; max-time x.quantize mask; dense 2; dense1.dequantize = dequantize",
        TestName = "A_mask_stays_float")]
    [TestCase(
        "input 4; dense 4 relu; again dense1; dense 2", "",
        "input 4; input.quantize = quantize; dense 4 relu; again dense1; dense 2; dense2.dequantize = dequantize",
        TestName = "A_layer_that_is_used_twice_is_one_op")]
    [TestCase(
        "input 4; a = dense 4 relu; dense 4 a; add relu dense1 a; dense 2 sigmoid", "",
        "input 4; input.quantize = quantize; a = dense 4 relu; dense 4; add relu dense1 a; dense 2; "
        + "dense2.dequantize = dequantize; dense2.activation = activate sigmoid",
        TestName = "A_skip_connection")]
    public void The_graph_follows_from_the_net_and_the_settings(string text, string settings, string expected)
    {
        Network network = QuantizationNets.Compile(text, 1);
        QuantizerOptions options = QuantizerOptions.Parse(settings);
        using QuantizedModel model = Quantizer.Quantize(network, QuantizationNets.Data(network, 30, 1), options);
        Assert.That(NetText.Format(model.Network.Output), Is.EqualTo(expected));

        // A reader builds the same graph from the float net and the settings, and the state of the file makes it the same network.
        QuantizedFrom from = model.Network.Output.Graph.QuantizedFrom!;
        Assert.That(from.Settings, Is.EqualTo(options.Settings));
        using Network again = Quantizer.Build(
            QuantizationNets.Compile(NetText.Format(from.Float), 2), QuantizerOptions.Parse(from.Settings));
        Assert.That(NetText.Format(again.Output), Is.EqualTo(expected));
        model.Network.Parameters.CopyTo(again.Parameters);
        model.Network.State.CopyTo(again.State);
        FloatDataset data = QuantizationNets.Data(network, 10, 2);
        Bits.AssertEqual(QuantizationNets.Predict(again, data), QuantizationNets.Predict(model.Network, data), "built again");
        Assert.That(Ratio(network, model.Network, data), Is.GreaterThan(20), "dB");
    }

    [TestCase(Net, 8)]
    [TestCase(Net, 16)]
    [TestCase("input 3x9; conv1d 4 3 causal d2; batchnorm; activate silu; global-avgpool; dense 3 tanh", 8)]
    [TestCase("input 4x4x4; conv 4 3x3 g4 p1 relu6; conv 6 1x1 g2 tanh; conv-transpose 4 3x3 s2 p1 g2 elu; dense 5", 8)]
    [TestCase("input 4x4x4; conv 4 3x3 g4 p1 mish; conv 6 1x1 g2 tanh; conv-transpose 4 3x3 s2 p1 g2 elu; avgpool 2; dense 5 softplus", 16)]
    [TestCase("input 7x3; gru 6 all bidirectional; lstm 5; dense 3 tanh", 8)]
    [TestCase("x = input 6x3; mask = input 6; rnn 7 relu all x mask; rnn 6; dense 3", 16)]
    public void Every_reading_gives_the_same_scales_and_the_same_predictions(string text, int bits)
    {
        Network network = QuantizationNets.Compile(text, 1);
        FloatDataset calibration = QuantizationNets.Data(network, 100, 1), data = QuantizationNets.Data(network, 20, 2);
        QuantizerOptions options = new() { ActivationBits = bits };
        using QuantizedModel expected = Quantizer.Quantize(network, calibration, options);
        float[] outputs = QuantizationNets.Predict(expected.Network, data);
        Assert.That(Ratio(network, expected.Network, data), Is.GreaterThan(bits == 8 ? 25 : 35), "dB");
        foreach (NetworkOptions how in new[]
        {
            network.Options with { Execution = Execution.Scalar }, network.Options with { Threads = 3 }, network.Options with { Batch = 7 },
        })
        {
            using Network same = NetCompiler.Compile(text, null, how);
            network.Parameters.CopyTo(same.Parameters);
            network.State.CopyTo(same.State);
            using QuantizedModel model = Quantizer.Quantize(same, calibration, options);
            Bits.AssertEqual(model.Network.State, expected.Network.State, $"scales, {how}");
            Bits.AssertEqual(model.Network.Parameters, expected.Network.Parameters, $"biases, {how}");
            Bits.AssertEqual(QuantizationNets.Predict(model.Network, data), outputs, $"predictions, {how}");
        }

        Widths.ForEach(width =>
        {
            using QuantizedModel model = Quantizer.Quantize(network, calibration, options);
            Bits.AssertEqual(model.Network.State, expected.Network.State, $"scales, width {width}");
            Bits.AssertEqual(QuantizationNets.Predict(model.Network, data), outputs, $"predictions, width {width}");
        });
    }

    [Test]
    public void Random_graphs_become_integers_where_they_can_with_the_same_bits_in_both_executions()
    {
        int integers = 0, floats = 0;
        for (uint seed = 0; seed < 120; seed++)
        {
            RandomNetwork random = new(seed);
            Plan plan = Plan.ForInference(random.Graph, new PlanOptions(), random.Prediction);
            Node[] inputs = [.. plan.Steps.ToArray().SelectMany(step => step.InputNodes).Where(node => node.Op is null).Distinct()];
            if (inputs.Length == 0)
            {
                continue;
            }

            Network network = new(inputs, [random.Prediction], [], new NetworkOptions { Batch = 3, Arithmetic = random.Arithmetic });
            QuantizationNets.Fill(network, (int)seed);
            FloatDataset data = QuantizationNets.Data(network, 12, (int)seed);
            QuantizerOptions options = new() { ActivationBits = seed % 3 == 0 ? 16 : 8, OutputBits = seed % 2 == 0 ? 16 : 8 };
            using QuantizedModel model = Quantizer.Quantize(network, data, options);
            integers += model.Report.Layers.Count;
            floats += model.Report.FloatOps.Count;
            Network scalar = new(
                model.Network.Inputs.ToArray(), model.Network.Outputs.ToArray(), [], network.Options with { Execution = Execution.Scalar });
            model.Network.Parameters.CopyTo(scalar.Parameters);
            model.Network.State.CopyTo(scalar.State);
            Bits.AssertEqual(QuantizationNets.Predict(scalar, data), QuantizationNets.Predict(model.Network, data), random.ToString());
        }

        Assert.That(integers, Is.GreaterThan(200));
        Assert.That(floats, Is.GreaterThan(50));
    }

    [Test]
    public void Bytes_of_an_image_are_exact()
    {
        Network network = QuantizationNets.Compile("input 8; dense 3", 1);
        float[] bytes = [.. Samples.Array(8 * 50, 1).Select(x => MathF.Round(MathF.Abs(x) * 255) * ByteDataset.Scale)];
        (bytes[3], bytes[4]) = (0f, 1f);
        using QuantizedModel model = Quantizer.Quantize(network, FloatDataset.Regression(bytes, 8, new float[50], 1));
        Assert.That(LayerTensors.State(model.Network, "input.quantize.range").ToArray(), Is.EqualTo(new[] { (float)(1 / 255.0), -128f }));
    }

    [Test]
    public void Nodes_that_a_concatenation_joins_share_the_union_of_their_ranges()
    {
        Network network = QuantizationNets.Compile("input 4; a = dense 3 relu; b = dense 3 tanh input; concat a b; dense 2", 1);
        using QuantizedModel model = Quantizer.Quantize(
            network, QuantizationNets.Data(network, 200, 1), new QuantizerOptions { Ranges = RangeMethod.MinMax });
        Graph graph = model.Network.Output.Graph;
        Node concat = graph.Nodes.Single(node => node.Name == "concat1");
        Assert.That(concat.Sources.Select(node => node.Integers), Is.All.SameAs(concat.Integers));
        IntegerType type = ScaleSetter.TypeOf(model.Network, concat);

        // ReLU reaches above 1, tanh below -0.5.
        Assert.That(type.Scale * type.HighestCentred, Is.GreaterThan(1));
        Assert.That(type.Scale * type.LowestCentred, Is.LessThan(-0.5));
    }

    [Test]
    public void Relu_begins_at_0_and_logits_have_16_bits()
    {
        Network network = QuantizationNets.Compile("input 4; dense 5 relu; dense 3 softmax", 1);
        using QuantizedModel model = Quantizer.Quantize(network, QuantizationNets.Data(network, 50, 1));
        Assert.That(LayerTensors.State(model.Network, "dense1.range")[1], Is.EqualTo(-128f));
        Assert.That(model.Report.Layers.Select(layer => (layer.Name, layer.Bits)), Is.EqualTo(new[] { ("dense1", 8), ("dense2", 16) }));
        using QuantizedModel other = Quantizer.Quantize(
            network, QuantizationNets.Data(network, 50, 1), new QuantizerOptions { OutputBits = 8, Int16 = ["dense1"] });
        Assert.That(other.Report.Layers.Select(layer => (layer.Name, layer.Bits)), Is.EqualTo(new[] { ("dense1", 16), ("dense2", 8) }));
    }

    [Test]
    public void Products_of_a_recurrent_layer_with_relu_fit_into_its_range()
    {
        // The products cancel: each is far larger than what they leave.
        Network network = QuantizationNets.Compile("input 4x2; rnn 3 relu; dense 2", 1);
        LayerTensors.Parameter(network, "rnn1.bias_ih", out _).Fill(20f);
        LayerTensors.Parameter(network, "rnn1.bias_hh", out _).Fill(-19.5f);
        FloatDataset data = QuantizationNets.Data(network, 60, 1);
        using QuantizedModel model = Quantizer.Quantize(network, data);
        Assert.That(LayerTensors.State(model.Network, "rnn1.range")[0] * 32767, Is.GreaterThan(20));
        Assert.That(Ratio(network, model.Network, data), Is.GreaterThan(30), "dB");
    }

    [Test]
    public void A_dead_layer_does_no_harm()
    {
        Network network = QuantizationNets.Compile("input 4; dense 5 relu; dense 3", 1);
        LayerTensors.Parameter(network, "dense1.weight", out _).Clear();
        LayerTensors.Parameter(network, "dense1.bias", out _).Fill(-1f);
        FloatDataset data = QuantizationNets.Data(network, 50, 1);
        using QuantizedModel model = Quantizer.Quantize(network, data);
        Assert.That(LayerTensors.State(model.Network, "dense1.range").ToArray(), Is.EqualTo(new[] { (float)(1 / 255.0), -128f }));
        Assert.That(Ratio(network, model.Network, data), Is.GreaterThan(60), "dB");
    }

    [Test]
    public void The_scale_of_weights_grows_where_16_bits_would_overflow_32()
    {
        Network network = QuantizationNets.Compile("input 4000; dense 2 relu; dense 2", 1);
        Span<float> weights = LayerTensors.Parameter(network, "dense1.weight", out ParameterRange range);
        for (int row = 0; row < range.Rows; row++)
        {
            (weights[row * range.Stride], weights[(row * range.Stride) + 1]) = (row % 2 == 0 ? 0.01f : -0.01f, row == 0 ? 1f : 0f);
        }

        using QuantizedModel model = Quantizer.Quantize(
            network, QuantizationNets.Data(network, 10, 1), new QuantizerOptions { ActivationBits = 16 });
        LayerReport layer = model.Report.Layers[0];
        Assert.Multiple(() =>
        {
            Assert.That(layer.Enlarged, Is.EqualTo(1));
            Assert.That(layer.LargestSum, Is.InRange((long)(int.MaxValue * 0.9), int.MaxValue));
            Assert.That(4000L * 32768 * 127, Is.GreaterThan(int.MaxValue), "what it would have been");
            Assert.That(LayerTensors.State(model.Network, "dense1.weight_scale")[0], Is.GreaterThan(0.01f / 127f));
        });
        using QuantizedModel bytes = Quantizer.Quantize(network, QuantizationNets.Data(network, 10, 1));
        Assert.That(bytes.Report.Layers[0].Enlarged, Is.Zero);
    }

    [Test]
    public void Means_are_right_after_the_correction_of_biases([Values] bool corrects)
    {
        Network network = QuantizationNets.Compile(Net, 1);
        FloatDataset data = QuantizationNets.Data(network, 200, 1);
        using QuantizedModel model = Quantizer.Quantize(network, data, new QuantizerOptions { BiasCorrection = corrects });
        int outputs = 4;
        double largest = 0;

        // The logits are what the softmax of the integer net reads.
        Network floats = Logits(network, network.Output.Op!), integers = Logits(model.Network, model.Network.Output.Op!);
        float[] expected = QuantizationNets.Predict(floats, data), actual = QuantizationNets.Predict(integers, data);
        for (int j = 0; j < outputs; j++)
        {
            double error = 0;
            for (int i = j; i < expected.Length; i += outputs)
            {
                error += ((double)actual[i] - expected[i]) / data.Count;
            }

            largest = Math.Max(largest, Math.Abs(error));
        }

        Assert.That(largest, corrects ? Is.LessThan(2e-4) : Is.GreaterThan(5e-4));
    }

    [Test]
    public void A_table_leaves_out_where_its_function_is_flat()
    {
        EmbeddedBackprop.Activations.Activation gelu = Registry.Activation("gelu");
        (double low, double high) = TableRange.Cut(gelu, Arithmetic.Fused, -50, 6, 6f / 255f);
        Assert.That(low, Is.InRange(-3.5, -2));
        Assert.That(high, Is.EqualTo(6));
        Assert.That(TableRange.Cut(gelu, Arithmetic.Fused, -1, 6, 6f / 255f).Low, Is.InRange(-1, -0.9));
        (low, high) = TableRange.Cut(Registry.Activation("hard-sigmoid"), Arithmetic.Fused, -40, 40, 1f / 255f);
        Assert.That(low, Is.InRange(-3.2, -2.8));
        Assert.That(high, Is.InRange(2.8, 3.2));
    }

    [Test]
    public void Refusals_name_what_is_wrong()
    {
        Network network = QuantizationNets.Compile("pixels = input 4; dense 5 relu; dense 3", 1);
        FloatDataset data = QuantizationNets.Data(network, 20, 1);
        using QuantizedModel model = Quantizer.Quantize(network, data);
        Network large = QuantizationNets.Compile("input 33001; dense 1; dense 1", 1);
        FloatDataset same = FloatDataset.Regression([.. Enumerable.Repeat(0.5f, 40)], 4, new float[10], 1);
        FloatDataset wrong = FloatDataset.Regression([1f, 2f, float.NaN, 3f], 4, new float[1], 1);
        Assert.Multiple(() =>
        {
            Assert.That(() => Quantizer.Quantize(model.Network, data), Throws.ArgumentException.With.Message.Contains("integers already"));
            Assert.That(() => Quantizer.Quantize(network, same), Throws.ArgumentException.With.Message.Contains("pixels: the calibration data are"));
            Assert.That(() => Quantizer.Quantize(network, wrong), Throws.ArgumentException.With.Message.Contains("pixels: sample 0"));
            Assert.That(
                () => Quantizer.Quantize(network, data, new QuantizerOptions { Float = ["dense7"] }),
                Throws.ArgumentException.With.Message.EqualTo("no layer is called 'dense7'; there are dense1, dense2"));
            Assert.That(
                () => Quantizer.Quantize(network, data, new QuantizerOptions { ActivationBits = 4 }), Throws.TypeOf<ArgumentOutOfRangeException>());
            Assert.That(
                () => Quantizer.Quantize(large, QuantizationNets.Data(large, 2, 1)),
                Throws.ArgumentException.With.Message.StartsWith("dense1: a sum of 33001 products"));
            Assert.That(
                Quantizer.Quantize(large, QuantizationNets.Data(large, 2, 1), new QuantizerOptions { Float = ["dense1"] }).Report.FloatOps,
                Is.EqualTo(new[] { "dense1" }));
        });
    }

    [Test]
    public void Settings_are_read_as_they_are_written()
    {
        QuantizerOptions options = new() { ActivationBits = 16, OutputBits = 8, Int16 = ["a b", "c,d"], Float = ["norm=1", "x"], Integer = ["y z"] };
        QuantizerOptions again = QuantizerOptions.Parse(options.Settings);
        Assert.That(again.Settings, Is.EqualTo(options.Settings));
        Assert.That(again.Int16, Is.EqualTo(options.Int16));
        Assert.That(again.Float, Is.EqualTo(options.Float));
        Assert.That(new QuantizerOptions().Settings, Is.EqualTo("activations=int8 output=int16"));
        Assert.That(() => QuantizerOptions.Parse("activations=int4"), Throws.TypeOf<FormatException>().With.Message.Contains("activations=int4"));
        Assert.That(() => QuantizerOptions.Parse("fast"), Throws.TypeOf<FormatException>());
    }

    [Test]
    public void A_network_that_trained_under_a_memory_budget_is_quantised()
    {
        Network network = NetCompiler.Compile(
            "input 20; dense 30 relu; dense 3 softmax", new SoftmaxCrossEntropy(), new NetworkOptions { Batch = 16, MemoryBudget = 9_930 });
        using QuantizedModel model = Quantizer.Quantize(network, QuantizationNets.Data(network, 30, 1));
        Assert.That(model.Network.MicroBatch, Is.EqualTo(16));
    }

    [Test]
    public void The_network_that_is_quantised_does_not_change()
    {
        Network network = QuantizationNets.Compile(Net, 1);
        float[] parameters = network.Parameters.ToArray(), state = network.State.ToArray();
        Quantizer.Quantize(network, QuantizationNets.Data(network, 20, 1)).Dispose();
        Bits.AssertEqual(network.Parameters, parameters, "parameters");
        Bits.AssertEqual(network.State, state, "state");
    }

    /// <summary>The network up to the input of an op.</summary>
    private static Network Logits(Network network, Op last)
    {
        Node logits = network.Output.Inputs.Length == 1 && last.Kind == "activate" ? network.Output.Inputs[0] : network.Output;
        if (last.Kind == "dense")
        {
            // The float net's layer ends in the softmax: its logits are a node of the split network.
            using Network split = ActivationSplit.Of(network);
            return Logits(split, split.Output.Op!);
        }

        Network result = new(network.Input, logits, null, network.Options);
        network.Parameters.CopyTo(result.Parameters);
        network.State.CopyTo(result.State);
        return result;
    }

    /// <summary>Signal to noise of the outputs in decibels.</summary>
    private static double Ratio(Network network, Network quantized, FloatDataset data)
    {
        float[] expected = QuantizationNets.Predict(network, data), actual = QuantizationNets.Predict(quantized, data);
        double signal = 0, noise = 0;
        for (int i = 0; i < expected.Length; i++)
        {
            signal += (double)expected[i] * expected[i];
            noise += Math.Pow((double)actual[i] - expected[i], 2);
        }

        return 10 * Math.Log10(signal / noise);
    }
}
