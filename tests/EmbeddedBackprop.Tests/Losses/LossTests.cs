using EmbeddedBackprop.IO;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Losses;

/// <summary>Every loss: the vector's bits against the scalar's, its formula, its gradient, micro-batches, and the ends of the number range.</summary>
internal sealed class LossTests
{
    // Written a second time, from the books and not from the library.
    private static readonly Dictionary<string, Func<double, double, double>> Formulas = new()
    {
        ["quadratic"] = (a, y) => (a - y) * (a - y) / 2,
        ["mse"] = (a, y) => (a - y) * (a - y),
        ["mae"] = (a, y) => Math.Abs(a - y),
        ["huber"] = (a, y) => Math.Abs(a - y) <= 1 ? (a - y) * (a - y) / 2 : Math.Abs(a - y) - 0.5,
        ["binary-cross-entropy"] = (a, y) => -((y * Math.Log(a)) + ((1 - y) * Math.Log(1 - a))),
        ["binary-cross-entropy-with-logits"] = (z, y) => -((y * Math.Log(1 / (1 + Math.Exp(-z)))) + ((1 - y) * Math.Log(1 / (1 + Math.Exp(z))))),
    };

    private static readonly string[] PerElement = ["mse", "mae", "huber"];

    public static IEnumerable<string> Names => Registry.LossNames;

    [Test]
    public void Vectors_give_the_bits_of_the_scalar_at_every_width_in_both_layouts(
        [ValueSource(nameof(Names))] string name,
        [Values] Arithmetic arithmetic)
    {
        foreach (int batch in new[] { 1, 3, 10 })
        {
            foreach (int outputs in new[] { 1, 2, 7, 10, 16, 17, 35 })
            {
                (float[] a, float[] y) = Data(name, batch, outputs);
                (float value, float[] gradient) =
                    new LossRun(Registry.Loss(name), batch, outputs, outputs, arithmetic, Layout.Compact).Compute(a, y, Execution.Scalar);
                Assert.That(value, name == "cross-entropy" && outputs == 1 ? Is.Zero : Is.GreaterThan(0f));
                foreach (Layout layout in new[] { Layout.Padded, Layout.Compact })
                {
                    LossRun run = new(Registry.Loss(name), batch, outputs, outputs, arithmetic, layout);
                    Widths.ForEach(width =>
                    {
                        (float vectorValue, float[] vectorGradient) = run.Compute(a, y);
                        string what = $"{name} {batch}x{outputs} {layout} width {width}";
                        Bits.AssertEqual(vectorValue, value, what);
                        Bits.AssertEqual(vectorGradient, gradient, what + " gradient");
                    });
                }
            }
        }
    }

    [TestCaseSource(nameof(Names))]
    public void The_value_is_that_of_the_formula(string name)
    {
        (float[] a, float[] y) = Data(name, 6, 5);
        double sum = 0;
        for (int i = 0; i < a.Length; i++)
        {
            double z = a[i];
            sum += name == "cross-entropy"
                ? y[i] * (Math.Log(a.Skip(i / 5 * 5).Take(5).Sum(x => Math.Exp(x))) - z)
                : Formulas[name](z, y[i]);
        }

        double expected = sum / (PerElement.Contains(name) ? 30 : 6);
        Assert.That(new LossRun(Registry.Loss(name), 6, 5, 5).Compute(a, y).Value, Is.EqualTo(expected).Within(2e-6 * expected));
    }

    [Test]
    public void The_gradient_is_the_limit_of_differences(
        [ValueSource(nameof(Names))] string name,
        [Values(1, 4)] int batch,
        [Values(1, 7)] int outputs)
    {
        if (name == "cross-entropy" && outputs == 1)
        {
            return; // softmax of one element is 1: the gradient is 0 and has no relative error
        }

        (float[] a, float[] y) = Data(name, batch, outputs);
        GradientCheckReport report = Check(Registry.Loss(name), a, y, batch, outputs);
        Assert.That(report.Passed, Is.True, report.ToString());
    }

    [Test]
    public void A_flipped_sign_is_caught()
    {
        (float[] a, float[] y) = Data("mse", 4, 7);
        Assert.That(Check(new Loss<FlippedSquare>(), a, y, 4, 7).Passed, Is.False);
    }

    [Test]
    public void Micro_batches_give_the_bits_of_one_batch([ValueSource(nameof(Names))] string name, [Values] Execution execution)
    {
        const int Outputs = 7;
        (float[] a, float[] y) = Data(name, 9, Outputs);
        (float value, float[] gradient) = new LossRun(Registry.Loss(name), 9, Outputs, Outputs).Compute(a, y, execution);
        LossRun parts = new(Registry.Loss(name), 4, Outputs, Outputs);
        float last = 0f;
        foreach ((int first, int count) in new[] { (0, 2), (2, 4), (6, 3) })
        {
            Range samples = (first * Outputs)..((first + count) * Outputs);
            (last, float[] piece) = parts.Compute(a[samples], y[samples], execution, 9, first);
            Bits.AssertEqual(piece, gradient[samples], $"{name} gradient from {first}");
        }

        Bits.AssertEqual(last, value, name);
    }

    [Test]
    public void Absolute_error_has_no_slope_where_it_is_zero() =>
        Assert.That(
            new LossRun(Registry.Loss("mae"), 1, 3, 3).Compute([1f, 2f, 0f], [1f, 1f, 3f]).Gradient,
            Is.EqualTo(new[] { 0f, 1f / 3f, -1f / 3f }));

    [TestCase(0f, 0f)]
    [TestCase(0f, 1f)]
    [TestCase(1f, 0f)]
    [TestCase(1f, 1f)]
    [TestCase(1e-40f, 1f)]
    public void Probabilities_of_zero_and_one_are_finite(float a, float y)
    {
        (float value, float[] gradient) = new LossRun(Registry.Loss("binary-cross-entropy"), 1, 1, 1).Compute([a], [y]);
        Assert.That(value, a == y ? Is.Zero : Is.EqualTo(a is 0f or 1f ? 100f : -MathF.Log(a)).Within(1e-4f));
        Assert.That(float.IsFinite(gradient[0]), Is.True);
        Assert.That(Math.Sign(gradient[0]), Is.EqualTo(Math.Sign(a - y)));
    }

    [TestCase(88f)]
    [TestCase(-88f)]
    [TestCase(1e6f)]
    [TestCase(-3e38f)]
    public void Logits_of_any_size_are_finite(float z)
    {
        foreach (float y in new[] { 0f, 1f })
        {
            (float value, float[] gradient) = new LossRun(Registry.Loss("binary-cross-entropy-with-logits"), 1, 1, 1).Compute([z], [y]);
            Assert.That(value, Is.EqualTo((z > 0) == (y == 1f) ? 0f : Math.Abs(z)).Within(1e-38f), $"{z} {y}");
            Assert.That(gradient[0], Is.EqualTo((z > 0 ? 1f : 0f) - y).Within(1e-6f));
        }

        (float loss, float[] slope) = new LossRun(Registry.Loss("cross-entropy"), 1, 3, 3).Compute([z / 3, 0f, -z / 3], [0f, 1f, 0f]);
        Assert.That(loss, Is.EqualTo(Math.Abs(z / 3)).Within(1e-6).Percent);
        Assert.That(slope, Is.All.Matches<float>(float.IsFinite));
    }

    [TestCaseSource(nameof(Names))]
    public void NaN_is_reported_and_not_hidden(string name) =>
        Assert.That(new LossRun(Registry.Loss(name), 1, 2, 2).Compute([float.NaN, 0.5f], [1f, 0f]).Value, Is.NaN);

    [Test]
    public void Shapes_that_differ_are_refused_by_both_sizes() =>
        Assert.That(
            () => new LossRun(Registry.Loss("mse"), 2, 3, 4), Throws.ArgumentException.With.Message.Contains("3").And.Message.Contains("4"));

    /// <summary>Values that the loss is made for, away from its kinks.</summary>
    private static (float[] Predictions, float[] Targets) Data(string name, int batch, int outputs)
    {
        float[] a = Samples.Array(batch * outputs, (batch * 100) + outputs), y = Samples.Array(a.Length, a.Length + 5);
        for (int i = 0; i < a.Length; i++)
        {
            bool probability = name == "binary-cross-entropy";
            a[i] = probability ? 0.5f + (0.45f * a[i]) : 3f * a[i];
            y[i] = name.Contains("cross-entropy", StringComparison.Ordinal) ? 0.5f + (0.5f * y[i]) : y[i];
        }

        return (a, y);
    }

    private static GradientCheckReport Check(Loss loss, float[] a, float[] y, int batch, int outputs)
    {
        LossRun run = new(loss, batch, outputs, outputs);
        return GradientCheck.Run(run.Plan, [], run.Inputs(a, y), batch);
    }

    private readonly struct FlippedSquare : ILossFunction
    {
        public static string Name => "flipped";

        public static bool AveragesOutputs => true;

        public static T Value<T>(T a, T y) where T : struct, ILanes<T> => (a - y) * (a - y);

        public static T Derivative<T>(T a, T y) where T : struct, ILanes<T> => T.Constant(2.0) * (y - a);
    }
}
