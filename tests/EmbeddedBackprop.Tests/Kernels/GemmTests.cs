using EmbeddedBackprop.Kernels;
using EmbeddedBackprop.Tests.Support;
using NUnit.Framework;

namespace EmbeddedBackprop.Tests.Kernels;

/// <summary>The three products give the bits of their loops at every size, width, offset, layout and start.</summary>
[TestFixture]
internal sealed class GemmTests
{
    public enum Operation
    {
        NN,
        TN,
        NT,
    }

    private static readonly int[] Columns = [1, 2, 3, 4, 5, 7, 8, 9, 12, 15, 16, 17, 20, 31, 32, 33, 40, 48, 63, 64, 65, 66, 80, 129];

    [Test]
    public void Bits_of_the_loop_at_small_sizes([Values] Operation operation, [Values] Arithmetic arithmetic)
    {
        int seed = 1;
        for (int m = 1; m <= 13; m++)
        {
            foreach (int n in Columns)
            {
                foreach (int k in (ReadOnlySpan<int>)[0, 1, 2, 5, 17])
                    Check(operation, arithmetic, m, n, k, seed++);
            }
        }
    }

    [TestCase(10, 32, 784)]
    [TestCase(10, 30, 784)]
    [TestCase(10, 10, 30)]
    [TestCase(784, 32, 10)]
    [TestCase(1, 30, 784)]
    [TestCase(1, 300, 500)]
    [TestCase(1, 513, 37)]
    [TestCase(2, 500, 9)]
    [TestCase(7, 65, 255)]
    [TestCase(7, 65, 256)]
    [TestCase(7, 65, 257)]
    [TestCase(5, 17, 513)]
    [TestCase(64, 64, 64)]
    [TestCase(61, 67, 71)]
    [TestCase(25, 129, 300)]
    public void Bits_of_the_loop_at_real_and_blocked_sizes(int m, int n, int k)
    {
        for (int seed = 0; seed < 6; seed++)
        {
            foreach (Arithmetic arithmetic in Widths.Arithmetics)
            {
                Check(Operation.NN, arithmetic, m, n, k, seed);
                Check(Operation.TN, arithmetic, m, n, k, seed);
                Check(Operation.NT, arithmetic, m, n, k, seed);
            }
        }
    }

    [Test]
    [Category("Exhaustive")]
    [Explicit("All sizes 0..67 cubed: minutes")]
    public void Bits_of_the_loop_at_all_sizes([Values] Operation operation, [Values] Arithmetic arithmetic)
    {
        int seed = 1;
        for (int m = 0; m <= 67; m++)
        {
            for (int n = 0; n <= 67; n++)
            {
                for (int k = 0; k <= 67; k++)
                    Check(operation, arithmetic, m, n, k, seed++);
            }
        }
    }

    // Layout, offsets, start and numbers follow from the seed, so that neighbouring sizes try different ones.
    private static void Check(Operation operation, Arithmetic arithmetic, int m, int n, int k, int seed)
    {
        int mix = (int)((uint)(seed * 2654435761L) >> 8);
        (int aRows, int aColumns) = operation == Operation.TN ? (k, m) : (m, k);
        (int bRows, int bColumns) = operation == Operation.NT ? (n, k) : (k, n);
        int lda = aColumns + (mix & 3);
        int ldb = bColumns + ((mix >> 2) & 3);
        int ldc = n + ((mix >> 4) & 3);
        int offset = (mix >> 6) & 3;
        bool accumulate = ((mix >> 8) & 1) != 0;
        bool hasBias = ((mix >> 9) & 1) != 0;
        Numbers numbers = (Numbers)((mix >> 10) % 3);
        float[] a = Samples.Array(offset + Extent(aRows, aColumns, lda), seed, numbers);
        float[] b = Samples.Array(offset + Extent(bRows, bColumns, ldb), seed + 1000, numbers);
        float[] bias = hasBias ? Samples.Array(offset + n, seed + 2000, numbers) : [];
        float[] before = Samples.Array(offset + Extent(m, n, ldc) + 3, seed + 3000, numbers);
        float[] expected = (float[])before.Clone();
        ReadOnlySpan<float> biasSpan = hasBias ? bias.AsSpan(offset) : default;
        switch (operation)
        {
            case Operation.NN:
                EmbeddedBackprop.Kernels.Scalar.Gemm.NN<float>(arithmetic, m, n, k, a.AsSpan(offset), lda, b.AsSpan(offset), ldb, biasSpan, expected.AsSpan(offset), ldc, accumulate);
                break;
            case Operation.TN:
                EmbeddedBackprop.Kernels.Scalar.Gemm.TN<float>(arithmetic, m, n, k, a.AsSpan(offset), lda, b.AsSpan(offset), ldb, expected.AsSpan(offset), ldc, accumulate);
                break;
            default:
                EmbeddedBackprop.Kernels.Scalar.Gemm.NT<float>(arithmetic, m, n, k, a.AsSpan(offset), lda, b.AsSpan(offset), ldb, expected.AsSpan(offset), ldc, accumulate);
                break;
        }

        Widths.ForEach(width =>
        {
            float[] c = (float[])before.Clone();
            ReadOnlySpan<float> biases = hasBias ? bias.AsSpan(offset) : default;
            switch (operation)
            {
                case Operation.NN:
                    Gemm.NN(arithmetic, m, n, k, a.AsSpan(offset), lda, b.AsSpan(offset), ldb, biases, c.AsSpan(offset), ldc, accumulate);
                    break;
                case Operation.TN:
                    Gemm.TN(arithmetic, m, n, k, a.AsSpan(offset), lda, b.AsSpan(offset), ldb, c.AsSpan(offset), ldc, accumulate);
                    break;
                default:
                    Gemm.NT(arithmetic, m, n, k, a.AsSpan(offset), lda, b.AsSpan(offset), ldb, c.AsSpan(offset), ldc, accumulate);
                    break;
            }

            // The whole array: columns beyond n and floats beyond the last row must be as they were.
            if (Bits.FirstDifference(c, expected) >= 0)
                Bits.AssertEqual(c, expected, $"{operation} {arithmetic} {m}x{n}x{k} width {width} ld {lda} {ldb} {ldc} offset {offset} bias {hasBias} accumulate {accumulate} {numbers}");
        });
    }

    private static int Extent(int rows, int columns, int leading) => rows == 0 || columns == 0 ? 0 : ((rows - 1) * leading) + columns;
}
