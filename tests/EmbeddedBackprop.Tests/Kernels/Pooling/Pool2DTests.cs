using EmbeddedBackprop.Kernels.Pooling;
using EmbeddedBackprop.Kernels.Threads;
using Twin = EmbeddedBackprop.Kernels.Scalar;

namespace EmbeddedBackprop.Tests.Kernels;

/// <summary>Poolings give the bits of their loops, whatever the window, and touch nothing else.</summary>
internal sealed class Pool2DTests
{
    private static IEnumerable<PoolSizes> Sizes()
    {
        // Two by two side by side: every width of a row, odd heights and widths, and the benchmark's.
        for (int width = 2; width <= 70; width++)
        {
            yield return new PoolSizes(1 + (width % 3), 2 + (width % 4), width, 2, 2, 2, 2, 0, 0);
        }

        yield return new PoolSizes(8, 24, 24, 2, 2, 2, 2, 0, 0);
        yield return new PoolSizes(16, 8, 8, 2, 2, 2, 2, 0, 0);

        // Rows of more than 64 windows, whose gradients are shared out in parts; 128 are whole parts.
        yield return new PoolSizes(2, 3, 150, 2, 3, 1, 1, 0, 1);
        yield return new PoolSizes(1, 2, 129, 2, 2, 1, 1, 0, 0);
        yield return new PoolSizes(1, 4, 256, 2, 2, 2, 2, 0, 0);
        Random random = new(5);
        for (int i = 0; i < 150; i++)
        {
            int kernelHeight = random.Next(1, 5), kernelWidth = random.Next(1, 5);
            yield return new PoolSizes(
                random.Next(1, 4),
                random.Next(kernelHeight, 12),
                random.Next(kernelWidth, 60),
                kernelHeight,
                kernelWidth,
                random.Next(1, 4),
                random.Next(1, 4),
                random.Next(0, kernelHeight),
                random.Next(0, kernelWidth));
        }
    }

    [Test]
    public void Maxima([Values] Numbers numbers) => Check(numbers, (s, batch, x, ldx, y, ldy) =>
        (d => Twin.Pool2D.MaxForward<float>(in s, batch, x, ldx, d.AsSpan(y), ldy), d => Pool2D.MaxForward(in s, batch, x, ldx, d.AsSpan(y), ldy)));

    [Test]
    public void Means([Values] Numbers numbers, [Values] bool countPadding) => Check(numbers, (s, batch, x, ldx, y, ldy) =>
        (d => Twin.Pool2D.AverageForward<float>(in s, countPadding, batch, x, ldx, d.AsSpan(y), ldy),
        d => Pool2D.AverageForward(in s, countPadding, batch, x, ldx, d.AsSpan(y), ldy)));

    [Test]
    public void Gradients_of_maxima([Values] Numbers numbers, [Values] bool accumulate) => CheckBackward(numbers, (s, batch, x, ldx, dy, lddy) =>
        (d => Twin.Pool2D.MaxBackward<float>(in s, batch, x, dy, lddy, d.AsSpan(3), ldx, accumulate),
        d => Pool2D.MaxBackward(in s, batch, x, dy, lddy, d.AsSpan(3), ldx, accumulate)));

    [Test]
    public void Gradients_of_maxima_of_rectified_values([Values] Numbers numbers) => Rectified(numbers, (s, batch, x, ldx, dy, lddy, dx) =>
        Pool2D.MaxBackwardAndRectifier(in s, batch, x, dy, lddy, dx, ldx), Assert.Fail);

    [Test]
    public void Control_a_rectifier_that_passes_all_gradients_is_caught()
    {
        int failures = 0;
        Rectified(Numbers.Edges, (s, batch, x, ldx, dy, lddy, dx) => Pool2D.MaxBackward(in s, batch, x, dy, lddy, dx, ldx, false), _ => failures++);
        Assert.That(failures, Is.Positive);
    }

    [Test]
    public void Gradients_of_means([Values] Numbers numbers, [Values] bool accumulate, [Values] bool countPadding) =>
        CheckBackward(
            numbers,
            (s, batch, x, ldx, dy, lddy) =>
                (
                    d => Twin.Pool2D.AverageBackward<float>(in s, countPadding, batch, dy, lddy, d.AsSpan(3), ldx, accumulate),
                    d => Pool2D.AverageBackward(in s, countPadding, batch, dy, lddy, d.AsSpan(3), ldx, accumulate)));

    [Test]
    public void Of_equal_values_the_first_gets_the_gradient_and_a_NaN_wins_only_where_it_is_first()
    {
        PoolSizes s = new(1, 2, 6, 2, 2, 2, 2, 0, 0);
        float[] x = [-0f, 0f, float.NaN, 5f, 1f, float.NaN, 0f, -0f, 7f, 6f, 3f, 2f];
        float[] y = new float[3], dx = new float[12];
        Pool2D.MaxForward(in s, 1, x, 12, y, 3);
        Bits.AssertEqual(y, [-0f, float.NaN, 3f], "maxima");
        Pool2D.MaxBackward(in s, 1, x, [1f, 2f, 4f], 3, dx, 12, accumulate: false);
        Bits.AssertEqual(dx, [1f, 0f, 2f, 0f, 0f, 0f, 0f, 0f, 0f, 0f, 4f, 0f], "gradients");
    }

    [Test]
    public void Padding_is_no_value()
    {
        PoolSizes s = new(1, 1, 3, 1, 3, 1, 1, 0, 1);
        float[] y = new float[3];
        Pool2D.MaxForward(in s, 1, [-3f, -2f, -4f], 3, y, 3);
        Assert.That(y, Is.EqualTo(new[] { -2f, -2f, -2f }));
        Pool2D.AverageForward(in s, false, 1, [2f, 4f, 6f], 3, y, 3);
        Assert.That(y, Is.EqualTo(new[] { 3f, 4f, 5f }));
        Pool2D.AverageForward(in s, true, 1, [2f, 4f, 6f], 3, y, 3);
        Assert.That(y, Is.EqualTo(new[] { 2f, 4f, 10f / 3f }));
    }

    [Test]
    public void Control_a_maximum_that_takes_rows_first_is_caught()
    {
        // The maximum of the columns' maxima is the same number, but not where there is a NaN.
        PoolSizes s = new(1, 2, 2, 2, 2, 2, 2, 0, 0);
        float[] x = [1f, float.NaN, 0f, 5f];
        static float Select(float x, float m) => x > m ? x : m;
        string? difference = KernelCheck.Difference(
            new float[1], d => Twin.Pool2D.MaxForward<float>(in s, 1, x, 4, d, 1), d => d[0] = Select(Select(x[3], x[1]), Select(x[2], x[0])));
        Assert.That(difference, Is.Not.Null);
    }

    [Test]
    public void Threads_change_nothing()
    {
        PoolSizes s = new(3, 9, 17, 2, 2, 2, 2, 0, 0);
        float[] x = Samples.Array(7 * 500, 1), dy = Samples.Array(7 * 100, 2);
        using WorkerPool pool = new(2) { MinimumWork = 1 };
        using WorkerPool.Loan loan = WorkerPool.Lend(pool);
        KernelCheck.Same(
            "forward", new float[700], d => Twin.Pool2D.MaxForward<float>(in s, 7, x, 500, d, 100), d => Pool2D.MaxForward(in s, 7, x, 500, d, 100));
        KernelCheck.Same(
            "backward", new float[3500], d => Twin.Pool2D.MaxBackward<float>(in s, 7, x, dy, 100, d, 500, false),
            d => Pool2D.MaxBackward(in s, 7, x, dy, 100, d, 500, false));
    }

    private delegate (Action<float[]> Loop, Action<float[]> Kernel) Pair(PoolSizes s, int batch, float[] x, int ldx, int y, int ldy);

    private delegate (Action<float[]> Loop, Action<float[]> Kernel) BackwardPair(PoolSizes s, int batch, float[] x, int ldx, float[] dy, int lddy);

    private delegate void Backward(PoolSizes s, int batch, float[] x, int ldx, float[] dy, int lddy, float[] dx);

    /// <summary>The gradients of maxima, times 1 where the value is positive and 0 elsewhere.</summary>
    private static void Rectified(Numbers numbers, Backward kernel, Action<string> fail)
    {
        int seed = 0;
        foreach (PoolSizes s in Sizes().Where(s => s.IsPairs))
        {
            int batch = 1 + (seed++ % 3), ldx = s.InputLength, lddy = s.OutputLength + (seed % 4);
            float[] x = [.. Samples.Array(batch * ldx, seed, numbers).Select(x => x > 0 ? x : 0)];
            float[] dy = Samples.Array(batch * lddy, seed + 1000, numbers);
            string? difference = KernelCheck.Difference(
                Samples.Array(batch * ldx, seed),
                d =>
                {
                    Twin.Pool2D.MaxBackward<float>(in s, batch, x, dy, lddy, d, ldx, false);
                    for (int i = 0; i < d.Length; i++)
                    {
                        d[i] *= x[i] > 0 ? 1f : 0f;
                    }
                },
                d => kernel(s, batch, x, ldx, dy, lddy, d));
            if (difference is not null)
            {
                fail($"{s} batch {batch} {numbers}: {difference}");
            }
        }
    }

    private static void Check(Numbers numbers, Pair make)
    {
        int seed = 0;
        foreach (PoolSizes s in Sizes())
        {
            int batch = 1 + (seed++ % 3), ldx = s.InputLength + (seed % 5), ldy = s.OutputLength + (seed % 4), offset = seed % 3;
            float[] x = Samples.Array(((batch - 1) * ldx) + s.InputLength, seed, numbers);
            (Action<float[]> loop, Action<float[]> kernel) = make(s, batch, x, ldx, offset, ldy);
            KernelCheck.Same($"{s} batch {batch} {numbers}", Samples.Array(offset + (batch * ldy) + 5, seed), loop, kernel);
        }
    }

    private static void CheckBackward(Numbers numbers, BackwardPair make)
    {
        int seed = 0;
        foreach (PoolSizes s in Sizes())
        {
            int batch = 1 + (seed++ % 3), ldx = s.InputLength + (seed % 5), lddy = s.OutputLength + (seed % 4);
            float[] x = Samples.Array(((batch - 1) * ldx) + s.InputLength, seed, numbers);
            float[] dy = Samples.Array(((batch - 1) * lddy) + s.OutputLength, seed + 1000, numbers);
            (Action<float[]> loop, Action<float[]> kernel) = make(s, batch, x, ldx, dy, lddy);
            KernelCheck.Same($"{s} batch {batch} {numbers}", Samples.Array(3 + (batch * ldx) + 5, seed), loop, kernel);
        }
    }
}
