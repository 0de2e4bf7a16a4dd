using EmbeddedBackprop.Kernels.Integers;
using Twin = EmbeddedBackprop.Kernels.Scalar;

namespace EmbeddedBackprop.Tests.Kernels.Integers;

/// <summary>The gates of recurrent layers on integers: their curves against the functions, and the lanes against the units one by one.</summary>
[TestFixture]
[NonParallelizable]
public sealed class RecurrentGatesTests
{
    [Test]
    public void The_curves_are_close_to_their_functions()
    {
        double sigmoid = 0, tanh = 0;
        for (int v = -65536; v <= 65536; v++)
        {
            sigmoid = Math.Max(sigmoid, Math.Abs((Twin.IntegerGates.Sigmoid(v) / 32768.0) - (1 / (1 + Math.Exp(-v / 2048.0)))));
            tanh = Math.Max(tanh, Math.Abs((Twin.IntegerGates.Tanh(v) / 32768.0) - Math.Tanh(v / 2048.0)));
        }

        Assert.That(sigmoid, Is.LessThanOrEqualTo(6.6e-5));
        Assert.That(tanh, Is.LessThanOrEqualTo(1.32e-4));
        Assert.That(sigmoid, Is.GreaterThan(5e-5), "the bound is no better than the curve");
        TestContext.Out.WriteLine($"S {sigmoid:E3}, tanh {tanh:E3}");
    }

    [Test]
    public void The_table_is_the_rounded_sigmoid()
    {
        Assert.That(Twin.IntegerGates.Table.Length, Is.EqualTo(257));
        for (int i = 0; i < 257; i++)
        {
            Assert.That(Twin.IntegerGates.Table[i], Is.EqualTo(32768 / (1 + Math.Exp(-i / 16.0))).Within(0.502), "a float is off by 1e-7 at most");
        }
    }

    [Test]
    public void Curves_are_symmetric_and_rise()
    {
        for (int v = 0; v <= 65536; v++)
        {
            Assert.That(Twin.IntegerGates.Sigmoid(v) + Twin.IntegerGates.Sigmoid(-v), Is.EqualTo(32768));
            Assert.That(Twin.IntegerGates.Sigmoid(v + 1), Is.GreaterThanOrEqualTo(Twin.IntegerGates.Sigmoid(v)));
            Assert.That(Twin.IntegerGates.Tanh(-v), Is.EqualTo(-Twin.IntegerGates.Tanh(v)));
        }
    }

    [Test]
    public void Lanes_are_the_units_one_by_one()
    {
        for (int units = 0; units <= 67; units++)
        {
            foreach (string cell in (string[])["rnn", "rnn-relu", "gru", "lstm"])
            {
                Assert.That(Difference(cell, units, units % 8, wrong: false), Is.Null, $"{cell} of {units}");
            }
        }
    }

    [Test]
    public void All_values_of_a_gate_are_the_same_in_lanes()
    {
        float[] p = [.. Enumerable.Range(-32768, 65536).Select(v => (float)v)], q = new float[p.Length];
        foreach (float other in (ReadOnlySpan<float>)[0, 32767, -32768, 1000])
        {
            q.AsSpan().Fill(other);
            float[] expected = [.. p.Select(v => (float)Twin.IntegerGates.Tanh((int)(v + other)))];
            Widths.ForEach(width =>
            {
                float[] h = new float[p.Length];
                RecurrentGates.Rnn(p, q, h);
                Assert.That(Bits.FirstDifference(h, expected), Is.Negative, $"width {width}");
            });
        }
    }

    [Test]
    public void Gates_by_themselves_are_those_of_the_units([Values(0, 1, 7, 16, 37, 67)] int units, [Values(0, 3, 7)] int k)
    {
        Random random = new(units);
        int[] p = Products(random, units), q = Products(random, units), r = [.. Products(random, units).Select(v => Math.Abs(v) & 32767)];
        float[] sigmoids = [.. p.Select((v, j) => (float)Twin.IntegerGates.Gate(v + q[j]))];
        float[] added = [.. p.Select((v, j) => (float)Twin.IntegerGates.Tanh(v + (((r[j] * q[j]) + 16384) >> 15)))];
        float[] tanhs = [.. p.Select(c => (float)Twin.IntegerGates.Tanh(Math.Clamp(((c << k) + 8) >> 4, -32768, 32767)))];
        Widths.ForEach(width =>
        {
            float[] actual = new float[units];
            RecurrentGates.Sigmoids(Floats(p), Floats(q), actual);
            Bits.AssertEqual(actual, sigmoids, $"sigmoids, width {width}");
            RecurrentGates.New(Floats(p), Floats(q), Floats(r), actual);
            Bits.AssertEqual(actual, added, $"new gates, width {width}");
            RecurrentGates.CellTanh(Floats(p), k, actual);
            Bits.AssertEqual(actual, tanhs, $"cells, width {width}");
        });
    }

    [TestCase("rnn")]
    [TestCase("rnn-relu")]
    [TestCase("gru")]
    [TestCase("lstm")]
    public void Control_another_product_is_found(string cell) => Assert.That(Difference(cell, 37, 2, wrong: true), Is.Not.Null);

    [Test]
    public void Lengths_and_shifts_that_do_not_fit_are_refused()
    {
        float[] six = new float[6], two = new float[2], eight = new float[8];
        Assert.That(() => RecurrentGates.Gru(six, six, two, two), Throws.Nothing);
        Assert.That(() => RecurrentGates.Gru(six, two, two, two), Throws.ArgumentException);
        Assert.That(() => RecurrentGates.Gru(six, six, six, two), Throws.ArgumentException);
        Assert.That(() => RecurrentGates.Lstm(eight, eight, 7, two, two, two), Throws.Nothing);
        Assert.That(() => RecurrentGates.Lstm(eight, eight, 8, two, two, two), Throws.InstanceOf<ArgumentOutOfRangeException>());
    }

    /// <summary>The first difference of lanes to units over a few steps, in place and apart; null if there is none.</summary>
    private static string? Difference(string cell, int units, int k, bool wrong)
    {
        int gates = cell.StartsWith("rnn", StringComparison.Ordinal) ? 1 : cell == "gru" ? 3 : 4;
        Random random = new(units);
        int[] h = new int[units], c = new int[units];
        for (int step = 0; step < 4; step++)
        {
            int[] p = Products(random, gates * units), q = Products(random, gates * units), hBefore = (int[])h.Clone(), cBefore = (int[])c.Clone();
            switch (cell)
            {
                case "rnn": UnitByUnit.Rnn(p, q, h); break;
                case "rnn-relu": UnitByUnit.RnnRelu(p, q, h); break;
                case "gru": UnitByUnit.Gru(p, q, h); break;
                default: UnitByUnit.Lstm(p, q, k, h, c); break;
            }

            if (wrong)
            {
                p[^1] += 200;
            }

            string? difference = null;
            Widths.ForEach(width =>
            {
                foreach (bool inPlace in (ReadOnlySpan<bool>)[true, false])
                {
                    float[] after = Floats(hBefore), cell1 = Floats(cBefore);
                    float[] hFrom = inPlace ? after : Floats(hBefore), cFrom = inPlace ? cell1 : Floats(cBefore);
                    switch (cell)
                    {
                        case "rnn": RecurrentGates.Rnn(Floats(p), Floats(q), after); break;
                        case "rnn-relu": RecurrentGates.RnnRelu(Floats(p), Floats(q), after); break;
                        case "gru": RecurrentGates.Gru(Floats(p), Floats(q), hFrom, after); break;
                        default: RecurrentGates.Lstm(Floats(p), Floats(q), k, cFrom, cell1, after); break;
                    }

                    if (Bits.FirstDifference(after, Floats(h)) >= 0 || Bits.FirstDifference(cell1, Floats(c)) >= 0)
                    {
                        difference ??= $"step {step}, width {width}";
                    }
                }
            });
            if (difference is not null)
            {
                return difference;
            }
        }

        return null;
    }

    private static int[] Products(Random random, int length) =>
        [.. Enumerable.Range(0, length).Select(_ => random.Next(short.MinValue, short.MaxValue + 1) >> random.Next(6))];

    private static float[] Floats(int[] integers) => [.. integers.Select(value => (float)value)];
}
