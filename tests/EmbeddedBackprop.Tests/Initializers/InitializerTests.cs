using EmbeddedBackprop.Activations;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Initializers;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Initializers;

/// <summary>Initial weights: the moments of their distribution, and the same bits for every layout, arithmetic and run.</summary>
[TestFixture]
internal sealed class InitializerTests
{
    private const int FanIn = 300;
    private const int FanOut = 200;

    public static IEnumerable<string> Names => Registry.InitializerNames;

    [TestCase("normal", 1.0, 1.0)]
    [TestCase("scaled-normal", 1.0 / FanIn, 1.0)]
    [TestCase("lecun", 1.0 / FanIn, 0.0)]
    [TestCase("he", 2.0 / FanIn, 0.0)]
    [TestCase("glorot", 2.0 / (FanIn + FanOut), 0.0)]
    [TestCase("orthogonal", 1.0 / FanIn, 0.0)]
    [TestCase("zeros", 0.0, 0.0)]
    public void Mean_is_zero_and_variance_as_defined(string name, double variance, double biasVariance)
    {
        (float[] weights, float[] biases) = Draw(name, Layout.Padded, Arithmetic.Fused, seed: 3);
        CheckMoments(weights, variance, name);
        CheckMoments(biases, biasVariance, name + " bias");
    }

    [Test]
    public void Glorot_fills_its_range_and_stays_inside()
    {
        float[] weights = Draw("glorot", Layout.Padded, Arithmetic.Fused, seed: 3).Weights;
        double bound = Math.Sqrt(6.0 / (FanIn + FanOut));
        Assert.That(weights.Max(Math.Abs), Is.InRange(bound * 0.999, bound * 1.000001));
    }

    [TestCaseSource(nameof(Names))]
    public void The_same_bits_in_both_layouts_and_arithmetics_and_again(string name)
    {
        (float[] weights, float[] biases) = Draw(name, Layout.Padded, Arithmetic.Fused, seed: 5);
        foreach (Layout layout in (Layout[])[Layout.Padded, Layout.Compact])
        {
            foreach (Arithmetic arithmetic in Widths.Arithmetics)
            {
                (float[] otherWeights, float[] otherBiases) = Draw(name, layout, arithmetic, seed: 5);
                Bits.AssertEqual(otherWeights, weights, $"{name} {layout} {arithmetic}");
                Bits.AssertEqual(otherBiases, biases, $"{name} {layout} {arithmetic} bias");
            }
        }

        if (name != "zeros")
        {
            Assert.That(
                Bits.FirstDifference(Draw(name, Layout.Padded, Arithmetic.Fused, seed: 6).Weights, weights),
                Is.Not.EqualTo(-1),
                "another seed");
        }
    }

    [Test]
    public void Layers_of_one_shape_begin_differently()
    {
        Network net = new Sequential(9).Dense<Sigmoid>(9).Dense<Sigmoid>(9).Compile(new NetworkOptions { Initializer = new He() });
        float[] first = new float[81], second = new float[81];
        net.InferencePlan.Parameters[0].CopyTo<float>(net.Parameters, first);
        net.InferencePlan.Parameters[2].CopyTo<float>(net.Parameters, second);
        Assert.That(Bits.FirstDifference(first, second), Is.EqualTo(0));
    }

    [Test]
    public void Names_make_what_they_say_and_an_unknown_one_is_told()
    {
        foreach (string name in Names)
        {
            Assert.That(Registry.Initializer(name).Name, Is.EqualTo(name));
        }

        Assert.That(() => Registry.Initializer("xavier"), Throws.ArgumentException.With.Message.Contains("xavier").And.Message.Contains("glorot"));
    }

    private static void CheckMoments(float[] x, double variance, string what)
    {
        double mean = x.Average(v => (double)v), square = x.Average(v => (double)v * v);

        // Six standard errors: the seed is fixed, so this fails by a change only.
        Assert.That(mean, Is.EqualTo(0).Within((6 * Math.Sqrt(variance / x.Length)) + 1e-12), what + " mean");
        Assert.That(square, Is.EqualTo(variance).Within((6 * variance * Math.Sqrt(2.0 / x.Length)) + 1e-12), what + " variance");
    }

    private static (float[] Weights, float[] Biases) Draw(string name, Layout layout, Arithmetic arithmetic, ulong seed)
    {
        Network net = new Sequential(FanIn).Dense<Sigmoid>(FanOut).Compile<Quadratic>(
            new NetworkOptions { Initializer = Registry.Initializer(name), Layout = layout, Arithmetic = arithmetic, Seed = seed });
        float[] weights = new float[FanIn * FanOut], biases = new float[FanOut];
        net.InferencePlan.Parameters[0].CopyTo<float>(net.Parameters, weights);
        net.InferencePlan.Parameters[1].CopyTo<float>(net.Parameters, biases);
        return (weights, biases);
    }
}
