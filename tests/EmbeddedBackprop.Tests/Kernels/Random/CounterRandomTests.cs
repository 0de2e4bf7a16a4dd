using EmbeddedBackprop.Kernels.Random;

namespace EmbeddedBackprop.Tests.Kernels;

[TestFixture]
public sealed class CounterRandomTests
{
    // The published known-answer vectors of philox4x32-10 (the authors' test file): counter, key, result.
    [TestCase(
        new uint[] { 0, 0, 0, 0 }, new uint[] { 0, 0 },
        new[] { 0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u })]
    [TestCase(
        new[] { 0xffffffffu, 0xffffffffu, 0xffffffffu, 0xffffffffu }, new[] { 0xffffffffu, 0xffffffffu },
        new[] { 0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu })]
    [TestCase(
        new[] { 0x243f6a88u, 0x85a308d3u, 0x13198a2eu, 0x03707344u }, new[] { 0xa4093822u, 0x299f31d0u },
        new[] { 0xd16cfe09u, 0x94fdccebu, 0x5001e420u, 0x24126ea1u })]
    public void Philox_gives_the_published_words(uint[] counter, uint[] key, uint[] expected)
    {
        CounterRandom.Philox(
            counter[0], counter[1], counter[2], counter[3], key[0], key[1], out uint x0, out uint x1, out uint x2, out uint x3);
        Assert.That(new[] { x0, x1, x2, x3 }, Is.EqualTo(expected));
    }

    [Test]
    public void Seed_purpose_stream_and_index_are_the_key_and_the_counter()
    {
        var random = new CounterRandom(0x299f31d0_a4093822ul, (RandomPurpose)0x03707344);
        random.Block(0x13198a2e, 0x85a308d3_243f6a88ul, out uint x0, out uint x1, out uint x2, out uint x3);
        Assert.That(new[] { x0, x1, x2, x3 }, Is.EqualTo(new[] { 0xd16cfe09u, 0x94fdccebu, 0x5001e420u, 0x24126ea1u }));

        var zero = new CounterRandom(0);
        Assert.That(
            new[] { zero.Bits(0, 0), zero.Bits(0, 1), zero.Bits(0, 2), zero.Bits(0, 3) },
            Is.EqualTo(new[] { 0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u }));
    }

    [TestCase(0ul)]
    [TestCase(1ul)]
    [TestCase(2ul)]
    [TestCase(3ul)]
    [TestCase(0xfffffffful)]
    public void A_sequence_reads_its_stream_from_any_start(ulong first)
    {
        var random = new CounterRandom(17, RandomPurpose.Check);
        RandomSequence sequence = random.Sequence(3, first);
        for (ulong i = 0; i < 11; i++)
        {
            Assert.That(sequence.Index, Is.EqualTo(first + i));
            Assert.That(sequence.NextBits(), Is.EqualTo(random.Bits(3, first + i)));
        }
    }

    [TestCase(0ul)]
    [TestCase(1ul)]
    [TestCase(6ul)]
    public void Fills_equal_single_draws(ulong first)
    {
        var random = new CounterRandom(99, RandomPurpose.Weights);
        for (int length = 0; length <= 19; length++)
        {
            float[] uniform = new float[length];
            float[] normal = new float[length];
            random.FillUniform(5, first, -2f, 3f, uniform);
            random.FillNormal(5, first, 0.5f, 0.1f, normal);
            for (int i = 0; i < length; i++)
            {
                Assert.That(uniform[i], Is.EqualTo(-2f + (5f * random.Uniform(5, first + (ulong)i))));
                Assert.That(
                    BitConverter.SingleToInt32Bits(normal[i]),
                    Is.EqualTo(BitConverter.SingleToInt32Bits(0.5f + (0.1f * random.Normal(5, first + (ulong)i)))));
            }
        }
    }

    [Test]
    public void Uniform_numbers_are_in_range_and_evenly_spread()
    {
        var random = new CounterRandom(2026, RandomPurpose.Check);
        const int draws = 1_000_000;
        double[] histogram = new double[256];
        double sum = 0;
        for (int i = 0; i < draws; i++)
        {
            float u = random.Uniform(0, (ulong)i);
            Assert.That(u is >= 0f and < 1f);
            histogram[(int)(u * 256)]++;
            sum += u;
        }

        Assert.That(sum / draws, Is.EqualTo(0.5).Within(4 * Math.Sqrt(1.0 / 12 / draws)));
        // 255 degrees of freedom: 180 and 340 are about 3.5 standard deviations away.
        Assert.That(ChiSquare(histogram, draws / 256.0), Is.InRange(180.0, 340.0));
        Assert.That(CounterRandom.ToUniform(uint.MaxValue), Is.EqualTo(1f - (1f / (1 << 24))));
    }

    [Test]
    public void The_chi_square_check_sees_a_lopsided_generator()
    {
        double[] histogram = new double[256];
        for (int i = 0; i < 1_000_000; i++)
        {
            // The planted bug: a modulo by a number slightly too small.
            histogram[(new CounterRandom(2026).Bits(0, (ulong)i) % 250) & 255]++;
        }

        Assert.That(ChiSquare(histogram, 1_000_000 / 256.0), Is.GreaterThan(340));
    }

    [TestCase(1)]
    [TestCase(2)]
    [TestCase(7)]
    [TestCase(10)]
    [TestCase(100)]
    public void Below_stays_below_and_takes_every_value(int n)
    {
        var random = new CounterRandom(4, RandomPurpose.Check);
        const int draws = 100_000;
        double[] histogram = new double[n];
        for (int i = 0; i < draws; i++)
        {
            histogram[random.Below(1, (ulong)i, n)]++;
        }

        double freedom = n - 1;
        Assert.That(
            ChiSquare(histogram, (double)draws / n),
            Is.InRange(freedom - (5 * Math.Sqrt(2 * freedom)), freedom + (5 * Math.Sqrt(2 * freedom))));
        Assert.That(CounterRandom.ToBelow(uint.MaxValue, n), Is.EqualTo(n - 1));
    }

    [Test]
    public void Below_wants_a_positive_bound()
    {
        Assert.That(() => new CounterRandom(1).Below(0, 0, 0), Throws.InstanceOf<ArgumentOutOfRangeException>());
        Assert.That(() => new CounterRandom(1).Sequence(0).NextBelow(-3), Throws.InstanceOf<ArgumentOutOfRangeException>());
    }

    [Test]
    public void Purposes_streams_and_seeds_give_other_numbers()
    {
        uint[] words =
        [
            new CounterRandom(1).Bits(0, 0), new CounterRandom(2).Bits(0, 0), new CounterRandom(1ul << 32).Bits(0, 0),
            new CounterRandom(1).Bits(1, 0), new CounterRandom(1).Bits(0, 4), new CounterRandom(1).Bits(0, 1ul << 34),
            new CounterRandom(1, RandomPurpose.Shuffle).Bits(0, 0), new CounterRandom(1, RandomPurpose.Dropout).Bits(0, 0),
        ];
        Assert.That(words, Is.Unique);
    }

    [TestCase(0)]
    [TestCase(1)]
    [TestCase(2)]
    [TestCase(5)]
    [TestCase(1000)]
    public void A_shuffle_is_a_permutation_given_by_its_definition(int length)
    {
        var random = new CounterRandom(5, RandomPurpose.Shuffle);
        int[] items = new int[length];
        int[] expected = new int[length];
        for (int i = 0; i < length; i++)
        {
            items[i] = expected[i] = i;
        }

        random.Shuffle(12, items);
        for (int i = length - 1; i > 0; i--)
        {
            int j = random.Below(12, (ulong)i, i + 1);
            (expected[i], expected[j]) = (expected[j], expected[i]);
        }

        Assert.That(items, Is.EqualTo(expected));
        Assert.That(items, Is.EquivalentTo(Enumerable.Range(0, length)));
    }

    [Test]
    public void Shuffles_reach_every_order_of_four_items_equally_often()
    {
        var random = new CounterRandom(8, RandomPurpose.Shuffle);
        double[] histogram = new double[256];
        int[] items = new int[4];
        const int draws = 48_000;
        for (uint epoch = 0; epoch < draws; epoch++)
        {
            for (int i = 0; i < 4; i++)
            {
                items[i] = i;
            }

            random.Shuffle(epoch, items);
            histogram[items[0] + (4 * items[1]) + (16 * items[2]) + (64 * items[3])]++;
        }

        double[] seen = [.. histogram.Where(h => h > 0)];
        Assert.That(seen, Has.Length.EqualTo(24));
        Assert.That(ChiSquare(seen, draws / 24.0), Is.LessThan(23 + (5 * Math.Sqrt(46))));
    }

    [Test]
    public void Normal_numbers_have_the_normal_moments_and_tails()
    {
        var random = new CounterRandom(11, RandomPurpose.Check);
        const int draws = 1_000_000;
        float[] normals = new float[draws];
        random.FillNormal(2, 0, 0f, 1f, normals);
        double mean = 0, square = 0, cube = 0, fourth = 0, neighbours = 0;
        int beyond2 = 0, beyond4 = 0;
        for (int i = 0; i < draws; i++)
        {
            double x = normals[i];
            mean += x;
            square += x * x;
            cube += x * x * x;
            fourth += x * x * x * x;
            if (i > 0)
            {
                neighbours += x * normals[i - 1];
            }

            if (Math.Abs(x) > 2)
            {
                beyond2++;
            }

            if (Math.Abs(x) > 4)
            {
                beyond4++;
            }
        }

        Assert.That(mean / draws, Is.EqualTo(0).Within(0.004));
        Assert.That(square / draws, Is.EqualTo(1).Within(0.006));
        Assert.That(cube / draws, Is.EqualTo(0).Within(0.016));
        Assert.That(fourth / draws, Is.EqualTo(3).Within(0.04));
        Assert.That(neighbours / draws, Is.EqualTo(0).Within(0.004));
        Assert.That(beyond2, Is.InRange(44_500, 46_500));
        Assert.That(beyond4, Is.InRange(30, 100));
    }

    [Test]
    public void The_extreme_words_give_finite_normals()
    {
        CounterRandom.ToNormals(0, 0, out float even, out float odd);
        Assert.That(even, Is.EqualTo(Math.Sqrt(2 * Math.Log(1 << 24))).Within(1e-5));
        Assert.That(odd, Is.Zero);
        CounterRandom.ToNormals(uint.MaxValue, uint.MaxValue, out even, out odd);
        Assert.That(new[] { even, odd }, Is.All.EqualTo(0f));
    }

    [Test]
    public void The_numbers_of_a_seed_never_change()
    {
        // SHA-256 of the bits: the same on every machine, in both arithmetics, at every vector width.
        float[] normals = new float[4096];
        new CounterRandom(1, RandomPurpose.Weights).FillNormal(0, 0, 0f, 1f, normals);
        byte[] hash = System.Security.Cryptography.SHA256.HashData(System.Runtime.InteropServices.MemoryMarshal.AsBytes(normals.AsSpan()));
        Assert.That(Convert.ToHexStringLower(hash), Is.EqualTo("746cef38de0bea710a55e9cafbd1476e4094b0c790c167f57dd2a06adf275db7"));
    }

    [Test]
    public void The_unit_circle_is_right_at_every_angle()
    {
        double worst = 0;
        for (uint turns = 0; turns < 1u << 24; turns += 61)
        {
            UnitCircle.At(turns, out float cosine, out float sine);
            (double s, double c) = Math.SinCos(2 * Math.PI * turns / (1 << 24));
            worst = Math.Max(worst, Math.Max(Math.Abs(s - sine), Math.Abs(c - cosine)));
        }

        Assert.That(worst, Is.LessThan(1.5 / (1 << 24)));
        UnitCircle.At(1u << 22, out float zero, out float one);
        Assert.That((zero, one), Is.EqualTo((0f, 1f)));
    }

    [Test]
    public void Nothing_is_allocated()
    {
        int[] order = new int[1000];
        float[] values = new float[1000];
        Assert.That(Allocations.Of(1, () => Draw(order, values), warmUp: 1), Is.Zero);

        static void Draw(int[] order, float[] values)
        {
            var random = new CounterRandom(3, RandomPurpose.Check);
            random.Shuffle(0, order);
            random.FillNormal(0, 1, 0f, 1f, values);
            random.FillUniform(0, 1, 0f, 1f, values);
            RandomSequence sequence = random.Sequence(7);
            for (int i = 0; i < 100; i++)
            {
                values[i] = sequence.NextNormal() + sequence.NextUniform() + sequence.NextBelow(5);
            }
        }
    }

    [Test]
    public void Generators_of_one_seed_and_purpose_are_equal()
    {
        CounterRandom one = new(1, RandomPurpose.Dropout), same = new(1, RandomPurpose.Dropout);
        Assert.That(one == same && !(one != same) && one.Equals((object)same) && one.GetHashCode() == same.GetHashCode(), Is.True);
        foreach (CounterRandom other in (CounterRandom[])[new(2, RandomPurpose.Dropout), new(1)])
        {
            Assert.That(one != other && !(one == other) && !one.Equals((object)other) && !one.Equals("1"), Is.True);
        }
    }

    private static double ChiSquare(double[] histogram, double expected)
    {
        double sum = 0;
        foreach (double observed in histogram)
        {
            sum += (observed - expected) * (observed - expected) / expected;
        }

        return sum;
    }
}
