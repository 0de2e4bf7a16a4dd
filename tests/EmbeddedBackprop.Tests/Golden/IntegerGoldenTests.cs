using System.Globalization;
using EmbeddedBackprop.Activations;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Kernels.Integers;
using EmbeddedBackprop.Kernels.Scalar;
using EmbeddedBackprop.Ops.Integer;

namespace EmbeddedBackprop.Tests.Golden;

/// <summary>Rounding, multipliers, integer weights, quantize and tables against integers that a program apart from the engine computed.</summary>
internal sealed class IntegerGoldenTests
{
    private delegate int Rule(int a, int m, int shift);

    [Test]
    public void R_at_its_edges()
    {
        IntegerDifferences differences = new();
        Rows(Rounding.R, differences);
        differences.AssertNone("R");
    }

    [Test]
    public void R_by_lanes_at_its_edges()
    {
        IntegerDifferences differences = new();
        const int end = 1 << 24;
        Widths.ForEach(width => Rows(
            (a, m, shift) =>
            {
                float[] y = new float[19];
                int[] sums = [.. Enumerable.Repeat(a, y.Length)];
                Requantize.Run(sums, 0, new Multiplier(m, shift), -end, end, y);
                Assert.That(y.Distinct().Count(), Is.EqualTo(1), $"R({a}; {m}, {shift}), width {width}");
                return (int)y[0];
            },
            differences,
            y => Math.Clamp(y, -end, end)));
        differences.AssertNone("R by lanes");
    }

    [Test]
    public void R_by_lanes_with_a_multiplier_each()
    {
        IntegerCase c = IntegerCase.Of("rounding").First(part => part.Has("rows"));
        int[] rows = c.Ints("rows");
        int count = rows.Length / 4;
        int[] Column(int column) => [.. Enumerable.Range(0, count).Select(i => rows[(4 * i) + column])];

        const int end = 1 << 24;
        int[] expected = [.. Column(3).Select(y => Math.Clamp(y, -end, end))];
        IntegerDifferences differences = new();
        Widths.ForEach(width =>
        {
            float[] y = new float[count];
            Matrix<int> sums = new(Column(0), 1, count, count);
            Requantize.Columns(sums, new int[count], Column(1), Column(2), -end, end, new Matrix<float>(y, 1, count, count));
            differences.Add($"width {width}", [.. y.Select(v => (int)v)], expected);
        });
        differences.AssertNone("R by lanes");
    }

    [Test]
    public void Control_half_down_and_half_to_even_and_two_roundings_are_found()
    {
        Rule[] wrong =
        [
            (a, m, shift) => (int)((((Int128)a * m) + ((Int128)1 << (shift - 1)) - 1) >> shift),
            (a, m, shift) => (int)Math.Round((decimal)a * m / (1L << shift), MidpointRounding.ToEven),
            (a, m, shift) => (int)Math.Round((decimal)a * m / (1L << shift), MidpointRounding.AwayFromZero),
            (a, m, shift) => shift <= 32 ? Rounding.R(a, m, shift) : Rounding.R((int)((((long)a * m) + (1L << 30)) >> 31), 1 << 30, shift - 1),
        ];
        foreach (Rule rule in wrong)
        {
            IntegerDifferences differences = new();
            Rows(rule, differences);
            Assert.That(differences.Any, Is.True);
        }
    }

    [Test]
    public void R_of_a_thousand_random_triples() => CheckSum(1000);

    [Test]
    [Category("Slow")]
    public void R_of_ten_million_random_triples() => CheckSum(10_000_000);

    [Test]
    public void Multipliers_of_factors()
    {
        IntegerDifferences differences = new();
        foreach (IntegerCase c in IntegerCase.Of("multiplier"))
        {
            Multiplier[] all = [.. c.Doubles("factor").Select(Multiplier.Of)];
            int[] m = c.Ints("multiplier"), shift = c.Ints("shift");
            differences.Add(c.Where, [.. all.Select(f => f.M)], m);
            differences.Add(c.Where, [.. all.Select((f, i) => m[i] == 0 ? shift[i] : f.Shift)], shift);
            foreach (double refused in c.Doubles("refused"))
            {
                Assert.That(() => Multiplier.Of(refused), Throws.TypeOf<ArgumentOutOfRangeException>());
            }

            c.AssertAllRead();
        }

        differences.AssertNone("multipliers");
    }

    [Test]
    public void Weights_and_biases_as_integers()
    {
        IntegerDifferences differences = new();
        foreach (IntegerCase c in IntegerCase.Of("weights"))
        {
            float[] w = c.Floats("weight"), b = c.Floats("bias"), scales = c.Floats("weight_scale");
            float input = c.Float("input_scale");
            int inputs = c.Shape("weight")[1];
            float[] found = [.. b.Select((bias, o) => IntegerWeights.Scale(IntegerWeights.Largest(w.AsSpan(o * inputs, inputs)), bias, input))];
            Bits.AssertEqual(found, scales, c.Where);
            differences.Add(c.Where, [.. w.Select((v, i) => IntegerWeights.Round(v, scales[i / inputs]))], c.Ints("integer_weight"));
            differences.Add(c.Where, [.. b.Select((v, o) => IntegerWeights.Bias(v, input, scales[o]))], c.Ints("integer_bias"));
            c.AssertAllRead();
        }

        differences.AssertNone("weights");
    }

    [Test]
    public void Floats_become_integers_and_integers_floats()
    {
        IntegerDifferences differences = new();
        foreach (IntegerCase c in IntegerCase.Of("quantize"))
        {
            IntegerType type = c.Type("type");
            int[] q = c.Ints("y");
            float inverse = 1f / type.Scale;
            differences.Add(c.Where, [.. c.Floats("x").Select(x => type.ZeroPoint + (int)Quantize.Centred(x, inverse, type))], q);
            Bits.AssertEqual([.. q.Select(v => type.Scale * (v - type.ZeroPoint))], c.Floats("dequantized"), c.Where);
            c.AssertAllRead();
        }

        differences.AssertNone("quantize");
    }

    [Test]
    public void Tables_of_activations()
    {
        IntegerDifferences differences = new();
        foreach (IntegerCase c in IntegerCase.Of("table"))
        {
            int[] table = c.Ints("table");
            foreach (Arithmetic arithmetic in Widths.Arithmetics)
            {
                differences.Add($"{c.Where} {arithmetic}", Table(c, arithmetic), table);
            }

            differences.Add($"{c.Where}, looked up", LookedUp(c, table), c.Ints("y"));
            c.AssertAllRead();
        }

        differences.AssertNone("tables");
    }

    [Test]
    public void Control_one_changed_entry_of_a_table_is_found()
    {
        foreach (IntegerCase c in IntegerCase.Of("table"))
        {
            int[] table = c.Ints("table");
            int x = c.Ints("x")[0];
            table[(c.Type("x_type").Bits == 8 ? x : x >> 8) + 128]++;
            IntegerDifferences differences = new();
            differences.Add(c.Where, LookedUp(c, table), c.Ints("y"));
            Assert.That(differences.Any, Is.True, c.Where);
        }
    }

    private static int[] Table(IntegerCase c, Arithmetic arithmetic)
    {
        IntegerType x = c.Type("x_type"), y = c.Type("y_type");
        int[] table = new int[IntegerActivation.TableLength];
        IntegerType index = x.Bits == 8 ? x : new IntegerType(8, x.Scale * 256f, 0);
        IntegerActivation.Fill(Registry.Activation(c.Text("function")), arithmetic, index, y, table);
        return [.. table.Take(x.Bits == 8 ? 256 : 257).Select(v => v + y.ZeroPoint)];
    }

    private static int[] LookedUp(IntegerCase c, int[] table)
    {
        int[] x = c.Ints("x");
        if (c.Type("x_type").Bits == 16)
        {
            return [.. x.Select(v => IntegerActivation.Between(table, v))];
        }

        float[] y = new float[x.Length];
        Lookup.Apply([.. x.Select(v => (float)v)], table, 128, y);
        return [.. y.Select(v => (int)v)];
    }

    private static void Rows(Rule rule, IntegerDifferences differences, Func<int, int>? read = null)
    {
        IntegerCase c = IntegerCase.Of("rounding").First(part => part.Has("rows"));
        int[] rows = c.Ints("rows");
        for (int i = 0; i < rows.Length; i += 4)
        {
            int expected = read is null ? rows[i + 3] : read(rows[i + 3]);
            differences.Add($"R({rows[i]}; {rows[i + 1]}, {rows[i + 2]})", [rule(rows[i], rows[i + 1], rows[i + 2])], [expected]);
        }

        c.AssertAllRead();
    }

    private static void CheckSum(int count)
    {
        IntegerCase c = IntegerCase.Of("rounding").First(part => part.Has("count") && part.Int("count") == count);
        ulong state = (ulong)c.Int("seed"), sum = 0;
        for (int i = 0; i < count; i++)
        {
            ulong u = SplitMix(ref state), v = SplitMix(ref state);
            int a = (int)u, m = (1 << 30) + ((int)(u >> 32) & ((1 << 30) - 1)), shift = 1 + (int)(v % 62);
            sum = (sum * 0x9E3779B97F4A7C15) + (ulong)Rounding.R(shift < 31 ? a >> (31 - shift) : a, m, shift);
        }

        Assert.That(sum.ToString("x16", CultureInfo.InvariantCulture), Is.EqualTo(c.Text("checksum")));
        c.AssertAllRead();
    }

    // Source: Steele, Lea, Flood, Fast splittable pseudorandom number generators (2014).
    private static ulong SplitMix(ref ulong state)
    {
        ulong z = state += 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
