using System.Numerics;
using System.Runtime.Intrinsics;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Tests.Kernels;

[TestFixture]
internal sealed class ExactFusedMultiplyAddTests
{
    // Round-off, ties, cancellation, both zeros, denormals, the ends of the range, infinities, NaN.
    private static readonly float[] Edges =
    [
        0f,
        -0f,
        1f,
        -1f,
        1f + float.BitIncrement(0f),
        1.0000001f,
        0.99999994f,
        0.9999999f,
        2f,
        3f,
        0.1f,
        -0.1f,
        1e-45f,
        -1e-45f,
        3e-45f,
        1.1754942e-38f,
        1.17549435e-38f,
        -1.17549435e-38f,
        5.9604645e-8f,
        16777216f,
        16777218f,
        -16777216f,
        8388607.5f,
        1e-20f,
        -1e-20f,
        1e20f,
        1.8446744e19f,
        -1.8446744e19f,
        2.3509887e-38f,
        float.MaxValue,
        float.MinValue,
        1.7014118e38f,
        float.PositiveInfinity,
        float.NegativeInfinity,
        float.NaN,
    ];

    // A = 1+2^-23, B = 1-2^-23, C = 2^24+2: 0x1.000002p24, twice rounded 0x1.000004p24
    [TestCase(1.00000011920928955f, 0.99999988079071045f, 16777218f, 0x4B800001)]
    [TestCase(1e-23f, 1e-23f, 1e-45f, 1)]
    [TestCase(-1e-30f, 1e-30f, 0f, unchecked((int)0x80000000))]
    [TestCase(float.MaxValue, 2f, float.NegativeInfinity, unchecked((int)0xFF800000))]
    public void Known_results(float a, float b, float c, int expectedBits)
    {
        Assert.That(BitConverter.SingleToInt32Bits(MathF.FusedMultiplyAdd(a, b, c)), Is.EqualTo(expectedBits), "the case itself");
        Check(a, b, c);
    }

    [Test]
    public void Edge_triples()
    {
        foreach (float a in Edges)
        {
            foreach (float b in Edges)
            {
                foreach (float c in Edges)
                {
                    Check(a, b, c);
                }
            }
        }
    }

    [Test]
    public void Random_bit_patterns([Values(1, 2)] int seed)
    {
        Random random = new(seed);
        for (int i = 0; i < 300_000; i++)
        {
            Check(Pattern(random), Pattern(random), Pattern(random));
        }
    }

    [Test]
    public void Sums_that_nearly_cancel_or_nearly_tie([Values(3, 4)] int seed)
    {
        Random random = new(seed);
        for (int i = 0; i < 300_000; i++)
        {
            float a = Near(random, 0, 4);
            float b = Near(random, 0, 4);
            float product = a * b;
            float c = MathF.ScaleB(-product, random.Next(-26, 27));
            Check(a, b, float.BitIncrement(c));
            Check(a, b, -product);

            // Denormal results: everything moved down to where the last bits fall off.
            Check(MathF.ScaleB(a, -70), MathF.ScaleB(b, -70 + random.Next(-8, 8)), MathF.ScaleB(Near(random, -8, 8), -140));
        }
    }

    [Test]
    public void Sums_a_hair_from_halfway_between_two_floats([Values(5, 6)] int seed)
    {
        Random random = new(seed);
        int twiceRounded = 0;
        for (int i = 0; i < 300_000; i++)
        {
            // Half the distance of two floats, and a little more or less, in the product; then the same in the addend, beside a product of 25 bits.
            float c = MathF.ScaleB(Near(random, 0, 1), random.Next(-149, 127));
            float half = 0.5f * (MathF.BitIncrement(MathF.Abs(c)) - MathF.Abs(c));
            float tilt = 1f + MathF.ScaleB(random.Next(-3, 4), -23 + random.Next(0, 2)), sign = random.Next(2) * 2 - 1;
            float scale = MathF.ScaleB(1f, random.Next(0, 20));
            twiceRounded += Checked(sign * tilt * scale, half / scale / (random.Next(2) == 0 ? 1f : tilt), c);
            int exponent = random.Next(-149, 100);
            float odd = (2 * random.Next(1 << 11, 1 << 12)) + 1, other = (2 * random.Next(1 << 10, 1 << 11)) + 1;
            float hair = MathF.ScaleB(sign * random.Next(0, 3), Math.Max(-149, exponent - random.Next(0, 80)));
            twiceRounded += Checked(odd, MathF.ScaleB(other, exponent), hair);

            // The same where the result is denormal.
            exponent = random.Next(-174, -149);
            twiceRounded += Checked(
                MathF.ScaleB(odd, -90), MathF.ScaleB(other, exponent + 90), MathF.ScaleB(sign * random.Next(0, 3), random.Next(-149, -140)));
            twiceRounded += Checked(
                MathF.ScaleB(tilt, -75), MathF.ScaleB(sign * tilt, -75), MathF.ScaleB(random.Next(1 << 23), -149));
        }

        Assert.That(twiceRounded, Is.GreaterThan(10_000), "the control: rounding the sum in double directly is wrong in many of these cases");
    }

    // 1 if the sum in double, rounded to float, is not the result.
    private static int Checked(float a, float b, float c)
    {
        Check(a, b, c);
        return Same((float)(((double)a * b) + c), MathF.FusedMultiplyAdd(a, b, c)) ? 0 : 1;
    }

    [Test]
    public void Control_rounding_the_double_sum_directly_is_caught()
    {
        // The double rounding that round-to-odd prevents shows in the known triple.
        float naive = (float)(((double)1.00000011920928955f * 0.99999988079071045f) + 16777218f);
        Assert.That(naive, Is.Not.EqualTo(MathF.FusedMultiplyAdd(1.00000011920928955f, 0.99999988079071045f, 16777218f)));
    }

    private static void Check(float a, float b, float c)
    {
        float expected = MathF.FusedMultiplyAdd(a, b, c);
        float scalar = ExactFusedMultiplyAdd.Compute(a, b, c);
        float four = ExactFusedMultiplyAdd.Compute(Vector128.Create(a), Vector128.Create(b), Vector128.Create(c))[2];

        // Beside lanes that are not in doubt, and beside one that is.
        Vector128<float> plain = Vector128.Create(0.5f, 2f, a, -3f), doubtful = Vector128.Create(1.0000001f, 2f, -3f, a);
        float third = ExactFusedMultiplyAdd.Compute(plain, Vector128.Create(0.5f, 2f, b, -3f), Vector128.Create(0.5f, 2f, c, -3f))[2];
        float fourth = ExactFusedMultiplyAdd.Compute(doubtful, Vector128.Create(0.9999999f, 2f, 3f, b), Vector128.Create(16777218f, 1f, 0f, c))[3];
        float any = ExactFusedMultiplyAdd.Compute(new Vector<float>(a), new Vector<float>(b), new Vector<float>(c))[Vector<float>.Count - 1];
        if (!Same(expected, scalar) || !Same(expected, four) || !Same(expected, third) || !Same(expected, fourth)
            || !Same(expected, any))
        {
            Assert.Fail($"{a:R} * {b:R} + {c:R}: expected {expected:R}, scalar {scalar:R}, lanes {four:R}, {third:R}, {fourth:R}, Vector<T> {any:R}");
        }
    }

    private static bool Same(float a, float b) =>
        BitConverter.SingleToInt32Bits(a) == BitConverter.SingleToInt32Bits(b) || (float.IsNaN(a) && float.IsNaN(b));

    private static float Pattern(Random random) => BitConverter.Int32BitsToSingle((int)random.NextInt64(int.MinValue, 1L << 31));

    private static float Near(Random random, int lowExponent, int highExponent) =>
        MathF.ScaleB((random.Next(2) == 0 ? -1f : 1f) * (1f + (float)random.NextDouble()), random.Next(lowExponent, highExponent));
}
