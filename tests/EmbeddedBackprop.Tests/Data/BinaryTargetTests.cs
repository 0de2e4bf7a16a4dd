using EmbeddedBackprop.Data;

namespace EmbeddedBackprop.Tests.Data;

[TestFixture]
public sealed class BinaryTargetTests
{
    [Test]
    public void The_target_is_the_class_itself()
    {
        BinaryTarget data = new(FloatDataset.Classified([1, 2, 3, 4, 5, 6], 2, [1, 0, 1], 2));
        float[] inputs = [9, 9, 9, 9, 9, 9], targets = [9, 9, 9, 9];
        data.Gather([2, 1], inputs, 3, targets, 2);
        Assert.That(inputs, Is.EqualTo(new float[] { 5, 6, 9, 3, 4, 9 }));
        Assert.That(targets, Is.EqualTo(new float[] { 1, 9, 0, 9 }));
        Assert.That((data.Count, data.InputLength, data.TargetLength, data.ClassCount, data.Label(2)), Is.EqualTo((3, 2, 1, 2, 1)));
    }

    [Test]
    public void Three_classes_are_refused() =>
        Assert.That(() => new BinaryTarget(FloatDataset.Classified([1, 2, 3], 1, [0, 1, 2], 3)), Throws.ArgumentException.With.Message.Contains("3"));

    [Test]
    public void Another_number_another_fingerprint()
    {
        string original = DataFingerprint.Of(FloatDataset.Classified([1, 2, 3, 4], 2, [0, 1], 2));
        Assert.That(DataFingerprint.Of(FloatDataset.Classified([1, 2, 3, 4], 2, [0, 1], 2)), Is.EqualTo(original));
        Assert.That(DataFingerprint.Of(FloatDataset.Classified([1, 2, 3, 5], 2, [0, 1], 2)), Is.Not.EqualTo(original));
        Assert.That(DataFingerprint.Of(FloatDataset.Classified([1, 2, 3, 4], 2, [1, 1], 2)), Is.Not.EqualTo(original));
        Assert.That(
            DataFingerprint.Of(new ByteDataset([1, 2], [0, 1], 1, 2)),
            Is.Not.EqualTo(DataFingerprint.Of(new ByteDataset([1, 3], [0, 1], 1, 2))));
    }
}
