using EmbeddedBackprop.IO;

namespace EmbeddedBackprop.Tests.IO;

public sealed class WeightsHashTests
{
    // Expected by sha256sum over the little-endian bytes.
    [TestCase(new float[0], "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")]
    [TestCase(new[] { 1f }, "e00e5eb9444182f352323374ef4e08ebcb784725fdd4fd612d7730540b3e0c8c")]
    [TestCase(new[] { 1f, -2.5f, 0f }, "738e86d615200bd3391d7ae379779a8e4644bade56d93d0634aa07004fa697f3")]
    public void The_sum_is_that_of_the_little_endian_bytes(float[] values, string expected) =>
        Assert.That(WeightsHash.Of(values), Is.EqualTo(expected));

    [Test]
    public void A_sign_of_zero_is_seen() =>
        Assert.That(WeightsHash.Of([0f]), Is.Not.EqualTo(WeightsHash.Of([-0f])));
}
