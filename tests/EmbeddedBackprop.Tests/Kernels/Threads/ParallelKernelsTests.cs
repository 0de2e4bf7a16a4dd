using EmbeddedBackprop.Kernels.Threads;

namespace EmbeddedBackprop.Tests.Kernels;

/// <summary>Kernels that are shared out give the bits of one thread, at every number of threads, width, start and odd size.</summary>
[TestFixture]
internal sealed class ParallelKernelsTests
{
    private static readonly int[] ThreadCounts = [1, 2, 3, 4, 7];

    private static readonly (int M, int N, int K)[] Sizes =
    [
        (1, 1, 1),
        (1, 129, 5),
        (2, 64, 3),
        (6, 65, 17),
        (7, 130, 257),
        (13, 16, 0),
        (25, 3, 9),
        (30, 193, 31),
        (61, 67, 71),
        (73, 15, 300),
        (96, 128, 64),
    ];

    private delegate void Product(int m, int n, int k, float[] a, float[] b, float[] bias, float[] c, bool accumulate);

    [Test]
    public void Products([Values] GemmTests.Operation operation, [Values] Arithmetic arithmetic) =>
        Check(
            operation == GemmTests.Operation.NN,
            (m, n, k, a, b, bias, c, accumulate) =>
            {
                switch (operation)
                {
                    case GemmTests.Operation.NN:
                        Gemm.NN(arithmetic, m, n, k, a, k, b, n, bias, c, n, accumulate);
                        break;
                    case GemmTests.Operation.TN:
                        Gemm.TN(arithmetic, m, n, k, a, m, b, n, c, n, accumulate);
                        break;
                    default:
                        Gemm.NT(arithmetic, m, n, k, a, k, b, k, c, n, accumulate);
                        break;
                }
            });

    [Test]
    public void Products_that_update([Values] Arithmetic arithmetic, [Values(0f, 0.01f)] float l2) =>
        Check(
            false,
            (m, n, k, a, b, bias, c, accumulate) =>
            {
                if (m > 1)
                {
                    Gemm.UpdateTN(arithmetic, m, n, k, a, m, b, n, c, n, 0.1f, l2);
                }
            });

    [Test]
    public void Sums_of_columns() => Check(false, (m, n, k, a, b, bias, c, accumulate) => Reduce.SumColumns(k, n, b, n, c, accumulate));

    [Test]
    public void A_sum_that_is_cut_is_caught([Values] Arithmetic arithmetic)
    {
        // The control: the terms of each sum shared out between two threads, and the two sums added. That is another sum.
        const int M = 12,
            N = 64,
            K = 100;
        float[] a = Samples.Array(M * K, 1),
            b = Samples.Array(K * N, 2),
            expected = new float[M * N],
            first = new float[M * N],
            second = new float[M * N];
        Gemm.NN(arithmetic, M, N, K, a, K, b, N, [], expected, N);
        Gemm.NN(arithmetic, M, N, K / 2, a, K, b, N, [], first, N);
        Gemm.NN(arithmetic, M, N, K / 2, a.AsSpan(K / 2), K, b.AsSpan(K / 2 * N), N, [], second, N);
        Elementwise.Add(first, second, first);
        Assert.That(Bits.FirstDifference(first, expected), Is.GreaterThanOrEqualTo(0));

        // Cut, but carried on: the chain continues from the stored sum, and nothing is lost.
        Gemm.NN(arithmetic, M, N, K / 2, a, K, b, N, [], first, N);
        Gemm.NN(arithmetic, M, N, K / 2, a.AsSpan(K / 2), K, b.AsSpan(K / 2 * N), N, [], first, N, accumulate: true);
        Bits.AssertEqual(first, expected, "carried on");
    }

    [Test]
    public void Element_wise_kernels([Values] Arithmetic arithmetic) => Widths.ForEach(width =>
    {
        foreach (int length in (ReadOnlySpan<int>)[0, 1, 63, 64, 65, 200, 1000, 1031])
        {
            float[] x = Samples.Array(length, 1, Numbers.NonFinite), y = Samples.Array(length, 2, Numbers.Edges), start = Samples.Array(length, 3);
            ForEachThreads(start, $"{arithmetic} width {width} length {length}", d =>
            {
                Elementwise.MultiplyAdd(arithmetic, 0.3f, x, d);
                Elementwise.MultiplyAdd(arithmetic, x, y, d);
                Elementwise.AddSign(0.3f, x, d);
                Elementwise.Clip(-0.5f, 0.7f, d, d);
            });
        }
    });

    [Test]
    public void The_test_for_finite_numbers() => Widths.ForEach(width =>
    {
        foreach (int threads in ThreadCounts)
        {
            using WorkerPool pool = new(threads) { MinimumWork = 1 };
            using WorkerPool.Loan loan = WorkerPool.Lend(pool);
            float[] x = Samples.Array(1031, 1, Numbers.Edges), one = [1e-30f];
            for (int place = 0; place < x.Length; place += 23)
            {
                float kept = x[place];
                Assert.That(Finite.All(x), Is.True, $"width {width} threads {threads}");
                x[place] = place % 2 == 0 ? float.NaN : float.NegativeInfinity;
                Assert.That(Finite.All(x), Is.False, $"width {width} threads {threads} place {place}");
                Assert.That(Finite.BoundsProducts(x, one, 1), Is.False, $"width {width} threads {threads} place {place}");
                x[place] = kept;
            }
        }
    });

    private static void Check(bool withBias, Product product) => Widths.ForEach(width =>
    {
        int seed = 1;
        foreach ((int m, int n, int k) in Sizes)
        {
            float[] a = Samples.Array(m * k, seed++, Numbers.Edges), b = Samples.Array(k * n, seed++, Numbers.Edges), bias = Samples.Array(n, seed++);
            float[] start = Samples.Array(m * n, seed++);
            foreach (bool accumulate in (ReadOnlySpan<bool>)[false, true])
            {
                ForEachThreads(start, $"{m}x{n}x{k} width {width}", c => product(m, n, k, a, b, withBias ? bias : [], c, accumulate));
            }
        }
    });

    /// <summary>Runs on one thread, then with pools that share out everything that can be.</summary>
    private static void ForEachThreads(float[] start, string what, Action<float[]> run)
    {
        float[] expected = [.. start];
        run(expected);
        foreach (WorkerPool pool in Pools.Value)
        {
            float[] actual = [.. start];
            using (WorkerPool.Lend(pool))
            {
                run(actual);
            }

            Bits.AssertEqual(actual, expected, $"{what} threads {pool.Threads}");
        }
    }

    // Kept for all cases: two users must not run at the same time, or parts run on the caller.
    private static readonly Lazy<WorkerPool[]> Pools = new(() => [.. ThreadCounts.Select(threads => new WorkerPool(threads) { MinimumWork = 1 })]);

    [OneTimeTearDown]
    public void EndPools()
    {
        foreach (WorkerPool pool in Pools.Value)
        {
            pool.Dispose();
        }
    }
}
