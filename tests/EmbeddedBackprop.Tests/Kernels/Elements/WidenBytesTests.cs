using EmbeddedBackprop.Kernels.Elements;
using EmbeddedBackprop.Kernels.Lanes;

namespace EmbeddedBackprop.Tests.Kernels;

[TestFixture]
[NonParallelizable]
public sealed class WidenBytesTests
{
    [TestCase(1)]
    [TestCase(128)]
    [TestCase(512)]
    public void Every_length_and_offset_gives_the_product(int width)
    {
        int before = LaneDispatch.Width;
        try
        {
            LaneDispatch.Width = width;
            byte[] bytes = new byte[600];
            for (int i = 0; i < bytes.Length; i++)
            {
                bytes[i] = (byte)(i * 89);
            }

            for (int length = 0; length <= 67; length++)
            {
                for (int offset = 0; offset < 4; offset++)
                {
                    Check(bytes.AsSpan(offset, length));
                }
            }

            Check(bytes);
        }
        finally
        {
            LaneDispatch.Width = before;
        }
    }

    [Test]
    public void A_destination_of_another_length_is_refused() =>
        Assert.That(() => WidenBytes.Run(new byte[3], 1f, new float[4]), Throws.ArgumentException);

    private static void Check(ReadOnlySpan<byte> bytes)
    {
        float[] floats = new float[bytes.Length + 2];
        floats[0] = floats[^1] = -7f;
        WidenBytes.Run(bytes, 1f / 255f, floats.AsSpan(1, bytes.Length));
        for (int i = 0; i < bytes.Length; i++)
        {
            if (floats[i + 1] != bytes[i] * (1f / 255f))
            {
                Assert.Fail($"length {bytes.Length}, element {i}: {floats[i + 1]:R}");
            }
        }

        Assert.That((floats[0], floats[^1]), Is.EqualTo((-7f, -7f)), "nothing beside the destination is written");
    }
}
