using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using EmbeddedBackprop.Kernels.Elements;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Tests.Kernels;

[TestFixture]
[Parallelizable(ParallelScope.Self)]
internal sealed class TranscendentalTests
{
    private const int Block = 1 << 16;

    private const string UlpHead = """
        # Errors of the transcendental functions

        In units of the last place (ulp) of the exact result, against `double` (erf and log1p: the library's own double versions, good to 1e-15), over 2^24
        inputs: one of each 256 neighbouring bit patterns, that is all exponents and both signs, denormals included. NaN, infinities and zeros give the exact
        result. The test suite enforces "limit". The mean is small because most bit patterns are floats so small or so large that the result is exact.
        The bits, and so these figures, are the same on every processor and at every vector width.

        Written by

        ```
        dotnet test -c Release tests/EmbeddedBackprop.Tests --filter "Name=Ulp_table_is_written" -- NUnit.ExplicitMode=Relaxed
        ```

        sin and cos are defined for |x| <= 12800 (NaN beyond). Their largest errors come from the range reduction of large arguments.

        | function | arithmetic | max ulp | mean ulp | worst input | inputs counted | limit |
        | --- | --- | ---: | ---: | --- | ---: | ---: |

        """;

    [Test]
    public void Every_width_gives_the_bits_of_one_lane_at_every_length_and_offset(
        [ValueSource(typeof(FunctionCase), nameof(FunctionCase.All))] FunctionCase function,
        [ValueSource(typeof(Widths), nameof(Widths.Arithmetics))] Arithmetic arithmetic)
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
                    Bits.AssertEqual(y.AsSpan(offset, length), expected.AsSpan(offset, length), lanes);
                    Assert.That(
                        y.AsSpan(0, offset).ContainsAnyExcept(99f) || y.AsSpan(offset + length).ContainsAnyExcept(99f),
                        Is.False,
                        "written outside");

                    float[] inPlace = (float[])x.Clone();
                    function.Run(lanes, arithmetic, inPlace.AsSpan(offset, length), inPlace.AsSpan(offset, length));
                    Bits.AssertEqual(inPlace.AsSpan(offset, length), expected.AsSpan(offset, length), lanes + " in place");
                }
            }
        }
    }

    [Test]
    public void A_million_bit_patterns_give_the_same_bits_at_every_width_and_stay_below_the_limit(
        [ValueSource(typeof(FunctionCase), nameof(FunctionCase.All))] FunctionCase function,
        [ValueSource(typeof(Widths), nameof(Widths.Arithmetics))] Arithmetic arithmetic)
    {
        // An odd step visits every residue of the low bits; 4096 would test round numbers only.
        (double worst, float at) = Sweep(function, arithmetic, 4093, 1L << 32);
        TestContext.Out.WriteLine($"{function.Name} {arithmetic}: {worst:F3} ulp at {at:R}, limit {function.Limit}; no bit differs between widths");
        Assert.That(worst, Is.LessThanOrEqualTo(function.Limit), $"{function.Name}({at:R})");
    }

    [Test]
    [Category("Exhaustive")]
    public void All_bit_patterns_give_the_same_bits_at_every_width_and_stay_below_the_limit(
        [ValueSource(typeof(FunctionCase), nameof(FunctionCase.All))] FunctionCase function,
        [ValueSource(typeof(Widths), nameof(Widths.Arithmetics))] Arithmetic arithmetic)
    {
        Effort.RequireLong("2^32 inputs, minutes a function");
        (double worst, float at) = Sweep(function, arithmetic, 1, 1L << 32);
        TestContext.Out.WriteLine($"{function.Name} {arithmetic}: {worst:F3} ulp at {at:R}");
        Assert.That(worst, Is.LessThanOrEqualTo(function.Limit), $"{function.Name}({at:R})");
    }

    [Test]
    [Category("Exhaustive")]
    [Explicit("Writes docs/ulp.md: 2^24 inputs for each function and arithmetic, about a minute")]
    public void Ulp_table_is_written()
    {
        StringBuilder text = new(UlpHead);
        foreach (FunctionCase function in FunctionCase.All)
        {
            foreach (Arithmetic arithmetic in Widths.Arithmetics)
            {
                (double worst, float at, double mean, long counted) = Measure(function, arithmetic);
                text.Append(
                    CultureInfo.InvariantCulture,
                    $"| {function.Name} | {arithmetic} | {worst:F3} | {mean:F4} | {at:R} | {counted:N0} | {function.Limit} |\n");
            }
        }

        string folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "EmbeddedBackprop.sln")))
        {
            folder = Path.GetDirectoryName(folder) ?? throw new InvalidOperationException("EmbeddedBackprop.sln was not found above the tests.");
        }

        File.WriteAllText(Path.Combine(folder, "docs", "ulp.md"), text.ToString());
        TestContext.Out.WriteLine(text);
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

    // One hash for each function and arithmetic, on every processor, width and runtime switch. A changed coefficient changes it: then docs/ulp.md,
    // the exported C and this table change together.
    [TestCase("exp", Arithmetic.Fused, "2744c45f73f8e907")]
    [TestCase("exp", Arithmetic.Separate, "070411a44e7d1853")]
    [TestCase("log", Arithmetic.Fused, "e993ae1960ca84b5")]
    [TestCase("log", Arithmetic.Separate, "3b8c51536e0a0e05")]
    [TestCase("log1p", Arithmetic.Fused, "59bef259fee2c93e")]
    [TestCase("log1p", Arithmetic.Separate, "f5598da661230ed7")]
    [TestCase("tanh", Arithmetic.Fused, "fcc2ac5494c5515f")]
    [TestCase("tanh", Arithmetic.Separate, "23a71b62462aecc3")]
    [TestCase("sigmoid", Arithmetic.Fused, "3e7876c6cb354520")]
    [TestCase("sigmoid", Arithmetic.Separate, "8f19120db29f2982")]
    [TestCase("erf", Arithmetic.Fused, "d14ba4debe6f9cb5")]
    [TestCase("erf", Arithmetic.Separate, "7eb04443e9914332")]
    [TestCase("sin", Arithmetic.Fused, "b9df3b35680c189e")]
    [TestCase("sin", Arithmetic.Separate, "3dcefe4b9b5753a9")]
    [TestCase("cos", Arithmetic.Fused, "50249041a9407846")]
    [TestCase("cos", Arithmetic.Separate, "575477ebced3eb24")]
    public void The_bits_are_the_same_everywhere(string name, Arithmetic arithmetic, string expected)
    {
        FunctionCase function = Array.Find(FunctionCase.All, f => f.Name == name)!;
        Widths.ForEach(width =>
        {
            float[] y = new float[2 * Block];
            for (int i = 0; i < y.Length; i++)
            {
                // Half over all bit patterns, half between -16 and 16.
                y[i] = (i & 1) == 0 ? BitConverter.UInt32BitsToSingle((uint)i * 32749u) : (i - Block) / 4096f;
            }

            function.RunPublic(arithmetic, y, y);
            for (int i = 0; i < y.Length; i++)
            {
                y[i] = float.IsNaN(y[i]) ? BitConverter.Int32BitsToSingle(0x7FC00000) : y[i];
            }

            string hash = Convert.ToHexStringLower(SHA256.HashData(MemoryMarshal.AsBytes(y.AsSpan())).AsSpan(0, 8));
            Assert.That(hash, Is.EqualTo(expected), $"{name} {arithmetic} at width {width}");
        });
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
        foreach (Arithmetic arithmetic in Widths.Arithmetics)
        {
            foreach (string lanes in FunctionCase.Lanes)
            {
                function.Run(lanes, arithmetic, input, output);
                foreach (float y in output)
                {
                    Bits.AssertEqual(y, expected, $"{name}({x:R}) {arithmetic} {lanes}");
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
        Assert.That(
            () => ElementFunctions.Exp(Arithmetic.Fused, x, x.AsSpan(0, 7)),
            Throws.ArgumentException.With.Message.Contains("8").And.Message.Contains("7"));
        Assert.That(
            () => ElementFunctions.Tanh(Arithmetic.Fused, x.AsSpan(0, 7), x.AsSpan(1, 7)),
            Throws.ArgumentException.With.Message.Contains("overlap"));
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
                if (Bits.FirstDifference(y.AsSpan(0, n), expected.AsSpan(0, n)) >= 0)
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

    /// <summary>
    /// 2^24 inputs, one of each 256 neighbouring bit patterns; the mean is over the finite ones whose exact result is neither 0 nor infinite.
    /// </summary>
    private static (double Worst, float At, double Mean, long Counted) Measure(FunctionCase function, Arithmetic arithmetic)
    {
        float[] x = new float[Block];
        float[] y = new float[Block];
        (double worst, float at, double sum, long counted) = (0.0, 0f, 0.0, 0L);
        for (uint block = 0; block < 1 << 8; block++)
        {
            for (uint i = 0; i < Block; i++)
            {
                uint index = (block * Block) + i;
                x[i] = BitConverter.UInt32BitsToSingle((index << 8) | ((index * 2654435769u) >> 24));
            }

            function.Run(FunctionCase.Lanes[^2], arithmetic, x, y);
            for (int i = 0; i < Block; i++)
            {
                double error = function.Error(x[i], y[i]);
                if (!(error <= worst))
                {
                    (worst, at) = (double.IsNaN(error) ? double.PositiveInfinity : error, x[i]);
                }

                if (float.IsFinite(y[i]) && y[i] != 0f)
                {
                    sum += error;
                    counted++;
                }
            }
        }

        return (worst, at, sum / counted, counted);
    }

    private readonly struct WrongExp : IUnaryFunction
    {
        public static T Invoke<T>(T x) where T : struct, IFloatLanes<T> => T.Exp(x) * T.Constant(1.0000002);
    }

    private readonly struct WidthDependent : IUnaryFunction
    {
        public static T Invoke<T>(T x) where T : struct, IFloatLanes<T> => T.Count == 4 ? T.Exp(x) * T.Constant(1.0000001192092896) : T.Exp(x);
    }
}
