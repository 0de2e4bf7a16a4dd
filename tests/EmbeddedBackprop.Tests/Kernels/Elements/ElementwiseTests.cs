using EmbeddedBackprop.Kernels.Lanes;
using Twin = EmbeddedBackprop.Kernels.Scalar;

namespace EmbeddedBackprop.Tests.Kernels;

/// <summary>Element-wise kernels and the rank-1 update give the bits of their loops, also in place.</summary>
[TestFixture]
internal sealed class ElementwiseTests
{
    private delegate void Kernel(ReadOnlySpan<float> x, ReadOnlySpan<float> y, Span<float> destination);

    [Test]
    public void Add() => Check(Elementwise.Add, Twin.Elementwise.Add<float>);

    [Test]
    public void Subtract() => Check(Elementwise.Subtract, Twin.Elementwise.Subtract<float>);

    [Test]
    public void Multiply() => Check(Elementwise.Multiply, Twin.Elementwise.Multiply<float>);

    [Test]
    public void Add_a_number() => Check((x, y, d) => Elementwise.Add(x, 0.3f, d), (x, y, d) => Twin.Elementwise.Add(x, 0.3f, d));

    [Test]
    public void Divide_by_a_number() => Check((x, y, d) => Elementwise.Divide(x, 0.3f, d), (x, y, d) => Twin.Elementwise.Divide(x, 0.3f, d));

    [Test]
    public void Scale() => Check((x, y, d) => Elementwise.Scale(0.3f, x, d), (x, y, d) => Twin.Elementwise.Scale(0.3f, x, d));

    [Test]
    public void Clip() => Check((x, y, d) => Elementwise.Clip(-0.5f, 0.25f, x, d), (x, y, d) => Twin.Elementwise.Clip(-0.5f, 0.25f, x, d));

    [Test]
    public void Fill() => Check((x, y, d) => Elementwise.Fill(-0f, d), (x, y, d) => Twin.Elementwise.Fill(-0f, d));

    [Test]
    public void Multiply_add_of_a_number([Values] Arithmetic arithmetic) => Check(
        (x, y, d) => Elementwise.MultiplyAdd(arithmetic, -0.3f, x, d), (x, y, d) => Twin.Elementwise.MultiplyAdd(arithmetic, -0.3f, x, d));

    [Test]
    public void Blend([Values] Arithmetic arithmetic) => Check(
        (x, y, d) => Elementwise.Blend(arithmetic, 0.3f, x, d), (x, y, d) => Twin.Elementwise.Blend(arithmetic, 0.3f, x, d));

    [Test]
    public void Multiply_add_of_vectors([Values] Arithmetic arithmetic) => Check(
        (x, y, d) => Elementwise.MultiplyAdd(arithmetic, x, y, d), (x, y, d) => Twin.Elementwise.MultiplyAdd(arithmetic, x, y, d));

    [Test]
    public void Control_the_other_rounding_is_caught() => Assert.That(
        Difference(
            (x, y, d) => Elementwise.MultiplyAdd(Arithmetic.Separate, x, y, d),
            (x, y, d) => Twin.Elementwise.MultiplyAdd(Arithmetic.Fused, x, y, d), 40, 0, Numbers.Plain),
        Is.Not.Null);

    [Test]
    public void Control_a_tail_left_out_is_caught() => Assert.That(
        Difference((x, y, d) => Elementwise.Add(x[..^1], y[..^1], d[..^1]), Twin.Elementwise.Add<float>, 40, 0, Numbers.Plain), Is.Not.Null);

    [Test]
    public void Clip_is_two_selects()
    {
        float[] d = new float[5];
        Elementwise.Clip(0f, 1f, [-0f, float.NaN, 2f, 0.5f, float.NegativeInfinity], d);
        Bits.AssertEqual(d, [0f, 0f, 1f, 0.5f, 0f], "clip");
    }

    [Test]
    public void Rank_one_update([Values] Arithmetic arithmetic)
    {
        foreach (Numbers numbers in Enum.GetValues<Numbers>())
        {
            for (int m = 0; m <= 14; m++)
            {
                for (int n = 0; n <= 70; n++)
                {
                    int ldc = n + (n % 4);
                    float[] x = Samples.Array(m, n, numbers);
                    float[] y = Samples.Array(n, m, numbers);
                    float[] before = Samples.Array((m * ldc) + 4, m + n, numbers);
                    float[] expected = (float[])before.Clone();
                    Twin.Ger.Run<float>(arithmetic, m, n, x, y, expected, ldc);
                    Widths.ForEach(width =>
                    {
                        float[] c = (float[])before.Clone();
                        Ger.Run(arithmetic, m, n, x, y, c, ldc);
                        if (Bits.FirstDifference(c, expected) >= 0)
                        {
                            Bits.AssertEqual(c, expected, $"{m}x{n} width {width} {numbers}");
                        }
                    });
                }
            }
        }
    }

    [Test]
    public void One_sample([Values] Arithmetic arithmetic)
    {
        for (int n = 1; n <= 150; n++)
        {
            float[] x = Samples.Array(23, n);
            float[] w = Samples.Array(23 * n, n + 1);
            float[] expected = Samples.Array(n, 7);
            float[] y = Samples.Array(n, 7);
            Twin.Gemv.Run<float>(arithmetic, n, 23, x, w, n, x.Length >= n ? x : default, expected, n % 2 == 0);
            Widths.ForEach(width =>
            {
                Samples.Fill(y, 7);
                Gemv.Run(arithmetic, n, 23, x, w, n, x.Length >= n ? x : default, y, n % 2 == 0);
                Bits.AssertEqual(y, expected, $"outputs {n} width {width}");
            });
        }
    }

    [Test]
    public void Wrong_lengths_and_shifted_overlaps_are_refused()
    {
        float[] s = new float[20];
        Assert.That(
            () => Elementwise.Add(s.AsSpan(0, 3), s.AsSpan(0, 4), s.AsSpan(0, 3)),
            Throws.ArgumentException.With.Message.Contains("expected 3 floats, got 4"));
        Assert.That(() => Elementwise.Clip(0f, 1f, s.AsSpan(0, 8), s.AsSpan(1, 8)), Throws.ArgumentException.With.Message.Contains("shifted by 1"));
        Assert.That(() => Elementwise.MultiplyAdd(Arithmetic.Fused, 1f, s.AsSpan(1, 8), s.AsSpan(0, 8)), Throws.ArgumentException);
        Assert.That(
            () => Ger.Run(Arithmetic.Fused, 3, 4, s.AsSpan(0, 2), s, new float[12], 4),
            Throws.ArgumentException.With.Message.Contains("x: expected 3 floats, got 2"));
    }

    private static void Check(Kernel fast, Kernel loop)
    {
        foreach (Numbers numbers in Enum.GetValues<Numbers>())
        {
            for (int n = 0; n <= 67; n++)
            {
                for (int offset = 0; offset <= 3; offset++)
                {
                    if (Difference(fast, loop, n, offset, numbers) is { } difference)
                    {
                        Assert.Fail(difference);
                    }
                }
            }
        }
    }

    private static string? Difference(Kernel fast, Kernel loop, int n, int offset, Numbers numbers)
    {
        float[] x = Samples.Array(offset + n, n, numbers);
        float[] y = Samples.Array(offset + n, n + 500, numbers);
        float[] before = Samples.Array(offset + n + 4, n + 900, numbers);
        float[] expected = (float[])before.Clone();
        loop(x.AsSpan(offset), y.AsSpan(offset), expected.AsSpan(offset, n));
        float[] expectedInPlace = [.. x, 9f];
        loop(expectedInPlace.AsSpan(offset, n), y.AsSpan(offset), expectedInPlace.AsSpan(offset, n));
        string? difference = null;
        Widths.ForEach(width =>
        {
            float[] actual = (float[])before.Clone();
            fast(x.AsSpan(offset), y.AsSpan(offset), actual.AsSpan(offset, n));
            int i = Bits.FirstDifference(actual, expected);
            if (i >= 0)
            {
                difference ??=
                    $"n {n} offset {offset} width {width} {numbers}: at [{i - offset}]: {Bits.Show(actual[i])}, expected {Bits.Show(expected[i])}";
            }

            float[] inPlace = [.. x, 9f];
            fast(inPlace.AsSpan(offset, n), y.AsSpan(offset), inPlace.AsSpan(offset, n));
            i = Bits.FirstDifference(inPlace, expectedInPlace);
            if (i >= 0)
            {
                difference ??=
                    $"in place, n {n} offset {offset} width {width} {numbers}: at [{i - offset}]: {Bits.Show(inPlace[i])}, expected {Bits.Show(expectedInPlace[i])}";
            }
        });
        return difference;
    }
}
