using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Data;
using EmbeddedBackprop.Initializers;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Training;

/// <summary>The check accepts right gradients and refuses planted errors.</summary>
internal sealed class GradientCheckTests
{
    [TestCase(1, Arithmetic.Fused)]
    [TestCase(1, Arithmetic.Separate)]
    [TestCase(7, Arithmetic.Fused)]
    [TestCase(16, Arithmetic.Separate)]
    public void A_right_backward_pass_is_accepted(int batch, Arithmetic arithmetic)
    {
        Network network = new Sequential(9).Dense<Sigmoid>(13).Dense<Sigmoid>(5).Dense<Identity>(3)
            .Compile<Quadratic>(new NetworkOptions { Batch = batch, Seed = 5, Arithmetic = arithmetic });
        GradientCheckReport report = GradientCheck.Run(network, RandomData(batch, 9, 3));
        TestContext.Out.WriteLine(report);
        Assert.That(report.Passed, Is.True, report.ToString());
        Assert.That(report.Rows, Has.Count.EqualTo(6));
        Assert.That(report.Rows.Sum(row => row.Checked), Is.GreaterThan(200));
    }

    [Test]
    public void One_output_is_one_long_sum_and_passes_too()
    {
        Network network = new Sequential(37).Dense<Sigmoid>(1).Compile<Quadratic>(new NetworkOptions { Batch = 6, Seed = 2 });
        Assert.That(GradientCheck.Run(network, RandomData(6, 37, 1)).Passed, Is.True);
    }

    [Test]
    public void A_gradient_that_cancels_to_0_is_not_compared_with_rounding()
    {
        // Mean absolute error, two samples above their targets and two below: the bias has the gradient 0, the differences have digits of the loss.
        Network network = new Sequential(3).Dense<Identity>(1).Compile<MeanAbsolute>(new NetworkOptions { Batch = 4, Seed = 2 });
        float[] x = new float[12];
        new CounterRandom(3).FillNormal(0, 0, 0f, 1f, x);
        GradientCheckReport report = GradientCheck.Run(network, FloatDataset.Regression(x, 3, [50.3f, -49.1f, 51.7f, -50.9f], 1));
        Assert.That(report.Rows[1].Norm, Is.Zero);
        Assert.That(report.Passed, Is.True, report.ToString());
    }

    [Test]
    public void A_flipped_sign_is_caught()
    {
        Network network = new Sequential(9)
            .Dense<FlippedSigmoid>(13)
            .Dense<Sigmoid>(3)
            .Compile<Quadratic>(new NetworkOptions { Batch = 4, Seed = 5 });
        GradientCheckReport report = GradientCheck.Run(network, RandomData(4, 9, 3));
        Assert.That(report.Passed, Is.False);
        Assert.That(report.Rows.Where(row => !row.Passed).Select(row => row.Name), Is.EquivalentTo(new[] { "dense1.weight", "dense1.bias" }));
    }

    [Test]
    public void An_error_of_a_millionth_is_caught()
    {
        Network network = new Sequential(9).Dense<SlightlyWrong>(5).Compile<Quadratic>(new NetworkOptions { Batch = 4, Seed = 5 });
        GradientCheckReport report = GradientCheck.Run(network, RandomData(4, 9, 5));
        Assert.That(report.Passed, Is.False, report.ToString());
    }

    [Test]
    public void A_gradient_that_cancels_is_measured_by_the_whole_gradient()
    {
        // Every column of the second layer is constant, and a softmax sums to 1: nothing before it can change the loss.
        Network network = new Sequential(9)
            .Dense(8, new EmbeddedBackprop.Activations.Softmax())
            .Dense<Identity>(3)
            .Compile<Quadratic>(new NetworkOptions { Batch = 6, Seed = 5, Initializer = new Normal() });
        Weights(network, 2, (index, _) => 0.5f + (index / 8));
        GradientCheckReport report = GradientCheck.Run(network, RandomData(6, 9, 3));
        TestContext.Out.WriteLine(report);
        Assert.That(report.Passed, Is.True, report.ToString());
        Assert.That(report.Rows[0].Norm, Is.LessThan(1e-12 * report.Rows[3].Norm), "otherwise the case shows nothing");

        GradientCheckOptions without = new() { DifferenceFloor = 0, FloatFloor = 0 };
        Assert.That(GradientCheck.Run(network, RandomData(6, 9, 3), without).Passed, Is.False, "the floors are what makes it pass");
    }

    [TestCase(1f)]
    [TestCase(1e-3f)]
    [TestCase(1e-6f)]
    public void A_flipped_sign_is_caught_in_a_tensor_with_a_small_gradient(float scale)
    {
        Network network = new Sequential(9)
            .Dense<FlippedSigmoid>(13)
            .Dense<Identity>(3)
            .Compile<Quadratic>(new NetworkOptions { Batch = 4, Seed = 5 });
        Weights(network, 2, (_, weight) => weight * scale);
        GradientCheckReport report = GradientCheck.Run(network, RandomData(4, 9, 3));
        Assert.That(
            report.Rows.Where(row => !row.Passed).Select(row => row.Name),
            Is.EquivalentTo(new[] { "dense1.weight", "dense1.bias" }),
            report.ToString());
    }

    [Test]
    public void Points_at_a_kink_are_left_out_and_counted()
    {
        // All weighted inputs are 0 (zero input, zero bias): every bias is exactly at the kink.
        Network network = new Sequential(2).Dense<Hinge>(4).Compile<Quadratic>(new NetworkOptions { Batch = 1, Seed = 1 });
        network.Parameters.Clear();
        FloatDataset data = FloatDataset.Regression([0f, 0f], 2, [1f, 1f, 1f, 1f], 4);
        GradientCheckRow bias = GradientCheck.Run(network, data).Rows[1];
        Assert.That(bias.Kinks, Is.EqualTo(4));
        Assert.That(bias.Passed, Is.False, "a tensor without a checked element proves nothing");
    }

    /// <summary>Changes one tensor, given in [out, in] order.</summary>
    private static void Weights(Network network, int tensor, Func<int, float, float> change)
    {
        ParameterRange range = network.InferencePlan.Parameters[tensor];
        float[] values = new float[range.Count];
        range.CopyTo<float>(network.Parameters, values);
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = change(i, values[i]);
        }

        range.CopyFrom<float>(values, network.Parameters);
    }

    private static FloatDataset RandomData(int count, int inputs, int outputs)
    {
        CounterRandom random = new(17);
        float[] x = new float[count * inputs], y = new float[count * outputs];
        random.FillNormal(0, 0, 0f, 1f, x);
        random.FillUniform(1, 0, 0f, 1f, y);
        return FloatDataset.Regression(x, inputs, y, outputs);
    }

    private readonly struct FlippedSigmoid : IActivationFunction
    {
        public static string Name => "flipped";

        public static bool DerivativeReadsInput => false;

        public static T Value<T>(T z) where T : struct, ILanes<T> => T.Sigmoid(z);

        public static T Derivative<T>(T z, T a) where T : struct, ILanes<T> => -(a * (T.One - a));
    }

    private readonly struct SlightlyWrong : IActivationFunction
    {
        public static string Name => "slightly-wrong";

        public static bool DerivativeReadsInput => false;

        public static T Value<T>(T z) where T : struct, ILanes<T> => T.Sigmoid(z);

        public static T Derivative<T>(T z, T a) where T : struct, ILanes<T> => a * (T.One - a) * T.Constant(1.000001);
    }

    private readonly struct Hinge : IActivationFunction
    {
        public static string Name => "hinge";

        public static bool DerivativeReadsInput => true;

        public static T Value<T>(T z) where T : struct, ILanes<T> => T.IfGreater(z, T.Zero, z, T.Zero);

        public static T Derivative<T>(T z, T a) where T : struct, ILanes<T> => T.IfGreater(z, T.Zero, T.One, T.Zero);
    }
}
