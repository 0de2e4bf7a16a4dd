using EmbeddedBackprop.Kernels.Random;
using EmbeddedBackprop.Kernels.Threads;
using Twin = EmbeddedBackprop.Kernels.Scalar;

namespace EmbeddedBackprop.Tests.Kernels;

/// <summary>Dropout draws the same mask at every width and on every thread, the one that is written down.</summary>
internal sealed class DropoutMaskTests
{
    [Test]
    public void Bits_of_the_loop([Values] Numbers numbers, [Values] bool accumulate)
    {
        for (int n = 1; n <= 100; n++)
        {
            int batch = 1 + (n % 3), stride = n + (n % 4);
            float[] x = Samples.Array(((batch - 1) * stride) + n, n, numbers);
            DropoutDraw draw = new(0x123456789ABCDEFul, 7 + n, n % 5, n % 9, n % 7 == 0 ? 0f : 0.01f * (n % 99));
            KernelCheck.Same(
                $"{batch} x {n} {numbers}", Samples.Array((batch * stride) + 5, n + 1),
                d => Twin.DropoutMask.Apply<float>(in draw, batch, n, stride, x, d, accumulate),
                d => DropoutMask.Apply(in draw, batch, n, stride, x, d, accumulate));
        }
    }

    // Drawn by hand from the definition: seed 42, step 3, op 1, samples 5 and 6, p = 0.5.
    [Test]
    public void The_mask_is_the_one_that_is_written_down()
    {
        float[] y = new float[16];
        DropoutMask.Apply(new DropoutDraw(42, 3, 1, 5, 0.5f), 2, 8, 8, Enumerable.Repeat(1f, 16).ToArray(), y, accumulate: false);
        string kept = string.Concat(y.Select(value => value == 0f ? '.' : value == 2f ? 'x' : '?'));
        System.Text.StringBuilder expected = new();
        for (uint sample = 5; sample <= 6; sample++)
        {
            for (uint quad = 0; quad < 2; quad++)
            {
                CounterRandom.Philox(quad, sample, 3, 3 + 256, 42, 0, out uint x0, out uint x1, out uint x2, out uint x3);
                foreach (uint word in (uint[])[x0, x1, x2, x3])
                {
                    expected.Append(word >> 31 == 1 ? 'x' : '.');
                }
            }
        }

        Assert.That(kept, Is.EqualTo(expected.ToString()));
        Assert.That(kept, Is.EqualTo(Written));
    }

    [Test]
    public void A_draw_that_equals_the_threshold_is_kept()
    {
        const int Columns = 70;
        float[] x = [.. Enumerable.Repeat(1f, Columns)];
        for (int e = 0; e < Columns; e++)
        {
            CounterRandom.Philox((uint)e / 4, 5, 3, 3 + 256, 42, 0, out uint x0, out uint x1, out uint x2, out uint x3);
            float share = (((uint[])[x0, x1, x2, x3])[e % 4] >> 8) / (float)(1 << 24);
            Widths.ForEach(width =>
            {
                float[] y = new float[Columns];
                DropoutMask.Apply(new DropoutDraw(42, 3, 1, 5, share), 1, Columns, Columns, x, y, accumulate: false);
                Assert.That(y[e], Is.Not.Zero, $"element {e}, width {width}");
                DropoutMask.Apply(new DropoutDraw(42, 3, 1, 5, MathF.BitIncrement(share)), 1, Columns, Columns, x, y, accumulate: false);
                Assert.That(y[e], Is.Zero, $"the control: element {e}, width {width}");
            });
        }
    }

    [Test]
    public void The_share_that_is_dropped_is_the_probability([Values(0f, 0.1f, 0.5f, 0.9f)] float probability)
    {
        float[] x = Enumerable.Repeat(1f, 40_000).ToArray(), y = new float[40_000];
        DropoutMask.Apply(new DropoutDraw(1, 0, 0, 0, probability), 4, 10_000, 10_000, x, y, accumulate: false);
        Assert.That(y.Count(value => value == 0f) / 40_000.0, Is.EqualTo(probability).Within(0.01));
        Assert.That(y.Average(), Is.EqualTo(1).Within(0.05));
    }

    [Test]
    public void Threads_and_parts_of_a_batch_change_nothing()
    {
        float[] x = Samples.Array(600, 1), whole = new float[600], parts = new float[600];
        DropoutMask.Apply(new DropoutDraw(9, 2, 4, 0, 0.3f), 6, 100, 100, x, whole, accumulate: false);
        DropoutMask.Apply(new DropoutDraw(9, 2, 4, 0, 0.3f), 2, 100, 100, x, parts, accumulate: false);
        DropoutMask.Apply(new DropoutDraw(9, 2, 4, 2, 0.3f), 4, 100, 100, x.AsSpan(200), parts.AsSpan(200), accumulate: false);
        Bits.AssertEqual(parts, whole, "two parts");
        using WorkerPool pool = new(2) { MinimumWork = 1 };
        using WorkerPool.Loan loan = WorkerPool.Lend(pool);
        KernelCheck.Same(
            "two threads",
            new float[600],
            d => whole.CopyTo(d, 0),
            d => DropoutMask.Apply(new DropoutDraw(9, 2, 4, 0, 0.3f), 6, 100, 100, x, d, accumulate: false));
    }

    [Test]
    public void In_place()
    {
        float[] x = Samples.Array(210, 1);
        DropoutDraw draw = new(1, 2, 3, 4, 0.4f);
        KernelCheck.Same(
            "in place", x, d => Twin.DropoutMask.Apply<float>(in draw, 2, 100, 105, x, d, accumulate: false),
            d => DropoutMask.Apply(in draw, 2, 100, 105, d, d, accumulate: false));
    }

    [Test]
    public void A_span_that_is_too_short_is_told()
    {
        DropoutDraw draw = new(1, 2, 3, 4, 0.4f);
        Assert.That(() => DropoutMask.Apply(in draw, 2, 3, 4, new float[7], new float[7], false), Throws.Nothing);
        Assert.That(
            () => DropoutMask.Apply(in draw, 2, 3, 4, new float[6], new float[7], false), Throws.ArgumentException.With.Message.Contains("x [2, 3]"));
        Assert.That(
            () => DropoutMask.Apply(in draw, 2, 3, 4, new float[7], new float[6], false), Throws.ArgumentException.With.Message.Contains("y [2, 3]"));
        float[] shifted = new float[8];
        Assert.That(() => DropoutMask.Apply(in draw, 2, 3, 4, shifted.AsSpan(0, 7), shifted.AsSpan(1, 7), false), Throws.ArgumentException);
    }

    [TestCase(43ul, 3, 1, 5)]
    [TestCase(42ul, 4, 1, 5)]
    [TestCase(42ul, 3, 2, 5)]
    [TestCase(42ul, 3, 1, 6)]
    public void Control_another_seed_step_op_or_sample_draws_another_mask(ulong seed, long step, int op, int sample)
    {
        float[] x = Enumerable.Repeat(1f, 64).ToArray(), one = new float[64], other = new float[64];
        DropoutMask.Apply(new DropoutDraw(42, 3, 1, 5, 0.5f), 1, 64, 64, x, one, accumulate: false);
        DropoutMask.Apply(new DropoutDraw(seed, step, op, sample, 0.5f), 1, 64, 64, x, other, accumulate: false);
        Assert.That(other, Is.Not.EqualTo(one));
    }

    private const string Written = "x...x...xxx....x";
}
