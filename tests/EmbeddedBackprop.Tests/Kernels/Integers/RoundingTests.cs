using System.Numerics;
using EmbeddedBackprop.Kernels.Integers;
using EmbeddedBackprop.Kernels.Scalar;

namespace EmbeddedBackprop.Tests.Kernels.Integers;

/// <summary>The rounding R against integers of any size, and the multipliers of factors.</summary>
[TestFixture]
[Parallelizable(ParallelScope.Self)]
public sealed class RoundingTests
{
    private static readonly int[] Sums =
        [int.MinValue, int.MinValue + 1, -(1 << 30), -3, -2, -1, 0, 1, 2, 3, (1 << 24) - 1, 1 << 30, int.MaxValue - 1, int.MaxValue];

    private static readonly int[] Multipliers = [0, 1 << 30, (1 << 30) + 1, 1431655765, int.MaxValue - 1, int.MaxValue];

    private delegate int Rule(int a, int m, int shift);

    [Test]
    public void R_is_the_floor_of_the_exact_quotient_at_all_edges() => Assert.That(FirstEdge(Rounding.R), Is.Null);

    [TestCase(100_000)]
    [TestCase(10_000_000, Category = "Slow")]
    public void R_is_the_floor_of_the_exact_quotient(int count)
    {
        Random random = new(count);
        for (int i = 0; i < count; i++)
        {
            int a = random.Next(int.MinValue, int.MaxValue) >> random.Next(32), m = random.Next(1 << 30, int.MaxValue), shift = random.Next(1, 63);
            if (Rounding.R(a, m, shift) != Exact(a, m, shift))
            {
                Assert.Fail($"R({a}; {m}, {shift}) is {Rounding.R(a, m, shift)}, expected {Exact(a, m, shift)}");
            }
        }
    }

    [Test]
    public void Control_rounding_half_down_and_rounding_twice_are_found()
    {
        Assert.That(FirstEdge((a, m, shift) => Saturated((((BigInteger)a * m) + (BigInteger.One << (shift - 1)) - 1) >> shift)), Is.Not.Null);
        Assert.That(
            FirstEdge((a, m, shift) => shift <= 32 ? Exact(a, m, shift) : Exact(Exact(a, m, 31), 1 << 30, shift - 1)),
            Is.Not.Null);
    }

    [Test]
    public void The_result_is_clamped() =>
        Assert.That((Rounding.R(-1000, 1 << 30, 31, -128, 127), Rounding.R(1000, 1 << 30, 31, -128, 127)), Is.EqualTo((-128, 127)));

    [TestCase(1.0, 1 << 30, 30)]
    [TestCase(0.5, 1 << 30, 31)]
    [TestCase(0.75, 3 << 29, 31)]
    [TestCase(1.0 / 3, 1431655765, 32)]
    [TestCase(0.25, 1 << 30, 32)]
    [TestCase(0.24999999999, 1 << 30, 32, TestName = "A fraction that rounds to 1")]
    [TestCase(0.249999999, 2147483639, 33)]
    [TestCase(0.5 + (1.0 / (1L << 32)), (1 << 30) + 1, 31, TestName = "A half is rounded away from 0")]
    [TestCase(2.3283064365386963e-10, 1 << 30, 62, TestName = "The least factor, 2^-32")]
    [TestCase(2.3283064365386960e-10, 0, 62, TestName = "A factor below the least")]
    [TestCase(5e-324, 0, 62, TestName = "A factor that is not normal")]
    [TestCase(0.0, 0, 62)]
    [TestCase((1 << 30) - 1.0, int.MaxValue - 1, 1)]
    public void A_factor_has_its_multiplier(double factor, int m, int shift) =>
        Assert.That(Multiplier.Of(factor), Is.EqualTo(new Multiplier(m, shift)));

    [TestCase(-1e-20)]
    [TestCase(double.NaN)]
    [TestCase((double)(1 << 30))]
    [TestCase((1 << 30) - 0.1, TestName = "A factor that rounds to 2^30")]
    [TestCase(double.PositiveInfinity)]
    public void A_factor_outside_the_range_is_refused(double factor) =>
        Assert.That(() => Multiplier.Of(factor), Throws.InstanceOf<ArgumentOutOfRangeException>().With.Message.Contains("below 2^30"));

    [Test]
    public void A_multiplier_is_the_nearest_one()
    {
        Random random = new(5);
        for (int i = 0; i < 100_000; i++)
        {
            double factor = Math.ScaleB(1 + random.NextDouble(), random.Next(-32, 30));
            Multiplier multiplier = Multiplier.Of(factor);
            double error = Math.Abs(Math.ScaleB(multiplier.M, -multiplier.Shift) - factor);
            bool isNearest = multiplier.M >= 1 << 30 && multiplier.Shift is >= 1 and <= 62 && error <= Math.ScaleB(0.5, -multiplier.Shift);
            if (!isNearest)
            {
                Assert.Fail($"{factor:R}: {multiplier}");
            }
        }
    }

    private static string? FirstEdge(Rule rule)
    {
        foreach (int a in Sums)
        {
            foreach (int m in Multipliers)
            {
                for (int shift = 1; shift <= 62; shift++)
                {
                    if (rule(a, m, shift) != Exact(a, m, shift))
                    {
                        return $"R({a}; {m}, {shift}) is {rule(a, m, shift)}, expected {Exact(a, m, shift)}";
                    }
                }
            }
        }

        return null;
    }

    /// <summary>floor((2 a m + 2^s) / 2^(s + 1)) by division with remainder.</summary>
    private static int Exact(int a, int m, int shift)
    {
        BigInteger divisor = BigInteger.Pow(2, shift + 1);
        BigInteger quotient = BigInteger.DivRem((2 * (BigInteger)a * m) + BigInteger.Pow(2, shift), divisor, out BigInteger remainder);
        return Saturated(remainder.Sign < 0 ? quotient - 1 : quotient);
    }

    private static int Saturated(BigInteger value) => (int)BigInteger.Max(int.MinValue, BigInteger.Min(int.MaxValue, value));
}
