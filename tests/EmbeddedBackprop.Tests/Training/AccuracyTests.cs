using EmbeddedBackprop.Activations;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Training;

/// <summary>The class that outputs predict, and the score of a broken network.</summary>
[TestFixture]
internal sealed class AccuracyTests
{
    [TestCase(new[] { 0.1f, 0.7f, 0.2f }, 1)]
    [TestCase(new[] { 0.7f, 0.7f, 0.2f }, 0)]
    [TestCase(new[] { float.NaN, 0.1f, 0.2f }, 2)]
    [TestCase(new[] { 0.3f, float.NaN, 0.2f }, 0)]
    [TestCase(new[] { float.NaN, float.NegativeInfinity }, 1)]
    [TestCase(new[] { float.NaN, float.NaN, float.NaN }, 0)]
    [TestCase(new[] { 0.5f }, 0)]
    [TestCase(new[] { 0.6f }, 1)]
    [TestCase(new[] { float.NaN }, 0)]
    public void The_largest_output_is_the_class(float[] outputs, int expected) => Assert.That(Accuracy.ClassOf(outputs), Is.EqualTo(expected));

    [TestCase(1)]
    [TestCase(3)]
    public void A_broken_network_is_right_nowhere(int outputs)
    {
        // All targets are class 0, which NaN would be taken for.
        Network network = new Sequential(2).Dense<Identity>(outputs).Compile<Quadratic>(new NetworkOptions { Batch = 4 });
        for (int sample = 0; sample < 4 && outputs > 1; sample++)
        {
            network.TrainingTarget(4)[sample * network.TargetStride] = 1f;
        }

        network.Parameters.Clear();
        network.ComputeLoss(4, out int sound);
        Assert.That(sound, Is.EqualTo(4), "control: without NaN class 0 is predicted");
        network.Parameters.Fill(float.NaN);
        network.ComputeLoss(4, out int broken);
        Assert.That(broken, Is.Zero);
    }
}
