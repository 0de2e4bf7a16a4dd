using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Kernels.Norms;
using EmbeddedBackprop.Kernels.Threads;
using Twin = EmbeddedBackprop.Kernels.Scalar;

namespace EmbeddedBackprop.Tests.Kernels;

/// <summary>Convolutions and their gradients give the bits of their loops at every size, stride, padding, dilation, width and start.</summary>
[TestFixture]
[Parallelizable(ParallelScope.Self)]
internal sealed class ConvTests
{
    public enum Operation
    {
        Forward,
        WeightGradient,
        Update,
        InputGradient,
    }

    private delegate void Kernel(Operation operation, Arithmetic arithmetic, in ConvSizes sizes, int batch, ConvCase c);

    [TestCaseSource(typeof(ConvExamples), nameof(ConvExamples.Chosen))]
    [TestCaseSource(typeof(ConvExamples), nameof(ConvExamples.Extreme))]
    public void Bits_of_the_loop(ConvSizes sizes) => Check(sizes, 2, 1);

    [TestCase(3, 3, int.MaxValue, 1, 0, "does not fit")]
    [TestCase(3, 3, 1 << 30, 1, 1 << 30, "too large")]
    [TestCase(1, 1, 1, int.MaxValue, int.MaxValue, "too large")]
    [TestCase(40000, 40000, 1, 1, 20000, "too large")]
    public void Sizes_beyond_an_int_are_refused(int height, int width, int dilation, int stride, int padding, string message)
    {
        ConvSizes sizes = new(2, 28, 28, 2, height, width)
        {
            DilationY = dilation, DilationX = dilation, StrideX = stride, StrideY = stride,
            Top = padding, Bottom = padding, Left = padding, Right = padding,
        };
        Assert.That(() => sizes.Require("conv"), Throws.ArgumentException.With.Message.Contains(message));
    }

    [Test]
    public void Bits_of_the_loop_at_random_sizes()
    {
        Random random = new(5);
        for (int i = 0; i < 120; i++)
        {
            Check(Draw(random), random.Next(1, 4), i + 10);
        }
    }

    [Test]
    [Category("Exhaustive")]
    public void Bits_of_the_loop_at_many_random_sizes()
    {
        Effort.RequireLong("20,000 random sizes: minutes");
        Random random = new(6);
        for (int i = 0; i < 20000; i++)
        {
            Check(Draw(random), random.Next(1, 5), i + 1000);
        }
    }

    // Four planted bugs, each of a plausible fast kernel.
    [Test]
    public void Control_padding_that_is_multiplied_is_caught()
    {
        static void Multiplied(Operation operation, Arithmetic arithmetic, in ConvSizes sizes, int batch, ConvCase c)
        {
            ConvSizes inner = sizes with { Top = 0, Bottom = 0, Left = 0, Right = 0, Height = sizes.Height + 2, Width = sizes.Width + 2 };
            float[] padded = new float[batch * inner.InputLength];
            for (int i = 0; i < batch * sizes.InputLength; i++)
            {
                int x = i % sizes.Width,
                    y = i / sizes.Width % sizes.Height,
                    plane = i / sizes.Width / sizes.Height;
                padded[(((plane * inner.Height) + y + 1) * inner.Width) + x + 1] = c.Image[
                    (i / sizes.InputLength * c.LeadingImage) + (i % sizes.InputLength)
                ];
            }

            Conv.Forward(arithmetic, inner, batch, padded, inner.InputLength, c.Kernels, c.Bias, c.Maps, c.LeadingMaps);
        }

        ConvSizes sizes = new(2, 6, 6, 3, 3, 3)
        {
            Top = 1,
            Bottom = 1,
            Left = 1,
            Right = 1,
        };
        Assert.That(
            Enumerable
                .Range(0, 20)
                .Any(seed => Difference(Multiplied, Operation.Forward, Arithmetic.Fused, sizes, 1, seed, Numbers.NonFinite) != null));
    }

    [Test]
    public void Control_another_order_of_the_channels_is_caught([Values(Operation.Forward, Operation.InputGradient)] Operation operation)
    {
        static void Reversed(Operation operation, Arithmetic arithmetic, in ConvSizes sizes, int batch, ConvCase c)
        {
            int kernel = sizes.KernelHeight * sizes.KernelWidth, height = sizes.Height * sizes.Width, positions = sizes.OutputPositions;
            ConvCase r = c.Clone();
            for (int i = 0; i < c.Kernels.Length; i++)
            {
                int tap = i % kernel, channel = i / kernel % sizes.Channels, output = i / sizes.Taps;
                int other = operation == Operation.Forward
                    ? (((output * sizes.Channels) + sizes.Channels - 1 - channel) * kernel) + tap
                    : ((((sizes.Outputs - 1 - output) * sizes.Channels) + channel) * kernel) + tap;
                r.Kernels[i] = c.Kernels[other];
            }

            (float[] from, float[] to, int channels, int length) = operation == Operation.Forward
                ? (c.Image, r.Image, sizes.Channels, height) : (c.Maps, r.Maps, sizes.Outputs, positions);
            for (int i = 0; i < channels * length; i++)
            {
                to[i] = from[((channels - 1 - (i / length)) * length) + (i % length)];
            }

            ConvOperations.Fast(operation, arithmetic, in sizes, batch, r);
            c.TakeResults(operation, r);
        }

        Assert.That(Difference(Reversed, operation, Arithmetic.Fused, new(3, 6, 6, 4, 3, 3), 1, 3, Numbers.Edges), Is.Not.Null);
    }

    [Test]
    public void Control_samples_summed_apart_are_caught()
    {
        static void Apart(Operation operation, Arithmetic arithmetic, in ConvSizes sizes, int batch, ConvCase c)
        {
            ConvCase second = c.Clone();
            Conv.WeightGradient(arithmetic, in sizes, 1, c.Image, c.LeadingImage, c.Maps, c.LeadingMaps, c.Kernels, c.Bias);
            Conv.WeightGradient(
                arithmetic,
                in sizes,
                1,
                c.Image.AsSpan(c.LeadingImage),
                c.LeadingImage,
                c.Maps.AsSpan(c.LeadingMaps),
                c.LeadingMaps,
                second.Kernels,
                second.Bias);
            Elementwise.Add(c.Kernels, second.Kernels, c.Kernels);
            Elementwise.Add(c.Bias, second.Bias, c.Bias);
        }

        Assert.That(Difference(Apart, Operation.WeightGradient, Arithmetic.Fused, new(2, 6, 6, 3, 3, 3), 2, 3, Numbers.Edges), Is.Not.Null);
    }

    [Test]
    public void Control_the_other_arithmetic_is_caught([Values] Operation operation)
    {
        static void Other(Operation operation, Arithmetic arithmetic, in ConvSizes sizes, int batch, ConvCase c) =>
            ConvOperations.Fast(operation, 1 - arithmetic, in sizes, batch, c);

        foreach (Arithmetic arithmetic in Widths.Arithmetics)
        {
            Assert.That(Difference(Other, operation, arithmetic, new(2, 6, 6, 3, 3, 3), 2, 3, Numbers.Edges), Is.Not.Null);
        }
    }

    /// <summary>After a maximum and a rectifier most gradients are 0: their terms are left out, unless that could be seen.</summary>
    [Test]
    public void Zeros_in_delta_change_no_bit([Values] Numbers numbers, [Values] Arithmetic arithmetic, [Values(0f, -0f)] float zero)
    {
        int seed = 1;
        foreach (ConvSizes sizes in ConvExamples.Chosen)
        {
            foreach (bool accumulate in (ReadOnlySpan<bool>)[false, true])
            {
                ConvCase before = new(sizes, 2, seed++, numbers, 0) { Accumulate = accumulate };
                for (int i = 0; i < before.Maps.Length; i++)
                {
                    before.Maps[i] = (i * 2654435761L >> 7) % 8 == 0 ? before.Maps[i] : zero;
                }

                foreach (Operation operation in (ReadOnlySpan<Operation>)[Operation.WeightGradient, Operation.InputGradient])
                {
                    ConvCase expected = before.Clone();
                    ConvOperations.Loop(operation, arithmetic, in sizes, 2, expected);
                    Widths.ForEach(width =>
                    {
                        ConvCase actual = before.Clone();
                        ConvOperations.Fast(operation, arithmetic, in sizes, 2, actual);
                        Assert.That(
                            actual.DifferenceTo(expected), Is.Null, $"{operation} {numbers} {arithmetic} {zero} {accumulate} width {width} {sizes}");
                    });
                }
            }
        }
    }

    /// <summary>
    /// A forward pass multiplies padding by zero where that cannot be seen: pictures that are mostly background, sums that begin with +0 and -0.
    /// </summary>
    [Test]
    public void Padding_around_background_changes_no_bit([Values] Numbers numbers, [Values] Arithmetic arithmetic, [Values(0f, -0f)] float zero)
    {
        int seed = 1;
        foreach (ConvSizes sizes in ConvExamples.Chosen)
        {
            ConvCase before = new(sizes, 2, seed++, numbers, 0);
            for (int i = 0; i < before.Image.Length; i++)
            {
                before.Image[i] = (i * 2654435761L >> 7) % 16 == 0 ? before.Image[i] : zero;
            }

            for (int i = 0; i < before.Bias.Length; i++)
            {
                before.Bias[i] = (i % 3) switch { 0 => 0f, 1 => -0f, _ => before.Bias[i] };
            }

            ConvCase expected = before.Clone();
            ConvOperations.Loop(Operation.Forward, arithmetic, in sizes, 2, expected);
            Widths.ForEach(width =>
            {
                ConvCase actual = before.Clone();
                ConvOperations.Fast(Operation.Forward, arithmetic, in sizes, 2, actual);
                Assert.That(actual.DifferenceTo(expected), Is.Null, $"{numbers} {arithmetic} {zero} width {width} {sizes}");
            });
        }
    }

    [Test]
    public void Control_padding_multiplied_behind_minus_zero_is_seen()
    {
        // w * x underflows to -0 at the left tap, and the right tap, outside, would make it +0; so would a bias of -0 alone.
        ConvSizes sizes = new(1, 1, 2, 2, 1, 2) { Right = 1 };
        float[] x = [0f, 1e-30f], w = [-1e-30f, 1f, 1f, 1f], y = new float[4], twin = new float[4], bias = [0f, -0f];
        Conv.Forward(Arithmetic.Fused, sizes, 1, x, 2, w, bias, y, 4);
        Twin.Conv.Forward<float>(Arithmetic.Fused, sizes, 1, x, 2, w, bias, twin, 4);
        Bits.AssertEqual(y, twin, "y");
        Assert.That(BitConverter.SingleToInt32Bits(twin[1]), Is.EqualTo(int.MinValue));
    }

    [Test]
    public void Control_a_term_left_out_of_a_chain_at_minus_zero_is_seen()
    {
        // delta * x underflows to -0, and the next term, +0 * 1, makes it +0.
        ConvSizes sizes = new(1, 1, 8, 1, 1, 1);
        float[] x = [1e-30f, 1f, 1f, 1f, 1f, 1f, 1f, 1f], delta = [-1e-30f, 0f, 0f, 0f, 0f, 0f, 0f, 0f], dw = [5f], twin = [5f];
        Conv.WeightGradient(Arithmetic.Fused, sizes, 1, x, 8, delta, 8, dw, []);
        Twin.Conv.WeightGradient<float>(Arithmetic.Fused, sizes, 1, x, 8, delta, 8, twin, []);
        Bits.AssertEqual(dw, twin, "dw");
        Bits.AssertEqual(twin, [0f], "twin");
        Assert.That(BitConverter.SingleToInt32Bits(float.FusedMultiplyAdd(-1e-30f, 1e-30f, 0f)), Is.EqualTo(int.MinValue));
    }

    [Test]
    public void Threads_share_results_out_and_give_the_same_bits()
    {
        foreach (int threads in (ReadOnlySpan<int>)[2, 3])
        {
            using WorkerPool pool = new(threads) { MinimumWork = 1 };
            using WorkerPool.Loan loan = WorkerPool.Lend(pool);
            foreach (ConvSizes sizes in ConvExamples.Chosen)
            {
                Check(sizes, 3, 77);
            }

            Assert.That(pool.PartsByWorkers, Is.Positive);
        }
    }

    [Test]
    public void Chains_go_on_over_micro_batches()
    {
        ConvSizes sizes = new(3, 9, 9, 5, 3, 3) { Top = 1, Left = 1 };
        ConvCase once = new(sizes, 5, 1, Numbers.Plain, 0), twice = once.Clone();
        Conv.WeightGradient(Arithmetic.Fused, sizes, 5, once.Image, once.LeadingImage, once.Maps, once.LeadingMaps, once.Kernels, once.Bias);
        Conv.WeightGradient(Arithmetic.Fused, sizes, 2, twice.Image, once.LeadingImage, twice.Maps, once.LeadingMaps, twice.Kernels, twice.Bias);
        Conv.WeightGradient(
            Arithmetic.Fused,
            sizes,
            3,
            twice.Image.AsSpan(2 * once.LeadingImage),
            once.LeadingImage,
            twice.Maps.AsSpan(2 * once.LeadingMaps),
            once.LeadingMaps,
            twice.Kernels,
            twice.Bias,
            accumulate: true);
        Bits.AssertEqual(twice.Kernels, once.Kernels, "dw");
        Bits.AssertEqual(twice.Bias, once.Bias, "db");
    }

    [Test]
    public void Sums_of_channels_are_those_of_the_loop() => Widths.ForEach(width =>
    {
        foreach ((int batch, int channels, int positions) in ((int, int, int)[])[(1, 1, 1), (3, 5, 7), (2, 16, 64), (2, 17, 130), (1, 40, 3),
            (0, 3, 5)])
        {
            int ldx = (channels * positions) + 3;
            float[] x = Samples.Array(Math.Max(batch, 1) * ldx, 1, Numbers.Edges), sums = Samples.Array(channels, 2), expected = [.. sums];
            foreach (bool accumulate in (ReadOnlySpan<bool>)[false, true])
            {
                Conv.ChannelSums(batch, channels, positions, x, ldx, sums, accumulate);
                Twin.Conv.ChannelSums<float>(batch, channels, positions, x, ldx, expected, accumulate);
                Bits.AssertEqual(sums, expected, $"{batch} {channels} {positions} width {width}");
            }
        }
    });

    [Test]
    public void Nothing_is_allocated()
    {
        ConvSizes sizes = new(3, 12, 12, 5, 3, 3) { Top = 1, Left = 1 };
        ConvCase c = new(sizes, 3, 1, Numbers.Plain, 0);
        void All()
        {
            foreach (
                Operation operation in (ReadOnlySpan<Operation>)
                    [Operation.Forward, Operation.WeightGradient, Operation.Update, Operation.InputGradient])
            {
                ConvOperations.Fast(operation, Arithmetic.Fused, in sizes, 3, c);
            }
        }

        Assert.That(Allocations.Of(1, All, warmUp: 1), Is.Zero);
    }

    [Test]
    public void Wrong_sizes_are_named_with_both_numbers()
    {
        float[] s = new float[1000];
        Assert.That(
            () => Conv.Forward(Arithmetic.Fused, new(2, 5, 5, 3, 3, 3), 2, s.AsSpan(0, 99), 50, s, [], s, 27),
            Throws.ArgumentException.With.Message.Contains("Conv.Forward: image [2, 50] with leading dimension 50: expected 100 floats, got 99"));
        Assert.That(
            () => Conv.Forward(Arithmetic.Fused, new(2, 5, 5, 3, 3, 3), 2, s, 50, s.AsSpan(0, 53), [], s, 27),
            Throws.ArgumentException.With.Message.Contains("kernels: expected 54 floats, got 53"));
        Assert.That(
            () => Conv.Forward(Arithmetic.Fused, new(2, 2, 5, 3, 3, 3), 2, s, 50, s, [], s, 27),
            Throws.ArgumentException.With.Message.Contains("a kernel of 3x3 does not fit into the padded input of 2x5"));
        Assert.That(
            () => Conv.InputGradient(Arithmetic.Fused, new(3, 5, 5, 3, 3, 3) { Groups = 2 }, 1, s, 27, s, [], s, 75),
            Throws.ArgumentException.With.Message.Contains("2 groups must divide 3 channels and 3 outputs"));
    }

    private static ConvSizes Draw(Random random)
    {
        while (true)
        {
            int groups = random.Next(4) == 0 ? random.Next(2, 4) : 1;
            ConvSizes sizes = new(
                groups * random.Next(1, 5), random.Next(1, 20), random.Next(1, 24), groups * random.Next(1, 10), random.Next(1, 6), random.Next(1, 7))
            {
                Groups = groups,
                StrideY = random.Next(3) == 0 ? random.Next(2, 4) : 1,
                StrideX = random.Next(3) == 0 ? random.Next(2, 4) : 1,
                DilationY = random.Next(4) == 0 ? 2 : 1,
                DilationX = random.Next(4) == 0 ? random.Next(2, 4) : 1,
                Top = random.Next(2) * random.Next(4),
                Bottom = random.Next(2) * random.Next(4),
                Left = random.Next(2) * random.Next(4),
                Right = random.Next(2) * random.Next(4),
            };
            if (sizes.OutputHeight > 0 && sizes.OutputWidth > 0)
            {
                return sizes;
            }
        }
    }

    private static void Check(ConvSizes sizes, int batch, int seed)
    {
        foreach (Arithmetic arithmetic in Widths.Arithmetics)
        {
            foreach (Operation operation in Enum.GetValues<Operation>())
            {
                if (Difference(ConvOperations.Fast, operation, arithmetic, sizes, batch, seed++, null) is { } difference)
                {
                    Assert.Fail(difference);
                }
            }
        }
    }

    // Gaps between samples, the start and the values follow from the seed, so that neighbouring cases try different ones.
    private static string? Difference(
        Kernel kernel,
        Operation operation,
        Arithmetic arithmetic,
        ConvSizes sizes,
        int batch,
        int seed,
        Numbers? fixedNumbers)
    {
        int mix = (int)((uint)(seed * 2654435761L) >> 8);
        bool free = fixedNumbers is null;
        Numbers numbers = fixedNumbers ?? (Numbers)(mix % 3);
        ConvCase before = new(sizes, batch, seed, numbers, free ? (mix >> 4) & 3 : 0)
        {
            Accumulate = free && ((mix >> 6) & 1) != 0,
            HasBias = !free || ((mix >> 7) & 3) != 0,
            L2 = ((mix >> 9) & 1) != 0 ? 0.01f : 0f,
        };
        ConvCase expected = before.Clone();
        ConvOperations.Loop(operation, arithmetic, in sizes, batch, expected);
        string? difference = null;
        Widths.ForEach(width =>
        {
            ConvCase actual = before.Clone();
            kernel(operation, arithmetic, in sizes, batch, actual);
            difference ??= actual.DifferenceTo(expected) is { } where
                ? $"{operation} {arithmetic} batch {batch} width {width} seed {seed} {numbers} accumulate {before.Accumulate} bias {before.HasBias}: {where}; {sizes}"
                : null;
        });
        return difference;
    }
}
