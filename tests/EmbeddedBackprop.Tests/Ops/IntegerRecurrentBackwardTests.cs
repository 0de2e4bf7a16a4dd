using EmbeddedBackprop.Ops;

namespace EmbeddedBackprop.Tests.Ops;

/// <summary>Gradients of recurrent layers on integers are the bits of the float layers' at the real values of the integers.</summary>
[TestFixture]
[NonParallelizable]
internal sealed class IntegerRecurrentBackwardTests
{
    private static readonly string[] Cells = ["rnn", "relu", "gru", "lstm"];

    [Test]
    public void Cells_and_options([ValueSource(nameof(Cells))] string cell, [Values] bool all, [Values] bool both, [Values] bool masked) =>
        new IntegerRecurrentBackwardRun(3, new Shape(6, 7), () => Layer(cell, 5, new() { AllSteps = all, Bidirectional = both })) { Masked = masked }
            .CheckEverything();

    [TestCase("gru", 1, 1, 1, 8)]
    [TestCase("lstm", 17, 3, 9, 16)]
    [TestCase("gru", 19, 33, 2, 16)]
    [TestCase("rnn", 16, 16, 3, 8)]
    [TestCase("relu", 5, 2, 40, 16)]
    public void Sizes(string cell, int hidden, int features, int steps, int bits) =>
        new IntegerRecurrentBackwardRun(4, new Shape(steps, features), () => Layer(cell, hidden, new() { AllSteps = true })) { InputBits = bits }
            .CheckEverything();

    [Test]
    public void Truncated_sequences([ValueSource(nameof(Cells))] string cell) =>
        new IntegerRecurrentBackwardRun(2, new Shape(7, 3), () => Layer(cell, 4, new() { AllSteps = true, TruncateEvery = 3 })).CheckEverything();

    [Test]
    public void Gates_that_a_float_layer_has_computed_are_found([ValueSource(nameof(Cells))] string cell) =>
        Assert.That(
            () => new IntegerRecurrentBackwardRun(3, new Shape(6, 7), () => Layer(cell, 5, new())) { KeepsFloats = true }.CheckEverything(),
            Throws.InstanceOf<AssertionException>().With.Message.Contains("scalar: at ["));

    // One step of one sample: the gradient of a bias is a delta, and no product depends on another.
    [Test]
    public void A_clamped_product_passes_no_gradient([ValueSource(nameof(Cells))] string cell)
    {
        IntegerRecurrentBackwardRun run = new(1, new Shape(1, 7), () => Layer(cell, 9, new())) { InputScale = 0.5f };
        (float[] floats, Dictionary<string, float[]> tensors, bool[] clamped) = run.OfFloats(Arithmetic.Fused);
        float[] integers = run.OfIntegers(Arithmetic.Fused, Layout.Padded, Execution.Scalar);
        run.CheckWidths(Arithmetic.Fused, integers);
        int columns = tensors["layer.bias_ih"].Length, weights = tensors["layer.weight_ih"].Length + tensors["layer.weight_hh"].Length;
        int alive = 0, stopped = 0;
        for (int j = 0; j < 2 * columns; j++)
        {
            // The hidden product of a GRU's new gate has a delta of its own; biases alone make no clamp.
            bool stops = clamped[j % columns] && !(cell == "gru" && j >= columns + 18);
            Assert.That(clamped[columns + (j % columns)], Is.False);
            float expected = floats[weights + j];
            Assert.That(integers[weights + j], Is.EqualTo(stops ? 0f : expected), $"bias {j}");
            stopped += stops && expected != 0f ? 1 : 0;
            alive += !stops && expected != 0f ? 1 : 0;
        }

        Assert.That(alive, Is.GreaterThan(1));
        Assert.That(stopped, Is.GreaterThan(0), "a float layer has a gradient there");
    }

    private static Recurrent Layer(string cell, int hidden, RecurrentOptions options) => cell switch
    {
        "rnn" => new Rnn(hidden, RecurrentFunction.Tanh, options),
        "relu" => new Rnn(hidden, RecurrentFunction.Relu, options),
        "gru" => new Gru(hidden, options),
        _ => new Lstm(hidden, options),
    };
}
