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
    public void Columns_are_outputs_at_every_width()
    {
        for (int columns = 0; columns <= 67; columns++)
        {
            int rows = columns % 5 == 0 ? 70 : columns % 4, stride = columns + (columns % 3);
            float[] weights = Weights(rows * stride, columns), scales = [.. Enumerable.Range(0, columns).Select(j => Scale(j, columns))];
            int[] magnitudes = Enumerable.Repeat(3, columns).ToArray(), expected = (int[])magnitudes.Clone();
            float[] largest = new float[columns];
            int[] loop = new int[rows * stride];
            for (int i = 0; i < loop.Length; i++)
            {
                if (i % stride is int j && j < columns)
                {
                    loop[i] = IntegerWeights.Round(weights[i], scales[j]);
                    expected[j] += Math.Abs(loop[i]);
                    largest[j] = Math.Abs(weights[i]) > largest[j] ? Math.Abs(weights[i]) : largest[j];
                }
            }

            Widths.ForEach(width =>
            {
                float[] maxima = new float[columns];
                int[] sums = (int[])magnitudes.Clone(), rounded = new int[loop.Length];
                IntegerWeights.Round<int>(rows, columns, weights, scales, rounded, stride, sums);
                float[] floats = new float[loop.Length];
                IntegerWeights.Round<float>(rows, columns, weights, scales, floats, stride, new int[columns]);
                Assert.That(floats.Select(BitConverter.SingleToInt32Bits), Is.EqualTo(loop.Select(q => BitConverter.SingleToInt32Bits(q))));
                IntegerWeights.Largest(rows, columns, weights, stride, maxima);
                Assert.That(rounded, Is.EqualTo(loop), $"{rows}x{columns} at {width}");
                Assert.That(sums, Is.EqualTo(expected), $"{rows}x{columns} at {width}");
                Assert.That(maxima, Is.EqualTo(largest), $"{rows}x{columns} at {width}");
            });
        }
    }

    [Test]
    public void A_run_of_every_length_is_one_output_at_every_width()
    {
        for (int length = 0; length <= 67; length++)
        {
            float[] weights = Weights(length, length);
            foreach (int j in (ReadOnlySpan<int>)[0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
            {
                float scale = Scale(j, length);
                int[] loop = [.. weights.Select(w => IntegerWeights.Round(w, scale))];
                Widths.ForEach(width =>
                {
                    int[] rounded = new int[length];
                    float[] floats = new float[length];
                    int magnitude = IntegerWeights.Round<int>(weights, scale, rounded), same = IntegerWeights.Round<float>(weights, scale, floats);
                    Assert.That(floats.Select(BitConverter.SingleToInt32Bits), Is.EqualTo(loop.Select(q => BitConverter.SingleToInt32Bits(q))));
                    Assert.That(same, Is.EqualTo(magnitude));
                    Assert.That(rounded, Is.EqualTo(loop), $"{length} at {width}, scale {scale}");
                    Assert.That(magnitude, Is.EqualTo(loop.Sum(Math.Abs)), $"{length} at {width}, scale {scale}");
                    Assert.That(
                        IntegerWeights.Largest(weights), Is.EqualTo(weights.Where(w => !float.IsNaN(w)).Select(Math.Abs).DefaultIfEmpty().Max()));
                });
            }
        }
    }

    [Test]
    public void A_weight_in_the_middle_of_two_integers_is_rounded_away_from_0_in_every_row()
    {
        const int Rows = 75, Columns = 35;
        float[] weights = Samples.Array(Rows * Columns, 8), scales = [.. Enumerable.Repeat(1f / 64, Columns)];
        for (int i = 0; i < weights.Length; i += 37)
        {
            weights[i] = ((i % 100) - 50.5f) / 64;
        }

        Widths.ForEach(width =>
        {
            int[] magnitudes = new int[Columns];
            float[] rounded = new float[weights.Length];
            IntegerWeights.Round<float>(Rows, Columns, weights, scales, rounded, Columns, magnitudes);
            for (int i = 0; i < weights.Length; i++)
            {
                Assert.That((int)rounded[i], Is.EqualTo(IntegerWeights.Round(weights[i], scales[0])), $"[{i / Columns}, {i % Columns}] at {width}");
                magnitudes[i % Columns] -= Math.Abs((int)rounded[i]);
            }

            Assert.That(magnitudes, Is.All.Zero, $"at {width}");
        });
    }

    [TestCase(100_000)]
    [TestCase(10_000_000, Category = "Slow")]
    public void Weights_near_the_middle_of_two_integers_are_rounded_as_in_double(int count)
    {
        Random random = new(count);
        float[] weights = new float[1000];
        int[] rounded = new int[1000];
        for (int n = 0; n < count; n += weights.Length)
        {
            float scale = (float)Math.ScaleB(1 + random.NextDouble(), random.Next(-30, 10));
            for (int i = 0; i < weights.Length; i++)
            {
                // A middle, some floats beside it, and everything around.
                double middle = (random.Next(-128, 128) + 0.5) * scale;
                weights[i] = random.Next(3) switch
                {
                    0 => BitConverter.Int32BitsToSingle(BitConverter.SingleToInt32Bits((float)middle) + random.Next(-3, 4)),
                    1 => (float)(middle * (1 + (random.NextDouble() * 1e-4))),
                    _ => (float)((random.NextDouble() - 0.5) * 300 * scale),
                };
            }

            IntegerWeights.Round<int>(weights, scale, rounded);
            for (int i = 0; i < weights.Length; i++)
            {
                if (rounded[i] != IntegerWeights.Round(weights[i], scale))
                {
                    Assert.Fail($"{weights[i]:R} / {scale:R}: {rounded[i]}, expected {IntegerWeights.Round(weights[i], scale)}");
                }
            }
        }
    }

    [Test]
    public void Control_the_float_quotient_alone_is_not_enough()
    {
        int wrong = 0;
        Random random = new(7);
        for (int i = 0; i < 100_000; i++)
        {
            float scale = 1f + random.NextSingle(), weight = (float)((random.Next(-127, 127) + 0.5) * scale);
            wrong += MathF.Round(weight * (1f / scale), MidpointRounding.AwayFromZero) == IntegerWeights.Round(weight, scale) ? 0 : 1;
        }

        Assert.That(wrong, Is.GreaterThan(100));
    }

    /// <summary>Weights up to 1, and in every tenth sample of lengths all that a float can be.</summary>
    private static float[] Weights(int length, int seed) => Samples.Array(length, seed, seed % 10 == 7 ? Numbers.NonFinite : Numbers.Plain);

    private static float Scale(int j, int seed) => (j % 10) switch
    {
        0 => 1f / 127,
        1 => 0.5f,
        2 => 0.01f,
        3 => 1.17549435e-38f,
        4 => 3e38f,
        5 => seed % 2 == 0 ? float.PositiveInfinity : 1e-45f,
        6 => seed % 2 == 0 ? float.NaN : 0f,
        7 => 1e-8f,
        8 => 2f,
        _ => 1.3e30f,
    };
}
