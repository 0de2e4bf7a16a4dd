using EmbeddedBackprop.Kernels.Lanes;
using Twin = EmbeddedBackprop.Kernels.Scalar;

namespace EmbeddedBackprop.Tests.Kernels;

/// <summary>Dot products, sums and the maximum give the bits of their loops at every length, offset and width.</summary>
[TestFixture]
internal sealed class ReduceTests
{
    private delegate float Reduction(Arithmetic arithmetic, ReadOnlySpan<float> x, ReadOnlySpan<float> y);

    [Test]
    public void Dot_product([Values] Arithmetic arithmetic) => Check(arithmetic, Dot.Product, Twin.Dot.Product<float>);

    [Test]
    public void Sum_of_squares([Values] Arithmetic arithmetic) =>
        Check(arithmetic, (a, x, y) => Reduce.SumOfSquares(a, x), (a, x, y) => Twin.Reduce.SumOfSquares(a, x));

    [Test]
    public void Sum() => Check(Arithmetic.Fused, (a, x, y) => Reduce.Sum(x), (a, x, y) => Twin.Reduce.Sum(x));

    [Test]
    public void Maximum() => Check(
        Arithmetic.Fused, (a, x, y) => x.IsEmpty ? 0f : Reduce.Max(x), (a, x, y) => x.IsEmpty ? 0f : Twin.Reduce.Max(x));

    // One zero term more in a part turns its -0 into +0: a tail may not be padded.
    [Test]
    public void Control_a_padded_tail_is_caught()
    {
        float[] x = new float[17];
        float[] y = new float[17];
        Array.Fill(x, -1e-30f);
        Array.Fill(y, 1e-30f);
        Widths.ForEach(width => Bits.AssertEqual(Dot.Product(Arithmetic.Fused, x, y), -0f, $"17 products that round to -0, width {width}"));
        float[] paddedX = [.. x, .. new float[15]];
        float[] paddedY = [.. y, .. new float[15]];
        Assert.That(Bits.Same(Twin.Dot.Product<float>(Arithmetic.Fused, paddedX, paddedY), -0f), Is.False);
    }

    [Test]
    public void Control_eight_partial_sums_are_caught()
    {
        static float Eight(Arithmetic arithmetic, ReadOnlySpan<float> x, ReadOnlySpan<float> y)
        {
            float[] s = new float[8];
            for (int i = 0; i < x.Length; i++)
            {
                s[i % 8] = MathF.FusedMultiplyAdd(x[i], y[i], s[i % 8]);
            }

            return s[0] + s[4] + (s[2] + s[6]) + (s[1] + s[5] + (s[3] + s[7]));
        }

        // Two orders of one sum often round to the same float: the check runs over many lengths.
        int caught = 0;
        for (int n = 20; n < 60; n++)
        {
            caught += Difference(Arithmetic.Fused, Eight, Twin.Dot.Product<float>, n, 0, Numbers.Plain) is null ? 0 : 1;
        }

        Assert.That(caught, Is.GreaterThan(10));
    }

    [Test]
    public void The_definition_is_sixteen_parts_and_a_tree()
    {
        // 16 ones in part 0 and one 2^24 in part 8: in part order the ones come together before they meet it.
        float[] x = new float[16 * 16];
        float[] y = new float[16 * 16];
        Array.Fill(y, 1f);
        for (int i = 0; i < 16; i++)
        {
            x[16 * i] = 1f;
        }

        x[8] = 16777216f;
        Bits.AssertEqual(Dot.Product(Arithmetic.Fused, x, y), 16777232f, "16 + 2^24");
        Bits.AssertEqual(Dot.Product(Arithmetic.Fused, [-1e-30f], [1e-30f]), 0f, "-0 + 0 in the tree");
        Bits.AssertEqual(Reduce.Sum([]), 0f, "empty");
        Bits.AssertEqual(Reduce.Max([-0f, 0f]), -0f, "equal zeros keep the first");
        Bits.AssertEqual(Reduce.Max([1f, float.NaN]), 1f, "a NaN behind the first never wins");
        Bits.AssertEqual(Reduce.Max([float.NaN, 1f]), float.NaN, "a NaN in front stays");
    }

    [TestCase(1)]
    [TestCase(30)]
    [TestCase(784)]
    public void Dot_within_the_derived_error_of_the_double_loop(int n)
    {
        float[] x = Samples.Array(n, 1);
        float[] y = Samples.Array(n, 2);
        double exact = 0;
        double magnitude = 0;
        for (int i = 0; i < n; i++)
        {
            exact += (double)x[i] * y[i];
            magnitude += Math.Abs((double)x[i] * y[i]);
        }

        foreach (Arithmetic arithmetic in Widths.Arithmetics)
        {
            Assert.That(Math.Abs(Dot.Product(arithmetic, x, y) - exact), Is.LessThanOrEqualTo((n + 1) * Math.Pow(2, -24) * magnitude));
        }

        double[] wide = Array.ConvertAll(x, v => (double)v);
        Assert.That(Twin.Dot.Product<double>(Arithmetic.Fused, wide, wide), Is.EqualTo(wide.Sum(v => v * v)).Within(1e-12 * n));
    }

    [Test]
    public void Parts_that_outlive_a_call_give_the_sum_of_one()
    {
        float[] x = Samples.Array(300, 5);
        Span<float> parts = stackalloc float[16];
        foreach (int cut in (ReadOnlySpan<int>)[0, 1, 7, 16, 37, 299, 300])
        {
            parts.Clear();
            Reduce.AddToParts(x.AsSpan(0, cut), parts, 0);
            Reduce.AddToParts(x.AsSpan(cut), parts, cut);
            Bits.AssertEqual(Reduce.Fold(parts), Reduce.Sum(x), $"cut at {cut}");
        }
    }

    [Test]
    public void Column_sums()
    {
        foreach (int m in (ReadOnlySpan<int>)[0, 1, 2, 10, 33])
        {
            for (int n = 0; n <= 70; n++)
            {
                foreach (Numbers numbers in Enum.GetValues<Numbers>())
                {
                    int lda = n + (n % 4);
                    int offset = m % 4;
                    bool accumulate = n % 3 == 0;
                    float[] a = Samples.Array(offset + (m * lda), n, numbers);
                    float[] before = Samples.Array(n + 4, n + 1, numbers);
                    float[] expected = (float[])before.Clone();
                    Twin.Reduce.SumColumns<float>(m, n, a.AsSpan(offset), lda, expected, accumulate);
                    Widths.ForEach(width =>
                    {
                        float[] sums = (float[])before.Clone();
                        Reduce.SumColumns(m, n, a.AsSpan(offset), lda, sums, accumulate);
                        if (Bits.FirstDifference(sums, expected) >= 0)
                        {
                            Bits.AssertEqual(sums, expected, $"columns {m}x{n} width {width} {numbers}");
                        }
                    });
                }
            }
        }
    }

    [Test]
    public void Row_sums_and_one_output()
    {
        for (int n = 0; n <= 70; n++)
        {
            int lda = n + (n % 3);
            float[] a = Samples.Array(5 * lda, n, Numbers.Edges);
            float[] w = Samples.Array(n, n + 1, Numbers.Edges);
            float[] bias = [0.25f];
            float[] expected = new float[10];
            float[] sums = new float[10];
            Twin.Reduce.SumRows<float>(5, n, a, lda, expected);
            Reduce.SumRows(5, n, a, lda, sums);
            Bits.AssertEqual(sums, expected, $"rows of {n}");
            foreach (Arithmetic arithmetic in Widths.Arithmetics)
            {
                Twin.Gemv.OneOutput<float>(arithmetic, 5, n, a, lda, w, bias, expected, 2);
                Widths.ForEach(width =>
                {
                    Gemv.OneOutput(arithmetic, 5, n, a, lda, w, bias, sums, 2);
                    Bits.AssertEqual(sums, expected, $"one output of {n} width {width}");
                });
            }
        }
    }

    [Test]
    public void Wrong_lengths_are_named_with_both_numbers()
    {
        Assert.That(
            () => Dot.Product(Arithmetic.Fused, new float[3], new float[4]),
            Throws.ArgumentException.With.Message.Contains("y: expected 3 floats, got 4"));
        Assert.That(() => Reduce.Max([]), Throws.ArgumentException);
        Assert.That(() => Reduce.Fold(new float[8]), Throws.ArgumentException.With.Message.Contains("expected 16 floats, got 8"));
        Assert.That(() => Reduce.SumColumns(2, 3, new float[5], 3, new float[3]), Throws.ArgumentException);
    }

    private static void Check(Arithmetic arithmetic, Reduction fast, Reduction loop)
    {
        foreach (Numbers numbers in Enum.GetValues<Numbers>())
        {
            for (int n = 0; n <= 67; n++)
            {
                for (int offset = 0; offset <= 3; offset++)
                {
                    Require(arithmetic, fast, loop, n, offset, numbers);
                }
            }

            foreach (int n in (ReadOnlySpan<int>)[128, 255, 256, 257, 784, 1001])
            {
                Require(arithmetic, fast, loop, n, n % 4, numbers);
            }
        }
    }

    private static void Require(Arithmetic arithmetic, Reduction fast, Reduction loop, int n, int offset, Numbers numbers)
    {
        if (Difference(arithmetic, fast, loop, n, offset, numbers) is { } difference)
        {
            Assert.Fail(difference);
        }
    }

    [Test]
    public void Sums_of_a_matrix_that_is_too_short_are_refused()
    {
        float[] sums = new float[3];
        Assert.That(() => Reduce.SumRows(2, 3, new float[7], 4, sums), Throws.Nothing);
        Assert.That(() => Reduce.SumRows(2, 3, new float[6], 4, sums), Throws.ArgumentException.With.Message.Contains("expected 7 floats, got 6"));
        Assert.That(() => Reduce.SumRows(2, 3, new float[7], 4, new float[1]), Throws.ArgumentException.With.Message.Contains("sums"));
        Assert.That(() => Reduce.SumColumns(2, 3, new float[7], 4, sums, false), Throws.Nothing);
        Assert.That(() => Reduce.SumColumns(2, 3, new float[6], 4, sums, false), Throws.ArgumentException);
        Assert.That(() => Reduce.SumColumns(2, 3, new float[7], 4, new float[2], false), Throws.ArgumentException.With.Message.Contains("sums"));
    }

    private static string? Difference(Arithmetic arithmetic, Reduction fast, Reduction loop, int n, int offset, Numbers numbers)
    {
        float[] x = Samples.Array(offset + n, n, numbers);
        float[] y = Samples.Array(offset + n, n + 999, numbers);
        float expected = loop(arithmetic, x.AsSpan(offset), y.AsSpan(offset));
        string? difference = null;
        Widths.ForEach(width =>
        {
            float actual = fast(arithmetic, x.AsSpan(offset), y.AsSpan(offset));
            if (!Bits.Same(actual, expected))
            {
                difference ??= $"{arithmetic} n {n} offset {offset} width {width} {numbers}: {Bits.Show(actual)}, expected {Bits.Show(expected)}";
            }
        });
        return difference;
    }
}
