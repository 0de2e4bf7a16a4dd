using EmbeddedBackprop.Kernels.Integers;

namespace EmbeddedBackprop.Tests.Kernels.Integers;

/// <summary>Float weights and biases as integers.</summary>
[TestFixture]
public sealed class IntegerWeightsTests
{
    [Test]
    public void The_largest_weight_becomes_127()
    {
        float[] weights = Samples.Array(1000, 3);
        float largest = IntegerWeights.Largest(weights), scale = IntegerWeights.Scale(largest, 0f, 0.01f);
        Assert.That(largest, Is.EqualTo(weights.Max(MathF.Abs)));
        Assert.That(weights.Max(w => Math.Abs(IntegerWeights.Round(w, scale))), Is.EqualTo(127));
        Assert.That(weights.Max(w => Math.Abs(((double)scale * IntegerWeights.Round(w, scale)) - w)), Is.LessThanOrEqualTo(0.5001 * scale));
    }

    [Test]
    public void A_bias_that_is_too_large_for_the_weights_enlarges_the_scale()
    {
        const float InputScale = 1f / 255;
        Assert.That(IntegerWeights.Scale(0.5f, 1f, InputScale), Is.EqualTo((float)(0.5 / 127)));
        foreach (float bias in (ReadOnlySpan<float>)[1f, -3.3f, 700f, 1e20f])
        {
            float scale = IntegerWeights.Scale(0f, bias, InputScale);
            int integer = IntegerWeights.Bias(bias, InputScale, scale);
            Assert.That(Math.Abs((long)integer), Is.InRange((1 << 30) - 64, 1 << 30));
            Assert.That((double)InputScale * scale * integer, Is.EqualTo((double)bias).Within(1e-7 * Math.Abs(bias)));
        }
    }

    [Test]
    public void An_output_of_zeros_has_a_scale()
    {
        float scale = IntegerWeights.Scale(0f, 0f, 0.1f);
        Assert.That((scale, IntegerWeights.Round(0f, scale), IntegerWeights.Bias(0f, 0.1f, scale)), Is.EqualTo((MathF.ScaleB(1f, -126), 0, 0)));
        Assert.That(IntegerWeights.Round(1e-45f, IntegerWeights.Scale(1e-45f, 0f, 0.1f)), Is.Zero, "a weight far below the least scale");
    }

    [TestCase(0.5f, 1)]
    [TestCase(-0.5f, -1)]
    [TestCase(1.5f, 2)]
    [TestCase(2.5f, 3)]
    [TestCase(-2.5f, -3)]
    [TestCase(0.49999997f, 0)]
    [TestCase(126.5f, 127)]
    [TestCase(1000f, 127)]
    [TestCase(-1000f, -127)]
    [TestCase(float.PositiveInfinity, 127)]
    [TestCase(float.NaN, 0)]
    public void A_half_is_rounded_away_from_0(float w, int q) => Assert.That(IntegerWeights.Round(w, 1f), Is.EqualTo(q));

    [Test]
    public void A_bias_is_rounded_in_double() =>
        Assert.That(
            (IntegerWeights.Bias(16777217.5f, 1f, 1f), IntegerWeights.Bias(-0.125f, 0.5f, 0.5f), IntegerWeights.Bias(3e9f, 1f, 1f)),
            Is.EqualTo((16777218, -1, 1 << 30)));

    [Test]
    public void Columns_are_outputs()
    {
        float[] weights = Samples.Array(12 * 9, 4), largest = new float[9], scales = new float[9], rounded = new float[12 * 9];
        Matrix<float> matrix = new(weights, 12, 7, 9), integers = new(rounded, 12, 7, 9);
        IntegerWeights.Largest(in matrix, largest);
        for (int j = 0; j < 7; j++)
        {
            float[] column = [.. Enumerable.Range(0, 12).Select(i => weights[(i * 9) + j])];
            Assert.That(largest[j], Is.EqualTo(IntegerWeights.Largest(column)));
            scales[j] = IntegerWeights.Scale(largest[j], 0f, 1f);
        }

        IntegerWeights.Round(in matrix, scales, in integers);
        for (int i = 0; i < rounded.Length; i++)
        {
            Assert.That(rounded[i], Is.EqualTo(i % 9 < 7 ? IntegerWeights.Round(weights[i], scales[i % 9]) : 0f));
        }
    }
}
