using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Ops.Integer;

namespace EmbeddedBackprop.Tests.Ops;

/// <summary>Tables of activations made by lanes are those of the definition.</summary>
[TestFixture]
[NonParallelizable]
public sealed class IntegerTableMakingTests
{
    private static readonly Activation[] Functions =
    [
        new Activation<Sigmoid>(), new Activation<Tanh>(), new Activation<Gelu>(), new Activation<Silu>(), new Activation<Relu>(),
        new Activation<Identity>(),
    ];

    [TestCaseSource(nameof(Functions))]
    public void Lanes_make_the_integers_of_the_definition(Activation function)
    {
        Random random = new(5);
        for (int n = 0; n < 300; n++)
        {
            int bits = n % 2 == 0 ? 8 : 16, zero = bits == 8 ? random.Next(-128, 128) : 0;
            IntegerType y = new(bits, Scale(random, bits, n), zero);
            float step = n % 5 == 0 ? 1f / 16 : (float)Math.ScaleB(1 + random.NextDouble(), random.Next(-9, 2));
            IntegerType index = new(8, step, random.Next(-128, 128));
            foreach (Arithmetic arithmetic in (ReadOnlySpan<Arithmetic>)[Arithmetic.Fused, Arithmetic.Separate])
            {
                int[] expected = Filled(IntegerActivation.Fill, function, arithmetic, index, y);
                Widths.ForEach(width => Assert.That(
                    Filled(IntegerActivation.FillByLanes, function, arithmetic, index, y), Is.EqualTo(expected), $"{y}, {index}, width {width}"));
            }
        }
    }

    [Test]
    public void Control_the_float_quotient_alone_is_not_enough()
    {
        // Entries in the middle of two integers: 2.5 steps are 3, not 2.
        IntegerType y = new(8, 2f, 0), index = new(8, 1f, 0);
        int[] table = Filled(IntegerActivation.FillByLanes, new Activation<Identity>(), Arithmetic.Fused, index, y);
        Assert.That((table[128 + 5], table[128 - 5]), Is.EqualTo((3, -3)));
        Assert.That((MathF.Round(5 * 0.5f), MathF.Round(-5 * 0.5f)), Is.EqualTo((2f, -2f)));
    }

    private delegate void Fill(Activation function, Arithmetic arithmetic, IntegerType index, IntegerType y, Span<int> table);

    private static int[] Filled(Fill fill, Activation function, Arithmetic arithmetic, IntegerType index, IntegerType y)
    {
        int[] table = new int[IntegerActivation.TableLength];
        fill(function, arithmetic, index, y, table);
        return table;
    }

    // Steps of all sizes; some of them make many entries fall on the middle of two integers, and some are as small or large as floats are.
    private static float Scale(Random random, int bits, int n) => (n % 10) switch
    {
        1 or 6 => 1f / 256,
        2 => 1e-40f,
        3 => 2e30f,
        4 => 2f,
        _ => (float)(Math.ScaleB(1 + random.NextDouble(), random.Next(-8, 3)) / (bits == 8 ? 64 : 16_384)),
    };
}
