using System.Security.Cryptography;
using EmbeddedBackprop.Data;
using EmbeddedBackprop.Data.Digits;

namespace EmbeddedBackprop.Tests.Data.Digits;

[TestFixture]
public sealed class DigitsGeneratorTests
{
    // One byte of one picture changes these: they are part of what a seed promises, on every machine and at every vector width.
    [TestCase(1ul, 0, "8584f49c262d883f10a1da865deb94fad85c309f4ef0966c201b05b5bc33e8fa")]
    [TestCase(0xFFFFFFFFFFFFFFFFul, 1_000_003, "bc0bfebc661058ea300b6b9fe7e64946c1520eaddc9e2f111b19dbb27c0ab3e4")]
    public void The_pictures_of_a_seed_never_change(ulong seed, int first, string expected)
    {
        ByteDataset digits = DigitsGenerator.Create(200, seed, first);
        byte[] all = [.. digits.Inputs, .. digits.Labels];
        Assert.That(Convert.ToHexStringLower(SHA256.HashData(all)), Is.EqualTo(expected));
        all[1000] ^= 1;
        Assert.That(Convert.ToHexStringLower(SHA256.HashData(all)), Is.Not.EqualTo(expected));
    }

    [Test]
    public void A_picture_depends_on_seed_and_index_alone()
    {
        ByteDataset whole = DigitsGenerator.Create(40, 3);
        ByteDataset part = DigitsGenerator.Create(13, 3, first: 17);
        for (int i = 0; i < part.Count; i++)
        {
            Assert.That(part.Label(i), Is.EqualTo(whole.Label(17 + i)));
            Assert.That(part.Row(i).SequenceEqual(whole.Row(17 + i)));
        }

        Assert.That(DigitsGenerator.Create(40, 4).Inputs.SequenceEqual(whole.Inputs), Is.False);
    }

    [Test]
    public void Of_every_ten_pictures_each_digit_is_one_and_no_two_are_the_same()
    {
        ByteDataset digits = DigitsGenerator.Create(2000, 7);
        Assert.That((digits.ClassCount, digits.InputLength, digits.Count), Is.EqualTo((10, 784, 2000)));
        var seen = new HashSet<string>();
        var orders = new HashSet<string>();
        for (int i = 0; i < digits.Count; i += 10)
        {
            int[] labels = [.. Enumerable.Range(i, 10).Select(digits.Label)];
            Assert.That(labels, Is.EquivalentTo(Enumerable.Range(0, 10)));
            orders.Add(string.Concat(labels));
            for (int j = i; j < i + 10; j++)
            {
                Assert.That(seen.Add(Convert.ToBase64String(SHA256.HashData(digits.Row(j)))));
            }
        }

        Assert.That(orders, Has.Count.EqualTo(200));
    }

    [Test]
    public void Every_picture_has_ink_in_the_middle_and_paper_around()
    {
        ByteDataset digits = DigitsGenerator.Create(2000, 11);
        double sum = 0;
        for (int i = 0; i < digits.Count; i++)
        {
            ReadOnlySpan<byte> picture = digits.Row(i);
            int dark = 0, darkOnEdge = 0;
            for (int p = 0; p < picture.Length; p++)
            {
                sum += picture[p];
                if (picture[p] < 128)
                {
                    continue;
                }

                dark++;
                if (p % 28 is 0 or 27 || p / 28 is 0 or 27)
                {
                    darkOnEdge++;
                }
            }

            Assert.That(dark, Is.InRange(10, 300), $"picture {i} of a {digits.Label(i)}");
            Assert.That(darkOnEdge, Is.LessThan(14), $"picture {i} of a {digits.Label(i)} is cut off");
        }

        Assert.That(sum / digits.Inputs.Length, Is.InRange(20.0, 40.0));
    }

    [Test]
    public void A_nearest_mean_tells_most_pictures_so_labels_and_pictures_belong_together()
    {
        ByteDataset training = DigitsGenerator.Create(2000, 1);
        ByteDataset test = DigitsGenerator.Create(500, 1, first: 100_000);
        double right = NearestMean(training, test, i => training.Label(i));
        Assert.That(right, Is.InRange(0.45, 0.93));

        // The control: with labels that are shifted by one picture the same check sees nothing but chance.
        Assert.That(NearestMean(training, test, i => training.Label((i + 1) % training.Count)), Is.LessThan(0.3));
    }

    [Test]
    public void Wrong_counts_are_told()
    {
        Assert.That(DigitsGenerator.Create(0, 1).Count, Is.Zero);
        Assert.That(() => DigitsGenerator.Create(-1, 1), Throws.InstanceOf<ArgumentOutOfRangeException>());
        Assert.That(() => DigitsGenerator.Create(1, 1, -1), Throws.InstanceOf<ArgumentOutOfRangeException>());
        Assert.That(() => DigitsGenerator.Create(2, 1, int.MaxValue), Throws.InstanceOf<ArgumentOutOfRangeException>());
        Assert.That(() => DigitsGenerator.Create(int.MaxValue / 100, 1), Throws.InstanceOf<ArgumentOutOfRangeException>());
    }

    [Test]
    public void A_line_has_its_ink_where_it_is()
    {
        var canvas = new StrokeCanvas(2f);
        canvas.Clear();
        canvas.Line(5f, 10f, 20f, 10f);
        Assert.Multiple(() =>
        {
            Assert.That(canvas.Ink((10 * 28) + 5, 1f), Is.EqualTo(1f));
            Assert.That(canvas.Ink((10 * 28) + 20, 1f), Is.EqualTo(1f));
            Assert.That(canvas.Ink((11 * 28) + 12, 1f), Is.EqualTo(0.5f), "half of the pixel is inside the pen's radius");
            Assert.That(canvas.Ink((12 * 28) + 12, 2f), Is.EqualTo(0.5f));
            Assert.That(canvas.Ink((8 * 28) + 12, 2f), Is.EqualTo(0.5f));
            Assert.That(canvas.Ink((13 * 28) + 12, 2f), Is.Zero);
            Assert.That(canvas.Ink((10 * 28) + 3, 1.5f), Is.Zero);
            Assert.That(canvas.Ink((10 * 28) + 3, 2f), Is.EqualTo(0.5f), "the end is round");
        });
        canvas.Line(-100f, -100f, -50f, 300f);
        canvas.Line(3f, 3f, 3f, 3f);
        Assert.That(canvas.Ink((3 * 28) + 3, 1f), Is.EqualTo(1f), "a line may be a point");
    }

    [Test]
    public void The_glyphs_are_strokes_of_at_least_two_points_inside_their_box()
    {
        for (int digit = 0; digit < 10; digit++)
        {
            ReadOnlySpan<byte> glyph = DigitGlyphs.Of(digit);
            int variants = 0;
            while (!glyph.IsEmpty)
            {
                int points = 0;
                for (; glyph[0] < DigitGlyphs.EndOfStroke; glyph = glyph[2..])
                {
                    Assert.That(glyph[0], Is.LessThanOrEqualTo(100));
                    Assert.That(glyph[1], Is.LessThanOrEqualTo(100));
                    points++;
                }

                Assert.That(points, Is.InRange(2, 24));
                if (glyph[0] == DigitGlyphs.EndOfVariant)
                {
                    variants++;
                }

                glyph = glyph[1..];
            }

            Assert.That(variants, Is.EqualTo(3));
        }
    }

    private static double NearestMean(ByteDataset training, ByteDataset test, Func<int, int> labelOf)
    {
        double[][] means = [.. Enumerable.Range(0, 10).Select(_ => new double[784])];
        for (int i = 0; i < training.Count; i++)
        {
            double[] mean = means[labelOf(i)];
            ReadOnlySpan<byte> picture = training.Row(i);
            for (int p = 0; p < picture.Length; p++)
            {
                mean[p] += picture[p] * (10.0 / training.Count);
            }
        }

        int right = 0;
        for (int i = 0; i < test.Count; i++)
        {
            ReadOnlySpan<byte> picture = test.Row(i);
            int best = -1;
            double least = double.MaxValue;
            for (int c = 0; c < 10; c++)
            {
                double distance = 0;
                for (int p = 0; p < picture.Length; p++)
                {
                    distance += (picture[p] - means[c][p]) * (picture[p] - means[c][p]);
                }

                if (distance < least)
                {
                    (best, least) = (c, distance);
                }
            }

            if (best == test.Label(i))
            {
                right++;
            }
        }

        return (double)right / test.Count;
    }
}
