using EmbeddedBackprop.Activations;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Tests.Activations;

/// <summary>Every activation: the vector's bits against the scalar's, derivatives against differences, and the ends of the number range.</summary>
internal sealed class ActivationTests
{
    private static readonly double[] Kinks = [-3.0, 0.0, 3.0, 6.0];

    // A derivative that is written from a has a's absolute error; gelu's 1 + erf cancels for negative z. Everything else is accurate element by
    // element.
    private static readonly string[] AbsoluteValues = ["gelu"];

    public static IEnumerable<Activation> All() => Registry.ActivationNames.Select(Registry.Activation).Append(new Activation<Cube>());

    public static IEnumerable<Activation> Elementwise() => All().Where(activation => activation is not EmbeddedBackprop.Activations.Softmax);

    [Test]
    public void Vectors_give_the_bits_of_the_scalar_at_every_width([ValueSource(nameof(All))] Activation activation, [Values] Arithmetic arithmetic)
    {
        Widths.ForEach(width =>
        {
            for (int columns = 1; columns <= 67; columns += columns < 36 ? 1 : 7)
            {
                CheckBits(activation, arithmetic, 1, columns, columns, $"{activation.Name} width {width} length {columns}");
            }

            CheckBits(activation, arithmetic, 3, 5, 16, $"{activation.Name} width {width} padded");
        });
    }

    [TestCaseSource(nameof(Elementwise))]
    public void The_derivative_is_the_limit_of_differences(Activation activation)
    {
        const double Step = 1e-4;
        for (double z = -9.03125; z < 9.0; z += 0.0625)
        {
            if (Kinks.Any(kink => Math.Abs(z - kink) <= 2 * Step))
            {
                continue;
            }

            double quotient = ((8 * (Value(z + Step) - Value(z - Step))) - (Value(z + (2 * Step)) - Value(z - (2 * Step)))) / (12 * Step);
            double[] delta = [1.0];
            activation.BackwardScalar(1, 1, 1, [z], [Value(z)], delta);
            Assert.That(delta[0], Is.EqualTo(quotient).Within(1e-9 * Math.Max(1.0, Math.Abs(quotient))), $"{activation.Name} at {z}");
        }

        double Value(double z)
        {
            double[] a = [0.0];
            activation.ForwardScalar(1, 1, 1, [z], a);
            return a[0];
        }
    }

    [Test]
    public void The_check_against_differences_bites() =>
        Assert.That(() => The_derivative_is_the_limit_of_differences(new Activation<FlippedCube>()), Throws.InstanceOf<AssertionException>());

    [Test]
    public void The_jacobian_of_softmax_is_the_limit_of_differences()
    {
        const double Step = 1e-5;
        EmbeddedBackprop.Activations.Softmax softmax = new();
        double[] z = [0.3, -1.2, 2.5, 0.0, 1.1], da = [0.7, -0.2, 0.4, 1.3, -0.9], a = new double[5];
        softmax.ForwardScalar(1, 5, 5, z, a);
        double[] dz = [.. da];
        softmax.BackwardScalar(1, 5, 5, z, a, dz);
        for (int j = 0; j < 5; j++)
        {
            int moved = j;
            double quotient = (Objective(+Step) - Objective(-Step)) / (2 * Step);
            Assert.That(dz[j], Is.EqualTo(quotient).Within(1e-9));

            double Objective(double step)
            {
                double[] at = [.. z], result = new double[5];
                at[moved] += step;
                softmax.ForwardScalar(1, 5, 5, at, result);
                return result.Zip(da, (x, y) => x * y).Sum();
            }
        }
    }

    [TestCaseSource(nameof(Elementwise))]
    public void Floats_are_accurate_element_by_element(Activation activation)
    {
        float[] z = [.. Enumerable.Range(-1600, 3201).Select(i => i / 16f), .. Enumerable.Range(-400, 801).Select(i => i / 65536f)];
        float[] a = new float[z.Length], delta = [.. Enumerable.Repeat(1f, z.Length)];
        double[] exactZ = [.. z.Select(x => (double)x)], exactA = new double[z.Length], exactDelta = [.. Enumerable.Repeat(1.0, z.Length)];
        activation.ForwardScalar(1, z.Length, z.Length, exactZ, exactA);
        activation.BackwardScalar(1, z.Length, z.Length, exactZ, exactA, exactDelta);
        foreach (Arithmetic arithmetic in Widths.Arithmetics)
        {
            activation.Forward(arithmetic, 1, z.Length, z.Length, z, a);
            delta.AsSpan().Fill(1f);
            activation.Backward(arithmetic, 1, z.Length, z.Length, z, a, delta);
            for (int i = 0; i < z.Length; i++)
            {
                double scale = AbsoluteValues.Contains(activation.Name) ? Math.Max(Math.Abs(z[i]), Math.Abs(exactA[i])) : Math.Abs(exactA[i]);
                Assert.That(Math.Abs(a[i] - exactA[i]), Is.LessThanOrEqualTo((1e-6 * scale) + 1e-42), $"{activation.Name}({z[i]}) {arithmetic}");
                Assert.That(
                    Math.Abs(delta[i] - exactDelta[i]),
                    Is.LessThanOrEqualTo(1e-6 * Math.Max(1.0, Math.Abs(exactDelta[i]))),
                    $"{activation.Name}'({z[i]}) {arithmetic}");
            }
        }
    }

    [TestCaseSource(nameof(All))]
    public void Extreme_finite_inputs_give_finite_results(Activation activation)
    {
        // Cube overflows by its nature, as any growing function but the linear ones must.
        float[] z = activation.Name == "cube" ? [88f, -88f, 1e9f] : [88f, -88f, 1e4f, -1e4f, 3e38f, -3e38f, float.Epsilon, -float.Epsilon, 0f, -0f];
        foreach (Arithmetic arithmetic in Widths.Arithmetics)
        {
            foreach (float x in z)
            {
                // Three of them, so that softmax sees a row.
                float[] row = [x, 0f, -x], a = new float[3], delta = [1f, 1f, 1f];
                activation.Forward(arithmetic, 1, 3, 3, row, a);
                activation.Backward(arithmetic, 1, 3, 3, row, a, delta);
                Assert.That(a, Is.All.Matches<float>(float.IsFinite), $"{activation.Name}({x})");
                Assert.That(delta, Is.All.Matches<float>(float.IsFinite), $"{activation.Name}'({x})");
            }
        }
    }

    [TestCase("relu", true)]
    [TestCase("relu6", true)]
    [TestCase("hard-sigmoid", true)]
    [TestCase("identity", false)]
    [TestCase("sigmoid", false)]
    [TestCase("tanh", false)]
    [TestCase("lecun-tanh", false)]
    [TestCase("leaky-relu", false)]
    [TestCase("elu", false)]
    [TestCase("selu", false)]
    [TestCase("gelu", false)]
    [TestCase("softplus", false)]
    [TestCase("softsign", false)]
    [TestCase("silu", false)]
    [TestCase("mish", false)]
    [TestCase("hard-swish", false)]
    [TestCase("softmax", false)]
    public void NaN_becomes_zero_in_selects_and_stays_NaN_elsewhere(string name, bool zero)
    {
        float[] a = new float[2];
        Registry.Activation(name).Forward(Arithmetic.Fused, 1, 2, 2, [float.NaN, 1f], a);
        Assert.That(a[0], zero ? Is.Zero : Is.NaN);
    }

    [TestCase("relu", float.PositiveInfinity, float.PositiveInfinity)]
    [TestCase("relu", float.NegativeInfinity, 0f)]
    [TestCase("relu", -0f, 0f)]
    [TestCase("relu6", float.PositiveInfinity, 6f)]
    [TestCase("leaky-relu", -100f, -1f)]
    [TestCase("tanh", float.PositiveInfinity, 1f)]
    [TestCase("tanh", float.NegativeInfinity, -1f)]
    [TestCase("lecun-tanh", float.PositiveInfinity, 1.7159f)]
    [TestCase("sigmoid", float.NegativeInfinity, 0f)]
    [TestCase("sigmoid", float.PositiveInfinity, 1f)]
    [TestCase("elu", float.NegativeInfinity, -1f)]
    [TestCase("elu", float.PositiveInfinity, float.PositiveInfinity)]
    [TestCase("softplus", float.PositiveInfinity, float.PositiveInfinity)]
    [TestCase("softplus", float.NegativeInfinity, 0f)]
    [TestCase("hard-sigmoid", float.PositiveInfinity, 1f)]
    [TestCase("hard-swish", float.NegativeInfinity, 0f)]
    [TestCase("hard-swish", float.PositiveInfinity, float.PositiveInfinity)]
    public void Limits_are_reached(string name, float z, float expected)
    {
        float[] a = new float[1];
        Registry.Activation(name).Forward(Arithmetic.Fused, 1, 1, 1, [z], a);
        Bits.AssertEqual(a[0], expected, $"{name}({z})");
    }

    private static void CheckBits(Activation activation, Arithmetic arithmetic, int rows, int columns, int stride, string what)
    {
        int length = rows * stride, offset = columns % 4;
        float[] plain = Samples.Array(offset + length, columns, Numbers.NonFinite), gradient = Samples.Array(offset + length, columns + 1000);
        for (int i = 0; i < plain.Length; i++)
        {
            plain[i] = Math.Abs(plain[i]) < 1f ? plain[i] * 12f : plain[i];
        }

        float[] vector = [.. plain], scalar = [.. plain], vectorDelta = [.. gradient], scalarDelta = [.. gradient];
        activation.Forward(arithmetic, rows, columns, stride, plain.AsSpan(offset), vector.AsSpan(offset));
        activation.ForwardScalar(arithmetic, rows, columns, stride, plain.AsSpan(offset), scalar.AsSpan(offset));
        activation.Backward(arithmetic, rows, columns, stride, plain.AsSpan(offset), scalar.AsSpan(offset), vectorDelta.AsSpan(offset));
        activation.BackwardScalar(arithmetic, rows, columns, stride, plain.AsSpan(offset), scalar.AsSpan(offset), scalarDelta.AsSpan(offset));
        float[] inPlace = [.. plain];
        activation.Forward(arithmetic, rows, columns, stride, inPlace.AsSpan(offset), inPlace.AsSpan(offset));
        for (int row = 0; row < rows; row++)
        {
            int first = offset + (row * stride);
            Bits.AssertEqual(vector.AsSpan(first, columns), scalar.AsSpan(first, columns), what);
            Bits.AssertEqual(inPlace.AsSpan(first, columns), scalar.AsSpan(first, columns), what + " in place");
            Bits.AssertEqual(vectorDelta.AsSpan(first, columns), scalarDelta.AsSpan(first, columns), what + " backward");
        }
    }
}
