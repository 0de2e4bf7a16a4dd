using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Losses;

/// <summary>Class indices as targets, targets of any sum, and which predictions count as right.</summary>
internal sealed class SoftmaxCrossEntropyTests
{
    [Test]
    public void A_class_index_gives_the_bits_of_the_one_hot_target(
        [Values(2, 3, 10, 16, 19, 40)] int classes, [Values] Arithmetic arithmetic, [Values] Execution execution)
    {
        const int Batch = 7;
        float[] z = [.. Samples.Array(Batch * classes, classes).Select(x => 9f * x)], labels = new float[Batch], oneHot = new float[Batch * classes];
        for (int sample = 0; sample < Batch; sample++)
        {
            labels[sample] = sample * 5 % classes;
            oneHot[(sample * classes) + (int)labels[sample]] = 1f;
        }

        Widths.ForEach(width =>
        {
            (float value, float[] gradient) = new LossRun(new SoftmaxCrossEntropy(), Batch, classes, classes, arithmetic).Compute(
                z,
                oneHot,
                execution);
            (float indexValue, float[] indexGradient) = new LossRun(new SoftmaxCrossEntropy(), Batch, classes, 1, arithmetic).Compute(
                z,
                labels,
                execution);
            Bits.AssertEqual(indexValue, value, $"width {width}");
            Bits.AssertEqual(indexGradient, gradient, $"width {width} gradient");
        });
    }

    [Test]
    public void The_gradient_is_right_for_a_class_index_too()
    {
        float[] z = Samples.Array(3 * 6, 4);
        LossRun run = new(new SoftmaxCrossEntropy(), 3, 6, 1);
        GradientCheckReport report = GradientCheck.Run(run.Plan, [], run.Inputs(z, [5f, 0f, 2f]), 3);
        Assert.That(report.Passed, Is.True, report.ToString());
    }

    [TestCase(-1f)]
    [TestCase(4f)]
    [TestCase(1.5f)]
    [TestCase(float.NaN)]
    public void A_class_that_does_not_exist_is_refused(float label) =>
        Assert.That(
            () => new LossRun(new SoftmaxCrossEntropy(), 1, 4, 1).Compute(new float[4], [label]),
            Throws.InstanceOf<ArgumentOutOfRangeException>().With.Message.Contains("0 to 3"));

    [Test]
    public void Right_predictions_are_counted_for_indices_and_for_one_hot_targets()
    {
        float[] z = [3f, 1f, 2f, 0f, 5f, 1f, 1f, 2f, 9f];
        Assert.That(Count(3, [0f, 1f, 1f], 1), Is.EqualTo(2));
        Assert.That(Count(3, [1f, 0f, 0f, 0f, 1f, 0f, 0f, 1f, 0f], 3), Is.EqualTo(2));

        int Count(int outputs, float[] y, int targets) =>
            new LossRun(new SoftmaxCrossEntropy(), 3, outputs, targets).Loss.CountCorrect(z, 3, y, targets, 3);
    }

    [Test]
    public void A_single_logit_is_decided_at_zero_and_a_probability_at_one_half()
    {
        float[] outputs = [0.2f, -0.2f, 0.7f], targets = [1f, 0f, 1f];
        Assert.That(new LossRun(new Loss<BinaryCrossEntropyWithLogits>(), 3, 1, 1).Loss.CountCorrect(outputs, 1, targets, 1, 3), Is.EqualTo(3));
        Assert.That(new LossRun(new Loss<BinaryCrossEntropy>(), 3, 1, 1).Loss.CountCorrect(outputs, 1, targets, 1, 3), Is.EqualTo(2));
    }
}
