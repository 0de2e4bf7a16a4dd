using EmbeddedBackprop.Activations;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Losses;
using EmbeddedBackprop.Training;

namespace EmbeddedBackprop.Tests.Losses;

/// <summary>Label smoothing and class weights: PyTorch's numbers, hand-computed ones, the twins' bits, gradients, files.</summary>
internal sealed class LossTargetTests
{
    private const int Classes = 3;
    private static readonly float[] Logits = [0.5f, -1.25f, 2f, -0.75f, 0.25f, 1.5f, 3f, -2f, 0.125f, 0f, 1f, -1f];
    private static readonly float[] Labels = [2f, 0f, 1f, 1f];

    // torch.nn.functional.cross_entropy(z, y, label_smoothing=e, weight=w, reduction='sum') / 4 in float64, PyTorch 1.13; z as above; w = (0.5, 2,
    // 1.25).
    [TestCase(0f, false, 2.0705351500464206)]
    [TestCase(0.1f, false, 2.0486601497204577)]
    [TestCase(0.3f, false, 2.0049101474387174)]
    [TestCase(0f, true, 3.129701449733501)]
    public void Cross_entropy_is_PyTorchs(float smoothing, bool weighted, double expected)
    {
        Loss Make() => new SoftmaxCrossEntropy { LabelSmoothing = smoothing, ClassWeights = weighted ? [0.5f, 2f, 1.25f] : null };
        Assert.That(new LossRun(Make(), 4, Classes, Classes).Compute(Logits, OneHot()).Value, Is.EqualTo(expected).Within(1e-6 * expected));
        Assert.That(new LossRun(Make(), 4, Classes, 1).Compute(Logits, Labels).Value, Is.EqualTo(expected).Within(1e-6 * expected));
    }

    // binary_cross_entropy_with_logits of the targets smoothed by hand, times the weight of each sample, summed over outputs, over 4 samples; the
    // same program.
    [TestCase(0.2f, false, 2.9956106824477855)]
    [TestCase(0f, true, 4.507212338689841)]
    [TestCase(0.2f, true, 4.405649837176441)]
    public void Binary_cross_entropy_is_PyTorchs_of_those_targets(float smoothing, bool weighted, double expected)
    {
        LossSettings settings = new() { LabelSmoothing = smoothing, ClassWeights = weighted ? [0.5f, 2f, 1.25f] : null };
        Loss loss = Registry.Loss("binary-cross-entropy-with-logits", settings);
        Assert.That(new LossRun(loss, 4, Classes, Classes).Compute(Logits, OneHot()).Value, Is.EqualTo(expected).Within(1e-6 * expected));
    }

    /// <summary>One output, weights 0.25 for class 0 and 3 for class 1, quadratic: 1/(2n) * (0.25 * 0.3^2 + 3 * 0.5^2).</summary>
    [Test]
    public void A_single_output_has_two_weights()
    {
        LossRun run = new(new Loss<Quadratic> { ClassWeights = [0.25f, 3f] }, 2, 1, 1);
        (float value, float[] gradient) = run.Compute([0.3f, 0.5f], [0f, 1f]);
        Assert.That(value, Is.EqualTo(((0.25 * 0.09) + (3 * 0.25)) / 4).Within(1e-7));
        Assert.That(gradient, Is.EqualTo(new[] { 0.25f * 0.3f / 2, 3f * -0.5f / 2 }).Within(1e-7f));
    }

    [Test]
    public void Bits_of_the_twins_at_every_width_and_in_parts_and_the_gradient_of_differences(
        [Values("cross-entropy", "cross-entropy index", "binary-cross-entropy", "binary-cross-entropy-with-logits", "quadratic")] string name,
        [Values(1, 3, 17, 40)] int outputs, [Values] bool smooth, [Values] bool weigh)
    {
        bool index = name.EndsWith("index", StringComparison.Ordinal);
        if (index && outputs == 1)
        {
            return;
        }

        const int Batch = 7;
        LossSettings settings = new()
        {
            LabelSmoothing = smooth && name != "quadratic" ? 0.15f : null,
            ClassWeights = weigh ? [.. Enumerable.Range(1, Math.Max(outputs, 2)).Select(i => 0.3f * i)] : null,
        };
        float[] a = [.. Samples.Array(Batch * outputs, outputs).Select(x => name == "binary-cross-entropy" ? 0.5f + (0.4f * x) : 3f * x)];
        float[] y = index
            ? [.. Enumerable.Range(0, Batch).Select(i => (float)(i * 5 % outputs))]
            : [.. Samples.Array(Batch * outputs, 8).Select(x => x > 0.4f ? 1f : 0f)];
        int targets = index ? 1 : outputs;
        foreach (Arithmetic arithmetic in Widths.Arithmetics)
        {
            LossRun scalar = new(Make(), Batch, outputs, targets, arithmetic, Layout.Compact);
            (float value, float[] gradient) = scalar.Compute(a, y, Execution.Scalar);
            Widths.ForEach(width =>
            {
                LossRun run = new(Make(), Batch, outputs, targets, arithmetic);
                (float actual, float[] actualGradient) = run.Compute(a, y);
                Bits.AssertEqual(actual, value, $"{arithmetic} width {width}");
                Bits.AssertEqual(actualGradient, gradient, $"{arithmetic} width {width} gradient");

                // In two parts of one logical batch.
                (_, float[] first) = run.Compute(a[..(3 * outputs)], y[..(3 * targets)], Execution.Vector, Batch);
                (float whole, float[] second) = run.Compute(a[(3 * outputs)..], y[(3 * targets)..], Execution.Vector, Batch, 3);
                Bits.AssertEqual(whole, value, $"{arithmetic} width {width} parts");
                Bits.AssertEqual([.. first, .. second], gradient, $"{arithmetic} width {width} parts' gradient");
            });

            GradientCheckReport report = GradientCheck.Run(scalar.Plan, [], scalar.Inputs(a, y), Batch);
            Assert.That(report.Passed, Is.True, report.ToString());
        }

        Loss Make() => Registry.Loss(name.Split(' ')[0], settings);
    }

    [Test]
    public void Control_other_settings_give_other_bits()
    {
        (float value, float[] gradient)[] seen =
        [
            Compute(new SoftmaxCrossEntropy()),
            Compute(new SoftmaxCrossEntropy { LabelSmoothing = 0.1f }),
            Compute(new SoftmaxCrossEntropy { ClassWeights = [1f, 2f, 1f] }),
            Compute(new SoftmaxCrossEntropy { LabelSmoothing = 0.1f, ClassWeights = [1f, 2f, 1f] }),
        ];
        Assert.That(seen.Select(x => x.value).Distinct().Count(), Is.EqualTo(4));
        Bits.AssertEqual(Compute(new SoftmaxCrossEntropy { ClassWeights = [1f, 1f, 1f] }).Gradient, seen[0].gradient, "weights of 1 are none");

        static (float Value, float[] Gradient) Compute(Loss loss) => new LossRun(loss, 4, Classes, Classes).Compute(Logits, OneHot());
    }

    [Test]
    public void A_network_and_its_file_keep_the_settings_on_logits_too()
    {
        Loss loss = new Loss<BinaryCrossEntropy> { LabelSmoothing = 0.1f, ClassWeights = [0.5f, 2f], Weight = 3f };
        Network net = new Sequential(4).Dense<Sigmoid>(1).Compile(loss, new NetworkOptions());
        Assert.That(net.Loss, Is.TypeOf<Loss<BinaryCrossEntropyWithLogits>>());
        Assert.That((net.Loss!.LabelSmoothing, net.Loss.ClassWeights![1], net.Loss.Weight), Is.EqualTo((0.1f, 2f, 3f)));
        Loss again = ModelFile.Parse(ModelFile.ToArray(net), "m").ToNetwork().Loss!;
        Assert.That((again.LabelSmoothing, again.ClassWeights![0], again.ClassWeights[1], again.Weight), Is.EqualTo((0.1f, 0.5f, 2f, 3f)));
        Network plain = new Sequential(4).Dense<Sigmoid>(1).Compile<BinaryCrossEntropy>(new NetworkOptions());
        Assert.That(ModelFile.Parse(ModelFile.ToArray(plain), "m").ToNetwork().Loss!.Options, Is.EqualTo(new LossSettings()));
    }

    [Test]
    public void Wrong_settings_are_told()
    {
        Assert.That(
            () => new SoftmaxCrossEntropy { LabelSmoothing = 1f },
            Throws.InstanceOf<ArgumentOutOfRangeException>().With.Message.Contains("label smoothing"));
        Assert.That(
            () => new SoftmaxCrossEntropy { ClassWeights = [1f, -1f] },
            Throws.InstanceOf<ArgumentOutOfRangeException>().With.Message.Contains("class weight"));
        Assert.That(
            () => new LossRun(new Loss<Quadratic> { LabelSmoothing = 0.1f }, 1, 3, 3),
            Throws.ArgumentException.With.Message.Contains("belongs to cross-entropy"));
        Assert.That(
            () => new LossRun(new Loss<Quadratic> { ClassWeights = [1f, 2f] }, 1, 3, 3),
            Throws.ArgumentException.With.Message.Contains("expected 3 class weights, got 2"));
        Assert.That(
            () => new LossRun(new Loss<Quadratic> { ClassWeights = [1f] }, 1, 1, 1),
            Throws.ArgumentException.With.Message.Contains("expected 2 class weights, got 1"));
    }

    private static float[] OneHot()
    {
        float[] y = new float[Labels.Length * Classes];
        for (int sample = 0; sample < Labels.Length; sample++)
        {
            y[(sample * Classes) + (int)Labels[sample]] = 1f;
        }

        return y;
    }
}
