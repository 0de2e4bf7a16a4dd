using EmbeddedBackprop.Kernels;
using NUnit.Framework;

namespace EmbeddedBackprop.Tests.Kernels;

[TestFixture]
internal sealed class TranscendentalTests
{
    private const int Block = 1 << 16;

    private static readonly Arithmetic[] Arithmetics = [Arithmetic.Fused, Arithmetic.Separate];

    [Test]
    public void Every_width_gives_the_bits_of_one_lane_at_every_length_and_offset(
        [ValueSource(typeof(FunctionCase), nameof(FunctionCase.All))] FunctionCase function, [ValueSource(nameof(Arithmetics))] Arithmetic arithmetic)
    {
        Random random = new(7);
        float[] x = new float[80];
        float[] expected = new float[x.Length];
        for (int i = 0; i < x.Length; i++)
        {
            x[i] = ((float)random.NextDouble() - 0.5f) * 20f;
        }

        foreach (string lanes in FunctionCase.Lanes)
        {
            for (int offset = 0; offset < 4; offset++)
            {
                for (int length = 0; length <= (4 * 16) + 3; length++)
                {
                    float[] y = new float[x.Length];
                    Array.Fill(y, 99f);
                    function.Run("1", arithmetic, x.AsSpan(offset, length), expected.AsSpan(offset, length));
                    function.Run(lanes, arithmetic, x.AsSpan(offset, length), y.AsSpan(offset, length));
                    AssertSameBits(expected.AsSpan(offset, length), y.AsSpan(offset, length), x.AsSpan(offset, length), lanes);
                    Assert.That(y.AsSpan(0, offset).ContainsAnyExcept(99f) || y.AsSpan(offset + length).ContainsAnyExcept(99f), Is.False, "written outside");

                    float[] inPlace = (float[])x.Clone();
                    function.Run(lanes, arithmetic, inPlace.AsSpan(offset, length), inPlace.AsSpan(offset, length));
                    AssertSameBits(expected.AsSpan(offset, length), inPlace.AsSpan(offset, length), x.AsSpan(offset, length), lanes);
                }
            }
        }
    }

    [Test]
    public void A_million_bit_patterns_give_the_same_bits_at_every_width_and_stay_below_the_limit(
        [ValueSource(typeof(FunctionCase), nameof(FunctionCase.All))] FunctionCase function, [ValueSource(nameof(Arithmetics))] Arithmetic arithmetic)
    {
        // An odd step visits every residue of the low bits; 4096 would test round numbers only.
        (double worst, float at) = Sweep(function, arithmetic, 4093, 1L << 32);
        Assert.That(worst, Is.LessThanOrEqualTo(function.Limit), $"{function.Name}({at:R})");
    }

    [Test]
    [Category("Exhaustive")]
    [Explicit("2^32 inputs, minutes a function")]
    public void All_bit_patterns_give_the_same_bits_at_every_width_and_stay_below_the_limit(
        [ValueSource(typeof(FunctionCase), nameof(FunctionCase.All))] FunctionCase function, [ValueSource(nameof(Arithmetics))] Arithmetic arithmetic)
    {
        (double worst, float at) = Sweep(function, arithmetic, 1, 1L << 32);
        TestContext.Out.WriteLine($"{function.Name} {arithmetic}: {worst:F3} ulp at {at:R}");
        Assert.That(worst, Is.LessThanOrEqualTo(function.Limit), $"{function.Name}({at:R})");
    }

    [Test]
    public void Control_a_polynomial_with_one_wrong_digit_exceeds_the_limit()
    {
        FunctionCase control = new FunctionCase<WrongExp>("wrong exp", Math.Exp, 1.0);
        (double worst, _) = Sweep(control, Arithmetic.Fused, 65521, 1L << 32);
        Assert.That(worst, Is.GreaterThan(control.Limit));
    }

    [Test]
    public void Control_lanes_that_differ_in_one_bit_are_caught()
    {
        FunctionCase control = new FunctionCase<WidthDependent>("width dependent", Math.Exp, 2.0);
        Assert.That(() => Sweep(control, Arithmetic.Fused, 65521, 1L << 32), Throws.InstanceOf<InvalidOperationException>());
    }

    [TestCase("exp", float.NaN, float.NaN)]
    [TestCase("exp", float.PositiveInfinity, float.PositiveInfinity)]
    [TestCase("exp", float.NegativeInfinity, 0f)]
    [TestCase("exp", 0f, 1f)]
    [TestCase("exp", -0f, 1f)]
    [TestCase("exp", 1e-45f, 1f)]
    [TestCase("exp", 88.72284f, float.PositiveInfinity)]
    [TestCase("exp", -103.97207f, 1e-45f)]
    [TestCase("exp", -103.97210f, 0f)]
    [TestCase("log", float.NaN, float.NaN)]
    [TestCase("log", float.PositiveInfinity, float.PositiveInfinity)]
    [TestCase("log", float.NegativeInfinity, float.NaN)]
    [TestCase("log", -1e-45f, float.NaN)]
    [TestCase("log", 0f, float.NegativeInfinity)]
    [TestCase("log", -0f, float.NegativeInfinity)]
    [TestCase("log", 1f, 0f)]
    [TestCase("log", 1e-45f, -103.27893f)]
    [TestCase("log", float.MaxValue, 88.72284f)]
    [TestCase("log1p", float.NaN, float.NaN)]
    [TestCase("log1p", float.PositiveInfinity, float.PositiveInfinity)]
    [TestCase("log1p", -1f, float.NegativeInfinity)]
    [TestCase("log1p", -1.0000001f, float.NaN)]
    [TestCase("log1p", 0f, 0f)]
    [TestCase("log1p", -0f, -0f)]
    [TestCase("log1p", 1e-45f, 1e-45f)]
    [TestCase("log1p", float.MaxValue, 88.72284f)]
    [TestCase("tanh", float.NaN, float.NaN)]
    [TestCase("tanh", float.PositiveInfinity, 1f)]
    [TestCase("tanh", float.NegativeInfinity, -1f)]
    [TestCase("tanh", 0f, 0f)]
    [TestCase("tanh", -0f, -0f)]
    [TestCase("tanh", -1e-45f, -1e-45f)]
    [TestCase("tanh", 1e-20f, 1e-20f)]
    [TestCase("sigmoid", float.NaN, float.NaN)]
    [TestCase("sigmoid", float.PositiveInfinity, 1f)]
    [TestCase("sigmoid", float.NegativeInfinity, 0f)]
    [TestCase("sigmoid", 0f, 0.5f)]
    [TestCase("sigmoid", -0f, 0.5f)]
    [TestCase("sigmoid", -103.97207f, 1e-45f)]
    [TestCase("sigmoid", -200f, 0f)]
    [TestCase("erf", float.NaN, float.NaN)]
    [TestCase("erf", float.PositiveInfinity, 1f)]
    [TestCase("erf", float.NegativeInfinity, -1f)]
    [TestCase("erf", 0f, 0f)]
    [TestCase("erf", -0f, -0f)]
    [TestCase("erf", 1e-45f, 1e-45f)]
    [TestCase("sin", float.NaN, float.NaN)]
    [TestCase("sin", float.PositiveInfinity, float.NaN)]
    [TestCase("sin", 0f, 0f)]
    [TestCase("sin", -0f, -0f)]
    [TestCase("sin", 12801f, float.NaN)]
    [TestCase("cos", float.NegativeInfinity, float.NaN)]
    [TestCase("cos", -0f, 1f)]
    [TestCase("cos", 1e-45f, 1f)]
    [TestCase("cos", -12801f, float.NaN)]
    public void Special_values(string name, float x, float expected)
    {
        FunctionCase function = Array.Find(FunctionCase.All, f => f.Name == name)!;
        float[] input = new float[17];
        float[] output = new float[17];
        Array.Fill(input, x);
        foreach (Arithmetic arithmetic in Arithmetics)
        {
            foreach (string lanes in FunctionCase.Lanes)
            {
                function.Run(lanes, arithmetic, input, output);
                foreach (float y in output)
                {
                    Assert.That(SameBits(y, expected), Is.True, $"{name}({x:R}) = {y:R}, expected {expected:R} ({arithmetic}, {lanes})");
                }
            }
        }
    }

    [TestCase(0.5, 0.5204998778130465)]
    [TestCase(1.0, 0.8427007929497149)]
    [TestCase(-1.9999, -0.9953201979070294)]
    [TestCase(2.0, 0.9953222650189527)]
    [TestCase(3.0, 0.9999779095030014)]
    [TestCase(6.0, 1.0)]
    [TestCase(1e-10, 1.1283791670955126e-10)]
    public void The_double_erf_is_good_to_fifteen_digits(double x, double expected) =>
        Assert.That(LaneDouble.Erf(new LaneDouble(x)).Value, Is.EqualTo(expected).Within(2e-15 * Math.Abs(expected)));

    [TestCase(1e-10, 9.9999999995e-11)]
    [TestCase(1e-300, 1e-300)]
    [TestCase(1.0, 0.69314718055994531)]
    [TestCase(1e-3, 9.995003330835332e-4)]
    [TestCase(double.PositiveInfinity, double.PositiveInfinity)]
    [TestCase(-1.0, double.NegativeInfinity)]
    public void The_double_log1p_is_good_to_fifteen_digits(double x, double expected) =>
        Assert.That(LaneDouble.Log1P(new LaneDouble(x)).Value, Is.EqualTo(expected).Within(1).Ulps.Or.EqualTo(expected).Within(1e-15).Percent);

    [Test]
    public void Public_functions_check_lengths_and_overlap()
    {
        float[] x = new float[8];
        Assert.That(() => ElementFunctions.Exp(Arithmetic.Fused, x, x.AsSpan(0, 7)), Throws.ArgumentException.With.Message.Contains("8").And.Message.Contains("7"));
        Assert.That(() => ElementFunctions.Tanh(Arithmetic.Fused, x.AsSpan(0, 7), x.AsSpan(1, 7)), Throws.ArgumentException.With.Message.Contains("overlap"));
        Assert.That(() => ElementFunctions.Tanh(Arithmetic.Fused, x, x), Throws.Nothing);
    }

    /// <summary>Runs the function over count bit patterns on all lanes; returns the largest error in ulp. Throws where two widths differ.</summary>
    private static (double Worst, float At) Sweep(FunctionCase function, Arithmetic arithmetic, long step, long end)
    {
        float[] x = new float[Block];
        float[] expected = new float[Block];
        float[] y = new float[Block];
        double worst = 0.0;
        float at = 0f;
        for (long pattern = 0; pattern < end;)
        {
            int n = 0;
            for (; n < Block && pattern < end; n++, pattern += step)
            {
                x[n] = BitConverter.UInt32BitsToSingle((uint)pattern);
            }

            ReadOnlySpan<float> input = x.AsSpan(0, n);
            function.Run("1", arithmetic, input, expected);
            foreach (string lanes in FunctionCase.Lanes)
            {
                function.Run(lanes, arithmetic, input, y.AsSpan(0, n));
                if (!input.IsEmpty && !SameBits(expected.AsSpan(0, n), y.AsSpan(0, n)))
                {
                    throw new InvalidOperationException($"{function.Name}: the lanes {lanes} give other bits than one lane.");
                }
            }

            for (int i = 0; i < n; i++)
            {
                double error = function.Error(x[i], expected[i]);
                if (!(error <= worst))
                {
                    (worst, at) = (double.IsNaN(error) ? double.PositiveInfinity : error, x[i]);
                }
            }
        }

        return (worst, at);
    }

    private static bool SameBits(float a, float b) =>
        BitConverter.SingleToInt32Bits(a) == BitConverter.SingleToInt32Bits(b) || (float.IsNaN(a) && float.IsNaN(b));

    private static bool SameBits(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        for (int i = 0; i < a.Length; i++)
        {
            if (!SameBits(a[i], b[i]))
            {
                return false;
            }
        }

        return true;
    }

    private static void AssertSameBits(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual, ReadOnlySpan<float> x, string lanes)
    {
        for (int i = 0; i < expected.Length; i++)
        {
            if (!SameBits(expected[i], actual[i]))
            {
                Assert.Fail($"lanes {lanes}, element {i} of {expected.Length}: f({x[i]:R}) = {actual[i]:R}, one lane gives {expected[i]:R}");
            }
        }
    }

    private readonly struct WrongExp : IMap
    {
        public static T Invoke<T>(T x) where T : struct, IFloatLanes<T> => T.Exp(x) * T.Constant(1.0000002);
    }

    private readonly struct WidthDependent : IMap
    {
        public static T Invoke<T>(T x) where T : struct, IFloatLanes<T> => T.Count == 8 ? T.Exp(x) * T.Constant(1.0000001192092896) : T.Exp(x);
    }
}
