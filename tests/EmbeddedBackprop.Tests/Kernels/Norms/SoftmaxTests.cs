using EmbeddedBackprop.Kernels.Lanes;
using Twin = EmbeddedBackprop.Kernels.Scalar;

namespace EmbeddedBackprop.Tests.Kernels;

/// <summary>Softmax forward and backward and log-sum-exp give the bits of their loops and touch nothing else.</summary>
[TestFixture]
internal sealed class SoftmaxTests
{
    private delegate void Rows(
        Arithmetic arithmetic,
        int m,
        int n,
        ReadOnlySpan<float> x,
        int ldx,
        ReadOnlySpan<float> y,
        Span<float> destination,
        int ld);

    [Test]
    public void Forward([Values] Arithmetic arithmetic) => Check(arithmetic, Fast, Loop);

    [Test]
    public void Backward([Values] Arithmetic arithmetic) => Check(
        arithmetic,
        (a, m, n, x, ldx, y, d, ld) => SoftmaxRows.Backward(a, m, n, x, ldx, y, ldx, d, ld),
        (a, m, n, x, ldx, y, d, ld) => Twin.SoftmaxRows.Backward(a, m, n, x, ldx, y, ldx, d, ld));

    [Test]
    public void Logarithm_of_the_sum([Values] Arithmetic arithmetic) => Check(
        arithmetic,
        (a, m, n, x, ldx, y, d, ld) => SoftmaxRows.LogSumExp(a, m, n, x, ldx, d),
        (a, m, n, x, ldx, y, d, ld) => Twin.SoftmaxRows.LogSumExp(a, m, n, x, ldx, d));

    [Test]
    public void Control_a_sum_in_plain_order_is_caught()
    {
        static void Plain(Arithmetic arithmetic, int m, int n, ReadOnlySpan<float> x, int ldx, ReadOnlySpan<float> y, Span<float> destination, int ld)
        {
            for (int i = 0; i < m; i++)
            {
                float maximum = Twin.Reduce.Max(x.Slice(i * ldx, n));
                float sum = 0f;
                for (int j = 0; j < n; j++)
                {
                    sum += destination[(i * ld) + j] = Lane<Fused>.Exp(new(x[(i * ldx) + j] - maximum)).Value;
                }

                for (int j = 0; j < n; j++)
                {
                    destination[(i * ld) + j] /= sum;
                }
            }
        }

        Assert.That(Difference(Arithmetic.Fused, Plain, Loop, 5, 40, Numbers.Plain), Is.Not.Null);
    }

    [Test]
    public void In_place()
    {
        foreach (int n in (ReadOnlySpan<int>)[1, 10, 16, 37])
        {
            float[] z = Samples.Array(3 * n, n);
            float[] expected = new float[3 * n];
            Twin.SoftmaxRows.Forward<float>(Arithmetic.Fused, 3, n, z, n, expected, n);
            Widths.ForEach(width =>
            {
                float[] a = (float[])z.Clone();
                SoftmaxRows.Forward(Arithmetic.Fused, 3, n, a, n, a, n);
                Bits.AssertEqual(a, expected, $"in place {n} width {width}");
            });
        }
    }

    [Test]
    public void Large_logits_are_no_trouble()
    {
        float[] a = new float[3];
        float[] logarithm = new float[1];
        SoftmaxRows.Forward(Arithmetic.Fused, 1, 3, [1e4f, 1e4f, -1e4f], 3, a, 3);
        Assert.That(a, Is.EqualTo(new[] { 0.5f, 0.5f, 0f }));
        SoftmaxRows.LogSumExp(Arithmetic.Fused, 1, 3, [1e4f, 1e4f, -1e4f], 3, logarithm);
        Assert.That(logarithm[0], Is.EqualTo(10000.693f).Within(1e-3f));
        SoftmaxRows.Forward(Arithmetic.Fused, 1, 3, [0f, float.NaN, 1f], 3, a, 3);
        Assert.That(a, Is.All.NaN);
    }

    [Test]
    public void The_double_loop_is_softmax()
    {
        double[] z = [0.1, -2, 3, 0.7];
        double[] a = new double[4];
        double[] logarithm = new double[1];
        Twin.SoftmaxRows.Forward<double>(Arithmetic.Fused, 1, 4, z, 4, a, 4);
        Twin.SoftmaxRows.LogSumExp<double>(Arithmetic.Fused, 1, 4, z, 4, logarithm);
        double sum = z.Sum(Math.Exp);
        Assert.That(logarithm[0], Is.EqualTo(Math.Log(sum)).Within(1e-15));
        for (int j = 0; j < 4; j++)
        {
            Assert.That(a[j], Is.EqualTo(Math.Exp(z[j]) / sum).Within(1e-15));
        }

        float[] single = new float[4];
        SoftmaxRows.Forward(Arithmetic.Fused, 1, 4, Array.ConvertAll(z, x => (float)x), 4, single, 4);
        for (int j = 0; j < 4; j++)
        {
            Assert.That(single[j], Is.EqualTo(a[j]).Within(1e-6));
        }
    }

    [Test]
    public void Wrong_sizes_are_named()
    {
        Assert.That(
            () => SoftmaxRows.Forward(Arithmetic.Fused, 2, 3, new float[5], 3, new float[6], 3),
            Throws.ArgumentException.With.Message.Contains("z [2, 3] with leading dimension 3: expected 6 floats, got 5"));
        Assert.That(() => SoftmaxRows.LogSumExp(Arithmetic.Fused, 2, 0, [], 0, new float[2]), Throws.ArgumentException);
    }

    private static void Fast(
        Arithmetic arithmetic,
        int m,
        int n,
        ReadOnlySpan<float> x,
        int ldx,
        ReadOnlySpan<float> y,
        Span<float> destination,
        int ld
    ) => SoftmaxRows.Forward(arithmetic, m, n, x, ldx, destination, ld);

    private static void Loop(
        Arithmetic arithmetic,
        int m,
        int n,
        ReadOnlySpan<float> x,
        int ldx,
        ReadOnlySpan<float> y,
        Span<float> destination,
        int ld
    ) => Twin.SoftmaxRows.Forward(arithmetic, m, n, x, ldx, destination, ld);

    private static void Check(Arithmetic arithmetic, Rows fast, Rows loop)
    {
        foreach (Numbers numbers in Enum.GetValues<Numbers>())
        {
            for (int n = 1; n <= 70; n++)
            {
                if (Difference(arithmetic, fast, loop, 1 + (n % 3), n, numbers) is { } difference)
                {
                    Assert.Fail(difference);
                }
            }
        }
    }

    private static string? Difference(Arithmetic arithmetic, Rows fast, Rows loop, int m, int n, Numbers numbers)
    {
        int ldx = n + (n % 4);
        int ld = n + (n % 5);
        int offset = n % 4;
        float[] x = Samples.Array(offset + (m * ldx), n, numbers);
        float[] y = Samples.Array(offset + (m * ldx), n + 500, numbers);
        float[] before = Samples.Array(offset + (m * ld) + 4, n + 900);
        float[] expected = (float[])before.Clone();
        loop(arithmetic, m, n, x.AsSpan(offset), ldx, y.AsSpan(offset), expected.AsSpan(offset), ld);
        string? difference = null;
        Widths.ForEach(width =>
        {
            float[] actual = (float[])before.Clone();
            fast(arithmetic, m, n, x.AsSpan(offset), ldx, y.AsSpan(offset), actual.AsSpan(offset), ld);
            int i = Bits.FirstDifference(actual, expected);
            if (i >= 0)
            {
                difference ??=
                    $"{arithmetic} {m}x{n} width {width} {numbers}: at [{i - offset}]: {Bits.Show(actual[i])}, expected {Bits.Show(expected[i])}";
            }
        });
        return difference;
    }
}
