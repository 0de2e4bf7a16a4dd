using EmbeddedBackprop.Kernels.Scalar;
using Twin = EmbeddedBackprop.Kernels.Scalar;

namespace EmbeddedBackprop.Tests.Kernels.Integers;

/// <summary>
/// The textbook sums over integers against those over double, which is exact on them; and the kernels of floats on integers against both.
/// </summary>
[TestFixture]
[NonParallelizable]
public sealed class IntegerSumsTests
{
    private static readonly ConvSizes[] Sizes =
    [
        new(1, 5, 6, 2, 3, 3),
        new(3, 6, 5, 4, 3, 2) { Top = 1, Left = 1, Right = 2 },
        new(2, 9, 8, 3, 3, 3) { StrideY = 2, StrideX = 3, Top = 1, Bottom = 2, Left = 2 },
        new(4, 7, 7, 6, 3, 3) { Groups = 2, Top = 1, Bottom = 1, Left = 1, Right = 1 },
        new(5, 6, 7, 5, 3, 3) { Groups = 5, Top = 1, Bottom = 1, Left = 1, Right = 1, StrideX = 2 },
        new(3, 4, 4, 6, 2, 2) { Groups = 3, StrideY = 2, StrideX = 2 },
        new(2, 8, 9, 2, 3, 2) { DilationY = 2, DilationX = 3, Top = 2, Bottom = 1, Left = 3 },
        new(3, 1, 11, 4, 1, 3) { DilationX = 2, Left = 4 },
        new(4, 3, 3, 5, 1, 1),
    ];

    private delegate void Sums(in ConvSizes sizes, ReadOnlySpan<int> x, ReadOnlySpan<int> w, Span<int> sums);

    [Test]
    public void Dense_sums_are_those_of_the_product()
    {
        int[] x = Integers(7, 255, 1), w = Integers(7 * 6, 127, 2), sums = new int[5];
        double[] expected = new double[5];
        IntegerSums.Dense(x, w, 6, sums);
        Twin.Gemm.NN(Arithmetic.Separate, 1, 5, 7, Doubles(x), 7, Doubles(w), 6, default(ReadOnlySpan<double>), expected, 5);
        Assert.That(sums, Is.EqualTo(expected));
    }

    [TestCaseSource(nameof(Sizes))]
    public void Convolution_sums_are_those_of_the_kernel(ConvSizes sizes) => Assert.That(IsConvolution(IntegerSums.Convolution, in sizes), Is.True);

    [TestCaseSource(nameof(Sizes))]
    public void Transposed_sums_are_those_of_the_kernel(ConvSizes sizes)
    {
        int[] x = Integers(sizes.SampleOutputs, 255, 4), w = Integers(sizes.Weights, 127, 5);
        int[] sums = new int[sizes.InputLength];
        double[] expected = new double[sums.Length];
        IntegerSums.Transposed(in sizes, x, w, sums);
        Twin.Conv.InputGradient(
            Arithmetic.Separate, in sizes, 1, Doubles(x), x.Length, Doubles(w), default(ReadOnlySpan<double>), expected, sums.Length);
        Assert.That(sums, Is.EqualTo(expected));
    }

    [TestCaseSource(nameof(Sizes))]
    public void A_convolution_by_lanes_has_the_same_sums_and_zeros_may_have_a_sign(ConvSizes sizes)
    {
        // Many sums are 0 without all of their terms being 0.
        const int Batch = 3;
        int[] x = Integers(Batch * sizes.InputLength, 2, 9), w = Integers(sizes.Weights, 1, 10), sums = new int[sizes.SampleOutputs];
        foreach (Arithmetic arithmetic in (ReadOnlySpan<Arithmetic>)[Arithmetic.Fused, Arithmetic.Separate])
        {
            Widths.ForEach(width =>
            {
                float[] y = new float[Batch * sums.Length];
                EmbeddedBackprop.Kernels.Conv.ForwardOfIntegers(arithmetic, in sizes, Batch, Floats(x), sizes.InputLength, Floats(w), y, sums.Length);
                for (int sample = 0; sample < Batch; sample++)
                {
                    IntegerSums.Convolution(in sizes, x.AsSpan(sample * sizes.InputLength, sizes.InputLength), w, sums);
                    Assert.That(
                        y.Skip(sample * sums.Length).Take(sums.Length).Select(value => (int)value), Is.EqualTo(sums),
                        $"{arithmetic}, width {width}, sample {sample}");
                }
            });
        }
    }

    [TestCase(1)]
    [TestCase(7)]
    [TestCase(33)]
    public void A_product_by_lanes_has_the_same_sums_where_columns_of_zeros_are_left_out(int columns)
    {
        // Rows enough for a search; every third column is 0 in all rows, and w is huge there: a wrong list would show.
        const int Rows = 10, Terms = 90;
        int[] x = Integers(Rows * Terms, 2, 11), w = Integers(Terms * columns, 3, 12), sums = new int[columns];
        for (int i = 0; i < x.Length; i++)
        {
            x[i] = i % Terms % 3 == 0 ? 0 : x[i];
        }

        for (int i = 0; i < w.Length; i++)
        {
            w[i] = i / columns % 3 == 0 ? 40_000 : w[i];
        }

        foreach (Arithmetic arithmetic in (ReadOnlySpan<Arithmetic>)[Arithmetic.Fused, Arithmetic.Separate])
        {
            Widths.ForEach(width =>
            {
                float[] y = new float[Rows * columns];
                EmbeddedBackprop.Kernels.Gemm.IntegersNN(
                    arithmetic, Rows, columns, Terms, Floats(x), Terms, Floats(w), columns, y, columns);
                for (int row = 0; row < Rows; row++)
                {
                    IntegerSums.Dense(x.AsSpan(row * Terms, Terms), w, columns, sums);
                    Assert.That(
                        y.Skip(row * columns).Take(columns).Select(value => (int)value), Is.EqualTo(sums), $"{arithmetic}, width {width}, row {row}");
                }
            });
        }
    }

    [Test]
    public void Control_a_term_that_is_left_out_is_found()
    {
        int[] x = Integers(90, 2, 11), w = Integers(90 * 7, 3, 12), sums = new int[7], without = new int[7];
        x[4] = 1;
        IntegerSums.Dense(x, w, 7, sums);
        x[4] = 0;
        IntegerSums.Dense(x, w, 7, without);
        Assert.That(without, Is.Not.EqualTo(sums));
    }

    [Test]
    public void Control_padding_on_the_wrong_side_is_found()
    {
        static void Shifted(in ConvSizes sizes, ReadOnlySpan<int> x, ReadOnlySpan<int> w, Span<int> sums) =>
            IntegerSums.Convolution(sizes with { Left = sizes.Right, Right = sizes.Left }, x, w, sums);
        Assert.That(IsConvolution(Shifted, in Sizes[0]), Is.True, "without padding");
        Assert.That(IsConvolution(Shifted, in Sizes[1]), Is.False);
    }

    [Test]
    public void A_sum_that_does_not_fit_is_an_error()
    {
        int[] x = [int.MaxValue - 1, 1], w = [1, 1], sums = new int[1];
        Assert.That(() => IntegerSums.Dense(x, w, 1, sums), Throws.Nothing);
        Assert.That(sums[0], Is.EqualTo(int.MaxValue));
        x[0]++;
        Assert.That(() => IntegerSums.Dense(x, w, 1, sums), Throws.InstanceOf<OverflowException>());
    }

    private static bool IsConvolution(Sums convolution, in ConvSizes sizes)
    {
        int[] x = Integers(sizes.InputLength, 255, 7), w = Integers(sizes.Weights, 127, 8);
        int[] sums = new int[sizes.SampleOutputs];
        double[] expected = new double[sums.Length];
        convolution(in sizes, x, w, sums);
        Twin.Conv.Forward(
            Arithmetic.Separate, in sizes, 1, Doubles(x), x.Length, Doubles(w), default(ReadOnlySpan<double>), expected, sums.Length);
        return sums.Select(value => (double)value).SequenceEqual(expected);
    }

    private static int[] Integers(int length, int highest, int seed)
    {
        Random random = new(seed);
        return [.. Enumerable.Range(0, length).Select(_ => random.Next(-highest, highest + 1))];
    }

    private static ReadOnlySpan<double> Doubles(int[] integers) => integers.Select(value => (double)value).ToArray();

    private static float[] Floats(int[] integers) => [.. integers.Select(value => (float)value)];
}
