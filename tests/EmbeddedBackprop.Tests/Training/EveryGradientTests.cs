using System.Globalization;
using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Data;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Kernels.Lanes;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Training;

/// <summary>
/// Backpropagation of every op, and of every activation before every loss, against central differences in double; the float gradients against those
/// in double. The worst errors are printed.
/// </summary>
internal sealed class EveryGradientTests
{
    // A truncated sum over time is not the gradient, by its definition.
    private static readonly string[] Texts = [.. LayerAllocationTests.Texts.Select(text => text.Replace(" truncate2", "", StringComparison.Ordinal))];

    [Test]
    public void Every_layer([ValueSource(nameof(Texts))] string text, [Values(1, 5)] int batch)
    {
        using Network network = Compile(text, Registry.Loss("mse"), batch);
        Worst worst = new();
        // Indices of a table, and masks.
        bool zerosAndOnes = text.Contains("embedding", StringComparison.Ordinal) || text.Contains("m = input", StringComparison.Ordinal);
        worst.Add(text, Check(network, batch, zerosAndOnes));
        worst.AssertGood();
    }

    [Test]
    public void Every_activation_before_every_loss([Values(1, 7)] int batch)
    {
        Worst worst = new();
        foreach (string activation in Registry.ActivationNames)
        {
            foreach (string loss in Registry.LossNames)
            {
                if (loss == "binary-cross-entropy" && activation is not ("sigmoid" or "softmax"))
                {
                    // It is a loss of probabilities.
                    continue;
                }

                using Network network = new Sequential(5).Dense(6, Registry.Activation(activation)).Dense(3, Registry.Activation(activation))
                    .Compile(Registry.Loss(loss), new NetworkOptions { Batch = batch, Seed = 3 });
                worst.Add($"{activation}, {loss}", Check(network, batch));
            }
        }

        worst.AssertGood();
    }

    [Test]
    public void Control_a_flipped_sign_is_caught()
    {
        using Network network = new Sequential(5).Dense<FlippedSigmoid>(6).Dense<Sigmoid>(3)
            .Compile<Quadratic>(new NetworkOptions { Batch = 3, Seed = 3 });
        Worst worst = new();
        worst.Add("flipped", Check(network, 3));
        Assert.That(worst.AssertGood, Throws.InstanceOf<AssertionException>().Or.InstanceOf<MultipleAssertException>());
    }

    private static GradientCheckReport Check(Network network, int batch, bool zerosAndOnes = false)
    {
        int inputs = network.Inputs.Sum(node => node.Shape.Length), outputs = network.Output.Shape.Length;
        float[] rows = Samples.Array(batch * inputs, 1), targets = Samples.Array(batch * outputs, 2);
        for (int i = 0; zerosAndOnes && i < rows.Length; i++)
        {
            rows[i] = rows[i] > -0.7f ? 1f : 0f;
        }

        for (int i = 0; i < targets.Length; i++)
        {
            // Some below every probability: a mean absolute error whose signs are all alike has no gradient through a softmax.
            targets[i] = i % 3 == 2 ? 0f : MathF.Abs(targets[i]);
        }

        // Twice the usual limit in float: a norm of ReLU's values that nearly agree divides by little, and has 1.1e-5.
        return GradientCheck.Run(
            network, FloatDataset.Regression(rows, inputs, targets, outputs), new GradientCheckOptions { FloatLimit = 2e-5 });
    }

    private static Network Compile(string text, Loss loss, int batch) =>
        NetCompiler.Compile(text, loss, new NetworkOptions { Batch = batch, Seed = 5 });

    private readonly struct FlippedSigmoid : IActivationFunction
    {
        public static string Name => "flipped";

        public static bool DerivativeReadsInput => false;

        public static T Value<T>(T z) where T : struct, ILanes<T> => T.Sigmoid(z);

        public static T Derivative<T>(T z, T a) where T : struct, ILanes<T> => -(a * (T.One - a));
    }

    private sealed class Worst
    {
        private readonly List<string> failures = [];
        private double difference, single;
        private string differenceAt = "nowhere", singleAt = "nowhere";
        private long points, kinks;

        public void Add(string what, GradientCheckReport report)
        {
            foreach (GradientCheckRow row in report.Rows)
            {
                points += row.Checked;
                kinks += row.Kinks;
                if (row.DifferenceError > difference)
                {
                    (difference, differenceAt) = (row.DifferenceError, $"{row.Name}, {what}");
                }

                if (row.FloatError > single)
                {
                    (single, singleAt) = (row.FloatError, $"{row.Name}, {what}");
                }
            }

            if (!report.Passed)
            {
                failures.Add($"{what}\n{report}");
            }
        }

        public void AssertGood()
        {
            TestContext.Out.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{points} points, {kinks} more at kinks left out; double against differences at most {difference:E1} ({differenceAt}), "
                    + $"float against double at most {single:E1} ({singleAt})"));
            Assert.That(points, Is.Positive);
            Assert.That(failures, Is.Empty);
        }
    }
}
