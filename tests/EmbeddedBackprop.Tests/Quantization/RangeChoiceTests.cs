using EmbeddedBackprop.Quantization;

namespace EmbeddedBackprop.Tests.Quantization;

/// <summary>From a histogram to a range, and from a range to scale and zero point.</summary>
[Parallelizable(ParallelScope.Self)]
internal sealed class RangeChoiceTests
{
    [Test]
    public void The_share_with_the_least_error_is_chosen([Values(1, 2, 3, 4)] int seed, [Values(8, 16)] int bits)
    {
        // Many small values, and two that lie far out.
        float[] values = Samples.Array(100_000, seed);
        values[seed] = 6;
        values[2 * seed] = -5;

        ValueHistogram histogram = Histogram(values);
        ValueRange chosen = RangeChoice.Of(histogram, RangeMethod.LeastSquares, bits);
        double share = chosen.High / histogram.High;
        Assert.That(chosen.Low, Is.EqualTo(histogram.Low * share).Within(1e-12));
        double error = TrueError(values, chosen, bits);
        for (int percent = 100; percent >= 20; percent -= 2)
        {
            // The histogram knows a value to half a bin.
            ValueRange other = new(histogram.Low * percent / 100, histogram.High * percent / 100);
            Assert.That(error, Is.LessThanOrEqualTo((TrueError(values, other, bits) * 1.02) + (bits == 16 ? 1e-4 : 0)), $"{percent} %");
        }

        Assert.That(share, bits == 8 ? Is.LessThan(0.95) : Is.GreaterThan(0.95));
    }

    [Test]
    public void A_range_always_contains_0()
    {
        foreach (RangeMethod method in Enum.GetValues<RangeMethod>())
        {
            ValueRange above = RangeChoice.Of(Histogram([2f, 3f, 4f]), method, 8), below = RangeChoice.Of(Histogram([-2f, -3f]), method, 8);
            Assert.That(above.Low, Is.Zero, $"{method}");
            Assert.That(above.Type(8).ZeroPoint, Is.EqualTo(-128));
            Assert.That(below.High, Is.Zero, $"{method}");
            Assert.That(below.Type(8).ZeroPoint, Is.EqualTo(127));
        }
    }

    [Test]
    public void Minimum_and_maximum_are_taken_as_they_are()
    {
        ValueRange range = RangeChoice.Of(Histogram([-1f, 0.25f, 3f]), RangeMethod.MinMax, 8);
        Assert.That(range, Is.EqualTo(new ValueRange(-1, 3)));
        Assert.That(range.Type(8), Is.EqualTo(new IntegerType(8, (float)(4 / 255.0), -64)));
        Assert.That(range.Type(16), Is.EqualTo(new IntegerType(16, (float)(3 / 32767.0), 0)));
        Assert.That(new ValueRange(-4, 3).Type(16), Is.EqualTo(new IntegerType(16, (float)(4 / 32767.0), 0)));
    }

    [Test]
    public void A_percentile_leaves_out_one_value_in_ten_thousand()
    {
        float[] values = new float[20_000];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = (i + 1) / 20_000f;
        }

        values[7] = 100f;
        values[8] = 90f;
        values[9] = -100f;
        ValueRange range = RangeChoice.Of(Histogram(values), RangeMethod.Percentile, 8);
        Assert.That(range.High, Is.EqualTo(1).Within(200 / 2048.0));
        Assert.That(range.Low, Is.Zero.Within(200 / 2048.0));
        values[10] = 80f;
        Assert.That(RangeChoice.Of(Histogram(values), RangeMethod.Percentile, 8).High, Is.EqualTo(80).Within(200 / 2048.0));
    }

    [Test]
    public void A_node_that_is_0_everywhere_gets_the_range_0_to_1([Values] RangeMethod method)
    {
        Assert.That(RangeChoice.Of(Histogram([0f, -0f, 0f]), method, 8).Type(8), Is.EqualTo(IntegerType.Of(8, 0, 1)));
        Assert.That(RangeChoice.Of(Histogram([1e-20f, -1e-30f]), method, 16).Type(16), Is.EqualTo(new IntegerType(16, 1f / 32767, 0)));
        Assert.That(IntegerType.Of(8, 0, 1), Is.EqualTo(new IntegerType(8, (float)(1 / 255.0), -128)));
    }

    [Test]
    public void Ends_are_represented_to_half_a_step()
    {
        for (int seed = 0; seed < 1000; seed++)
        {
            float[] ends = Samples.Array(2, seed);
            ValueRange range = new(-Math.Abs(ends[0]), Math.Abs(ends[1]));
            foreach (int bits in new[] { 8, 16 })
            {
                (_, float scale, int zero) = range.Type(bits);
                int lowest = bits == 8 ? -128 : -32768, highest = bits == 8 ? 127 : 32767;
                Assert.That(scale * ((double)lowest - zero), Is.LessThanOrEqualTo(range.Low + (0.5001 * scale)));
                Assert.That(scale * ((double)highest - zero), Is.GreaterThanOrEqualTo(range.High - (0.5001 * scale)));
            }
        }
    }

    private static double TrueError(float[] values, ValueRange range, int bits)
    {
        (_, float scale, int zero) = range.Type(bits);
        double lowest = bits == 8 ? -128 : -32768, highest = bits == 8 ? 127 : 32767, sum = 0;
        foreach (float value in values)
        {
            double q = Math.Clamp(Math.Round((double)value / scale) + zero, lowest, highest);
            sum += Math.Pow((scale * (q - zero)) - value, 2);
        }

        return sum;
    }

    private static ValueHistogram Histogram(float[] values)
    {
        ValueHistogram histogram = new();
        Matrix<float> row = new(values, 1, values.Length, values.Length);
        _ = histogram.Widen(in row);
        histogram.Count(in row);
        return histogram;
    }
}
