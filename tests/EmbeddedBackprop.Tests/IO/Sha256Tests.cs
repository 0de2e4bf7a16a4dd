using System.Security.Cryptography;
using System.Text;
using EmbeddedBackprop.IO;
using EmbeddedBackprop.Kernels.Random;

namespace EmbeddedBackprop.Tests.IO;

[TestFixture]
public sealed class Sha256Tests
{
    [TestCase("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")]
    [TestCase("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")]
    [TestCase(
        "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1")]
    public void The_examples_of_the_standard(string text, string expected) =>
        Assert.That(Sum(Encoding.ASCII.GetBytes(text), []), Is.EqualTo(expected));

    [Test]
    public void Any_length_in_any_pieces_has_the_sum_of_the_platform()
    {
        CounterRandom random = new(1, RandomPurpose.Check);
        byte[] bytes = new byte[1 << 20];
        RandomSequence sequence = random.Sequence(0);
        for (int i = 0; i < bytes.Length; i++)
        {
            bytes[i] = (byte)sequence.NextBelow(256);
        }

        foreach (int length in Enumerable.Range(0, 260).Append(bytes.Length))
        {
            ReadOnlySpan<byte> part = bytes.AsSpan(0, length);
            string expected = Convert.ToHexStringLower(SHA256.HashData(part));
            for (int round = 0; round < 4; round++)
            {
                int[] cuts = [.. Enumerable.Range(0, round).Select(_ => sequence.NextBelow(length + 1)).Order()];
                Assert.That(Sum(part, cuts), Is.EqualTo(expected), $"{length} bytes in pieces that end at {string.Join(' ', cuts)}");
            }

            // The control: another last byte has another sum.
            if (length > 0)
            {
                byte[] changed = [.. part[..^1], (byte)(part[^1] ^ 1)];
                Assert.That(Sum(changed, []), Is.Not.EqualTo(expected));
            }
        }
    }

    private static string Sum(ReadOnlySpan<byte> bytes, ReadOnlySpan<int> cuts)
    {
        Sha256 hash = new();
        int begin = 0;
        foreach (int cut in cuts)
        {
            hash.Append(bytes[begin..cut]);
            begin = cut;
        }

        hash.Append(bytes[begin..]);
        Span<byte> sum = stackalloc byte[Sha256.Bytes];
        hash.Finish(sum);
        return Convert.ToHexStringLower(sum);
    }
}
