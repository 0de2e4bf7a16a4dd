using EmbeddedBackprop.Kernels.Lanes;
using Twin = EmbeddedBackprop.Kernels.Scalar;

namespace EmbeddedBackprop.Tests.Kernels;

/// <summary>The bound on a neuron's incoming weights: by hand, by bits, and at values that are not finite.</summary>
internal sealed class MaxNormTests
{
    [Test]
    public void Vectors_that_are_too_long_keep_their_direction_and_others_their_bits()
    {
        // Columns (3, 4), (0.3, 0.4) and (-0, 5): lengths 5, 0.5 and 5.
        float[] w = [3f, 0.3f, -0f, 4f, 0.4f, 5f];
        MaxNorm.Columns(Arithmetic.Fused, 2.5f, 2, 3, w, 3);
        Bits.AssertEqual(w, [1.5f, 0.3f, -0f, 2f, 0.4f, 2.5f], "shortened");
    }

    [Test]
    public void A_norm_that_is_not_finite_leaves_its_column()
    {
        float[] w = [float.NaN, float.PositiveInfinity, 3e38f, 1f, 1f, 3e38f], before = [.. w];
        MaxNorm.Columns(Arithmetic.Fused, 1f, 2, 3, w, 3);
        Bits.AssertEqual(w, before, "left alone");
    }

    [Test]
    public void Bits_of_the_twin_at_every_width_and_size([Values] Arithmetic arithmetic)
    {
        for (int n = 1; n <= 37; n++)
        {
            int m = 1 + (n * 7 % 40), stride = n + (n % 3);
            foreach (Numbers numbers in Enum.GetValues<Numbers>())
            {
                float[] before = Samples.Array(m * stride, n, numbers), expected = [.. before];
                Twin.MaxNorm.Columns(arithmetic, 0.8f, m, n, expected.AsSpan(), stride);
                Widths.ForEach(width =>
                {
                    float[] actual = [.. before];
                    MaxNorm.Columns(arithmetic, 0.8f, m, n, actual, stride);
                    if (Bits.FirstDifference(actual, expected) >= 0)
                    {
                        Bits.AssertEqual(actual, expected, $"{m}x{n} width {width} {numbers}");
                    }
                });
            }
        }
    }

    [Test]
    public void Rows_are_the_columns_of_the_transpose([Values] Arithmetic arithmetic, [Values(1, 3, 16, 17, 50)] int n)
    {
        const int M = 5;
        float[] rows = Samples.Array(M * n, n, Numbers.NonFinite), columns = new float[n * M], twin = [.. rows];
        for (int i = 0; i < M; i++)
        {
            for (int k = 0; k < n; k++)
            {
                columns[(k * M) + i] = rows[(i * n) + k];
            }
        }

        Twin.MaxNorm.Columns(arithmetic, 0.9f, n, M, columns.AsSpan(), M);
        Twin.MaxNorm.Rows(arithmetic, 0.9f, M, n, twin.AsSpan());
        Widths.ForEach(width =>
        {
            float[] actual = [.. rows];
            MaxNorm.Rows(arithmetic, 0.9f, M, n, actual);
            Bits.AssertEqual(actual, twin, $"width {width}");
            for (int i = 0; i < M * n; i++)
            {
                Bits.AssertEqual(actual[i], columns[(i % n * M) + (i / n)], $"width {width} [{i}]");
            }
        });
    }

    [Test]
    public void A_span_that_is_too_short_is_told()
    {
        Assert.That(() => MaxNorm.Columns(Arithmetic.Fused, 1f, 2, 3, new float[7], 4), Throws.Nothing);
        Assert.That(
            () => MaxNorm.Columns(Arithmetic.Fused, 1f, 2, 3, new float[6], 4),
            Throws.ArgumentException.With.Message.Contains("w [2, 3] with leading dimension 4: expected 7 floats, got 6"));
        Assert.That(() => MaxNorm.Rows(Arithmetic.Fused, 1f, 2, 3, new float[6]), Throws.Nothing);
        Assert.That(() => MaxNorm.Rows(Arithmetic.Fused, 1f, 2, 3, new float[5]), Throws.ArgumentException);
    }

    [Test]
    public void Control_another_bound_and_the_other_rounding_are_caught()
    {
        float[] before = Samples.Array(40 * 20, 1), expected = [.. before], bound = [.. before], rounding = [.. before];
        Twin.MaxNorm.Columns(Arithmetic.Fused, 0.8f, 40, 20, expected.AsSpan(), 20);
        MaxNorm.Columns(Arithmetic.Fused, 0.8000001f, 40, 20, bound, 20);
        MaxNorm.Columns(Arithmetic.Separate, 0.8f, 40, 20, rounding, 20);
        Assert.That(Bits.FirstDifference(bound, expected), Is.Not.EqualTo(-1));
        Assert.That(Bits.FirstDifference(rounding, expected), Is.Not.EqualTo(-1));
    }
}
