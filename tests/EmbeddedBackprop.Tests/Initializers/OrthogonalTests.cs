using EmbeddedBackprop.Activations;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Initializers;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Initializers;

/// <summary>Orthogonal weights: Q Q^T is gain^2 I on the shorter side, by the same bits at every width.</summary>
internal sealed class OrthogonalTests
{
    [TestCase(30, 20, 1f)]
    [TestCase(20, 30, 1f)]
    [TestCase(17, 17, 1.6666666f)]
    [TestCase(200, 10, 1.4142135f)]
    [TestCase(3, 100, 0.5f)]
    [TestCase(40, 1, 2f)]
    [TestCase(1, 40, 2f)]
    [TestCase(1, 1, 3f)]
    public void Vectors_of_the_shorter_side_are_orthogonal_and_of_length_gain(int inputs, int outputs, float gain) =>
        Assert.That(Defect(Draw(inputs, outputs, new Orthogonal { Gain = gain }), inputs, outputs, gain), Is.LessThan(3e-6 * gain * gain));

    [Test]
    public void The_check_sees_weights_that_are_not_orthogonal()
    {
        Assert.That(Defect(Draw(20, 10, new He()), 20, 10, 1), Is.GreaterThan(0.1));
        float[] once = Draw(20, 10, new Orthogonal());
        once[3] += 1e-4f;
        Assert.That(Defect(once, 20, 10, 1), Is.GreaterThan(3e-6));
    }

    /// <summary>The definition in textbook loops, by the scalar twins.</summary>
    [TestCase(13, 7)]
    [TestCase(7, 13)]
    [TestCase(33, 33)]
    public void Bits_of_the_definition_at_every_width(int inputs, int outputs)
    {
        float[] expected = Definition(inputs, outputs, seed: 9);
        Widths.ForEach(width => Bits.AssertEqual(Draw(inputs, outputs, new Orthogonal { Gain = 1.5f }, seed: 9), expected, $"width {width}"));
    }

    [Test]
    public void The_gain_comes_back_by_name_and_settings_and_from_a_model_file()
    {
        Initializer made = Registry.Initializer("orthogonal", new InitializerSettings { Gain = 1.25f });
        Assert.That(Registry.Initializer(made.Name, made.Settings).Settings.Gain, Is.EqualTo(1.25f));
        Network net = new Sequential(4).Dense<Sigmoid>(3).Compile<Quadratic>(new NetworkOptions { Initializer = made });
        Network again = ModelFile.Parse(ModelFile.ToArray(net), "m").ToNetwork();
        Assert.That(again.Options.Initializer, Is.TypeOf<Orthogonal>());
        Assert.That(again.Options.Initializer.Settings.Gain, Is.EqualTo(1.25f));
        Assert.That(() => new Orthogonal { Gain = 0 }, Throws.InstanceOf<ArgumentOutOfRangeException>().With.Message.Contains("gain"));
    }

    private static float[] Definition(int inputs, int outputs, ulong seed)
    {
        CounterRandom random = new(seed, RandomPurpose.Weights);
        bool byOutput = outputs <= inputs;
        int count = Math.Min(inputs, outputs), length = Math.Max(inputs, outputs);
        float[][] q = new float[count][];
        for (int i = 0; i < count; i++)
        {
            float[] v = new float[length];
            for (int e = 0; e < length; e++)
            {
                v[e] = random.Normal(0, (ulong)(byOutput ? (i * inputs) + e : (e * inputs) + i));
            }

            for (int pass = 0; pass < 2; pass++)
            {
                for (int j = 0; j < i; j++)
                {
                    float r = EmbeddedBackprop.Kernels.Scalar.Dot.Product<float>(Arithmetic.Separate, q[j], v);
                    for (int e = 0; e < length; e++)
                    {
                        v[e] = (-r * q[j][e]) + v[e];
                    }
                }
            }

            float norm = MathF.Sqrt(EmbeddedBackprop.Kernels.Scalar.Dot.Product<float>(Arithmetic.Separate, v, v));
            q[i] = [.. v.Select(x => x / norm)];
        }

        float[] weights = new float[inputs * outputs];
        for (int output = 0; output < outputs; output++)
        {
            for (int input = 0; input < inputs; input++)
            {
                weights[(output * inputs) + input] = 1.5f * (byOutput ? q[output][input] : q[input][output]);
            }
        }

        return weights;
    }

    /// <summary>The largest difference of Q Q^T from gain^2 I; weights are [out, in].</summary>
    private static double Defect(float[] w, int inputs, int outputs, double gain)
    {
        bool byOutput = outputs <= inputs;
        int count = Math.Min(inputs, outputs), length = Math.Max(inputs, outputs);
        double worst = 0;
        for (int i = 0; i < count; i++)
        {
            for (int j = 0; j <= i; j++)
            {
                double sum = 0;
                for (int e = 0; e < length; e++)
                {
                    sum += byOutput ? (double)w[(i * inputs) + e] * w[(j * inputs) + e] : (double)w[(e * inputs) + i] * w[(e * inputs) + j];
                }

                worst = Math.Max(worst, Math.Abs(sum - (i == j ? gain * gain : 0)));
            }
        }

        return worst;
    }

    private static float[] Draw(int inputs, int outputs, Initializer initializer, ulong seed = 4)
    {
        Network net = new Sequential(inputs).Dense<Sigmoid>(outputs).Compile(new NetworkOptions { Initializer = initializer, Seed = seed });
        ParameterRange range = net.InferencePlan.Parameters[0];
        float[] weights = new float[range.Count];
        range.CopyTo<float>(net.Parameters, weights);
        return weights;
    }
}
