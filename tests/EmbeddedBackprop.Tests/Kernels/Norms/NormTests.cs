using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Kernels.Norms;
using EmbeddedBackprop.Kernels.Threads;
using Twin = EmbeddedBackprop.Kernels.Scalar;

namespace EmbeddedBackprop.Tests.Kernels;

/// <summary>Batch and layer normalisation give the bits of their loops, whatever the sizes, and touch nothing else.</summary>
internal sealed class NormTests
{
    private static IEnumerable<(int Batch, int Channels, int Length)> Sizes()
    {
        for (int length = 1; length <= 40; length++)
        {
            yield return (1 + (length % 4), 1 + (length % 3), length);
        }

        for (int channels = 1; channels <= 40; channels++)
        {
            yield return (1 + (channels % 5), channels, 1);
        }

        yield return (9, 6, 1);
        yield return (5, 4, 30);
        yield return (3, 2, 576);
    }

    [Test]
    public void Channels([Values] Arithmetic arithmetic, [Values] Numbers numbers)
    {
        foreach ((int batch, int channels, int length) in Sizes())
        {
            int n = channels * length, ldx = n + (n % 3), seed = (batch * 1000) + n;
            float[] x = Samples.Array(((batch - 1) * ldx) + n, seed, numbers), dy = Samples.Array(((batch - 1) * ldx) + n, seed + 1, numbers);
            float[] means = Samples.Array(channels, seed + 2), inverses = [.. Samples.Array(channels, seed + 3).Select(Math.Abs)];
            float[] gammas = Samples.Array(channels, seed + 4), betas = Samples.Array(channels, seed + 5);
            float[] first = Samples.Array(channels, seed + 6), second = Samples.Array(channels, seed + 7);
            float[] before = Samples.Array((batch * ldx) + 9, seed + 8), twoEach = Samples.Array((2 * channels) + 5, seed + 9);
            string what = $"{batch} x {channels} x {length} {numbers} {arithmetic}";
            KernelCheck.Same(
                "moments " + what, twoEach,
                d => Twin.ChannelNorm.Moments<float>(arithmetic, batch, channels, length, x, ldx, d.AsSpan(0, channels), d.AsSpan(channels)),
                d => ChannelNorm.Moments(arithmetic, batch, channels, length, x, ldx, d.AsSpan(0, channels), d.AsSpan(channels)));
            KernelCheck.Same(
                "normalize " + what, before,
                d => Twin.ChannelNorm.Normalize<float>(arithmetic, batch, channels, length, x, ldx, means, inverses, gammas, betas, d.AsSpan(2), ldx),
                d => ChannelNorm.Normalize(arithmetic, batch, channels, length, x, ldx, means, inverses, gammas, betas, d.AsSpan(2), ldx));
            KernelCheck.Same(
                "sums " + what,
                twoEach,
                d =>
                    Twin.ChannelNorm.Sums<float>(
                        arithmetic,
                        batch,
                        channels,
                        length,
                        x,
                        ldx,
                        means,
                        inverses,
                        dy,
                        ldx,
                        d.AsSpan(0, channels),
                        d.AsSpan(channels)),
                d =>
                    ChannelNorm.Sums(arithmetic, batch, channels, length, x, ldx, means, inverses, dy, ldx, d.AsSpan(0, channels), d.AsSpan(channels))
            );
            foreach (bool accumulate in (bool[])[false, true])
            {
                KernelCheck.Same(
                    "backward " + what, before,
                    d => Twin.ChannelNorm.Backward<float>(
                        arithmetic, batch, channels, length, x, ldx, means, inverses, gammas, dy, ldx, first, second, d.AsSpan(1), accumulate),
                    d => ChannelNorm.Backward(
                        arithmetic, batch, channels, length, x, ldx, means, inverses, gammas, dy, ldx, first, second, d.AsSpan(1), accumulate));
            }
        }
    }

    [Test]
    public void Rows([Values] Arithmetic arithmetic, [Values] Numbers numbers)
    {
        for (int n = 1; n <= 70; n++)
        {
            int batch = 1 + (n % 3),
                rows = 1 + (n % 4),
                ldx = (rows * n) + (n % 5),
                all = batch * rows;
            float[] x = Samples.Array(((batch - 1) * ldx) + (rows * n), n, numbers),
                dy = Samples.Array(((batch - 1) * ldx) + (rows * n), n + 100, numbers);
            float[] gamma = Samples.Array(n, n + 200),
                beta = Samples.Array(n, n + 300);
            float[] means = Samples.Array(all, n + 400),
                inverses = [.. Samples.Array(all, n + 500).Select(Math.Abs)];
            string what = $"{batch} x {rows} x {n} {numbers} {arithmetic}";
            KernelCheck.Same(
                "forward " + what,
                Samples.Array((batch * ldx) + (2 * all) + 5, n + 600),
                d =>
                    Twin.RowNorm.Forward<float>(
                        arithmetic,
                        batch,
                        rows,
                        n,
                        x,
                        ldx,
                        gamma,
                        beta,
                        1e-5f,
                        d.AsSpan(2 * all),
                        ldx,
                        d.AsSpan(0, all),
                        d.AsSpan(all, all)),
                d =>
                    RowNorm.Forward(
                        arithmetic,
                        batch,
                        rows,
                        n,
                        x,
                        ldx,
                        gamma,
                        beta,
                        1e-5f,
                        d.AsSpan(2 * all),
                        ldx,
                        d.AsSpan(0, all),
                        d.AsSpan(all, all)));
            foreach (bool accumulate in (bool[])[false, true])
            {
                KernelCheck.Same(
                    "backward " + what,
                    Samples.Array((batch * ldx) + (2 * n) + 5, n + 700),
                    d =>
                        Twin.RowNorm.Backward<float>(
                            arithmetic,
                            batch,
                            rows,
                            n,
                            x,
                            ldx,
                            gamma,
                            means,
                            inverses,
                            dy,
                            ldx,
                            d.AsSpan(0, n),
                            d.AsSpan(n, n),
                            d.AsSpan(2 * n),
                            accumulate),
                    d =>
                        RowNorm.Backward(
                            arithmetic,
                            batch,
                            rows,
                            n,
                            x,
                            ldx,
                            gamma,
                            means,
                            inverses,
                            dy,
                            ldx,
                            d.AsSpan(0, n),
                            d.AsSpan(n, n),
                            d.AsSpan(2 * n),
                            accumulate));
            }
        }
    }

    [Test]
    public void In_place()
    {
        float[] x = Samples.Array(3 * 37, 1), gamma = Samples.Array(37, 2), beta = Samples.Array(37, 3), one = [1f, 2f, 3f];
        KernelCheck.Same(
            "rows", x, d => Twin.RowNorm.Forward<float>(Arithmetic.Fused, 3, 1, 37, x, 37, gamma, beta, 1e-5f, d, 37, [], []),
            d => RowNorm.Forward(Arithmetic.Fused, 3, 1, 37, d, 37, gamma, beta, 1e-5f, d, 37, [], []));
        KernelCheck.Same(
            "channels", x, d => Twin.ChannelNorm.Normalize<float>(Arithmetic.Fused, 1, 3, 37, x, 111, one, one, one, one, d, 111),
            d => ChannelNorm.Normalize(Arithmetic.Fused, 1, 3, 37, d, 111, one, one, one, one, d, 111));
    }

    [Test]
    public void Threads_change_nothing()
    {
        float[] x = Samples.Array(4 * 150, 1), dy = Samples.Array(4 * 150, 2), each = [.. Samples.Array(5, 3).Select(Math.Abs)];
        using WorkerPool pool = new(2) { MinimumWork = 1 };
        using WorkerPool.Loan loan = WorkerPool.Lend(pool);
        KernelCheck.Same(
            "moments", new float[10], d => Twin.ChannelNorm.Moments<float>(Arithmetic.Fused, 4, 5, 30, x, 150, d.AsSpan(0, 5), d.AsSpan(5)),
            d => ChannelNorm.Moments(Arithmetic.Fused, 4, 5, 30, x, 150, d.AsSpan(0, 5), d.AsSpan(5)));
        KernelCheck.Same(
            "features", new float[300], d => Twin.ChannelNorm.Moments<float>(Arithmetic.Fused, 4, 150, 1, x, 150, d.AsSpan(0, 150), d.AsSpan(150)),
            d => ChannelNorm.Moments(Arithmetic.Fused, 4, 150, 1, x, 150, d.AsSpan(0, 150), d.AsSpan(150)));
        KernelCheck.Same(
            "backward",
            new float[600],
            d => Twin.ChannelNorm.Backward<float>(Arithmetic.Fused, 4, 5, 30, x, 150, each, each, each, dy, 150, each, each, d, false),
            d => ChannelNorm.Backward(Arithmetic.Fused, 4, 5, 30, x, 150, each, each, each, dy, 150, each, each, d, false));
        KernelCheck.Same(
            "rows", new float[600], d => Twin.RowNorm.Forward<float>(Arithmetic.Fused, 4, 5, 30, x, 150, dy, dy, 1e-5f, d, 150, [], []),
            d => RowNorm.Forward(Arithmetic.Fused, 4, 5, 30, x, 150, dy, dy, 1e-5f, d, 150, [], []));
    }

    /// <summary>Backwards, columns and samples are shared out: of gamma and beta the chains over all rows stay whole.</summary>
    [Test]
    public void Threads_change_no_gradient_of_rows([Values(1, 15, 16, 17, 50)] int n, [Values] bool accumulate, [Values] bool wantsInputs)
    {
        const int Batch = 4, Rows = 3;
        int all = Batch * Rows, ldx = (Rows * n) + 5, length = ((Batch - 1) * ldx) + (Rows * n);
        float[] x = Samples.Array(length, 1), dy = Samples.Array(length, 2), gamma = Samples.Array(n, 3);
        float[] means = Samples.Array(all, 4), inverses = [.. Samples.Array(all, 5).Select(Math.Abs)];
        using WorkerPool pool = new(2) { MinimumWork = 1 };
        using WorkerPool.Loan loan = WorkerPool.Lend(pool);
        KernelCheck.Same(
            $"rows of {n}",
            Samples.Array((2 * n) + length, 6),
            d => Twin.RowNorm.Backward<float>(
                Arithmetic.Fused, Batch, Rows, n, x, ldx, gamma, means, inverses, dy, ldx, d.AsSpan(0, n), d.AsSpan(n, n),
                wantsInputs ? d.AsSpan(2 * n) : [], accumulate),
            d => RowNorm.Backward(
                Arithmetic.Fused, Batch, Rows, n, x, ldx, gamma, means, inverses, dy, ldx, d.AsSpan(0, n), d.AsSpan(n, n),
                wantsInputs ? d.AsSpan(2 * n) : [], accumulate));
    }

    [TestCase("", "")]
    [TestCase("x", "x [2, 6]")]
    [TestCase("y", "y [2, 6]")]
    [TestCase("gamma", "gamma: expected 3 floats, got 2")]
    [TestCase("beta", "beta: expected 3 floats, got 2")]
    [TestCase("means", "means: expected 4 floats, got 3")]
    [TestCase("inverses", "inverses: expected 4 floats, got 3")]
    public void A_span_of_rows_that_is_too_short_is_told(string shortOne, string message)
    {
        void Run() => RowNorm.Forward(
            Arithmetic.Fused, 2, 2, 3, Span("x", 12), 6, Span("gamma", 3), Span("beta", 3), 1e-5f, Span("y", 12), 6, Span("means", 4),
            Span("inverses", 4));
        Assert.That(Run, message.Length == 0 ? Throws.Nothing : Throws.ArgumentException.With.Message.Contains(message));

        float[] Span(string name, int enough) => new float[name == shortOne ? enough - 1 : enough];
    }

    [TestCase("", "")]
    [TestCase("x", "x [2, 6]")]
    [TestCase("dy", "dy [2, 6]")]
    [TestCase("dx", "dx [2, 6]")]
    [TestCase("gamma", "gamma: expected 3 floats, got 2")]
    [TestCase("means", "means: expected 4 floats, got 3")]
    [TestCase("inverses", "inverses: expected 4 floats, got 3")]
    [TestCase("dgamma", "dgamma: expected 3 floats, got 2")]
    [TestCase("dbeta", "dbeta: expected 3 floats, got 2")]
    public void A_span_of_gradients_that_is_too_short_is_told(string shortOne, string message)
    {
        void Run() => RowNorm.Backward(
            Arithmetic.Fused, 2, 2, 3, Span("x", 12), 6, Span("gamma", 3), Span("means", 4), Span("inverses", 4), Span("dy", 12), 6,
            Span("dgamma", 3), Span("dbeta", 3), Span("dx", 12), accumulate: false);
        Assert.That(Run, message.Length == 0 ? Throws.Nothing : Throws.ArgumentException.With.Message.Contains(message));

        float[] Span(string name, int enough) => new float[name == shortOne ? enough - 1 : enough];
    }

    [Test]
    public void Control_a_mean_in_plain_order_is_caught()
    {
        float[] x = Samples.Array(40, 3);
        string? difference = KernelCheck.Difference(
            new float[2], d => Twin.ChannelNorm.Moments<float>(Arithmetic.Fused, 1, 1, 40, x, 40, d.AsSpan(0, 1), d.AsSpan(1)),
            d =>
            {
                ChannelNorm.Moments(Arithmetic.Fused, 1, 1, 40, x, 40, d.AsSpan(0, 1), d.AsSpan(1));
                d[0] = x.Aggregate((sum, term) => sum + term) / 40;
            });
        Assert.That(difference, Is.Not.Null);
    }
}
