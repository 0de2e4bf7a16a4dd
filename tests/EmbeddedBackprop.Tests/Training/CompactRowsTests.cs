using EmbeddedBackprop.Activations;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Ops;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Training;

/// <summary>Rows one after the other in and out, in any number; several inputs and outputs by name.</summary>
[TestFixture]
internal sealed class CompactRowsTests
{
    private static readonly string[] Nets =
    [
        "input 3; dense 5 tanh; dense 2",
        "input 64; dense 32 tanh; dense 16 tanh; dense 4 softmax",
        "input 1x8x8; conv 4 3x3 relu; batchnorm; maxpool 2x2; dense 3 softmax",
        "input 6x4; gru 5 carry; dense 3",
    ];

    [Test]
    public void Rows_have_the_bits_of_single_samples(
        [ValueSource(nameof(Nets))] string net, [Values(0, 1, 3, 4, 5, 9)] int count, [Values] Layout layout)
    {
        using Network network = NetCompiler.Compile(net, null, new NetworkOptions { Batch = 4, Seed = 7, Layout = layout });
        float[] rows = Samples.Array(count * network.InputLength, 3), expected = new float[count * network.OutputLength];
        for (int i = 0; i < count; i++)
        {
            network.ResetState();
            network.Predict(rows.AsSpan(i * network.InputLength, network.InputLength)).CopyTo(expected.AsSpan(i * network.OutputLength));
        }

        // What went before is no part of the sequences that begin.
        _ = network.Predict(Samples.Array(network.InputLength, 5));
        float[] results = new float[expected.Length];
        network.Predict(rows, count, results);
        Bits.AssertEqual(results, expected, "the network");
        foreach (int batch in (int[])[0, 1, 3])
        {
            Array.Clear(results);
            network.CreatePredictor(batch).Predict(rows, count, results);
            Bits.AssertEqual(results, expected, "a predictor");
        }
    }

    [Test]
    public void Control_rows_without_padding_in_the_padded_view_are_wrong()
    {
        using Network network = NetCompiler.Compile(Nets[0], null, new NetworkOptions { Batch = 4, Seed = 7 });
        float[] rows = Samples.Array(3 * 3, 3), expected = new float[3 * 2], results = new float[3 * 2];
        network.Predict(rows, 3, expected);
        rows.CopyTo(network.PaddedPredictionInput(3));
        _ = network.Predict(3);
        network.ReadOutput(network.Output.Name, 3, results);
        Assert.That(Bits.FirstDifference(results, expected), Is.EqualTo(2), "the second row is not where it was written");
        for (int i = 0; i < 3; i++)
        {
            rows.AsSpan(i * 3, 3).CopyTo(network.PaddedPredictionInput(3)[(i * network.InputStride)..]);
        }

        _ = network.Predict(3);
        network.ReadOutput(network.Output.Name, 3, results);
        Bits.AssertEqual(results, expected, "padded rows");
    }

    [Test]
    public void Rows_of_several_inputs_and_outputs_hold_all_values_and_names_hold_each()
    {
        using Network network = Branches();
        const int Count = 7;
        float[] image = Samples.Array(Count * 5, 1), place = Samples.Array(Count * 3, 2);
        float[] rows = new float[Count * 8], results = new float[Count * 6];
        for (int i = 0; i < Count; i++)
        {
            image.AsSpan(i * 5, 5).CopyTo(rows.AsSpan(i * 8));
            place.AsSpan(i * 3, 3).CopyTo(rows.AsSpan((i * 8) + 5));
        }

        Assert.That((network.InputLength, network.OutputLength), Is.EqualTo((8, 6)));
        network.Predict(rows, Count, results);
        Predictor predictor = network.CreatePredictor(batch: 7);
        float[] classes = new float[Count * 4], heights = new float[Count * 2];
        predictor.WriteInput("place", place, Count);
        predictor.WriteInput("image", image, Count);
        predictor.Predict(Count);
        predictor.ReadOutput("height", Count, heights);
        predictor.ReadOutput("class", Count, classes);
        for (int i = 0; i < Count; i++)
        {
            Bits.AssertEqual(results.AsSpan(i * 6, 4), classes.AsSpan(i * 4, 4), "class");
            Bits.AssertEqual(results.AsSpan((i * 6) + 4, 2), heights.AsSpan(i * 2, 2), "height");
            Bits.AssertEqual(network.Predict(rows.AsSpan(i * 8, 8)), classes.AsSpan(i * 4, 4), "one sample");
        }

        network.WriteInput("image", image.AsSpan(0, 10), 2);
        network.WriteInput("place", place.AsSpan(0, 6), 2);
        _ = network.Predict(2);
        float[] two = new float[4];
        network.ReadOutput("height", 2, two);
        Bits.AssertEqual(two, heights.AsSpan(0, 4), "the network by name");
    }

    [Test]
    public void Rows_and_names_allocate_nothing([ValueSource(nameof(Nets))] string net)
    {
        using Network network = NetCompiler.Compile(net, null, new NetworkOptions { Batch = 4 });
        Predictor predictor = network.CreatePredictor(batch: 2);
        float[] rows = Samples.Array(9 * network.InputLength, 3), results = new float[9 * network.OutputLength];
        Assert.That(Allocations.Of(200, () => network.Predict(rows, 9, results)), Is.Zero);
        Assert.That(Allocations.Of(200, () => predictor.Predict(rows, 9, results)), Is.Zero);
        Assert.That(
            Allocations.Of(200, () =>
            {
                predictor.WriteInput(network.Input.Name, rows.AsSpan(0, 2 * network.InputLength), 2);
                predictor.Predict(2);
                predictor.ReadOutput(network.Output.Name, 2, results.AsSpan(0, 2 * network.OutputLength));
            }),
            Is.Zero);
    }

    [Test]
    public void Weights_have_names_shapes_and_the_order_of_files()
    {
        using Network network = NetCompiler.Compile(Nets[2], null, new NetworkOptions { Batch = 4, Seed = 7 });
        SafetensorsFile file = SafetensorsFile.Parse(ModelFile.ToArray(network), "m");
        Assert.That(network.WeightNames, Is.EquivalentTo(file.Tensors.Select(tensor => tensor.Name)));
        Predictor predictor = network.CreatePredictor();
        float[] sample = Samples.Array(network.InputLength, 1), before = predictor.Predict(sample).ToArray();
        foreach (SafetensorsTensor tensor in file.Tensors)
        {
            float[] values = new float[tensor.Length];
            tensor.CopyTo(values);
            Assert.That(network.WeightShape(tensor.Name), Is.EqualTo(tensor.Shape.ToArray()));
            Bits.AssertEqual(network.GetWeights(tensor.Name), values, tensor.Name);
            network.SetWeights(tensor.Name, values.AsSpan());
            Bits.AssertEqual(network.GetWeights(tensor.Name), values, tensor.Name);
        }

        Bits.AssertEqual(predictor.Predict(sample), before, "the same weights");
        using Network other = NetCompiler.Compile(Nets[2], null, new NetworkOptions { Batch = 4, Seed = 8 });
        foreach (string name in network.WeightNames)
        {
            network.SetWeights(name, Array.ConvertAll(other.GetWeights(name), value => value + 0.125f));
            other.SetWeights(name, Array.ConvertAll(other.GetWeights(name), value => value + 0.125f));
        }

        Bits.AssertEqual(predictor.Predict(sample), other.Predict(sample), "the other's weights");
        Assert.That(Bits.FirstDifference(predictor.Predict(sample), before), Is.Not.Negative);
    }

    /// <summary>Two inputs (5 and 3 values), two outputs (4 and 2).</summary>
    internal static Network Branches()
    {
        Graph graph = new();
        Node image = graph.Input(new Shape(5), "image"), place = graph.Input(new Shape(3), "place");
        Node left = graph.Apply(new Dense(6, new Activation<Tanh>()), image), right = graph.Apply(new Dense(6, new Activation<Tanh>()), place);
        Node sum = graph.Apply(new Add(), left, right);
        Node kind = graph.Apply(new Dense(4, new Softmax()), sum, "class");
        Node height = graph.Apply(new Dense(2, new Activation<Identity>()), sum, "height");
        return new Network([image, place], [kind, height], [], new NetworkOptions { Batch = 3, Seed = 5 });
    }
}
