using System.Buffers.Binary;
using EmbeddedBackprop.Data;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Kernels.Integers;
using EmbeddedBackprop.Ops.Integer;
using EmbeddedBackprop.Quantization;
using EmbeddedBackprop.Tests.Quantization;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.IO;

/// <summary>A quantised model's file: what is read computes with the integers that were written.</summary>
internal sealed class QuantizedModelFileTests
{
    private static IEnumerable<TestCaseData> Models()
    {
        foreach (string net in new[]
            {
                QuantizedFiles.Dense, QuantizedFiles.Convolutions, QuantizedFiles.Residual, QuantizedFiles.Recurrent, QuantizedFiles.Cells,
            })
        {
            yield return new(net, new QuantizerOptions());
            yield return new(net, new QuantizerOptions { ActivationBits = 16 });
        }

        yield return new(QuantizedFiles.Dense, new QuantizerOptions { OutputBits = 8, Int16 = ["dense1"], Float = ["dense2"] });
    }

    [TestCaseSource(nameof(Models))]
    public void What_is_read_has_the_integers_and_the_predictions_of_what_was_written(string net, QuantizerOptions options)
    {
        using Network written = QuantizedFiles.Quantized(net, options);
        byte[] bytes = ModelFile.ToArray(written);
        Assert.That(ModelFile.ToArray(written), Is.EqualTo(bytes), "two saves are equal");
        ModelFile file = ModelFile.Parse(bytes, "m");
        Assert.That((file.Quantization, file.HoldsIntegers), Is.EqualTo((options.Settings, true)));
        FloatDataset samples = QuantizedFiles.Data(written);
        foreach (Layout layout in new[] { Layout.Padded, Layout.Compact })
        {
            using Network read = file.ToNetwork(layout: layout);
            Assert.That(Integers(read), Is.EqualTo(Integers(written)), "weights and biases as integers");
            Bits.AssertEqual(QuantizationNets.Predict(read, samples), QuantizationNets.Predict(written, samples), $"predictions {layout}");
            Assert.That(ModelFile.ToArray(read), Is.EqualTo(bytes), "and written again the same file");
        }
    }

    [Test]
    public void Weights_of_a_file_fill_a_network_that_is_there()
    {
        byte[] bytes = QuantizedFiles.Saved();
        byte[] changed = QuantizedFiles.With(bytes, "dense1.weight", 7, (byte)(bytes[QuantizedFiles.Begin(bytes, "dense1.weight") + 7] ^ 0x10));
        using Network written = ModelFile.Parse(bytes, "m").ToNetwork(), other = ModelFile.Parse(changed, "m").ToNetwork();
        Assert.That(Integers(other), Is.Not.EqualTo(Integers(written)), "the control");
        ModelFile.LoadWeights(bytes, other);
        Assert.That(Integers(other), Is.EqualTo(Integers(written)));
    }

    /// <summary>The control of the test above: its comparison sees one byte.</summary>
    [Test]
    public void A_changed_weight_is_another_integer_and_another_prediction()
    {
        byte[] bytes = QuantizedFiles.Saved();
        byte[] changed = QuantizedFiles.With(bytes, "dense1.weight", 7, (byte)(bytes[QuantizedFiles.Begin(bytes, "dense1.weight") + 7] ^ 0x10));
        using Network written = ModelFile.Parse(bytes, "m").ToNetwork(), read = ModelFile.Parse(changed, "m").ToNetwork();
        Assert.That(Integers(read).Zip(Integers(written)).Count(pair => pair.First != pair.Second), Is.EqualTo(1));
        FloatDataset samples = QuantizedFiles.Data(written);
        Assert.That(QuantizationNets.Predict(read, samples), Is.Not.EqualTo(QuantizationNets.Predict(written, samples)));
    }

    [Test]
    public void The_net_is_the_float_nets_text_and_the_loss_is_there()
    {
        ModelFile file = ModelFile.Parse(QuantizedFiles.Saved(QuantizedFiles.Convolutions), "m");
        Assert.That(file.Net, Does.EndWith("dense 5 softmax").And.Not.Contains("batchnorm"));
        Assert.That((file.Loss, file.State), Is.EqualTo(("cross-entropy", default(TrainerState))));
        using Network network = file.ToNetwork();
        Assert.That(network.Loss, Is.Not.Null);
        Evaluation evaluation = new Trainer(network, QuantizedFiles.Data(network), new TrainerOptions { Epochs = 0 }).Evaluate(
            QuantizedFiles.Data(network));
        Assert.That(evaluation.Loss, Is.GreaterThan(0).And.LessThan(20));
    }

    [Test]
    public void Weights_are_bytes_and_every_tensor_is_aligned()
    {
        byte[] bytes = QuantizedFiles.Saved(QuantizedFiles.Convolutions);
        SafetensorsFile file = SafetensorsFile.Parse(bytes, "m");
        Check("conv1.weight", SafetensorsType.I8, 4, 2, 3, 3);
        Check("conv1.bias", SafetensorsType.I32, 4);
        Check("conv1.weight_scale", SafetensorsType.F32, 4);
        Check("conv1.range", SafetensorsType.F32, 2);
        Check("conv-transpose1.weight", SafetensorsType.I8, 8, 2, 2, 2);
        Check("dense1.weight", SafetensorsType.I8, 5, 144);
        foreach (SafetensorsTensor tensor in file.Tensors)
        {
            Assert.That(tensor.Error("").Offset % SafetensorsFormat.ElementBytes(tensor.Type), Is.Zero, tensor.Name);
        }

        void Check(string name, SafetensorsType type, params int[] shape) =>
            Assert.That((file.GetTensor(name).Type, file.GetTensor(name).Shape.ToArray()), Is.EqualTo((type, shape)), name);
    }

    [Test]
    public void Weights_of_recurrent_layers_are_bytes_too()
    {
        SafetensorsFile file = SafetensorsFile.Parse(QuantizedFiles.Saved(QuantizedFiles.Cells), "m");
        foreach ((string name, SafetensorsType type) in new[]
            {
                ("lstm1.weight_ih", SafetensorsType.I8), ("lstm1.weight_hh_reverse", SafetensorsType.I8), ("lstm1.bias_ih", SafetensorsType.I32),
                ("lstm1.bias_hh_reverse", SafetensorsType.I32), ("lstm1.cell_range", SafetensorsType.F32), ("rnn1.weight_hh", SafetensorsType.I8),
                ("rnn1.bias_ih", SafetensorsType.I32), ("rnn1.bias_hh", SafetensorsType.F32),
            })
        {
            Assert.That(file.GetTensor(name).Type, Is.EqualTo(type), name);
        }

        byte[] bytes = QuantizedFiles.Saved(QuantizedFiles.Cells);
        Refused(
            () => ModelFile.Parse(QuantizedFiles.With(bytes, "lstm1.cell_range", 4, QuantizedFiles.Bytes(1f)), "m").ToNetwork(),
            "tensor 'lstm1.cell_range', element 1: expected a zero point from 0 to 0 for 16 bits, got 1");
    }

    [Test]
    public void The_bytes_are_the_same_at_every_width_and_number_of_threads()
    {
        byte[] expected = QuantizedFiles.Saved(QuantizedFiles.Convolutions);
        Widths.ForEach(width => Assert.That(QuantizedFiles.Saved(QuantizedFiles.Convolutions), Is.EqualTo(expected), $"width {width}"));
    }

    [Test]
    public void A_bias_beyond_24_bits_comes_back_as_the_integer_that_it_was()
    {
        // The scale of its output is one that only the bias asks for: every bias is then about 2^30.
        int beyond = 0, notNearest = 0;
        Random random = new(4);
        for (int i = 0; i < 1_000_000; i++)
        {
            float x = MathF.Exp((20 * random.NextSingle()) - 14), bias = MathF.Exp((30 * random.NextSingle()) - 20) * (random.Next(2) == 0 ? 1 : -1);
            float scale = IntegerWeights.Scale(MathF.Exp((40 * random.NextSingle()) - 36), bias, x);
            int b = IntegerWeights.Bias(bias, x, scale);
            Assert.That(IntegerWeights.TryReal(b, x, scale, out float real), Is.True, $"{bias:R} {x:R} {scale:R}");
            Assert.That(IntegerWeights.Bias(real, x, scale), Is.EqualTo(b));
            beyond += Math.Abs(b) > 1 << 24 ? 1 : 0;
            notNearest += IntegerWeights.Bias((float)(b * ((double)x * scale)), x, scale) != b ? 1 : 0;
        }

        TestContext.Out.WriteLine($"{beyond} beyond 2^24, {notNearest} whose float is not the nearest one");
        Assert.That(beyond, Is.GreaterThan(10_000));

        // The control: most integers beyond 2^24 are no float's.
        Assert.That(
            Enumerable.Range((1 << 29) + 1, 64).Count(b => IntegerWeights.TryReal(b, 1f, 1f, out _)), Is.EqualTo(1), "one in 64 is a float");
    }

    [Test]
    public void Every_weight_comes_back_as_the_byte_that_it_was()
    {
        Random random = new(5);
        for (int i = 0; i < 100_000; i++)
        {
            float scale = BitConverter.Int32BitsToSingle(random.Next(1 << 23, 0x7B000000));
            int q = random.Next(-127, 128);
            Assert.That(IntegerWeights.Round(IntegerWeights.Real(q, scale), scale), Is.EqualTo(q), $"{q} {scale:R}");
        }
    }

    [Test]
    public void A_file_fills_a_network_with_the_same_settings_only()
    {
        byte[] bytes = QuantizedFiles.Saved();
        using Network network = QuantizedFiles.Float(QuantizedFiles.Dense, seed: 9);
        using Network other = Quantizer.Quantize(network, QuantizedFiles.Data(network)).Network;
        ModelFile.Parse(bytes, "m").LoadWeights(other);
        Assert.That(ModelFile.ToArray(other), Is.EqualTo(bytes));
        using Network wide = Quantizer.Quantize(network, QuantizedFiles.Data(network), new QuantizerOptions { ActivationBits = 16 }).Network;
        Refused(() => ModelFile.Parse(bytes, "m").LoadWeights(wide), "computes on integers (activations=int8 output=int16), the network on integers");
        Refused(() => ModelFile.Parse(bytes, "m").LoadWeights(network), "the network on floats");
        Refused(() => ModelFile.Parse(ModelFile.ToArray(network), "m").LoadWeights(other), "computes on floats, the network on integers");
        Refused(() => ModelFile.Parse(bytes, "m").LoadMatching(network), "metadata 'weights': the model is deployed");
    }

    [Test]
    public void A_training_keeps_its_float_weights()
    {
        using Network network = ModelFile.Parse(QuantizedFiles.Saved(), "m").ToNetwork();
        Trainer trainer = new(network, QuantizedFiles.Data(network), new TrainerOptions { Epochs = 2, LearningRate = 0.1f });
        ModelFile file = ModelFile.Parse(ModelFile.ToArray(network, trainer), "m");
        Assert.That((file.Quantization, file.HoldsIntegers), Is.EqualTo(("activations=int8 output=int16", false)));
        using Network read = file.ToNetwork();
        Assert.That(WeightsHash.Of(read), Is.EqualTo(WeightsHash.Of(network)));
        Bits.AssertEqual(
            QuantizationNets.Predict(read, QuantizedFiles.Data(read)), QuantizationNets.Predict(network, QuantizedFiles.Data(read)), "predictions");
    }

    [TestCase("\"EmbeddedBackprop 2\"", "\"EmbeddedBackprop 1\"", "'EmbeddedBackprop 2' and metadata 'quantization' belong together")]
    [TestCase("\"quantization\"", "\"quantisation\"", "'EmbeddedBackprop 2' and metadata 'quantization' belong together")]
    [TestCase("activations=int8", "activations=int4", "metadata 'quantization': 'activations=int4' is no setting")]
    [TestCase("activations=int8", "activations=int8 float=dense9", "metadata 'quantization': no layer is called 'dense9'")]
    [TestCase("activations=int8", "activations=int8 float=dense2", "tensor 'dense2.weight': expected elements of F32, got I8")]
    [TestCase("\"weights\":\"int8\"", "\"weights\":\"int9\"", "metadata 'weights': expected int8 or float32, got 'int9'")]
    [TestCase("\"weights\":\"int8\"", "\"weights\":\"float32\"", "tensor 'dense1.weight': expected elements of F32, got I8")]
    [TestCase("\"dense1.range\"", "\"dense1.rangy\"", "there is no tensor 'dense1.range' of the shape [2]")]
    [TestCase("\"dense2.table_range\"", "\"dense2.table_rangy\"", "there is no tensor 'dense2.table_range' of the shape [2]")]
    [TestCase("\"dense1.weight_scale\"", "\"dense1.weight_scaly\"", "there is no tensor 'dense1.weight_scale' of the shape [9]")]
    [TestCase("\"dense1.weight\":{\"dtype\":\"I8\"", "\"dense1.weight\":{\"dtype\":\"U8\"", "'dense1.weight': expected elements of I8, got U8")]
    [TestCase("\"dense1.bias\":{\"dtype\":\"I32\"", "\"dense1.bias\":{\"dtype\":\"F32\"", "tensor 'dense1.bias': expected elements of I32, got F32")]
    [TestCase("[9,12]", "[12,9]", "expected the shape [9, 12], got [12, 9]")]
    public void Wrong_strings_are_refused(string from, string to, string message)
    {
        byte[] bytes = ModelFileTests.Replace(QuantizedFiles.Saved(), from, to);
        Refused(() => ModelFile.Parse(bytes, "m").ToNetwork(), message);
    }

    private static IEnumerable<TestCaseData> WrongValues()
    {
        foreach (string scale in new[] { "dense1.range", "dense2.table_range", "dense1.weight_scale" })
        {
            foreach (float value in new[] { 0f, -0f, -1f, float.NaN, float.PositiveInfinity, 1e-40f, 1e38f })
            {
                yield return new(scale, 0, QuantizedFiles.Bytes(value), "element 0: expected a scale");
            }
        }

        foreach (float zeroPoint in new[] { 128f, -129f, 0.5f, float.NaN })
        {
            yield return new("dense1.range", 1, QuantizedFiles.Bytes(zeroPoint), "element 1: expected a zero point from -128 to 127 for 8 bits");
        }

        yield return new("dense4.range", 1, QuantizedFiles.Bytes(1f), "element 1: expected a zero point from 0 to 0 for 16 bits, got 1");
        yield return new("dense1.weight", 5, new byte[] { 0x80 }, "element 5: expected an integer from -127 to 127, got -128");
        yield return new("dense1.bias", 2, new byte[] { 1, 0, 0, 0x40 }, "element 2: expected an integer from -1073741824 to 1073741824");
        yield return new("dense1.bias", 2, new byte[] { 0xFF, 0xFF, 0xFF, 0x3F }, "element 2: 1073741823 is the rounding of no float32");
        yield return new("dense1.weight_scale", 3, QuantizedFiles.Bytes(1e30f), "element 3: the factor of its sums");
    }

    [TestCaseSource(nameof(WrongValues))]
    public void Wrong_values_are_refused_with_their_offset(string tensor, int element, byte[] value, string message)
    {
        byte[] saved = QuantizedFiles.Saved();
        int size = value.Length, offset = QuantizedFiles.Begin(saved, tensor) + (element * size);
        byte[] bytes = QuantizedFiles.With(saved, tensor, element * size, value);
        DataFormatException error = Assert.Throws<DataFormatException>(() => ModelFile.Parse(bytes, "m").ToNetwork());
        Assert.That(error.Message, Does.Contain($"tensor '{tensor}', {message}"));
        Assert.That(error.Offset, Is.EqualTo(offset));
    }

    [Test]
    public void A_sum_of_wide_inputs_that_32_bits_do_not_hold_is_refused()
    {
        byte[] bytes = QuantizedFiles.Saved("input 600; dense 4 relu; dense 3 softmax", new QuantizerOptions { ActivationBits = 16 });
        byte[] weights = new byte[600];
        weights.AsSpan().Fill(127);
        Refused(
            () => ModelFile.Parse(QuantizedFiles.With(bytes, "dense1.weight", 0, weights), "m").ToNetwork(),
            "tensor 'dense1.bias', element 0: a sum of dense1 could reach");
    }

    /// <summary>All integers of all layers, as an export would have them.</summary>
    private static List<int> Integers(Network network)
    {
        List<int> integers = [];
        Plan plan = network.InferencePlan;
        foreach (ParameterRange range in plan.Parameters)
        {
            string layer = range.Name[..range.Name.LastIndexOf('.')];
            if (plan.Graph.Ops.First(op => op.Name == layer) is not IntegerLayer op)
            {
                continue;
            }

            float[] scales = State(network, layer + ".weight_scale");
            Node input = plan.Graph.Nodes.First(node => node.Op == op).Inputs[0];
            float x = State(network, input.Integers!.Owner.Name + ".range")[0];
            float[] values = new float[range.Count];
            range.CopyTo<float>(network.Parameters, values);
            for (int i = 0; i < values.Length; i++)
            {
                float scale = scales[range.Dimensions is null ? i / range.Rows : op.Axis(Layout.Compact).OutputOf(i)];
                integers.Add(range.Name.EndsWith(".bias", StringComparison.Ordinal)
                    ? IntegerWeights.Bias(values[i], x, scale) : IntegerWeights.Round(values[i], scale));
            }
        }

        Assert.That(integers.Distinct().Count(), Is.GreaterThan(8), "the integers say something");
        return integers;
    }

    private static float[] State(Network network, string name)
    {
        StateRange range = network.InferencePlan.State.ToArray().First(range => range.Name == name);
        return network.State.Slice(range.Offset, range.Length).ToArray();
    }

    private static void Refused(Action use, string message) =>
        Assert.That(use, Throws.TypeOf<DataFormatException>().With.Message.Contains(message));
}
