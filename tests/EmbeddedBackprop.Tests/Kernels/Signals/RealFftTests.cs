using System.Numerics;
using EmbeddedBackprop.Kernels.Signals;
using EmbeddedBackprop.Kernels.Spectra;
using Twin = EmbeddedBackprop.Kernels.Scalar;

namespace EmbeddedBackprop.Tests.Kernels;

/// <summary>The Fourier transform has the bits of its loops at every length and width, and its loops are a Fourier transform.</summary>
[TestFixture]
internal sealed class RealFftTests
{
    private static int[] Lengths => [.. Enumerable.Range(2, 12).Select(k => 1 << k)];

    [Test]
    public void Spectra_have_the_bits_of_the_loops([Values] Arithmetic arithmetic)
    {
        foreach (int n in Lengths)
        {
            FftTables tables = new(n);
            foreach (int length in SignalLengths(n))
            {
                float[] x = Samples.Array(3 * length, n + length);
                float[] expected = new float[3 * (n + 2)];
                Twin.RealFft.Forward<float>(arithmetic, tables, 3, x, length, expected);
                Widths.ForEach(width =>
                {
                    float[] actual = new float[3 * (n + 2)];
                    RealFft.Forward(arithmetic, tables, 3, x, length, actual);
                    Bits.AssertEqual(actual, expected, $"{n} samples, {length} given, width {width}");
                });
            }
        }
    }

    [Test]
    public void Gradients_have_the_bits_of_the_loops([Values] Arithmetic arithmetic, [Values] bool accumulate)
    {
        foreach (int n in Lengths)
        {
            FftTables tables = new(n);
            foreach (int length in SignalLengths(n))
            {
                float[] spectra = Samples.Array(2 * (n + 2), n + length), before = Samples.Array(2 * length, 7);
                float[] expected = (float[])before.Clone();
                Twin.RealFft.Gradient<float>(arithmetic, tables, 2, spectra, length, expected, accumulate);
                Widths.ForEach(width =>
                {
                    float[] actual = (float[])before.Clone();
                    RealFft.Gradient(arithmetic, tables, 2, spectra, length, actual, accumulate);
                    Bits.AssertEqual(actual, expected, $"{n} samples, {length} given, width {width}");
                });
            }
        }
    }

    [Test]
    public void Loops_give_the_sums_of_the_definition()
    {
        double worst = 0, worstOfControl = 0;
        foreach (int n in Lengths.Where(n => n <= 1024))
        {
            double[] x = [.. Samples.Array(n, n).Select(v => (double)v)], spectrum = new double[n + 2];
            Twin.RealFft.Forward<double>(Arithmetic.Separate, new FftTables(n), 1, x, n, spectrum);
            double size = Math.Sqrt(x.Sum(v => v * v));
            for (int k = 0; k <= n / 2; k++)
            {
                Complex exact = Definition(x, k), actual = new(spectrum[k], spectrum[(n / 2) + 1 + k]);
                worst = Math.Max(worst, (exact - actual).Magnitude / size);
                worstOfControl = Math.Max(worstOfControl, (Definition(x, k + 1) - actual).Magnitude / size);
            }
        }

        TestContext.Out.WriteLine($"worst error {worst:g3} of the signal's length");
        Assert.That(worst, Is.LessThan(4e-7), "the factors are rounded to float");
        Assert.That(worstOfControl, Is.GreaterThan(0.1), "the control: the next frequency is another number");
    }

    /// <summary>The sum over the outputs of y times F x is the sum over the inputs of x times the gradient at y.</summary>
    [Test]
    public void The_gradient_is_the_transposed_map()
    {
        foreach (int n in Lengths.Where(n => n <= 1024))
        {
            FftTables tables = new(n);
            foreach (int length in SignalLengths(n))
            {
                double[] x = [.. Samples.Array(length, n).Select(v => (double)v)], y = [.. Samples.Array(n + 2, 3).Select(v => (double)v)];
                double[] spectrum = new double[n + 2], dx = new double[length];
                Twin.RealFft.Forward<double>(Arithmetic.Fused, tables, 1, x, length, spectrum);
                Twin.RealFft.Gradient<double>(Arithmetic.Fused, tables, 1, y, length, dx, accumulate: false);
                double forwards = spectrum.Zip(y, (a, b) => a * b).Sum(), backwards = x.Zip(dx, (a, b) => a * b).Sum();
                Assert.That(backwards, Is.EqualTo(forwards).Within(1e-5 * n), $"{n} samples, {length} given");
            }
        }
    }

    [Test]
    public void Roots_of_one_are_those_of_the_platform_to_1e_15()
    {
        foreach (int n in (ReadOnlySpan<int>)[1, 2, 8, 12, 4096])
        {
            for (int k = 0; k <= n; k++)
            {
                (double cosine, double sine) = UnitRoots.At(k, n);
                Assert.That(cosine, Is.EqualTo(Math.Cos(2 * Math.PI * k / n)).Within(1e-15), $"cos {k}/{n}");
                Assert.That(sine, Is.EqualTo(Math.Sin(2 * Math.PI * k / n)).Within(1e-15), $"sin {k}/{n}");
            }
        }

        Assert.That(UnitRoots.At(1, 4), Is.EqualTo((0.0, 1.0)));
        Assert.That(UnitRoots.At(3, 4), Is.EqualTo((0.0, -1.0)));
    }

    [Test]
    public void Control_one_other_factor_is_caught()
    {
        float[] x = Samples.Array(64, 1), a = new float[66], b = new float[66];
        FftTables tables = new(64);
        RealFft.Forward(Arithmetic.Fused, tables, 1, x, 64, a);
        x[5] = MathF.BitIncrement(x[5]);
        RealFft.Forward(Arithmetic.Fused, tables, 1, x, 64, b);
        Assert.That(Bits.FirstDifference(a, b), Is.Not.EqualTo(-1));
    }

    private static int[] SignalLengths(int n) => [n, n - 1, (n / 2) + 1, 1];

    private static Complex Definition(double[] x, int k)
    {
        Complex sum = 0;
        for (int t = 0; t < x.Length; t++)
        {
            sum += x[t] * Complex.FromPolarCoordinates(1, -2 * Math.PI * ((long)k * t % x.Length) / x.Length);
        }

        return sum;
    }
}
