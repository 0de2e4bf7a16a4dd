using EmbeddedBackprop.Kernels.Integers;

namespace EmbeddedBackprop.Tests.Kernels.Integers;

/// <summary>Bits of integers as floats.</summary>
[TestFixture]
[NonParallelizable]
public sealed class DigitsTests
{
    [Test]
    public void Every_length_gives_the_bits_at_every_width()
    {
        for (int length = 0; length <= 67; length++)
        {
            Random random = new(length);
            int[] integers = [.. Enumerable.Range(0, length).Select(_ => random.Next(-32768, 32768))];
            foreach ((int shift, int mask) in (ReadOnlySpan<(int, int)>)[(0, -1), (0, 15), (4, -1), (3, 1), (8, -1), (0, 255)])
            {
                float[] expected = [.. integers.Select(x => (float)((x >> shift) & mask))];
                Widths.ForEach(width =>
                {
                    float[] ofIntegers = new float[length], inPlace = [.. integers.Select(x => (float)x)], ofFloats = new float[length];
                    Digits.Take(integers, shift, mask, ofIntegers);
                    Digits.Take((ReadOnlySpan<float>)inPlace, shift, mask, ofFloats);
                    Digits.Take((ReadOnlySpan<float>)inPlace, shift, mask, inPlace);
                    Assert.That(Bits.FirstDifference(ofIntegers, expected), Is.Negative, $"{length} at {width}");
                    Assert.That(Bits.FirstDifference(ofFloats, expected), Is.Negative, $"floats, {length} at {width}");
                    Assert.That(Bits.FirstDifference(inPlace, expected), Is.Negative, $"in place, {length} at {width}");
                });
            }
        }
    }

    [Test]
    public void Digits_make_the_weight_again()
    {
        int[] weights = [.. Enumerable.Range(-127, 255)];
        float[] low = new float[255], high = new float[255];
        Digits.Take(weights, 0, 15, low);
        Digits.Take(weights, 4, -1, high);
        Assert.That(low.Zip(high, (l, h) => l + (16 * h)), Is.EqualTo(weights));
        Assert.That(() => Digits.Take(weights, 0, 15, new float[254]), Throws.ArgumentException);
    }
}
