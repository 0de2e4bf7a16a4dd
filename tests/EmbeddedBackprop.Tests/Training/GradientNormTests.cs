using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Training;

/// <summary>
/// The norm of all gradients: its loop's bits at every width, for tensors that fit the stack's piece and that do not, in both layouts.
/// </summary>
[TestFixture]
internal sealed class GradientNormTests
{
    [TestCase(1, 1)]
    [TestCase(3, 5)]
    [TestCase(5, 19)]
    [TestCase(16, 16)]
    [TestCase(17, 33)]
    [TestCase(127, 40)]
    [TestCase(784, 30)]
    [TestCase(4079, 3)]
    [TestCase(4080, 2)]
    [TestCase(4081, 2)]
    [TestCase(9001, 3)]
    public void Bits_of_the_loop(int rows, int columns)
    {
        foreach (Arithmetic arithmetic in Widths.Arithmetics)
        {
            float[] compact = [];
            float expected = 0f;
            foreach (Layout layout in (Layout[])[Layout.Compact, Layout.Padded])
            {
                ParameterRange[] ranges = Ranges(layout, rows, columns);
                float[] gradients = new float[ranges[^1].Offset + ranges[^1].Length];
                Array.Fill(gradients, 1e9f); // padding must not count
                for (int i = 0; i < ranges.Length; i++)
                {
                    ranges[i].CopyFrom(Samples.Array(ranges[i].Count, i + 1), gradients);
                }

                float loop = GradientNorm.ComputeScalar(arithmetic, ranges, gradients);
                if (layout == Layout.Compact)
                {
                    (compact, expected) = (gradients, loop);
                }

                Bits.AssertEqual(loop, expected, $"{layout} loop");
                Widths.ForEach(width =>
                    Bits.AssertEqual(GradientNorm.Compute(arithmetic, ranges, gradients), expected, $"{layout} {arithmetic} width {width}"));
            }

            double real = 0;
            foreach (ParameterRange range in Ranges(Layout.Compact, rows, columns))
            {
                for (int i = range.Offset; i < range.Offset + range.Length; i++)
                {
                    real += (double)compact[i] * compact[i];
                }
            }

            Assert.That(expected, Is.EqualTo(Math.Sqrt(real)).Within(1e-5 * Math.Sqrt(real)));
        }
    }

    [Test]
    public void Another_order_gives_other_bits()
    {
        // The control: row-major order instead of [out, in].
        ParameterRange[] ranges = Ranges(Layout.Compact, 127, 40);
        int differences = 0;
        for (int seed = 0; seed < 20; seed++)
        {
            float[] gradients = Samples.Array(ranges[^1].Offset + ranges[^1].Length, seed);
            float flat = MathF.Sqrt(Reduce.SumOfSquares(Arithmetic.Fused, gradients));
            if (!Bits.Same(GradientNorm.Compute(Arithmetic.Fused, ranges, gradients), flat))
            {
                differences++;
            }
        }

        Assert.That(differences, Is.GreaterThan(0));
    }

    private static ParameterRange[] Ranges(Layout layout, int rows, int columns)
    {
        ParameterLayout tensors = new(layout);
        tensors.AddWeight("first.weight", rows, columns);
        tensors.AddBias("first.bias", columns);
        tensors.AddWeight("second.weight", columns, 7);
        tensors.AddBias("second.bias", 7);
        return [.. tensors.Ranges];
    }
}
