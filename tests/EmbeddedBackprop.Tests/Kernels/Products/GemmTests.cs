using EmbeddedBackprop.Kernels.Lanes;
using Twin = EmbeddedBackprop.Kernels.Scalar;

namespace EmbeddedBackprop.Tests.Kernels;

/// <summary>The three products give the bits of their loops at every size, width, offset, layout and start.</summary>
[TestFixture]
internal sealed class GemmTests
{
    private static readonly int[] Columns = [1, 2, 3, 4, 5, 7, 8, 9, 12, 15, 16, 17, 20, 31, 32, 33, 40, 48, 63, 64, 65, 66, 80, 129];

    public enum Operation
    {
        NN,
        TN,
        NT,
    }

    private delegate void Product(
        Operation operation, Arithmetic arithmetic, int m, int n, int k, ReadOnlySpan<float> a, int lda, ReadOnlySpan<float> b, int ldb,
        ReadOnlySpan<float> bias, Span<float> c, int ldc, bool accumulate);

    [Test]
    public void Bits_of_the_loop_at_small_sizes([Values] Operation operation, [Values] Arithmetic arithmetic)
    {
        int seed = 1;
        for (int m = 1; m <= 13; m++)
        {
            foreach (int n in Columns)
            {
                foreach (int k in (ReadOnlySpan<int>)[0, 1, 2, 5, 17])
                {
                    Check(operation, arithmetic, m, n, k, seed++);
                }
            }
        }
    }

    [TestCase(0, 5, 3)]
    [TestCase(5, 0, 3)]
    [TestCase(10, 32, 784)]
    [TestCase(10, 30, 784)]
    [TestCase(10, 10, 30)]
    [TestCase(784, 32, 10)]
    [TestCase(784, 10, 10)]
    [TestCase(6, 9, 70)]
    [TestCase(7, 16, 300)]
    [TestCase(25, 11, 33)]
    [TestCase(36, 13, 20)]
    [TestCase(1, 30, 784)]
    [TestCase(1, 300, 500)]
    [TestCase(1, 513, 37)]
    [TestCase(1, 192, 65)]
    [TestCase(1, 256, 19)]
    [TestCase(1, 512, 300)]
    [TestCase(2, 500, 9)]
    [TestCase(7, 65, 127)]
    [TestCase(7, 65, 129)]
    [TestCase(7, 65, 255)]
    [TestCase(7, 65, 256)]
    [TestCase(7, 65, 257)]
    [TestCase(5, 17, 513)]
    [TestCase(64, 64, 64)]
    [TestCase(61, 67, 71)]
    [TestCase(25, 129, 300)]
    [TestCase(8, 145, 300)]
    [TestCase(32, 145, 1024)]
    [TestCase(64, 400, 500)]
    [TestCase(48, 401, 682)]
    public void Bits_of_the_loop_at_real_and_blocked_sizes(int m, int n, int k)
    {
        for (int seed = 0; seed < 6; seed++)
        {
            foreach (Arithmetic arithmetic in Widths.Arithmetics)
            {
                foreach (Operation operation in Enum.GetValues<Operation>())
                {
                    Check(operation, arithmetic, m, n, k, seed);
                }
            }
        }
    }

    /// <summary>Columns of A that are 0 in all rows are left out of the sums where that changes no bit, and only there.</summary>
    [Test]
    public void Pictures_with_background_have_the_bits_of_the_loop(
        [Values] Arithmetic arithmetic,
        [Values("finite", "infinite weight", "no number as weight", "sums of -0", "nothing but background")] string special)
    {
        Widths.ForEach(width =>
        {
            foreach (
                (int m, int n, int k) in (ReadOnlySpan<(int, int, int)>)
                    [(10, 32, 784), (8, 17, 64), (9, 5, 100), (13, 70, 300), (24, 16, 1500), (11, 33, 259)])
            {
                float[] a = new float[m * k], b = Samples.Array(k * n, n), bias = Samples.Array(n, k);
                for (int i = 0; i < a.Length; i++)
                {
                    int step = i % k;
                    bool ink = special != "nothing but background" && step / 14 % 2 == 1 && (step + (i / k)) % 3 == 0;
                    a[i] = ink ? 0.01f * (step + 1) : step / 14 % 2 == 1 || step % 2 == 0 ? 0f : -0f;
                }

                switch (special)
                {
                    case "infinite weight":
                        b[^1] = float.NegativeInfinity;
                        b[n] = float.PositiveInfinity;
                        break;
                    case "no number as weight":
                        b[5 * n] = float.NaN;
                        break;
                    case "sums of -0":
                        bias.AsSpan().Fill(-0f);
                        Array.ForEach([.. Enumerable.Range(0, k)], row => b[(row * n) + (n / 2)] = row == k / 2 ? 0f : -0f);
                        break;
                }

                float[] expected = new float[m * n], actual = new float[m * n];
                foreach (bool withBias in (ReadOnlySpan<bool>)[true, false])
                {
                    float[] start = withBias ? bias : [];
                    Twin.Gemm.NN<float>(arithmetic, m, n, k, a, k, b, n, start, expected, n);
                    Gemm.NN(arithmetic, m, n, k, a, k, b, n, start, actual, n);
                    Bits.AssertEqual(actual, expected, $"{special} {m}x{n}x{k} bias {withBias} {arithmetic} width {width}");
                }
            }
        });
    }

    [Test]
    [Category("Exhaustive")]
    public void Bits_of_the_loop_at_all_sizes([Values] Operation operation, [Values] Arithmetic arithmetic)
    {
        Effort.RequireLong("all sizes 0..67 cubed: minutes");
        int seed = 1;
        for (int m = 0; m <= 67; m++)
        {
            for (int n = 0; n <= 67; n++)
            {
                for (int k = 0; k <= 67; k++)
                {
                    Check(operation, arithmetic, m, n, k, seed++);
                }
            }
        }
    }

    // Two halves of the sum added at the end: the result of a kernel that splits the sum.
    [Test]
    public void Control_another_order_of_the_sum_is_caught([Values] Operation operation)
    {
        static void Halves(
            Operation operation, Arithmetic arithmetic, int m, int n, int k, ReadOnlySpan<float> a, int lda, ReadOnlySpan<float> b, int ldb,
            ReadOnlySpan<float> bias, Span<float> c, int ldc, bool accumulate)
        {
            int half = k / 2;
            float[] second = new float[m * n];
            ReadOnlySpan<float> restA = a[(operation == Operation.TN ? half * lda : half)..];
            ReadOnlySpan<float> restB = b[(operation == Operation.NT ? half : half * ldb)..];
            Loop(operation, arithmetic, m, n, half, a, lda, b, ldb, bias, c, ldc, accumulate);
            Loop(operation, arithmetic, m, n, k - half, restA, lda, restB, ldb, default, second, n, false);
            for (int i = 0; i < m * n; i++)
            {
                c[(i / n * ldc) + (i % n)] += second[i];
            }
        }

        Assert.That(Difference(Halves, operation, Arithmetic.Fused, 5, 20, 40, 1), Is.Not.Null);
    }

    [Test]
    public void Control_the_other_arithmetic_is_caught([Values] Operation operation)
    {
        static void Other(
            Operation operation, Arithmetic arithmetic, int m, int n, int k, ReadOnlySpan<float> a, int lda, ReadOnlySpan<float> b, int ldb,
            ReadOnlySpan<float> bias, Span<float> c, int ldc, bool accumulate) =>
            Fast(operation, 1 - arithmetic, m, n, k, a, lda, b, ldb, bias, c, ldc, accumulate);

        Assert.That(Difference(Other, operation, Arithmetic.Fused, 5, 20, 40, 1), Is.Not.Null);
        Assert.That(Difference(Other, operation, Arithmetic.Separate, 5, 20, 40, 1), Is.Not.Null);
    }

    [Test]
    public void Control_a_write_beyond_the_columns_is_caught()
    {
        static void Beyond(
            Operation operation, Arithmetic arithmetic, int m, int n, int k, ReadOnlySpan<float> a, int lda, ReadOnlySpan<float> b, int ldb,
            ReadOnlySpan<float> bias, Span<float> c, int ldc, bool accumulate)
        {
            Fast(operation, arithmetic, m, n, k, a, lda, b, ldb, bias, c, ldc, accumulate);
            c[((m - 1) * ldc) + n] = 0f;
        }

        Assert.That(Difference(Beyond, Operation.NN, Arithmetic.Fused, 5, 20, 40, 1), Is.Not.Null);
    }

    [TestCase(3, 17, 5)]
    [TestCase(10, 30, 784)]
    [TestCase(64, 64, 64)]
    public void Within_the_derived_error_of_the_double_loop(int m, int n, int k)
    {
        float[] a = Samples.Array(m * k, 1);
        float[] b = Samples.Array(k * n, 2);
        float[] bias = Samples.Array(n, 3);
        double[] exact = new double[m * n];
        double[] magnitude = new double[m * n];
        Twin.Gemm.NN<double>(Arithmetic.Fused, m, n, k, Wide(a), k, Wide(b), n, Wide(bias), exact, n);
        Twin.Gemm.NN<double>(
            Arithmetic.Fused, m, n, k, Array.ConvertAll(a, x => (double)Math.Abs(x)), k, Array.ConvertAll(b, x => (double)Math.Abs(x)), n,
            Array.ConvertAll(bias, x => (double)Math.Abs(x)), magnitude, n);
        foreach (Arithmetic arithmetic in Widths.Arithmetics)
        {
            float[] c = new float[m * n];
            Gemm.NN(arithmetic, m, n, k, a, k, b, n, bias, c, n);
            for (int i = 0; i < c.Length; i++)
            {
                Assert.That(Math.Abs(c[i] - exact[i]), Is.LessThanOrEqualTo((k + 1) * Math.Pow(2, -24) * magnitude[i]));
            }
        }
    }

    [Test]
    public void Chains_go_on_over_blocks_of_samples()
    {
        // Micro-batches of 3 + 7 give the weight gradient of 10, bit by bit.
        float[] x = Samples.Array(10 * 37, 1);
        float[] delta = Samples.Array(10 * 21, 2);
        float[] once = new float[37 * 21];
        float[] twice = new float[37 * 21];
        Gemm.TN(Arithmetic.Fused, 37, 21, 10, x, 37, delta, 21, once, 21);
        Gemm.TN(Arithmetic.Fused, 37, 21, 3, x, 37, delta, 21, twice, 21);
        Gemm.TN(Arithmetic.Fused, 37, 21, 7, x.AsSpan(3 * 37), 37, delta.AsSpan(3 * 21), 21, twice, 21, accumulate: true);
        Bits.AssertEqual(twice, once, "micro-batches");
    }

    [Test]
    public void Nothing_is_allocated()
    {
        float[] a = new float[100 * 100];
        float[] c = new float[100 * 100];
        void All()
        {
            Gemm.NN(Arithmetic.Fused, 10, 100, 100, a, 100, a, 100, a, c, 100);
            Gemm.TN(Arithmetic.Fused, 10, 99, 100, a, 100, a, 100, c, 100);
            Gemm.NT(Arithmetic.Separate, 10, 98, 100, a, 100, a, 100, c, 100, true);
        }

        Assert.That(Allocations.Of(1, All, warmUp: 1), Is.Zero);
    }

    [Test]
    public void Wrong_sizes_are_named_with_both_numbers()
    {
        float[] s = new float[100];
        Assert.That(
            () => Gemm.NN(Arithmetic.Fused, 3, 5, 7, s.AsSpan(0, 20), 7, s, 5, default, new float[15], 5),
            Throws.ArgumentException.With.Message.Contains("Gemm.NN: a [3, 7] with leading dimension 7: expected 21 floats, got 20"));
        Assert.That(
            () => Gemm.NN(Arithmetic.Fused, 3, 5, 7, s, 7, s, 5, s.AsSpan(0, 4), new float[15], 5),
            Throws.ArgumentException.With.Message.Contains("bias: expected 5 floats, got 4"));
        Assert.That(
            () => Gemm.TN(Arithmetic.Fused, 3, 5, 7, s, 2, s, 5, new float[15], 5),
            Throws.ArgumentException.With.Message.Contains("leading dimension of a: expected at least 3, got 2"));
        Assert.That(() => Gemm.NT(Arithmetic.Fused, 3, -5, 7, s, 7, s, 7, new float[15], 5), Throws.ArgumentException);
        Assert.That(
            () => Gemm.NN(Arithmetic.Fused, 3, 5, 7, s, 7, s.AsSpan(50), 5, default, s.AsSpan(10), 5),
            Throws.ArgumentException.With.Message.Contains("a overlaps the destination"));
    }

    private static void Check(Operation operation, Arithmetic arithmetic, int m, int n, int k, int seed)
    {
        if (Difference(Fast, operation, arithmetic, m, n, k, seed) is { } difference)
        {
            Assert.Fail(difference);
        }
    }

    // Layout, offsets, start and values follow from the seed, so that neighbouring sizes try different ones.
    private static string? Difference(Product kernel, Operation operation, Arithmetic arithmetic, int m, int n, int k, int seed)
    {
        int mix = (int)((uint)(seed * 2654435761L) >> 8);
        (int aRows, int aColumns) = operation == Operation.TN ? (k, m) : (m, k);
        (int bRows, int bColumns) = operation == Operation.NT ? (n, k) : (k, n);
        int lda = aColumns + (mix & 3);
        int ldb = bColumns + ((mix >> 2) & 3);
        int ldc = n + ((mix >> 4) & 3);
        int offset = (mix >> 6) & 3;
        bool accumulate = ((mix >> 8) & 1) != 0;
        bool hasBias = operation == Operation.NN && ((mix >> 9) & 1) != 0;
        Numbers numbers = (Numbers)((mix >> 10) % 3);
        float[] a = Samples.Array(offset + Extent(aRows, aColumns, lda), seed, numbers);
        float[] b = Samples.Array(offset + Extent(bRows, bColumns, ldb), seed + 1000, numbers);
        float[] bias = hasBias ? Samples.Array(n, seed + 2000, numbers) : [];
        float[] before = Samples.Array(offset + Extent(m, n, ldc) + 4, seed + 3000, numbers);
        float[] expected = (float[])before.Clone();
        Loop(operation, arithmetic, m, n, k, a.AsSpan(offset), lda, b.AsSpan(offset), ldb, bias, expected.AsSpan(offset), ldc, accumulate);
        string? difference = null;
        float[] c = new float[before.Length];
        Widths.ForEach(width =>
        {
            before.CopyTo(c, 0);
            kernel(operation, arithmetic, m, n, k, a.AsSpan(offset), lda, b.AsSpan(offset), ldb, bias, c.AsSpan(offset), ldc, accumulate);

            // The whole array: columns beyond n and floats after the last row must not change.
            int i = Bits.FirstDifference(c, expected);
            if (i >= 0)
            {
                difference ??= $"{operation} {arithmetic} {m}x{n}x{k} width {width} ld {lda} {ldb} {ldc} offset {offset} bias {hasBias} " +
                    $"accumulate {accumulate} {numbers}: at [{i - offset}]: {Bits.Show(c[i])}, expected {Bits.Show(expected[i])}";
            }
        });
        return difference;
    }

    private static void Fast(
        Operation operation, Arithmetic arithmetic, int m, int n, int k, ReadOnlySpan<float> a, int lda, ReadOnlySpan<float> b, int ldb,
        ReadOnlySpan<float> bias, Span<float> c, int ldc, bool accumulate)
    {
        if (operation == Operation.NN)
        {
            Gemm.NN(arithmetic, m, n, k, a, lda, b, ldb, bias, c, ldc, accumulate);
        }
        else if (operation == Operation.TN)
        {
            Gemm.TN(arithmetic, m, n, k, a, lda, b, ldb, c, ldc, accumulate);
        }
        else
        {
            Gemm.NT(arithmetic, m, n, k, a, lda, b, ldb, c, ldc, accumulate);
        }
    }

    private static void Loop(
        Operation operation, Arithmetic arithmetic, int m, int n, int k, ReadOnlySpan<float> a, int lda, ReadOnlySpan<float> b, int ldb,
        ReadOnlySpan<float> bias, Span<float> c, int ldc, bool accumulate)
    {
        if (operation == Operation.NN)
        {
            Twin.Gemm.NN(arithmetic, m, n, k, a, lda, b, ldb, bias, c, ldc, accumulate);
        }
        else if (operation == Operation.TN)
        {
            Twin.Gemm.TN(arithmetic, m, n, k, a, lda, b, ldb, c, ldc, accumulate);
        }
        else
        {
            Twin.Gemm.NT(arithmetic, m, n, k, a, lda, b, ldb, c, ldc, accumulate);
        }
    }

    private static double[] Wide(float[] x) => Array.ConvertAll(x, value => (double)value);

    private static int Extent(int rows, int columns, int leading) => rows == 0 || columns == 0 ? 0 : ((rows - 1) * leading) + columns;
}
