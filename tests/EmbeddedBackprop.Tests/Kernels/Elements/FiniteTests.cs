namespace EmbeddedBackprop.Tests.Kernels;

/// <summary>One element that is not finite is found at every index, length and width; the largest and smallest finite ones are not.</summary>
[TestFixture]
internal sealed class FiniteTests
{
    [Test]
    public void One_is_found_wherever_it_stands() => Widths.ForEach(width =>
    {
        for (int length = 1; length <= 131; length++)
        {
            float[] x = new float[length];
            for (int place = 0; place < length; place++)
            {
                Samples.Fill(x, length, Numbers.Edges);
                Assert.That(Finite.All(x), $"width {width} length {length}");
                x[place] = (place % 3) switch { 0 => float.NaN, 1 => float.PositiveInfinity, _ => float.NegativeInfinity };
                Assert.That(Finite.All(x), Is.False, $"width {width} length {length} place {place}");
                Assert.That(EmbeddedBackprop.Kernels.Scalar.Finite.All<float>(x), Is.False);
            }
        }
    });

    [Test]
    public void The_largest_numbers_of_both_signs_are_finite() => Widths.ForEach(width =>
    {
        float[] x = new float[100];
        x.AsSpan(0, 50).Fill(float.MaxValue);
        x.AsSpan(50).Fill(float.MinValue);
        Assert.That(Finite.All(x), $"width {width}");
        Assert.That(Finite.All([]));
        Assert.That(EmbeddedBackprop.Kernels.Scalar.Finite.All<float>(x));
    });

    [Test]
    public void A_product_that_may_overflow_is_found_wherever_it_stands() => Widths.ForEach(width =>
    {
        for (int length = 1; length <= 131; length++)
        {
            float[] x = new float[length], y = [1e20f];
            Array.Fill(x, 1e10f);
            Assert.That(Finite.BoundsProducts(x, y, 1), $"width {width} length {length}");
            for (int place = 0; place < length; place++)
            {
                x[place] = (place % 4) switch { 0 => float.NaN, 1 => float.PositiveInfinity, 2 => 1e19f, _ => -1e19f };
                Assert.That(Finite.BoundsProducts(x, y, 1), Is.False, $"width {width} length {length} place {place}");
                Assert.That(Finite.BoundsProducts(y, x, 1), Is.False, $"width {width} length {length} place {place}");
                x[place] = 1e10f;
            }
        }
    });

    [Test]
    public void Signs_and_squares_have_the_bits_of_their_loops() => Widths.ForEach(width =>
    {
        for (int length = 0; length <= 67; length++)
        {
            float[] x = Samples.Array(length, length, Numbers.NonFinite), before = Samples.Array(length, 99, Numbers.NonFinite);
            float[] expected = [.. before], actual = [.. before];
            EmbeddedBackprop.Kernels.Scalar.Elementwise.AddSign<float>(0.25f, x, expected);
            Elementwise.AddSign(0.25f, x, actual);
            Bits.AssertEqual(actual, expected, $"AddSign width {width} length {length}");
            foreach (Arithmetic arithmetic in Widths.Arithmetics)
            {
                float[] expectedParts = Samples.Array(16, 7), actualParts = Samples.Array(16, 7);
                EmbeddedBackprop.Kernels.Scalar.Reduce.AddSquaresToParts<float>(arithmetic, x, expectedParts);
                Reduce.AddSquaresToParts(arithmetic, x, actualParts);
                Bits.AssertEqual(actualParts, expectedParts, $"AddSquaresToParts {arithmetic} width {width} length {length}");
            }
        }
    });

    [TestCase(2f, 1.25f)]
    [TestCase(-2f, 0.75f)]
    [TestCase(0f, 1f)]
    [TestCase(-0f, 1f)]
    [TestCase(float.NaN, 1f)]
    public void The_sign_of_a_number(float x, float expected)
    {
        float[] y = [1f];
        Elementwise.AddSign(0.25f, [x], y);
        Assert.That(y[0], Is.EqualTo(expected));
    }
}
