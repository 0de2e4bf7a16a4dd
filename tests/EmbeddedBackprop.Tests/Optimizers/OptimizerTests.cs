using EmbeddedBackprop.IO;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Optimizers;

namespace EmbeddedBackprop.Tests.Optimizers;

/// <summary>Every optimiser: its twin's bits at every width, its textbook's numbers, its settings.</summary>
[TestFixture]
internal sealed class OptimizerTests
{
    private const int Steps = 6;
    private const float Rate = 0.05f;

    public static IEnumerable<string> Names => OptimizerCases.Names;

    [TestCaseSource(nameof(Names))]
    public void Bits_of_the_twin_at_every_width_and_length(string name)
    {
        foreach (Arithmetic arithmetic in Widths.Arithmetics)
        {
            for (int length = 1; length <= 67; length++)
            {
                Numbers numbers = length % 3 == 0 ? Numbers.Edges : Numbers.Plain;
                (float[] expected, float[] expectedState) = Run(OptimizerCases.Make(name), arithmetic, length, numbers, scalar: true);
                Widths.ForEach(width =>
                {
                    (float[] actual, float[] state) = Run(OptimizerCases.Make(name), arithmetic, length, numbers, scalar: false);
                    Bits.AssertEqual(actual, expected, $"{name} {arithmetic} width {width} length {length}: parameters");
                    Bits.AssertEqual(state, expectedState, $"{name} {arithmetic} width {width} length {length}: state");
                });
            }
        }
    }

    [Test]
    public void The_comparison_sees_another_formula_and_another_rounding()
    {
        float[] momentum = Run(new Momentum(), Arithmetic.Fused, 67, Numbers.Plain, scalar: false).Parameters;
        float[] nesterov = Run(new Nesterov(), Arithmetic.Fused, 67, Numbers.Plain, scalar: true).Parameters;
        float[] separate = Run(new Momentum(), Arithmetic.Separate, 67, Numbers.Plain, scalar: true).Parameters;
        Assert.That(Bits.FirstDifference(momentum, nesterov), Is.Not.EqualTo(-1));
        Assert.That(Bits.FirstDifference(momentum, separate), Is.Not.EqualTo(-1));
    }

    [TestCaseSource(nameof(Names))]
    public void Numbers_of_the_textbook(string name)
    {
        const int Length = 40;
        float decay = name == "adamw" ? 0.1f : 0f;
        float[] start = Samples.Array(Length, 1);
        foreach (Arithmetic arithmetic in Widths.Arithmetics)
        {
            float[] actual = Run(OptimizerCases.Make(name), arithmetic, Length, Numbers.Plain, scalar: false, decay, steps: 20).Parameters;
            for (int i = 0; i < Length; i++)
            {
                float[] gradients = new float[20];
                for (int t = 0; t < gradients.Length; t++)
                {
                    gradients[t] = Samples.Array(Length, 100 + t)[i];
                }

                double expected = OptimizerCases.Reference(name, start[i], gradients, Rate, decay);
                Assert.That(actual[i], Is.EqualTo(expected).Within(2e-6 * Math.Max(1, Math.Abs(expected))), $"{name} {arithmetic} [{i}]");
            }
        }
    }

    [TestCaseSource(nameof(Names))]
    public void A_parameter_without_gradient_stays_finite(string name)
    {
        Optimizer optimizer = OptimizerCases.Make(name);
        float[] parameters = [0f, 1f, -1f];
        float[] state = new float[optimizer.StateLength(3)];
        optimizer.Reset(state.AsSpan(optimizer.StateArrays * 3));
        for (int t = 0; t < 2000; t++)
        {
            optimizer.BeginStep(state.AsSpan(optimizer.StateArrays * 3));
            optimizer.Update(new UpdateContext(Arithmetic.Fused, Range(3), parameters, new float[3], state, 3, Rate, 0f));
        }

        Bits.AssertEqual(parameters, [0f, 1f, -1f], name);
    }

    [TestCaseSource(nameof(Names))]
    public void Name_and_settings_make_its_like(string name)
    {
        Optimizer made = Registry.Optimizer(
            name,
            new OptimizerSettings
            {
                Momentum = 0.5f,
                Alpha = 0.8f,
                Beta1 = 0.7f,
                Beta2 = 0.9f,
                Epsilon = 1e-3f,
                Decrease = 0.3f,
                Increase = 1.1f,
                SmallestStep = 1e-4f,
                LargestStep = 2f,
            });
        Assert.That(made.Name, Is.EqualTo(name));
        Optimizer again = Registry.Optimizer(made.Name, made.Settings);
        Assert.That(again.GetType(), Is.EqualTo(made.GetType()));
        Assert.That(again.Settings, Is.EqualTo(made.Settings));
        if (name != "sgd")
        {
            Assert.That(made.Settings, Is.Not.EqualTo(Registry.Optimizer(name).Settings));
        }
    }

    [Test]
    public void An_unknown_name_is_answered_with_the_known_ones() =>
        Assert.That(
            () => Registry.Optimizer("adamax"),
            Throws.ArgumentException.With.Message.Contains("adamax").And.Message.Contains("adagrad, rmsprop"));

    [TestCase(-0.1f)]
    [TestCase(1f)]
    [TestCase(float.NaN)]
    [TestCase(float.PositiveInfinity)]
    public void Shares_lie_below_one(float value)
    {
        Assert.That(() => new Momentum { Coefficient = value }, Throws.InstanceOf<ArgumentOutOfRangeException>().With.Message.Contains("momentum"));
        Assert.That(() => new Nesterov { Coefficient = value }, Throws.InstanceOf<ArgumentOutOfRangeException>().With.Message.Contains("momentum"));
        Assert.That(() => new RmsProp { Alpha = value }, Throws.InstanceOf<ArgumentOutOfRangeException>().With.Message.Contains("alpha"));
        Assert.That(() => new Adam { Beta1 = value }, Throws.InstanceOf<ArgumentOutOfRangeException>().With.Message.Contains("beta1"));
        Assert.That(() => new AdamW { Beta2 = value }, Throws.InstanceOf<ArgumentOutOfRangeException>().With.Message.Contains("beta2"));
    }

    [TestCase(0f)]
    [TestCase(-1f)]
    [TestCase(float.NaN)]
    public void Epsilon_is_positive(float value)
    {
        Assert.That(() => new Adagrad { Epsilon = value }, Throws.InstanceOf<ArgumentOutOfRangeException>().With.Message.Contains("epsilon"));
        Assert.That(() => new RmsProp { Epsilon = value }, Throws.InstanceOf<ArgumentOutOfRangeException>().With.Message.Contains("epsilon"));
        Assert.That(() => new Adam { Epsilon = value }, Throws.InstanceOf<ArgumentOutOfRangeException>().With.Message.Contains("epsilon"));
    }

    /// <summary>
    /// By hand: the first step is the rate, then it grows, then the sign turns and the update is left out, then it continues from the halved step.
    /// </summary>
    [Test]
    public void Rprop_step_by_step()
    {
        Rprop rprop = new()
        {
            Increase = 1.5f,
            LargestStep = 0.25f,
            SmallestStep = 0.01f,
        };
        float[] gradients = [3f, 1e-30f, 1e-30f, -5f, -1f, -1f, 0f, -2f],
            expected = [0.9f, 0.75f, 0.525f, 0.525f, 0.6375f, 0.80625f, 0.80625f, 0.975f];
        float[] parameters = [1f],
            state = new float[2];
        for (int t = 0; t < gradients.Length; t++)
        {
            rprop.Update(new UpdateContext(Arithmetic.Fused, Range(1), parameters, [gradients[t]], state, 1, 0.1f, 0f));
            Assert.That(parameters[0], Is.EqualTo(expected[t]).Within(1e-6f), $"step {t + 1}");
        }
    }

    [TestCase(0f)]
    [TestCase(1f)]
    [TestCase(float.NaN)]
    public void Rprop_shrinks_and_grows(float value)
    {
        Assert.That(() => new Rprop { Decrease = value }, Throws.InstanceOf<ArgumentOutOfRangeException>().With.Message.Contains("decrease"));
        Assert.That(() => new Rprop { Increase = value - 0.5f }, Throws.InstanceOf<ArgumentOutOfRangeException>().With.Message.Contains("increase"));
        Assert.That(
            () => new Rprop { SmallestStep = -value },
            Throws.InstanceOf<ArgumentOutOfRangeException>().With.Message.Contains("smallest step"));
        Assert.That(() => new Rprop { LargestStep = -value }, Throws.InstanceOf<ArgumentOutOfRangeException>().With.Message.Contains("largest step"));
    }

    private static ParameterRange Range(int length) => new("w", ParameterKind.Weight, 0, 1, length, length);

    private static (float[] Parameters, float[] State) Run(
        Optimizer optimizer, Arithmetic arithmetic, int length, Numbers numbers, bool scalar, float decay = 0.01f, int steps = Steps)
    {
        float[] parameters = Samples.Array(length, 1, numbers);
        float[] state = new float[optimizer.StateLength(length)];
        Span<float> scalars = state.AsSpan(optimizer.StateArrays * length);
        optimizer.Reset(scalars);
        for (int t = 0; t < steps; t++)
        {
            optimizer.BeginStep(scalars);
            UpdateContext context = new(
                arithmetic,
                Range(length),
                parameters,
                Samples.Array(length, 100 + t, numbers),
                state,
                length,
                Rate,
                optimizer.DecouplesDecay ? decay : 0f);
            if (scalar)
            {
                optimizer.UpdateScalar(in context);
            }
            else
            {
                optimizer.Update(in context);
            }
        }

        return (parameters, state);
    }
}
